"""Segments of a store read forward in the order in which their rows became known, a few open at a time."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from adapters.encoded.messages import Message, picked
from adapters.store.files import StoreFiles
from adapters.store.kinds import DataKind
from adapters.store.manifest import Segment
from adapters.store.pieces import Loaded, Piece, PieceReader, Scored, scored
from adapters.store.segments import open_segment
from market.books import BookSnapshot
from market.chains import OptionChain
from market.trades import Int64Array

__all__ = ["Cursor", "OpenFiles", "Span", "Told"]

_MOST_OPEN: Final = 64
_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is played: rows known after one instant and up to another, ns since the epoch, UTC.

    Parameters
    ----------
    after_ns, last_ns : int
        Ends; the first excluded.
    standing_ns : int or None
        Rows known by then count as known at this instant: a rate of last night stands when a session begins. None
        where rows of before are left out.
    """

    after_ns: int
    last_ns: int
    standing_ns: int | None = None

    def known(self, known_ns: Int64Array) -> Int64Array:
        """Return from when rows count as known."""
        return known_ns if self.standing_ns is None else np.maximum(known_ns, self.standing_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message, or a part of one, that became known: when, and what."""

    known_ns: int
    message: Message


@final
class OpenFiles:
    """Open segments, the least used of which are closed again.

    Parameters
    ----------
    files : StoreFiles
        Where the store lies.
    with_quality : bool
        Whether noted quality goes into the provenance of messages, whenever it was noted.
    """

    def __init__(self, files: StoreFiles, *, with_quality: bool) -> None:
        self._files, self._with_quality = files, with_quality
        self._open: OrderedDict[str, tuple[ExitStack, PieceReader]] = OrderedDict()

    def reader(self, kind: DataKind, segment: Segment) -> PieceReader:
        """Return the reader of a segment."""
        held = self._open.pop(segment.path, None)
        if held is None:
            stack = ExitStack()
            opened = stack.enter_context(open_segment(self._files, segment))
            held = stack, PieceReader(kind, opened, self._quality(segment))
        self._open[segment.path] = held
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1][0].close()
        return held[1]

    def close(self, segment: Segment | None = None) -> None:
        """Close a segment, or all."""
        paths = list(self._open) if segment is None else [segment.path]
        for path in paths:
            held = self._open.pop(path, None)
            if held is not None:
                held[0].close()

    def _quality(self, segment: Segment) -> Scored | None:
        return scored(self._files, segment, _NEVER) if self._with_quality else None


@final
class _Waiting:
    """A loaded piece of which some rows are not known yet."""

    def __init__(self, loaded: Loaded, span: Span) -> None:
        self.message = loaded.message
        self._whole = isinstance(loaded.message, OptionChain | BookSnapshot)
        known = span.known(loaded.known_ns)
        self._order: Int64Array | None = None
        if known.size and not self._whole and (known[1:] < known[:-1]).any():
            self._order = np.argsort(known, kind="stable")
            known = known[self._order]
        self._known = known
        self._place = int(np.searchsorted(known, span.after_ns, side="right"))
        self._end = int(np.searchsorted(known, span.last_ns, side="right"))

    @property
    def next_ns(self) -> int:
        return int(self._known[self._place]) if self._place < self._end else _NEVER

    def take(self, until_ns: int) -> Told | None:
        first, self._place = self._place, min(int(np.searchsorted(self._known, until_ns, side="right")), self._end)
        if self._place == first:
            return None
        known_ns = int(self._known[first])
        if self._whole or (first == 0 and self._place == self._known.size):
            return Told(known_ns=known_ns, message=_stamped(self.message, until_ns))
        rows: NDArray[Any] | slice = slice(first, self._place)
        if self._order is not None:
            rows = np.sort(self._order[first : self._place])
        part = picked(self.message, rows)
        return Told(known_ns=known_ns, message=_stamped(part, int(self._known[self._place - 1])))


def _stamped(message: Message, until_ns: int) -> Message:
    # The head of a batch may be stamped with what came after the rows that are told here.
    if isinstance(message, OptionChain | BookSnapshot) or message.ts_event_ns <= until_ns:
        return message
    return replace(message, ts_event_ns=until_ns)


@final
class Cursor:
    """Reads one segment forward.

    Parameters
    ----------
    files : OpenFiles
        Open segments.
    kind : DataKind
        Data set.
    segment : Segment
        The file.
    span : Span
        What is played of it.
    """

    def __init__(self, files: OpenFiles, kind: DataKind, segment: Segment, span: Span) -> None:
        self._files, self._kind, self.segment, self._span = files, kind, segment, span
        self._pieces: list[Piece] | None = None
        self._place = 0
        self._waiting: list[_Waiting] = []
        first = segment.first_known_ns if span.standing_ns is None else max(segment.first_known_ns, span.standing_ns)
        self.next_ns = max(first, span.after_ns + 1)

    def take(self, until_ns: int) -> list[Told]:
        """Return what became known up to an instant and was not told before, in the order in which it was written."""
        pieces = self._opened()
        while self._place < len(pieces) and self._first(pieces[self._place]) <= until_ns:
            loaded = self._files.reader(self._kind, self.segment).load(pieces[self._place])
            self._waiting.append(_Waiting(_kept(loaded, pieces[self._place].last_known_ns), self._span))
            self._place += 1
        found = [told for waiting in self._waiting if (told := waiting.take(until_ns)) is not None]
        self._waiting = [waiting for waiting in self._waiting if waiting.next_ns < _NEVER]
        ahead = self._first(pieces[self._place]) if self._place < len(pieces) else _NEVER
        self.next_ns = min([ahead, *(waiting.next_ns for waiting in self._waiting)])
        if self.next_ns == _NEVER:
            self._files.close(self.segment)
        return found

    @property
    def ended(self) -> bool:
        """Whether all of it was told."""
        return self.next_ns == _NEVER

    def _opened(self) -> list[Piece]:
        if self._pieces is None:
            pieces = self._files.reader(self._kind, self.segment).pieces()
            played = [p for p in pieces if self._last(p) > self._span.after_ns and self._first(p) <= self._span.last_ns]
            self._pieces = sorted(played, key=lambda piece: piece.first_known_ns)
        return self._pieces

    def _first(self, piece: Piece) -> int:
        return int(self._span.known(np.array([piece.first_known_ns]))[0])

    def _last(self, piece: Piece) -> int:
        return int(self._span.known(np.array([piece.last_known_ns]))[0])


def _kept(loaded: Loaded, known_ns: int) -> Loaded:
    if loaded.known_ns.size:
        return loaded
    # An empty chain or book has no rows, but an instant.
    return replace(loaded, known_ns=np.array([known_ns], dtype=np.int64))
