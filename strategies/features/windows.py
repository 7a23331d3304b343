"""Functions of the last numbers of a column: over all windows at once, or window by window as numbers come."""

from __future__ import annotations

from bisect import bisect_left, insort_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import nan, sqrt
from typing import Final, final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from market.chains import FloatArray

__all__ = ["DEVIATION", "MEAN", "SHARE_BELOW", "SHARE_BELOW_WITH_TIES", "OfWindow", "Ring", "ShareRing", "by_window"]

_BLOCK: Final = 1 << 14
_sum: Final = np.add.reduce


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OfWindow:
    """A function of a window, told twice: both give the same bits.

    Parameters
    ----------
    every : callable
        From windows, shape ``(n_windows, n)``, to one number each.
    one : callable
        From a window, shape ``(n,)``, to its number: without the cost of a table of one row.
    """

    every: Callable[[FloatArray], FloatArray]
    one: Callable[[FloatArray], float]


def _means(windows: FloatArray) -> FloatArray:
    # Not by running sums: those drift, and give another last digit than the window alone.
    found: FloatArray = np.add.reduce(windows, axis=1) / windows.shape[1]
    return found


def _mean(window: FloatArray) -> float:
    found: float = float(np.add.reduce(window)) / window.shape[0]
    return found


def _deviations(windows: FloatArray) -> FloatArray:
    off = windows - _means(windows)[:, None]
    found: FloatArray = np.sqrt(np.add.reduce(off * off, axis=1) / (windows.shape[1] - 1))
    return found


def _deviation(window: FloatArray) -> float:
    n = window.shape[0]
    off = window - _sum(window) / n
    off *= off
    return sqrt(_sum(off) / (n - 1))


def _shares_below(windows: FloatArray) -> FloatArray:
    found: FloatArray = np.count_nonzero(windows[:, :-1] < windows[:, -1:], axis=1) / (windows.shape[1] - 1)
    return found


def _share_below(window: FloatArray) -> float:
    found: float = int(np.count_nonzero(window[:-1] < window[-1])) / (window.shape[0] - 1)
    return found


def _shares_with_ties(windows: FloatArray) -> FloatArray:
    ties = np.count_nonzero(windows[:, :-1] == windows[:, -1:], axis=1)
    found: FloatArray = _shares_below(windows) + 0.5 * ties / (windows.shape[1] - 1)
    return found


def _share_with_ties(window: FloatArray) -> float:
    ties = int(np.count_nonzero(window[:-1] == window[-1]))
    found: float = _share_below(window) + 0.5 * ties / (window.shape[0] - 1)
    return found


MEAN: Final = OfWindow(every=_means, one=_mean)
"""Plain mean."""
DEVIATION: Final = OfWindow(every=_deviations, one=_deviation)
"""Standard deviation of a sample, ``n - 1``."""
SHARE_BELOW: Final = OfWindow(every=_shares_below, one=_share_below)
"""Share of the numbers before the newest that lie below it."""
SHARE_BELOW_WITH_TIES: Final = OfWindow(every=_shares_with_ties, one=_share_with_ties)
"""The same; one that is equal counts half."""


def by_window(values: FloatArray, n: int, of: OfWindow) -> FloatArray:
    """Return a function of the last numbers at each place.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        Numbers, NaN where one is missing.
    n : int
        Numbers in a window, >= 1.
    of : OfWindow
        What to compute.

    Returns
    -------
    ndarray, shape (n_values,)
        NaN for the first ``n - 1``, and wherever a number of the window is missing.
    """
    found = np.full(values.shape, nan)
    if values.shape[0] < n:
        return found
    windows = sliding_window_view(values, n)
    for start in range(0, windows.shape[0], _BLOCK):  # some at a time, so that none is ever copied whole
        found[start + n - 1 : start + n - 1 + _BLOCK] = of.every(windows[start : start + _BLOCK])
    missing = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(np.isnan(values))))
    found[n - 1 :][missing[n:] != missing[:-n]] = nan
    return found


@final
class Ring:
    """The last numbers of a column, and a function of them.

    Parameters
    ----------
    n : int
        Numbers in the window, >= 1.
    of : OfWindow
        What to compute.
    """

    __slots__ = ("_n", "_of", "_place", "_sound", "_twice")

    def __init__(self, n: int, of: OfWindow) -> None:
        self._n, self._of, self._place = n, of.one, 0
        # Each number stands twice, so that the window is always in one piece.
        self._twice = np.full(2 * n, nan)
        self._sound = 0  # numbers since the last missing one

    def update(self, value: float) -> float:
        """Take the newest number, and return the function of the window; NaN while it has a hole or is too short."""
        place = self._place
        self._twice[place] = self._twice[place + self._n] = value
        self._place = place = (place + 1) % self._n
        if value != value:  # noqa: PLR0124  # NaN
            self._sound = 0
            return nan
        self._sound += 1
        return self._of(self._twice[place : place + self._n]) if self._sound >= self._n else nan


@final
class ShareRing:
    """The share of the last numbers below the newest: `SHARE_BELOW` from numbers that are kept in order.

    Parameters
    ----------
    n : int
        Numbers in the window, the newest counted, >= 2.
    """

    __slots__ = ("_n", "_ordered", "_values")

    def __init__(self, n: int) -> None:
        self._n = n
        self._values: deque[float] = deque()
        self._ordered: list[float] = []

    def update(self, value: float) -> float:
        """Take the newest number, and return the share; NaN while the window has a hole or is too short."""
        if value != value:  # noqa: PLR0124  # NaN
            self._values.clear()
            self._ordered.clear()
            return nan
        place = bisect_left(self._ordered, value)
        share = place / (self._n - 1) if len(self._values) == self._n - 1 else nan
        if len(self._values) == self._n - 1:
            oldest = self._values.popleft()
            del self._ordered[bisect_left(self._ordered, oldest)]
        self._values.append(value)
        insort_left(self._ordered, value)
        return share
