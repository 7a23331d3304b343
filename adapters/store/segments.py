"""Segments: immutable Parquet files with row groups small enough to be passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters.encoded.footer import HEADS_MARK, heads_from, packed_heads
from adapters.encoded.messages import Head
from adapters.store.files import StoreFiles, file_errors
from adapters.store.kinds import KINDS, DataKind, folder_of
from adapters.store.manifest import Segment
from market.chains import BoolArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = [
    "Facts",
    "Opened",
    "Range",
    "SegmentFile",
    "checked",
    "key_codes",
    "open_segment",
    "revised",
    "write_segment",
]

ROWS_PER_GROUP: Final = 65_536
CHAIN_ROWS_PER_GROUP: Final = 4_096
_GROUP: Final = {DataKind.CHAINS: CHAIN_ROWS_PER_GROUP}
_ALONE: Final = {DataKind.CHAINS: 512}  # rows from which a message begins a row group of its own
_COMPRESSED: Final = "zstd"
_INSTANTS: Final = ("event_ns", "known_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Rows whose value in a column lies in a range, both ends included; rows without a value lie outside.

    Parameters
    ----------
    column : str
        Name.
    least, most : float, int or None
        Ends; None where it is open.
    """

    column: str
    least: float | None = None
    most: float | None = None


def checked(kind: DataKind, table: pa.Table, *, path: str = "") -> pa.Table:
    """Return a table with the instants first, or raise where it lacks what its kind must have.

    Parameters
    ----------
    kind : DataKind
        What it should be.
    table : pyarrow.Table
        Rows.
    path : str, optional
        Source, for errors.

    Returns
    -------
    pyarrow.Table
        Instants as int64; a row known before its event is refused, because such a stamp would let a test look ahead.
    """
    missing = [name for name in (*_INSTANTS, *KINDS[kind].required) if name not in table.column_names]
    for name in set(_INSTANTS) - set(missing):
        column = table[name]
        if column.null_count or not pa.types.is_int64(column.type):
            missing.append(f"{name} as int64 without a gap")
    if missing:
        raise DataError(
            f"a table of {kind} lacks columns",
            path=path,
            found=", ".join(table.column_names),
            expected=", ".join(missing),
            action="name the columns as the guide of the store has them",
        )
    early = np.flatnonzero(table["known_ns"].to_numpy() < table["event_ns"].to_numpy())
    if early.size:
        raise DataError(
            "a row is known before it happened",
            path=path,
            row=int(early[0]) + 1,
            found=f"{early.size} rows with known_ns below event_ns",
            expected="known_ns at or after event_ns",
            action="check the time zone of the source",
        )
    rest = [name for name in table.column_names if name not in _INSTANTS]
    return table.select([*_INSTANTS, *rest])


