"""Bad input: every row is used or counted, and a file that cannot be read says why."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from adapters.ticks import TickDrop, open_ticks
from market.errors import DataError
from market.trades import TradeFlag
from tests.adapters.ticks.samples import (
    OPEN,
    Columns,
    book_archive,
    counted,
    lean_archive,
    only,
    quote_bars,
    trade_bars,
    written,
)

_NAN = float("nan")


def test_bad_cells_are_counted_by_reason(tmp_path: Path) -> None:
    """NaN prices, negative sizes, missing times and strikes of nothing leave the rows that are good."""
    changes: dict[str, list[object]] = {
        "close": [10.0, _NAN, 10.0, -1.0, 10.0, 10.0],
        "volume": [1, 1, -1, 1, 1, 1],
        "strike": [750.0, 750.0, 750.0, 750.0, _NAN, 750.0],
        "time": [OPEN + timedelta(minutes=m) for m in range(5)] + [None],
    }
    source = open_ticks(trade_bars(tmp_path / "goog_trade.parquet", range(6), **changes))
    assert counted(source) == (1, 0, 1)
    assert source.tally.dropped == {
        TickDrop.BAD_PRICE: 2,
        TickDrop.BAD_SIZE: 1,
        TickDrop.BAD_ROW: 2,
    }
    assert source.tally.read == 6


def test_negative_quotes_are_left_out_and_missing_sides_are_none(tmp_path: Path) -> None:
    """A side that is not there has price and size 0; a negative price is no price."""
    changes: dict[str, list[object]] = {"close_bid": [_NAN, -1.0], "bid_size": [_NAN, 1.0]}
    source = open_ticks(quote_bars(tmp_path / "goog_quote.parquet", [0, 1], **changes))
    quotes = only(source).quotes
    assert (quotes.bid[0], quotes.bid_size[0], quotes.ask[0]) == (0.0, 0.0, 11.0)
    assert source.tally.dropped == {TickDrop.BAD_PRICE: 1}


def test_tables_out_of_order_are_sorted(tmp_path: Path) -> None:
    """Bars are facts about their own time, whatever the order of their rows."""
    straight = open_ticks(trade_bars(tmp_path / "goog_trade.parquet", [0, 1, 2, 3]))
    mixed = open_ticks(trade_bars(tmp_path / "goog_trade_mixed.parquet", [2, 0, 3, 1]))
    prices = [[m.trades.price.tolist() for m in source.minutes()] for source in (straight, mixed)]
    assert prices[0] == prices[1] == [[10.5], [11.5], [12.5], [13.5]]


def test_late_arrivals_of_a_stream_are_marked_or_counted(tmp_path: Path) -> None:
    """A trade of an earlier minute comes late and says so; a late quote would be stale and is left out."""
    minute = 60_000_000_000
    stamps = [2 * minute, 4 * minute, minute, 4 * minute]
    columns: Columns = {
        "local_ts_ns": stamps,
        "price": [1.0] * 4,
        "qty": [1.0] * 4,
        "trade_id": range(4),
        "aggressor": [1] * 4,
    }
    trades = open_ticks(written(tmp_path / "btcusdt_trades.parquet", columns))
    played = list(trades.minutes())
    assert [m.ts_event_ns for m in played] == [2 * minute, 4 * minute] == trades.instants().tolist()
    assert played[1].trades.flags.tolist() == [TradeFlag.OUT_OF_SEQUENCE, 0, 0]
    assert played[1].trades.ts_ns.tolist() == [minute, 4 * minute, 4 * minute]
    columns = {"local_ts_ns": stamps, "bid": [1.0] * 4, "bid_qty": [1.0] * 4, "ask": [2.0] * 4, "ask_qty": [1.0] * 4}
    quotes = open_ticks(written(tmp_path / "btcusdt_quotes.parquet", columns))
    assert counted(quotes) == (2, 3, 0)
    assert quotes.tally.dropped == {TickDrop.LATE: 1}
    assert quotes.tally.read == quotes.tally.quotes + 1


def test_repeated_rows_are_kept(tmp_path: Path) -> None:
    """Several equal prints in one instant are real; nothing but an id could tell a repeat."""
    source = open_ticks(trade_bars(tmp_path / "goog_minute_trade.parquet", [0, 0, 0]))
    assert only(source).trades.price.tolist() == [10.5] * 3


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """Under whatever path, its trades are not doubled."""
    path = trade_bars(tmp_path / "goog_minute_trade.parquet", [0, 1])
    (tmp_path / "link.parquet").symlink_to(path)
    assert counted(open_ticks(path, path, tmp_path / "link.parquet")) == (2, 0, 2)


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    """A truncated zip says that it is damaged."""
    path = lean_archive(tmp_path, "trade", "34200000,1,1,1,105000,3\n" * 50)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="zip archive cannot be opened"):
        open_ticks(path)


def test_lines_that_are_no_bars_are_counted(tmp_path: Path) -> None:
    """Words, missing columns and times beyond midnight cost one row each."""
    lines = "34200000,1,1,1,105000,3\nabc\n34200000,1\n99999999999,1,1,1,105000,3\n"
    source = open_ticks(lean_archive(tmp_path, "trade", lines))
    assert counted(source)[2] == 1
    assert sum(source.tally.dropped.values()) == 3


def test_messages_without_their_books_are_refused(tmp_path: Path) -> None:
    """A book is missing: which quote belongs to which trade cannot be known."""
    path = book_archive(tmp_path, "34200.5,1,1,10,1000000,1\n" * 2, "1010000,5,1000000,10\n")
    with pytest.raises(DataError, match="do not belong together"):
        counted(open_ticks(path))


def test_a_text_among_the_messages_is_refused(tmp_path: Path) -> None:
    """Messages and books are aligned by row, so that no row can be left out."""
    path = book_archive(tmp_path, "34200.5,1,1,ten,1000000,1\n", "1010000,5,1000000,10\n")
    with pytest.raises(DataError):
        counted(open_ticks(path))


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"a": [1]}, "known format"),
        ({"local_ts_ns": [1], "side": [1], "price": [1.0], "qty": [1.0], "is_snapshot": [True]}, "known format"),
        ({"time": [OPEN], "close": ["x"], "volume": [1]}, "numbers"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, columns: dict[str, list[object]], match: str) -> None:
    """The error says what was found."""
    with pytest.raises(DataError, match=match):
        counted(open_ticks(written(tmp_path / "goog.parquet", columns)))


def test_daily_bars_are_refused(tmp_path: Path) -> None:
    """A bar without a time of day would be known in the night before it."""
    midnight = OPEN.replace(hour=0, minute=0)
    path = written(tmp_path / "goog.parquet", {"time": [midnight], "close": [1.0], "volume": [1]})
    with pytest.raises(DataError, match="length of the bars"):
        counted(open_ticks(path))


def test_a_file_without_symbol_or_day_asks_for_them(tmp_path: Path) -> None:
    """The caller can say what the name does not."""
    columns: Columns = {
        "ms": [1],
        "price": [1.0],
        "size": [1],
        "exchange": ["N"],
        "condition": ["1"],
        "suspicious": [0],
    }
    path = written(tmp_path / "ticks.parquet", columns)
    with pytest.raises(DataError, match="symbol"):
        open_ticks(path)
    with pytest.raises(DataError, match="day"):
        open_ticks(path, symbol="BAC")
    assert open_ticks(path, symbol="BAC", day=OPEN.date()).symbols == ("BAC",)


def test_regular_hours_end_with_an_early_close(tmp_path: Path) -> None:
    """On Christmas Eve the exchange closes at 13:00: what is known later is left out, and counted."""
    path = trade_bars(tmp_path / "goog_minute_trade.parquet", [-1, 0, 209, 210, 300])
    source = open_ticks(path, regular_hours=True)
    assert counted(source) == (2, 0, 2)
    assert source.tally.dropped == {TickDrop.OUTSIDE_SESSION: 3}
    assert np.all(np.diff(source.instants()) > 0)
