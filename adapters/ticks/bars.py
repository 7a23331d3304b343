"""Bars of quotes and trades in Parquet: a bar is known at its end, and stands there as its close."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np
import pyarrow as pa

from adapters.chains.occ import parse_occ
from adapters.chains.source import SourceFile, foreign_errors
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TickDrop, TradeRows, underlying
from adapters.ticks.tables import Clock, contract_rows, eastern_ns, numbers, pieces, utc_ns, words
from market.calendars import session_on
from market.chains import BoolArray, IntArray
from market.clock import datetime_of_ns
from market.errors import DataError
from market.trades import ContractTable, Int64Array, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["BarFile", "bar_length_ns", "outside_session"]

_MINUTE_NS: Final = 60_000_000_000
_INDEX_EXTRA_NS: Final = 15 * _MINUTE_NS  # index options trade on until 16:15
_DAY_NS: Final = 1440 * _MINUTE_NS
_HOURS_NS: Final = tuple(hours * 60 * _MINUTE_NS for hours in (12, 8, 6, 4, 2, 1))
_LENGTHS_NS: Final = (*_HOURS_NS, *(seconds * 1_000_000_000 for seconds in (1800, 900, 300, 60, 15, 5, 1)))
_QUOTE_COLUMNS = ("close_bid", "bid_size", "close_ask", "ask_size")
_TRADE_COLUMNS = ("close", "volume")
_CONTRACT_COLUMNS = ("expiration", "strike", "right")


def bar_length_ns(source: SourceFile, column: str) -> int:
    """Return how long the bars of a table are, from the grid on which they begin.

    Parameters
    ----------
    source : SourceFile
        Parquet file; a name with ``minute`` or ``1min`` in it says a minute where the grid allows it, one with ``hour``
        or ``1h`` an hour.
    column : str
        Column of the bars' starts.

    Returns
    -------
    int
        ns, from a second to twelve hours. The grid is never finer than the bars: a bar may be taken for known too late,
        never too early.
    """
    grid = 0
    for piece in pieces(source, [column]):
        starts = piece[column].to_numpy().astype("datetime64[ns]")
        grid = math.gcd(grid, int(np.gcd.reduce(starts[~np.isnat(starts)].astype(np.int64), initial=0)))
    if grid % _MINUTE_NS == 0 and re.search(r"minute|(?<!\d)1min", source.path.name) and grid % _DAY_NS:
        return _MINUTE_NS
    if grid % _HOURS_NS[-1] == 0 and re.search(r"hour|(?<!\d)1h(?![a-z])", source.path.name) and grid % _DAY_NS:
        return _HOURS_NS[-1]
    fitting = [length for length in _LENGTHS_NS if grid % length == 0]
    if grid % _DAY_NS == 0 or not fitting:
        raise DataError(
            "the length of the bars cannot be told",
            path=str(source.path),
            found="bars without a time of day" if grid % _DAY_NS == 0 else f"bars on a grid of {grid} ns",
            expected="bars of a second to twelve hours, stamped with their start",
            action="name a file of intraday bars",
        )
    return fitting[0]


def outside_session(ts_ns: Int64Array, calendar: str) -> BoolArray:
    """Return which instants lie outside the regular sessions of a calendar, early closes included.

    Parameters
    ----------
    ts_ns : ndarray of int64
        Instants at which something was known, ns since the epoch, UTC.
    calendar : str
        As in `market.calendars`.

    Returns
    -------
    ndarray of bool
        True at or before the open, and after the close. The calendars of options know few early closes, so they end
        at most a quarter of an hour after New York's share market (index options) or with it.
    """
    days, code = np.unique(ts_ns // _DAY_NS, return_inverse=True)
    sessions = [session_on(calendar, datetime_of_ns(int(day) * _DAY_NS).date()) if day > 0 else None for day in days]
    opens = np.array([np.iinfo(np.int64).max if s is None else s.open_ns for s in sessions], dtype=np.int64)
    shares = [session_on("NYSE", s.day) if s is not None and calendar != "24/7" else None for s in sessions]
    extra = _INDEX_EXTRA_NS if calendar == "CBOE_Index_Options" else 0
    closes = np.array(
        [
            0 if s is None else s.close_ns if n is None else min(s.close_ns, n.close_ns + extra)
            for s, n in zip(sessions, shares, strict=True)
        ],
        dtype=np.int64,
    )
    place = code.reshape(-1)
    return (ts_ns <= opens[place]) | (ts_ns > closes[place])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BarFile:
    """Quote bars or trade bars of one symbol in a Parquet table.

    Parameters
    ----------
    source : SourceFile
        The file.
    symbol : str
        Underlying.
    time : str
        Column of the bars' starts.
    is_quote : bool
        Bars of quotes, or of trades.
    is_option : bool
        Whether the rows name contracts.
    root : str or None
        Option root of all rows; None where a column ``root`` tells it.
    ticker : str or None
        Column of contract symbols that names the contracts instead.
    only : mapping of str to str, optional
        Words that the rows which are meant have in some columns, such as ``{"symbol": "AAPL"}``.
    calendar : str or None
        Leave out what lies outside the regular sessions of this calendar.
    clock : Clock
        Whose clock stamps the bars.
    """

    source: SourceFile
    symbol: str
    time: str
    is_quote: bool
    is_option: bool
    root: str | None = None
    ticker: str | None = None
    only: Mapping[str, str] = field(default_factory=dict)
    calendar: str | None = None
    clock: Clock = Clock.NEW_YORK

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return f"{'option' if self.is_option else 'underlying'}-{'quote' if self.is_quote else 'trade'}-bars"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the bars in order of time."""
        length = bar_length_ns(self.source, self.time)
        writer = RowWriter(symbol=self.symbol, source=self.format, path=self.path)
        columns = [self.time, *(_QUOTE_COLUMNS if self.is_quote else _TRADE_COLUMNS)]
        if self.ticker is not None:
            columns += [self.ticker]
        elif self.is_option:
            columns += [*_CONTRACT_COLUMNS, *(["root"] if self.root is None else [])]
        columns += list(self.only)
        for piece in pieces(self.source, columns, by=self.time):
            with foreign_errors(self.path, what="the bars cannot be read"):
                yield (self._batch(self._meant(piece), length, writer, tally),)

    def _meant(self, piece: pa.Table) -> pa.Table:
        for column, word in self.only.items():
            piece = piece.filter(pa.array(words(piece, column) == word))
        return piece

    def _batch(self, piece: pa.Table, length: int, writer: RowWriter, tally: Tally) -> QuoteBatch | TradeBatch:
        wall = piece[self.time].to_numpy()
        starts = utc_ns(wall) if self.clock is Clock.UTC else eastern_ns(wall)
        ts_ns = np.where(starts > 0, starts + length, 0)
        contracts, contract, bad = self._contracts(piece, ts_ns)
        refused = {TickDrop.BAD_ROW: bad}
        if self.calendar is not None:
            refused[TickDrop.OUTSIDE_SESSION] = outside_session(ts_ns, self.calendar)
        if self.is_quote:
            bid, bid_size, ask, ask_size = (numbers(piece, name) for name in _QUOTE_COLUMNS)
            quotes = QuoteRows(contract=contract, ts_ns=ts_ns, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)
            return writer.quotes(quotes, contracts, tally, refused)
        price, size = (numbers(piece, name) for name in _TRADE_COLUMNS)
        flags = np.full(ts_ns.size, int(TradeFlag.BAR), dtype=np.uint8)
        trades = TradeRows(contract=contract, ts_ns=ts_ns, price=price, size=size, flags=flags)
        return writer.trades(trades, contracts, tally, refused)

    def _contracts(self, piece: pa.Table, ts_ns: Int64Array) -> tuple[ContractTable, IntArray, BoolArray]:
        n = piece.num_rows
        if not self.is_option:
            return ContractTable.empty(), underlying(n), np.zeros(n, dtype=np.bool_)
        if self.ticker is not None:
            found = parse_occ(words(piece, self.ticker).astype("S64"))
            return contract_rows(
                root=np.where(found.valid, found.root.astype("U64"), ""),
                expiration=found.expiration,
                strike=found.strike,
                right=np.where(found.right == 1, "C", "P"),
                ts_ns=ts_ns,
                path=self.path,
            )
        return contract_rows(
            root=words(piece, "root") if self.root is None else np.full(n, self.root),
            expiration=piece["expiration"].to_numpy(),
            strike=numbers(piece, "strike"),
            right=words(piece, "right"),
            ts_ns=ts_ns,
            path=self.path,
        )
