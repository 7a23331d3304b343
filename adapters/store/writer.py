"""Writing into a data set: rows are gathered by partition, made durable, and shown to readers by one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import pyarrow as pa

from adapters.store.asof import as_known, newest_heads
from adapters.store.files import StoreFiles
from adapters.store.kinds import DataKind, day_period, period_codes
from adapters.store.manifest import Commit, Manifest, ManifestState, Segment
from adapters.store.messages import Head, Message, head_of, rows_of
from adapters.store.segments import Facts, checked, key_codes, open_segment, write_segment
from market.chains import BoolArray, OptionChain
from market.trades import Int64Array, select

__all__ = ["SegmentWriter"]

_FOREVER: Final = np.iinfo(np.int64).max
_MAX_HELD_ROWS: Final = 2_000_000
_DAY_NS: Final = 86_400_000_000_000


@dataclass(slots=True)
class _Held:
    """Rows of one partition that wait to be written."""

    tables: list[pa.Table] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    n_rows: int = 0
    simulated: bool = False


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
    ) -> None:
        self._files, self._kind, self._recorded_ns, self._origin = files, kind, recorded_ns, origin
        self._source, self._replaces, self._dry_run = source or origin, replaces, dry_run
        self._manifest = Manifest(files, kind)
        self.state: ManifestState = self._manifest.state()
        self._held: dict[tuple[str, str, str], _Held] = {}
        self._n_held = 0
        self._segments: list[Segment] = []
        self.n_rows, self.n_repeated, self.n_corrected = 0, 0, 0

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Files that were written so far."""
        return tuple(self._segments)

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
        for place, period in enumerate(periods):
            part = table if len(periods) == 1 else table.filter(pa.array(codes == place))
            self._hold((symbol, period, self._source), part, None, simulated=simulated)

    def add_message(self, message: Message, *, known_ns: Int64Array | int | None = None) -> None:
        """Add a chain, or a batch of trades or quotes.

        Parameters
        ----------
        message : OptionChain, TradeBatch or QuoteBatch
            A chain goes to the partition of its session, a batch to those of its rows' UTC days.
        known_ns : int or ndarray of int64, shape (n_rows,), optional
            From when it was known; the event time where it is not given.
        """
        if isinstance(message, OptionChain):
            known = message.ts_event_ns if known_ns is None else int(np.max(known_ns))
            rows = rows_of(message, np.full(message.n_contracts, known, dtype=np.int64))
            self._hold_message(message, rows, known, day_period(message.session))
            return
        known_rows = message.ts_ns if known_ns is None else np.broadcast_to(known_ns, message.ts_ns.shape)
        days = message.ts_ns // _DAY_NS
        for day in np.unique(days):
            of_day = np.flatnonzero(days == day)
            part = message if of_day.size == days.size else select(message, of_day)
            rows = rows_of(part, np.ascontiguousarray(known_rows[of_day]))
            codes, periods = period_codes(self._kind, rows)
            self._hold_message(part, rows, int(known_rows[of_day].max()), periods[int(codes[0])])

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
            tuple(self._segments),
            recorded_ns=self._recorded_ns,
            kinds=kinds or (self._kind,),
            source_sha256=source_sha256,
            after=self.state.sequence,
        )

    def _hold_message(self, message: Message, rows: pa.Table, known_ns: int, period: str) -> None:
        head = head_of(message, known_ns, 0)
        place = (message.symbol, period, message.provenance.source)
        self._hold(place, rows, head, simulated=message.provenance.simulated)

    def _hold(self, place: tuple[str, str, str], table: pa.Table, head: Head | None, *, simulated: bool) -> None:
        held = self._held.setdefault(place, _Held())
        if head is not None:
            head.first_row = held.n_rows
            held.heads.append(head)
        held.tables.append(table)
        held.n_rows += table.num_rows
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
        if self._kind is DataKind.CHAINS:
            held = self._new_chains(held, present)
        elif not held.heads:
            whole = _in_order(pa.concat_tables(held.tables, promote_options="permissive"))
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
        if all(segment.path != s.path for s in present):
            self._segments.append(segment)

    def _new_rows(self, table: pa.Table, present: list[Segment]) -> pa.Table:
        """Return the rows that are not there yet; one that changes a row that is there is known from now on."""
        first, last = _ends(table["event_ns"].to_numpy())
        touched = [s for s in present if s.first_event_ns <= last and s.last_event_ns >= first]
        if not touched:
            return table
        old = as_known(self._kind, [self._read(segment) for segment in touched], _FOREVER)
        keys = key_codes(self._kind, [table, old])
        if not keys:
            return table
        content = _content_codes([table, old])
        known, same = np.isin(keys[0], keys[1]), np.isin(content[0], content[1])
        self.n_repeated += int(same.sum())
        corrected = known & ~same
        self.n_corrected += int(corrected.sum())
        return _known_from(table, corrected, self._recorded_ns).filter(pa.array(~same))

    def _new_chains(self, held: _Held, present: list[Segment]) -> _Held:
        heads: list[tuple[Segment, Head]] = []
        for segment in present:
            with open_segment(self._files, segment) as opened:
                heads += [(segment, head) for head in opened.heads()]
        there = {head.event_ns: head.digest for _, head in newest_heads(heads, _FOREVER)}
        kept = _Held(simulated=held.simulated)
        for table, head in zip(held.tables, held.heads, strict=True):
            before = there.get(head.event_ns)
            if before == head.digest:
                self.n_repeated += table.num_rows
                continue
            if before is not None:
                self.n_corrected += table.num_rows
                head.known_ns = max(head.known_ns, self._recorded_ns)
            there[head.event_ns] = head.digest
            head.first_row = kept.n_rows
            kept.heads.append(head)
            kept.tables.append(_known_from(table, np.full(table.num_rows, before is not None), self._recorded_ns))
            kept.n_rows += table.num_rows
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


def _content_codes(tables: list[pa.Table]) -> list[Int64Array]:
    # The instant from which a row is known is not its content: an old row that comes again changes nothing.
    names = sorted({name for table in tables for name in table.column_names} - {"known_ns"})
    frames = [_frame(table, names) for table in tables]
    from pandas.util import hash_array

    hashed = []
    for frame in frames:
        total = np.zeros(len(frame[names[0]]), dtype=np.uint64)
        for place, name in enumerate(names):
            total ^= hash_array(frame[name]) * np.uint64(2 * place + 3) + np.uint64(place)
        hashed.append(total.view(np.int64))
    return hashed


def _frame(table: pa.Table, names: list[str]) -> Mapping[str, np.ndarray[tuple[int], np.dtype[np.object_]]]:
    found = {}
    for name in names:
        if name not in table.column_names:
            found[name] = np.full(table.num_rows, "", dtype=object)
            continue
        column = table[name]
        column = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ns"), safe=False).cast(pa.int64())
        text = column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)
        found[name] = text.astype(object)
    return found


def _one_schema(tables: list[pa.Table]) -> list[pa.Table]:
    if all(table.schema.equals(tables[0].schema) for table in tables[1:]):
        return tables
    schema = pa.unify_schemas([table.schema for table in tables], promote_options="permissive")
    return [table.cast(schema) for table in tables]
