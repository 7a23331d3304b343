"""Ticks among the chains: order of time, nothing known too early, and chains as of each minute."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from adapters.chains import open_chains, open_source
from adapters.replay import ReplayFactory, ReplayFeed
from adapters.ticks import open_ticks
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from market.ports import MarketBatch
from tests.adapters.chains.samples import cboe_rows, recorded, write_table
from tests.adapters.ticks.samples import OPEN, Columns, quote_bars, trade_bars, written

_MINUTE_NS = 60_000_000_000
_UNDERLYING = "underlying_minute_quote.parquet"


def _interest(folder: Path, count: int = 42) -> Path:
    columns: Columns = {
        "time": [OPEN - timedelta(hours=3)],
        "expiration": [datetime(2016, 1, 15)],  # noqa: DTZ001  # a date
        "strike": [750.0],
        "right": ["C"],
        "open_interest": [count],
    }
    return written(folder / "goog_minute_openinterest.parquet", columns)


def _files(folder: Path) -> tuple[Path, ...]:
    quotes = quote_bars(folder / "goog_minute_quote.parquet", [0, 1, 3])
    return quotes, trade_bars(folder / "goog_minute_trade.parquet", [1, 3]), _interest(folder)


def _play(feed: ReplayFeed) -> list[MarketBatch]:
    return list(iter(feed.next_batch, None))


def _shape(batches: list[MarketBatch]) -> list[tuple[int, int, int, int]]:
    return [(b.ts_event_ns, len(b.chains), len(b.quotes), len(b.trades)) for b in batches]


def _same(left: OptionChain, right: OptionChain) -> bool:
    names = ("strike", "bid", "ask", "last", "volume", "open_interest", "quote_ts_ns")
    return all(np.array_equal(getattr(left, n), getattr(right, n), equal_nan=True) for n in names)


def test_a_minute_comes_with_its_quotes_its_trades_and_the_chain_so_far(tmp_path: Path) -> None:
    """Each batch is a minute in which something was told; the chain holds what was known by then, and no more."""
    batches = _play(ReplayFactory(ticks=_files(tmp_path), interval_s=0.0)())
    assert [(len(b.chains), len(b.quotes), len(b.trades)) for b in batches] == [(1, 1, 0), (1, 1, 1), (1, 1, 1)]
    first, second, third = (batch.chains[0] for batch in batches)
    assert (first.bid[0], first.open_interest[0], first.volume[0]) == (10.0, 42.0, 0.0)
    assert np.isnan(first.last[0])
    assert (second.bid[0], second.last[0], second.volume[0]) == (11.0, 11.5, 3.0)
    assert (third.bid[0], third.last[0], third.volume[0]) == (13.0, 13.5, 6.0)
    assert third.quote_ts_ns[0] == third.ts_event_ns == batches[2].ts_event_ns


def test_open_interest_is_not_known_before_it_is_published(tmp_path: Path) -> None:
    """A quote of the early morning stands in a chain without open interest."""
    early = [OPEN - timedelta(hours=4), OPEN]
    quotes = quote_bars(tmp_path / "goog_minute_quote.parquet", [0, 1], time=early)
    batches = _play(ReplayFactory(ticks=(quotes, _interest(tmp_path)), interval_s=0.0)())
    found = [float(batch.chains[0].open_interest[0]) for batch in batches]
    assert np.isnan(found[0])
    assert found[1] == 42.0


def test_what_was_told_by_an_instant_does_not_depend_on_what_came_later(tmp_path: Path) -> None:
    """Cut off after two minutes, the recording gives the same two batches."""
    whole = _play(ReplayFactory(ticks=_files(tmp_path), interval_s=0.0)())
    cut = (
        quote_bars(tmp_path / "cut_minute_quote.parquet", [0, 1]),
        trade_bars(tmp_path / "cut_minute_trade.parquet", [1]),
    )
    feed = ReplayFeed([], ticks=open_ticks(*cut, _interest(tmp_path), symbol="GOOG"), interval_s=0.0)
    for one, other in zip(whole, _play(feed), strict=False):
        assert one.ts_event_ns == other.ts_event_ns
        assert _same(one.chains[0], other.chains[0])
        assert np.array_equal(one.quotes[0].bid, other.quotes[0].bid)


def test_a_rewind_gives_the_same_batches_again(tmp_path: Path) -> None:
    """Also over several passes of a loop; the order of the files does not matter."""
    files = _files(tmp_path)
    feed = ReplayFactory(ticks=files, interval_s=0.0, loop=True)()
    played = [feed.next_batch() for _ in range(7)]
    assert [b.sequence for b in played if b] == list(range(7))
    other = ReplayFactory(ticks=files[::-1], interval_s=0.0, loop=True)()
    for sequence in (4, 0, 5, -1):
        other.rewind(sequence)
        batch, expected = other.next_batch(), played[sequence + 1]
        assert batch is not None
        assert expected is not None
        assert batch.sequence == sequence + 1
        assert _shape([batch]) == _shape([expected])
        assert _same(batch.chains[0], expected.chains[0])


def test_pace_follows_the_minutes(tmp_path: Path) -> None:
    """At sixty times recorded time a minute takes a second, and a gap of two takes two."""
    feed = ReplayFactory(ticks=_files(tmp_path), speed=60.0)()
    delays = []
    while True:
        delays.append(feed.delay_s())
        if feed.next_batch() is None:
            break
    assert delays == [0.0, 1.0, 2.0, 0.0]
    with pytest.raises(DataError, match="no such batch"):
        feed.rewind(3)


def test_recorded_chains_stand_among_the_ticks_of_their_symbol(tmp_path: Path) -> None:
    """A chain of a minute's end comes with that minute; one inside comes alone; none is built for its symbol."""
    files = _files(tmp_path)
    built = _play(ReplayFactory(ticks=files, interval_s=0.0)())[0].chains[0]
    inside = replace(built, ts_event_ns=built.ts_event_ns + _MINUTE_NS // 2)
    feed = ReplayFactory(paths=tuple(recorded([built, inside], tmp_path / "store")), ticks=files, interval_s=0.0)()
    start = built.ts_event_ns
    assert _shape(_play(feed)) == [
        (start, 1, 1, 0),
        (start + _MINUTE_NS // 2, 1, 0, 0),
        (start + _MINUTE_NS, 0, 1, 1),
        (start + 3 * _MINUTE_NS, 0, 1, 1),
    ]


def test_a_symbol_without_ticks_is_replayed_beside_them(tmp_path: Path) -> None:
    """Chains of one symbol and ticks of another make one stream in order of time."""
    chains = write_table(tmp_path / "index.parquet", cboe_rows("2023-05-23"))
    feed = ReplayFactory(paths=(chains,), ticks=_files(tmp_path), interval_s=0.0)()
    assert feed.symbols == ("GOOG", "SPX")
    instants = [batch.ts_event_ns for batch in _play(feed)]
    assert instants == sorted(instants)
    assert feed.n_batches == 4
    assert not feed.simulated
    assert len(list(open_chains(chains))) == 1


def test_only_symbols_that_can_have_a_chain_are_expected(tmp_path: Path) -> None:
    """Ticks of an underlying, and trades of its options, make no chain; option quotes or a chain file do."""
    aapl: Columns = {"symbol": ["AAPL"], "time": [OPEN], "close": [100.0], "volume": [5]}
    share = written(tmp_path / "underlying_minute_trade.parquet", aapl)
    quotes, trades, interest = _files(tmp_path)
    feed = ReplayFactory(ticks=(quotes, trades, interest, share), interval_s=0.0)()
    assert feed.symbols == ("GOOG",)
    assert {batch.symbol for played in _play(feed) for batch in played.trades} == {"AAPL", "GOOG"}
    assert ReplayFactory(ticks=(trades, interest, share), interval_s=0.0)().symbols == ()
    assert ReplayFactory(ticks=(quotes, share), chain_every=0, interval_s=0.0)().symbols == ()


def test_open_interest_alone_opens_and_plays_nothing(tmp_path: Path) -> None:
    """It can be listed; a replay of it says that there is nothing."""
    source = open_ticks(_interest(tmp_path))
    assert (source.symbols, source.instants().size, source.interest[0].symbol) == ((), 0, "GOOG")
    with pytest.raises(DataError, match="nothing to replay"):
        ReplayFeed((), ticks=source, interval_s=0.0)


def test_built_chains_come_as_often_as_asked(tmp_path: Path) -> None:
    """Every second minute, or never; a count below nothing is refused."""
    files = _files(tmp_path)
    feed = ReplayFactory(ticks=files, chain_every=2, interval_s=0.0)()
    chains = [bool(batch.chains) for batch in _play(feed)]
    assert chains == [b.ts_event_ns // _MINUTE_NS % 2 == 0 for b in _play(ReplayFactory(ticks=files, interval_s=0.0)())]
    assert not any(b.chains for b in _play(ReplayFactory(ticks=files, chain_every=0, interval_s=0.0)()))
    with pytest.raises(ConfigError, match="that often"):
        ReplayFactory(ticks=files, chain_every=-1, interval_s=0.0)()


@pytest.mark.data
def test_a_real_session_is_replayed_without_look_ahead(data_root: Path) -> None:
    """GOOG on Christmas Eve 2015: every minute to the early close, each chain made of quotes known by then."""
    folder = data_root / "option_intraday"
    names = [f"goog_minute_{kind}_20151224.parquet" for kind in ("quote", "trade", "openinterest")]
    factory = ReplayFactory(ticks=tuple(folder / n for n in (*names, _UNDERLYING)), regular_hours=True, interval_s=0.0)
    batches = [b for b in _play(pickle.loads(pickle.dumps(factory))()) if any(q.symbol == "GOOG" for q in b.quotes)]  # noqa: S301  # our own bytes
    assert len(batches) == 210
    assert np.all(np.diff([b.ts_event_ns for b in batches]) == _MINUTE_NS)
    chains = [next(c for c in batch.chains if c.symbol == "GOOG") for batch in batches]
    assert [chain.ts_event_ns for chain in chains] == [batch.ts_event_ns for batch in batches]
    assert all(chain.quote_ts_ns.max() <= chain.ts_event_ns for chain in chains)
    volume = [float(chain.volume.sum()) for chain in chains[:-1]]  # at the close the day's own expiration is gone
    source = open_ticks(*(folder / name for name in names), regular_hours=True)
    traded = [float(minute.trades.size.sum()) for minute in source.minutes()]
    assert volume == np.cumsum(traded)[:-1].tolist()
    assert np.nansum(chains[0].open_interest) == source.interest[0].open_interest.sum()
    assert chains[0].spot_bid < chains[0].spot_ask


@pytest.mark.data
def test_the_last_built_chain_is_the_chain_at_the_end_of_the_day(data_root: Path) -> None:
    """After the session the running chain agrees with the archive's own reader in trades, volume and open interest."""
    path = data_root / "raw_formats/lean_goog_20151224_trade_american.zip"
    quotes = data_root / "option_intraday/goog_minute_quote_20151224.parquet"
    batches = _play(ReplayFactory(ticks=(path, quotes), interval_s=0.0)())
    last, closing = batches[-1].chains[0], open_source(path).read(0)
    alive = closing.expiry_ns[closing.series_index] > last.ts_event_ns
    assert np.nansum(closing.volume[alive]) == pytest.approx(float(last.volume.sum()))
    assert np.nansum(closing.open_interest[alive]) == pytest.approx(float(np.nansum(last.open_interest)))
