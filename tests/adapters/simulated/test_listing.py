"""Expirations and strikes as an exchange would list them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.listing import listed_expirations, sessions_ahead, strikes_around


def test_expirations_are_daily_then_weekly_then_monthly() -> None:
    """From Monday 2 June 2025: five sessions, two week ends, then the third Fridays of July (18) and August (15)."""
    listed = listed_expirations(date(2025, 6, 2), 5, 2, 2)
    assert listed[:5] == tuple(date(2025, 6, day) for day in (2, 3, 4, 5, 6))
    assert listed[5:] == (date(2025, 6, 13), date(2025, 6, 20), date(2025, 7, 18), date(2025, 8, 15))


def test_a_holiday_moves_the_week_end_to_the_session_before() -> None:
    """Good Friday 2025 (18 April, a third Friday) has no session: the expiration is the Thursday."""
    listed = listed_expirations(date(2025, 4, 1), 0, 0, 1)
    assert listed == (date(2025, 4, 17),)


@given(st.integers(0, 480), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6).map(lambda n: n + 1))
def test_what_is_listed_stays_listed_until_it_expires(start: int, daily: int, weekly: int, monthly: int) -> None:
    """The next session's list contains every expiration of this one but those that ended, and is as long."""
    days = sessions_ahead(date(2024, 1, 2), 24)
    today, tomorrow = days[start].day, days[start + 1].day
    now = listed_expirations(today, daily, weekly, monthly)
    then = listed_expirations(tomorrow, daily, weekly, monthly)
    assert len(now) == len(then) == daily + weekly + monthly
    assert list(now) == sorted(set(now))
    assert set(now) - {today} <= set(then)


@pytest.mark.parametrize(("spot", "step"), [(5_900.0, 5.0), (206.0, 1.0), (60.0, 1.0), (12.0, 1.0)])
@pytest.mark.parametrize("deviation", [0.004, 0.05, 0.3])
@pytest.mark.parametrize("count", [9, 40])
def test_strikes_are_distinct_multiples_of_the_step_around_the_money(
    spot: float, step: float, deviation: float, count: int
) -> None:
    """There are as many as asked for, above 0, rising, and the money lies inside."""
    strikes = strikes_around(spot, deviation, count, step)
    assert strikes.shape == (count,)
    assert strikes[0] > 0.0
    assert np.all(np.diff(strikes) > 0.0)
    np.testing.assert_array_equal(strikes / step, np.rint(strikes / step))
    assert strikes[0] < spot < strikes[-1]


def test_strikes_are_denser_near_the_money() -> None:
    """The smallest gap is at the money, the gaps of the wings are several times wider."""
    strikes = strikes_around(5_900.0, 0.05, 55, 5.0)
    gaps = np.diff(strikes)
    at_the_money = int(np.argmin(np.abs(strikes - 5_900.0)))
    assert gaps[at_the_money] < 0.3 * gaps[0]
    assert gaps[at_the_money] == gaps.min()
