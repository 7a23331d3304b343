"""Sessions and expiry instants, checked against the library they come from and against known dates."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas_market_calendars
import pytest

from market.calendars import (
    MarketPhase,
    expiry_series,
    is_open,
    latest_session,
    next_open_ns,
    phase_at,
    session_on,
    sessions_between,
)
from market.clock import datetime_of_ns, ns_of_datetime
from market.errors import ConfigError, DataError
from market.instruments import product_of


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # year to minute


def _expiry(root: str, expiration: date) -> datetime:
    return datetime_of_ns(expiry_series(product_of(root), expiration).expiry_ns)


def _last_trade(root: str, expiration: date) -> datetime:
    return datetime_of_ns(expiry_series(product_of(root), expiration).last_trade_ns)


@pytest.mark.parametrize("calendar", ["NYSE", "CBOE_Index_Options", "CBOE_Equity_Options"])
@pytest.mark.parametrize("years", [(2010, 2032), (2014, 2017), (1998, 1999)])
def test_sessions_equal_the_library_s_schedule(calendar: str, years: tuple[int, int]) -> None:
    """However many sessions one call fetches, each is what the library says, no later than the shares allow."""
    first, last = date(years[0], 1, 1), date(years[1], 12, 31)
    schedule = pandas_market_calendars.get_calendar(calendar).schedule(str(first), str(last))
    extra_ns = 15 * 60 * 10**9 if calendar == "CBOE_Index_Options" else 0
    shares = {s.day: s.close_ns + extra_ns for s in sessions_between("NYSE", first, last)}
    wanted = [
        (day.date(), start.value, min(end.value, shares[day.date()]))
        for day, start, end in zip(schedule.index, schedule["market_open"], schedule["market_close"], strict=True)
    ]
    assert [(s.day, s.open_ns, s.close_ns) for s in sessions_between(calendar, first, last)] == wanted


def test_sessions_between_include_both_ends_over_a_turn_of_the_year() -> None:
    """The range may begin and end on a closed day."""
    days = [s.day for s in sessions_between("NYSE", date(2023, 12, 29), date(2024, 1, 3))]
    assert days == [date(2023, 12, 29), date(2024, 1, 2), date(2024, 1, 3)]
    assert sessions_between("NYSE", date(2023, 12, 30), date(2024, 1, 1)) == ()


@pytest.mark.parametrize("day", [date(2024, 7, 4), date(2024, 3, 29), date(2024, 6, 1), date(2025, 1, 9)])
def test_holidays_and_weekends_have_no_session(day: date) -> None:
    """Independence Day, Good Friday, a Saturday and a national day of mourning."""
    assert session_on("NYSE", day) is None


def test_a_half_day_closes_early() -> None:
    """The Friday after Thanksgiving ends at 13:00 New York time."""
    session = session_on("NYSE", date(2024, 11, 29))
    assert session is not None
    assert datetime_of_ns(session.close_ns) == _utc(2024, 11, 29, 18, 0)


@pytest.mark.parametrize("year", [2015, 2019, 2020, 2024])
def test_options_close_early_on_christmas_eve(year: int) -> None:
    """Shares and their options close at 13:00 New York time, index options a quarter of an hour later."""
    day = date(year, 12, 24)
    closes = {name: session_on(f"CBOE_{name}_Options", day) for name in ("Equity", "Index")}
    found = {name: datetime_of_ns(session.close_ns) for name, session in closes.items() if session is not None}
    assert found == {"Equity": _utc(year, 12, 24, 18, 0), "Index": _utc(year, 12, 24, 18, 15)}
    assert _expiry("SPXW", day) == _expiry("GOOG", day) == _utc(year, 12, 24, 18, 0)
    assert _last_trade("GOOG", day) == _utc(year, 12, 24, 18, 0)


@pytest.mark.parametrize("name", ["Equity", "Index"])
def test_options_never_close_later_than_their_shares(name: str) -> None:
    """On every day since 1998 options close with the shares, index options at most a quarter of an hour after them."""
    first, last = date(1998, 1, 1), date(2059, 12, 31)
    shares = {s.day: s.close_ns for s in sessions_between("NYSE", first, last)}
    late = {
        (s.close_ns - shares[s.day]) // (60 * 10**9)
        for s in sessions_between(f"CBOE_{name}_Options", first, last)
        if s.day in shares
    }
    assert late == ({15} if name == "Index" else {0})


def test_the_latest_session_is_the_one_that_had_opened() -> None:
    """Before the open it is that of the day before; a session counts as open until its close."""
    before, during = ns_of_datetime(_utc(2024, 7, 5, 13, 0)), ns_of_datetime(_utc(2024, 7, 5, 15, 0))
    assert latest_session("NYSE", before).day == date(2024, 7, 3)
    assert latest_session("NYSE", during).day == date(2024, 7, 5)
    assert (is_open("NYSE", before), is_open("NYSE", during)) == (False, True)


def test_a_market_that_never_closes_has_a_session_each_day() -> None:
    """Sessions run from midnight to midnight UTC."""
    first, second = sessions_between("24/7", date(2023, 12, 31), date(2024, 1, 1))
    assert first.close_ns == second.open_ns == ns_of_datetime(_utc(2024, 1, 1))
    assert is_open("24/7", first.open_ns)


@pytest.mark.parametrize(
    ("calendar", "instant", "phase"),
    [
        ("NYSE", (2024, 7, 5, 13, 29), MarketPhase.CLOSED),  # summer: 09:29 in New York
        ("NYSE", (2024, 7, 5, 13, 30), MarketPhase.OPEN),
        ("NYSE", (2024, 7, 5, 20, 0), MarketPhase.CLOSED),
        ("CBOE_Index_Options", (2024, 7, 5, 19, 59), MarketPhase.OPEN),
        ("CBOE_Index_Options", (2024, 7, 5, 20, 0), MarketPhase.CURB),
        ("CBOE_Index_Options", (2024, 7, 5, 20, 15), MarketPhase.CLOSED),
        ("NYSE", (2024, 3, 8, 14, 15), MarketPhase.CLOSED),  # the Friday before summer time
        ("NYSE", (2024, 3, 11, 14, 15), MarketPhase.OPEN),  # the Monday after it began
        ("NYSE", (2024, 11, 1, 13, 45), MarketPhase.OPEN),  # and before it ended
        ("NYSE", (2024, 11, 4, 13, 45), MarketPhase.CLOSED),
        ("NYSE", (2024, 11, 29, 17, 59), MarketPhase.OPEN),  # the half day after Thanksgiving
        ("NYSE", (2024, 11, 29, 18, 0), MarketPhase.CLOSED),
        ("CBOE_Equity_Options", (2024, 12, 24, 18, 0), MarketPhase.CLOSED),
        ("CBOE_Index_Options", (2024, 12, 24, 18, 14), MarketPhase.CURB),
        ("NYSE", (2024, 12, 25, 15, 0), MarketPhase.CLOSED),
        ("NYSE", (2024, 7, 6, 15, 0), MarketPhase.CLOSED),  # a Saturday
        ("24/7", (2024, 12, 25, 3, 0), MarketPhase.OPEN),
    ],
)
def test_the_phase_follows_the_calendar(calendar: str, instant: tuple[int, ...], phase: MarketPhase) -> None:
    """Opens and closes, half days, holidays, weekends, and the days on which New York's clocks change."""
    assert phase_at(calendar, ns_of_datetime(_utc(*instant))) is phase


