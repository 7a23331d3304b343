"""Several files of ticks as one stream: per minute and symbol what was known by the minute's end."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final, final

import numpy as np

from adapters.ticks.books import BookFile, book_file
from adapters.ticks.interest import MorningInterest
from adapters.ticks.rows import Tally, TickDrop, TickFile
from market.trades import (
    UNDERLYING,
    ContractTable,
    Int64Array,
    QuoteBatch,
    TradeBatch,
    TradeFlag,
    concatenate,
    select,
)

__all__ = ["MINUTE_NS", "Minute", "TickSource"]

MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What one symbol's sources told in one minute.

    Parameters
    ----------
    ts_event_ns : int
        End of the minute, ns since the epoch, UTC: every row was known by then, and after the minute before.
    symbol : str
        Underlying.
    quotes : QuoteBatch
        In order of time; may be empty.
    trades : TradeBatch
        In order of time; may be empty.
    """

    ts_event_ns: int
    symbol: str
    quotes: QuoteBatch
    trades: TradeBatch


@dataclass(frozen=True, slots=True)
class _Part:
    minute: int
    symbol: str
    place: int
    batch: QuoteBatch | TradeBatch

    @property
    def order(self) -> tuple[int, str, int]:
        return self.minute, self.symbol, self.place


@final
class TickSource:
    """Trades and quotes of several files, played minute by minute.

    Parameters
    ----------
    files : sequence of TickFile
        Opened files, each in order of time.
    interest : sequence of MorningInterest
        Open interest that was among them.
    depth : sequence of BookFile
        Order books that were among them in files of their own; those beside ticks in one file are found here.
    """

    def __init__(
        self,
        files: Sequence[TickFile],
        interest: Sequence[MorningInterest] = (),
        depth: Sequence[BookFile] = (),
    ) -> None:
        # Their order must not depend on how they were named.
        self._files = tuple(sorted(files, key=lambda file: (file.symbol, file.format, str(file.path))))
        self._interest = tuple(interest)
        beside = [book for file in self._files if (book := book_file(file)) is not None]
        self._books = tuple(sorted((*beside, *depth), key=lambda file: (file.symbol, file.format, str(file.path))))
        self._book_minutes: Int64Array | None = None
        self._tally = Tally()
        self._minutes: Int64Array | None = None
        self._with_options: frozenset[str] = frozenset()

    @property
    def files(self) -> tuple[TickFile, ...]:
        """The files, by symbol, format and path."""
        return self._files

    @property
    def interest(self) -> tuple[MorningInterest, ...]:
        """Open interest as published in the mornings."""
        return self._interest

    @property
    def symbols(self) -> tuple[str, ...]:
        """Underlyings, in alphabetical order."""
        return tuple(sorted({file.symbol for file in self._files} | {file.symbol for file in self._books}))

    @property
    def books(self) -> tuple[BookFile, ...]:
        """The recorded order books, by symbol, format and path."""
        return self._books

    @property
    def tally(self) -> Tally:
        """What the newest pass has read so far: ``read == quotes + trades + sum(dropped)``."""
        return self._tally

    def instants(self) -> Int64Array:
        """Return the ends of the minutes in which anything was told; the first call reads all files once.

        Returns
        -------
        ndarray of int64
            ns since the epoch, UTC; rising.
        """
        return self._scanned()[0]

    def book_instants(self) -> Int64Array:
        """Return the ends of the minutes in which a book changed; the first call reads the stamps of all books.

        Returns
        -------
        ndarray of int64
            ns since the epoch, UTC; rising.
        """
        if self._book_minutes is None:
            found = [np.unique(_buckets(stamps)) for file in self._books for stamps in file.stamps()]
            minutes = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *found]))
            self._book_minutes = minutes[minutes > 0]
        return self._book_minutes

    @property
    def option_symbols(self) -> frozenset[str]:
        """Underlyings with option quotes, of which chains can be built; the first call reads all files once."""
        return self._scanned()[1]

    def _scanned(self) -> tuple[Int64Array, frozenset[str]]:
        if self._minutes is None:
            found, quoted = [np.zeros(0, dtype=np.int64)], set[str]()
            for file in self._files:
                for minutes, has_options in _minutes(file):
                    found.append(minutes)
                    quoted |= {file.symbol} if has_options else set()
            self._minutes, self._with_options = np.unique(np.concatenate(found)), frozenset(quoted)
        return self._minutes, self._with_options

    def minutes(self) -> Iterator[Minute]:
        """Read all files from the start, side by side.

        Yields
        ------
        Minute
            In order of time and symbol; only minutes in which something was told.
        """
        self._tally = tally = Tally()
        streams = [_cut(file, place, tally) for place, file in enumerate(self._files)]
        merged = heapq.merge(*streams, key=lambda part: part.order)
        for (minute, symbol), parts in groupby(merged, key=lambda part: (part.minute, part.symbol)):
            batches = [part.batch for part in parts]
            quotes = [batch for batch in batches if isinstance(batch, QuoteBatch)]
            trades = [batch for batch in batches if isinstance(batch, TradeBatch)]
            yield Minute(
                ts_event_ns=minute,
                symbol=symbol,
                quotes=_ordered(quotes, minute) if quotes else _no_quotes(trades[0], minute),
                trades=_ordered(trades, minute) if trades else _no_trades(quotes[0], minute),
            )


