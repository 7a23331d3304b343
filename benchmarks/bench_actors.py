"""The way through the actors: rate, latency, overhead over the pure computation, memory and queue growth.

Run with ``python -m benchmarks.bench_actors``; it starts a private cluster and stops it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Row, print_rows, rows_as_json, time_row
from cluster.runtime import RayRuntime, start_ray, usable_cores
from market.chains import OptionChain
from market.clock import SystemClock
from market.ports import FeedFactory, MarketBatch, Stream

_CLOCK = SystemClock()
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    bus: Any
    shards: dict[str, Any]
    feed: Any
    ledger: Any


def _start(factory: FeedFactory | None, n_shards: int, folder: Path) -> _Parts:
    import ray

    from actors.addresses import ActorAddress
    from actors.bus import BusActor
    from actors.delivery import FeedConfig
    from actors.feed import FeedActor
    from actors.ledger import LedgerActor
    from actors.ledger_state import LedgerConfig
    from actors.shard import SymbolActor
    from actors.state import ShardConfig
    from adapters.sql.event_log import SqlLogFactory

    namespace = f"bench-{uuid.uuid4().hex[:8]}"
    made: dict[str, Any] = {}

    def start(kind: type, name: str, *arguments: object) -> ActorAddress:
        options: Any = ray.remote(kind).options(name=name, namespace=namespace, num_cpus=0)
        made[name] = options.remote(*arguments)
        return ActorAddress(name=name, namespace=namespace)

    bus = start(BusActor, "bus")
    names = [f"shard-{n}" for n in range(n_shards)]
    addresses = {
        n: start(SymbolActor, n, ShardConfig(name=n, run_id="b"), str(folder / f"{n}-{namespace}"), bus) for n in names
    }
    ray.get([made[n].health.remote() for n in names], timeout=_TIMEOUT_S)  # kernels are warm
    if factory is not None:
        start(FeedActor, "feed", factory, addresses, bus, FeedConfig())
        log = SqlLogFactory(url=f"sqlite:///{folder / namespace}.sqlite", run_id="b")
        start(LedgerActor, "ledger", log, bus, LedgerConfig())
        ray.get(made["ledger"].start.remote(), timeout=_TIMEOUT_S)
    shards = {n: made[n] for n in names}
    return _Parts(bus=made["bus"], shards=shards, feed=made.get("feed"), ledger=made.get("ledger"))


def _stop(parts: _Parts) -> None:
    import ray

    if parts.ledger is not None:
        ray.get(parts.ledger.stop.remote(), timeout=_TIMEOUT_S)
    for actor in filter(None, (parts.feed, parts.ledger, *parts.shards.values(), parts.bus)):
        ray.kill(actor)


def _chain_of(n_contracts: int) -> OptionChain:
    """Return the head of a simulated index chain, repeated on finer strikes where it is too short."""
    from adapters.simulated import SimulatedFactory, demo_config

    batch = SimulatedFactory(config=demo_config())().next_batch()
    assert batch is not None
    chain = max(batch.chains, key=lambda c: c.n_contracts)
    copies = -(-n_contracts // chain.n_contracts)
    take = slice(0, n_contracts)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(chain, name)] * copies)[take]
        for name in chain.__dataclass_fields__
        if isinstance(value := getattr(chain, name), np.ndarray) and value.shape == (chain.n_contracts,)
    }
    shift = np.repeat(np.arange(copies), chain.n_contracts)[take] * 1e-3  # distinct strikes, almost the same prices
    columns["strike"] = columns["strike"] + shift
    columns["symbols"] = np.zeros(0, dtype="S1")
    return replace(chain, **columns, n_read=n_contracts, dropped={})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rounds:
    """Times of the same rounds, ns each."""

    pure: list[int]
    empty: list[int]
    inside: list[int]
    until_bus: list[int]
    path: list[int]


def _message_of(batch: MarketBatch) -> Any:
    from actors.messages import ShardBatch

    return ShardBatch(
        parts=(batch,),
        sequence=batch.sequence,
        live_sequence=batch.sequence,
        received_ns=_CLOCK.now_ns(),
        queued=0,
    )


def _measure_rounds(parts: _Parts, n_contracts: int, rounds: int) -> _Rounds:
    import ray

    from actors.codec import decode
    from actors.messages import Publication
    from fields.compute import compute_field
    from fields.config import FieldConfig

    chain, shard, bus = _chain_of(n_contracts), next(iter(parts.shards.values())), parts.bus
    times = _Rounds(pure=[], empty=[], inside=[], until_bus=[], path=[])
    position = ray.get(bus.poll.remote(Stream.FIELD_SNAPSHOTS, 0, 10_000, 0.0)).next
    for sequence in range(rounds + 3):
        start = time.perf_counter_ns()
        compute_field(chain, FieldConfig())
        computed = time.perf_counter_ns()
        ray.get(bus.latest.remote(Stream.HEALTH, ""))
        called = time.perf_counter_ns()
        fresh = replace(chain, cause_id=str(sequence))
        batch = MarketBatch(sequence=sequence, ts_event_ns=chain.ts_event_ns, chains=(fresh,))
        message = _message_of(batch)
        waiting = bus.poll.remote(Stream.FIELD_SNAPSHOTS, position, 10, _TIMEOUT_S)
        sent, sent_ns = time.perf_counter_ns(), _CLOCK.now_ns()
        receipt = shard.on_batch.remote(message)
        answer = ray.get(waiting, timeout=_TIMEOUT_S)
        arrived, position = time.perf_counter_ns(), answer.next
        if sequence >= 3:
            times.pure.append(computed - start)
            times.empty.append(called - computed)
            times.inside.append(ray.get(receipt).compute_ns)
            times.until_bus.append(decode(Publication, answer.messages[0].payload).published_ns - sent_ns)
            times.path.append(arrived - sent)
    return times


def _measure_stream(parts: _Parts, n_contracts: int, rounds: int) -> tuple[list[int], list[int]]:
    """Return for each update of a steady stream the time since the one before, and its computation, ns.

    As the feed does, two batches are under way: while one is computed, the next one stands at the shard's door.
    """
    import ray

    chain, shard = _chain_of(n_contracts), next(iter(parts.shards.values()))
    spacing, inside, under_way, first = [], [], [], 1_000_000
    for sequence in range(first, first + rounds + 5):
        fresh = replace(chain, cause_id=str(sequence))
        batch = MarketBatch(sequence=sequence, ts_event_ns=chain.ts_event_ns, chains=(fresh,))
        message = _message_of(batch)
        under_way.append(shard.on_batch.remote(message))
        if len(under_way) > 2:
            inside.append(ray.get(under_way.pop(0), timeout=_TIMEOUT_S).compute_ns)
            spacing.append(time.perf_counter_ns())
    return list(np.diff(spacing)), inside[1:]


def bench_overhead(parts: _Parts, n_contracts: int, rounds: int) -> list[Row]:
    """Time one chain from hand-over to the bus against the pure computation and an empty call, in turns."""
    times = _measure_rounds(parts, n_contracts, rounds)
    spacing, streamed = _measure_stream(parts, n_contracts, rounds)
    per_update = float(statistics.median(a - b for a, b in zip(spacing, streamed, strict=True))) / 1e6
    overhead = statistics.median(p - i for p, i in zip(times.path, times.inside, strict=True)) / 1e6
    until_bus = statistics.median(u - i for u, i in zip(times.until_bus, times.inside, strict=True)) / 1e6
    trivial = statistics.median(times.empty) / 1e6
    return [
        time_row("pure computation", n_contracts, times.pure),
        time_row("computation inside the shard", n_contracts, times.inside),
        time_row("hand-over to a reader of the bus", n_contracts, times.path),
        Row(
            name="overhead until the shard publishes",
            size=n_contracts,
            value=until_bus,
            unit="ms",
            note="the chain's way into the shard, without the two hops over the bus",
        ),
        Row(
            name="overhead per update of a steady stream",
            size=n_contracts,
            value=per_update,
            unit="ms",
            reach="<= 2",
            passed=per_update <= 2.0,
            note="time from one published update to the next, minus the computation; two batches under way",
        ),
        Row(name="empty call of the bus in the same rounds", size=n_contracts, value=trivial, unit="ms"),
        Row(
            name="overhead of one chain to an idle reader of the bus",
            size=n_contracts,
            value=overhead,
            unit="ms",
            note=f"two hops between sleeping processes; {overhead / trivial:.1f} empty calls of the same rounds",
        ),
    ]


def _light(n_symbols: int, interval_s: float) -> FeedFactory:
    from adapters.simulated import SimulatedFactory, light_config

    return SimulatedFactory(config=light_config(n_symbols, 100, interval_s=interval_s))


def bench_rate(n_symbols: int, interval_s: float, seconds: float, folder: Path) -> list[Row]:
    """Run light symbols at a pace and report updates per second, latency, memory and what waited."""
    import ray

    from actors.codec import decode
    from actors.messages import Publication

    parts = _start(_light(n_symbols, interval_s), usable_cores(), folder)
    ray.get(parts.feed.start.remote(-1))
    position, latencies_ms, seen, began, queued, coalesced = 0, [], 0, 0.0, [], 0
    end = time.perf_counter() + _TIMEOUT_S
    while time.perf_counter() < end:
        batch = ray.get(parts.bus.poll.remote(Stream.FIELD_SNAPSHOTS, position, 100_000, 1.0))
        position = batch.next
        if not began and batch.messages:  # the first batch finds cold caches
            began, end = time.perf_counter(), time.perf_counter() + seconds
            coalesced = ray.get(parts.feed.health.remote()).coalesced
            continue
        seen += len(batch.messages) + batch.missed
        for message in batch.messages:
            published = decode(Publication, message.payload)
            latencies_ms.append((published.published_ns - published.received_ns) / 1e6)
        queued.append(ray.get(parts.feed.health.remote()).queued)
    span = time.perf_counter() - began
    health = ray.get(parts.feed.health.remote())
    health = replace(health, coalesced=health.coalesced - coalesced)
    memory = _actor_memory_mb()
    _stop(parts)
    return _rate_rows(n_symbols, seen / span, latencies_ms, health, queued, memory)


def _rate_rows(
    n_symbols: int, rate: float, latencies_ms: list[float], health: Any, queued: list[int], memory_mb: float
) -> list[Row]:
    p50, p99 = np.percentile(latencies_ms, [50, 99]) if latencies_ms else (float("nan"), float("nan"))
    # A queue grows if the second half of the run waits for more than the first.
    half = len(queued) // 2
    growth = float(np.mean(queued[half:]) - np.mean(queued[:half])) if half else float("nan")
    loaded = n_symbols == 1000
    ends = f"queued {queued[0]} at first, {queued[-1]} at last" if queued else "no answer"
    note = f"coalesced {health.coalesced}, late {health.late_s:.2f} s, {ends}"
    return [
        Row(name="updates", size=n_symbols, value=rate, unit="1/s", note=note),
        Row(name="chain in to snapshot out, p50", size=n_symbols, value=float(p50), unit="ms"),
        Row(name="chain in to snapshot out, p99", size=n_symbols, value=float(p99), unit="ms"),
        Row(
            name="growth of the queue",
            size=n_symbols,
            value=growth,
            unit="chains",
            reach="<= 0" if loaded else "",
            passed=bool(growth <= 0.0) if loaded else None,
        ),
        Row(
            name="chains replaced by newer ones because a shard was behind",
            size=n_symbols,
            value=float(health.coalesced),
            unit="chains",
            reach="<= 0" if loaded else "",
            passed=health.coalesced == 0 if loaded else None,
        ),
        Row(
            name="memory of all actors",
            size=n_symbols,
            value=memory_mb,
            unit="MB",
            reach="<= 1610" if loaded else "",
            passed=bool(memory_mb <= 1610.0) if loaded else None,
            note="proportional set size of bus, feed, ledger and shards",
        ),
    ]


def _actor_memory_mb() -> float:
    total_kb = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            title = (folder / "cmdline").read_bytes()
            mine = _session() in (folder / "environ").read_bytes()
            lines = (folder / "smaps_rollup").read_text(encoding="utf-8").splitlines() if mine else []
        except OSError:
            continue
        if title.startswith((b"ray::SymbolActor", b"ray::BusActor", b"ray::FeedActor", b"ray::LedgerActor")):
            total_kb += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total_kb * 1024 / 1e6


def _session() -> bytes:
    return f"RAY_TMPDIR={os.environ['RAY_TMPDIR']}".encode()


def run(*, seconds: float = 20.0, rounds: int = 50, sizes: tuple[int, ...] = (1, 10, 100, 1000)) -> list[Row]:
    """Start a cluster, measure, stop it, and return the rows."""
    with tempfile.TemporaryDirectory(prefix="hf-") as name:
        folder = Path(name)
        runtime: RayRuntime = start_ray(folder, num_cpus=usable_cores())
        try:
            parts = _start(None, 1, folder)
            rows = bench_overhead(parts, 10_000, rounds)
            _stop(parts)
            for n_symbols in sizes:
                rows += bench_rate(n_symbols, 1.0 if n_symbols >= 1000 else 0.1, seconds, folder)
        finally:
            runtime.stop()
    return rows


def main() -> None:
    """Print the table, and JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 10, 100, 1000])
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    rows = run(seconds=arguments.seconds, rounds=arguments.rounds, sizes=tuple(arguments.sizes))
    print_rows(rows)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows_as_json(rows), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
