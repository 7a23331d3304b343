"""Chains laid out as tables: the columns of a layout, how its rows fall into snapshots, and reading one of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.chains.assemble import Contracts, SnapshotKey, assemble, listed_product
from adapters.chains.columns import ColumnReader, coded, distinct, parse_day
from adapters.chains.occ import OccSymbols, parse_occ
from adapters.chains.source import SourceFile, foreign_errors
from market.calendars import session_on
from market.chains import OptionChain
from market.clock import ns_of_datetime
from market.errors import DataError
from market.instruments import Product, product_of
from market.provenance import AsOfSource

__all__ = [
    "ChainSource",
    "Labels",
    "Layout",
    "Rows",
    "SingleSource",
    "Stamp",
    "TableSource",
    "at_session_close",
    "chain_of",
    "day_of",
    "label_column",
    "label_constant",
    "label_file_name",
    "label_instrument",
    "label_occ",
    "snapshots_of",
    "take",
    "underlying_of",
    "utc_instant",
]

_MAX_SNAPSHOTS = 200_000
_FIRST_DAY, _LAST_DAY = date(1973, 4, 26), date(2100, 1, 1)  # listed options begin with the Cboe
# Words of vendors' file names that are not symbols.
_NOT_SYMBOLS = frozenset(
    {
        *(
            "all",
            "cboe",
            "chain",
            "chains",
            "daily",
            "data",
            "eod",
            "export",
            "hour",
            "lean",
            "minute",
            "opra",
            "option",
        ),
        *("options", "optionsdx", "quote", "quotes", "raw", "sample", "table", "universe", "usa", "yahoo"),
    }
)


class ChainSource(Protocol):
    """A file of option chains: what it holds is known at opening, a chain is read when it is asked for."""

    @property
    def format(self) -> str:
        """Vendor and layout, such as ``cboe-quote-table``."""

    @property
    def path(self) -> Path:
        """Where the file lies."""

    @property
    def snapshots(self) -> tuple[SnapshotKey, ...]:
        """What the file holds, in time order."""

    def read(self, index: int) -> OptionChain:
        """Return the chain of ``snapshots[index]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When a snapshot was taken: its session, the instant in ns, and how that was found."""

    session: date
    ts_event_ns: int
    as_of_source: AsOfSource


Labels = tuple[NDArray[np.int64], list[str]]
Rows = slice | NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One vendor's table of contracts.

    Parameters
    ----------
    name : str
        Vendor and layout, for the provenance.
    required : frozenset of str
        Columns by which the layout is recognised, in lower case.
    time : str
        Column that tells the snapshots apart.
    label : callable
        From the table and its path to the symbol of each row: codes and names.
    label_columns, stamp_columns : tuple of str
        Columns that `label` and `stamp` read beside `time`.
    stamp : callable
        From the value of `time`, the rows of one snapshot, its symbol and the path to a `Stamp`.
    contracts : callable
        From the rows of one snapshot and its key to `Contracts`.
    time_of_day : str, optional
        Column with the clock time, where `time` is only the date; the value of `stamp` is then ``date|time``.
    contracts_per_row : int
        2 where a row holds a call and a put.
    product : callable
        Terms of a root, as in `assemble`.
    """

    name: str
    required: frozenset[str]
    time: str
    label: Callable[[pa.Table, Path], Labels]
    stamp: Callable[[object, pa.Table, str, Path], Stamp]
    contracts: Callable[[pa.Table, SnapshotKey], Contracts]
    label_columns: tuple[str, ...] = ()
    stamp_columns: tuple[str, ...] = ()
    time_of_day: str | None = None
    contracts_per_row: int = 1
    product: Callable[[str, str], Product | None] = listed_product

    @property
    def index_columns(self) -> tuple[str, ...]:
        """Columns that must be read to know the snapshots."""
        clock = () if self.time_of_day is None else (self.time_of_day,)
        return tuple(dict.fromkeys((self.time, *clock, *self.label_columns, *self.stamp_columns)))


