"""A reading's own past: a bounded sample in time, and where the present stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import final

import numpy as np

from market.chains import FloatArray
from market.trades import Int64Array

__all__ = ["Standardised", "TrailingSeries", "TrailingWindow"]

_FIRST_ROOM = 64  # samples; the arrays double from there with what comes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailingSeries:
    """All that a `TrailingWindow` knows; arrays have shape ``(n_samples,)``, oldest first.

    Parameters
    ----------
    ts_ns : ndarray of int64
        Instants.
    value : ndarray
        Readings.
    """

    ts_ns: Int64Array
    value: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardised:
    """A reading in units of its own past.

    Parameters
    ----------
    z : float
        (reading - mean) / standard deviation of the past; NaN with a reason.
    n : int
        Past readings.
    reason : str
        Why z is NaN; empty where it is not.
    """

    z: float
    n: int
    reason: str


@final
class TrailingWindow:
    """Readings over a trailing time, at most one per sampling interval and no more than a given number.

    Parameters
    ----------
    window_ns : int
        Trailing time, ns.
    sample_ns : int
        Shortest time between two samples, ns.
    max_samples : int
        Samples that are kept.
    saved : TrailingSeries, optional
        To go on from.
    """

    def __init__(self, window_ns: int, sample_ns: int, max_samples: int, saved: TrailingSeries | None = None) -> None:
        self._window_ns, self._sample_ns, self._max = window_ns, sample_ns, max_samples
        n = 0 if saved is None else min(saved.ts_ns.shape[0], max_samples)
        room = min(2 * max_samples, max(_FIRST_ROOM, 2 * n))
        self._ts_ns, self._value = np.zeros(room, dtype=np.int64), np.zeros(room)
        self._start = self._end = 0
        if saved is not None:
            self._ts_ns[:n], self._value[:n] = saved.ts_ns[-n:] if n else 0, saved.value[-n:] if n else 0.0
            self._end = n

    @property
    def n(self) -> int:
        """Number of samples."""
        return self._end - self._start

    def clear(self) -> None:
        """Forget everything."""
        self._start = self._end = 0

    def _forget(self, ts_ns: int) -> None:
        held = self._ts_ns[self._start : self._end]
        # Where the clock was set back, samples from the future go: they are no past.
        self._end = self._start + int(np.searchsorted(held, ts_ns, side="left"))
        self._start += int(np.searchsorted(self._ts_ns[self._start : self._end], ts_ns - self._window_ns, side="left"))

    def past(self, ts_ns: int) -> FloatArray:
        """Return the samples before an instant and within the window, oldest first."""
        return self._before(ts_ns).copy()

    def _before(self, ts_ns: int) -> FloatArray:
        first, last = self._start, self._end
        # As a rule all samples lie in the window.
        if first < last and self._ts_ns[first] < ts_ns - self._window_ns:
            first += int(self._ts_ns[first:last].searchsorted(ts_ns - self._window_ns))
        if first < last and self._ts_ns[last - 1] >= ts_ns:
            last = first + int(self._ts_ns[first:last].searchsorted(ts_ns))
        return self._value[first:last]

    def standardise(self, ts_ns: int, value: float, min_samples: int) -> Standardised:
        """Return where a reading stands in the past before an instant; the reading itself is no part of it."""
        past = self._before(ts_ns)
        n = int(past.shape[0])
        if not isfinite(value):
            return Standardised(z=nan, n=n, reason="the reading is missing")
        if n < min_samples:
            return Standardised(z=nan, n=n, reason=f"{n} past readings of {min_samples} needed")
        deviation = float(past.std(ddof=1))
        if not deviation > 1e-12 * float(np.abs(past).max()):
            return Standardised(z=nan, n=n, reason="the past readings do not vary")
        return Standardised(z=(value - float(past.mean())) / deviation, n=n, reason="")

    def add(self, ts_ns: int, value: float) -> None:
        """Remember a reading, unless it is missing or the newest sample is nearer than the sampling interval."""
        if self.n and self._ts_ns[self._end - 1] >= ts_ns:
            if self._ts_ns[self._end - 1] == ts_ns:
                return
            self._forget(ts_ns)
        if not isfinite(value) or (self.n and ts_ns - int(self._ts_ns[self._end - 1]) < self._sample_ns):
            return
        self._forget(ts_ns)
        if self.n == self._max:
            self._start += 1
        if self._end == self._ts_ns.shape[0]:
            self._make_room()
        self._ts_ns[self._end], self._value[self._end] = ts_ns, value
        self._end += 1

    def _make_room(self) -> None:
        """Move the samples to the front, of twice the room up to twice the most: then they move but once in so many."""
        n, held = self.n, slice(self._start, self._end)
        ts_ns, value = self._ts_ns[held], self._value[held]
        room = min(2 * self._max, 2 * self._ts_ns.shape[0])
        self._ts_ns, self._value = np.zeros(room, dtype=np.int64), np.zeros(room)
        self._ts_ns[:n], self._value[:n] = ts_ns, value
        self._start, self._end = 0, n

    def at_or_before(self, ts_ns: int) -> float:
        """Return the newest sample at or before an instant; NaN where there is none."""
        place = int(np.searchsorted(self._ts_ns[self._start : self._end], ts_ns, side="right"))
        return float(self._value[self._start + place - 1]) if place else nan

    def checkpoint(self) -> TrailingSeries:
        """Return all that the window knows."""
        held = slice(self._start, self._end)
        return TrailingSeries(ts_ns=self._ts_ns[held].copy(), value=self._value[held].copy())
