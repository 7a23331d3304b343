"""Features of a window: a value needs so many bars and no more, and has none while one of them is missing."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final, final

import numpy as np

from market.chains import FloatArray
from strategies.features.feature import Bar, FeatureStream
from strategies.features.inputs import price_of, prices_of, require_float64, volume_of, volumes_of
from strategies.features.windows import (
    DEVIATION,
    MEAN,
    SHARE_BELOW,
    SHARE_BELOW_WITH_TIES,
    OfWindow,
    Ring,
    ShareRing,
    by_window,
)
from strategies.parameters import require_between
from strategies.views import BarWindow

__all__ = [
    "AverageDistance",
    "LogReturn",
    "MovingAverage",
    "PercentRank",
    "RealisedVolatility",
    "RealisedVolatilityPercentile",
    "VolumeRatio",
]

_LONGEST = 1_000_000


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

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """The closes in the mean."""
        return self.n_bars

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the mean at each bar, in the unit of the closes."""
        return by_window(_closes(bars), self.n_bars, MEAN)

    def stream(self) -> FeatureStream:
        """Return the mean as closes come."""
        return _OfCloses(self.n_bars, MEAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageDistance:
    """Where the close stands over the mean of the last closes, as a fraction of the mean.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int, optional
        Closes in the mean, the newest counted, >= 2.
    """

    name: str
    symbol: str
    n_bars: int = 20

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 2, _LONGEST)

    @property
    def lookback(self) -> int:
        """The closes in the mean."""
        return self.n_bars

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return ``close / mean - 1`` at each bar."""
        return by_window(_closes(bars), self.n_bars, _OVER_MEAN)

    def stream(self) -> FeatureStream:
        """Return the distance as closes come."""
        return _OfCloses(self.n_bars, _OVER_MEAN)


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

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """The bars between, and the newest."""
        return self.n_bars + 1

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the log return at each bar, a fraction."""
        return by_window(_closes(bars), self.lookback, _LOG_RETURN)

    def stream(self) -> FeatureStream:
        """Return the log return as closes come."""
        return _OfCloses(self.lookback, _LOG_RETURN)


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
        Such as 252 for daily bars. `IntradayVolatility` leaves nights out, and annualises by the length of its bars.
    """

    name: str
    symbol: str
    n_returns: int
    bars_per_year: float

    def __post_init__(self) -> None:
        require_between(self.name, "n_returns", self.n_returns, 2, _LONGEST)
        require_between(self.name, "bars_per_year", self.bars_per_year, 0.0, 1e9, open_low=True)

    @property
    def lookback(self) -> int:
        """One bar more than returns."""
        return self.n_returns + 1

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the volatility at each bar, an annualised fraction."""
        return by_window(_steps(bars), self.n_returns, DEVIATION) * sqrt(self.bars_per_year)

    def stream(self) -> FeatureStream:
        """Return the volatility as closes come."""
        return _OfSteps(self.n_returns, sqrt(self.bars_per_year))


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

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """The closes compared with, and the newest."""
        return self.n_bars + 1

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the rank at each bar, 0 to 1; a tie counts half."""
        return by_window(_closes(bars), self.lookback, SHARE_BELOW_WITH_TIES)

    def stream(self) -> FeatureStream:
        """Return the rank as closes come."""
        return _OfCloses(self.lookback, SHARE_BELOW_WITH_TIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedVolatilityPercentile:
    """Share of the last realised volatilities that lie below the newest: neither implied, nor a rank (Q9, EQ12).

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_returns : int, optional
        Returns in one volatility, >= 2.
    n_bars : int, optional
        Volatilities that the newest is held against, itself not counted, >= 1. They are of bars: 252 of five minutes
        are 3.2 sessions of New York's shares, and a year only on a timeframe of a day.

    Notes
    -----
    The proxy of the roadmap for an IV rank. What it is called elsewhere, `IvRank` and `IvPercentile` are: those read
    implied volatility over days.
    """

    name: str
    symbol: str
    n_returns: int = 20
    n_bars: int = 252

    def __post_init__(self) -> None:
        require_between(self.name, "n_returns", self.n_returns, 2, _LONGEST)
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """The bars of the first and all further volatilities."""
        return self.n_returns + 1 + self.n_bars

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the share at each bar, 0 to 1."""
        volatility = by_window(_steps(bars), self.n_returns, DEVIATION)
        return by_window(volatility, self.n_bars + 1, SHARE_BELOW)

    def stream(self) -> FeatureStream:
        """Return the share as closes come."""
        return _OfDeviations(self.n_returns, self.n_bars)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRatio:
    """Volume of a bar over the mean volume of those before it.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int, optional
        Bars in the mean, the newest not counted, so that a burst does not dilute itself, >= 1.
    """

    name: str
    symbol: str
    n_bars: int = 20

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """The bars of the mean, and the newest."""
        return self.n_bars + 1

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the ratio at each bar; NaN without volumes, or where those before are all 0."""
        require_float64(bars)
        return by_window(volumes_of(bars.volume), self.lookback, _OVER_BEFORE)

    def stream(self) -> FeatureStream:
        """Return the ratio as volumes come."""
        return _OfVolumes(self.lookback, _OVER_BEFORE)


def _closes(bars: BarWindow) -> FloatArray:
    require_float64(bars)
    return prices_of(bars.close)


def _steps(bars: BarWindow) -> FloatArray:
    """Return the log return at each bar from the one before; NaN at the first."""
    closes, found = _closes(bars), np.full(bars.close.shape, nan)
    found[1:] = np.log(closes[1:] / closes[:-1])
    return found


def _every_over_mean(windows: FloatArray) -> FloatArray:
    found: FloatArray = windows[:, -1] / MEAN.every(windows) - 1.0
    return found


def _one_over_mean(window: FloatArray) -> float:
    return float(window[-1]) / MEAN.one(window) - 1.0


def _every_log_return(windows: FloatArray) -> FloatArray:
    found: FloatArray = np.log(windows[:, -1] / windows[:, 0])
    return found


def _one_log_return(window: FloatArray) -> float:
    return float(np.log(window[-1] / window[0]))


def _every_over_before(windows: FloatArray) -> FloatArray:
    before = MEAN.every(windows[:, :-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.where(before > 0.0, windows[:, -1] / before, nan)
    return found


def _one_over_before(window: FloatArray) -> float:
    before = MEAN.one(window[:-1])
    return float(window[-1]) / before if before > 0.0 else nan


_OVER_MEAN: Final = OfWindow(every=_every_over_mean, one=_one_over_mean)
_LOG_RETURN: Final = OfWindow(every=_every_log_return, one=_one_log_return)
_OVER_BEFORE: Final = OfWindow(every=_every_over_before, one=_one_over_before)


@final
class _OfCloses:
    __slots__ = ("_ring",)

    def __init__(self, n: int, of: OfWindow) -> None:
        self._ring = Ring(n, of)

    def update(self, bar: Bar) -> float:
        return self._ring.update(price_of(bar.close))


@final
class _OfVolumes:
    __slots__ = ("_ring",)

    def __init__(self, n: int, of: OfWindow) -> None:
        self._ring = Ring(n, of)

    def update(self, bar: Bar) -> float:
        return self._ring.update(volume_of(bar.volume))


@final
class _OfSteps:
    """A deviation of the last log returns, as a multiple of one bar's."""

    __slots__ = ("_before", "_ring", "_scale")

    def __init__(self, n: int, scale: float = 1.0) -> None:
        self._ring, self._before, self._scale = Ring(n, DEVIATION), nan, scale

    def update(self, bar: Bar) -> float:
        close = price_of(bar.close)
        step = float(np.log(close / self._before))
        self._before = close
        return self._ring.update(step) * self._scale


@final
class _OfDeviations:
    __slots__ = ("_deviations", "_ring")

    def __init__(self, n_returns: int, n_bars: int) -> None:
        self._deviations, self._ring = _OfSteps(n_returns), ShareRing(n_bars + 1)

    def update(self, bar: Bar) -> float:
        return self._ring.update(self._deviations.update(bar))
