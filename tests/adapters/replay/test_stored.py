"""A store played as a feed: in the order in which things became known, whole, and in bounded memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.encoded.messages import Message
from adapters.quality import check_store
from adapters.replay import StoreFactory, StoreFeed, StoreSelection
from adapters.store import DataKind, PointInTimeStore
from adapters.store.kinds import kind_of
from market.errors import ConfigError, DataError
from market.ports import MarketBatch
from tests.adapters.store.samples import DAY_NS, MINUTE_NS, assert_same, bars, chain_of, store_at, trades
from tests.adapters.store.vocabulary import (
    bars_told,
    book_told,
    events_told,
    funding_told,
    news_told,
    quotes_told,
    series_told,
)
from tests.generators import AS_OF_NS

_ROOT = Path(__file__).resolve().parents[3]
_ALL: tuple[Message, ...] = (
    chain_of(),
    trades(30),
    quotes_told(),
    bars_told(),
    funding_told(),
    series_told(),
    events_told(),
    news_told(),
    book_told(),
)


def _fill(store: PointInTimeStore, *messages: Message, known_ns: int | None = None) -> None:
    for message in messages:
        writer = store.writer(kind_of(message), origin="test")
        writer.add_message(message, known_ns=known_ns)
        writer.commit()


def _played(store: PointInTimeStore, selection: StoreSelection | None = None) -> list[MarketBatch]:
    feed, found = StoreFeed(store, selection, interval_s=0.0), []
    while (batch := feed.next_batch()) is not None:
        found.append(batch)
    return found


def _rows(batch: MarketBatch) -> list[int]:
    trades_known = [stamp for item in batch.trades for stamp in item.ts_ns.tolist()]
    quotes_known = [stamp for item in batch.quotes for stamp in item.ts_ns.tolist()]
    return trades_known + quotes_known


def test_each_row_comes_once_and_when_it_was_known(tmp_path: Path) -> None:
    """No batch holds a row of after its instant, and all rows come."""
    store, _ = store_at(tmp_path)
    _fill(store, *_ALL)
    batches = _played(store)
    instants = [batch.ts_event_ns for batch in batches]
    assert instants == sorted(set(instants))
    assert [batch.sequence for batch in batches] == list(range(len(batches)))
    assert all(stamp <= batch.ts_event_ns for batch in batches for stamp in _rows(batch))
    assert sum(item.n_trades for batch in batches for item in batch.trades) == 30
    assert sum(item.n_quotes for batch in batches for item in batch.quotes) == 20
    told = [item for batch in batches for item in batch.context]
    assert {type(item).__name__ for item in told} == {type(item).__name__ for item in _ALL[3:8]}
    for batch in batches:
        assert all(item.ts_event_ns <= batch.ts_event_ns for item in batch.context)
    assert [len(batch.books) for batch in batches if batch.books] == [1]


def test_windows_merge_what_became_known_in_them(tmp_path: Path) -> None:
    """A minute's batch holds the minute, and the newest chain stands for those before."""
    store, _ = store_at(tmp_path)
    first, second = chain_of(), chain_of(4001.0, as_of_ns=AS_OF_NS + 1_000_000)
    _fill(store, trades(100), first, second)
    selection = StoreSelection(window_s=60.0)
    feed = StoreFeed(store, selection, interval_s=0.0)
    found = [feed.next_batch(), feed.next_batch()]
    batches = [batch for batch in found if batch is not None]
    assert sum(item.n_trades for batch in batches for item in batch.trades) == 100
    assert all(batch.ts_event_ns % MINUTE_NS == 0 for batch in batches)
    assert sum(len(batch.chains) for batch in batches) + feed.n_coalesced == 2


def test_a_late_row_comes_late(tmp_path: Path) -> None:
    """A bar that was recorded a day later is told a day later, and a correction when it came."""
    store, clock = store_at(tmp_path)
    writer = store.writer(DataKind.BARS, origin="test")
    writer.add_table("SPY", bars([AS_OF_NS, AS_OF_NS + MINUTE_NS], [400.0, 401.0], known=[AS_OF_NS + DAY_NS] * 2))
    writer.commit()
    clock.instant_ns = AS_OF_NS + 2 * DAY_NS
    writer = store.writer(DataKind.BARS, origin="test")
    writer.add_table("SPY", bars([AS_OF_NS], [500.0]))
    writer.commit()
    told = [(b.ts_event_ns - AS_OF_NS, [float(c) for m in b.context for c in m.close]) for b in _played(store)]  # type: ignore[union-attr]  # bars only
    assert told == [(DAY_NS, [400.0, 401.0]), (2 * DAY_NS, [500.0])]


def test_a_rewind_tells_the_same_again(tmp_path: Path) -> None:
    """From any batch on, also one that was not told yet, and in another process."""
    store, _ = store_at(tmp_path)
    _fill(store, *_ALL)
    whole = _played(store)
    feed = pickle.loads(pickle.dumps(StoreFactory(where=str(tmp_path), interval_s=0.0)))()  # noqa: S301  # our own
    for after in (len(whole) - 3, 2, -1, 7):
        feed.rewind(after)
        batch = feed.next_batch()
        assert batch.ts_event_ns == whole[after + 1].ts_event_ns
        assert batch.sequence == after + 1
        same = whole[after + 1]
        for left, right in zip((*batch.trades, *batch.context), (*same.trades, *same.context), strict=True):
            assert_same(left, right)
    with pytest.raises(DataError, match="no such batch"):
        feed.rewind(len(whole))


