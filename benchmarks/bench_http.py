"""HTTP: the field of a symbol against a trivial Serve deployment, in one run, behind one proxy, in the same mode.

The trivial twin is the cheapest answer that FastAPI on Serve can give: a fixed response without model or parameter.
Rounds alternate between the two; the client is a few raw keep-alive sockets, because a full client costs more than the
server. A new field is published before every round, so that encoding it is part of what is measured.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from actors.codec import encode
from actors.messages import Outgoing, Publication
from adapters.simulated import SimulatedFeed, demo_config
from benchmarks.harness import Row
from cluster.runtime import free_port, start_ray
from cluster.serve_env import BUS_NAME, NAMESPACE
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.ports import Stream

__all__ = ["run"]

_TOKEN = "a-token-of-the-benchmark"  # noqa: S105  # opens nothing that outlives the run
_ROUNDS = 24
_REQUESTS = 320
_WARM_UP = 600
_CONNECTIONS = (1, 16)
_P50_REACH, _P99_REACH = 1.5, 2.0
_PATHS = {"trivial": "/trivial/", "field": "/v1/fields/SIM.SPX", "full": "/v1/fields/SIM.SPX?detail=full"}


class Trivial:
    """Nothing but an answer."""


def _trivial_app() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def answer() -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    return app


@dataclass(slots=True)
class _Publisher:
    """Publishes one real field after another."""

    bus: Any
    feed: SimulatedFeed = field(default_factory=lambda: SimulatedFeed(demo_config()))
    state: SymbolState = field(default_factory=lambda: SymbolState(LiveConfig()))

    def publish(self) -> None:
        batch = self.feed.next_batch()
        chain = next(chain for chain in batch.chains if chain.symbol == "SIM.SPX")
        now_ns = time.time_ns()
        self.state.on_chain(chain)
        found = self.state.field()
        publication = Publication(
            snapshot=found.snapshot,
            live=found.live,
            batch_sequence=batch.sequence,
            received_ns=now_ns,
            published_ns=now_ns,
            catching_up=False,
            shard="shard-0",
        )
        message = Outgoing(key=chain.symbol, ts_event_ns=chain.ts_event_ns, payload=encode(publication))
        import ray

        ray.get(self.bus.publish.remote(Stream.FIELD_SNAPSHOTS, [message]))


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> float:
    start = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"unexpected answer: {head[:200]!r}")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return time.perf_counter() - start


async def _connection(port: int, request: bytes, count: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        await _request(reader, writer, request)  # the first one opens the way through the proxy
        return [await _request(reader, writer, request) for _ in range(count)]
    finally:
        writer.close()


async def _round(port: int, path: str, connections: int, requests: int) -> list[float]:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {_TOKEN}\r\n\r\n".encode()
    each = requests // connections
    parts = await asyncio.gather(*(_connection(port, request, each) for _ in range(connections)))
    return [spent for part in parts for spent in part]


@contextmanager
def _served() -> Iterator[tuple[int, _Publisher]]:
    with tempfile.TemporaryDirectory(prefix="hf-bench-") as scratch:
        runtime = start_ray(Path(scratch), num_cpus=4)  # before any import of Ray: that reads the environment
        import ray
        from ray import serve
        from ray.serve.schema import LoggingConfig

        from actors.bus import BusActor
        from serve.app import build

        try:
            port = free_port(18_500)
            bus = ray.remote(BusActor).options(num_cpus=0, name=BUS_NAME, namespace=NAMESPACE).remote()
            serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "WARNING"})
            config = {"token": _TOKEN, "symbols": ["SIM.SPX"], "bus_name": BUS_NAME, "namespace": NAMESPACE}
            serve.run(build(config), name="gateway", route_prefix="/")
            twin = serve.deployment(
                max_ongoing_requests=1000,
                ray_actor_options={"num_cpus": 0},
                logging_config=LoggingConfig(enable_access_log=False),
            )(serve.ingress(_trivial_app)(Trivial))
            serve.run(twin.bind(), name="trivial", route_prefix="/trivial")
            yield port, _Publisher(bus)
        finally:
            serve.shutdown()  # type: ignore[no-untyped-call]  # Ray's own function has no types
            runtime.stop()


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def _measure(port: int, publish: Callable[[], None], connections: int) -> dict[str, list[list[float]]]:
    times: dict[str, list[list[float]]] = {name: [] for name in _PATHS}
    for path in _PATHS.values():
        asyncio.run(_round(port, path, connections, _WARM_UP))
    for _ in range(_ROUNDS):
        publish()
        for name, path in _PATHS.items():
            times[name].append(asyncio.run(_round(port, path, connections, _REQUESTS)))
    return times


def _rows(times: dict[str, list[list[float]]], connections: int) -> list[Row]:
    rows = []
    for name, rounds in times.items():
        together = [spent for part in rounds for spent in part]
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            value = 1e3 * _percentile(together, share)
            rows.append(Row(name=f"HTTP {name} {label}, {connections} connections", size=1, value=value, unit="ms"))
    for name in ("field", "full"):
        for label, share, reach in (("p50", 0.5, _P50_REACH), ("p99", 0.99, _P99_REACH)):
            pairs = zip(times[name], times["trivial"], strict=True)
            value = statistics.median(_percentile(a, share) / _percentile(b, share) for a, b in pairs)
            what = f"HTTP {name} / trivial {label}, {connections} connections"
            gated = name == "field"
            rows.append(
                Row(
                    name=what,
                    size=1,
                    value=value,
                    unit="x",
                    reach=f"<= {reach:g}" if gated else "",
                    passed=value <= reach if gated else None,
                    note="median over rounds",
                )
            )
    return rows


def run() -> list[Row]:
    """Return the latencies of both, and their ratios, at one and at sixteen connections."""
    with _served() as (port, publisher):
        publisher.publish()
        asyncio.run(_until_ready(port))
        return [row for n in _CONNECTIONS for row in _rows(_measure(port, publisher.publish, n), n)]


async def _until_ready(port: int) -> None:
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        try:
            await _round(port, _PATHS["field"], 1, 1)
        except (RuntimeError, ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)
        else:
            return
    raise TimeoutError("the gateway has no field after 60 s")
