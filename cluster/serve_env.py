"""Environment of Ray and Serve, read when their processes start: set before ``ray.init``, on the node, not later."""

from __future__ import annotations

from typing import Final

__all__ = ["APPLICATION", "APPLICATION_NAME", "BUS_NAME", "NAMESPACE", "RAY_ENVIRONMENT"]

NAMESPACE: Final = "hedgefield"
BUS_NAME: Final = "bus"
APPLICATION_NAME: Final = "hedgefield"
APPLICATION: Final = "serve.app:build"  # imported by name at run time: cluster stands below serve

RAY_ENVIRONMENT: Final = {
    # Workers start at nice 15 otherwise, and any busy process of the machine starves them.
    "RAY_worker_niceness": "0",
    # Above 100 kB Ray goes through the object store, 1.3 ms longer; packed chains and fields are 100 to 400 kB.
    "RAY_max_direct_call_object_size": "1000000",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    # HAProxy answers five times sooner than the Python proxy, and passes websockets and event streams.
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # A lost proxy is back in 4 s instead of 24 s.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    # Stopping would otherwise wait 30 s for connections to drain.
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0.5",
    "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "2",
    # Two systems on one host must not share a port in silence.
    "SERVE_SOCKET_REUSE_PORT_ENABLED": "0",
    # Numba's kernels run on one thread; parallelism is Ray's.
    "OMP_WAIT_POLICY": "PASSIVE",
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
