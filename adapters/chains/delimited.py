"""Delimited text: the dialect from its first lines, then one strict pass by Arrow's CSV reader."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as pacsv

from adapters.chains.source import SourceFile, foreign_errors
from market.errors import DataError

__all__ = ["Dialect", "TextRows", "column_name", "read_lines"]

_BLOCK = 1 << 19  # bytes that one thread reads at a time
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a text separates its cells and its decimals."""

    delimiter: str
    decimal: str

    @classmethod
    def of(cls, header: str, rows: Sequence[str]) -> Dialect:
        """Find the dialect from the header line and some rows after it."""
        delimiter = max(_DELIMITERS, key=header.count)
        comma = delimiter != "," and any(re.search(r"\d,\d", row) for row in rows)
        return cls(delimiter=delimiter, decimal="," if comma else ".")

    def split(self, line: str) -> list[str]:
        """Return the cells of one line, normalised as column names."""
        cells = next(csv.reader(io.StringIO(line), delimiter=self.delimiter), [])
        return [column_name(cell) for cell in cells]


def column_name(cell: str) -> str:
    """Return a header cell as a column name: lower case, no brackets, no blanks around it."""
    return cell.strip().strip("[]#\ufeff").strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRows:
    """Rows of a text: a table of typed columns, and the lines that could not be split."""

    table: pa.Table
    malformed: int


def read_lines(
    source: SourceFile,
    content: bytes,
    dialect: Dialect,
    *,
    names: Sequence[str],
    skip: int,
    kinds: Mapping[str, pa.DataType] | None = None,
) -> TextRows:
    """Split a text into columns.

    Parameters
    ----------
    source : SourceFile
        For errors.
    content : bytes
        The whole text.
    dialect : Dialect
        Its separators.
    names : sequence of str
        Names of the columns, in their order; a line with another number of cells is malformed.
    skip : int
        Lines before the first row.
    kinds : mapping of str to pyarrow.DataType, optional
        The columns to read and what their cells should be, where the layout is known. Where a cell is not, all columns
        are read, and judged, as without it.

    Returns
    -------
    TextRows
        Columns are numbers where every cell is one, else text.
    """
    body = _body(content, skip)
    if not body or body.isspace():
        raise DataError(
            "the table has a header but no rows",
            path=str(source.path),
            row=skip + 1,
            found="the end of the file",
            expected="one contract or more",
            action="fetch the file again",
        )
    with foreign_errors(source.path, what="the table cannot be split into columns"):
        try:
            table, malformed = _split(body, dialect, names, kinds, threads=kinds is not None)
            if malformed and kinds is not None:
                table, malformed = _split(body, dialect, names, kinds)  # only one thread numbers the lines
        except pa.ArrowInvalid:
            if kinds is None:
                raise
            table, malformed = _split(body, dialect, names, None)
    _check_lines(source, body, table.num_rows + len(malformed), skip)
    _check_shape(source, body, table, malformed, expected=len(names), skip=skip, delimiter=dialect.delimiter)
    return TextRows(table=table, malformed=len(malformed))


def _split(
    body: bytes,
    dialect: Dialect,
    names: Sequence[str],
    kinds: Mapping[str, pa.DataType] | None,
    *,
    threads: bool = False,
) -> tuple[pa.Table, list[tuple[int, int]]]:
    """Return the columns, and of each line with another number of cells its number and its cells."""
    malformed: list[tuple[int, int]] = []

    def remember(row: pacsv.InvalidRow) -> str:
        malformed.append((row.number or 0, row.actual_columns))
        return "skip"

    table = pacsv.read_csv(
        pa.BufferReader(body),
        # One block, so that the type of a column is judged on all of its cells, and lines keep their numbers. Where
        # the types are told and every line is sound, blocks can be read side by side.
        read_options=pacsv.ReadOptions(
            column_names=list(names), use_threads=threads, block_size=_BLOCK if threads else len(body) + 1
        ),
        parse_options=pacsv.ParseOptions(delimiter=dialect.delimiter, invalid_row_handler=remember),
        convert_options=pacsv.ConvertOptions(
            column_types=dict(kinds or {}),
            include_columns=list(kinds or ()),
            decimal_point=dialect.decimal,
            strings_can_be_null=True,
            null_values=["", " ", "NaN", "nan", "NULL", "null", "None", "N/A"],
            true_values=[],
            false_values=[],
            timestamp_parsers=[],
            auto_dict_encode=False,
        ),
    )
    return table, malformed


def _body(content: bytes, skip: int) -> bytes:
    start = 0
    for _ in range(skip):
        end = content.find(b"\n", start)
        if end < 0:
            return b""
        start = end + 1
    body = content[start:]
    if body.isascii():
        return body
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        # Spreadsheets save Latin-1; what matters in the rows is ASCII anyway.
        return body.decode("latin-1").encode("utf-8")
    return body


def _check_lines(source: SourceFile, body: bytes, found: int, skip: int) -> None:
    # A quotation mark that is never closed makes one cell of all lines after it: contracts would vanish uncounted.
    if b'"' not in body or found >= body.count(b"\n"):
        return
    lines = body.split(b"\n")
    filled = sum(1 for line in lines if line.rstrip(b"\r"))
    if found < filled:
        odd = next((i for i, line in enumerate(lines) if line.count(b'"') % 2), 0)
        raise DataError(
            "a quotation mark is not closed on its line",
            path=str(source.path),
            row=skip + odd + 1,
            found=f"{filled} lines that read as {found} rows",
            expected="one row per line",
            action="remove the stray quotation mark, or fetch the file again",
        )


def _check_shape(
    source: SourceFile,
    body: bytes,
    table: pa.Table,
    malformed: list[tuple[int, int]],
    *,
    expected: int,
    skip: int,
    delimiter: str,
) -> None:
    if not malformed:
        return
    lines = table.num_rows + len(malformed)
    row, found = malformed[-1]
    if row == lines and not body.endswith(b"\n"):
        raise DataError(
            "the file ends in the middle of a line",
            path=str(source.path),
            row=skip + row,
            found=f"{found} columns",
            expected=f"{expected} columns",
            action="the file is truncated; fetch it again",
        )
    if 2 * len(malformed) > lines:
        row, found = malformed[0]
        raise DataError(
            "most lines do not have the columns of the header",
            path=str(source.path),
            row=skip + row,
            found=f"{found} columns on {len(malformed)} of {lines} lines",
            expected=f"{expected} columns separated by {delimiter!r}",
            action="check the delimiter, and that decimals are written with a point (1.5, not 1,5)",
        )
