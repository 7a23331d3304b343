"""Features of a window: a value needs so many bars and no more."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from market.chains import FloatArray
from strategies.views import BarWindow

__all__ = ["BandPosition", "LogReturn", "MovingAverage", "PercentRank", "RealisedVolatility"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingAverage:
    """Mean of the last closes (SMA).

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int
        Closes in the mean, >= 1.
    """

    name: str
    symbol: str
    n_bars: int

    @property
    def lookback(self) -> int:
        """The closes in the mean."""
        return self.n_bars

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the mean at each bar, in the unit of the closes."""
        # Not by running sums: those drift, and give another last digit than the window alone.
        return _by_window(bars.close, self.n_bars, lambda windows: windows.mean(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReturn:
    """Logarithm of the close over that some bars ago.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int
        Bars between the two closes, >= 1.
    """

    name: str
    symbol: str
    n_bars: int

    @property
    def lookback(self) -> int:
        """The bars between, and the newest."""
        return self.n_bars + 1

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the log return at each bar, a fraction."""
        found = np.full(bars.close.shape, np.nan)
        found[self.n_bars :] = np.log(bars.close[self.n_bars :] / bars.close[: -self.n_bars])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedVolatility:
    """Sample deviation of the log returns from close to close, per year; nights count as one step.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_returns : int
        Returns in the deviation, >= 2.
    bars_per_year : float
        Such as 252 for daily bars, ``252 * 78`` for the five-minute bars of New York's shares.
    """

    name: str
    symbol: str
    n_returns: int
    bars_per_year: float

    @property
    def lookback(self) -> int:
        """One bar more than returns."""
        return self.n_returns + 1

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the volatility at each bar, an annualised fraction."""
        found = np.full(bars.close.shape, np.nan)
        steps = np.log(bars.close[1:] / bars.close[:-1])
        scale = sqrt(self.bars_per_year)
        found[1:] = _by_window(steps, self.n_returns, lambda windows: windows.std(axis=1, ddof=1) * scale)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPosition:
    """Where the close stands between the Bollinger bands: 0 on the lower, 1 on the upper (``%B``).

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int
        Closes of mean and deviation, >= 2.
    width : float
        Deviations from the mean to a band, > 0.
    """

    name: str
    symbol: str
    n_bars: int
    width: float = 2.0

    @property
    def lookback(self) -> int:
        """The closes of mean and deviation."""
        return self.n_bars

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the position at each bar; NaN where all closes of the window are equal."""

        def position(windows: FloatArray) -> FloatArray:
            half = self.width * windows.std(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                found: FloatArray = (windows[:, -1] - windows.mean(axis=1) + half) / (2.0 * half)
            return np.where(half > 0.0, found, np.nan)

        return _by_window(bars.close, self.n_bars, position)


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentRank:
    """Share of the last closes that lie below the newest: a rank, such as of a volatility index in a year.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int
        Closes that the newest is held against, itself not counted, >= 1.
    """

    name: str
    symbol: str
    n_bars: int

    @property
    def lookback(self) -> int:
        """The closes compared with, and the newest."""
        return self.n_bars + 1

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the rank at each bar, 0 to 1; a tie counts half."""

        def rank(windows: FloatArray) -> FloatArray:
            before, newest = windows[:, :-1], windows[:, -1:]
            found: FloatArray = (before < newest).mean(axis=1) + 0.5 * (before == newest).mean(axis=1)
            return found

        return _by_window(bars.close, self.n_bars + 1, rank)


class _Window(Protocol):
    def __call__(self, windows: FloatArray, /) -> FloatArray: ...


def _by_window(values: FloatArray, n: int, of: _Window, block: int = 1 << 14) -> FloatArray:
    """Return a function of each window of `n` values; some windows at a time, so that none is ever copied whole."""
    found = np.full(values.shape, np.nan)
    if values.shape[0] >= n:
        windows = sliding_window_view(values, n)
        for start in range(0, windows.shape[0], block):
            found[start + n - 1 : start + n - 1 + block] = of(windows[start : start + block])
    return found
