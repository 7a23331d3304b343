"""Columns of an Arrow table as arrays, with a mask of the rows whose cells are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from market.chains import FloatArray

__all__ = ["ColumnReader", "coded", "distinct", "parse_day"]

_DAY_FORMATS = ("%Y-%m-%d", "%a %b %d %Y", "%Y%m%d", "%m/%d/%Y", "%Y/%m/%d")
_SPAN_PER_ROW = 8  # whole numbers are marked in a table while it has at most so many places per row
_CALLS = {"c", "call", "calls"}
_PUTS = {"p", "put", "puts"}


@lru_cache(maxsize=16_384)  # a table shows few dates, each on thousands of rows
def parse_day(text: str) -> date | None:
    """Return the date that a cell shows, or None where it shows none."""
    words = text.strip()
    for layout in (words[:10], words):
        for form in _DAY_FORMATS:
            try:
                return datetime.strptime(layout, form).date()  # noqa: DTZ007  # a date has no zone
            except ValueError:
                continue
    return None


def distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct values in order, and for each value its place among them, shape (n_rows,).

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
        Any sortable type.

    Returns
    -------
    distinct : ndarray, shape (n_distinct,)
        As `numpy.unique` gives them.
    codes : ndarray of int64, shape (n_rows,)
        ``distinct[codes]`` are the values.

    Notes
    -----
    Nothing is sorted that need not be. Whole numbers of a small span are marked in a table; of other values only the
    first of each run is sorted, because tables of contracts are in order of expiration.
    """
    if values.size == 0:
        return values, np.zeros(0, dtype=np.int64)
    if values.dtype.kind == "S" and values.dtype.itemsize <= 8:
        # Short words compare as the numbers that their letters make, in the same order.
        numbers, codes = distinct(values.astype("S8").view(">u8").astype(np.uint64))
        return numbers.astype(">u8").view("S8").astype(values.dtype), codes
    if values.dtype.kind == "i" and (span := int(values.max()) - int(values.min()) + 1) <= _SPAN_PER_ROW * values.size:
        place = values - values.min()
        present = np.zeros(span, dtype=np.bool_)
        present[place] = True
        return values.min() + np.flatnonzero(present), (np.cumsum(present) - 1)[place]
    first = np.concatenate([[True], values[1:] != values[:-1]])
    found, places = np.unique(values[first], return_inverse=True)
    return found, places.reshape(-1)[np.cumsum(first) - 1]


def coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[object]]:
    """Return a column as codes, shape (n_rows,), and the list of its distinct values; a missing cell has code -1."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], type=column.type)
    if not isinstance(whole, pa.DictionaryArray):
        whole = whole.dictionary_encode()
    codes = pc.fill_null(whole.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return codes, whole.dictionary.to_pylist()


@final
class ColumnReader:
    """Reads columns of one table by name and remembers which rows held a cell that cannot be read.

    Parameters
    ----------
    table : pyarrow.Table
        The rows of one snapshot.

    Attributes
    ----------
    bad : ndarray of bool, shape (n_rows,)
        Rows with a cell that should be a number, a date or a right and is not.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.bad = np.zeros(table.num_rows, dtype=np.bool_)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self._table.num_rows)

    def has(self, name: str) -> bool:
        """Return whether the table has the column."""
        return name in self._table.column_names

    def number(self, name: str) -> FloatArray:
        """Return a column as floats, shape (n_rows,); NaN where the cell is empty or the column absent."""
        if not self.has(name):
            return np.full(self.n_rows, np.nan)
        values, bad = _floats(self._table[name])
        self.bad |= bad | np.isinf(values)
        return values

    def day(self, name: str) -> NDArray[np.datetime64]:
        """Return a column as dates, shape (n_rows,); NaT where it cannot be read."""
        column = self._table[name]
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            days = column.cast(pa.timestamp("s"), safe=False).to_numpy().astype("datetime64[D]")
        else:
            days = self._mapped(name, _day_or_nat, np.datetime64("NaT", "D")).astype("datetime64[D]")
        self.bad |= np.isnat(days)
        return np.asarray(days)

    def right(self, name: str) -> NDArray[np.int8]:
        """Return a column of rights, shape (n_rows,): 1 call, 0 put, -1 neither."""
        rights = self._mapped(name, _right_or_bad, np.int8(-1)).astype(np.int8)
        self.bad |= rights < 0
        return rights

    def text(self, name: str) -> NDArray[np.bytes_]:
        """Return a column as byte strings, shape (n_rows,); empty where the cell is."""
        column = self._table[name]
        if pa.types.is_dictionary(column.type):
            words, codes = self.words(name)
            return np.asarray(words[codes])
        letters = _letters(column)
        if letters is not None:
            return letters
        return np.array([_bytes(value) for value in column.to_pylist()], dtype=np.bytes_).reshape(self.n_rows)

    def words(self, name: str) -> tuple[NDArray[np.bytes_], NDArray[np.int64]]:
        """Return the distinct texts of a column, the last one for empty cells, and of each row its place among them."""
        codes, values = coded(self._table[name])
        return np.array([*(_bytes(value) for value in values), b""]), np.where(codes < 0, len(values), codes)

    def instant_ns(self, name: str) -> NDArray[np.int64]:
        """Return a column of UTC instants as ns since the epoch, shape (n_rows,); the smallest int64 where missing."""
        column = self._table[name]
        if pa.types.is_timestamp(column.type):
            return np.asarray(
                column.cast(pa.timestamp("ns"), safe=False).to_numpy().astype("datetime64[ns]").view("i8")
            )
        return self._mapped(name, _instant_or_nat, np.datetime64("NaT", "ns")).astype("datetime64[ns]").view(np.int64)

    def _mapped(self, name: str, parse: Callable[[object], np.generic], missing: np.generic) -> NDArray[np.generic]:
        codes, values = coded(self._table[name])
        return np.array([*(parse(value) for value in values), missing])[codes]