def key_codes(kind: DataKind, tables: Sequence[pa.Table]) -> list[Int64Array]:
    """Return for each row of several tables a number that equal keys share; empty where the kind has no keys."""
    names = [name for name in KINDS[kind].keys if any(name in table.column_names for table in tables)]
    if not names:
        return []
    total = sum(table.num_rows for table in tables)
    codes = np.zeros(total, dtype=np.int64)
    for name in names:
        column = pa.chunked_array([chunk for table in tables for chunk in _as_key(table, name).chunks])
        encoded = pc.rank(column, tiebreaker="dense").to_numpy(zero_copy_only=False).astype(np.int64)
        pair = codes * (int(encoded.max(initial=0)) + 1) + encoded
        codes = np.unique(pair, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.split(codes, np.cumsum([table.num_rows for table in tables])[:-1])


def _as_key(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns"), safe=False).cast(pa.int64())
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64()).cast(pa.string()) if name != "event_ns" else column
    return column.cast(pa.string())


def revised(kind: DataKind, table: pa.Table) -> bool:
    """Return whether a key stands in the table more than once, known from different instants."""
    codes = [] if kind is DataKind.CHAINS else key_codes(kind, [table])  # the rows of a chain share their instant
    if not codes:
        return False
    known = table["known_ns"].to_numpy()
    order = np.lexsort((known, codes[0]))
    same = codes[0][order][1:] == codes[0][order][:-1]
    return bool((same & (known[order][1:] != known[order][:-1])).any())


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the manifest says of a segment beside what can be read off its rows."""

    symbol: str
    period: str
    source: str
    origin: str
    simulated: bool
    replaces: tuple[str, ...] = ()
    merges: bool = False


@final
class SegmentFile:
    """One file of a partition that is being written; memory holds a row group.

    Parameters
    ----------
    files : StoreFiles
        Where to.
    kind : DataKind
        Kind.
    schema : pyarrow.Schema
        Of all tables that come.
    facts : Facts
        Partition and origin.
    """

    def __init__(self, files: StoreFiles, kind: DataKind, schema: pa.Schema, facts: Facts) -> None:
        self._files, self._kind, self._facts = files, kind, facts
        # A chain begins a row group of its own, so that a read of it takes in nothing else; small messages share one,
        # chains too: the row group of a chain of a dozen contracts costs more than its rows, to write and to read.
        self._alone, self._per_group = _ALONE.get(kind), _GROUP.get(kind, ROWS_PER_GROUP)
        self._schema = schema.remove_metadata()
        self._scratch = files.scratch()
        # Dictionary pages of float columns cost more than they save; of words and codes they are the compression.
        coded = [f.name for f in schema if not pa.types.is_floating(f.type) and f.name not in _INSTANTS]
        with file_errors(facts.origin):
            self._writer = pq.ParquetWriter(self._scratch, self._schema, compression=_COMPRESSED, use_dictionary=coded)
        self._heads: list[Head] = []
        self._held: list[pa.Table] = []
        self._n_held = 0
        self.n_rows = 0
        self._spans: dict[str, list[int]] = {name: [] for name in _INSTANTS}

    def add(self, table: pa.Table, head: Head | None = None) -> None:
        """Add rows, with the head where they are a message."""
        if head is not None:
            head.first_row = self.n_rows
            self._heads.append(head)
            if not head.n_rows:  # a chain without contracts has no rows, but an instant
                self._spans["event_ns"].append(head.event_ns)
                self._spans["known_ns"].append(head.known_ns)
        if not table.num_rows:
            return
        for name, ends in self._spans.items():
            values = table[name].to_numpy()
            ends += [int(values.min()), int(values.max())]
        self.n_rows += table.num_rows
        alone = self._alone is not None and table.num_rows >= self._alone
        if self._alone is not None and (alone or self._n_held + table.num_rows > self._per_group):
            self._flush(whole=True)  # a small chain is not cut, nor does a large one share
        self._held.append(table)
        self._n_held += table.num_rows
        if alone or self._n_held >= self._per_group:
            self._flush(whole=alone)

    def finish(self, *, revises: bool) -> Segment:
        """Take the file in and return its line of the manifest; a commit makes it durable, then names it."""
        self._flush(whole=True)
        with file_errors(self._facts.origin):
            if self._heads:
                self._writer.add_key_value_metadata({HEADS_MARK: packed_heads(self._heads)})
            self._writer.close()
            folder = folder_of(self._kind, self._facts.symbol, self._facts.period)
            path, sha256, n_bytes = self._files.adopt(self._scratch, folder, ".parquet")
        return Segment(
            path=path,
            symbol=self._facts.symbol,
            period=self._facts.period,
            source=self._facts.source,
            sha256=sha256,
            n_rows=self.n_rows,
            n_bytes=n_bytes,
            first_event_ns=min(self._spans["event_ns"]),
            last_event_ns=max(self._spans["event_ns"]),
            first_known_ns=min(self._spans["known_ns"]),
            last_known_ns=max(self._spans["known_ns"]),
            revises=revises,
            simulated=self._facts.simulated,
            replaces=self._facts.replaces,
            origin=self._facts.origin,
            merges=self._facts.merges,
        )

    def abandon(self) -> None:
        """Remove what was written aside, where it was not finished."""
        self._writer.close()
        self._scratch.unlink(missing_ok=True)

    def _flush(self, *, whole: bool) -> None:
        if not self._held:
            return
        table = self._held[0] if len(self._held) == 1 else pa.concat_tables(self._held)
        n_full = table.num_rows if whole else table.num_rows // self._per_group * self._per_group
        with file_errors(self._facts.origin):
            self._writer.write_table(
                table.slice(0, n_full).replace_schema_metadata(None), row_group_size=self._per_group
            )
        rest = table.slice(n_full)
        self._held, self._n_held = [rest] if rest.num_rows else [], rest.num_rows


def write_segment(
    files: StoreFiles, kind: DataKind, tables: Sequence[pa.Table], heads: list[Head], facts: Facts
) -> Segment:
    """Write one file of a partition and return its line of the manifest.

    Parameters
    ----------
    files : StoreFiles
        Where to.
    kind : DataKind
        Kind.
    tables : sequence of pyarrow.Table
        The rows; of messages one table each, of one schema.
    heads : list of Head
        Heads of the messages; empty for plain tables.
    facts : Facts
        Partition and origin.

    Returns
    -------
    Segment
        Nobody sees the file until a commit, which makes it durable, names it.
    """
    file = SegmentFile(files, kind, tables[0].schema, facts)
    try:
        for place, table in enumerate(tables):
            file.add(table, heads[place] if heads else None)
        return file.finish(revises=revised(kind, tables[0] if len(tables) == 1 else pa.concat_tables(tables)))
    finally:
        file.abandon()


@final
class Opened:
    """A segment opened for reading: its footer is read, its rows are not.

    Parameters
    ----------
    segment : Segment
        Its line of the manifest.
    file : pyarrow.parquet.ParquetFile
        The open file.
    """

    def __init__(self, segment: Segment, file: pq.ParquetFile) -> None:
        self.segment, self._file = segment, file
        self._held: tuple[tuple[int, ...], pa.Table] | None = None
        metadata = file.metadata
        if metadata.num_rows != segment.n_rows:
            raise DataError(
                "a file of the store is not the one that the manifest names",
                path=segment.path,
                found=f"{metadata.num_rows} rows",
                expected=f"{segment.n_rows} rows",
                action="restore it from a copy, or import its source again",
            )
        lengths = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    @property
    def names(self) -> list[str]:
        """Names of its columns."""
        return list(self._file.schema_arrow.names)

    @property
    def schema(self) -> pa.Schema:
        """Its columns with their types."""
        return self._file.schema_arrow

    def heads(self) -> list[Head]:
        """Return the heads of its messages."""
        content = (self._file.metadata.metadata or {}).get(HEADS_MARK)
        if content is None:
            return []
        return heads_from(content, path=self.segment.path)

    def groups(self, ranges: Sequence[Range] = (), *, head: Head | None = None) -> list[int]:
        """Return the row groups in which rows can match, by their statistics.

        Parameters
        ----------
        ranges : sequence of Range
            All must hold.
        head : Head, optional
            Only row groups of this message.

        Returns
        -------
        list of int
            In order.
        """
        first, last = (0, self._starts.size - 1) if head is None else self._groups_of(head)
        place = {name: i for i, name in enumerate(self.names)}
        return [
            group
            for group in range(first, last)
            if all(self._may_match(group, place[r.column], r) for r in ranges if r.column in place)
        ]

    def read(self, groups: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """Return row groups, whole."""
        with file_errors(self.segment.path):
            return self._file.read_row_groups(list(groups), columns=_listed(columns), use_threads=False)

    def rows_of(self, head: Head) -> pa.Table:
        """Return the rows of a message; the row groups read last stay in memory, because small messages share them."""
        groups = tuple(self.groups(head=head))
        if self._held is None or self._held[0] != groups:
            self._held = None  # the old ones go before the new ones come
            self._held = groups, self.read(groups)
        return self._held[1].slice(head.first_row - self.first_row_of(head), head.n_rows)

    def place_of(self, head: Head, groups: Sequence[int]) -> BoolArray:
        """Return which rows of some row groups, as `read` gives them, belong to a message."""
        rows = [np.arange(self._starts[group], self._starts[group + 1]) for group in groups]
        place = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
        mine: BoolArray = (place >= head.first_row) & (place < head.first_row + head.n_rows)
        return mine

    def spans(self, column: str) -> list[tuple[int, int, tuple[int, int]]]:
        """Return of each row group its first row, its length, and the least and the greatest value of a column."""
        metadata, place, found = self._file.metadata, self.names.index(column), []
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(place).statistics
            ends = (int(statistics.min), int(statistics.max))
            found.append((int(self._starts[group]), metadata.row_group(group).num_rows, ends))
        return found

    def batches(self, groups: Sequence[int], columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield row groups in record batches; one row group at a time is in memory."""
        for group in groups:
            with file_errors(self.segment.path):
                table = self._file.read_row_group(group, columns=_listed(columns), use_threads=False)
            yield from table.to_batches(max_chunksize=ROWS_PER_GROUP)

    def first_row_of(self, head: Head) -> int:
        """Return the row at which the first row group of a message begins."""
        return int(self._starts[self._groups_of(head)[0]])

    def _groups_of(self, head: Head) -> tuple[int, int]:
        if not head.n_rows:
            return 0, 0
        first = max(int(np.searchsorted(self._starts, head.first_row, side="right")) - 1, 0)
        last = int(np.searchsorted(self._starts, head.first_row + head.n_rows, side="left"))
        return first, last

    def _may_match(self, group: int, column: int, wanted: Range) -> bool:
        statistics = self._file.metadata.row_group(group).column(column).statistics
        if statistics is None or not statistics.has_min_max:
            # No least value is known where all are missing, and a missing value lies in no range.
            return statistics is None or not statistics.has_null_count or statistics.num_values > 0
        above = wanted.least is None or statistics.max >= wanted.least
        return bool(above and (wanted.most is None or statistics.min <= wanted.most))


def _listed(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(columns)


@contextmanager
def open_segment(files: StoreFiles, segment: Segment) -> Iterator[Opened]:
    """Open a segment; only its footer is read.

    Parameters
    ----------
    files : StoreFiles
        Where it lies.
    segment : Segment
        Which.

    Yields
    ------
    Opened
        Until the block ends.
    """
    with file_errors(segment.path):
        handle: Any = files.arrow.open_input_file(segment.path)
    with handle:
        with file_errors(segment.path):
            file = pq.ParquetFile(handle, pre_buffer=False)
        yield Opened(segment, file)


def matching(table: pa.Table, ranges: Sequence[Range]) -> BoolArray:
    """Return which rows of a table lie in all ranges."""
    keep = np.ones(table.num_rows, dtype=np.bool_)
    for wanted in ranges:
        if wanted.column not in table.column_names:
            return np.zeros(table.num_rows, dtype=np.bool_)
        column = table[wanted.column]
        for end, compare in ((wanted.least, pc.greater_equal), (wanted.most, pc.less_equal)):
            if end is not None:
                keep &= pc.fill_null(compare(column, end), False).to_numpy(zero_copy_only=False)
    return keep
