"""How far and how fast prices have moved: RSI, stochastic, MACD. A market that does not move stands in the centre."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import isnan, nan
from typing import Final, final

import numpy as np

from market.chains import FloatArray
from strategies.features.feature import Bar, FeatureStream
from strategies.features.inputs import Need
from strategies.features.library_calls import Call, LibraryStream, columns_of_calls, scattered
from strategies.parameters import require_between, require_rising
from strategies.views import BarWindow

__all__ = ["Macd", "MacdPart", "RelativeStrengthIndex", "Stochastic", "StochasticPart"]

_LONGEST = 10_000
_SMOOTHEST = 100
_CENTRE: Final = 50.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeStrengthIndex:
    """Relative strength index (RSI) of the closes, 0 to 100.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int, optional
        Changes of the first average, and memory of the next, >= 2.

    Notes
    -----
    ``100 * G / (G + L)`` with Wilder's averages of gains and losses: the plain mean of the first `n_bars` changes, then
    ``((n - 1) * previous + newest) / n`` [wilder_1978]. While nothing has moved since the first
    bar the library says 0; here that is 50, since 0 is the strongest fall. Later the index stays where it is while
    nothing moves, as both averages fade alike.
    """

    name: str
    symbol: str
    n_bars: int = 14

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 2, _LONGEST)

    @property
    def lookback(self) -> int:
        """One bar more than changes in the first average."""
        return self.n_bars + 1

    @property
    def is_recursive(self) -> bool:
        """True: Wilder's averages never forget wholly."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the index at each bar."""
        rows, found = columns_of_calls(bars, Need.CLOSE, self._calls)
        if not found:
            return scattered(rows, nan)
        strength, momentum = found
        return scattered(rows, np.where((strength == 0.0) & (momentum == 0.0), _CENTRE, strength))

    def stream(self) -> FeatureStream:
        """Return the index as bars close."""
        return LibraryStream(Need.CLOSE, self._calls, self.lookback, _strength)

    @property
    def _calls(self) -> tuple[Call, ...]:
        # A fall alone makes both extreme (0 and -100); only where nothing moves is the oscillator 0 beside an index 0.
        return (
            Call("RSI", ("close",), (self.n_bars,)),
            Call("CMO", ("close",), (self.n_bars,)),
        )


def _strength(outputs: list[float], _bar: Bar) -> float:
    strength, momentum = outputs
    return _CENTRE if strength == 0.0 and momentum == 0.0 else strength


class StochasticPart(StrEnum):
    """Which line of the stochastic oscillator."""

    K = "k"
    D = "d"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stochastic:
    """Where the close stands in the range of the last bars, smoothed, 0 to 100.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int, optional
        Bars of the range, >= 2.
    n_smooth : int, optional
        Positions in the mean that is ``%K``, 1 to 100.
    n_signal : int, optional
        Values of ``%K`` in the mean that is ``%D``, 1 to 100.
    part : StochasticPart, optional
        ``%K`` or ``%D``.

    Notes
    -----
    Position: ``100 * (close - lowest) / (highest - lowest)``, 50 where the range is empty; there the library says 0,
    which would be the lowest. (14, 3, 3) is stated here because the library's own default is (5, 3, 3).
    """

    name: str
    symbol: str
    n_bars: int = 14
    n_smooth: int = 3
    n_signal: int = 3
    part: StochasticPart = StochasticPart.K

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 2, _LONGEST)
        require_between(self.name, "n_smooth", self.n_smooth, 1, _SMOOTHEST)
        require_between(self.name, "n_signal", self.n_signal, 1, _SMOOTHEST)

    @property
    def lookback(self) -> int:
        """Bars of the range, and those of the means after it."""
        return self.n_bars + self.n_smooth - 1 + (self.n_signal - 1 if self.part is StochasticPart.D else 0)

    @property
    def is_recursive(self) -> bool:
        """True: a bar that lacks its range is left out, so that a value can reach further back."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the oscillator at each bar."""
        rows, found = columns_of_calls(bars, Need.RANGE, self._calls)
        if not found:
            return scattered(rows, nan)
        highest, lowest = found
        span = highest - lowest
        with np.errstate(divide="ignore", invalid="ignore"):
            position = np.where(span == 0.0, _CENTRE, 100.0 * (bars.close[rows] - lowest) / span)
        line = _smoothed(position, self.n_smooth)
        return scattered(rows, line if self.part is StochasticPart.K else _smoothed(line, self.n_signal))

    def stream(self) -> FeatureStream:
        """Return the oscillator as bars close."""
        smoothers = [_Smoother(self.n_smooth), *([_Smoother(self.n_signal)] if self.part is StochasticPart.D else [])]

        def line(outputs: list[float], bar: Bar) -> float:
            highest, lowest = outputs
            span = highest - lowest
            value = _CENTRE if span == 0.0 else 100.0 * (bar.close - lowest) / span
            for smoother in smoothers:
                value = value if isnan(value) else smoother.update(value)
            return value

        return LibraryStream(Need.RANGE, self._calls, self.n_bars, line)

    @property
    def _calls(self) -> tuple[Call, ...]:
        return (Call("MAX", ("high",), (self.n_bars,)), Call("MIN", ("low",), (self.n_bars,)))


