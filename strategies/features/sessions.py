"""Exchange sessions and weeks as columns, so that bars can be told apart by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final, final

import numpy as np

from market.calendars import sessions_between
from market.clock import datetime_of_ns
from market.trades import Int64Array

__all__ = ["NO_SESSION", "SessionClock", "SessionSpan", "sessions_of"]

_MARGIN: Final = timedelta(days=15)  # whole weeks around a year's own days
_FIRST_DAY: Final = date(1970, 1, 1)  # of the calendars


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSpan:
    """A session and its week; a bar belongs to it that ends after the open, and at or before the close.

    Parameters
    ----------
    open_ns, close_ns : int
        Regular open and close, an early close counted, ns since the epoch, UTC; both 0 where there is no session.
    week_open_ns, week_close_ns : int
        Open of the first and close of the last session of its calendar week.
    """

    open_ns: int
    close_ns: int
    week_open_ns: int
    week_close_ns: int


NO_SESSION: Final = SessionSpan(open_ns=0, close_ns=0, week_open_ns=0, week_close_ns=0)


@lru_cache(maxsize=256)
def _table(calendar: str, year: int) -> Int64Array:
    """Return open, close, open of the week and close of the week of the sessions around a year, one row each."""
    sessions = sessions_between(calendar, max(_FIRST_DAY, date(year, 1, 1) - _MARGIN), date(year, 12, 31) + _MARGIN)
    rows = []
    for _, found in groupby(sessions, key=lambda session: session.day.isocalendar()[:2]):
        week = tuple(found)
        rows += [(each.open_ns, each.close_ns, week[0].open_ns, week[-1].close_ns) for each in week]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def sessions_of(calendar: str, end_ns: Int64Array) -> Int64Array:
    """Return the session that each bar belongs to.

    Parameters
    ----------
    calendar : str
        As in `market.calendars.sessions_between`.
    end_ns : ndarray of int64, shape (n_bars,)
        Ends of the bars, ns since the epoch, UTC.

    Returns
    -------
    ndarray of int64, shape (n_bars, 4)
        As the fields of `SessionSpan`; zeros for a bar outside the regular sessions.
    """
    found = np.zeros((end_ns.shape[0], 4), dtype=np.int64)
    years = end_ns.astype("datetime64[ns]").astype("datetime64[Y]").astype(np.int64) + 1970
    for year in np.unique(years).tolist():
        rows = np.flatnonzero(years == year)
        table = _table(calendar, year)
        place = np.searchsorted(table[:, 0], end_ns[rows], side="left") - 1
        inside = (place >= 0) & (end_ns[rows] <= table[place, 1])
        found[rows[inside]] = table[place[inside]]
    return found


@final
class SessionClock:
    """The session that each bar belongs to, as bars come; `sessions_of` bar by bar.

    Parameters
    ----------
    calendar : str
        As in `sessions_of`.
    """

    __slots__ = ("_calendar", "_from_ns", "_session", "_until_ns")

    def __init__(self, calendar: str) -> None:
        self._calendar, self._session = calendar, NO_SESSION
        self._from_ns = self._until_ns = 0  # ends of bars for which it holds: after the first, up to the second

    def at(self, end_ns: int) -> SessionSpan:
        """Return the session of a bar that ends at an instant; `NO_SESSION` outside the regular sessions."""
        if not self._from_ns < end_ns <= self._until_ns:
            self._find(end_ns)
        return self._session

    def _find(self, end_ns: int) -> None:
        table = _table(self._calendar, datetime_of_ns(end_ns).year)
        place = int(np.searchsorted(table[:, 0], end_ns, side="left")) - 1
        if place >= 0 and end_ns <= table[place, 1]:
            first, last, week_first, week_last = table[place].tolist()
            self._from_ns, self._until_ns = first, last
            self._session = SessionSpan(open_ns=first, close_ns=last, week_open_ns=week_first, week_close_ns=week_last)
            return
        self._from_ns = int(table[place, 1]) if place >= 0 else end_ns - 1
        self._until_ns = int(table[place + 1, 0]) if place + 1 < table.shape[0] else end_ns
        self._session = NO_SESSION
