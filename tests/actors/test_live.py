"""Feed, shards, bus and ledger together on a real cluster: back-pressure, a killed shard, a killed bus."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray

from actors.addresses import ActorAddress
from actors.bus import BusActor
from actors.codec import decode
from actors.delivery import FeedConfig
from actors.feed import FeedActor
from actors.ledger import LedgerActor
from actors.ledger_state import LedgerConfig
from actors.messages import Publication
from actors.shard import SymbolActor
from actors.state import ShardConfig
from adapters.sql.event_log import SqlEventLog, SqlLogFactory
from cluster.supervise import Supervisor
from market.ports import Stream
from tests.actors.samples import ListedFactory

pytestmark = [pytest.mark.ray, pytest.mark.slow]
_SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


@dataclass
class _System:
    namespace: str
    folder: Path
    actors: dict[str, Any]
    shards: dict[str, Any]

    def supervisor(self, *, checkpoint_period_s: float = 3600.0) -> Supervisor:
        return Supervisor(
            self.shards,
            self.actors["feed"],
            self.actors["bus"],
            self.actors["ledger"],
            checkpoint_period_s=checkpoint_period_s,
        )

    def fields(self) -> dict[str, Publication]:
        batch = ray.get(self.actors["bus"].poll.remote(Stream.FIELD_SNAPSHOTS, 0, 1000, 0.0))
        return {m.key: decode(Publication, m.payload) for m in batch.messages}


def _build(folder: Path, factory: ListedFactory, config: FeedConfig) -> _System:
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    actors: dict[str, Any] = {}

    def start(kind: type, name: str, *arguments: object) -> ActorAddress:
        options: Any = ray.remote(kind).options(name=name, namespace=namespace, num_cpus=0, max_restarts=-1)
        actors[name] = options.remote(*arguments)
        return ActorAddress(name=name, namespace=namespace)

    bus = start(BusActor, "bus")
    shards = {
        name: start(SymbolActor, name, ShardConfig(name=name, run_id="run"), str(folder / f"{name}.ckpt"), bus)
        for name in ("shard-0", "shard-1")
    }
    log = SqlLogFactory(url=f"sqlite:///{folder / 'ledger.sqlite'}", run_id="run")
    start(LedgerActor, "ledger", log, bus, LedgerConfig(snapshot_period_s=0.0))
    start(FeedActor, "feed", factory, shards, bus, config)
    return _System(namespace, folder, actors, {name: actors[name] for name in shards})


@pytest.fixture
def system(ray_cluster: str, tmp_path: Path) -> Iterator[Callable[..., _System]]:
    built: list[_System] = []

    def build(n_batches: int, interval_s: float, config: FeedConfig | None = None) -> _System:
        factory = ListedFactory(symbols=_SYMBOLS, n_batches=n_batches, interval_s=interval_s)
        built.append(_build(tmp_path, factory, config or FeedConfig()))
        return built[-1]

    yield build
    for one in built:
        for actor in one.actors.values():
            ray.kill(actor)


def _until(condition: Callable[[], bool], supervisor: Supervisor, limit_s: float = 90.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not reached in {limit_s} s; last seen: {supervisor.last}"
        supervisor.tick(time.time_ns())


def test_every_batch_arrives_and_is_recorded(system: Callable[..., _System]) -> None:
    """A slow feed loses nothing: all fields are computed, published, and stand in the ledger."""
    one = system(5, 0.3, FeedConfig(max_in_flight=5))
    supervisor = one.supervisor()
    _until(lambda: len(f := one.fields()) == 4 and all(p.batch_sequence == 4 for p in f.values()), supervisor)
    feed = ray.get(one.actors["feed"].health.remote())
    counts = ray.get(one.actors["ledger"].stop.remote())
    assert (feed.batches, feed.chains, feed.coalesced, feed.undelivered) == (5, 20, 0, 0)
    assert feed.counts == {"told": 5}
    assert counts.error == ""
    log = SqlEventLog(f"sqlite:///{one.folder / 'ledger.sqlite'}", "run")
    keys = [r.record.key for r in log.read(stream=Stream.FIELD_SNAPSHOTS)]
    assert set(keys) == set(_SYMBOLS)
    assert len(keys) + counts.missed >= 20


def test_a_feed_that_is_too_fast_is_coalesced_and_counted(system: Callable[..., _System]) -> None:
    """Faster than the shards can compute, the newest chains win; every other one is counted, none waits for ever."""
    one = system(400, 0.0, FeedConfig(max_in_flight=1))
    supervisor = one.supervisor()
    _until(lambda: all(p.batch_sequence == 399 for p in one.fields().values()) and len(one.fields()) == 4, supervisor)
    _until(lambda: ray.get(one.actors["feed"].health.remote()).queued == 0, supervisor)
    feed = ray.get(one.actors["feed"].health.remote())
    updates = sum(ray.get(shard.health.remote()).updates for shard in one.shards.values())
    assert feed.coalesced > 0
    assert updates + feed.coalesced == feed.chains == 1600


def test_a_killed_shard_restores_catches_up_and_says_stale_until_then(system: Callable[..., _System]) -> None:
    """After SIGKILL the shard's fields come back from its checkpoint, marked, and become current by the replay."""
    one = system(100_000, 0.2)
    supervisor = one.supervisor()
    _until(lambda: len(one.fields()) == 4, supervisor)
    victim = one.fields()["AAA"].shard
    ray.get([shard.checkpoint.remote() for shard in one.shards.values()])
    before = ray.get(one.shards[victim].health.remote())
    os.kill(before.pid, signal.SIGKILL)
    marked: list[bool] = []

    def recovered() -> bool:
        marked.append(one.fields()["AAA"].catching_up)
        seen = supervisor.last.shards[victim] if supervisor.last else None
        return seen is not None and seen.pid != before.pid and not seen.catching_up and not marked[-1]

    _until(recovered, supervisor)
    after = ray.get(one.shards[victim].health.remote())
    assert after.restored > 0
    assert any(marked), "the restored field was never marked as catching up"
    assert after.sequence > before.sequence
    assert supervisor.restarts == 1


