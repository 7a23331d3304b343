"""Parquet tables of ticks: read in pieces, in order of time, with their instants in UTC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from adapters.chains.parquet import open_metadata
from adapters.chains.source import SourceFile, foreign_errors
from market.calendars import expiry_series
from market.chains import BoolArray, FloatArray, IntArray
from market.clock import ns_of_datetime, ns_of_utc_midnight
from market.errors import DataError
from market.instruments import product_of
from market.trades import ContractTable, Int64Array

__all__ = [
    "CHUNK_ROWS",
    "Clock",
    "column_names",
    "combinations",
    "contract_rows",
    "distinct",
    "eastern_midnight_ns",
    "eastern_ns",
    "has_zone",
    "never_rests",
    "numbers",
    "pieces",
    "utc_ns",
    "words",
]

CHUNK_ROWS = 65_536
_MAX_SORTED_ROWS = 20_000_000  # an unsorted table must fit into memory: 2 GB of bars
_EASTERN = ZoneInfo("America/New_York")
_DAY_NS = 86_400_000_000_000
_LONGEST_DAYS, _OLDEST_DAYS = 15 * 366, 366
_HOUR_NS = 3_600_000_000_000
_SATURDAY = 2  # the epoch was a Thursday
_MIN_SATURDAYS = 0.05  # a seventh of the bars of a market that never closes; 0 of any other
_MIN_HOUR = 0.01  # a twenty-fourth of them; every other market rests an hour a day


class Clock(StrEnum):
    """What the times of a table mean where they carry no zone."""

    NEW_YORK = "America/New_York"
    UTC = "UTC"


def column_names(source: SourceFile) -> list[str]:
    """Return the columns of a Parquet file whose sizes are within bounds."""
    open_metadata(source)
    with foreign_errors(source.path, what="the schema of the Parquet file cannot be read"):
        return list(pq.read_schema(source.path).names)


def has_zone(source: SourceFile, column: str) -> bool:
    """Return whether a column's instants carry a zone, so that they are in UTC; raises DataError where it has none."""
    with foreign_errors(source.path, what="the schema of the Parquet file cannot be read"):
        kind = pq.read_schema(source.path).field(column).type
    if not pa.types.is_timestamp(kind):
        raise DataError(
            "the times of the bars are not instants",
            path=str(source.path),
            found=f"{column}: {kind}",
            expected="a column of timestamps",
            action="write the file again with the date and the time of day in one timestamp",
        )
    return kind.tz is not None


