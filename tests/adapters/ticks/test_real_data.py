"""The real tick files: every row is read, and what is known of them otherwise comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from adapters.ticks import open_ticks
from market.calendars import session_on
from market.clock import datetime_of_ns
from market.trades import TradeFlag, concatenate
from tests.adapters.ticks.samples import counted

pytestmark = pytest.mark.data

# file: symbols, quotes, trades, rows left out
_FILES = {
    "option_intraday/aapl_hour_quote_2014.parquet": ("AAPL", 31_407, 0, 0),
    "option_intraday/aapl_minute_trade_20140606_09.parquet": ("AAPL", 0, 43_684, 0),
    "option_intraday/goog_minute_quote_20151224.parquet": ("GOOG", 275_552, 0, 0),
    "option_intraday/goog_minute_trade_20151224.parquet": ("GOOG", 0, 958, 0),
    "option_intraday/spx_minute_quote_202101.parquet": ("SPX", 26_507, 0, 0),
    "option_intraday/spx_minute_trade_202101.parquet": ("SPX", 0, 8_735, 0),
    "option_intraday/spy_polygon_option_minute_20250829.parquet": ("SPY", 0, 917, 0),
    "option_intraday/underlying_minute_quote.parquet": ("AAPL GOOG", 1_942, 0, 0),
    "microstructure/lean_ibm_tick_quote_20131008.parquet": ("IBM", 125_749, 0, 1),
    "microstructure/lean_bac_tick_trade_20131008.parquet": ("BAC", 0, 125_872, 0),
    "microstructure/lobster_amzn_20120621_level5.parquet": ("AMZN", 155_935, 11_419, 0),
    "microstructure/binance_usdm_btcusdt_20240808_book_ticker.parquet": ("BTCUSDT@USDM", 66_089, 0, 0),
    "microstructure/binance_usdm_btcusdt_20240808_trades.parquet": ("BTCUSDT@USDM", 0, 21_313, 0),
    "raw_formats/binance_spot_btcusdt_20240808.jsonl.gz": ("BTCUSDT", 28_040, 9_757, 3_452),
    "raw_formats/lobster_amzn_20120621_level1.zip": ("AMZN", 57_515, 11_419, 0),
    "raw_formats/lean_goog_20151224_trade_american.zip": ("GOOG", 0, 958, 0),
    "crypto_options/btc_deribit_option_trades_202002.csv.gz": ("BTC", 0, 463, 0),
}


@pytest.mark.parametrize("name", _FILES)
def test_every_row_of_a_real_file_is_used_or_counted(data_root: Path, name: str) -> None:
    """Quotes and trades are as many as the file holds, in order of time."""
    symbols, quotes, trades, dropped = _FILES[name]
    source = open_ticks(data_root / name)
    minutes = list(source.minutes())
    assert " ".join(source.symbols) == symbols
    assert (source.tally.quotes, source.tally.trades) == (quotes, trades)
    assert sum(source.tally.dropped.values()) == dropped
    assert sum(m.quotes.n_quotes for m in minutes) == quotes
    assert sum(m.trades.n_trades for m in minutes) == trades
    assert np.array_equal(np.unique([m.ts_event_ns for m in minutes]), source.instants())
    for minute in minutes:
        for batch in (minute.quotes, minute.trades):
            assert np.all(np.diff(batch.ts_ns) >= 0)
            assert np.all((batch.ts_ns > minute.ts_event_ns - 60_000_000_000) & (batch.ts_ns <= minute.ts_event_ns))


@pytest.mark.parametrize("name", ["lobster_aapl_20120621_level1", "lobster_amzn_20120621_level5"])
def test_visible_executions_hit_the_quote_before_them(data_root: Path, name: str) -> None:
    """Told by the book strictly before, the aggressor of a visible execution is the stated one, always."""
    path = data_root / f"microstructure/{name}.parquet"
    minutes = list(open_ticks(path).minutes())
    quotes = concatenate([m.quotes for m in minutes])
    trades = concatenate([m.trades for m in minutes])
    kind = pq.read_table(path, columns=["event_type"])["event_type"].to_numpy()
    rows = np.flatnonzero(np.isin(kind, (4, 5)))
    mid = 0.5 * (quotes.bid + quotes.ask)[rows[rows > 0] - 1]
    visible = (trades.flags == 0)[rows > 0]
    by_quote = np.sign(trades.price[rows > 0] - mid)
    assert np.array_equal(by_quote[visible], trades.aggressor[rows > 0][visible])
    assert int((trades.flags == TradeFlag.OFF_EXCHANGE).sum()) == int((kind == 5).sum())


def test_the_archive_and_the_table_of_a_day_agree(data_root: Path) -> None:
    """The zip as published and the unpacked table give the same trades."""
    archive = open_ticks(data_root / "raw_formats/lean_goog_20151224_trade_american.zip")
    table = open_ticks(data_root / "option_intraday/goog_minute_trade_20151224.parquet")
    for one, other in zip(archive.minutes(), table.minutes(), strict=True):
        assert one.ts_event_ns == other.ts_event_ns
        left, right = (np.sort(m.trades.price * 1e6 + m.trades.size) for m in (one, other))
        np.testing.assert_allclose(left, right)
    assert archive.interest[0].open_interest.size == 2_058


def test_the_stream_and_its_tables_agree(data_root: Path) -> None:
    """The recorded lines give the trades and best quotes of the unpacked tables, bit for bit."""
    stream = open_ticks(data_root / "raw_formats/binance_spot_btcusdt_20240808.jsonl.gz")
    names = ("book_ticker", "trades")
    tables = open_ticks(*(data_root / f"microstructure/binance_spot_btcusdt_20240808_{name}.parquet" for name in names))
    for one, other in zip(stream.minutes(), tables.minutes(), strict=True):
        for name in ("ts_ns", "trade_id", "price", "size", "aggressor"):
            assert np.array_equal(getattr(one.trades, name), getattr(other.trades, name))
        for name in ("ts_ns", "bid", "ask", "bid_size", "ask_size"):
            assert np.array_equal(getattr(one.quotes, name), getattr(other.quotes, name))


def test_opening_and_closing_prints_stand_at_the_open_and_the_close(data_root: Path) -> None:
    """The auction flags of a share lie at the edges of the session by volume: the codes are read rightly."""
    trades = concatenate([m.trades for m in open_ticks(data_root / _BAC).minutes()])
    session = session_on("NYSE", datetime_of_ns(int(trades.ts_ns[0])).date())
    assert session is not None
    auction = (trades.flags & TradeFlag.AUCTION) > 0
    edge = np.minimum(abs(trades.ts_ns - session.open_ns), abs(trades.ts_ns - session.close_ns)) < 600e9
    assert trades.size[auction & edge].sum() > 0.9 * trades.size[auction].sum() > 0.0
    assert ((trades.flags & TradeFlag.OFF_EXCHANGE) > 0).mean() > 0.1


_BAC = "microstructure/lean_bac_tick_trade_20131008.parquet"


def test_the_national_best_quote_brackets_most_trades(data_root: Path) -> None:
    """Built from one-sided rows of twelve exchanges, it is not crossed in the session and trades lie in it."""
    names = (_BAC, "microstructure/lean_bac_tick_quote_20131008.parquet")
    minutes = list(open_ticks(*(data_root / name for name in names), regular_hours=True).minutes())
    quotes, trades = concatenate([m.quotes for m in minutes]), concatenate([m.trades for m in minutes])
    assert not (quotes.bid > quotes.ask)[quotes.ask > 0.0].any()
    place = np.searchsorted(quotes.ts_ns, trades.ts_ns) - 1
    within = (trades.price >= quotes.bid[place] - 1e-9) & (trades.price <= quotes.ask[place] + 1e-9)
    assert within[place >= 0].mean() > 0.99


def test_a_split_changes_the_scale_of_strikes_between_two_days(data_root: Path) -> None:
    """AAPL split 7:1 on 9 June 2014: one root, one symbol, strikes of hundreds and then of tens."""
    source = open_ticks(data_root / "option_intraday/aapl_minute_trade_20140606_09.parquet")
    by_day: dict[int, list[float]] = {}
    roots = set()
    for minute in source.minutes():
        table, day = minute.trades.contracts, datetime_of_ns(minute.ts_event_ns).day
        by_day.setdefault(day, []).extend(table.strike.tolist())
        roots |= {series.product.root for series in table.series}
    assert roots == {"AAPL"}
    assert np.median(by_day[6]) / np.median(by_day[9]) == pytest.approx(7.0, rel=0.1)


def test_both_roots_of_an_index_are_one_underlying(data_root: Path) -> None:
    """SPX and SPXW trade in one stream, in order of time although the file is grouped by root."""
    source = open_ticks(data_root / "option_intraday/spx_minute_trade_202101.parquet")
    roots = {series.product.root for minute in source.minutes() for series in minute.trades.contracts.series}
    assert roots == {"SPX", "SPXW"}
    assert counted(source)[2] == 8_735
