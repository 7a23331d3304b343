"""Time to expiry on the two clocks, and the instant at which it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fields.conventions import TimeBasis
from market.calendars import sessions_between
from market.chains import BoolArray, FloatArray
from market.clock import datetime_of_ns
from market.instruments import ExpirySeries, Product

__all__ = [
    "CALENDAR_MINUTES_PER_YEAR",
    "TAU_FLOOR_YEARS",
    "TRADING_MINUTES_PER_YEAR",
    "TimeToExpiry",
    "minutes_per_year",
    "time_to_expiry",
    "valuation_instant",
]

CALENDAR_MINUTES_PER_YEAR: Final = 525_600.0
TRADING_MINUTES_PER_YEAR: Final = 98_280.0
TAU_FLOOR_YEARS: Final = 60.0 / (365.0 * 86_400.0)

_NS_PER_MINUTE = 60e9
_NS_PER_YEAR = 365.0 * 86_400e9
# The trading clock counts the equity session of 390 minutes, although index options quote for 405.
_EQUITY_SESSIONS = "NYSE"
_ALWAYS_OPEN = "24/7"
# Cboe's trading hours since November 2021: curb session 16:15 to 17:00, global hours 20:15 to 9:25 New York time.
_EXTENDED_HOURS = frozenset({"SPX", "XSP", "VIX"})
_FULL_INDEX_SESSION_NS = 405 * 60_000_000_000
_CURB_NS = 45 * 60_000_000_000
_NIGHT_OPENS_BEFORE_NS = 795 * 60_000_000_000
_NIGHT_CLOSES_BEFORE_NS = 5 * 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeToExpiry:
    """Time to expiry of each series; every array has shape (n_series,).

    Parameters
    ----------
    years : ndarray
        Time to expiry in years of the stated clock, not below `TAU_FLOOR_YEARS`.
    calendar_years : ndarray
        The same on the calendar clock (ACT/365), for rates.
    expired : ndarray of bool
        True where the series had ended by the valuation instant.
    floored : ndarray of bool
        True where a living series was nearer to its end than the floor of 60 seconds.
    """

    years: FloatArray
    calendar_years: FloatArray
    expired: BoolArray
    floored: BoolArray


def minutes_per_year(basis: TimeBasis, calendar: str) -> float:
    """Return the minutes in a year of a clock.

    Parameters
    ----------
    basis : TimeBasis
        Clock.
    calendar : str
        Calendar of the product; a market that never closes has one clock only.

    Returns
    -------
    float
        525 600 on the calendar clock and on ``24/7``, 98 280 (252 sessions of 390 minutes) on the trading clock.
    """
    if basis is TimeBasis.CALENDAR or calendar == _ALWAYS_OPEN:
        return CALENDAR_MINUTES_PER_YEAR
    return TRADING_MINUTES_PER_YEAR


@lru_cache(maxsize=4_096)
def _quoting_windows(calendar: str, extended: bool, day: date) -> tuple[tuple[int, int], ...]:  # noqa: FBT001
    # Twelve days reach over the longest closure since 2001 and keep the tuple short; three ahead reach Monday's night.
    windows = []
    for s in sessions_between(calendar, day - timedelta(days=12), day + timedelta(days=3)):
        full_day = s.close_ns - s.open_ns >= _FULL_INDEX_SESSION_NS
        if extended:
            windows.append((s.open_ns - _NIGHT_OPENS_BEFORE_NS, s.open_ns - _NIGHT_CLOSES_BEFORE_NS))
        windows.append((s.open_ns, s.close_ns + (_CURB_NS if extended and full_day else 0)))
    return tuple(reversed(windows))


def valuation_instant(as_of_ns: int, product: Product) -> int:
    """Return the instant at which the quotes of a snapshot were alive.

    Parameters
    ----------
    as_of_ns : int
        As-of instant of the snapshot, ns since the epoch, UTC.
    product : Product
        Terms of the options.

    Returns
    -------
    int
        The as-of instant, or the end of the newest quoting window that had opened by then where that is earlier: a
        snapshot taken between windows carries the last quotes. Windows are the sessions of the product's calendar;
        SPX, XSP and VIX options also quote in the curb session until 17:00 and overnight from 20:15 to 9:25 (New
        York), which the published volatilities confirm (docs/adr/004).
    """
    if product.calendar == _ALWAYS_OPEN:
        return as_of_ns
    extended = product.underlying in _EXTENDED_HOURS
    for opened, closed in _quoting_windows(product.calendar, extended, datetime_of_ns(as_of_ns).date()):
        if opened <= as_of_ns:
            return min(as_of_ns, closed)
    return as_of_ns


@lru_cache(maxsize=64)
def _session_table(first_year: int, last_year: int) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    sessions = sessions_between(_EQUITY_SESSIONS, date(first_year, 1, 1), date(last_year, 12, 31))
    opens = np.array([s.open_ns for s in sessions], dtype=np.int64)
    minutes = np.array([(s.close_ns - s.open_ns) / _NS_PER_MINUTE for s in sessions])
    before = np.concatenate((np.zeros(1), np.cumsum(minutes)[:-1]))
    return opens, minutes, before


def _elapsed_session_minutes(instants_ns: NDArray[np.int64], first_year: int, last_year: int) -> FloatArray:
    opens, minutes, before = _session_table(first_year, last_year)
    place = np.searchsorted(opens, instants_ns, side="right") - 1
    inside = np.minimum((instants_ns - opens[place]) / _NS_PER_MINUTE, minutes[place])
    return np.where(place >= 0, before[place] + inside, 0.0)


def _trading_years(valuation_ns: int, expiry_ns: NDArray[np.int64]) -> FloatArray:
    first_year = datetime_of_ns(valuation_ns).year - 1
    last_year = datetime_of_ns(int(expiry_ns.max())).year
    instants = np.concatenate((np.array([valuation_ns], dtype=np.int64), expiry_ns))
    elapsed = _elapsed_session_minutes(instants, first_year, max(last_year, first_year + 1))
    return np.asarray((elapsed[1:] - elapsed[0]) / TRADING_MINUTES_PER_YEAR)


def time_to_expiry(valuation_ns: int, series: Sequence[ExpirySeries], basis: TimeBasis) -> TimeToExpiry:
    """Return the time to expiry of each series.

    Parameters
    ----------
    valuation_ns : int
        Instant at which time is measured, ns since the epoch, UTC.
    series : sequence of ExpirySeries
        The expirations; all of one calendar.
    basis : TimeBasis
        Clock.

    Returns
    -------
    TimeToExpiry
        See there.

    Notes
    -----
    The calendar clock is ACT/365 to the nanosecond. The trading clock counts the minutes of regular equity sessions
    that remain, early closes included, over 98 280; nothing passes overnight.
    """
    expiry_ns = np.array([s.expiry_ns for s in series], dtype=np.int64)
    calendar_years = (expiry_ns - valuation_ns) / _NS_PER_YEAR
    expired = calendar_years <= 0.0
    years = calendar_years
    if basis is TimeBasis.TRADING and len(series) and series[0].product.calendar != _ALWAYS_OPEN:
        years = _trading_years(valuation_ns, expiry_ns)
    # On the trading clock an expiry may lie ahead with no session minute left (an AM series overnight): floored too.
    floored = (years < TAU_FLOOR_YEARS) & ~expired
    return TimeToExpiry(
        years=np.maximum(years, TAU_FLOOR_YEARS),
        calendar_years=np.maximum(calendar_years, TAU_FLOOR_YEARS),
        expired=expired,
        floored=floored,
    )