def never_rests(source: SourceFile, column: str) -> bool:
    """Return whether a table's bars are those of a market that never closes.

    Parameters
    ----------
    source : SourceFile
        Parquet file.
    column : str
        Column of instants.

    Returns
    -------
    bool
        True where bars stand on Saturdays, or in all 24 hours of the day, of which every other market rests one.
    """
    rows, saturdays, hours = 0, 0, np.zeros(24)
    for piece in _raw(source, [column]):
        stamps = piece[column].to_numpy().astype("datetime64[ns]")
        wall = stamps[~np.isnat(stamps)].astype(np.int64)
        rows += wall.size
        saturdays += int((wall // _DAY_NS % 7 == _SATURDAY).sum())
        hours += np.bincount(wall % _DAY_NS // _HOUR_NS, minlength=24)
    return rows > 0 and (saturdays >= _MIN_SATURDAYS * rows or bool((hours >= _MIN_HOUR * rows).all()))


def combinations(source: SourceFile, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the distinct combinations of words in some columns, in alphabetical order."""
    found: set[tuple[str, ...]] = set()
    for piece in _raw(source, columns):
        found.update(zip(*(words(piece, name).tolist() for name in columns), strict=True))
    return sorted(found)


def distinct(source: SourceFile, column: str) -> list[str]:
    """Return the distinct words of a column, in alphabetical order."""
    found: set[str] = set()
    for piece in _raw(source, [column]):
        found.update(word for word in piece[column].unique().to_pylist() if word is not None)
    return sorted(found)


def pieces(source: SourceFile, columns: Sequence[str], *, by: str | None = None) -> Iterator[pa.Table]:
    """Yield a table's rows in pieces.

    Parameters
    ----------
    source : SourceFile
        Parquet file.
    columns : sequence of str
        Columns to read.
    by : str, optional
        Column that must rise; where it does not the whole table is read and sorted, equal rows in their order.
        Without it the rows come as written.

    Yields
    ------
    pyarrow.Table
        At most `CHUNK_ROWS` rows each.
    """
    if by is None or _rises(source, by):
        yield from _raw(source, columns)
        return
    rows = open_metadata(source).num_rows
    if rows > _MAX_SORTED_ROWS:
        raise DataError(
            "the table is too large to be sorted in memory",
            path=str(source.path),
            found=f"{rows} rows that do not rise in {by}",
            expected=f"at most {_MAX_SORTED_ROWS} rows, or rows in order of time",
            action=f"write the file again sorted by {by}",
        )
    table = pa.concat_tables(list(_raw(source, columns)))
    order = np.argsort(_instants_of(table[by]), kind="stable")
    for start in range(0, rows, CHUNK_ROWS):
        yield table.take(pa.array(order[start : start + CHUNK_ROWS]))


def _raw(source: SourceFile, columns: Sequence[str]) -> Iterator[pa.Table]:
    with foreign_errors(source.path, what="the rows cannot be read"), pq.ParquetFile(source.path) as file:
        for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=list(columns), use_threads=False):
            # A damaged page may hold dictionary codes without an entry, which Arrow does not look at by itself.
            batch.validate(full=True)
            yield pa.Table.from_batches([batch])
    source.check_unchanged()


def _rises(source: SourceFile, column: str) -> bool:
    last = np.iinfo(np.int64).min
    for piece in _raw(source, [column]):
        values = _instants_of(piece[column])
        if values.size and (int(values[0]) < last or bool((values[1:] < values[:-1]).any())):
            return False
        last = int(values[-1]) if values.size else last
    return True


def _instants_of(column: pa.ChunkedArray) -> NDArray[np.int64]:
    values = column.to_numpy()
    if values.dtype.kind == "M":
        values = values.astype("datetime64[ns]")
    instants: NDArray[np.int64] = values.astype(np.int64)
    return instants


def numbers(table: pa.Table, name: str) -> FloatArray:
    """Return a column as float64; a missing value is NaN.

    Parameters
    ----------
    table : pyarrow.Table
        Piece of a table.
    name : str
        Column.

    Returns
    -------
    ndarray, shape (n_rows,)
        Numbers; a column of another kind is refused by a `DataError` of the reader's context.
    """
    if not (pa.types.is_integer(table.schema.field(name).type) or pa.types.is_floating(table.schema.field(name).type)):
        raise DataError(
            "a column of numbers holds something else",
            found=f"{name}: {table.schema.field(name).type}",
            expected="numbers",
            action="write the file again with numbers in this column",
        )
    values: FloatArray = table[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def words(table: pa.Table, name: str) -> NDArray[np.str_]:
    """Return a column as text; a missing value is empty."""
    column = table[name]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    coded = column.cast(kind).cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    distinct_words = np.array(coded.dictionary.to_pylist() or [""], dtype=np.str_)
    found: NDArray[np.str_] = distinct_words[coded.indices.to_numpy(zero_copy_only=False)]
    return found


def eastern_ns(wall: NDArray[np.datetime64]) -> Int64Array:
    """Return wall-clock times of New York as ns since the epoch, UTC; 0 where there is none.

    Parameters
    ----------
    wall : ndarray of datetime64
        Without a zone.

    Returns
    -------
    ndarray of int64
        A day's offset is that of its noon: clocks change at two in the night, when no exchange is open.
    """
    stamps = wall.astype("datetime64[ns]")
    days, code = np.unique(stamps.astype("datetime64[D]"), return_inverse=True)
    offset = np.array([_offset_ns(day) for day in days], dtype=np.int64)
    missing = np.isnat(stamps)
    return np.where(missing, 0, stamps.astype(np.int64) + offset[code.reshape(-1)])


def utc_ns(stamps: NDArray[np.datetime64]) -> Int64Array:
    """Return times of UTC as ns since the epoch; 0 where there is none."""
    found = stamps.astype("datetime64[ns]")
    return np.where(np.isnat(found), 0, found.astype(np.int64))


def _offset_ns(day: np.datetime64) -> int:
    if np.isnat(day) or not np.datetime64("1970-01-02") <= day <= np.datetime64("2099-12-31"):
        return 0
    return eastern_midnight_ns(day.astype(date)) - ns_of_utc_midnight(day.astype(date))


def eastern_midnight_ns(day: date) -> int:
    """Return the instant from which milliseconds of a New York trading day count, ns since the epoch, UTC."""
    noon = ns_of_datetime(datetime.combine(day, time(12), tzinfo=_EASTERN))
    return noon - _DAY_NS // 2


def contract_rows(
    *,
    root: NDArray[np.str_],
    expiration: NDArray[np.datetime64],
    strike: FloatArray,
    right: NDArray[np.str_],
    ts_ns: Int64Array,
    path: Path,
) -> tuple[ContractTable, IntArray, BoolArray]:
    """Group rows by contract.

    Parameters
    ----------
    root, expiration, strike, right : ndarray, shape (n_rows,)
        Option root, expiration date, strike and ``C`` or ``P``.
    ts_ns : ndarray of int64, shape (n_rows,)
        Instants: an expiration farther away than fifteen years, or older than one, is a misread cell.
    path : Path
        File, for errors.

    Returns
    -------
    ContractTable
        The contracts.
    ndarray of int32, shape (n_rows,)
        Place of each row's contract; 0 where it has none.
    ndarray of bool, shape (n_rows,)
        Rows without a contract.
    """
    days = expiration.astype("datetime64[D]")
    ahead = days.astype(np.int64) - ts_ns // _DAY_NS
    bad = np.isnat(days) | (ahead < -_OLDEST_DAYS) | (ahead > _LONGEST_DAYS) | (root == "")
    bad |= ~(np.isfinite(strike) & (strike > 0.0)) | ~np.isin(right, ("C", "P"))
    good = np.flatnonzero(~bad)
    columns: dict[str, Any] = {"root": root, "day": days.astype(np.int64), "strike": strike, "call": right == "C"}
    kinds = [(name, column.dtype) for name, column in columns.items()]
    keys = np.empty(good.size, dtype=kinds)
    for name, column in columns.items():
        keys[name] = column[good]
    unique, inverse = np.unique(keys, return_inverse=True)
    series_keys = list(dict.fromkeys(zip(unique["root"].tolist(), unique["day"].tolist(), strict=True)))
    place_of = {key: place for place, key in enumerate(series_keys)}
    index = [place_of[key] for key in zip(unique["root"].tolist(), unique["day"].tolist(), strict=True)]
    with foreign_errors(path, what="an expiration cannot be placed in its calendar"):
        series = tuple(
            expiry_series(product_of(name), np.datetime64(day, "D").astype(date)) for name, day in series_keys
        )
    table = ContractTable(
        series=series,
        series_index=np.array(index, dtype=np.int32),
        strike=np.ascontiguousarray(unique["strike"], dtype=np.float64),
        is_call=np.ascontiguousarray(unique["call"], dtype=np.bool_),
    )
    contract = np.zeros(root.shape[0], dtype=np.int32)
    contract[good] = inverse.reshape(-1)
    return table, contract, bad
