"""Mean prices weighted by volume: of the session so far, and of the last bars."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Final, final

import numpy as np

from market.chains import FloatArray
from market.trades import Int64Array
from strategies.features.feature import Bar, FeatureStream
from strategies.features.inputs import Need, require_float64, serving, serving_rows
from strategies.features.sessions import NO_SESSION, SessionClock, sessions_of
from strategies.features.windows import OfWindow, Ring, by_window
from strategies.parameters import require_between
from strategies.views import BarWindow

__all__ = ["RollingVwap", "SessionVwap", "VwapDeviation"]

_LONGEST = 1_000_000


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVwap:
    """Volume-weighted mean price since the open of the session (VWAP), in the unit of the closes.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    calendar : str, optional
        Sessions, as in `market.calendars.sessions_between`; ``24/7`` begins anew at midnight UTC.

    Notes
    -----
    ``sum(typical price * volume) / sum(volume)`` with the typical price ``(high + low + close) / 3``. NaN outside the
    regular session, before anything was traded in it, for a symbol without volume such as an index, and in the session
    in which the history begins unless its open was seen. A bar that lacks range or volume is left out.
    """

    name: str
    symbol: str
    calendar: str = "NYSE"

    @property
    def lookback(self) -> int:
        """One bar."""
        return 1

    @property
    def is_recursive(self) -> bool:
        """True: it needs all bars of the session so far."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the mean at each bar."""
        require_float64(bars)
        opens, found = sessions_of(self.calendar, bars.end_ns)[:, 0], np.full(bars.close.shape, nan)
        rows = np.flatnonzero(serving_rows(bars, Need.TRADED) & (opens > 0))
        inside = np.flatnonzero(opens > 0)
        partial = int(opens[inside[0]]) if inside.size and bars.start_ns[inside[0]] > opens[inside[0]] else 0
        rows = rows[opens[rows] != partial]
        price, volume = _typical(bars, rows), bars.volume[rows]
        for place in np.split(np.arange(rows.size), np.flatnonzero(np.diff(opens[rows])) + 1):
            traded = np.cumsum(volume[place])
            with np.errstate(invalid="ignore"):
                mean = np.cumsum(price[place] * volume[place]) / traded
            found[rows[place]] = np.where(traded > 0.0, mean, nan)
        return found

    def stream(self) -> FeatureStream:
        """Return the mean as bars close."""
        return _OfSession(self.calendar)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VwapDeviation:
    """How far the close stands above the VWAP of its session, as a fraction of that.

    Parameters
    ----------
    name, symbol, calendar : str
        As in `SessionVwap`.
    """

    name: str
    symbol: str
    calendar: str = "NYSE"

    @property
    def lookback(self) -> int:
        """One bar."""
        return 1

    @property
    def is_recursive(self) -> bool:
        """True: it needs all bars of the session so far."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return ``close / vwap - 1`` at each bar; NaN where the mean is."""
        mean = SessionVwap(name=self.name, symbol=self.symbol, calendar=self.calendar).column(bars)
        found: FloatArray = bars.close / mean - 1.0
        return found

    def stream(self) -> FeatureStream:
        """Return the deviation as bars close."""
        return _Deviation(_OfSession(self.calendar))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RollingVwap:
    """Volume-weighted mean price of the last bars, in the unit of the closes; nights do not interrupt it.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_bars : int
        Bars in the mean, >= 1.
    """

    name: str
    symbol: str
    n_bars: int

    def __post_init__(self) -> None:
        require_between(self.name, "n_bars", self.n_bars, 1, _LONGEST)

    @property
    def lookback(self) -> int:
        """The bars in the mean."""
        return self.n_bars

    @property
    def is_recursive(self) -> bool:
        """False: it is a function of its window."""
        return False

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the mean at each bar; NaN while a bar of the window lacks range or volume, or where none traded."""
        require_float64(bars)
        rows = serving_rows(bars, Need.TRADED)
        money, volume = np.full(rows.shape, nan), np.where(rows, bars.volume, nan)
        money[rows] = _typical(bars, np.flatnonzero(rows)) * bars.volume[rows]
        traded = by_window(volume, self.n_bars, _SUM)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(traded > 0.0, by_window(money, self.n_bars, _SUM) / traded, nan)

    def stream(self) -> FeatureStream:
        """Return the mean as bars close."""
        return _OfBars(self.n_bars)


def _typical(bars: BarWindow, rows: Int64Array) -> FloatArray:
    found: FloatArray = (bars.high[rows] + bars.low[rows] + bars.close[rows]) / 3.0
    return found


def _every_sum(windows: FloatArray) -> FloatArray:
    found: FloatArray = np.add.reduce(windows, axis=1)
    return found


def _one_sum(window: FloatArray) -> float:
    return float(np.add.reduce(window))


_SUM: Final = OfWindow(every=_every_sum, one=_one_sum)


@final
class _OfSession:
    __slots__ = ("_clock", "_has_begun", "_is_whole", "_money", "_serves", "_session", "_traded")

    def __init__(self, calendar: str) -> None:
        self._clock, self._serves = SessionClock(calendar), serving(Need.TRADED)
        self._session = NO_SESSION
        self._has_begun, self._is_whole = False, False
        self._money = self._traded = 0.0

    def update(self, bar: Bar) -> float:
        session = self._clock.at(bar.end_ns)
        if session is NO_SESSION:
            return nan
        if session is not self._session:
            self._session = session
            self._is_whole = self._has_begun or bar.start_ns <= session.open_ns
            self._has_begun = True
            self._money = self._traded = 0.0
        if not self._is_whole or not self._serves(bar):
            return nan
        self._money += (bar.high + bar.low + bar.close) / 3.0 * bar.volume
        self._traded += bar.volume
        return self._money / self._traded if self._traded > 0.0 else nan


@final
class _Deviation:
    __slots__ = ("_mean",)

    def __init__(self, mean: _OfSession) -> None:
        self._mean = mean

    def update(self, bar: Bar) -> float:
        return bar.close / self._mean.update(bar) - 1.0


@final
class _OfBars:
    __slots__ = ("_money", "_serves", "_volume")

    def __init__(self, n_bars: int) -> None:
        self._money, self._volume, self._serves = Ring(n_bars, _SUM), Ring(n_bars, _SUM), serving(Need.TRADED)

    def update(self, bar: Bar) -> float:
        sound = self._serves(bar)
        price = (bar.high + bar.low + bar.close) / 3.0
        money = self._money.update(price * bar.volume if sound else nan)
        traded = self._volume.update(bar.volume if sound else nan)
        return money / traded if traded > 0.0 else nan
