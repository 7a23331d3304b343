"""The point-in-time store: what was known, when it was known, and nothing that came later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar, final

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import fs

from adapters.encoded.messages import Message, message_of
from adapters.store.asof import as_known, needs_merge, standing
from adapters.store.chain_reader import ChainReader
from adapters.store.files import StoreFiles, open_files
from adapters.store.joining import joined
from adapters.store.kinds import DataKind
from adapters.store.manifest import Commit, Manifest, ManifestState, Segment
from adapters.store.reading import MessageReader
from adapters.store.segments import Range, matching, open_segment
from adapters.store.upkeep import clean, compact, damaged
from adapters.store.writer import SegmentWriter
from market.bars import BarBatch
from market.books import BookSnapshot
from market.clock import Clock, SystemClock
from market.errors import DataError
from market.funding import FundingBatch
from market.news import NewsBatch
from market.series import EventBatch, SeriesBatch
from market.trades import QuoteBatch, TradeBatch

__all__ = ["PointInTimeStore", "open_store"]

_FIRST: Final = np.iinfo(np.int64).min
_LAST: Final = np.iinfo(np.int64).max
_ROW_COLUMNS: Final = ("event_ns", "known_ns")
_Told = TypeVar("_Told", BarBatch, FundingBatch, TradeBatch, QuoteBatch, BookSnapshot)


@final
class PointInTimeStore:
    """Reads and writes a store.

    Parameters
    ----------
    files : StoreFiles
        Where it lies.
    clock : Clock, optional
        Tells when something is recorded.

    Notes
    -----
    Every read takes ``known_ns``: it returns what was known by that instant. A correction is known from the instant
    at which it was recorded, so an old read stays what it was. ``version`` fixes a data set to one of its commits;
    with both, a read returns the same bytes for ever.
    """

    def __init__(self, files: StoreFiles, *, clock: Clock | None = None) -> None:
        self.files, self._clock = files, clock or SystemClock()
        self.chains = ChainReader(files, self.segments)
        self.told = MessageReader(files, self.segments)
        self._states: dict[tuple[DataKind, int | None], ManifestState] = {}

    def writer(
        self,
        kind: DataKind,
        *,
        origin: str,
        source: str = "",
        replaces: tuple[str, ...] = (),
        dry_run: bool = False,
        witnessed: bool = False,
    ) -> SegmentWriter:
        """Return a writer for one data set.

        Parameters
        ----------
        kind : DataKind
            Data set.
        origin : str
            Where the data come from.
        source : str, optional
            Whose tables: a vendor and its layout; the origin where it is not given.
        replaces : tuple of str, optional
            Paths of segments that the new ones stand for, where the kind has no keys.
        dry_run : bool, optional
            Count, and write nothing.
        witnessed : bool, optional
            Whether the writer saw its messages come, so that its stamps say when they were known.

        Returns
        -------
        SegmentWriter
            Nothing is seen before its `commit`.
        """
        return SegmentWriter(
            self.files,
            kind,
            recorded_ns=self._clock.now_ns(),
            origin=origin,
            source=source,
            replaces=replaces,
            dry_run=dry_run,
            witnessed=witnessed,
        )

    def compact(self, kind: DataKind, *, symbols: frozenset[str] = frozenset()) -> int:
        """Make one segment of the several that a stream left in a partition; see `adapters.store.upkeep.compact`.

        Parameters
        ----------
        kind : DataKind
            Data set.
        symbols : frozenset of str, optional
            Whose partitions; all where none are named.

        Returns
        -------
        int
            Segments that were replaced; reads of an older ``version`` still find them.
        """
        return compact(self.files, kind, recorded_ns=self._clock.now_ns(), symbols=symbols)

    def clean(self, *, older_s: float = 86_400.0) -> tuple[str, ...]:
        """Remove files that no commit names: what writers that died have left.

        Parameters
        ----------
        older_s : float, optional
            Only files that were last written longer ago than these seconds; a living writer commits within them.

        Returns
        -------
        tuple of str
            Paths that were removed.
        """
        return clean(self.files, now_ns=self._clock.now_ns(), older_ns=round(older_s * 1e9))

    def state(self, kind: DataKind, *, version: int | None = None) -> ManifestState:
        """Return what a data set holds; read anew unless a version is given."""
        key = (kind, version)
        if version is None or key not in self._states:
            self._states[key] = Manifest(self.files, kind).state(at=version)
        return self._states[key]

    def versions(self, kind: DataKind) -> tuple[Commit, ...]:
        """Return the commits of a data set, in order."""
        return self.state(kind).commits

    def symbols(self, kind: DataKind) -> tuple[str, ...]:
        """Return the symbols of a data set, in alphabetical order."""
        return tuple(sorted({segment.symbol for segment in self.state(kind).segments}))

    def sources(self, kind: DataKind, symbol: str) -> tuple[str, ...]:
        """Return whose data a symbol has in a data set, in alphabetical order."""
        return tuple(sorted({segment.source for segment in self.segments(kind, symbol)}))

    def segments(
        self,
        kind: DataKind,
        symbol: str | None = None,
        *,
        source: str | None = None,
        first_ns: int = _FIRST,
        last_ns: int = _LAST,
        version: int | None = None,
    ) -> tuple[Segment, ...]:
        """Return the files that may hold rows of a symbol between two event instants, both included."""
        return tuple(
            s
            for s in self.state(kind, version=version).segments
            if (symbol is None or s.symbol == symbol)
            and (source is None or s.source == source)
            and s.last_event_ns >= first_ns
            and s.first_event_ns <= last_ns
        )

    def scan(
        self,
        kind: DataKind,
        symbol: str,
        *,
        known_ns: int,
        first_ns: int = _FIRST,
        last_ns: int = _LAST,
        columns: Sequence[str] | None = None,
        where: Sequence[Range] = (),
        source: str | None = None,
        version: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Read rows as they were known at an instant, in order of partition; memory holds a row group.

        Parameters
        ----------
        kind : DataKind
            Data set.
        symbol : str
            Whose rows.
        known_ns : int
            The instant, ns since the epoch, UTC.
        first_ns, last_ns : int, optional
            Range of event times, both included.
        columns : sequence of str, optional
            Columns to return; all where it is not given.
        where : sequence of Range, optional
            Conditions; row groups whose statistics exclude them are not read.
        source : str, optional
            One source only; without it those of a partition come one after the other.
        version : int, optional
            Commit to read.

        Yields
        ------
        pyarrow.RecordBatch
            Only a partition with several versions of a key is read whole.
        """
        ranges = (Range(column="event_ns", least=first_ns, most=last_ns), *where)
        found = self.segments(kind, symbol, source=source, version=version)
        chosen = sorted(standing(found, known_ns, first_ns, last_ns), key=_partition)
        for _, group in groupby(chosen, key=_partition):
            partition = sorted(group, key=lambda s: s.first_event_ns)
            if needs_merge(kind, partition):
                in_order = [s for s in chosen if s in partition]
                table = as_known(kind, [self._whole(s) for s in in_order], known_ns)
                table = table.filter(pa.array(matching(table, ranges)))
                yield from (table if columns is None else table.select(_present(table, columns))).to_batches()
            else:
                for segment in partition:
                    yield from self._rows(segment, known_ns, ranges, columns)

    def table(self, kind: DataKind, symbol: str, *, known_ns: int, **choice: Any) -> pa.Table:
        """Return what `scan` yields as one table; `choice` is passed on to it."""
        batches = list(self.scan(kind, symbol, known_ns=known_ns, **choice))
        if not batches:
            return pa.table({name: pa.array([], type=pa.int64()) for name in _ROW_COLUMNS})
        return joined([pa.Table.from_batches([batch]) for batch in batches])

    def bars(self, symbol: str, *, known_ns: int, **choice: Any) -> Iterator[BarBatch]:
        """Read bars as they were known at an instant; `choice` is passed on to `MessageReader.read`.

        Parameters
        ----------
        symbol : str
            Underlying; imported bars of its options stand under ``SYMBOL-OPTIONS``.
        known_ns : int
            The instant, ns since the epoch, UTC.
        **choice : Any
            ``first_ns``, ``last_ns``, ``source``, ``version``.

        Yields
        ------
        BarBatch
            As it was written; of an imported table one per row group.
        """
        return self._told(BarBatch, DataKind.BARS, symbol, known_ns, choice)

    def funding(self, symbol: str, *, known_ns: int, **choice: Any) -> Iterator[FundingBatch]:
        """Read funding as it was known at an instant; `choice` is passed on to `MessageReader.read`."""
        return self._told(FundingBatch, DataKind.FUNDING, symbol, known_ns, choice)

    def trades(self, symbol: str, *, known_ns: int, **choice: Any) -> Iterator[TradeBatch]:
        """Read trades as they were known at an instant, batch by batch; `choice` goes to `MessageReader.read`."""
        return self._told(TradeBatch, DataKind.TRADES, symbol, known_ns, choice)

    def quotes(self, symbol: str, *, known_ns: int, **choice: Any) -> Iterator[QuoteBatch]:
        """Read quotes as they were known at an instant, batch by batch; `choice` goes to `MessageReader.read`."""
        return self._told(QuoteBatch, DataKind.QUOTES, symbol, known_ns, choice)

    def books(self, symbol: str, *, known_ns: int, **choice: Any) -> Iterator[BookSnapshot]:
        """Read order books as they were known at an instant; `choice` goes to `MessageReader.read`."""
        return self._told(BookSnapshot, DataKind.BOOKS, symbol, known_ns, choice)

    def series(self, name: str, *, known_ns: int, source: str | None = None) -> SeriesBatch:
        """Return what was known of a series at an instant; see `MessageReader.series`."""
        return self.told.series(name, known_ns=known_ns, source=source)

    def events(self, *, known_ns: int, source: str | None = None) -> EventBatch:
        """Return all announcements that were known at an instant; see `MessageReader.events`."""
        return self.told.events(known_ns=known_ns, source=source)

    def news(self, *, known_ns: int, **choice: Any) -> NewsBatch:
        """Return the articles that were known at an instant; `choice` goes to `MessageReader.news`."""
        return self.told.news(known_ns=known_ns, **choice)

    def read_segment(self, segment: Segment) -> pa.Table:
        """Return all rows of one file, whatever was known when."""
        return self._whole(segment)

    def messages(self, segment: Segment) -> Iterator[Message]:
        """Read the messages of one file as they were written, one at a time."""
        with open_segment(self.files, segment) as opened:
            for head in opened.heads():
                yield message_of(head, opened.rows_of(head))

    def verify(self, kind: DataKind | None = None, *, read: Callable[[str], bytes] | None = None) -> tuple[str, ...]:
        """Return the paths of files whose content no longer has the hash of the manifest; empty where all is well.

        Parameters
        ----------
        kind : DataKind, optional
            Data set; all where it is not given.
        read : callable, optional
            Reads a path; the store's own files by default.

        Returns
        -------
        tuple of str
            Replaced segments are looked at too, because older versions need them.
        """
        segments = [s for k in (DataKind if kind is None else (kind,)) for s in self.state(k).named]
        return damaged(segments, self.files.read if read is None else read)

    def note(self, segment: Segment, name: str, content: bytes) -> None:
        """Put a small file beside a segment, such as its quality; a later one of the same name takes its place."""
        self.files.replace(f"{segment.path.removesuffix('.parquet')}.{name}.json", content)

    def noted(self, segment: Segment, name: str) -> dict[str, Any] | None:
        """Return what `note` put beside a segment, or None."""
        path = f"{segment.path.removesuffix('.parquet')}.{name}.json"
        try:
            found: dict[str, Any] = msgspec.json.decode(self.files.read(path))
        except DataError:
            return None
        return found

    def _whole(self, segment: Segment) -> pa.Table:
        with open_segment(self.files, segment) as opened:
            return opened.read(opened.groups())

    def _rows(
        self, segment: Segment, known_ns: int, ranges: Sequence[Range], columns: Sequence[str] | None
    ) -> Iterator[pa.RecordBatch]:
        conditions = (*ranges, Range(column="known_ns", most=known_ns))
        names = None if columns is None else list(dict.fromkeys([*columns, *(r.column for r in conditions)]))
        with open_segment(self.files, segment) as opened:
            wanted = None if names is None else [name for name in names if name in opened.names]
            for batch in opened.batches(opened.groups(conditions), wanted):
                table = pa.Table.from_batches([batch])
                keep = matching(table, conditions)
                table = table if keep.all() else table.filter(pa.array(keep))
                if table.num_rows:
                    yield from (table if columns is None else table.select(_present(table, columns))).to_batches()

    def _told(
        self, kind: type[_Told], dataset: DataKind, symbol: str, known_ns: int, choice: dict[str, Any]
    ) -> Iterator[_Told]:
        for message in self.told.read(dataset, symbol, known_ns=known_ns, **choice):
            if isinstance(message, kind):
                yield message


def _partition(segment: Segment) -> tuple[str, str]:
    return segment.period.partition("=")[2], segment.source


def _present(table: pa.Table, columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name in table.column_names]


def open_store(where: str | Path | fs.FileSystem, *, clock: Clock | None = None) -> PointInTimeStore:
    """Open a store, empty where there is none.

    Parameters
    ----------
    where : str, Path or pyarrow.fs.FileSystem
        As `adapters.store.files.open_files` takes it.
    clock : Clock, optional
        Tells when something is recorded; the machine's by default.

    Returns
    -------
    PointInTimeStore
        Nothing is read before it is asked for.
    """
    return PointInTimeStore(open_files(where), clock=clock)