def _buckets(ts_ns: Int64Array) -> Int64Array:
    # A bar that ends with the minute belongs to it.
    buckets: Int64Array = -(-ts_ns // MINUTE_NS) * MINUTE_NS
    return buckets


def _cut(file: TickFile, place: int, tally: Tally) -> Iterator[_Part]:
    held: list[_Part] = []
    reached = 0
    for group in file.batches(tally):
        for batch in group:
            bucket = _arrival(batch.ts_ns, reached)
            timely, bucket = _late(batch, bucket, tally)
            minutes = np.unique(bucket).tolist()
            held += [_Part(minute, file.symbol, place, select(timely, bucket == minute)) for minute in minutes]
        held.sort(key=lambda part: part.minute)
        # The newest minute may go on in the next piece.
        reached = held[-1].minute if held else reached
        complete = [part for part in held if part.minute < reached]
        held = held[len(complete) :]
        yield from complete
    yield from held


def _minutes(file: TickFile) -> Iterator[tuple[Int64Array, bool]]:
    """Yield minutes in which rows arrived, and whether an option was quoted among them."""
    reached = 0
    for group in file.batches(Tally()):
        found = [
            (np.unique(_arrival(batch.ts_ns, reached)), _quotes_options(batch)) for batch in group if batch.ts_ns.size
        ]
        yield from found
        reached = max((int(minutes[-1]) for minutes, _ in found), default=reached)


def _quotes_options(batch: QuoteBatch | TradeBatch) -> bool:
    return isinstance(batch, QuoteBatch) and bool((batch.contract != UNDERLYING).any())


def _arrival(ts_ns: Int64Array, reached: int) -> Int64Array:
    """Return the minute in which each row arrived: its own, or that of the rows before it where it is late."""
    buckets: Int64Array = np.maximum(np.maximum.accumulate(_buckets(ts_ns)), reached)
    return buckets


def _late(
    batch: QuoteBatch | TradeBatch, bucket: Int64Array, tally: Tally
) -> tuple[QuoteBatch | TradeBatch, Int64Array]:
    late = _buckets(batch.ts_ns) < bucket
    if not late.any():
        return batch, bucket
    if isinstance(batch, TradeBatch):
        marked = np.where(late, batch.flags | int(TradeFlag.OUT_OF_SEQUENCE), batch.flags).astype(np.uint8)
        return replace(batch, flags=marked), bucket
    tally.quotes -= int(late.sum())
    tally.drop(TickDrop.LATE, int(late.sum()))
    return select(batch, ~late), bucket[~late]


def _ordered(batches: list[Any], minute: int) -> Any:
    whole = concatenate(batches) if len(batches) > 1 else batches[0]
    if (whole.ts_ns[1:] < whole.ts_ns[:-1]).any():
        whole = select(whole, np.argsort(whole.ts_ns, kind="stable"))
    return replace(whole, ts_event_ns=minute)


def _head(batch: QuoteBatch | TradeBatch, minute: int) -> dict[str, Any]:
    return {
        "symbol": batch.symbol,
        "ts_event_ns": minute,
        "cause_id": batch.cause_id,
        "provenance": batch.provenance,
        "contracts": ContractTable.empty(),
        "contract": np.zeros(0, dtype=np.int32),
        "ts_ns": np.zeros(0, dtype=np.int64),
        "venue": np.zeros(0, dtype=np.int16),
    }


def _no_quotes(like: TradeBatch, minute: int) -> QuoteBatch:
    none = np.zeros(0)
    return QuoteBatch(**_head(like, minute), bid=none, ask=none, bid_size=none, ask_size=none)


def _no_trades(like: QuoteBatch, minute: int) -> TradeBatch:
    return TradeBatch(
        **_head(like, minute),
        trade_id=np.zeros(0, dtype=np.int64),
        price=np.zeros(0),
        size=np.zeros(0),
        flags=np.zeros(0, dtype=np.uint8),
        aggressor=np.zeros(0, dtype=np.int8),
    )
