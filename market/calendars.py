"""Exchange sessions and expiry instants, from an exchange-calendar library.

Holidays and early closes come from pandas-market-calendars; no table of dates stands here. Options never close later
than their shares do, plus the quarter of an hour that index options have.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from market.clock import datetime_of_ns, ns_of_utc_midnight
from market.errors import ConfigError, DataError
from market.instruments import ExpirySeries, Product, SettlementTime

if TYPE_CHECKING:
    from pandas_market_calendars import MarketCalendar

__all__ = [
    "MarketPhase",
    "Session",
    "expiry_series",
    "is_open",
    "latest_session",
    "next_open_ns",
    "phase_at",
    "session_on",
    "sessions_between",
]

_CRYPTO_EXPIRY_NS = 8 * 3_600 * 1_000_000_000
# Index options quote until 16:15, but a PM-settled series settles on the index close: the equity session's end.
_SETTLEMENT_CALENDAR = "NYSE"
# The library gives options a full session on 24 December, on which shares close at 13:00; options follow their shares.
_AFTER_SHARES_NS = {"CBOE_Equity_Options": 0, "CBOE_Index_Options": 15 * 60 * 1_000_000_000}
# The library's holiday rules run over these years; outside them it would call every weekday a session.
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_BLOCK_YEARS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One trading session.

    Parameters
    ----------
    day : datetime.date
        Exchange date.
    open_ns, close_ns : int
        Regular open and close, ns since the epoch, UTC; an early close is already in it.
    """

    day: date
    open_ns: int
    close_ns: int


class MarketPhase(StrEnum):
    """What a market is doing at an instant, as far as its calendar tells."""

    CLOSED = "closed"
    OPEN = "open"
    CURB = "curb"  # shares have closed, index options trade for another quarter of an hour


@lru_cache(maxsize=16)
def _library(calendar: str) -> MarketCalendar:
    import pandas_market_calendars  # 0.4 s to import: only where a calendar is asked for

    try:
        return pandas_market_calendars.get_calendar(calendar)
    except RuntimeError as error:
        raise ConfigError(
            "there is no exchange calendar", found=calendar, expected="one such as NYSE, or 24/7"
        ) from error


@lru_cache(maxsize=16)
def _block(calendar: str, first_year: int) -> dict[int, tuple[Session, ...]]:
    # The library's cost is per calendar and per call, hardly per day: one call fetches all years of an era.
    first, last = max(first_year, _FIRST_YEAR), min(first_year + _BLOCK_YEARS - 1, _LAST_YEAR)
    schedule = _library(calendar).schedule(f"{first}-01-01", f"{last}-12-31")
    opens = schedule["market_open"].dt.as_unit("ns").astype("int64").tolist()
    closes = schedule["market_close"].dt.as_unit("ns").astype("int64").tolist()
    years: dict[int, list[Session]] = {year: [] for year in range(first, last + 1)}
    last_ns = _closes_of_shares(calendar, first_year)
    for day, start, end in zip(schedule.index.date, opens, closes, strict=True):
        years[day.year].append(Session(day=day, open_ns=start, close_ns=min(end, last_ns.get(day, end))))
    return {year: tuple(sessions) for year, sessions in years.items()}


def _closes_of_shares(calendar: str, first_year: int) -> dict[date, int]:
    """Return by date the latest close that an options calendar can have; empty for any other calendar."""
    after_ns = _AFTER_SHARES_NS.get(calendar)
    if after_ns is None:
        return {}
    sessions = (session for year in _block(_SETTLEMENT_CALENDAR, first_year).values() for session in year)
    return {session.day: session.close_ns + after_ns for session in sessions}


@lru_cache(maxsize=64)
def _always_open(year: int) -> tuple[Session, ...]:
    first = date(year, 1, 1)
    every = (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))
    return tuple(
        Session(day=day, open_ns=ns_of_utc_midnight(day), close_ns=ns_of_utc_midnight(day + timedelta(days=1)))
        for day in every
    )


def _year(calendar: str, year: int) -> tuple[Session, ...]:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise DataError(
            "a date lies outside the exchange calendar",
            found=f"the year {year}",
            expected=f"{_FIRST_YEAR} to {_LAST_YEAR}, for which the holidays of {calendar} are known",
            action="check the date of the input",
        )
    if calendar == "24/7":
        return _always_open(year)
    return _block(calendar, year - year % _BLOCK_YEARS)[year]


def sessions_between(calendar: str, first: date, last: date) -> tuple[Session, ...]:
    """Return the sessions of a calendar from one date to another, both included.

    Parameters
    ----------
    calendar : str
        Name in pandas-market-calendars (``NYSE``, ``CBOE_Index_Options``), or ``24/7``.
    first, last : datetime.date
        Exchange dates.

    Returns
    -------
    tuple of Session
        In time order; empty where no session lies between.
    """
    found: list[Session] = []
    for year in range(first.year, last.year + 1):
        sessions = _year(calendar, year)
        start = bisect_left(sessions, first, key=lambda s: s.day)
        found.extend(sessions[start : bisect_right(sessions, last, key=lambda s: s.day)])
    return tuple(found)


