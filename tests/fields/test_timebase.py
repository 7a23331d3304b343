"""Both clocks against hand counts, and the instant at which quotes were alive."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fields.config import TimeBasis
from fields.timebase import TAU_FLOOR_YEARS, minutes_per_year, time_to_expiry, valuation_instant
from market.calendars import expiry_series
from market.clock import ns_of_datetime
from market.instruments import product_of

MINUTE_NS = 60_000_000_000


def new_york(text: str) -> int:
    """Return a New York wall-clock instant in ns."""
    return ns_of_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")))


@pytest.mark.parametrize(
    ("basis", "calendar", "minutes"),
    [
        (TimeBasis.CALENDAR, "NYSE", 525_600.0),
        (TimeBasis.TRADING, "NYSE", 98_280.0),
        (TimeBasis.TRADING, "24/7", 525_600.0),
    ],
)
def test_minutes_per_year_belong_to_the_clock(basis: TimeBasis, calendar: str, minutes: float) -> None:
    """252 sessions of 390 minutes, or 365 days; a market that never closes has one clock."""
    assert minutes_per_year(basis, calendar) == minutes


def test_calendar_clock_is_act_365_to_the_nanosecond() -> None:
    """From 15:00 on Friday to 16:00 on the next Friday are 7 days and 1 hour."""
    series = (expiry_series(product_of("SPXW"), date(2023, 6, 9)),)
    found = time_to_expiry(new_york("2023-06-02T15:00:00"), series, TimeBasis.CALENDAR)
    assert found.years[0] == (7 * 24 + 1) / (365 * 24)
    assert not found.expired[0]


@pytest.mark.parametrize(
    ("instant", "minutes"),
    [
        ("2023-06-02T15:00:00", 60 + 5 * 390),  # the last hour of Friday, then five sessions
        ("2023-06-02T18:00:00", 5 * 390),  # nothing passes after the close
        ("2023-06-04T12:00:00", 5 * 390),  # nor at the weekend
        ("2023-06-09T15:59:00", 1),
    ],
)
def test_trading_clock_counts_session_minutes_only(instant: str, minutes: int) -> None:
    """Remaining regular minutes over 98 280."""
    series = (expiry_series(product_of("SPXW"), date(2023, 6, 9)),)
    found = time_to_expiry(new_york(instant), series, TimeBasis.TRADING)
    assert found.years[0] * 98_280 == pytest.approx(minutes, rel=1e-12)


def test_trading_clock_knows_early_closes_and_holidays() -> None:
    """2023-11-24 closes at 13:00 (210 minutes) after Thanksgiving: 390 + 210 from Tuesday's close."""
    series = (expiry_series(product_of("SPXW"), date(2023, 11, 24)),)
    found = time_to_expiry(new_york("2023-11-21T16:00:00"), series, TimeBasis.TRADING)
    assert found.years[0] * 98_280 == pytest.approx(390 + 210, rel=1e-12)


def test_time_is_floored_at_sixty_seconds_and_flagged() -> None:
    """30 s before its end a series is worth 60 s and says so; after its end it is expired, not floored."""
    series = tuple(expiry_series(product_of("SPXW"), date(2023, 6, day)) for day in (8, 9))
    found = time_to_expiry(series[1].expiry_ns - MINUTE_NS // 2, series, TimeBasis.CALENDAR)
    assert found.years.tolist() == [TAU_FLOOR_YEARS, TAU_FLOOR_YEARS]
    assert found.floored.tolist() == [False, True]
    assert found.expired.tolist() == [True, False]


def test_am_series_ends_at_the_open_and_pm_series_at_the_close() -> None:
    """SPX and SPXW of one date are 6.5 hours apart."""
    series = tuple(expiry_series(product_of(root), date(2023, 6, 16)) for root in ("SPX", "SPXW"))
    found = time_to_expiry(new_york("2023-06-02T15:00:00"), series, TimeBasis.CALENDAR)
    assert np.diff(found.years)[0] == pytest.approx(6.5 / (365 * 24), rel=1e-9)


@pytest.mark.parametrize(
    ("root", "as_of", "alive"),
    [
        ("SPXW", "2023-05-23T12:00:00", "2023-05-23T12:00:00"),
        ("SPXW", "2023-05-23T19:39:00", "2023-05-23T17:00:00"),  # between the curb session and the night
        ("SPXW", "2023-05-23T20:51:00", "2023-05-23T20:51:00"),  # the night session quotes
        ("SPXW", "2023-05-20T11:33:00", "2023-05-19T17:00:00"),  # Saturday: Friday's curb session
        ("NDXP", "2023-05-23T19:39:00", "2023-05-23T16:15:00"),
        ("SPY", "2023-05-23T19:39:00", "2023-05-23T16:00:00"),
        ("SPY", "2023-11-24T18:00:00", "2023-11-24T13:00:00"),  # early close
        ("BTC@DERIBIT", "2023-05-20T11:33:00", "2023-05-20T11:33:00"),
    ],
)
def test_quotes_are_valued_at_the_end_of_their_window(root: str, as_of: str, alive: str) -> None:
    """A snapshot taken while nobody quotes carries the last quotes."""
    assert valuation_instant(new_york(as_of), product_of(root)) == new_york(alive)