def _smoothed(values: FloatArray, n: int) -> FloatArray:
    """Return the mean of the last numbers at each place, added oldest first as `_Smoother` does."""
    # Not the library's mean: its sums run, and leave an oscillator a little below 0 or above 100.
    found = np.full(values.shape, nan)
    if values.shape[0] >= n:
        total = np.zeros(values.shape[0] - n + 1)
        for place in range(n):
            total += values[place : place + total.shape[0]]
        found[n - 1 :] = total / n
    return found


@final
class _Smoother:
    __slots__ = ("_n", "_values")

    def __init__(self, n: int) -> None:
        self._n = n
        self._values: deque[float] = deque(maxlen=n)

    def update(self, value: float) -> float:
        values = self._values
        values.append(value)
        if len(values) < self._n:
            return nan
        total = 0.0
        for each in values:  # the built-in sum adds otherwise from Python 3.12 on
            total += each
        return total / self._n


class MacdPart(StrEnum):
    """Which output of the convergence and divergence of averages."""

    LINE = "line"
    SIGNAL = "signal"
    HISTOGRAM = "histogram"


_MACD_PLACE: Final = {MacdPart.LINE: 0, MacdPart.SIGNAL: 1, MacdPart.HISTOGRAM: 2}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Macd:
    """Convergence and divergence of two exponential averages of the closes (MACD), in the unit of the closes.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    fast, slow : int, optional
        Windows of both averages, ``2 <= fast < slow``.
    signal : int, optional
        Window of the average of their difference, >= 1.
    part : MacdPart, optional
        The difference, its average, or what the one is above the other.

    Notes
    -----
    Each average is seeded with a plain mean, the fast one at the same bar as the slow one, and all three parts begin
    together. No movement is 0, which is the centre.
    """

    name: str
    symbol: str
    fast: int = 12
    slow: int = 26
    signal: int = 9
    part: MacdPart = MacdPart.HISTOGRAM

    def __post_init__(self) -> None:
        require_between(self.name, "fast", self.fast, 2, _LONGEST)
        require_between(self.name, "slow", self.slow, 3, _LONGEST)
        require_between(self.name, "signal", self.signal, 1, _LONGEST)
        require_rising(self.name, "fast", self.fast, "slow", self.slow)

    @property
    def lookback(self) -> int:
        """Closes of the slow average, and those of the signal after it."""
        return self.slow + self.signal - 1

    @property
    def is_recursive(self) -> bool:
        """True: exponential averages never forget wholly."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the part at each bar."""
        rows, found = columns_of_calls(bars, Need.CLOSE, self._calls)
        return scattered(rows, found[_MACD_PLACE[self.part]] if found else nan)

    def stream(self) -> FeatureStream:
        """Return the part as bars close."""
        place = _MACD_PLACE[self.part]
        read: Callable[[list[float], Bar], float] = lambda outputs, _bar: outputs[place]  # noqa: E731
        return LibraryStream(Need.CLOSE, self._calls, self.lookback, read)

    @property
    def _calls(self) -> tuple[Call, ...]:
        return (Call("MACD", ("close",), (self.fast, self.slow, self.signal)),)
