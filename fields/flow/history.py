"""The records of one session, one row a minute, in a ring of fixed size."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from fields.flow.features import FLOW_FEATURES, FlowColumn
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = ["FlowHistory"]

_FIRST_ROOM = 16  # minutes


@final
class FlowHistory:
    """Keeps the newest records of a session; older ones give way.

    Parameters
    ----------
    capacity : int
        Minutes that are kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._end_ns = np.zeros(0, dtype=np.int64)
        self._values = np.empty((0, len(FLOW_FEATURES)))
        self._codes = np.zeros((0, len(FLOW_FEATURES)), dtype=np.uint8)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self._capacity)

    @property
    def minute_end_ns(self) -> Int64Array:
        """Ends of the minutes, oldest first, shape (n_minutes,)."""
        return self._end_ns[self._places(len(self))]

    @property
    def values(self) -> FloatArray:
        """Readings, oldest minute first, shape (n_minutes, n_columns)."""
        return self._values[self._places(len(self))]

    @property
    def reasons(self) -> NDArray[np.uint8]:
        """`FlowReason` of each reading, shape (n_minutes, n_columns)."""
        return self._codes[self._places(len(self))]

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays, bytes."""
        return int(self._end_ns.nbytes + self._values.nbytes + self._codes.nbytes)

    def clear(self) -> None:
        """Forget all records."""
        self._count = 0

    def append(self, minute_end_ns: int, values: FloatArray, reasons: NDArray[np.uint8]) -> None:
        """Add a record.

        Parameters
        ----------
        minute_end_ns : int
            End of the minute, ns since the epoch, UTC.
        values : ndarray, shape (n_columns,)
            Readings.
        reasons : ndarray of uint8, shape (n_columns,)
            `FlowReason` of each.
        """
        place = self._count % self._capacity
        if place == self._end_ns.shape[0]:
            self._lengthen()
        self._end_ns[place] = minute_end_ns
        self._values[place] = values
        self._codes[place] = reasons
        self._count += 1

    def _lengthen(self) -> None:
        """Double the room, up to the capacity; before that the records never wrap."""
        more = min(self._capacity, max(_FIRST_ROOM, 2 * self._end_ns.shape[0])) - self._end_ns.shape[0]
        n_columns = len(FLOW_FEATURES)
        self._end_ns = np.concatenate((self._end_ns, np.zeros(more, dtype=np.int64)))
        self._values = np.concatenate((self._values, np.empty((more, n_columns))))
        self._codes = np.concatenate((self._codes, np.zeros((more, n_columns), dtype=np.uint8)))

    def trailing(self, column: FlowColumn, n_minutes: int) -> FloatArray:
        """Return the newest values of a column, oldest first; fewer where the session is younger."""
        found: FloatArray = self._values[self._places(min(n_minutes, len(self))), int(column)]
        return found

    def last(self, column: FlowColumn) -> float:
        """Return the newest value of a column, NaN where there is no record."""
        return float(self._values[(self._count - 1) % self._capacity, column]) if self._count else float("nan")

    def _places(self, n: int) -> Int64Array:
        return np.arange(self._count - n, self._count, dtype=np.int64) % self._capacity
