"""A recorded stream is in the store once, whole, and known from when it came, whatever happened on the way."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.replay import StoreFeed, StoreSelection
from adapters.simulated import SimulatedFeed, demo_config
from adapters.store import DataKind, PointInTimeStore, RecordingConfig, RecordingFeed, StreamRecorder, open_store
from adapters.store.recorder import messages_of
from fields.live.state import SymbolState
from market.errors import ConfigError, VenueError
from market.ports import MarketBatch, MarketFeed
from tests.adapters.store.recording import SECOND_NS, ToyFeed, factory
from tests.adapters.store.samples import FOREVER_NS, WatchedFiles, assert_same, store_at
from tests.fields.live.samples import HYBRID, SYMBOL, feed_into
from tests.generators import AS_OF_NS

_ROOT = Path(__file__).resolve().parents[3]
_ROWS = ("ts_ns", "contract", "price", "size", "venue")


def _all_of(feed: MarketFeed) -> list[MarketBatch]:
    found = []
    while (batch := feed.next_batch()) is not None:
        found.append(batch)
    return found


def _trades_of(store: PointInTimeStore) -> list[tuple[float, ...]]:
    return [row for t in store.trades("SPX", known_ns=FOREVER_NS) for row in _told(t)]


def _told(part: object) -> list[tuple[float, ...]]:
    return list(zip(*(getattr(part, name).tolist() for name in _ROWS), strict=True))


def _expected(n_batches: int) -> list[tuple[float, ...]]:
    return [row for batch in _all_of(ToyFeed(n_batches)) for part in batch.trades for row in _told(part)]


def _assert_whole(store: PointInTimeStore, n_batches: int) -> None:
    assert store.verify() == ()
    assert _trades_of(store) == _expected(n_batches)
    assert sum(q.n_quotes for q in store.quotes("SPX", known_ns=FOREVER_NS)) == 5 * n_batches
    assert sum(b.n_bars for b in store.bars("SPX", known_ns=FOREVER_NS)) == -(-n_batches // 60)


def test_a_recorded_stream_replays_to_the_same_field(tmp_path: Path) -> None:
    """Simulated market, live and from the store: the same batches, and a state that is the same to the last bit."""
    store, _ = store_at(tmp_path)
    feed = RecordingFeed(SimulatedFeed(demo_config()), StreamRecorder(store, RecordingConfig(where=str(tmp_path))))
    live = tuple(batch for _ in range(12) if (batch := feed.next_batch()) is not None)
    feed.close()
    assert feed.recorder.counts["compacted"] == 0
    assert feed.counts["recorder.batches"] == 12
    played = tuple(_all_of(StoreFeed(store, interval_s=0.0)))
    assert [b.ts_event_ns for b in played] == [b.ts_event_ns for b in live]
    for one, other in zip(live, played, strict=True):
        left = sorted(messages_of(one), key=lambda m: (type(m).__name__, m.symbol))  # type: ignore[union-attr]  # no news
        right = sorted(messages_of(other), key=lambda m: (type(m).__name__, m.symbol))  # type: ignore[union-attr]
        for mine, theirs in zip(left, right, strict=True):
            assert_same(mine, theirs)
    states = []
    for batches in (live, played):
        state = SymbolState(HYBRID)
        feed_into(state, batches, chains=True)
        field = replace(state.field().snapshot, timings_ms={})  # the only thing that the machine adds
        states.append((field, state.field().live, state.checkpoint(SYMBOL)))
    assert_same(states[0], states[1])


def test_small_segments_become_one_and_nothing_changes(tmp_path: Path) -> None:
    """Reads before and after are equal, older versions stay readable, and the replay tells the same batches."""
    feed = factory(tmp_path, 90)()
    told = _all_of(feed)
    assert isinstance(feed, RecordingFeed)
    store = open_store(tmp_path)
    before, n_commits = _trades_of(store), len(store.versions(DataKind.TRADES))
    held = iter(store.trades("SPX", known_ns=FOREVER_NS))
    first = next(held)
    feed.close()
    assert feed.recorder.counts["compacted"] > 3
    assert _trades_of(store) == before == _expected(90)
    assert [_told(part) for part in (first, *held)] == [_told(b.trades[0]) for b in told]
    (segment,) = store.segments(DataKind.TRADES)
    assert segment.n_rows == 7 * 90
    old = store.trades("SPX", known_ns=FOREVER_NS, version=n_commits)
    assert [row for part in old for row in _told(part)] == before
    half = AS_OF_NS + 40 * SECOND_NS
    assert sum(part.n_trades for part in store.trades("SPX", known_ns=half)) == 7 * 40
    played = _all_of(StoreFeed(store, StoreSelection(kinds=(DataKind.TRADES, DataKind.QUOTES)), interval_s=0.0))
    assert [batch.ts_event_ns for batch in played] == [batch.ts_event_ns for batch in told]
    assert store.compact(DataKind.TRADES) == 0


def test_a_stream_that_goes_back_is_stored_once(tmp_path: Path) -> None:
    """Whatever it tells again, also four equal prints of one instant, stands once for each time that it happened."""
    rng = np.random.default_rng(7)
    feed = factory(tmp_path, 120)()
    for _ in range(20):
        for _ in range(int(rng.integers(1, 30))):
            feed.next_batch()
        feed.rewind(int(rng.integers(-1, 40)))
    _all_of(feed)
    assert isinstance(feed, RecordingFeed)
    assert feed.recorder.counts["repeated"] > 0
    _assert_whole(open_store(tmp_path), 120)
    feed.close()
    _assert_whole(open_store(tmp_path), 120)


def test_what_was_told_but_not_durable_is_recorded_on_the_way(tmp_path: Path) -> None:
    """A consumer that is further than the recording gets the next batch, and the store the ones between."""
    first = factory(tmp_path, 30)()
    for _ in range(10):
        first.next_batch()
    assert isinstance(first, RecordingFeed)
    first.close()
    again = factory(tmp_path, 30)()
    again.rewind(19)
    batch = again.next_batch()
    assert batch is not None
    assert batch.sequence == 20
    _all_of(again)
    _assert_whole(open_store(tmp_path), 30)
    assert isinstance(again, RecordingFeed)
    again.close()


def test_the_second_feed_of_a_recording_is_passed_on(tmp_path: Path) -> None:
    """A feed that is opened to catch up does not write everything again."""
    recipe = pickle.loads(pickle.dumps(factory(tmp_path, 3)))  # noqa: S301  # our own
    first, second = recipe(), recipe()
    assert isinstance(first, RecordingFeed)
    assert isinstance(second, ToyFeed)
    first.close()
    third = recipe()
    assert isinstance(third, RecordingFeed)
    third.close()


def test_a_second_process_under_the_name_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """Also where the first one is killed: the kernel frees the name."""
    command = [sys.executable, "-m", "tests.adapters.store.recording", str(tmp_path), "1000000"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        with pytest.raises(ConfigError, match="another process records the stream 'stream'"):
            factory(tmp_path, 3)()
        other = replace(factory(tmp_path, 3), config=RecordingConfig(where=str(tmp_path), name="other"))()
        process.kill()
    assert isinstance(other, RecordingFeed)
    other.close()
    again = factory(tmp_path, 3)()
    assert isinstance(again, RecordingFeed)
    again.close()


class _Gate:
    """Files whose content is taken in only when the gate is open, and that fail a few times."""

    def __init__(self, store: PointInTimeStore, failures: int = 0) -> None:
        self._files, self._failures = WatchedFiles(store.files), failures
        self.open = threading.Event()
        self.arrow, self.names, self.read = store.files.arrow, self._files.names, self._files.read
        self.replace, self.scratch, self.create = self._files.replace, self._files.scratch, self._files.create

    def adopt(self, scratch: Path, folder: str, suffix: str) -> tuple[str, str, int]:
        """Wait, or fail, then pass on."""
        assert self.open.wait(10.0)
        self._failures -= 1
        if self._failures >= 0:
            raise VenueError("the disk is away", retryable=True)
        return self._files.adopt(scratch, folder, suffix)


def test_a_slow_disk_makes_the_feed_wait_and_loses_nothing(tmp_path: Path) -> None:
    """Memory is bounded: the feed waits, it is counted, and every row is there in the end."""
    gate = _Gate(open_store(tmp_path))
    config = RecordingConfig(where=str(tmp_path), commit_s=0.01, commit_rows=12, most_waiting_rows=36)
    feed = RecordingFeed(ToyFeed(40), StreamRecorder(PointInTimeStore(gate), config))
    reader = threading.Thread(target=_all_of, args=(feed,))
    reader.start()
    while not feed.recorder.counts.get("blocked"):
        threading.Event().wait(0.001)
    assert feed.recorder.counts["waiting_rows"] <= 36 + 13
    gate.open.set()
    reader.join(20.0)
    assert not reader.is_alive()
    _assert_whole(open_store(tmp_path), 40)
    feed.close()


def test_a_store_out_of_reach_is_tried_again(tmp_path: Path) -> None:
    """What fails and may be tried again is written once in the end."""
    gate = _Gate(open_store(tmp_path), failures=3)
    gate.open.set()
    config = RecordingConfig(where=str(tmp_path), commit_s=0.01, commit_rows=12)
    feed = RecordingFeed(ToyFeed(10), StreamRecorder(PointInTimeStore(gate), config))
    _all_of(feed)
    assert feed.recorder.counts["retries"] == 3
    _assert_whole(open_store(tmp_path), 10)
    feed.close()


def test_a_refused_recording_stops_the_feed(tmp_path: Path) -> None:
    """Nobody goes on in the belief that everything is recorded."""
    gate = _Gate(open_store(tmp_path))
    gate.adopt = lambda *_: (_ for _ in ()).throw(VenueError("no rights", retryable=False))  # type: ignore[method-assign]  # fails
    feed = RecordingFeed(ToyFeed(10), StreamRecorder(PointInTimeStore(gate), RecordingConfig(where=str(tmp_path))))
    feed.next_batch()
    with pytest.raises(VenueError, match="no rights"):
        _all_of(feed)
    with pytest.raises(VenueError, match="no rights"):
        feed.close()
    with pytest.raises(ConfigError, match="cannot be made so"):
        RecordingConfig(where="x", name="../x")


@pytest.mark.slow
def test_a_recording_that_is_killed_goes_on_without_loss(tmp_path: Path) -> None:
    """kill -9 at random moments leaves a prefix that verifies; the next process completes it."""
    rng, n_batches = np.random.default_rng(11), 300
    command = [sys.executable, "-m", "tests.adapters.store.recording", str(tmp_path), str(n_batches)]
    for _ in range(4):
        with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(int(rng.integers(2, 14))):
                process.stdout.readline()
            process.kill()
        store = open_store(tmp_path)
        assert store.verify() == ()
        found = _trades_of(store)
        assert found == _expected(n_batches)[: len(found)]
        assert len(found) % 7 == 0
    last = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    assert last.stdout.endswith("end\n")
    _assert_whole(open_store(tmp_path), n_batches)


def test_cleaning_removes_what_nobody_names_and_nothing_else(tmp_path: Path) -> None:
    """Files of dead writers go when they are old; segments of any version and a living writer's files stay."""
    feed = factory(tmp_path, 60)()
    _all_of(feed)
    assert isinstance(feed, RecordingFeed)
    feed.close()
    store, clock = store_at(tmp_path, now_ns=FOREVER_NS)
    (tmp_path / ".partial" / "dead").write_bytes(b"half")
    orphan = next(tmp_path.glob("kind=trades/symbol=SPX/day=*")) / "0123.parquet"
    orphan.write_bytes(b"nobody")
    orphan.with_name("0123.quality.json").write_bytes(b"{}")
    clock.instant_ns = orphan.stat().st_mtime_ns
    assert store.clean() == ()
    clock.instant_ns += 2 * 86_400 * SECOND_NS
    assert len(store.clean()) == 3
    assert store.clean() == ()
    _assert_whole(store, 60)
