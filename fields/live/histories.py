"""What was told of one series, market or perpetual: rows in order, none twice, and no more than so many."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar, final

import numpy as np

from market.bars import BarBatch
from market.chains import FloatArray
from market.funding import FundingBatch
from market.series import SeriesBatch
from market.trades import UNDERLYING, Int64Array

__all__ = ["NO_BARS", "NO_ROWS", "History", "Known", "bar_rows", "funding_rows", "series_rows"]

_View = TypeVar("_View")
_NS_PER_H: Final = 3.6e12


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Rows in order of `event_ns`, then `mark_ns`; arrays of length ``n_rows``.

    Parameters
    ----------
    event_ns : ndarray of int64
        Instant that a row speaks of, ns since the epoch, UTC.
    mark_ns : ndarray of int64
        Tells rows of one event apart: the instant of publication, the start of a bar, or a payment, ns.
    known_ns : ndarray of int64
        Instant from which it was known, ns since the epoch, UTC.
    told_ns : ndarray of int64
        Instant of the message that told it; of two that tell the same row the later counts.
    values : ndarray, shape (n_rows, n_values)
        What it says.
    """

    event_ns: Int64Array
    mark_ns: Int64Array
    known_ns: Int64Array
    told_ns: Int64Array
    values: FloatArray

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.event_ns.shape[0])

    def rows(self, chosen: Int64Array | slice) -> History:
        """Return some of the rows."""
        return History(
            event_ns=self.event_ns[chosen],
            mark_ns=self.mark_ns[chosen],
            known_ns=self.known_ns[chosen],
            told_ns=self.told_ns[chosen],
            values=self.values[chosen],
        )

    def known_at(self, instant_ns: int, most: int) -> History:
        """Return the rows that were known at an instant, the newest so many of them."""
        return self.rows(np.flatnonzero(self.known_ns <= instant_ns)[-most:])

    def by_instant(self, most: int) -> Callable[[int], History]:
        """Return `known_at` for many instants; of rows that became known in their order no copy is made."""
        if not bool((self.known_ns[1:] >= self.known_ns[:-1]).all()):
            return lambda instant_ns: self.known_at(instant_ns, most)

        def known(instant_ns: int) -> History:
            end = int(self.known_ns.searchsorted(instant_ns, side="right"))
            return self.rows(slice(max(end - most, 0), end))

        return known

    def joined(self, told: History, most: int | None) -> History:
        """Return these rows with others among them, in whatever order they were told.

        Parameters
        ----------
        told : History
            Rows that may be known already.
        most : int or None
            The newest so many are kept; all without a number.

        Returns
        -------
        History
            In order, each row once.
        """
        if not self.n_rows:
            return told._newest(most)
        both = History(
            event_ns=np.concatenate((self.event_ns, told.event_ns)),
            mark_ns=np.concatenate((self.mark_ns, told.mark_ns)),
            known_ns=np.concatenate((self.known_ns, told.known_ns)),
            told_ns=np.concatenate((self.told_ns, told.told_ns)),
            values=np.concatenate((self.values, told.values)),
        )
        return both._newest(most)

    def _newest(self, most: int | None) -> History:
        order = np.lexsort((self.told_ns, self.mark_ns, self.event_ns))
        event, mark = self.event_ns[order], self.mark_ns[order]
        last = np.ones(order.shape[0], dtype=np.bool_)
        last[:-1] = (event[1:] != event[:-1]) | (mark[1:] != mark[:-1])
        kept = order[last]
        return self.rows(kept if most is None else kept[-most:])


NO_ROWS: Final = History(
    event_ns=np.zeros(0, dtype=np.int64),
    mark_ns=np.zeros(0, dtype=np.int64),
    known_ns=np.zeros(0, dtype=np.int64),
    told_ns=np.zeros(0, dtype=np.int64),
    values=np.zeros((0, 0)),
)
"""Nothing told."""
NO_BARS: Final = replace(NO_ROWS, values=np.zeros((0, 3)))
"""No bar told."""


def series_rows(batch: SeriesBatch) -> History:
    """Return the rows of a series."""
    return History(
        event_ns=batch.event_ns,
        mark_ns=batch.available_ns,
        known_ns=batch.available_ns,
        told_ns=np.full(batch.n_points, batch.ts_event_ns),
        values=batch.value[:, None],
    )


def bar_rows(batch: BarBatch) -> History:
    """Return the bars of the symbol itself, with high, low and close; those without a close are left out."""
    rows = np.flatnonzero((batch.contract == UNDERLYING) & np.isfinite(batch.close) & (batch.close > 0.0))
    return History(
        event_ns=batch.end_ns[rows],
        mark_ns=batch.start_ns[rows],
        known_ns=batch.end_ns[rows],
        told_ns=np.full(rows.shape[0], batch.ts_event_ns),
        values=np.column_stack((batch.high[rows], batch.low[rows], batch.close[rows])),
    )


def funding_rows(batch: FundingBatch) -> History:
    """Return the rates of a perpetual with the hours between payments; rows without a rate are left out."""
    rows = np.flatnonzero(np.isfinite(batch.rate))
    return History(
        event_ns=batch.ts_ns[rows],
        mark_ns=batch.funding_ns[rows],
        known_ns=batch.ts_ns[rows],
        told_ns=np.full(rows.shape[0], batch.ts_event_ns),
        values=np.column_stack((batch.rate[rows], batch.interval_ns[rows] / _NS_PER_H)),
    )


@final
class Known(Generic[_View]):
    """What some rows say at an instant; computed anew only where another row has become known.

    Parameters
    ----------
    known_ns : ndarray of int64
        Instants from which the rows were known, in any order.
    view : callable
        What the rows say that were known at an instant.
    """

    def __init__(self, known_ns: Int64Array, view: Callable[[int], _View]) -> None:
        self._instants: list[int] = np.sort(known_ns).tolist()
        self._view, self._rank = view, -1
        self._found: _View | None = None

    def at(self, now_ns: int) -> _View:
        """Return what they say at an instant, ns since the epoch, UTC."""
        rank = bisect_right(self._instants, now_ns)
        if rank != self._rank or self._found is None:
            self._found, self._rank = self._view(now_ns), rank
        return self._found
