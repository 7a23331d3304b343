"""The replay feed."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.chains import open_chains
from adapters.replay import ReplayFactory, ReplayFeed
from market.errors import ConfigError, DataError
from market.ports import FeedFactory, MarketBatch, MarketFeed
from tests.adapters.chains.samples import cboe_rows, recorded, write_table


def _recordings(folder: Path) -> tuple[Path, Path]:
    index = [row for day in ("2023-05-23", "2023-05-24", "2023-05-26") for row in cboe_rows(day)]
    etf = [row for day in ("2023-05-24", "2023-05-26") for row in cboe_rows(day, "SPY", "SPY")]
    return write_table(folder / "index.parquet", index), write_table(folder / "etf.parquet", etf)


def _play(feed: ReplayFeed, n: int = 100) -> list[MarketBatch]:
    batches = (feed.next_batch() for _ in range(n))
    return [batch for batch in batches if batch is not None]


def _shape(batches: list[MarketBatch]) -> list[tuple[int, int, tuple[str, ...]]]:
    return [(b.sequence, b.chains[0].session.day, tuple(c.symbol for c in b.chains)) for b in batches]


def test_snapshots_of_one_session_come_together(tmp_path: Path) -> None:
    """Two files with different sessions make one stream in time order, each symbol at most once a batch."""
    feed = ReplayFactory(paths=_recordings(tmp_path), interval_s=0.5)()
    assert feed.symbols == ("SPX", "SPY")
    assert _shape(_play(feed)) == [(0, 23, ("SPX",)), (1, 24, ("SPY", "SPX")), (2, 26, ("SPY", "SPX"))]
    assert feed.next_batch() is None
    assert feed.delay_s() == 0.0


def test_the_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    """A replay is a function of what was recorded."""
    first, second = _recordings(tmp_path)
    forth = _play(ReplayFactory(paths=(first, second), interval_s=0.0)())
    back = _play(ReplayFactory(paths=(second, first), interval_s=0.0)())
    assert _shape(forth) == _shape(back)
    assert [b.ts_event_ns for b in forth] == [b.ts_event_ns for b in back] == sorted(b.ts_event_ns for b in forth)


def test_speed_divides_recorded_time(tmp_path: Path) -> None:
    """A day at 86400 times real time takes a second; the first batch is due at once."""
    feed = ReplayFactory(paths=_recordings(tmp_path), speed=86_400.0)()
    delays = []
    while True:
        delays.append(feed.delay_s())
        if feed.next_batch() is None:
            break
    assert delays == pytest.approx([0.0, 1.0, 2.0, 0.0], abs=0.02)


def test_a_fixed_interval_ignores_recorded_time(tmp_path: Path) -> None:
    """The interval stands between any two batches."""
    feed = ReplayFactory(paths=_recordings(tmp_path), interval_s=0.25)()
    feed.next_batch()
    assert feed.delay_s() == 0.25


def test_rewind_continues_after_the_named_batch(tmp_path: Path) -> None:
    """A consumer that has batch 0 gets 1 and 2 again, with the same content."""
    feed = ReplayFactory(paths=_recordings(tmp_path), interval_s=0.0)()
    before = _play(feed)
    feed.rewind(0)
    again = _play(feed)
    assert _shape(again) == _shape(before[1:])
    assert np.array_equal(again[0].chains[1].strike, before[1].chains[1].strike)
    feed.rewind(-1)
    assert _shape(_play(feed)) == _shape(before)


@pytest.mark.parametrize("sequence", [-2, 3])
def test_rewind_to_a_batch_that_never_was_is_refused(tmp_path: Path, sequence: int) -> None:
    """A checkpoint of another recording must not pass silently."""
    feed = ReplayFactory(paths=_recordings(tmp_path), interval_s=0.0)()
    with pytest.raises(DataError, match="no such batch"):
        feed.rewind(sequence)


def test_a_loop_raises_the_sequence_and_keeps_event_instants(tmp_path: Path) -> None:
    """The second pass is the first one with later numbers, also after a rewind into it."""
    feed = ReplayFactory(paths=_recordings(tmp_path), speed=86_400.0, loop=True)()
    batches = _play(feed, 7)
    assert [batch.sequence for batch in batches] == list(range(7))
    assert [b.ts_event_ns for b in batches[3:6]] == [b.ts_event_ns for b in batches[:3]]
    feed.rewind(4)
    assert feed.delay_s() > 0.0
    assert _shape(_play(feed, 1)) == _shape(batches[5:6])


@pytest.mark.parametrize(
    "pace", [{}, {"interval_s": 1.0, "speed": 1.0}, {"speed": 0.0}, {"interval_s": -1.0}, {"speed": float("nan")}]
)
def test_a_replay_has_exactly_one_pace(tmp_path: Path, pace: dict[str, float]) -> None:
    """Neither, both, standstill and time backwards are refused."""
    with pytest.raises(ConfigError, match="one pace"):
        ReplayFactory(paths=_recordings(tmp_path), **pace)()  # type: ignore[arg-type]  # only paces are in the dict


def test_the_recipe_crosses_a_process(tmp_path: Path) -> None:
    """A factory is pickled, a feed is opened where it plays; both fit the ports."""
    factory: FeedFactory = ReplayFactory(paths=_recordings(tmp_path), interval_s=0.0)
    feed: MarketFeed = pickle.loads(pickle.dumps(factory))()  # noqa: S301  # our own bytes
    batch = feed.next_batch()
    assert batch is not None
    assert batch.sequence == 0


def test_a_recorded_simulation_is_replayed_as_one(tmp_path: Path) -> None:
    """The mark of a simulation survives recording and replay."""
    (real, _) = _recordings(tmp_path)
    chain = next(open_chains(real))
    provenance = replace(chain.provenance, simulated=True, source="simulation")
    paths = recorded([chain, replace(chain, provenance=provenance)], tmp_path / "store")
    feed = ReplayFactory(paths=tuple(paths), interval_s=0.0)()
    assert feed.simulated
    assert sorted(b.chains[0].provenance.simulated for b in _play(feed)) == [False, True]
    assert not ReplayFactory(paths=(real,), interval_s=0.0)().simulated


def test_nothing_to_replay_is_an_error() -> None:
    """A feed without a file would wait for ever."""
    with pytest.raises(DataError, match="nothing to replay"):
        ReplayFactory(paths=(), interval_s=1.0)()
