"""Numbers made of closed bars: declared once, causal by test, the same as a whole column and bar by bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, sqrt
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from market.chains import FloatArray
from market.errors import ConfigError
from strategies.views import BarWindow

__all__ = [
    "BandPosition",
    "Feature",
    "LogReturn",
    "MovingAverage",
    "PercentRank",
    "RealisedVolatility",
    "column_of",
    "newest_of",
]


class Feature(Protocol):
    """A causal function of the bars of one symbol: its value at a bar needs that bar and those before it."""

    @property
    def name(self) -> str:
        """What `strategies.views.View.feature` calls it."""

    @property
    def symbol(self) -> str:
        """Whose bars it reads."""

    @property
    def lookback(self) -> int:
        """Bars that one value needs, >= 1: a value never depends on more."""

    def column(self, bars: BarWindow) -> FloatArray:
        """Return one value per bar, shape ``(n_bars,)``; NaN for the first ``lookback - 1``."""


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


def newest_of(feature: Feature, bars: BarWindow) -> float:
    """Return the value of a feature at the newest bar, as it comes bar by bar.

    Parameters
    ----------
    feature : Feature
        What to compute.
    bars : BarWindow
        At least its lookback; older bars are not looked at.

    Returns
    -------
    float
        NaN with fewer bars.
    """
    n = bars.close.shape[0]
    return float(feature.column(_cut(bars, max(0, n - feature.lookback), n))[-1]) if n >= feature.lookback else np.nan


def column_of(feature: Feature, bars: BarWindow, *, n_checks: int = 16) -> FloatArray:
    """Return a feature over all bars of a recording, held at some places against the same feature bar by bar.

    Parameters
    ----------
    feature : Feature
        What to compute.
    bars : BarWindow
        The whole recording.
    n_checks : int, optional
        Places at which both are compared.

    Returns
    -------
    ndarray, shape (n_bars,)
        One value per bar.

    Raises
    ------
    ConfigError
        A value of the column is not the one that its own window gives: the feature looks ahead, or further back than
        it declares.
    """
    column = feature.column(bars)
    for place in _checked_places(bars.close.shape[0], feature.lookback, n_checks):
        alone = newest_of(feature, _cut(bars, 0, place + 1))
        if alone != column[place] and not (isnan(alone) and isnan(column[place])):
            raise ConfigError(
                f"feature {feature.name} depends on more than its window",
                found=f"{column[place]} at bar {place} of the whole, {alone} from its last {feature.lookback} bars",
                expected="the same number",
                action="let it read only the bars up to its own, and declare how many",
            )
    return column


def _checked_places(n_bars: int, lookback: int, n_checks: int) -> Sequence[int]:
    if n_bars < lookback:
        return ()
    places: list[int] = np.unique(np.linspace(lookback - 1, n_bars - 1, n_checks).astype(int)).tolist()
    return places


def _cut(bars: BarWindow, start: int, stop: int) -> BarWindow:
    return BarWindow(**{name: getattr(bars, name)[start:stop] for name in BarWindow.__dataclass_fields__})