def _floats(column: pa.ChunkedArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        plain = pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)
        if not plain:
            return np.full(len(column), np.nan), np.ones(len(column), dtype=np.bool_)
        values = column.cast(pa.float64(), safe=False).to_numpy()
        return np.asarray(values, dtype=np.float64), np.zeros(len(column), dtype=np.bool_)
    cells = [(cell or "").strip() for cell in column.to_pylist()]
    values = np.array([_float_or_nan(cell) for cell in cells], dtype=np.float64).reshape(len(cells))
    named_nan = np.array(
        [cell == "" or cell.lower() in {"nan", "none", "null", "n/a"} for cell in cells], dtype=np.bool_
    )
    return values, np.isnan(values) & ~named_nan.reshape(len(cells))


def _letters(column: pa.ChunkedArray) -> NDArray[np.bytes_] | None:
    """Return a column of ASCII text as byte strings without a loop over its rows, or None for any other column."""
    wide = pa.types.is_large_string(column.type)
    if not (wide or pa.types.is_string(column.type)) or len(column) == 0:
        return None
    whole = pa.concat_arrays(pc.fill_null(column, "").chunks)
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64 if wide else np.int32)[whole.offset : whole.offset + len(whole) + 1]
    letters = np.frombuffer(data or b"", dtype=np.uint8)[ends[0] : ends[-1]]
    if letters.size == 0 or int(letters.max()) > 127:
        return None
    length = np.diff(ends)
    width = int(length.max())
    if letters.size < width * len(whole):
        padded = np.zeros((len(whole), width), dtype=np.uint8)
        padded[np.arange(width) < length[:, None]] = letters
        letters = padded
    return np.ascontiguousarray(letters).reshape(-1).view(f"S{width}")


def _float_or_nan(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _day_or_nat(value: object) -> np.datetime64:
    day = value if isinstance(value, date) else parse_day(str(value))
    return np.datetime64("NaT", "D") if day is None else np.datetime64(day, "D")


def _instant_or_nat(value: object) -> np.datetime64:
    try:
        instant = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return np.datetime64("NaT", "ns")
    utc = instant.replace(tzinfo=None) - (instant.utcoffset() or instant - instant)
    return np.datetime64(utc, "ns")


def _right_or_bad(value: object) -> np.int8:
    word = str(value).strip().lower()
    return np.int8(1) if word in _CALLS else np.int8(0) if word in _PUTS else np.int8(-1)


def _bytes(value: object) -> bytes:
    return b"" if value is None else value if isinstance(value, bytes) else str(value).encode("ascii", "replace")
