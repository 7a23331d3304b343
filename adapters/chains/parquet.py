"""Chains in Parquet: vendors' tables read a row group at a time, and what Hedgefield itself has recorded."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.chains.assemble import SnapshotKey
from adapters.chains.source import SourceFile, foreign_errors
from adapters.chains.table import ChainSource, Layout, Rows, chain_of, snapshots_of, take
from adapters.encoded.footer import HEADS_MARK, heads_from
from adapters.encoded.messages import Head, message_of, told_of
from market.chains import OptionChain
from market.errors import DataError

__all__ = ["ParquetSource", "RecordedSource", "open_metadata"]

_MAX_GROUP_BYTES = 1024**3
_MAX_ROWS = 500_000_000


def open_metadata(source: SourceFile) -> pq.FileMetaData:
    """Return the footer of a Parquet file, or raise where its sizes cannot be read within bounds."""
    with foreign_errors(source.path, what="the Parquet file cannot be opened"):
        metadata = pq.read_metadata(source.path)
        sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    source.check_unchanged()
    largest = max(sizes, default=0)
    if metadata.num_rows <= 0:
        raise DataError(
            "the Parquet file has no rows",
            path=str(source.path),
            found=f"{metadata.num_columns} columns and {metadata.num_rows} rows",
            expected="one contract or more",
            action="fetch the file again",
        )
    if largest > _MAX_GROUP_BYTES or metadata.num_rows > _MAX_ROWS:
        raise DataError(
            "the Parquet file has too large row groups",
            path=str(source.path),
            found=f"{metadata.num_rows} rows, largest row group {largest} bytes",
            expected=f"at most {_MAX_ROWS} rows, and row groups of at most {_MAX_GROUP_BYTES} bytes",
            action="write the file again with smaller row groups",
        )
    return metadata


@final
class ParquetSource:
    """A vendor's table in Parquet; only the row group in use is held in memory.

    Parameters
    ----------
    source : SourceFile
        The file.
    layout : Layout
        How it is laid out.
    columns : dict of str to str
        Column names as written, by lower-case name.
    """

    def __init__(self, source: SourceFile, layout: Layout, columns: dict[str, str]) -> None:
        self._source, self._layout = source, layout
        metadata = open_metadata(source)
        lengths = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self._held: tuple[int, pa.Table] | None = None
        with foreign_errors(source.path, what="the index columns cannot be read"), pq.ParquetFile(source.path) as file:
            index = file.read(columns=[columns[name] for name in layout.index_columns], use_threads=False)
            index.validate(full=True)
            index = index.rename_columns([name.lower() for name in index.column_names])
            self._snapshots = snapshots_of(layout, index, source.path)
        source.check_unchanged()

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
        with foreign_errors(self.path, what="the rows cannot be read"):
            found = self._rows(slice(0, int(self._starts[-1])))
        self._source.check_unchanged()
        return found

    def read(self, index: int) -> OptionChain:
        """Return one chain."""
        key, rows = self._snapshots[index]
        with foreign_errors(self.path, what="the rows cannot be read"):
            table = self._rows(rows)
        self._source.check_unchanged()
        return chain_of(self._layout, table, key, self.path)

    def _rows(self, rows: Rows) -> pa.Table:
        wanted = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        group_of = np.searchsorted(self._starts, wanted, side="right") - 1
        parts = []
        for group in np.unique(group_of):
            local = wanted[group_of == group] - self._starts[group]
            together = int(local[-1] - local[0]) + 1 == local.size
            chosen: Rows = slice(int(local[0]), int(local[-1]) + 1) if together else local
            parts.append(take(self._group(int(group)), chosen))
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts)

    def _group(self, group: int) -> pa.Table:
        if self._held is None or self._held[0] != group:
            self._held = None  # the old group goes before the new one comes
            with pq.ParquetFile(self.path) as file:
                table = file.read_row_group(group, use_threads=False)
            # A damaged page may hold dictionary codes without an entry, which Arrow does not look at by itself.
            table.validate(full=True)
            self._held = group, table.rename_columns([name.lower() for name in table.column_names])
        return self._held[1]


@final
class RecordedSource:
    """Chains that Hedgefield wrote: a segment of the store, read without the store around it.

    Parameters
    ----------
    source : SourceFile
        The file.
    metadata : pyarrow.parquet.FileMetaData
        Its footer, in which the heads of the chains stand.
    """

    def __init__(self, source: SourceFile, metadata: pq.FileMetaData) -> None:
        self._source = source
        lengths = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        with foreign_errors(source.path, what="the list of recorded chains cannot be read"):
            heads = heads_from((metadata.metadata or {})[HEADS_MARK], path=str(source.path))
            if not all(head.kind == OptionChain.__name__ for head in heads):
                raise DataError(
                    "the recording holds no option chains",
                    path=str(source.path),
                    found=", ".join(sorted({head.kind for head in heads})),
                    expected=OptionChain.__name__,
                    action="name a file of chains, or play the store that it belongs to",
                )
            keys = [(_snapshot(head), head) for head in heads]
            self._snapshots = sorted(keys, key=lambda item: (item[0].ts_event_ns, item[0].symbol))

    @classmethod
    def of(cls, source: SourceFile, metadata: pq.FileMetaData) -> ChainSource | None:
        """Open a recording, or return None where the file is a vendor's."""
        return cls(source, metadata) if HEADS_MARK in (metadata.metadata or {}) else None

    @property
    def format(self) -> str:
        """The name of the recording format."""
        return "hedgefield-recording"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._source.path

    @property
    def snapshots(self) -> tuple[SnapshotKey, ...]:
        """What the file holds, in time order."""
        return tuple(key for key, _ in self._snapshots)

    def read(self, index: int) -> OptionChain:
        """Return one chain, as it was written."""
        head = self._snapshots[index][1]
        with foreign_errors(self.path, what="the recorded chain cannot be read"):
            chain = message_of(head, self._rows(head))
        self._source.check_unchanged()
        if not isinstance(chain, OptionChain):
            raise DataError("the recording holds no option chains", path=str(self.path), found=head.kind)
        return chain

    def _rows(self, head: Head) -> pa.Table:
        first = int(np.searchsorted(self._starts, head.first_row, side="right")) - 1
        last = max(int(np.searchsorted(self._starts, head.first_row + head.n_rows, side="left")), first)
        with pq.ParquetFile(self.path) as file:
            table = file.read_row_groups(list(range(first, last)) if head.n_rows else [], use_threads=False)
        table.validate(full=True)
        return table.slice(head.first_row - int(self._starts[first]), head.n_rows) if head.n_rows else table


def _snapshot(head: Head) -> SnapshotKey:
    told = told_of(head, "session", "ts_event_ns", "provenance", "n_read")
    return SnapshotKey(
        symbol=head.symbol,
        session=told["session"],
        ts_event_ns=told["ts_event_ns"],
        as_of_source=told["provenance"].as_of_source,
        n_contracts=told["n_read"],
        simulated=told["provenance"].simulated,
    )