def snapshots_of(layout: Layout, index: pa.Table, path: Path) -> list[tuple[SnapshotKey, Rows]]:
    """Return the snapshots of a table in time order, each with its rows.

    Parameters
    ----------
    layout : Layout
        How the table is laid out.
    index : pyarrow.Table
        The index columns of all rows.
    path : Path
        For errors.
    """
    times, time_values = _times(layout, index)
    labels, names = layout.label(index, path)
    missing = np.flatnonzero((times < 0) | (labels < 0))
    if missing.size:
        raise DataError(
            f"a row has no {layout.time} or no symbol",
            path=str(path),
            row=int(missing[0]) + 1,
            found="an empty cell",
            expected="a time and a symbol in each row",
            action="remove the row or complete it",
        )
    group = times * len(names) + labels
    distinct, inverse, counts = np.unique(group, return_inverse=True, return_counts=True)
    if distinct.size > _MAX_SNAPSHOTS:
        raise DataError(
            "the file holds too many snapshots",
            path=str(path),
            found=f"{distinct.size} distinct times and symbols",
            expected=f"at most {_MAX_SNAPSHOTS}",
            action=f"check the column {layout.time}, or split the file",
        )
    order = np.argsort(inverse.reshape(-1), kind="stable")
    ends = np.cumsum(counts)
    found = []
    for code, end, count in zip(distinct, ends, counts, strict=True):
        rows = _rows(order[end - count : end])
        symbol = _checked(names[int(code) % len(names)], path)
        stamp = layout.stamp(time_values[int(code) // len(names)], take(index, rows), symbol, path)
        found.append((_key(stamp, symbol, int(count) * layout.contracts_per_row), rows))
    return sorted(found, key=lambda item: (item[0].ts_event_ns, item[0].symbol))


def _times(layout: Layout, index: pa.Table) -> tuple[NDArray[np.int64], list[object]]:
    codes, values = coded(index[layout.time])
    if layout.time_of_day is None:
        return codes, values
    clock_codes, clocks = coded(index[layout.time_of_day])
    joined = np.where((codes < 0) | (clock_codes < 0), -1, codes * len(clocks) + clock_codes)
    return joined, [f"{value}|{clock}" for value in values for clock in clocks]


def _key(stamp: Stamp, symbol: str, n_contracts: int) -> SnapshotKey:
    return SnapshotKey(
        symbol=symbol,
        session=stamp.session,
        ts_event_ns=stamp.ts_event_ns,
        as_of_source=stamp.as_of_source,
        n_contracts=n_contracts,
    )


def _rows(rows: NDArray[np.int64]) -> Rows:
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == rows.size else rows


def take(table: pa.Table, rows: Rows) -> pa.Table:
    """Return some rows of a table, without a copy where they stand together."""
    return table.slice(rows.start, rows.stop - rows.start) if isinstance(rows, slice) else table.take(pa.array(rows))


@final
class TableSource:
    """A table in memory, as read from delimited text.

    Parameters
    ----------
    source : SourceFile
        The file.
    layout : Layout
        How it is laid out.
    table : pyarrow.Table
        Its rows; column names in lower case.
    malformed : int
        Contracts on lines that could not be split into columns; only a file of one snapshot may have any.
    """

    def __init__(self, source: SourceFile, layout: Layout, table: pa.Table, *, malformed: int = 0) -> None:
        self._source, self._layout, self._table, self._malformed = source, layout, table, malformed
        with foreign_errors(source.path, what="the index columns cannot be read"):
            self._snapshots = snapshots_of(layout, table.select(layout.index_columns), source.path)

    @property
    def format(self) -> str:
        """Vendor and layout."""
        return self._layout.name

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._source.path

    @property
    def snapshots(self) -> tuple[SnapshotKey, ...]:
        """What the file holds, in time order."""
        return tuple(key for key, _ in self._snapshots)

    @property
    def rows(self) -> tuple[Rows, ...]:
        """Rows of each snapshot in `table`."""
        return tuple(rows for _, rows in self._snapshots)

    def table(self) -> pa.Table:
        """Return all rows; column names in lower case."""
        return self._table

    def read(self, index: int) -> OptionChain:
        """Return one chain."""
        key, rows = self._snapshots[index]
        malformed = self._malformed if index == 0 else 0
        return chain_of(self._layout, take(self._table, rows), key, self.path, malformed=malformed)


def chain_of(layout: Layout, table: pa.Table, key: SnapshotKey, path: Path, *, malformed: int = 0) -> OptionChain:
    """Return the chain that the rows of one snapshot make."""
    with foreign_errors(path, what=f"the rows do not fit the layout {layout.name}"):
        contracts = layout.contracts(table, key)
        return assemble(contracts, key, source=layout.name, path=path, product=layout.product, malformed=malformed)


@final
@dataclass(frozen=True, slots=True)
class SingleSource:
    """A file that holds one snapshot, already read.

    Parameters
    ----------
    path : Path
        Where the file lies.
    chain : OptionChain
        Its one chain.
    """

    path: Path
    chain: OptionChain

    @property
    def format(self) -> str:
        """Vendor and layout."""
        return self.chain.provenance.source

    @property
    def snapshots(self) -> tuple[SnapshotKey, ...]:
        """The one snapshot."""
        return (
            SnapshotKey(
                symbol=self.chain.symbol,
                session=self.chain.session,
                ts_event_ns=self.chain.ts_event_ns,
                as_of_source=self.chain.provenance.as_of_source,
                n_contracts=self.chain.n_read,
                simulated=self.chain.provenance.simulated,
            ),
        )

    def read(self, index: int) -> OptionChain:
        """Return the chain; the index must be 0."""
        return (self.chain,)[index]


def day_of(value: object, path: Path) -> date:
    """Return the date that a cell means, or raise."""
    day = value.date() if isinstance(value, datetime) else value if isinstance(value, date) else parse_day(str(value))
    if day is None or not _FIRST_DAY <= day <= _LAST_DAY:
        raise DataError(
            "a snapshot has no usable date",
            path=str(path),
            found=repr(value)[:80],
            expected=f"a date from {_FIRST_DAY} to {_LAST_DAY}, such as 2023-05-23",
            action="check the date column",
        )
    return day


def at_session_close(value: object, _rows_of: pa.Table, symbol: str, path: Path) -> Stamp:
    """Stamp a snapshot of which only the date is known with the close of that session."""
    day = day_of(value, path)
    session = session_on(product_of(symbol).calendar, day)
    if session is None:
        raise DataError(
            "a snapshot is dated on a day without a session",
            path=str(path),
            found=f"{day.isoformat()} ({day:%A})",
            expected=f"a trading day of {product_of(symbol).calendar}",
            action="correct the date column",
        )
    return Stamp(session=day, ts_event_ns=session.close_ns, as_of_source=AsOfSource.SESSION_CLOSE)


def utc_instant(value: object, path: Path) -> int:
    """Return the ns since the epoch of a cell that shows a UTC instant: a datetime, a number of seconds or text."""
    instant = value
    try:
        if isinstance(value, int | float):
            instant = datetime.fromtimestamp(value, tz=UTC)
        elif isinstance(value, str):
            # One unreadable cell makes text of a whole column of seconds.
            seconds = re.fullmatch(r"\s*(\d{9,11}(?:\.\d*)?)\s*", value)
            instant = (
                datetime.fromtimestamp(float(seconds[1]), tz=UTC) if seconds else datetime.fromisoformat(value.strip())
            )
    except (ValueError, OverflowError, OSError):
        instant = None
    if not isinstance(instant, datetime):
        instant = datetime(1, 1, 1, tzinfo=UTC)
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    day_of(aware.date() if aware.year > 1 else str(value), path)
    return ns_of_datetime(aware.astimezone(UTC))


def label_column(name: str) -> Callable[[pa.Table, Path], Labels]:
    """Take the symbol from a column."""

    def label(index: pa.Table, _path: Path) -> Labels:
        return _named(index[name], lambda text: text)

    return label


def label_occ(name: str) -> Callable[[pa.Table, Path], Labels]:
    """Take the underlying from the roots of contract symbols: the one most contracts belong to."""

    def label(index: pa.Table, path: Path) -> Labels:
        symbols = ColumnReader(index).text(name)
        # A foreign root among them must not make a chain of its own: it is dropped as non-standard later.
        underlying = underlying_of(symbols, parse_occ(symbols), path, column=name)
        return np.zeros(index.num_rows, dtype=np.int64), [underlying]

    return label


def underlying_of(symbols: NDArray[np.bytes_], occ: OccSymbols, path: Path, *, column: str) -> str:
    """Return the underlying that most contracts belong to.

    Parameters
    ----------
    symbols : ndarray of bytes, shape (n_rows,)
        Contract symbols; empty where the cell is.
    occ : OccSymbols
        What they say, of n_rows rows or more.
    path : Path
        For errors.
    column : str
        For errors.

    Returns
    -------
    str
        Such as ``SPX``, of whichever root.
    """
    roots, codes = distinct(occ.root[: symbols.shape[0]])
    readable = occ.valid[: symbols.shape[0]]
    counts: dict[str, int] = {}
    for root, count in zip(roots, np.bincount(codes[readable], minlength=roots.size), strict=True):
        name = _underlying(bytes(root).decode("ascii", "replace"))
        counts[name] = counts.get(name, 0) + int(count)
    for symbol in symbols[~readable]:
        if word := bytes(symbol).decode("ascii", "replace").strip():
            name = _underlying(re.sub(r"\s*\d{6}[CP]\d{8}$", "", word))
            counts[name] = counts.get(name, 0) + 1
    if not any(counts.values()):
        raise DataError(
            f"the column {column} is empty",
            path=str(path),
            found=f"no symbol on {symbols.shape[0]} rows",
            expected="contract symbols such as SPXW240119C04500000",
            action="fetch the file again",
        )
    return _checked(max(counts, key=lambda word: counts[word]), path)


def _underlying(root: str) -> str:
    try:
        return product_of(root).underlying
    except DataError:  # one garbled cell with an at sign must not cost the file
        return root


def label_instrument(name: str) -> Callable[[pa.Table, Path], Labels]:
    """Take the coin from instrument names such as ``BTC-27JUN25-100000-C``."""

    def label(index: pa.Table, _path: Path) -> Labels:
        return _named(index[name], lambda text: re.split(r"[-_]", text, maxsplit=1)[0])

    return label


def label_constant(symbol: str) -> Callable[[pa.Table, Path], Labels]:
    """Use one symbol for a layout that exists for it alone."""

    def label(index: pa.Table, _path: Path) -> Labels:
        return np.zeros(index.num_rows, dtype=np.int64), [symbol]

    return label


def label_file_name(index: pa.Table, path: Path) -> Labels:
    """Take the symbol from the file's name, where the content does not hold it at all."""
    words = re.split(r"[^A-Za-z]+", path.name.split(".", maxsplit=1)[0])
    symbols = [word.upper() for word in words if 1 <= len(word) <= 5 and word.lower() not in _NOT_SYMBOLS]
    if not symbols:
        raise DataError(
            "the file does not say which underlying it is about",
            path=str(path),
            found="no symbol column, and no symbol in the name",
            expected="a name that begins with the symbol, such as spy_eod_202212.csv",
            action="rename the file",
        )
    return np.zeros(index.num_rows, dtype=np.int64), [symbols[0]]


def _named(column: pa.ChunkedArray, name_of: Callable[[str], str]) -> Labels:
    codes, values = coded(column)
    names = [name_of(str(value).strip()).lstrip("^_$.").upper() for value in values]
    distinct = sorted(set(names)) or [""]
    position = {name: i for i, name in enumerate(distinct)}
    place = np.array([*(position[name] for name in names), -1], dtype=np.int64)
    return place[codes], distinct


def _checked(symbol: str, path: Path) -> str:
    if re.fullmatch(r"[A-Z][A-Z0-9./]{0,9}", symbol):
        return symbol
    raise DataError(
        "a contract has no usable underlying",
        path=str(path),
        found=repr(symbol)[:60],
        expected="a symbol such as SPX, or contract symbols such as SPXW240119C04500000",
        action="check the symbol column",
    )
