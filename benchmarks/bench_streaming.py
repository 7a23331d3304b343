"""Streams into shards: how many messages a second, how long each is under way, what is lost, how memory stands.

An emulated Alpaca in a process of its own, the vendor's unmodified client, the feed actor and two shards on a private
cluster. Run with ``python -m benchmarks.bench_streaming``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.harness import Row, print_rows, rows_as_json, time_row
from benchmarks.streaming_load import KEY, SECRET, Load, Venue

if TYPE_CHECKING:
    from actors.addresses import ActorAddress
    from actors.messages import Receipt, ShardBatch, ShardHealth
    from actors.state import ShardConfig

_TIMEOUT_S: Final = 120.0
_BIN_NS: Final = 100_000
_BINS: Final = 200_000  # up to 20 s
_REACH: Final = 50_000.0
_MOST_LAG_MS: Final = 250.0
_CHAINS_S: Final = 15.0  # four times as often as usual, so that a short run has some


class MeasuredShard:
    """The shard actor, and by rows how long after their sending its state had applied them."""

    def __init__(self, config: ShardConfig, checkpoint_path: str, bus: ActorAddress) -> None:
        from actors.shard import SymbolActor

        self._actor: Any = SymbolActor(config, checkpoint_path, bus)
        self._lags = np.zeros(_BINS, dtype=np.int64)
        self._rows = 0

    def on_batch(self, message: ShardBatch) -> Receipt:
        """Let the shard apply and publish, then look at the clock: what it computed besides counts as lag."""
        receipt: Receipt = self._actor.on_batch(message)
        now_ns = time.time_ns()
        for part in message.parts:
            for ts_ns in [batch.ts_ns for batch in part.quotes] + [batch.ts_ns for batch in part.trades]:
                np.add.at(self._lags, np.clip((now_ns - ts_ns) // _BIN_NS, 0, _BINS - 1), 1)
                self._rows += ts_ns.shape[0]
        return receipt

    def health(self) -> ShardHealth:
        """Return the shard's own."""
        health: ShardHealth = self._actor.health()
        return health

    def told(self) -> tuple[int, Any, int]:
        """Return the rows applied, the histogram of their lags, and the process."""
        return self._rows, self._lags, os.getpid()

    def forget(self) -> None:
        """Begin the histogram anew; the rows stay counted."""
        self._lags[:] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    feed: Any
    shards: list[Any]
    pids: dict[str, list[int]]

    def rows(self) -> int:
        """Return the rows that the shards have applied."""
        import ray

        return sum(rows for rows, _, _ in ray.get([shard.told.remote() for shard in self.shards]))

    def lags(self) -> Any:
        """Return the histogram of all shards."""
        import ray

        return np.sum([lags for _, lags, _ in ray.get([shard.told.remote() for shard in self.shards])], axis=0)


def _start(venue: Venue, load: Load, folder: Path, interval_s: float) -> _Desk:
    import ray

    from actors.addresses import ActorAddress
    from actors.bus import BusActor
    from actors.delivery import FeedConfig
    from actors.feed import FeedActor
    from actors.state import ShardConfig
    from adapters.alpaca import AlpacaConfig, AlpacaFactory
    from adapters.credentials import Credentials

    namespace = f"bench-{uuid.uuid4().hex[:8]}"

    def start(kind: type, name: str, *arguments: object) -> Any:
        options: Any = ray.remote(kind).options(name=name, namespace=namespace, num_cpus=0)
        return options.remote(*arguments)

    def at(name: str) -> ActorAddress:
        return ActorAddress(name=name, namespace=namespace)

    bus = start(BusActor, "bus")
    names = ("shard-0", "shard-1")
    config = AlpacaConfig(
        symbols=load.symbols,
        rest_url=f"http://127.0.0.1:{venue.port}",
        stream_url=f"ws://127.0.0.1:{venue.port}",
        requests_per_min=1_000_000,
        limits_folder=folder,
        interval_s=interval_s,
        max_days=1_000,
        chain_every_s=_CHAINS_S,
        closed_chain_every_s=_CHAINS_S,  # also on a day without a session
    )
    factory = AlpacaFactory(config=config, throw_away=Credentials(vendor="alpaca", key=KEY, secret=SECRET))
    ray.get(bus.counts.remote(), timeout=_TIMEOUT_S)
    shards = [
        start(MeasuredShard, name, ShardConfig(name=name, run_id="b"), str(folder / name), at("bus")) for name in names
    ]
    ray.get([shard.health.remote() for shard in shards], timeout=_TIMEOUT_S)
    feed = start(FeedActor, "feed", factory, {name: at(name) for name in names}, at("bus"), FeedConfig())
    ray.get(feed.start.remote(-1), timeout=_TIMEOUT_S)
    pids = {"shards": [pid for _, _, pid in ray.get([shard.told.remote() for shard in shards])], "venue": [venue.pid]}
    pids["feed"] = _pids(b"ray::FeedActor")
    return _Desk(feed=feed, shards=shards, pids=pids)


