"""The recorded order books of a replay: the newest one of each market by each instant."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, TypeAlias, final

from adapters.ticks import TickSource
from adapters.ticks.books import BookFile
from market.books import BookSnapshot

__all__ = ["BookPlayer"]

_START: Final = -1
_EVERY_NS: Final = 1_000_000_000  # finer than any chain that a book stands beside
_Arrival: TypeAlias = tuple[int, int, BookSnapshot]  # when it arrived, ns; the place of its file; the book


@final
class BookPlayer:
    """Plays recorded books between instants; read forward, again from the start where the feed goes back.

    Parameters
    ----------
    source : TickSource
        The files.
    levels : int
        Levels of a side, > 0.
    """

    def __init__(self, source: TickSource, *, levels: int) -> None:
        self._files, self._levels = source.books, levels
        self._books: Iterator[_Arrival] = iter(())
        self._ahead: _Arrival | None = None
        self._reached_ns = _START
        self._restart()

    def play(self, after_ns: int, until_ns: int) -> tuple[BookSnapshot, ...]:
        """Return the newest book of each symbol that arrived in a stretch of time.

        Parameters
        ----------
        after_ns, until_ns : int
            The stretch, ns since the epoch, UTC; its end is in it.

        Returns
        -------
        tuple of BookSnapshot
            By symbol; one whose books did not change is not told again.
        """
        if after_ns < self._reached_ns:
            self._restart()
        found: dict[str, BookSnapshot] = {}
        while self._ahead is not None and self._ahead[0] <= until_ns:
            arrived_ns, _, book = self._ahead
            if arrived_ns > after_ns:
                found[book.symbol] = book
            self._ahead = next(self._books, None)
        self._reached_ns = until_ns
        return tuple(found[symbol] for symbol in sorted(found))

    def _restart(self) -> None:
        streams = [_arrivals(file, place, self._levels) for place, file in enumerate(self._files)]
        self._books = heapq.merge(*streams, key=lambda item: item[:2])
        self._ahead = next(self._books, None)
        self._reached_ns = _START


def _arrivals(file: BookFile, place: int, levels: int) -> Iterator[_Arrival]:
    reached = _START
    for book in file.books(levels, _EVERY_NS):
        reached = max(reached, book.ts_event_ns)  # one that is stamped before its predecessor arrived after it
        yield reached, place, book