def test_a_loop_begins_again_with_rising_sequences(tmp_path: Path) -> None:
    """After the last batch comes the first, and a rewind finds its place in any pass."""
    store, _ = store_at(tmp_path)
    _fill(store, trades(3))
    feed = StoreFeed(store, speed=2.0, loop=True)
    found = [batch for _ in range(7) if (batch := feed.next_batch()) is not None]
    assert [batch.sequence for batch in found] == list(range(7))
    assert found[3].ts_event_ns == found[0].ts_event_ns
    assert feed.delay_s() == pytest.approx(0.0005)
    feed.rewind(3)
    again = feed.next_batch()
    assert again is not None
    assert again.ts_event_ns == found[4].ts_event_ns


def test_a_selection_leaves_the_rest_out(tmp_path: Path) -> None:
    """Kinds, instants and names; a series of before stands at the start."""
    store, _ = store_at(tmp_path)
    _fill(store, *_ALL)
    start = AS_OF_NS + 10_000_000
    batches = _played(store, StoreSelection(first_ns=start, last_ns=start + 5_000_000, kinds=(DataKind.TRADES,)))
    assert [batch.ts_event_ns for batch in batches] == [start + k * 1_000_000 for k in range(6)]
    batches = _played(store, StoreSelection(first_ns=AS_OF_NS + DAY_NS, kinds=(DataKind.SERIES, DataKind.TRADES)))
    assert batches[0].ts_event_ns == AS_OF_NS + DAY_NS
    (series,) = batches[0].context
    assert getattr(series, "value").tolist() == [16.0]  # noqa: B009  # one class of context
    with pytest.raises(DataError, match="nothing of the selection"):
        StoreFeed(store, StoreSelection(symbols=("NONE",), context=("NONE",), sources=("none",)), interval_s=0.0)
    with pytest.raises(ConfigError, match="cannot be played"):
        StoreSelection(kinds=(DataKind.TABLES,))


def test_a_played_store_tells_no_quality_that_was_found_later(tmp_path: Path) -> None:
    """A check knows how the day ended; it is told to whoever asks for it."""
    store, _ = store_at(tmp_path)
    _fill(store, chain_of(), replace(quotes_told(), ask=quotes_told().bid - 1.0))
    before = _played(store)
    check_store(store)
    for one, other in zip(before, _played(store), strict=True):
        for message, same in zip((*one.chains, *one.quotes), (*other.chains, *other.quotes), strict=True):
            assert_same(message, same)
    told = [quotes for batch in _played(store, StoreSelection(with_quality=True)) for quotes in batch.quotes]
    assert all(quotes.provenance.quality is not None and quotes.provenance.quality < 1.0 for quotes in told)


def test_regular_hours_leave_out_what_traded_before_the_open(tmp_path: Path) -> None:
    """Trades before the open are passed over, those after it are told."""
    store, _ = store_at(tmp_path)
    night = replace(trades(10), ts_ns=trades(10).ts_ns // DAY_NS * DAY_NS + 8 * 60 * MINUTE_NS + np.arange(10))
    day = replace(trades(10), ts_ns=trades(10).ts_ns // DAY_NS * DAY_NS + 15 * 60 * MINUTE_NS + np.arange(10))
    _fill(store, night)
    _fill(store, day)
    found = _played(store, StoreSelection(regular_hours=True))
    assert sum(item.n_trades for batch in found for item in batch.trades) == 10


@pytest.mark.slow
def test_a_store_larger_than_its_memory_is_played_within_it(tmp_path: Path) -> None:
    """Four million quotes play in a process that never holds half of their arrays beside what it needs anyway."""
    store, _ = store_at(tmp_path)
    per_batch, n_days, n_batches = 50_000, 4, 20
    for day in range(n_days):
        writer = store.writer(DataKind.QUOTES, origin="test")
        for place in range(n_batches):
            start = AS_OF_NS + day * DAY_NS + place * per_batch * 1_000_000
            writer.add_message(quotes_told(per_batch, start_ns=start, seed=day * n_batches + place))
        writer.commit()
    peaks = []
    for folder, rows in ((_few(tmp_path / "few"), 20), (tmp_path, n_days * n_batches * per_batch)):
        command = [sys.executable, "-m", "tests.adapters.replay.player", str(folder), "1.0"]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
        told, _, peak_kb = done.stdout.split()
        assert int(told) == rows
        peaks.append(int(peak_kb) / 1024)
    columns = ("contract", "ts_ns", "bid", "ask", "bid_size", "ask_size", "venue")
    row_bytes = sum(getattr(quotes_told(1), name).itemsize for name in columns)
    whole_mb = n_days * n_batches * per_batch * row_bytes / 1024**2
    assert peaks[1] - peaks[0] < whole_mb / 2


def _few(folder: Path) -> Path:
    store, _ = store_at(folder)
    _fill(store, quotes_told())
    return folder