def test_the_other_shard_goes_on_while_one_is_dead(system: Callable[..., _System]) -> None:
    """A dead shard holds up nobody: the other's fields move on meanwhile."""
    one = system(100_000, 0.1)
    supervisor = one.supervisor()
    _until(lambda: len(one.fields()) == 4, supervisor)
    published = one.fields()
    victim = published["AAA"].shard
    other = next(p for p in published.values() if p.shard != victim)
    os.kill(ray.get(one.shards[victim].health.remote()).pid, signal.SIGKILL)
    start = other.batch_sequence
    _until(lambda: one.fields()[other.snapshot.symbol].batch_sequence > start + 3, supervisor, 30.0)


def test_a_killed_bus_is_filled_again(system: Callable[..., _System]) -> None:
    """A restarted bus has forgotten all fields; after the feed's end the shards bring them again."""
    one = system(2, 0.2)
    supervisor = one.supervisor()
    _until(lambda: len(one.fields()) == 4, supervisor)
    _until(
        lambda: supervisor.last is not None and bool(supervisor.last.feed and supervisor.last.feed.ended), supervisor
    )
    poll = one.actors["bus"].poll
    killed = ray.get(poll.remote(Stream.HEALTH, 0, 1, 0.0)).epoch_ns
    ray.kill(one.actors["bus"], no_restart=False)

    def filled() -> bool:
        try:
            born = ray.get(poll.remote(Stream.HEALTH, 0, 1, 0.0)).epoch_ns
            return born != killed and len(one.fields()) == 4
        except ray.exceptions.RayError:
            return False

    _until(filled, supervisor)
    assert all(p.batch_sequence == 1 for p in one.fields().values())
