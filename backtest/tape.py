"""The order of everything that happens in a run: by the instant from which it could be known, ties by a stated rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

import numpy as np

from market.errors import DataError
from market.trades import Int64Array

__all__ = ["Phase", "Tape", "TapeStream"]

_BLOCK: Final = 1 << 16


class Phase(IntEnum):
    """What comes first at one instant.

    Notes
    -----
    Before any data of an instant: splits, dividends, interest (`backtest.calendar_events`). Then the data in this
    order; funding is paid once the bars that end at its instant have said who still holds. Then what expires at the
    instant settles, by prices of the instant. Then strategies decide. Orders
    arrive at the venue after their latency and meet the quotes of the instant of their arrival, except those that
    their own decision was made from. An opening print comes last: it is the first trade at *or after* the instant, so
    an order that was decided at the close of the bar before meets it.
    """

    SERIES = 0  # rates, volatility indices, announced events
    QUOTE = 1  # quotes of underlyings
    TRADE = 2
    BAR_CLOSE = 3
    FUNDING = 4
    CHAIN = 5
    TIMER = 6  # fixed times at which strategies are asked
    BAR_OPEN = 7  # what the venue sees of a bar before it is closed; no strategy does


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeStream:
    """One column of instants.

    Parameters
    ----------
    phase : Phase
        What it holds.
    name : str
        Tells streams of one phase apart and orders their ties, so that the order of the inputs does not matter.
    instants : ndarray of int64, shape (n_rows,)
        From when each row could be known, ns since the epoch, UTC, rising.
    """

    phase: Phase
    name: str
    instants: Int64Array

    def __post_init__(self) -> None:
        if self.instants.shape[0] and (np.diff(self.instants) < 0).any():
            raise DataError(
                f"{self.name} is not in order of time", expected="rising instants of availability", action="sort it"
            )


@final
class Tape:
    """All rows of all streams in order.

    Parameters
    ----------
    streams : sequence of TapeStream
        In any order; iteration names each by its place here.
    first_ns, last_ns : int, optional
        Rows outside of these instants, both included, are left out.

    Notes
    -----
    A row costs 24 bytes: contents stay with their owners. Iteration hands out plain integers in blocks.
    """

    def __init__(self, streams: Sequence[TapeStream], first_ns: int | None = None, last_ns: int | None = None) -> None:
        ranked = sorted(range(len(streams)), key=lambda place: (streams[place].phase, streams[place].name))
        instants = np.concatenate([streams[place].instants for place in ranked] or [np.zeros(0, dtype=np.int64)])
        sizes = [streams[place].instants.shape[0] for place in ranked]
        owner = np.repeat(np.array(ranked, dtype=np.int32), sizes)
        rows = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes] or [np.zeros(0, dtype=np.int32)])
        # Stable: rows of one instant keep the order of phase, name and place, in which they stand here.
        order = np.argsort(instants, kind="stable")
        kept = instants[order]
        start = 0 if first_ns is None else int(np.searchsorted(kept, first_ns, side="left"))
        stop = kept.shape[0] if last_ns is None else int(np.searchsorted(kept, last_ns, side="right"))
        order = order[start:stop]
        self._instants, self._owner, self._rows = kept[start:stop], owner[order], rows[order]

    def __len__(self) -> int:
        return int(self._instants.shape[0])

    @property
    def first_ns(self) -> int:
        """Instant of the first row, ns since the epoch, UTC; -1 where there is none."""
        return int(self._instants[0]) if len(self) else -1

    @property
    def last_ns(self) -> int:
        """Instant of the last row; -1 where there is none."""
        return int(self._instants[-1]) if len(self) else -1

    def begun_at(self, start_ns: int, standing: Callable[[int, int], Sequence[int]]) -> Iterator[tuple[int, int, int]]:
        """Give the rows from an instant on, and before them those that still count then.

        Parameters
        ----------
        start_ns : int
            Instant, ns since the epoch, UTC.
        standing : callable
            Given the place of a stream and how many of its rows lie before, returns which of these still count.

        Returns
        -------
        iterator of (int, int, int)
            As iteration gives them, in the same order.
        """
        stop = int(np.searchsorted(self._instants, start_ns, side="left"))
        owner, kept = self._owner[:stop], np.zeros(stop, dtype=np.bool_)
        for place in np.unique(owner).tolist():
            mine = np.flatnonzero(owner == place)
            first = int(self._rows[mine[0]])  # rows of a stream rise, and those before the tape are left out
            wanted = np.array(standing(place, first + mine.shape[0]), dtype=np.int64) - first
            kept[mine[wanted[wanted >= 0]]] = True
        before = np.flatnonzero(kept)
        columns = (self._instants[before], self._owner[before], self._rows[before])
        yield from zip(*(column.tolist() for column in columns), strict=True)
        yield from self._from(stop)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Give instant, place of the stream and row within it."""
        return self._from(0)

    def _from(self, first: int) -> Iterator[tuple[int, int, int]]:
        for start in range(first, len(self), _BLOCK):
            block = slice(start, start + _BLOCK)
            yield from zip(
                self._instants[block].tolist(), self._owner[block].tolist(), self._rows[block].tolist(), strict=True
            )
