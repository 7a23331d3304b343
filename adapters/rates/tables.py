"""Small tables of dated rows: text, plain or gzipped, or Parquet."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from market.chains import FloatArray
from market.clock import ns_of_datetime
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["instants_of", "numbers_of", "read_table", "required_day", "words_of"]

_MAX_ROWS = 5_000_000
_NO_VALUE = frozenset({"", ".", "na", "n/a", "nan", "null", "none", "-"})


def read_table(path: Path) -> dict[str, list[Any]]:
    """Return the columns of a table by their names in lower case.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.csv.gz`` or ``.parquet``. Cells of text files stay text.

    Returns
    -------
    dict of str to list
        Columns of equal length.
    """
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else _text(path)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise DataError(
            "the table cannot be read",
            path=str(path),
            found=str(error)[:120],
            expected="comma-separated text with a header, or Parquet",
            action="check that the download is complete",
        ) from error
    if table.num_rows > _MAX_ROWS:
        raise DataError("the table is too long", path=str(path), found=f"{table.num_rows} rows", expected="daily rows")
    return {name.strip().lower(): table[name].to_pylist() for name in table.column_names}


def _text(path: Path) -> pa.Table:
    with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream:
        names = stream.read().split(b"\n", 1)
    header = [name.strip().strip('"') for name in names[0].decode("utf-8-sig").split(",")]
    # Every column as text: an inferred type would turn a publisher's mark of absence into an error or a number.
    convert = pc.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
    body = pa.BufferReader(names[1] if len(names) > 1 else b"")
    return pc.read_csv(body, read_options=pc.ReadOptions(column_names=header), convert_options=convert)


def required_day(cell: object, path: Path, row: int) -> date:
    """Return the date of a cell: ISO, or month/day/year as Cboe writes it."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = str(cell).strip()
    try:
        return datetime.strptime(text, "%m/%d/%Y").date() if "/" in text else date.fromisoformat(text[:10])  # noqa: DTZ007  # a date has no zone
    except ValueError as error:
        raise DataError(
            "a row has no usable date",
            path=str(path),
            row=row,
            found=repr(cell)[:60],
            expected="a date such as 2023-05-23 or 05/23/2023",
            action="correct or remove the row",
        ) from error


def instants_of(cells: list[Any], zone: str, path: Path, empty: int | None = None) -> Int64Array:
    """Return a column of instants, ns since the epoch, UTC.

    Parameters
    ----------
    cells : list
        ISO 8601, or datetimes.
    zone : str
        Time zone of those that name none.
    path : Path
        For errors.
    empty : int, optional
        Stands for an empty cell, which is an error otherwise.

    Returns
    -------
    ndarray of int64
        One per cell.
    """
    found = np.zeros(len(cells), dtype=np.int64)
    for row, cell in enumerate(cells):
        if empty is not None and (cell is None or not str(cell).strip()):
            found[row] = empty
            continue
        try:
            instant = cell if isinstance(cell, datetime) else datetime.fromisoformat(str(cell).strip())
        except ValueError as error:
            raise DataError(
                "a row has no usable time",
                path=str(path),
                row=row + 2,
                found=repr(cell)[:60],
                expected="an instant such as 2023-05-03T14:00:00-04:00",
                action="correct or remove the row",
            ) from error
        found[row] = ns_of_datetime(instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(zone)))
    return found


def numbers_of(cells: list[Any], path: Path, column: str) -> FloatArray:
    """Return a column of numbers; NaN where the publisher marks that there is none."""
    found = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        text = "" if cell is None else str(cell).strip()
        if text.lower() in _NO_VALUE:
            continue
        try:
            found[row] = float(text)
        except ValueError as error:
            raise DataError(
                f"a cell of {column} is not a number",
                path=str(path),
                row=row + 2,
                found=repr(text)[:60],
                expected="a number, or a dot where there is none",
                action="correct or remove the row",
            ) from error
    return np.where(np.isfinite(found), found, np.nan)


def words_of(cells: list[Any]) -> tuple[str, ...]:
    """Return a column of text without surrounding blanks."""
    return tuple("" if cell is None else str(cell).strip() for cell in cells)
