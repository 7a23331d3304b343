"""Time-weighted returns of an account: per mark and per exchange day, without the money that was paid in or out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from backtest.results import AccountCurve
from market.calendars import sessions_between
from market.chains import FloatArray
from market.clock import datetime_of_ns, ns_of_datetime
from market.errors import DataError
from market.trades import Int64Array

__all__ = [
    "CRYPTO_CALENDAR",
    "LISTED_CALENDAR",
    "DailyReturns",
    "DayArray",
    "DayEnds",
    "Wealth",
    "calendar_of",
    "daily_returns",
    "days_of",
    "wealth_at_marks",
    "wealth_of_days",
]

DayArray = NDArray[np.datetime64]

LISTED_CALENDAR: Final = "NYSE"
CRYPTO_CALENDAR: Final = "24/7"
_EXCHANGE_ZONE: Final = ZoneInfo("America/New_York")
_YEAR_NS: Final = 365.0 * 86_400e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Wealth:
    """What one unit of money in the account became; arrays of shape ``(n_marks,)``.

    Parameters
    ----------
    ts_ns : ndarray of int64
        Marks from the first with money in the account, ns since the epoch, UTC.
    index : ndarray
        1 at the first; deposits and withdrawals change nothing.
    profit : ndarray
        Equity less deposits at the same marks, account currency.
    start : int
        Place of the first mark in the curve.
    is_ruined : bool
        Whether the equity was lost entirely; the index is 0 at the last mark then, and what follows is left out.
    """

    ts_ns: Int64Array
    index: FloatArray
    profit: FloatArray
    start: int
    is_ruined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayEnds:
    """Exchange days that hold marks; arrays of shape ``(n_days,)``.

    Parameters
    ----------
    day : ndarray of datetime64[D]
        Exchange dates.
    place : ndarray of int64
        Last mark of each.
    n_missing : int
        Sessions of the calendar between the first and the last day that hold no mark.
    """

    day: DayArray
    place: Int64Array
    n_missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyReturns:
    """Simple returns of exchange days; arrays of shape ``(n_days,)``.

    Parameters
    ----------
    day : ndarray of datetime64[D]
        Exchange dates.
    end_ns : ndarray of int64
        Last mark of each, ns since the epoch, UTC.
    returns : ndarray
        Fraction; from the last mark of the day before, on the first day from its first mark.
    elapsed_years : ndarray
        Time that each return spans, ACT/365: what a risk-free rate earns meanwhile.
    profit : ndarray
        Change of the equity without deposits, account currency.
    n_missing : int
        Sessions between the first and the last day without any mark; a return across them spans them.
    is_ruined : bool
        Whether the equity was lost entirely on the last day.
    """

    day: DayArray
    end_ns: Int64Array
    returns: FloatArray
    elapsed_years: FloatArray
    profit: FloatArray
    n_missing: int
    is_ruined: bool

    @property
    def index(self) -> FloatArray:
        """Wealth after each day with 1 before the first, shape ``(n_days + 1,)``."""
        return wealth_of_days(self.returns)


def wealth_of_days(returns: FloatArray) -> FloatArray:
    """Return what 1 became after each return, with the 1 in front, along the last axis."""
    ones = np.ones((*returns.shape[:-1], 1))
    return np.concatenate([ones, np.cumprod(1.0 + returns, axis=-1)], axis=-1)


def calendar_of(periods_per_year: int) -> str:
    """Return the calendar of a run's daily figures: every UTC day for 365 days a year, else the listed market's."""
    return CRYPTO_CALENDAR if periods_per_year == 365 else LISTED_CALENDAR


def wealth_at_marks(curve: AccountCurve) -> Wealth:
    """Return the growth of the account at each mark, time-weighted.

    Parameters
    ----------
    curve : AccountCurve
        Of a run.

    Returns
    -------
    Wealth
        Empty where there never was money in the account.

    Notes
    -----
    A deposit counts from the start of the step in which it is booked and a withdrawal from its end, so each step is
    measured against the larger sum. Where the account is marked at the deposit, this is exact.
    """
    if not np.isfinite(curve.equity).all():
        raise DataError("the equity of a run is not finite", found=f"{int((~np.isfinite(curve.equity)).sum())} marks")
    funded = np.flatnonzero(curve.equity > 0.0)
    start = int(funded[0]) if funded.size else curve.equity.size
    equity, flow = curve.equity[start:], np.diff(curve.deposits[start:])
    base = equity[:-1] + np.maximum(flow, 0.0)
    end = equity[1:] - np.minimum(flow, 0.0)
    empty, lost = base <= 0.0, end <= 0.0
    stop = int(np.argmax(empty | lost)) if (empty | lost).any() else base.size
    is_ruined = stop < base.size and not empty[stop]
    n_steps = stop + int(is_ruined)
    factors = np.maximum(end[:n_steps], 0.0) / base[:n_steps]
    marks = slice(start, start + n_steps + 1)
    index = np.concatenate([np.ones(min(1, equity.size)), np.cumprod(factors)])
    profit = curve.equity[marks] - curve.deposits[marks]
    return Wealth(ts_ns=curve.ts_ns[marks], index=index, profit=profit, start=start, is_ruined=is_ruined)


@lru_cache(maxsize=8)
def _day_ends(calendar: str, first: date, last: date) -> tuple[DayArray, Int64Array]:
    sessions = sessions_between(calendar, first, last)
    days = np.array([session.day for session in sessions], dtype="datetime64[D]")
    if calendar == CRYPTO_CALENDAR:
        return days, np.array([session.close_ns for session in sessions], dtype=np.int64)
    nights = (datetime.combine(s.day + timedelta(days=1), datetime.min.time(), _EXCHANGE_ZONE) for s in sessions)
    return days, np.array([ns_of_datetime(night) for night in nights], dtype=np.int64)


def days_of(ts_ns: Int64Array, calendar: str) -> DayEnds:
    """Return the exchange days of rising instants.

    Parameters
    ----------
    ts_ns : ndarray of int64, shape (n_marks,)
        ns since the epoch, UTC, rising.
    calendar : str
        As in `market.calendars`. Days of a listed market end at midnight in New York; a mark outside any session's
        date counts with the session that follows.

    Returns
    -------
    DayEnds
        Only days with marks.
    """
    if not ts_ns.size:
        return DayEnds(day=np.array([], dtype="datetime64[D]"), place=np.array([], dtype=np.int64), n_missing=0)
    first = datetime_of_ns(int(ts_ns[0])).date() - timedelta(days=1)
    last = datetime_of_ns(int(ts_ns[-1])).date() + timedelta(days=8)
    days, ends = _day_ends(calendar, first, last)
    n_until = np.searchsorted(ts_ns, ends, side="left")
    marked = np.flatnonzero(np.diff(n_until, prepend=0) > 0)
    n_sessions = int(marked[-1] - marked[0]) + 1
    return DayEnds(day=days[marked], place=n_until[marked] - 1, n_missing=n_sessions - marked.size)


def daily_returns(curve: AccountCurve, calendar: str) -> DailyReturns:
    """Return the time-weighted return of each exchange day.

    Parameters
    ----------
    curve : AccountCurve
        Of a run.
    calendar : str
        As `days_of`; `calendar_of` gives it for a run.

    Returns
    -------
    DailyReturns
        Empty where the account never held money or was marked once. A first day with one mark has no return.
    """
    wealth = wealth_at_marks(curve)
    ends = days_of(wealth.ts_ns, calendar)
    if ends.place.size and ends.place[0] == 0:
        ends = DayEnds(day=ends.day[1:], place=ends.place[1:], n_missing=ends.n_missing)
    first = np.zeros(min(1, ends.place.size), dtype=np.int64)
    before = np.concatenate([first, ends.place[:-1]])
    return DailyReturns(
        day=ends.day,
        end_ns=wealth.ts_ns[ends.place],
        returns=wealth.index[ends.place] / wealth.index[before] - 1.0,
        elapsed_years=(wealth.ts_ns[ends.place] - wealth.ts_ns[before]) / _YEAR_NS,
        profit=wealth.profit[ends.place] - wealth.profit[before],
        n_missing=ends.n_missing,
        is_ruined=wealth.is_ruined,
    )
