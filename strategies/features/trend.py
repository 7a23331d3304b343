"""Where prices head: directional index, exponential average, parabolic stop."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import final

import numpy as np

from market.chains import FloatArray
from strategies.features.feature import Bar, FeatureStream
from strategies.features.inputs import Need
from strategies.features.library_calls import Call, LibraryStream, columns_of_calls, scattered
from strategies.parameters import require, require_between
from strategies.views import BarWindow

__all__ = ["DirectionalIndex", "ExponentialAverage", "ParabolicSar", "SarDistance"]

_LONGEST = 10_000
# A true range of a smaller part of the price than this is what an average leaves of movement that is long over: no
# market has such a tick. What divides by it would be noise.
_STILL = 1e-9


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionalIndex:
    """Average directional index (ADX), 0 to 100: how much of the movement has one direction, whichever.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int, optional
        Memory of all averages, >= 2.

    Notes
    -----
    The sums of moves and true ranges begin with ``n_bars - 1`` values, as the library has it, and not with `n_bars` as
    the worksheet [wilder_1978]; the difference is 0.2 after 30 bars and 1e-8 after 300. No movement is 0, which is no
    trend. The regimes of the live state read the same index (`fields.indicators.directional_index`).
    """

    name: str
    symbol: str
    n_bars: int = 14

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 2, _LONGEST)

    @property
    def lookback(self) -> int:
        """Bars of the moves, and those of their average."""
        return 2 * self.n_bars

    @property
    def is_recursive(self) -> bool:
        """True: Wilder's averages never forget wholly."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the index at each bar."""
        rows, found = columns_of_calls(bars, Need.RANGE, self._calls)
        return scattered(rows, found[0] if found else nan)

    def stream(self) -> FeatureStream:
        """Return the index as bars close."""
        return LibraryStream(Need.RANGE, self._calls, self.lookback, _only)

    @property
    def _calls(self) -> tuple[Call, ...]:
        return (Call("ADX", ("high", "low", "close"), (self.n_bars,)),)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialAverage:
    """Exponential moving average of the closes (EMA), in their unit.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int
        Closes of the seed, whose plain mean it is; then ``previous + 2 / (n + 1) * (close - previous)``; >= 2.
    """

    name: str
    symbol: str
    n_bars: int

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 2, _LONGEST)

    @property
    def lookback(self) -> int:
        """Closes of the seed."""
        return self.n_bars

    @property
    def is_recursive(self) -> bool:
        """True: it never forgets wholly."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the average at each bar."""
        rows, found = columns_of_calls(bars, Need.CLOSE, self._calls)
        return scattered(rows, found[0] if found else nan)

    def stream(self) -> FeatureStream:
        """Return the average as bars close."""
        return LibraryStream(Need.CLOSE, self._calls, self.lookback, _only)

    @property
    def _calls(self) -> tuple[Call, ...]:
        return (Call("EMA", ("close",), (self.n_bars,)),)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ParabolicSar:
    """Parabolic stop and reverse (SAR), in the unit of the closes.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    acceleration : float, optional
        Step of the acceleration at each new extreme, > 0.
    maximum : float, optional
        The most that it grows to, >= `acceleration`, <= 1.

    Notes
    -----
    The first direction is that of the first directional move; the stop never enters the range of the two bars before
    [wilder_1978]. A restart is the same from the first reversal on that both see.
    """

    name: str
    symbol: str
    acceleration: float = 0.02
    maximum: float = 0.2

    def __post_init__(self) -> None:
        _require_acceleration(self.name, self.acceleration, self.maximum)

    @property
    def lookback(self) -> int:
        """Two bars, of which the first gives the direction."""
        return 2

    @property
    def is_recursive(self) -> bool:
        """True: where it stands depends on all reversals so far."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the stop at each bar."""
        rows, found = columns_of_calls(bars, Need.RANGE, self._calls)
        return scattered(rows, found[0] if found else nan)

    def stream(self) -> FeatureStream:
        """Return the stop as bars close."""
        return LibraryStream(Need.RANGE, self._calls, self.lookback, _only)

    @property
    def _calls(self) -> tuple[Call, ...]:
        return (Call("SAR", ("high", "low"), (self.acceleration, self.maximum)),)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SarDistance:
    """How far the close stands above its parabolic stop, in average true ranges; below 0 in a fall.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    acceleration, maximum : float, optional
        As in `ParabolicSar`.
    n_bars : int, optional
        Memory of the average true range, >= 1.
    """

    name: str
    symbol: str
    acceleration: float = 0.02
    maximum: float = 0.2
    n_bars: int = 14

    def __post_init__(self) -> None:
        _require_acceleration(self.name, self.acceleration, self.maximum)
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """Bars of the first average true range."""
        return self.n_bars + 1

    @property
    def is_recursive(self) -> bool:
        """True: as both of its parts."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the distance at each bar; 0, the centre, where nothing moves."""
        rows, found = columns_of_calls(bars, Need.RANGE, self._calls)
        if not found:
            return scattered(rows, nan)
        stop, reach = found
        close = bars.close[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = (close - stop) / reach
        return scattered(rows, np.where(reach <= _STILL * close, 0.0, distance))

    def stream(self) -> FeatureStream:
        """Return the distance as bars close."""
        return LibraryStream(Need.RANGE, self._calls, self.lookback, _in_ranges)

    @property
    def _calls(self) -> tuple[Call, ...]:
        return (
            Call("SAR", ("high", "low"), (self.acceleration, self.maximum)),
            Call("ATR", ("high", "low", "close"), (self.n_bars,)),
        )


def _require_acceleration(name: str, acceleration: float, maximum: float) -> None:
    require_between(name, "acceleration", acceleration, 0.0, 1.0, open_low=True)
    require(name, "maximum", maximum, f"{acceleration:g} to 1", holds=acceleration <= maximum <= 1.0)


def _only(outputs: list[float], _bar: Bar) -> float:
    return outputs[0]


def _in_ranges(outputs: list[float], bar: Bar) -> float:
    stop, reach = outputs
    return 0.0 if reach <= _STILL * bar.close else (bar.close - stop) / reach
