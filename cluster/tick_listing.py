"""What trades, quotes, order books and open interest lie in a file: read once, a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from adapters.chains.source import foreign_errors
from adapters.ticks import MorningInterest, Tally, TickFile, open_ticks
from adapters.ticks.books import BookFile
from market.clock import datetime_of_ns
from market.errors import DataError
from market.trades import QuoteBatch

__all__ = ["TickSummary", "list_ticks"]

_EASTERN: Final = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True, kw_only=True)
class TickSummary:
    """Trades and quotes of one underlying in one file.

    Parameters
    ----------
    path : Path
        Where it lies.
    format : str
        Publisher and layout.
    kind : str
        ``quotes``, ``trades``, ``quotes and trades``, ``order book`` or ``open interest``.
    symbol : str
        Underlying.
    first_session, last_session : datetime.date
        Days in New York of the first and last row.
    first_ns, last_ns : int
        Instants from which the first and last row are known, ns since the epoch, UTC.
    n_quotes, n_trades : int
        Rows that can be used.
    dropped : mapping of str to int
        Rows that cannot, by reason.
    n_interest : int
        Rows of open interest.
    n_updates : int
        Rows of changes of an order book in a file of its own.
    """

    path: Path
    format: str
    kind: str
    symbol: str
    first_session: date
    last_session: date
    first_ns: int
    last_ns: int
    n_quotes: int
    n_trades: int
    dropped: Mapping[str, int]
    n_interest: int = 0
    n_updates: int = 0


def list_ticks(path: Path) -> tuple[TickSummary, ...]:
    """Describe the trades, quotes and open interest of a file.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    tuple of TickSummary
        One for each underlying and kind of record; none where the file is of no known format of ticks. Raises DataError
        where it is, and cannot be read.
    """
    try:
        source = open_ticks(path)
    except DataError:
        return ()
    files = [file for file in source.files if file.path == path]
    interest = tuple(_of_interest(item) for item in source.interest if item.path == path and item.ts_ns.size)
    with foreign_errors(path, what="the ticks cannot be read"):
        ticks = [summary for file in files if (summary := _summary(file)) is not None]
        depth = [] if files else [summary for book in source.books if (summary := _of_book(book)) is not None]
        return (*ticks, *depth, *interest)


def _of_interest(item: MorningInterest) -> TickSummary:
    first_ns, last_ns = int(item.ts_ns.min()), int(item.ts_ns.max())
    return TickSummary(
        path=item.path,
        format=item.format,
        kind="open interest",
        symbol=item.symbol,
        first_session=datetime_of_ns(first_ns).astimezone(_EASTERN).date(),
        last_session=datetime_of_ns(last_ns).astimezone(_EASTERN).date(),
        first_ns=first_ns,
        last_ns=last_ns,
        n_quotes=0,
        n_trades=0,
        dropped={"bad_row": item.n_dropped} if item.n_dropped else {},
        n_interest=item.ts_ns.size,
    )


def _of_book(book: BookFile) -> TickSummary | None:
    stamps = [part[part > 0] for part in book.stamps()]
    ends = [int(end) for part in stamps if part.size for end in (part.min(), part.max())]
    if not ends:
        return None
    return TickSummary(
        path=book.path,
        format=book.format,
        kind="order book",
        symbol=book.symbol,
        first_session=datetime_of_ns(min(ends)).astimezone(_EASTERN).date(),
        last_session=datetime_of_ns(max(ends)).astimezone(_EASTERN).date(),
        first_ns=min(ends),
        last_ns=max(ends),
        n_quotes=0,
        n_trades=0,
        dropped={},
        n_updates=sum(part.size for part in stamps),
    )


def _summary(file: TickFile) -> TickSummary | None:
    tally, first_ns, last_ns = Tally(), 0, 0
    kinds: set[str] = set()
    for group in file.batches(tally):
        for batch in group:
            if batch.ts_ns.size:
                kinds.add("quotes" if isinstance(batch, QuoteBatch) else "trades")
                low, high = int(batch.ts_ns.min()), int(batch.ts_ns.max())
                first_ns, last_ns = min(first_ns or low, low), max(last_ns, high)
    if not kinds:
        return None
    return TickSummary(
        path=file.path,
        format=file.format,
        kind=" and ".join(sorted(kinds)),
        symbol=file.symbol,
        first_session=datetime_of_ns(first_ns).astimezone(_EASTERN).date(),
        last_session=datetime_of_ns(last_ns).astimezone(_EASTERN).date(),
        first_ns=first_ns,
        last_ns=last_ns,
        n_quotes=tally.quotes,
        n_trades=tally.trades,
        dropped={reason.value: n for reason, n in sorted(tally.dropped.items())},
    )
