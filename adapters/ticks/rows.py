"""Rows of trades and quotes on their way into batches: what cannot be one is left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from market.chains import BoolArray, FloatArray, IntArray
from market.provenance import AsOfSource, Provenance
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, Int8Array, Int64Array, QuoteBatch, TradeBatch

__all__ = ["QuoteRows", "RowWriter", "Tally", "TickDrop", "TickFile", "TradeRows", "underlying"]

_EARLIEST_NS, _LATEST_NS = 0, 4_102_444_800_000_000_000  # 1970 and 2100


class TickDrop(StrEnum):
    """Why a row is not used; every row that was read is in a batch or under one reason."""

    BAD_ROW = "bad_row"  # a cell or a line that cannot be read, or no such contract
    BAD_TIME = "bad_time"  # no instant, or outside 1970 to 2100
    BAD_PRICE = "bad_price"  # not finite, or negative, or a trade without a price
    BAD_SIZE = "bad_size"  # not finite, or negative, or a trade of nothing
    SUSPICIOUS = "suspicious"  # the publisher doubts it
    LATE = "late"  # a quote that arrived after a later minute had begun; trades stay and are marked
    OUTSIDE_SESSION = "outside_session"  # only where the regular session was asked for
    NO_TICK = "no_tick"  # order-book depth and other records that are neither a trade nor a best quote


@final
@dataclass(slots=True)
class Tally:
    """What one pass through a source read, kept and left out, in rows."""

    read: int = 0
    quotes: int = 0
    trades: int = 0
    dropped: Counter[TickDrop] = field(default_factory=Counter)

    def drop(self, reason: TickDrop, rows: int) -> None:
        """Count rows that are left out."""
        if rows:
            self.dropped[reason] += rows


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRows:
    """Columns of quotes as read, each of shape (n_rows,); a NaN price is a side that is not there."""

    contract: IntArray
    ts_ns: Int64Array
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRows:
    """Columns of trades as read, each of shape (n_rows,); a column that a source lacks is None."""

    contract: IntArray
    ts_ns: Int64Array
    price: FloatArray
    size: FloatArray
    trade_id: Int64Array | None = None
    flags: NDArray[np.uint8] | None = None
    venue: NDArray[np.int16] | None = None
    aggressor: Int8Array | None = None


class TickFile(Protocol):
    """One file, or one kind of record of one symbol in it."""

    @property
    def format(self) -> str:
        """Publisher and layout."""

    @property
    def path(self) -> Path:
        """Where the file lies."""

    @property
    def symbol(self) -> str:
        """Underlying."""

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the file from its start, a bounded piece at a time, in its order.

        The batches of a piece cover the same stretch of the file.
        """


