"""How much prices vary: true range, Bollinger bands, volatility of intraday bars."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import final

import numpy as np

from market.chains import FloatArray
from strategies.features.feature import Bar, FeatureStream
from strategies.features.inputs import Need
from strategies.features.library_calls import Call, LibraryStream, columns_of_calls, scattered
from strategies.parameters import require_between
from strategies.views import BarWindow

__all__ = ["AverageTrueRange", "BandPosition", "BandWidth"]

_LONGEST = 10_000
_CENTRE = 0.5


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AverageTrueRange:
    """Average true range (ATR), in the unit of the closes.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int, optional
        True ranges of the first mean, and memory of the next, >= 1.

    Notes
    -----
    ``max(high, close before) - min(low, close before)``; the plain mean of the first `n_bars`, then
    ``((n - 1) * previous + newest) / n`` [wilder_1978].
    """

    name: str
    symbol: str
    n_bars: int = 14

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """One bar more than true ranges."""
        return self.n_bars + 1

    @property
    def is_recursive(self) -> bool:
        """True: Wilder's average never forgets wholly."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the average at each bar."""
        rows, found = columns_of_calls(bars, Need.RANGE, self._calls)
        return scattered(rows, found[0] if found else nan)

    def stream(self) -> FeatureStream:
        """Return the average as bars close."""
        return LibraryStream(Need.RANGE, self._calls, self.lookback, _only)

    @property
    def _calls(self) -> tuple[Call, ...]:
        return (Call("ATR", ("high", "low", "close"), (self.n_bars,)),)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BandPosition:
    """Where the close stands between the Bollinger bands: 0 on the lower, 1 on the upper (``%B``).

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int, optional
        Closes of mean and deviation, >= 2.
    width : float, optional
        Deviations from the mean to a band, > 0. The deviation is that of the population (``ddof = 0``).
    """

    name: str
    symbol: str
    n_bars: int = 20
    width: float = 2.0

    def __post_init__(self) -> None:
        _require_bands(self.name, self.n_bars, self.width)

    @property
    def lookback(self) -> int:
        """The closes of mean and deviation."""
        return self.n_bars

    @property
    def is_recursive(self) -> bool:
        """True: the library's sums run, and their last digits remember."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the position at each bar; 0.5, the centre, where all closes of the window are equal."""
        rows, found = columns_of_calls(bars, Need.CLOSE, _bands(self.n_bars, self.width))
        if not found:
            return scattered(rows, nan)
        upper, _, lower = found
        span = upper - lower
        with np.errstate(divide="ignore", invalid="ignore"):
            return scattered(rows, np.where(span == 0.0, _CENTRE, (bars.close[rows] - lower) / span))

    def stream(self) -> FeatureStream:
        """Return the position as bars close."""
        return LibraryStream(Need.CLOSE, _bands(self.n_bars, self.width), self.lookback, _position)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BandWidth:
    """Distance between the Bollinger bands as a fraction of the mean.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars, width : optional
        As in `BandPosition`.
    """

    name: str
    symbol: str
    n_bars: int = 20
    width: float = 2.0

    def __post_init__(self) -> None:
        _require_bands(self.name, self.n_bars, self.width)

    @property
    def lookback(self) -> int:
        """The closes of mean and deviation."""
        return self.n_bars

    @property
    def is_recursive(self) -> bool:
        """True: the library's sums run, and their last digits remember."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the width at each bar; 0 where all closes of the window are equal."""
        rows, found = columns_of_calls(bars, Need.CLOSE, _bands(self.n_bars, self.width))
        return scattered(rows, (found[0] - found[2]) / found[1] if found else nan)

    def stream(self) -> FeatureStream:
        """Return the width as bars close."""
        return LibraryStream(Need.CLOSE, _bands(self.n_bars, self.width), self.lookback, _width)


def _require_bands(name: str, n_bars: int, width: float) -> None:
    require_between(name, "n_bars", n_bars, 2, _LONGEST)
    require_between(name, "width", width, 0.0, 100.0, open_low=True)


def _bands(n_bars: int, width: float) -> tuple[Call, ...]:
    return (Call("BBANDS", ("close",), (n_bars, width, width, 0)),)


def _only(outputs: list[float], _bar: Bar) -> float:
    return outputs[0]


def _position(outputs: list[float], bar: Bar) -> float:
    upper, _, lower = outputs
    span = upper - lower
    return _CENTRE if span == 0.0 else (bar.close - lower) / span


def _width(outputs: list[float], _bar: Bar) -> float:
    upper, mean, lower = outputs
    return (upper - lower) / mean
