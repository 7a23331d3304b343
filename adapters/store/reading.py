"""Messages of a store as they were known at an instant, whoever told them: a vendor's stream or an imported file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import groupby
from typing import Any, Final, TypeVar, final

import numpy as np

from adapters.encoded.messages import EVERYONE, Message, picked
from adapters.store.asof import needs_merge, standing, visible
from adapters.store.files import StoreFiles
from adapters.store.kinds import KINDS, DataKind
from adapters.store.manifest import Segment
from adapters.store.pieces import PieceReader, in_order, scored
from adapters.store.segments import open_segment
from market.books import BookSnapshot
from market.chains import BoolArray
from market.clock import iso_of_ns
from market.errors import DataError
from market.news import NewsBatch
from market.series import EventBatch, SeriesBatch
from market.trades import Int64Array

__all__ = ["MessageReader"]

_FIRST: Final = np.iinfo(np.int64).min
_LAST: Final = np.iinfo(np.int64).max
_Told = TypeVar("_Told", SeriesBatch, EventBatch, NewsBatch)
_Ends = tuple[int, int, int]
_KEY: Final[dict[type[Any], str]] = {SeriesBatch: "event_ns", EventBatch: "event_id", NewsBatch: "article_id"}


@final
class MessageReader:
    """Reads messages of any kind.

    Parameters
    ----------
    files : StoreFiles
        Where the store lies.
    find : callable
        `PointInTimeStore.segments`.
    """

    def __init__(self, files: StoreFiles, find: Callable[..., tuple[Segment, ...]]) -> None:
        self._files, self._find = files, find

    def read(
        self,
        kind: DataKind,
        symbol: str,
        *,
        known_ns: int,
        first_ns: int = _FIRST,
        last_ns: int = _LAST,
        source: str | None = None,
        version: int | None = None,
    ) -> Iterator[Message]:
        """Read messages as they were known at an instant.

        Parameters
        ----------
        kind : DataKind
            Data set.
        symbol : str
            Whose.
        known_ns : int
            The instant, ns since the epoch, UTC.
        first_ns, last_ns : int, optional
            Range of event times, both included.
        source : str, optional
            One source only; without it those of a partition come one after the other.
        version : int, optional
            Commit to read.

        Yields
        ------
        Message
            As they were written, without the rows that were not known yet, that a newer version had replaced by then,
            or that lie outside the range. Memory holds one message and the row groups that it shares.
        """
        for message, _ in self._read(kind, symbol, (known_ns, first_ns, last_ns), source, version):
            yield message

    def _read(
        self, kind: DataKind, symbol: str, ends: _Ends, source: str | None, version: int | None
    ) -> Iterator[tuple[Message, Int64Array]]:
        found = self._find(kind, symbol, source=source, version=version)
        chosen = standing(found, *ends)
        for _, group in groupby(in_order(chosen), key=lambda s: (s.period, s.source)):
            partition = list(group)
            keep = self._standing_rows(kind, [s for s in chosen if s in partition], ends[0])
            for segment in partition:
                yield from self._messages(kind, segment, keep.get(segment.path), ends)

    def series(self, name: str, *, known_ns: int, source: str | None = None, version: int | None = None) -> SeriesBatch:
        """Return the values of a series that were known at an instant, with all their vintages by then.

        Parameters
        ----------
        name : str
            Series, such as ``DFF`` or ``VIX``.
        known_ns : int
            The instant, ns since the epoch, UTC.
        source : str, optional
            Whose values; needed where several have the series, because sources never correct each other.
        version : int, optional
            Commit of `DataKind.SERIES` to read.

        Returns
        -------
        SeriesBatch
            From messages, else from imported rates, else from imported index levels.
        """
        for kind in (DataKind.SERIES, DataKind.RATES, DataKind.INDEX_LEVELS):
            symbol = name if kind is DataKind.SERIES else self._imported(kind, name)
            held = [s for s in self._find(kind, symbol, source=source) if s.first_known_ns <= known_ns]
            sources = sorted({segment.source for segment in held})
            if len(sources) > 1:
                raise DataError(
                    f"several sources have the series {name}",
                    found=", ".join(sources),
                    expected="one",
                    action="name it with source=",
                )
            if sources:
                at = version if kind is DataKind.SERIES else None
                parts = list(self._read(kind, symbol, (known_ns, _FIRST, _LAST), sources[0], at))
                if parts:
                    return replace(_joined(SeriesBatch, parts), series=name)
        raise _nothing(f"series {name}", known_ns)

    def events(self, *, known_ns: int, source: str | None = None, version: int | None = None) -> EventBatch:
        """Return all announcements that were known at an instant, earlier ones of the same event included."""
        parts = list(self._read(DataKind.EVENTS, EVERYONE, (known_ns, _FIRST, _LAST), source, version))
        if not parts:
            raise _nothing("announced event", known_ns)
        return _joined(EventBatch, parts)

    def news(
        self,
        *,
        known_ns: int,
        first_ns: int = _FIRST,
        last_ns: int = _LAST,
        source: str | None = None,
        version: int | None = None,
    ) -> NewsBatch:
        """Return the articles published between two instants as they were known at a third, changed ones included."""
        parts = list(self._read(DataKind.NEWS, EVERYONE, (known_ns, first_ns, last_ns), source, version))
        if not parts:
            raise _nothing("article", known_ns)
        return _joined(NewsBatch, parts)

    def _imported(self, kind: DataKind, name: str) -> str:
        """Return the symbol of the tables of a series: imports are called by their column."""
        from adapters.rates.publication import PUBLISHED  # its calendar imports pandas, half a second at the start

        aliases = {key.removesuffix("_pct").upper() for key, terms in PUBLISHED.items() if terms.series == name}
        held = {segment.symbol for segment in self._find(kind)}
        return next(iter(sorted(aliases & held)), name) if name not in held else name

    def _standing_rows(self, kind: DataKind, segments: Sequence[Segment], known_ns: int) -> dict[str, BoolArray]:
        if not needs_merge(kind, segments) or KINDS[kind].keys[-1] == "available_ns":
            return {}
        tables, names = [], {"known_ns", *KINDS[kind].keys}
        for segment in segments:
            with open_segment(self._files, segment) as opened:
                tables.append(opened.read(opened.groups(), [name for name in opened.names if name in names]))
        ends = np.cumsum([table.num_rows for table in tables])[:-1]
        masks = np.split(visible(kind, tables, known_ns), ends)
        return {segment.path: mask for segment, mask in zip(segments, masks, strict=True)}

    def _messages(
        self, kind: DataKind, segment: Segment, keep: BoolArray | None, ends: _Ends
    ) -> Iterator[tuple[Message, Int64Array]]:
        known_ns, first_ns, last_ns = ends
        with open_segment(self._files, segment) as opened:
            reader = PieceReader(kind, opened, scored(self._files, segment, known_ns))
            for piece in reader.pieces():
                if piece.first_known_ns > known_ns:
                    continue
                found = reader.load(piece)
                if isinstance(found.message, BookSnapshot):
                    if first_ns <= found.message.ts_event_ns <= last_ns:
                        yield found.message, found.known_ns
                    continue
                rows: BoolArray = found.known_ns <= known_ns
                rows &= (found.event_ns >= first_ns) & (found.event_ns <= last_ns)
                if keep is not None:
                    rows &= keep[piece.first_row + found.place]
                if rows.any():
                    yield (found.message if rows.all() else picked(found.message, rows)), found.known_ns[rows]


def _joined(kind: type[_Told], told: Sequence[tuple[Message, Int64Array]]) -> _Told:
    """Return batches as one, in the order that their class asks for."""
    parts = [part for part, _ in told if isinstance(part, kind)]
    last = parts[-1]
    known = np.concatenate([stamps for _, stamps in told])
    columns: dict[str, Any] = {}
    for item in fields(last):
        values = [getattr(part, item.name) for part in parts]
        if isinstance(values[0], np.ndarray):
            columns[item.name] = np.concatenate(values)
        elif isinstance(values[0], tuple):
            columns[item.name] = tuple(cell for value in values for cell in value)
    columns["available_ns"] = _from_when(columns[_KEY[kind]], columns["available_ns"], known)
    keys = (columns["available_ns"], *((columns["event_ns"],) if kind is SeriesBatch else ()))
    order = np.lexsort(keys)
    columns = {name: _in(column, order) for name, column in columns.items()}
    if kind is SeriesBatch:
        columns["n_missing"] = sum(part.n_missing for part, _ in told if isinstance(part, SeriesBatch))
    simulated = any(part.provenance.simulated for part in parts)
    return replace(
        last,
        ts_event_ns=max(part.ts_event_ns for part in parts),
        provenance=replace(last.provenance, simulated=simulated, **_worst(parts)),
        **columns,
    )


def _worst(parts: Sequence[Any]) -> dict[str, Any]:
    judged = [part.provenance for part in parts if part.provenance.quality is not None]
    if not judged:
        return {}
    lowest = min(judged, key=lambda provenance: float(provenance.quality))
    return {"quality": lowest.quality, "quality_reason": lowest.quality_reason}


def _from_when(key: Any, available: Int64Array, known: Int64Array) -> Int64Array:
    """Return the stamps of rows; one that restates another under the same stamp is known from its recording."""
    first: dict[tuple[Any, int], int] = {}
    stamps = available.copy()
    for row in np.argsort(known, kind="stable").tolist():
        if first.setdefault((key[row], int(available[row])), row) != row:
            stamps[row] = known[row]
    return stamps


def _in(column: Any, order: Int64Array) -> Any:
    return column[order] if isinstance(column, np.ndarray) else tuple(column[row] for row in order.tolist())


def _nothing(what: str, known_ns: int) -> DataError:
    found = f"nothing known by {iso_of_ns(known_ns)}" if 0 < known_ns < 4_102_444_800_000_000_000 else "nothing"
    return DataError(
        f"the store holds no {what}",
        found=found,
        expected="something known by the instant of the read",
        action="import its source, or ask for a later instant",
    )
