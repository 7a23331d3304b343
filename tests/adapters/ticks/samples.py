"""Small files of ticks in the layouts of the publishers, and where the real ones lie."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.ticks import Minute, TickSource

Columns = Mapping[str, Sequence[object]]
OPEN = datetime(2015, 12, 24, 9, 30)  # noqa: DTZ001  # publishers' wall clock carries no zone


def counted(source: TickSource) -> tuple[int, int, int]:
    """Return the minutes, quotes and trades of one pass."""
    minutes = list(source.minutes())
    return len(minutes), sum(m.quotes.n_quotes for m in minutes), sum(m.trades.n_trades for m in minutes)


def only(source: TickSource) -> Minute:
    """Return the one minute that a source holds."""
    (minute,) = source.minutes()
    return minute


def written(path: Path, columns: Columns) -> Path:
    """Write a Parquet file."""
    pq.write_table(pa.table(dict(columns)), path)
    return path


def quote_bars(path: Path, minutes: Sequence[int], **changes: Sequence[object]) -> Path:
    """Write quote bars of one call; the minutes count from the open."""
    n = len(minutes)
    columns: dict[str, Sequence[object]] = {
        "time": [OPEN + timedelta(minutes=m) for m in minutes],
        "expiration": [datetime(2016, 1, 15)] * n,  # noqa: DTZ001  # a date
        "strike": [750.0] * n,
        "right": ["C"] * n,
        "close_bid": [10.0 + m for m in minutes],
        "bid_size": [5] * n,
        "close_ask": [11.0 + m for m in minutes],
        "ask_size": [7] * n,
    }
    return written(path, {**columns, **changes})


def trade_bars(path: Path, minutes: Sequence[int], **changes: Sequence[object]) -> Path:
    """Write trade bars of one call; the minutes count from the open."""
    n = len(minutes)
    columns: dict[str, Sequence[object]] = {
        "time": [OPEN + timedelta(minutes=m) for m in minutes],
        "expiration": [datetime(2016, 1, 15)] * n,  # noqa: DTZ001  # a date
        "strike": [750.0] * n,
        "right": ["C"] * n,
        "close": [10.5 + m for m in minutes],
        "volume": [3] * n,
    }
    return written(path, {**columns, **changes})


def depth_rows(path: Path, seconds: Sequence[float]) -> Path:
    """Write a book around 755 USD: a snapshot of two levels a side, then updates of the best bid's size."""
    n, open_ns = len(seconds), 1_450_967_400_000_000_000  # `OPEN` in UTC
    columns: dict[str, Sequence[object]] = {
        "local_ts_ns": [open_ns] * 4 + [open_ns + int(s * 1e9) for s in seconds],
        "update_id": [1] * 4 + list(range(2, n + 2)),
        "side": [1, 1, -1, -1] + [1] * n,
        "price": [754.9, 754.0, 755.1, 756.0] + [754.9] * n,
        "qty": [100.0] * 4 + [200.0 + s for s in seconds],
        "is_snapshot": [True] * 4 + [False] * n,
    }
    return written(path, columns)


def lean_archive(folder: Path, kind: str, lines: str) -> Path:
    """Write an archive of one contract."""
    path = folder / f"20151224_{kind}_american.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"20151224_goog_minute_{kind}_american_call_7500000_20160115.csv", lines)
    return path


def book_archive(folder: Path, messages: str, books: str) -> Path:
    """Write messages and books of one share."""
    path = folder / "books.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("AMZN_2012-06-21_34200000_57600000_message_1.csv", messages)
        archive.writestr("AMZN_2012-06-21_34200000_57600000_orderbook_1.csv", books)
    return path