@pytest.mark.parametrize(
    ("calendar", "instant", "opens"),
    [
        ("NYSE", (2024, 7, 5, 12, 0), (2024, 7, 5, 13, 30)),
        ("NYSE", (2024, 7, 5, 13, 30), (2024, 7, 8, 13, 30)),  # an open is not after itself; a weekend lies between
        ("NYSE", (2024, 3, 8, 22, 0), (2024, 3, 11, 13, 30)),
        ("NYSE", (2024, 12, 24, 19, 0), (2024, 12, 26, 14, 30)),
        ("NYSE", (2001, 9, 11, 14, 0), (2001, 9, 17, 13, 33)),  # three minutes late, after two of silence
        ("24/7", (2024, 12, 31, 1, 0), (2025, 1, 1, 0, 0)),
    ],
)
def test_the_next_open_lies_after_closed_days(calendar: str, instant: tuple[int, ...], opens: tuple[int, ...]) -> None:
    """Over nights, weekends, holidays, the turn of the year, and the longest closure that the calendar knows."""
    assert datetime_of_ns(next_open_ns(calendar, ns_of_datetime(_utc(*instant)))) == _utc(*opens)


def test_spx_settles_in_the_morning_and_spxw_in_the_afternoon() -> None:
    """On one date SPX ends with the opening print, having traded until the day before; SPXW ends at the close."""
    day = date(2023, 6, 16)
    assert _expiry("SPX", day) == _utc(2023, 6, 16, 13, 30)
    assert _last_trade("SPX", day) == _utc(2023, 6, 15, 20, 15)
    assert _expiry("SPXW", day) == _last_trade("SPXW", day) == _utc(2023, 6, 16, 20, 0)


