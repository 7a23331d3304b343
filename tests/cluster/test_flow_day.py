"""A day of flow features out of the store: that of the live state, as known, joined with bars, never carried over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from adapters.encoded.messages import Message
from adapters.store import DataKind, PointInTimeStore, open_store
from adapters.store.kinds import kind_of
from cluster.flow_day import combined_day, flow_of_day
from cluster.playing import Player, play
from fields.flow.features import FLOW_FEATURES
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.errors import DataError, TradingError
from tests.adapters.emulated.toy import SYMBOL, small_feed
from tests.adapters.store.samples import bars

_DAY = date(2025, 6, 2)
_OPEN_NS = 1_748_871_000_000_000_000  # 09:30 in New York
_MINUTE_NS = 60_000_000_000
_N_STEPS = 50  # of ten seconds
_CONFIG = LiveConfig()
_NAMES = [feature.name for feature in FLOW_FEATURES]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PointInTimeStore:
    """Eight minutes of a small market, and bars of its first ten minutes of which the third is missing."""
    made = open_store(tmp_path_factory.mktemp("store"))
    kinds = (DataKind.CHAINS, DataKind.TRADES, DataKind.QUOTES)
    writers = {kind: made.writer(kind, origin="test") for kind in kinds}
    feed = small_feed(step_s=10.0, chain_every=3)
    for _ in range(_N_STEPS):
        batch = feed.next_batch()
        assert batch is not None
        told: tuple[Message, ...] = (*batch.chains, *batch.trades, *batch.quotes)
        for message in told:
            writers[kind_of(message)].add_message(message)
    for writer in writers.values():
        writer.commit()
    tape = made.writer(DataKind.BARS, origin="test", source="test")
    minutes = [n for n in range(10) if n != 2]
    tape.add_table(SYMBOL, bars([_OPEN_NS + n * _MINUTE_NS for n in minutes], [590.0 + n for n in minutes]))
    tape.commit()
    return made


@pytest.fixture(scope="module")
def whole(store: PointInTimeStore) -> pa.Table:
    """The flow of all that the store has of the day."""
    return flow_of_day(store, SYMBOL, _DAY, _CONFIG)


def _live() -> tuple[list[int], list[np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    """Return the minutes that a live state tells while the same market is fed to it."""
    feed, state = small_feed(step_s=10.0, chain_every=3), Player(lambda _: SymbolState(_CONFIG))
    until_ns = _OPEN_NS + (_N_STEPS + 1) * 10 * 1_000_000_000
    found = {}
    for item in play(feed, state, until_ns=until_ns, every_ns=_MINUTE_NS):
        assert not isinstance(item, TradingError)
        if item.field.live.flow is not None:
            found[item.field.live.flow.minute_end_ns] = item.field.live.flow.values
    return list(found), list(found.values())


def test_flow_out_of_the_store_is_that_of_the_live_state(store: PointInTimeStore) -> None:
    """Minute by minute and bit by bit where both are fed at one interval, though nothing of it is stored."""
    table = flow_of_day(store, SYMBOL, _DAY, _CONFIG, window_s=10.0)
    ends, values = _live()
    assert len(ends) >= 6
    assert table["event_ns"].to_pylist() == ends
    for place, name in enumerate(_NAMES):
        np.testing.assert_array_equal(table[name].to_numpy(), [row[place] for row in values], err_msg=name)
    assert any(np.isfinite(table[name].to_numpy()).any() for name in _NAMES)


def test_what_came_later_changes_no_minute(store: PointInTimeStore, whole: pa.Table) -> None:
    """As known in the middle of the morning, the minutes so far read as they read at the end."""
    known = flow_of_day(store, SYMBOL, _DAY, _CONFIG, known_ns=_OPEN_NS + 4 * _MINUTE_NS + 30_000_000_000)
    assert 0 < known.num_rows < whole.num_rows
    for name in ("event_ns", *_NAMES):
        np.testing.assert_array_equal(known[name].to_numpy(), whole[name].to_numpy()[: known.num_rows], err_msg=name)


def test_bars_meet_the_flow_of_their_own_minute_alone(store: PointInTimeStore, whole: pa.Table) -> None:
    """A minute without flow is NaN, a minute without a bar is not there."""
    day = combined_day(store, SYMBOL, _DAY, _CONFIG)
    assert day.num_rows == 9
    assert _OPEN_NS + 2 * _MINUTE_NS not in day["event_ns"].to_pylist()
    told = dict(zip(whole["event_ns"].to_pylist(), whole.select(_NAMES).to_pylist(), strict=True))
    for row in day.to_pylist():
        expected = told.get(row["known_ns"], dict.fromkeys(_NAMES, np.nan))
        np.testing.assert_array_equal([row[name] for name in _NAMES], [expected[name] for name in _NAMES])
    assert np.isnan(day[_NAMES[0]].to_numpy()[-1])


def test_bars_can_be_had_without_flow(store: PointInTimeStore) -> None:
    """Then nothing is played."""
    day = combined_day(store, SYMBOL, _DAY, _CONFIG, with_flow=False, known_ns=_OPEN_NS + 5 * _MINUTE_NS)
    assert day.column_names == ["event_ns", "known_ns", "open", "high", "low", "close"]
    assert day["close"].to_pylist() == [590.0, 591.0, 593.0, 594.0]


@pytest.mark.parametrize(
    ("day", "words"),
    [(date(2025, 6, 1), "the exchange is closed that day"), (date(2025, 6, 3), "the store holds no")],
)
def test_a_day_that_is_none_or_has_nothing_is_said(store: PointInTimeStore, day: date, words: str) -> None:
    """A weekend, and a session of which nothing was imported."""
    with pytest.raises(DataError, match=words):
        combined_day(store, SYMBOL, day, _CONFIG)


def test_an_empty_store_has_no_flow(tmp_path: Path) -> None:
    """The error says so."""
    with pytest.raises(DataError, match="the store holds nothing of the selection"):
        flow_of_day(open_store(tmp_path), SYMBOL, _DAY, _CONFIG)
