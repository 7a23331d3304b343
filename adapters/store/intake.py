"""Import of files: recognised by content, resumable, and all or nothing per file and kind."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from adapters.chains import open_source
from adapters.chains.source import UnknownFormatError, foreign_errors, refuse_special
from adapters.store.gaps import Gap, missing_sessions
from adapters.store.kinds import DataKind
from adapters.store.layouts import TableLayout, layout_of, rows_by_symbol
from adapters.store.manifest import Segment
from adapters.store.store import PointInTimeStore
from adapters.store.writer import SegmentWriter
from adapters.ticks import Tally, TickSource, open_ticks
from adapters.ticks.books import sampled
from market.errors import DataError
from market.trades import Int64Array, TradeBatch

__all__ = ["IngestReport", "IngestStatus", "ingest"]

_ROWS_PER_PIECE: Final = 262_144
_SAMPLE_ROWS: Final = 2_000_000
_CHUNK: Final = 1 << 20
_TICK_COLUMNS: Final = ({"ms", "price"}, {"ms", "bid"}, {"time_s", "event_type"}, {"trade_seq", "instrument_name"})
_DEPTH_COLUMNS: Final = {"local_ts_ns", "update_id", "side", "price", "qty", "is_snapshot"}
_BOOK_EVERY_NS: Final = 1_000_000_000
_BOOK_LEVELS: Final = 50  # of a side
_STREAM_COLUMNS: Final = ({"local_ts_ns", "aggressor"}, {"local_ts_ns", "bid", "ask"})


class IngestStatus(StrEnum):
    """What became of a file."""

    WRITTEN = "written"
    PRESENT = "present"  # the same bytes were imported before
    DRY_RUN = "dry_run"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an import did.

    Parameters
    ----------
    path : Path
        The file.
    status : IngestStatus
        What became of it.
    source_sha256 : str
        Hash of its bytes.
    kinds : tuple of DataKind
        What it holds.
    symbols : tuple of str
        Whose data, in alphabetical order.
    n_rows, n_repeated, n_corrected : int
        Rows that are new (a correction is), that were there before, and that correct what was there.
    n_dropped : mapping of str to int
        Rows that a reader left out, by reason.
    first_event_ns, last_event_ns : int or None
        Range of the event times; None where there are none.
    segments : tuple of Segment
        Files written, with their hashes.
    gaps : tuple of Gap
        Sessions between the first and the last instant on which a symbol is silent.
    problem : str
        Why it was refused; empty otherwise.
    """

    path: Path
    status: IngestStatus
    source_sha256: str = ""
    kinds: tuple[DataKind, ...] = ()
    symbols: tuple[str, ...] = ()
    n_rows: int = 0
    n_repeated: int = 0
    n_corrected: int = 0
    n_dropped: Mapping[str, int] = field(default_factory=dict)
    first_event_ns: int | None = None
    last_event_ns: int | None = None
    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problem: str = ""