@final
class RowWriter:
    """Turns columns into batches of one symbol.

    Parameters
    ----------
    symbol : str
        Underlying.
    source : str
        Publisher and layout.
    path : Path
        File.
    as_of : AsOfSource
        Whose clock stamps the rows.
    """

    def __init__(self, *, symbol: str, source: str, path: Path, as_of: AsOfSource = AsOfSource.STAMPED) -> None:
        self._symbol = symbol
        self._provenance = Provenance(source=source, origin=path.name, simulated=False, as_of_source=as_of)

    def quotes(
        self, rows: QuoteRows, contracts: ContractTable, tally: Tally, refused: Mapping[TickDrop, BoolArray]
    ) -> QuoteBatch:
        """Return the quotes that can be used.

        Parameters
        ----------
        rows : QuoteRows
            Columns.
        contracts : ContractTable
            What they speak of.
        tally : Tally
            Counts the rows.
        refused : mapping of TickDrop to ndarray of bool
            Rows that the reader refuses already.

        Returns
        -------
        QuoteBatch
            In the order of the rows; a side that is missing has price 0 and size 0.
        """
        prices, sizes = (rows.bid, rows.ask), (rows.bid_size, rows.ask_size)
        own = {
            TickDrop.BAD_TIME: _bad_time(rows.ts_ns),
            TickDrop.BAD_PRICE: _negative(prices),
            TickDrop.BAD_SIZE: _negative(sizes),
        }
        keep = _kept(_both(refused, own), rows.ts_ns.size, tally)
        tally.quotes += keep.size
        bid, ask = np.nan_to_num(rows.bid[keep]), np.nan_to_num(rows.ask[keep])
        return QuoteBatch(
            symbol=self._symbol,
            ts_event_ns=_newest(rows.ts_ns[keep]),
            cause_id=self._provenance.origin,
            provenance=self._provenance,
            contracts=contracts,
            contract=rows.contract[keep].astype(np.int32),
            ts_ns=rows.ts_ns[keep],
            bid=bid,
            ask=ask,
            bid_size=np.where(bid > 0.0, rows.bid_size[keep], 0.0),
            ask_size=np.where(ask > 0.0, rows.ask_size[keep], 0.0),
            venue=np.full(keep.size, CONSOLIDATED, dtype=np.int16),
        )

    def trades(
        self, rows: TradeRows, contracts: ContractTable, tally: Tally, refused: Mapping[TickDrop, BoolArray]
    ) -> TradeBatch:
        """Return the trades that can be used.

        Parameters
        ----------
        rows : TradeRows
            Columns.
        contracts : ContractTable
            What they speak of.
        tally : Tally
            Counts the rows.
        refused : mapping of TickDrop to ndarray of bool
            Rows that the reader refuses already.

        Returns
        -------
        TradeBatch
            In the order of the rows.
        """
        own = {
            TickDrop.BAD_TIME: _bad_time(rows.ts_ns),
            TickDrop.BAD_PRICE: ~(np.isfinite(rows.price) & (rows.price > 0.0)),
            TickDrop.BAD_SIZE: ~(np.isfinite(rows.size) & (rows.size > 0.0)),
        }
        n = rows.ts_ns.size
        keep = _kept(_both(refused, own), n, tally)
        tally.trades += keep.size
        return TradeBatch(
            symbol=self._symbol,
            ts_event_ns=_newest(rows.ts_ns[keep]),
            cause_id=self._provenance.origin,
            provenance=self._provenance,
            contracts=contracts,
            contract=rows.contract[keep].astype(np.int32),
            ts_ns=rows.ts_ns[keep],
            trade_id=(np.full(n, -1, dtype=np.int64) if rows.trade_id is None else rows.trade_id)[keep],
            price=rows.price[keep],
            size=rows.size[keep],
            flags=(np.zeros(n, dtype=np.uint8) if rows.flags is None else rows.flags)[keep],
            venue=(np.full(n, CONSOLIDATED, dtype=np.int16) if rows.venue is None else rows.venue)[keep],
            aggressor=(np.zeros(n, dtype=np.int8) if rows.aggressor is None else rows.aggressor)[keep],
        )


def underlying(n: int) -> IntArray:
    """Return the contract column of rows in the underlying."""
    return np.full(n, UNDERLYING, dtype=np.int32)


def _bad_time(ts_ns: Int64Array) -> BoolArray:
    return (ts_ns <= _EARLIEST_NS) | (ts_ns >= _LATEST_NS)


def _negative(columns: tuple[FloatArray, ...]) -> BoolArray:
    bad = np.zeros(columns[0].shape, dtype=np.bool_)
    for column in columns:
        bad |= (column < 0.0) | np.isinf(column)
    return bad


def _both(first: Mapping[TickDrop, BoolArray], second: Mapping[TickDrop, BoolArray]) -> dict[TickDrop, BoolArray]:
    return {
        reason: np.logical_or.reduce([part[reason] for part in (first, second) if reason in part])
        for reason in dict.fromkeys((*first, *second))
    }


def _kept(reasons: Mapping[TickDrop, BoolArray], n: int, tally: Tally) -> Int64Array:
    left = np.ones(n, dtype=np.bool_)
    tally.read += n
    for reason, rows in reasons.items():  # a row counts under its first reason
        tally.drop(reason, int((left & rows).sum()))
        left &= ~rows
    return np.flatnonzero(left)


def _newest(ts_ns: Int64Array) -> int:
    return int(ts_ns.max()) if ts_ns.size else 0
