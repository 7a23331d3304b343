"""Features of a higher timeframe: bars of an hour, a day or a week, made of finer ones, read once they are closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf, nan
from typing import Final, final

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError
from market.trades import Int64Array
from strategies.features.feature import Bar, BarFeature, FeatureStream, stream_of
from strategies.features.inputs import (
    Need,
    price_of,
    prices_of,
    require_float64,
    serving,
    serving_rows,
    volume_of,
    volumes_of,
)
from strategies.features.sessions import NO_SESSION, SessionClock, SessionSpan, sessions_of
from strategies.views import BarWindow

__all__ = ["AtTimeframe", "resampled"]

_MINUTE_NS: Final = 60_000_000_000
_DAY, _WEEK = "1d", "1w"
_INTRADAY: Final = re.compile(r"([1-9]\d{0,3})(m|h)")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AtTimeframe:
    """A feature of bars of a higher timeframe, at each finer bar the value of the newest one that has closed.

    Parameters
    ----------
    feature : BarFeature
        What to compute of the higher bars; name and symbol are its.
    timeframe : str
        Minutes or hours such as ``5m``, ``1h``; ``1d`` for a session, ``1w`` for the sessions of a calendar week.
    calendar : str, optional
        Sessions, as in `market.calendars.sessions_between`; ``24/7`` for coins.

    Raises
    ------
    ConfigError
        There is no such timeframe; later, where the bars that come are wider than it.

    Notes
    -----
    Minutes and hours count from the open of each session, and the last bar of a session ends with it, early closes
    included: New York's hours are 9:30 to 10:30 and so on, the last from 15:30 to 16:00. A finer bar belongs where it
    ends, one that ends outside the regular session nowhere. A higher bar closes with the finer bar that ends when it
    does; where that one is missing, with the next that comes, however late. So a hole delays a value and never makes
    one early. A higher bar of which no finer bar came does not exist. That in which the history begins is left out,
    unless its beginning was seen. Volume, high and low are missing where one of the finer bars lacks them.
    """

    feature: BarFeature
    timeframe: str
    calendar: str = "NYSE"

    def __post_init__(self) -> None:
        if self.timeframe not in {_DAY, _WEEK} and not _INTRADAY.fullmatch(self.timeframe):
            raise ConfigError(
                f"feature {self.name}: there is no such timeframe",
                found=self.timeframe,
                expected="minutes or hours such as 5m or 1h, 1d, or 1w",
            )

    @property
    def name(self) -> str:
        """That of the feature within."""
        return self.feature.name

    @property
    def symbol(self) -> str:
        """That of the feature within."""
        return self.feature.symbol

    @property
    def lookback(self) -> int:
        """A finer bar, at the least, for each higher one that the feature within needs."""
        return self.feature.lookback

    @property
    def is_recursive(self) -> bool:
        """True: how many finer bars make a higher one depends on the holes among them."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the value at each finer bar."""
        higher, closed = resampled(bars, self.timeframe, self.calendar)
        values = np.concatenate(([nan], self.feature.column(higher) if closed.size else np.zeros(0)))
        found: FloatArray = values[np.searchsorted(closed, np.arange(bars.close.shape[0]), side="right")]
        return found

    def stream(self) -> FeatureStream:
        """Return the value as finer bars close."""
        return _Resampler(stream_of(self.feature), self.timeframe, self.calendar)


def resampled(bars: BarWindow, timeframe: str, calendar: str) -> tuple[BarWindow, Int64Array]:
    """Return the higher bars that close within finer ones.

    Parameters
    ----------
    bars : BarWindow
        Finer bars, in order of their ends.
    timeframe, calendar : str
        As in `AtTimeframe`.

    Returns
    -------
    tuple of BarWindow and ndarray of int64
        The higher bars, and the place of the finer bar with which each of them closed.

    Raises
    ------
    ConfigError
        The bars are wider than the timeframe.
    """
    require_float64(bars)
    start, end = _spans(timeframe, sessions_of(calendar, bars.end_ns), bars.end_ns)
    before = np.concatenate(([-1], bars.end_ns[:-1]))
    rows = np.flatnonzero((end > 0) & serving_rows(bars, Need.CLOSE) & (before < end))
    if rows.size:
        _require_finer(timeframe, int((bars.end_ns[rows] - bars.start_ns[rows]).max()))
    firsts = np.flatnonzero(np.diff(end[rows], prepend=-1))
    if firsts.size and bars.start_ns[rows[0]] > start[rows[0]]:
        rows = rows[firsts[1] :] if firsts.size > 1 else rows[:0]
        firsts = firsts[1:] - (firsts[1] if firsts.size > 1 else 0)
    closed = np.searchsorted(bars.end_ns, end[rows[firsts]], side="left")
    whole = closed < bars.end_ns.shape[0]  # all but, perhaps, the last
    return _joined(bars, rows, firsts, start[rows[firsts]], end[rows[firsts]], int(whole.sum())), closed[whole]