@lru_cache(maxsize=1024)
def session_on(calendar: str, day: date) -> Session | None:
    """Return the session of a date, or None where the exchange is closed that day."""
    sessions = _year(calendar, day.year)
    position = bisect_right(sessions, day, key=lambda s: s.day) - 1
    found = sessions[position] if position >= 0 else None
    return found if found is not None and found.day == day else None


def latest_session(calendar: str, instant_ns: int) -> Session:
    """Return the newest session that had opened by an instant.

    Parameters
    ----------
    calendar : str
        As in `sessions_between`.
    instant_ns : int
        ns since the epoch, UTC.

    Returns
    -------
    Session
        Its open is at or before the instant; its close may lie after it.
    """
    day = datetime_of_ns(instant_ns).date()
    candidates = sessions_between(calendar, day - timedelta(days=14), day + timedelta(days=1))
    opened = [s for s in candidates if s.open_ns <= instant_ns]
    if not opened:
        raise DataError(
            "no trading session within two weeks before the instant",
            found=datetime_of_ns(instant_ns).isoformat(),
            expected=f"an instant inside the calendar {calendar}",
            action="check the date of the input",
        )
    return opened[-1]


def is_open(calendar: str, instant_ns: int) -> bool:
    """Return whether a calendar's regular session is running at an instant."""
    return latest_session(calendar, instant_ns).close_ns > instant_ns


def phase_at(calendar: str, instant_ns: int) -> MarketPhase:
    """Return what a market is doing at an instant.

    Parameters
    ----------
    calendar : str
        As in `sessions_between`.
    instant_ns : int
        ns since the epoch, UTC.

    Returns
    -------
    MarketPhase
        A session is open from its open to before its close, early closes included. Index options are in their curb from
        the close of the shares on. Sessions outside regular hours are closed time: the calendars do not hold them.
    """
    session = latest_session(calendar, instant_ns)
    if instant_ns >= session.close_ns:
        return MarketPhase.CLOSED
    curb_ns = _AFTER_SHARES_NS.get(calendar, 0)
    return MarketPhase.OPEN if instant_ns < session.close_ns - curb_ns else MarketPhase.CURB


def next_open_ns(calendar: str, instant_ns: int) -> int:
    """Return the first open of a session after an instant, ns since the epoch, UTC.

    Parameters
    ----------
    calendar : str
        As in `sessions_between`.
    instant_ns : int
        ns since the epoch, UTC.

    Returns
    -------
    int
        Later than the instant, also where it is an open itself.
    """
    day = datetime_of_ns(instant_ns).date()
    # No closure since 1970 was longer than the week after 11 September 2001.
    coming = sessions_between(calendar, day - timedelta(days=1), day + timedelta(days=14))
    return next(session.open_ns for session in coming if session.open_ns > instant_ns)


@lru_cache(maxsize=65_536)
def expiry_series(product: Product, expiration: date) -> ExpirySeries:
    """Return the expiry instant and last trading instant of one series.

    Parameters
    ----------
    product : Product
        Terms of the root.
    expiration : datetime.date
        Expiration date as the venue prints it.

    Returns
    -------
    ExpirySeries
        PM series end at the close of the expiration's session (early closes included); AM series settle on that
        session's opening print and trade until the close of the session before; crypto series end at 08:00 UTC.

    Notes
    -----
    A date on which the exchange is closed (Saturday expirations before 2015, or a holiday) moves back to the session
    before, which is when those contracts last traded.
    """
    if product.settlement is SettlementTime.FIXED_UTC:
        expiry_ns = ns_of_utc_midnight(expiration) + _CRYPTO_EXPIRY_NS
        return ExpirySeries(product=product, expiration=expiration, expiry_ns=expiry_ns, last_trade_ns=expiry_ns)
    quoted = sessions_between(product.calendar, expiration - timedelta(days=10), expiration)
    settled = sessions_between(_SETTLEMENT_CALENDAR, expiration - timedelta(days=10), expiration)
    if len(quoted) < 2 or not settled:
        raise DataError(
            "no trading session near the expiration date",
            found=expiration.isoformat(),
            expected=f"a date inside the calendar {product.calendar}",
            action="check the expiration column",
        )
    settlement = settled[-1]
    if product.settlement is SettlementTime.AM:
        # A Saturday date settled on the Friday's opening print: the session that `settlement` already is.
        before = [s for s in quoted if s.day < settlement.day]
        return ExpirySeries(
            product=product,
            expiration=expiration,
            expiry_ns=settlement.open_ns,
            last_trade_ns=before[-1].close_ns,
        )
    return ExpirySeries(
        product=product, expiration=expiration, expiry_ns=settlement.close_ns, last_trade_ns=settlement.close_ns
    )
