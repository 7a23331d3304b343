"""Days of the vendor's rows in files, one per day and kind; what is there already is not asked for again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.thetadata.fetch import MARKET_CLOSE, MARKET_OPEN, greek_tables, trade_tables
from adapters.thetadata.terminal import ThetaTerminal
from adapters.thetadata.trades import trades_and_quotes
from adapters.ticks.rows import Tally
from market.trades import QuoteBatch, TradeBatch

__all__ = ["DownloadKind", "DownloadStatus", "DownloadedDay", "download_days", "read_trade_quotes"]


class DownloadKind(StrEnum):
    """What is downloaded."""

    GREEKS = "greeks_1m"
    TRADES = "trade_quotes"


class DownloadStatus(StrEnum):
    """What became of a day."""

    WRITTEN = "written"
    SKIPPED = "skipped"  # a whole file was there already
    NO_DATA = "no_data"  # the terminal has none; the day is asked for again next time


class _Tables(Protocol):
    """Yields the tables of a day."""

    def __call__(
        self, terminal: ThetaTerminal, root: str, day: date, *, start_time: time, end_time: time
    ) -> AsyncIterator[pa.Table]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedDay:
    """One day of one kind.

    Parameters
    ----------
    day : datetime.date
        Trading day.
    kind : DownloadKind
        What was asked for.
    status : DownloadStatus
        What became of it.
    path : Path
        Where the file is, or would be.
    n_rows : int
        Rows in the file.
    """

    day: date
    kind: DownloadKind
    status: DownloadStatus
    path: Path
    n_rows: int


_SPAN: Final = b"hedgefield.span"
_TABLES: Final[dict[DownloadKind, _Tables]] = {
    DownloadKind.GREEKS: greek_tables,
    DownloadKind.TRADES: trade_tables,
}


async def download_days(
    terminal: ThetaTerminal,
    root: str,
    days: Iterable[date],
    folder: Path,
    *,
    kinds: Iterable[DownloadKind] = tuple(DownloadKind),
    start_time: time = MARKET_OPEN,
    end_time: time = MARKET_CLOSE,
    skip_existing: bool = True,
) -> AsyncIterator[DownloadedDay]:
    """Download days of Greeks and of trades with quotes, as the vendor prints them.

    Parameters
    ----------
    terminal : ThetaTerminal
        The terminal; its minutes are asked for at once, the days one after the other.
    root : str
        Option root, such as ``SPY`` or ``SPXW``.
    days : iterable of datetime.date
        Trading days.
    folder : Path
        Where the files go, named ``SPY_thetadata_greeks_1m_2023-05-22.parquet``; it is made where it is not there.
    kinds : iterable of DownloadKind
        What is asked for.
    start_time, end_time : datetime.time
        From `start_time` up to, but not at, `end_time`, wall clock of New York.
    skip_existing : bool
        Leave days alone whose file is there, whole and of the same span of time. A file appears under its name only
        once it is complete, so a download that was stopped goes on with the day at which it stopped.

    Yields
    ------
    DownloadedDay
        As each day is done.

    Raises
    ------
    VenueError
        The terminal refused, or failed in every try; the days before stay.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    wanted, span = tuple(kinds), f"{start_time.isoformat()}/{end_time.isoformat()}".encode()
    for day in days:
        for kind in wanted:
            path = folder / f"{root}_thetadata_{kind}_{day.isoformat()}.parquet"
            there = _rows_of(path, span) if skip_existing else None
            if there is not None:
                yield _told(day, kind, DownloadStatus.SKIPPED, path, there)
                continue
            tables = _TABLES[kind](terminal, root, day, start_time=start_time, end_time=end_time)
            n_rows = await _write(tables, path, span)
            status = DownloadStatus.WRITTEN if n_rows else DownloadStatus.NO_DATA
            yield _told(day, kind, status, path, n_rows)


def _told(day: date, kind: DownloadKind, status: DownloadStatus, path: Path, n_rows: int) -> DownloadedDay:
    return DownloadedDay(day=day, kind=kind, status=status, path=path, n_rows=n_rows)


def _rows_of(path: Path, span: bytes) -> int | None:
    try:
        known = pq.read_metadata(path)
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return int(known.num_rows) if (known.metadata or {}).get(_SPAN) == span else None


async def _write(tables: AsyncIterator[pa.Table], path: Path, span: bytes) -> int:
    """Write one row group per minute and give the file its name at the end; memory holds the minutes under way."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    writer: pq.ParquetWriter | None = None
    n_rows = 0
    try:
        async for table in tables:
            if writer is None:
                writer = pq.ParquetWriter(partial, table.schema.with_metadata({_SPAN: span}), compression="zstd")
            writer.write_table(table.select(writer.schema.names).cast(writer.schema))
            n_rows += table.num_rows
        if writer is None:
            return 0
        writer.close()
        partial.replace(path)
        return n_rows
    finally:
        if writer is not None:
            writer.close()
        partial.unlink(missing_ok=True)


def read_trade_quotes(path: Path, symbol: str, tally: Tally | None = None) -> Iterator[tuple[QuoteBatch, TradeBatch]]:
    """Yield the batches of a downloaded day, a minute at a time, as `fetch_trade_quotes` yields them.

    Parameters
    ----------
    path : Path
        A file of `DownloadKind.TRADES`.
    symbol : str
        Underlying.
    tally : Tally, optional
        Counts the rows.

    Yields
    ------
    tuple of QuoteBatch and TradeBatch
        One pair per row group.
    """
    counts = Tally() if tally is None else tally
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield trades_and_quotes(file.read_row_group(group, use_threads=False), symbol, counts, origin=path.name)
