"""Each format says the same thing: what was known, when, and who crossed the spread where that is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from adapters.ticks import TickDrop, open_ticks
from market.clock import ns_of_datetime
from market.trades import UNDERLYING, TradeFlag
from tests.adapters.ticks.samples import Columns, book_archive, lean_archive, only, quote_bars, trade_bars, written

_OPEN_NS = ns_of_datetime(datetime(2015, 12, 24, 14, 30, tzinfo=UTC))
_MINUTE_NS = 60_000_000_000


def test_a_bar_is_known_at_its_end(tmp_path: Path) -> None:
    """The bar of 9:30 stands at 9:31 with its close, marked as a bar; quotes and trades of a minute come together."""
    quotes = quote_bars(tmp_path / "goog_quote.parquet", [0, 1])
    trades = trade_bars(tmp_path / "goog_trade.parquet", [0, 1])
    first, second = open_ticks(trades, quotes).minutes()
    assert [first.ts_event_ns, second.ts_event_ns] == [_OPEN_NS + _MINUTE_NS, _OPEN_NS + 2 * _MINUTE_NS]
    assert first.symbol == "GOOG"
    assert first.quotes.ts_ns.tolist() == first.trades.ts_ns.tolist() == [first.ts_event_ns]
    assert (first.quotes.bid[0], first.quotes.ask[0], first.quotes.bid_size[0]) == (10.0, 11.0, 5.0)
    assert (first.trades.price[0], first.trades.size[0], first.trades.flags[0]) == (10.5, 3.0, TradeFlag.BAR)
    assert second.trades.contracts.strike.tolist() == [750.0]
    assert second.trades.contracts.series[0].expiration == date(2016, 1, 15)


def test_bars_of_five_minutes_are_not_known_after_one(tmp_path: Path) -> None:
    """The grid of the starts bounds the length of a bar from above."""
    source = open_ticks(trade_bars(tmp_path / "goog_trade.parquet", [0, 5, 10]))
    assert next(source.minutes()).ts_event_ns == _OPEN_NS + 5 * _MINUTE_NS


def test_a_lean_archive_says_what_its_table_says(tmp_path: Path) -> None:
    """Prices are ten-thousandths, times milliseconds after midnight; the sibling of the other kind is opened too."""
    lean_archive(tmp_path, "quote", "34200000,1,1,1,100000,5,1,1,1,110000,7\n34260000,,,,,,1,1,1,120000,8\n")
    path = lean_archive(tmp_path, "trade", "34200000,1,1,1,105000,3\n")
    first, second = open_ticks(path).minutes()
    assert first.ts_event_ns == _OPEN_NS + _MINUTE_NS
    assert (first.quotes.bid[0], first.quotes.ask[0], first.trades.price[0]) == (10.0, 11.0, 10.5)
    assert (second.quotes.bid[0], second.quotes.bid_size[0], second.quotes.ask[0]) == (0.0, 0.0, 12.0)
    assert second.trades.n_trades == 0


def test_open_interest_among_the_files_is_kept_apart(tmp_path: Path) -> None:
    """It is known from the morning on, and is neither a quote nor a trade."""
    lean_archive(tmp_path, "openinterest", "23400000,42\n")
    source = open_ticks(lean_archive(tmp_path, "trade", "34200000,1,1,1,105000,3\n"))
    (interest,) = source.interest
    assert interest.open_interest.tolist() == [42.0]
    assert interest.ts_ns[0] == _OPEN_NS - 3 * 3600 * 1_000_000_000


_MESSAGES = "34200.5,1,1,10,1000000,1\n34200.6,4,1,4,1000000,1\n34200.7,5,0,3,1005000,-1\n34201.0,7,0,0,-1,-1\n"
_BOOKS = "1010000,5,1000000,10\n1010000,5,1000000,6\n1010000,5,1000000,6\n9999999999,0,1000000,6\n"


def test_an_execution_against_a_bid_was_sold(tmp_path: Path) -> None:
    """The aggressor is opposite to the resting order; hidden ones are marked; halts are quotes only."""
    source = open_ticks(book_archive(tmp_path, _MESSAGES, _BOOKS))
    minute = only(source)
    assert source.symbols == ("AMZN",)
    assert minute.trades.aggressor.tolist() == [-1, 1]
    assert minute.trades.flags.tolist() == [0, TradeFlag.OFF_EXCHANGE]
    assert minute.trades.price.tolist() == [100.0, 100.5]
    assert minute.quotes.bid_size.tolist() == [10.0, 6.0, 6.0, 6.0]
    assert minute.quotes.ask.tolist() == [101.0, 101.0, 101.0, 0.0]
    assert minute.trades.ts_ns[0] == ns_of_datetime(datetime(2012, 6, 21, 13, 30, 0, 600_000, tzinfo=UTC))


def test_one_sided_quotes_make_two_sided_ones(tmp_path: Path) -> None:
    """Each row tells the new national best of one side, at whatever exchange; the other side stays."""
    rows = [(1, 10.0, 100, 0.0, 0, "P"), (2, 0.0, 0, 10.2, 200, "P"), (3, 10.1, 300, 0.0, 0, "N")]
    rows += [(4, 9.9, 400, 0.0, 0, "P"), (5, 0.0, 0, 0.0, 0, "N")]
    names = ("ms", "bid", "bid_size", "ask", "ask_size", "exchange")
    columns: Columns = {"suspicious": [0] * 5, **dict(zip(names, zip(*rows, strict=True), strict=True))}
    source = open_ticks(written(tmp_path / "lean_bac_tick_quote_20131008.parquet", columns))
    quotes = only(source).quotes
    assert quotes.bid.tolist() == [10.0, 10.0, 10.1, 9.9]
    assert quotes.bid_size.tolist() == [100.0, 100.0, 300.0, 400.0]
    assert quotes.ask.tolist() == [0.0, 10.2, 10.2, 10.2]
    assert source.tally.dropped == {TickDrop.BAD_PRICE: 1}


def test_condition_codes_become_flags(tmp_path: Path) -> None:
    """An opening print is an auction, a late report is out of sequence, a dealer's report is off the exchange."""
    columns: Columns = {
        "ms": [34_200_000] * 4,
        "price": [10.0] * 4,
        "size": [1] * 4,
        "exchange": ["N", "D", "N", "N"],
        "condition": ["40", "1", "800", "xyz"],
        "suspicious": [0] * 4,
    }
    source = open_ticks(written(tmp_path / "lean_bac_tick_trade_20131008.parquet", columns))
    expected = [TradeFlag.AUCTION, TradeFlag.OFF_EXCHANGE, TradeFlag.OUT_OF_SEQUENCE]
    assert only(source).trades.flags.tolist() == expected
    assert only(source).trades.venue.tolist() == [13, 3, 13]
    assert source.tally.dropped == {TickDrop.BAD_ROW: 1}


