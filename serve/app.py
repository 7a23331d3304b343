"""The gateway as a Ray Serve application; ``serve.app:build`` is its import path."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, final

import ray
from ray import serve
from ray.serve import Application
from ray.serve.schema import LoggingConfig
from ray.util.metrics import Gauge

from actors.messages import BusBatch
from market.clock import SystemClock
from market.ports import Stream
from serve.board import SnapshotBoard
from serve.config import GatewayConfig
from serve.gateway import Gateway, build_gateway
from serve.reader import BoardFeeder

__all__ = ["GatewayDeployment", "build"]

_METRICS_PERIOD_S = 5.0


def build(config: Mapping[str, object]) -> Application:
    """Return the gateway application; start it with ``serve.run(app, name="gateway", route_prefix="/")``.

    Parameters
    ----------
    config : mapping
        Members of `GatewayConfig`; a mapping, so that a Serve configuration file can hold it.

    Returns
    -------
    ray.serve.Application
        One replica: the page keeps its state in the process. A thousand open streams and pages may wait on it at once.
        The kill switch will be an application of its own, so that it never queues behind them.
    """
    deployment = serve.deployment(
        name="Gateway",
        num_replicas=1,
        # Serve's default of 5 counts every open page and stream: a sixth would wait for ever.
        max_ongoing_requests=1000,
        ray_actor_options={"num_cpus": 0},
        logging_config=LoggingConfig(enable_access_log=False),  # its lines would hold tokens, and cost 15 % of the time
        # Open pages and streams never finish by themselves.
        graceful_shutdown_timeout_s=2.0,
        graceful_shutdown_wait_loop_s=0.5,
    )(serve.ingress()(GatewayDeployment))
    return deployment.bind(GatewayConfig.model_validate(dict(config)))


class GatewayDeployment:
    """Holds one board, the reader that fills it and the ASGI application that shows it.

    Parameters
    ----------
    config : GatewayConfig
        Token, bus and limits.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._board = SnapshotBoard(config.symbols, SystemClock(), config.stale_after_s)
        self._feeder = BoardFeeder(self._board, self._connect)

    def __serve_build_asgi_app__(self) -> Gateway:  # Serve's own hook
        """Return the application, for Serve."""
        jobs = (self._feeder.run, self._report)
        self._gateway = build_gateway(self._board, self._config, background=jobs)
        return self._gateway

    async def _connect(self) -> RayBus:
        # A look-up by name blocks on the control store.
        handle = await asyncio.to_thread(ray.get_actor, self._config.bus_name, self._config.namespace)
        return RayBus(handle)

    async def _report(self) -> None:
        gauges = {name: Gauge(f"hedgefield_gateway_{name}", text) for name, text in _GAUGES.items()}
        while True:
            for name, value in self._readings().items():
                gauges[name].set(value)
            await asyncio.sleep(_METRICS_PERIOD_S)

    def _readings(self) -> dict[str, float]:
        entries = [entry for entry in map(self._board.get, self._board.symbols) if entry is not None]
        return {
            "open_streams": float(self._gateway.streams.open),
            "coalesced_events": float(self._gateway.streams.coalesced),
            "symbols": float(len(entries)),
            "stale_symbols": float(sum(self._board.is_stale(entry) for entry in entries)),
            "bus_failures": float(self._feeder.failures),
        }


_GAUGES = {
    "open_streams": "Event streams that are open.",
    "coalesced_events": "Changes that slow listeners of closed streams did not see one by one.",
    "symbols": "Symbols on the board.",
    "stale_symbols": "Symbols whose field is stale.",
    "bus_failures": "Polls of the bus that failed since the gateway started.",
}


@final
class RayBus:
    """The bus actor as its readers see it.

    Parameters
    ----------
    handle : ray.actor.ActorHandle
        The bus actor.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def poll(self, topic: Stream, after: int, limit: int, timeout_s: float) -> BusBatch:
        """Return messages after a position, waiting for the first one; see `actors.bus.BusActor.poll`."""
        batch: BusBatch = await self._handle.poll.remote(topic, after, limit, timeout_s)
        return batch