def test_an_afternoon_series_ends_early_on_a_half_day() -> None:
    """SPXW and equity options of 2024-07-03 settle at 13:00 New York time."""
    assert _expiry("SPXW", date(2024, 7, 3)) == _expiry("SPY", date(2024, 7, 3)) == _utc(2024, 7, 3, 17, 0)


@pytest.mark.parametrize(
    ("printed", "held"),
    [
        (date(2014, 6, 21), date(2014, 6, 20)),
        (date(2022, 4, 15), date(2022, 4, 14)),
        (date(2025, 4, 18), date(2025, 4, 17)),
    ],
)
def test_an_expiration_on_a_closed_day_moves_to_the_session_before(printed: date, held: date) -> None:
    """Saturdays of the old convention, and Good Friday."""
    assert _expiry("SPY", printed) == _expiry("SPY", held) == _utc(held.year, held.month, held.day, 20, 0)
    assert _expiry("SPX", printed) == _expiry("SPX", held) == _utc(held.year, held.month, held.day, 13, 30)


def test_summer_time_moves_the_instants() -> None:
    """The close of New York lies at 21:00 UTC in winter."""
    assert _expiry("SPXW", date(2024, 1, 19)) == _utc(2024, 1, 19, 21, 0)


@pytest.mark.parametrize("root", ["BTC@DERIBIT", "ETH@OKX"])
def test_crypto_series_end_at_eight(root: str) -> None:
    """Also on Christmas, on which no exchange of shares is open."""
    assert _expiry(root, date(2026, 12, 25)) == _last_trade(root, date(2026, 12, 25)) == _utc(2026, 12, 25, 8, 0)


@pytest.mark.parametrize("root", ["SPX", "SPXW", "SPY", "VIX"])
@pytest.mark.parametrize("expiration", [date(2031, 12, 19), date(2048, 1, 3), date(2115, 6, 21)])
def test_far_expirations_have_an_instant(root: str, expiration: date) -> None:
    """The longest contracts reach six years ahead; fifteen past the last date a snapshot may have still work."""
    held = _expiry(root, expiration).date()
    assert 0 <= (expiration - held).days <= 4


@pytest.mark.parametrize("year", [1960, 2300])
def test_dates_outside_the_calendar_are_refused(year: int) -> None:
    """The library would call each weekday a session where it knows no holidays."""
    with pytest.raises(DataError, match=f"found the year {year}; expected 1970 to 2200"):
        session_on("NYSE", date(year, 6, 2))


def test_a_calendar_that_does_not_exist_is_refused() -> None:
    """As a setting that cannot be, and not by the library's list of all that it knows."""
    with pytest.raises(ConfigError, match="no exchange calendar; found NYES; expected one such as NYSE"):
        session_on("NYES", date(2025, 6, 2))