_STREAM = """1723161254087891268 {"stream":"btcusdt@bookTicker","data":{"u":1,"b":"10","B":"2","a":"11","A":"3"}}
1723161254087896568 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":7,"p":"10","q":"0.5","m":true}}
1723161254087896569 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","b":[["1","2"]],"a":[]}}
1723161254087896570 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":8,"p":"x","q":"0.5","m":true}}
1723161254087896571 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":7,"p":"10","q":"0.5","m":true}}
"""


def test_a_recorded_stream_tells_the_aggressor(tmp_path: Path) -> None:
    """Where the buyer was the maker the seller crossed; depth and broken lines are counted; repeats keep their id."""
    path = tmp_path / "stream.jsonl"
    path.write_text(_STREAM)
    source = open_ticks(path)
    minute = only(source)
    assert minute.trades.aggressor.tolist() == [-1, -1]
    assert minute.trades.trade_id.tolist() == [7, 7]
    assert minute.quotes.ask_size.tolist() == [3.0]
    assert minute.trades.contract.tolist() == [UNDERLYING] * 2
    assert source.tally.dropped == {TickDrop.NO_TICK: 1, TickDrop.BAD_ROW: 1}
    assert source.tally.read == 5


def test_coin_prices_become_dollars(tmp_path: Path) -> None:
    """Price times the index of the trade; the direction is the aggressor's."""
    path = tmp_path / "trades.csv"
    path.write_text(
        "trade_seq,trade_id,timestamp,tick_direction,price,iv,instrument_name,index_price,direction,amount\n"
        "1,5,2020-02-21 14:31:50.251,2,0.0005,80,BTC-28FEB20-12500-C,9736.0,sell,2.0\n"
        "1,6,2020-02-21 14:31:50.251,2,0.0005,80,BTC-PERPETUAL,9736.0,sell,2.0\n"
    )
    source = open_ticks(path)
    trades = only(source).trades
    assert trades.price[0] == pytest.approx(4.868)
    assert (trades.aggressor[0], trades.size[0], trades.contracts.strike[0]) == (-1, 2.0, 12_500.0)
    assert trades.contracts.series[0].product.root == "BTC@DERIBIT"
    assert source.tally.dropped == {TickDrop.BAD_ROW: 1}
    assert np.array_equal(source.instants(), [only(source).ts_event_ns])