def _joined(
    bars: BarWindow, rows: Int64Array, firsts: Int64Array, start: Int64Array, end: Int64Array, count: int
) -> BarWindow:
    if not count:
        none = np.zeros(0)
        return BarWindow(start_ns=start[:0], end_ns=end[:0], open=none, high=none, low=none, close=none, volume=none)
    ranged = serving_rows(bars, Need.RANGE)[rows]
    high, low = np.where(ranged, bars.high[rows], nan), np.where(ranged, bars.low[rows], nan)
    lasts = np.concatenate((firsts[1:], [rows.size])) - 1
    group = np.repeat(np.arange(firsts.size), np.diff(np.concatenate((firsts, [rows.size]))))
    # Counted one after the other, as bars come; a sum by pairs would have other last digits.
    volume = np.bincount(group, weights=volumes_of(bars.volume[rows]))
    columns = {
        "open": prices_of(bars.open[rows[firsts]]),
        "high": np.maximum.reduceat(high, firsts),
        "low": np.minimum.reduceat(low, firsts),
        "close": bars.close[rows[lasts]],
        "volume": volume,
    }
    return BarWindow(
        start_ns=start[:count], end_ns=end[:count], **{name: each[:count] for name, each in columns.items()}
    )


def _spans(timeframe: str, sessions: Int64Array, end_ns: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return start and end of the higher bar that each finer one belongs to; 0 and 0 for none."""
    first, last, week_first, week_last = sessions.T
    if timeframe == _DAY:
        return first, last
    if timeframe == _WEEK:
        return week_first, week_last
    width = _width_ns(timeframe)
    number = -((first - end_ns) // width)
    start = first + (number - 1) * width
    return np.where(last > 0, start, 0), np.where(last > 0, np.minimum(start + width, last), 0)


def _span(timeframe: str, session: SessionSpan, end_ns: int) -> tuple[int, int]:
    if session is NO_SESSION:
        return 0, 0
    if timeframe == _DAY:
        return session.open_ns, session.close_ns
    if timeframe == _WEEK:
        return session.week_open_ns, session.week_close_ns
    width = _width_ns(timeframe)
    start = session.open_ns + (-((session.open_ns - end_ns) // width) - 1) * width
    return start, min(start + width, session.close_ns)


def _width_ns(timeframe: str) -> int:
    found = _INTRADAY.fullmatch(timeframe)
    if found is None:  # a session or a week, whose widths differ
        return 0
    return int(found[1]) * _MINUTE_NS * (60 if found[2] == "h" else 1)


def _require_finer(timeframe: str, bar_ns: int) -> None:
    width = _width_ns(timeframe)
    if width and bar_ns > width:
        raise ConfigError(
            "bars cannot be cut into finer ones",
            found=f"bars of {bar_ns / _MINUTE_NS:g} minutes for a timeframe of {timeframe}",
            expected="bars that are not wider than the timeframe",
            action="name the symbol's finer bars, or a higher timeframe",
        )


@final
class _Resampler:
    """`resampled` bar by bar, and the feature within at the newest higher bar that has closed."""

    __slots__ = (
        "_before_ns", "_clock", "_close", "_end_ns", "_has_begun", "_high", "_inner", "_is_whole", "_low", "_open",
        "_ranged", "_serves", "_start_ns", "_timeframe", "_value", "_volume",
    )  # fmt: skip

    def __init__(self, inner: FeatureStream, timeframe: str, calendar: str) -> None:
        self._inner, self._timeframe, self._clock = inner, timeframe, SessionClock(calendar)
        self._serves, self._ranged = serving(Need.CLOSE), serving(Need.RANGE)
        self._value = nan
        self._before_ns = -1
        self._has_begun, self._is_whole = False, False
        self._start_ns = self._end_ns = 0  # of the higher bar that is forming; 0 while none is
        self._open = self._high = self._low = self._close = self._volume = nan

    def update(self, bar: Bar) -> float:
        if self._end_ns and bar.end_ns > self._end_ns:
            self._shut()
        start_ns, end_ns = _span(self._timeframe, self._clock.at(bar.end_ns), bar.end_ns)
        if end_ns and self._serves(bar) and self._before_ns < end_ns:
            self._add(bar, start_ns, end_ns)
        if self._end_ns and bar.end_ns == self._end_ns:
            self._shut()
        self._before_ns = bar.end_ns
        return self._value

    def _add(self, bar: Bar, start_ns: int, end_ns: int) -> None:
        high, low = (bar.high, bar.low) if self._ranged(bar) else (nan, nan)
        if not self._end_ns:
            _require_finer(self._timeframe, bar.end_ns - bar.start_ns)
            self._is_whole = self._has_begun or bar.start_ns <= start_ns
            self._has_begun = True
            self._start_ns, self._end_ns = start_ns, end_ns
            self._open, self._high, self._low = price_of(bar.open), -inf, inf
            self._volume = 0.0
        self._high = high if high > self._high or high != high else self._high  # noqa: PLR0124  # NaN stays
        self._low = low if low < self._low or low != low else self._low  # noqa: PLR0124  # the same
        self._close = bar.close
        self._volume += volume_of(bar.volume)

    def _shut(self) -> None:
        if self._is_whole:
            self._value = self._inner.update(
                Bar(
                    start_ns=self._start_ns,
                    end_ns=self._end_ns,
                    open=self._open,
                    high=self._high,
                    low=self._low,
                    close=self._close,
                    volume=self._volume,
                )
            )
        self._end_ns = 0
