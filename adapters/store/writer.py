"""Writing into a data set: rows are gathered by partition, made durable, and shown to readers by one commit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, final

import numpy as np
import pyarrow as pa

from adapters.encoded.messages import Head, Message, head_of, known_ns_of, message_of, picked, rows_of, symbol_of
from adapters.store.asof import as_known, newest_heads, standing
from adapters.store.content import content_codes
from adapters.store.files import StoreFiles
from adapters.store.joining import joined
from adapters.store.kinds import KINDS, DataKind, day_period, kind_of, period_codes, source_of
from adapters.store.manifest import Commit, Manifest, ManifestState, Segment
from adapters.store.segments import Facts, checked, key_codes, open_segment, write_segment
from market.books import BookSnapshot
from market.chains import BoolArray, OptionChain
from market.clock import datetime_of_ns
from market.errors import DataError
from market.series import SeriesBatch
from market.trades import Int64Array

__all__ = ["SegmentWriter"]

_FOREVER: Final = np.iinfo(np.int64).max
_MAX_HELD_ROWS: Final = 2_000_000


@dataclass(slots=True)
class _Held:
    """Rows of one partition that wait to be written."""

    tables: list[pa.Table] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    n_rows: int = 0
    simulated: bool = False

    def add(self, table: pa.Table, head: Head | None) -> None:
        if head is not None:
            head.first_row = self.n_rows
            self.heads.append(head)
        self.tables.append(table)
        self.n_rows += table.num_rows


@final
class SegmentWriter:
    """Adds to one data set; nothing is seen before `commit`, and a writer that dies leaves the data set as it was.

    Parameters
    ----------
    files : StoreFiles
        The store's files.
    kind : DataKind
        Data set.
    recorded_ns : int
        Now, ns since the epoch, UTC: a correction is known from here on, not earlier.
    origin : str
        Where the data come from.
    source : str, optional
        Whose tables: a vendor and its layout; the origin where it is not given. Messages name theirs themselves.
    replaces : tuple of str, optional
        Paths of segments that the new ones stand for; the only way to correct kinds without keys.
    dry_run : bool, optional
        Count, and write nothing.
    witnessed : bool, optional
        Whether ``known_ns`` of a message is the instant at which a recorder saw it; a correction is known from there.
    """

    def __init__(
        self,
        files: StoreFiles,
        kind: DataKind,
        *,
        recorded_ns: int,
        origin: str,
        source: str = "",
        replaces: tuple[str, ...] = (),
        dry_run: bool = False,
        witnessed: bool = False,
    ) -> None:
        self._files, self._kind, self._recorded_ns, self._origin = files, kind, recorded_ns, origin
        self._corrected_ns = np.iinfo(np.int64).min if witnessed else recorded_ns
        self._source, self._replaces, self._dry_run = source or origin, replaces, dry_run
        self._manifest = Manifest(files, kind)
        self.state: ManifestState = self._manifest.state()
        self._held: dict[tuple[str, str, str], _Held] = {}
        self._n_held = 0
        self._segments: list[Segment] = []
        self._unchanged: set[str] = set()
        self.n_rows, self.n_repeated, self.n_corrected = 0, 0, 0

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Files that were written so far."""
        return tuple(
            replace(s, replaces=tuple(path for path in s.replaces if path not in self._unchanged))
            for s in self._segments
        )

    def add_table(self, symbol: str, table: pa.Table, *, simulated: bool = False) -> None:
        """Add rows of one symbol.

        Parameters
        ----------
        symbol : str
            Whose.
        table : pyarrow.Table
            With ``event_ns`` and ``known_ns``, in any order of time.
        simulated : bool, optional
            Whether any row is simulated.
        """
        table = checked(self._kind, table, path=self._origin)
        codes, periods = period_codes(self._kind, table)
        source = source_of(self._source, simulated=simulated)
        for place, period in enumerate(periods):
            part = table if len(periods) == 1 else table.filter(pa.array(codes == place))
            self._hold((symbol, period, source), part, None, simulated=simulated)

    def add_message(self, message: Message, *, known_ns: Int64Array | int | None = None) -> None:
        """Add a message.

        Parameters
        ----------
        message : Message
            Of this data set. A chain goes to the partition of its session, all else to those of its rows.
        known_ns : int or ndarray of int64, shape (n_rows,), optional
            From when it was known; the message's own stamps, or else its event time, where it is not given.
        """
        if kind_of(message) is not self._kind:
            raise DataError(
                "a message belongs to another data set",
                found=f"{type(message).__name__} for {self._kind}",
                expected=f"a writer of {kind_of(message)}",
                action="ask the store for a writer of its kind",
            )
        own = known_ns_of(message)
        if isinstance(message, OptionChain | BookSnapshot):
            known = max(message.ts_event_ns, message.ts_event_ns if known_ns is None else int(np.max(known_ns)))
            rows = rows_of(message, np.full(own.size, known, dtype=np.int64))
            day = message.session if isinstance(message, OptionChain) else datetime_of_ns(message.ts_event_ns).date()
            self._hold_message(message, rows, known, day_period(day))
            return
        if not own.size:
            return
        stamps = own if known_ns is None else np.maximum(own, known_ns)
        rows = rows_of(message, np.ascontiguousarray(stamps))
        codes, periods = period_codes(self._kind, rows)
        for place, period in enumerate(periods):
            if len(periods) == 1:
                self._hold_message(message, rows, stamps, period)
                return
            chosen = np.flatnonzero(codes == place)
            # A count of the whole stands in the first part, so that the parts make the whole again.
            part = _counted(picked(message, chosen), first=place == 0)
            self._hold_message(part, rows.take(pa.array(chosen)), stamps[chosen], period)

    def commit(self, *, source_sha256: str = "", kinds: tuple[DataKind, ...] = ()) -> Commit | None:
        """Make everything that was added visible at once.

        Parameters
        ----------
        source_sha256 : str, optional
            Hash of the source file, by which a second import knows it.
        kinds : tuple of DataKind, optional
            All kinds that the source gives; this one where it is not given.

        Returns
        -------
        Commit or None
            None in a dry run, and where there is neither a new row nor a source to remember.
        """
        self._flush()
        if self._dry_run or not (self._segments or source_sha256):
            return None
        return self._manifest.commit(
            self.segments,
            recorded_ns=self._recorded_ns,
            kinds=kinds or (self._kind,),
            source_sha256=source_sha256,
            after=self.state.sequence,
        )

    def _hold_message(self, message: Message, rows: pa.Table, known_ns: Int64Array | int, period: str) -> None:
        head = head_of(message, known_ns, 0)
        origin = message.provenance
        place = (symbol_of(message), period, source_of(origin.source, simulated=origin.simulated))
        self._hold(place, rows, head, simulated=origin.simulated)

    def _hold(self, place: tuple[str, str, str], table: pa.Table, head: Head | None, *, simulated: bool) -> None:
        held = self._held.setdefault(place, _Held())
        held.add(table, head)
        held.simulated |= simulated
        self._n_held += table.num_rows
        if self._n_held > _MAX_HELD_ROWS:
            self._flush()

    def _flush(self) -> None:
        for place in sorted(self._held):
            self._write(place, self._held[place])
        self._held.clear()
        self._n_held = 0

    def _write(self, place: tuple[str, str, str], held: _Held) -> None:
        present = [s for s in (*self.state.segments, *self._segments) if (s.symbol, s.period, s.source) == place]
        if self._kind in {DataKind.CHAINS, DataKind.BOOKS}:
            held = self._new_wholes(held, present)
        elif held.heads and KINDS[self._kind].keys:
            held = self._new_parts(held, present)
        elif not held.heads:
            whole = _in_order(joined(held.tables))
            held.tables = [self._new_rows(whole, present)]
        self.n_rows += sum(table.num_rows for table in held.tables)
        if self._dry_run or not (held.heads or any(table.num_rows for table in held.tables)):
            return
        facts = Facts(
            symbol=place[0],
            period=place[1],
            source=place[2],
            origin=self._origin,
            simulated=held.simulated,
            replaces=self._replaces,
        )
        segment = write_segment(self._files, self._kind, _one_schema(held.tables), held.heads, facts)
        if any(segment.path == s.path for s in present):
            # The same bytes again: they go on standing, whatever else the new files stand for.
            self._unchanged.add(segment.path)
            self.n_rows -= segment.n_rows
            self.n_repeated += segment.n_rows
        else:
            self._segments.append(segment)

    def _new_rows(self, table: pa.Table, present: list[Segment]) -> pa.Table:
        """Return the rows that are not there yet; one that changes a row that is there is known from now on."""
        same, corrected = self._compared(table, present, frozenset({"known_ns"}))
        self.n_repeated += int(same.sum())
        self.n_corrected += int(corrected.sum())
        return _known_from(table, corrected, self._corrected_ns).filter(pa.array(~same))

    def _compared(
        self, table: pa.Table, present: list[Segment], left_out: frozenset[str]
    ) -> tuple[BoolArray, BoolArray]:
        """Return which rows stand there already, and which change one that does."""
        none = np.zeros(table.num_rows, dtype=np.bool_)
        touched = standing(present, _FOREVER, *_ends(table["event_ns"].to_numpy()))
        tables = [self._read(segment) for segment in touched]
        if not tables or not KINDS[self._kind].keys:
            return none, none
        old = as_known(self._kind, tables, _FOREVER)
        keys = key_codes(self._kind, [table, old])
        content = content_codes([table, old], left_out)
        same = np.isin(content[0], content[1])
        several = np.bincount(keys[0])[keys[0]] > 1
        if several.any():
            # A source that tells all versions tells the old ones again: they correct nothing. One that tells a single
            # old version does correct the newer one.
            every = content_codes([table, *tables], left_out - {"known_ns"})
            same |= several & np.isin(every[0], np.concatenate(every[1:]))
        return same, np.isin(keys[0], keys[1]) & ~same

    def _new_parts(self, held: _Held, present: list[Segment]) -> _Held:
        """Return of messages with keys the rows that are not there yet."""
        left_out = frozenset({"known_ns", "contract"})  # the place in a message's own table of contracts
        whole = pa.concat_tables(held.tables)
        same, corrected = self._compared(whole, present, left_out)
        again = np.ones(whole.num_rows, dtype=np.bool_)
        again[np.unique(content_codes([whole], left_out)[0], return_index=True)[1]] = False
        self.n_repeated += int((same | again).sum())
        corrected &= ~again
        self.n_corrected += int(corrected.sum())
        whole, fresh = _known_from(whole, corrected, self._corrected_ns), ~(same | again)
        kept = _Held(simulated=held.simulated)
        for head in held.heads:
            rows = slice(head.first_row, head.first_row + head.n_rows)
            table = whole.slice(head.first_row, head.n_rows)
            if not fresh[rows].all() or corrected[rows].any():
                chosen = np.flatnonzero(fresh[rows])
                part = picked(message_of(head, table), chosen)
                table = table.take(pa.array(chosen))
                head = head_of(part, table["known_ns"].to_numpy(), 0)  # noqa: PLW2901  # the rest of the same message
            if table.num_rows:
                kept.add(table, head)
        return kept

    def _new_wholes(self, held: _Held, present: list[Segment]) -> _Held:
        heads: list[tuple[Segment, Head]] = []
        for segment in standing(present, _FOREVER, *_ends(np.array([h.event_ns for h in held.heads], dtype=np.int64))):
            with open_segment(self._files, segment) as opened:
                heads += [(segment, head) for head in opened.heads()]
        newest = {head.event_ns: head.digest for _, head in newest_heads(heads, _FOREVER)}
        digests = {(head.event_ns, head.digest) for _, head in heads} if self._kind is DataKind.BOOKS else set()
        kept = _Held(simulated=held.simulated)
        for table, head in zip(held.tables, held.heads, strict=True):
            before = newest.get(head.event_ns) if self._kind is DataKind.CHAINS else None
            if before == head.digest or (head.event_ns, head.digest) in digests:
                self.n_repeated += table.num_rows
                continue
            if before is not None:
                self.n_corrected += table.num_rows
                head.first_known_ns = head.known_ns = max(head.known_ns, self._corrected_ns)
            newest[head.event_ns] = head.digest
            digests.add((head.event_ns, head.digest))
            kept.add(_known_from(table, np.full(table.num_rows, before is not None), self._corrected_ns), head)
        return kept

    def _read(self, segment: Segment) -> pa.Table:
        with open_segment(self._files, segment) as opened:
            return opened.read(opened.groups())


def _in_order(table: pa.Table) -> pa.Table:
    event = table["event_ns"].to_numpy()
    if not (event[1:] < event[:-1]).any():
        return table
    return table.take(pa.array(np.argsort(event, kind="stable")))


def _ends(values: Int64Array) -> tuple[int, int]:
    return int(values.min(initial=_FOREVER)), int(values.max(initial=-_FOREVER))


def _known_from(table: pa.Table, rows: BoolArray, instant_ns: int) -> pa.Table:
    if not rows.any():
        return table
    known = table["known_ns"].to_numpy()
    later = np.where(rows, np.maximum(known, instant_ns), known)
    return table.set_column(table.column_names.index("known_ns"), "known_ns", pa.array(later))


def _counted(part: Message, *, first: bool) -> Message:
    return part if first or not isinstance(part, SeriesBatch) else replace(part, n_missing=0)


def _one_schema(tables: list[pa.Table]) -> list[pa.Table]:
    if all(table.schema.equals(tables[0].schema) for table in tables[1:]):
        return tables
    schema = pa.unify_schemas([table.schema for table in tables], promote_options="permissive")
    return [table.cast(schema) for table in tables]