class _Import:
    """One file on its way in."""

    def __init__(self, store: PointInTimeStore, path: Path, sha256: str, *, source: str, dry_run: bool) -> None:
        self.store, self.path, self.sha256 = store, path, sha256
        self.source, self.dry_run = source, dry_run
        self.writers: dict[DataKind, SegmentWriter] = {}
        self.days: dict[str, set[int]] = {}
        self.span: list[int] = []
        self.dropped: dict[str, int] = {}

    def writer(self, kind: DataKind) -> SegmentWriter:
        """Return the writer of a kind."""
        if kind not in self.writers:
            self.writers[kind] = self.store.writer(
                kind, origin=self.path.name, source=self.source, dry_run=self.dry_run
            )
        return self.writers[kind]

    def saw(self, symbol: str, event_ns: Int64Array) -> None:
        """Remember the days on which a symbol has data."""
        if event_ns.size:
            self.days.setdefault(symbol, set()).update(np.unique(event_ns // 86_400_000_000_000).tolist())
            self.span += [int(event_ns.min()), int(event_ns.max())]

    def drop(self, reasons: Mapping[str, int]) -> None:
        """Count rows that a reader left out."""
        for reason, count in reasons.items():
            self.dropped[str(reason)] = self.dropped.get(str(reason), 0) + count


def ingest(
    store: PointInTimeStore,
    path: Path,
    *,
    skip_existing: bool = True,
    dry_run: bool = False,
    symbol: str | None = None,
    source: str | None = None,
    eastern: bool | None = None,
) -> IngestReport:
    """Take a file into the store.

    Parameters
    ----------
    store : PointInTimeStore
        Where to.
    path : Path
        Option chains, trades, quotes or order books of any format that `adapters.chains` and `adapters.ticks` read, or
        a table in Parquet or CSV with an instant.
    skip_existing : bool, optional
        Leave out a file whose bytes were imported before. Without it only new and changed rows come in.
    dry_run : bool, optional
        Read and count, and write nothing.
    symbol : str, optional
        Whose rows a table holds, where neither a column nor the file's name says it.
    source : str, optional
        Whose data a table holds; the file's name up to its date where it is not given. A later file of one source
        corrects the earlier one, files of two sources stand side by side.
    eastern : bool, optional
        Whether a table's instants are wall clock of New York (True) or UTC (False), where it does not say it.

    Returns
    -------
    IngestReport
        A file that cannot be read is `REFUSED` with the reason. An import that is cut off leaves nothing visible and
        is done again by the next one.
    """
    try:
        with foreign_errors(path):
            refuse_special(path)  # to open a pipe would wait for its writer
            sha256 = _hash(path)
        work = _Import(store, path, sha256, source=source or _source(path), dry_run=dry_run)
        known = _known_kinds(store, sha256)
        if known and skip_existing:
            return IngestReport(path=path, status=IngestStatus.PRESENT, source_sha256=sha256, kinds=known)
        _read(work, symbol, eastern=eastern)
    except DataError as error:
        return IngestReport(path=path, status=IngestStatus.REFUSED, problem=str(error).removeprefix(f"{path}: "))
    return _committed(work)


def _known_kinds(store: PointInTimeStore, sha256: str) -> tuple[DataKind, ...]:
    """Return the kinds of a source that is wholly there; none where any of them is not."""
    states = {kind: store.state(kind) for kind in DataKind}
    kinds = {k for state in states.values() for c in state.commits if c.source_sha256 == sha256 for k in c.kinds}
    return tuple(sorted(kinds)) if kinds and all(states[kind].holds_source(sha256) for kind in kinds) else ()


def _read(work: _Import, symbol: str | None, *, eastern: bool | None) -> None:
    columns = _columns(work.path)
    if columns is not None and any(wanted <= columns for wanted in (*_TICK_COLUMNS, *_STREAM_COLUMNS)):
        _add_ticks(work, symbol)
        return
    problem = _add_chains(work)
    if columns is None and (problem is not None or work.path.suffix.lower() == ".zip"):
        _add_ticks_or_explain(work, symbol, problem)
    elif problem is not None and not isinstance(problem, UnknownFormatError):
        raise problem  # a chain that is damaged is not kept as some other table
    elif problem is not None:
        _add_table(work, symbol, eastern=eastern)


def _add_ticks_or_explain(work: _Import, symbol: str | None, problem: DataError | None) -> None:
    """Add ticks: of an archive that gave a chain too, or else of a file that is not one for the given reason."""
    try:
        _add_ticks(work, symbol)
    except UnknownFormatError as error:
        if problem is None:
            return
        if isinstance(problem, UnknownFormatError):
            raise _of_no_format(work.path, error.found) from error
        raise problem from None


def _of_no_format(path: Path, found: str) -> UnknownFormatError:
    return UnknownFormatError(
        "the file is of no known format",
        path=str(path),
        found=found,
        expected="an option chain, trades or quotes, or a table in Parquet or CSV with a column of instants",
        action="docs/guides/data-store.md says what is read",
    )


def _add_table(work: _Import, symbol: str | None, *, eastern: bool | None) -> None:
    pieces = _pieces(work.path)
    sample = _sample(work.path)
    with foreign_errors(work.path, what="the rows cannot be read"):
        layout = layout_of(sample, work.path, symbol=symbol, eastern=eastern)
        for piece in pieces:
            _add_rows(work, layout, piece)
    if work.path.suffix.lower() == ".parquet" and set(sample.column_names) >= _DEPTH_COLUMNS:
        _add_books(work, open_ticks(work.path) if symbol is None else open_ticks(work.path, symbol=symbol))


def _add_chains(work: _Import) -> DataError | None:
    """Add the chains of a file; return why it has none."""
    try:
        source = open_source(work.path)
    except DataError as error:
        return error
    for place in range(len(source.snapshots)):
        chain = source.read(place)
        work.writer(DataKind.CHAINS).add_message(chain)
        work.saw(chain.symbol, np.array([chain.ts_event_ns], dtype=np.int64))
        work.drop({str(reason): count for reason, count in chain.dropped.items()})
    return None


def _add_ticks(work: _Import, symbol: str | None) -> None:
    source = open_ticks(work.path) if symbol is None else open_ticks(work.path, symbol=symbol)
    tally = Tally()
    for file in (file for file in source.files if file.path == work.path):  # its siblings come in by themselves
        for group in file.batches(tally):
            for batch in group:
                kind = DataKind.TRADES if isinstance(batch, TradeBatch) else DataKind.QUOTES
                if batch.ts_ns.size:
                    work.writer(kind).add_message(batch)
                    work.saw(batch.symbol, batch.ts_ns)
    _add_books(work, source)
    work.drop({str(reason): count for reason, count in tally.dropped.items()})
    if not work.writers:
        raise DataError(
            "the file holds neither trades nor quotes",
            path=str(work.path),
            found=f"{tally.read} rows, {sum(tally.dropped.values())} of them unusable",
            expected="one trade or quote or more",
            action="check the file, or name the symbol",
        )


def _add_books(work: _Import, source: TickSource) -> None:
    """Take in the newest book of each second: a stream's every change is a table, and a field needs no more."""
    for file in (file for file in source.books if file.path == work.path):
        for book in sampled(file.books(_BOOK_LEVELS, _BOOK_EVERY_NS), _BOOK_EVERY_NS):
            work.writer(DataKind.BOOKS).add_message(book)
            work.saw(book.symbol, np.array([book.ts_event_ns], dtype=np.int64))


def _add_rows(work: _Import, layout: TableLayout, piece: pa.Table) -> None:
    for name, table in rows_by_symbol(layout, piece, work.path).items():
        work.writer(layout.kind).add_table(name, table)
        work.saw(name, table["event_ns"].to_numpy())


def _columns(path: Path) -> set[str] | None:
    """Return the columns of a table, or None where the file is none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    with foreign_errors(path, what="the columns cannot be read"):
        if suffixes[-1:] == [".parquet"]:
            return set(pq.read_schema(path).names)
        if ".csv" in suffixes:
            try:
                with pa_csv.open_csv(path) as reader:
                    return set(reader.schema.names)
            except pa.ArrowInvalid:
                return None
    return None


def _pieces(path: Path) -> Iterator[pa.Table]:
    with foreign_errors(path, what="the rows cannot be read"):
        if path.suffix.lower() == ".parquet":
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=_ROWS_PER_PIECE, use_threads=False):
                    yield pa.Table.from_batches([batch])
        else:
            yield pa_csv.read_csv(path)


def _sample(path: Path) -> pa.Table:
    rows, tables = 0, []
    for piece in _pieces(path):
        tables.append(piece)
        rows += piece.num_rows
        if rows >= _SAMPLE_ROWS:
            break
    return pa.concat_tables(tables, promote_options="permissive")


def _committed(work: _Import) -> IngestReport:
    kinds = tuple(sorted(work.writers))
    for writer in work.writers.values():
        writer.commit(source_sha256=work.sha256, kinds=kinds)
    writers: Iterable[SegmentWriter] = work.writers.values()
    return IngestReport(
        path=work.path,
        status=IngestStatus.DRY_RUN if work.dry_run else IngestStatus.WRITTEN,
        source_sha256=work.sha256,
        kinds=kinds,
        symbols=tuple(sorted(work.days)),
        n_rows=sum(writer.n_rows for writer in writers),
        n_repeated=sum(writer.n_repeated for writer in writers),
        n_corrected=sum(writer.n_corrected for writer in writers),
        n_dropped=work.dropped,
        first_event_ns=min(work.span, default=None),
        last_event_ns=max(work.span, default=None),
        segments=tuple(segment for writer in writers for segment in writer.segments),
        gaps=tuple(gap for name, days in sorted(work.days.items()) for gap in missing_sessions(name, _instants(days))),
    )


def _instants(days: set[int]) -> Int64Array:
    return np.array(sorted(days), dtype=np.int64) * 86_400_000_000_000


def _source(path: Path) -> str:
    stem = path.name.split(".", maxsplit=1)[0]
    return re.sub(r"[_-]?\d{4,}.*$", "", stem) or stem


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