def _pids(title: bytes) -> list[int]:
    """Return the processes of our own cluster whose title begins so."""
    found, mine = [], f"RAY_TMPDIR={os.environ['RAY_TMPDIR']}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = (folder / "cmdline").read_bytes().startswith(title) and mine in (folder / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is somebody else's
        found += [int(folder.name)] if is_ours else []
    return found


def _pss_mb(pids: list[int]) -> float:
    lines = (Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines() for pid in pids)
    return sum(int(line.split()[1]) for found in lines for line in found if line.startswith("Pss:")) * 1024 / 1e6


def _cpu_s(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _await(met: Any, what: str) -> None:
    end = time.monotonic() + _TIMEOUT_S
    while not met():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one rate gave."""

    rate: float
    seconds: float
    sent: int
    applied: int
    lags: Any
    memory_mb: dict[str, list[float]]
    cores: dict[str, float]
    health: Any


def _measure(load: Load, seconds: float, folder: Path, interval_s: float) -> _Run:
    import ray

    with Venue(load) as venue:
        desk = _start(venue, load, folder, interval_s)
        _await(lambda: venue.ask("subscribed"), "both streams")
        venue.ask("rate", load.rate)
        time.sleep(5.0)  # caches, and the memory of what repeats
        ray.get([shard.forget.remote() for shard in desk.shards])
        began, first, cpu = time.monotonic(), desk.rows(), {name: _cpu_s(pids) for name, pids in desk.pids.items()}
        memory: dict[str, list[float]] = {"feed": [], "shards": []}
        while time.monotonic() - began < seconds:
            time.sleep(1.0)
            for part, found_mb in memory.items():
                found_mb.append(_pss_mb(desk.pids[part]))
        span, rows = time.monotonic() - began, desk.rows() - first
        cores = {name: (_cpu_s(pids) - cpu[name]) / span for name, pids in desk.pids.items()}
        lags = desk.lags()
        venue.ask("rate", 0.0)
        sent = int(venue.ask("drain"))
        end = time.monotonic() + 10.0
        while desk.rows() < sent and time.monotonic() < end:
            time.sleep(0.1)
        found = _Run(
            rate=rows / span,
            seconds=span,
            sent=sent,
            applied=desk.rows(),
            lags=lags,
            memory_mb=memory,
            cores=cores,
            health=ray.get(desk.feed.health.remote()),
        )
        ray.get(desk.feed.stop.remote())
        for actor in (desk.feed, *desk.shards):
            ray.kill(actor)
    return found


def _percentile_ms(lags: Any, share: float) -> float:
    total = np.cumsum(lags)
    return float(np.searchsorted(total, share * total[-1])) * _BIN_NS / 1e6


def _rows_of(load: Load, run: _Run) -> list[Row]:
    p50, p99, most = (_percentile_ms(run.lags, share) for share in (0.5, 0.99, 1.0))
    size, reached = int(load.rate), load.rate >= _REACH
    busy = ", ".join(f"{name} {cores:.2f}" for name, cores in run.cores.items())
    kept_up = run.rate >= 0.99 * load.rate
    return [
        Row(
            name="messages applied by the shards",
            size=size,
            value=run.rate,
            unit="1/s",
            reach=f">= {0.99 * _REACH:.0f}" if reached else "",
            passed=kept_up if reached else None,
            note=f"for {run.seconds:.0f} s; processor cores: {busy}",
        ),
        Row(name="sent to applied, p50", size=size, value=p50, unit="ms"),
        Row(
            name="sent to applied, p99",
            size=size,
            value=p99,
            unit="ms",
            reach=f"<= {_MOST_LAG_MS:.0f}" if reached else "",
            passed=p99 <= _MOST_LAG_MS if reached else None,
            note=f"longest {most:.0f} ms",
        ),
        Row(
            name="messages lost",
            size=size,
            value=float(run.sent - run.applied),
            unit="rows",
            reach="<= 0",
            passed=run.sent == run.applied,
            note=f"of {run.sent}; counted by the feed: {run.health.rows_lost}",
        ),
        *(_memory_row(size, part, found_mb) for part, found_mb in run.memory_mb.items()),
    ]


def _memory_row(size: int, part: str, found_mb: list[float]) -> Row:
    thirds = [float(np.mean(third)) for third in np.array_split(found_mb, 3)]
    note = "proportional set size; mean of each third of the run: " + ", ".join(f"{third:.0f}" for third in thirds)
    return Row(name=f"memory of the {part}", size=size, value=max(found_mb), unit="MB", note=note)


def bench_floor(n_records: int = 500, rounds: int = 200) -> list[Row]:
    """Time the decoding of a frame alone: as the vendor's client does it, and as the adapter does."""
    import msgpack  # type: ignore[import-untyped]  # it comes with the vendor's client

    from adapters.alpaca.columns import Vocabulary
    from adapters.alpaca.names import Names
    from adapters.alpaca.wire import read_frame
    from adapters.emulated.alpaca_frames import FrameWriter
    from adapters.emulated.alpaca_records import Tape
    from benchmarks.harness import interleaved_ns
    from benchmarks.streaming_load import sample_batch

    records = FrameWriter(Tape.OPTIONS).write(sample_batch(2 * n_records), {"quotes": {"*"}, "trades": set()})
    frame, words = records.frame(range(n_records)), Vocabulary(names=Names(), conditions=Names())
    calls = {"vendor": lambda: msgpack.unpackb(frame), "ours": lambda: read_frame(frame, words)}
    times = interleaved_ns(calls, rounds=rounds)
    return [
        time_row("vendor's decoding of a frame alone", n_records, times["vendor"], note="msgpack to dictionaries"),
        time_row("frame to columns", n_records, times["ours"], note="typed decoding, then arrays"),
    ]


def run(
    *, rates: tuple[float, ...] = (20_000.0, 50_000.0), seconds: float = 30.0, interval_s: float = 0.05
) -> list[Row]:
    """Start a cluster, measure each rate, stop it, and return the rows."""
    from cluster.runtime import start_ray, usable_cores

    rows = bench_floor()
    with tempfile.TemporaryDirectory(prefix="hf-") as name:
        folder = Path(name)
        runtime = start_ray(folder, num_cpus=usable_cores())
        try:
            for rate in rates:
                load = Load(symbols=("SPY", "QQQ"), rate=rate)
                rows += _rows_of(load, _measure(load, seconds, folder, interval_s))
        finally:
            runtime.stop()
    return rows


def main() -> None:
    """Print the table, and JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rates", type=float, nargs="*", default=[20_000.0, 50_000.0])
    parser.add_argument("--interval", type=float, default=0.05, help="seconds between batches of the feed")
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    rows = run(rates=tuple(arguments.rates), seconds=arguments.seconds, interval_s=arguments.interval)
    print_rows(rows)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows_as_json(rows), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
