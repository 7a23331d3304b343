"""Time-weighted returns of exchange days: deposits earn nothing, nights belong to a day, gaps are counted."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtest.metrics.days import CRYPTO_CALENDAR, LISTED_CALENDAR, calendar_of, daily_returns, days_of, wealth_at_marks
from market.chains import FloatArray
from market.errors import DataError
from tests.backtest.metrics.samples import DAY_NS, HOUR_NS, curve_of, session_closes

_STEPS = arrays(np.float64, st.integers(1, 30), elements=st.floats(-0.2, 0.2))


@given(returns=_STEPS, at=st.integers(0, 29), amount=st.floats(-9_000.0, 1e6))
def test_money_paid_in_or_out_at_a_mark_changes_no_return(returns: FloatArray, at: int, amount: float) -> None:
    """A deposit or a withdrawal that is marked by itself leaves the growth of a unit of money as it was."""
    place = min(at, returns.size)
    growth = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    before = 1e5 * growth
    moved = max(amount, -0.5 * before[place])
    after = (before[place] + moved) * growth[place:] / growth[place]
    equity = np.concatenate([before[: place + 1], after])
    deposits = np.concatenate([np.full(place + 1, 1e5), np.full(after.size, 1e5 + moved)])
    ts_ns = np.arange(equity.size, dtype=np.int64) * HOUR_NS
    index = wealth_at_marks(curve_of(ts_ns, equity, deposits)).index
    assert index[-1] == pytest.approx(growth[-1], rel=1e-9)
    assert index[place] == pytest.approx(index[place + 1], rel=1e-12)


@settings(deadline=None)  # the first example loads the exchange calendar
@given(returns=arrays(np.float64, st.integers(2, 60), elements=st.floats(-0.1, 0.1)))
def test_days_compound_to_the_whole(returns: FloatArray) -> None:
    """The product of the daily returns is the growth over all marks, however many marks a day has."""
    equity = 1e5 * np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    ts_ns = int(session_closes(1)[0]) + np.arange(equity.size, dtype=np.int64) * 7 * HOUR_NS
    daily = daily_returns(curve_of(ts_ns, equity), LISTED_CALENDAR)
    assert daily.index[-1] == pytest.approx(equity[-1] / equity[0])
    assert daily.profit.sum() == pytest.approx(equity[-1] - equity[0], abs=1e-6)


def test_a_first_deposit_into_an_empty_account_starts_the_index() -> None:
    """Marks before the money came say nothing about returns."""
    ts_ns = session_closes(4)
    curve = curve_of(ts_ns, np.array([0.0, 100.0, 110.0, 99.0]), np.array([0.0, 100.0, 100.0, 100.0]))
    assert wealth_at_marks(curve).start == 1
    assert daily_returns(curve, LISTED_CALENDAR).returns == pytest.approx([0.1, -0.1])


def test_an_account_that_lost_everything_ends_at_minus_one_hundred_per_cent() -> None:
    """What follows a ruin is no return, and the run says so."""
    curve = curve_of(session_closes(5), np.array([100.0, 50.0, -20.0, -20.0, 30.0]))
    daily = daily_returns(curve, LISTED_CALENDAR)
    assert daily.returns.tolist() == [-0.5, -1.0]
    assert daily.is_ruined


def test_a_mark_on_a_weekend_counts_with_the_session_that_follows() -> None:
    """Saturday's mark is Monday's; an evening's is still its own day's, in New York's time."""
    friday = int(session_closes(4, date(2024, 1, 2))[3])
    evening, saturday, monday = friday + 7 * HOUR_NS, friday + 20 * HOUR_NS, friday + 3 * DAY_NS
    found = days_of(np.array([friday, evening, saturday, monday], dtype=np.int64), LISTED_CALENDAR)
    assert [str(day) for day in found.day] == ["2024-01-05", "2024-01-08"]
    assert found.place.tolist() == [1, 3]


def test_days_of_coins_end_at_midnight_utc_on_every_day() -> None:
    """365 days a year: no weekend is left out."""
    ts_ns = int(session_closes(1)[0]) + np.arange(10, dtype=np.int64) * DAY_NS
    found = days_of(ts_ns, CRYPTO_CALENDAR)
    assert (found.day.size, found.n_missing) == (10, 0)
    assert (calendar_of(365), calendar_of(252)) == (CRYPTO_CALENDAR, LISTED_CALENDAR)


def test_sessions_without_a_mark_are_counted() -> None:
    """Two of five sessions are missing; the return across them spans them, in time too."""
    closes = session_closes(5)[[0, 1, 4]]
    daily = daily_returns(curve_of(closes, np.array([100.0, 101.0, 103.0])), LISTED_CALENDAR)
    assert daily.n_missing == 2
    assert daily.elapsed_years == pytest.approx(np.diff(closes) / (365 * DAY_NS))


def test_an_equity_that_is_not_a_number_is_refused() -> None:
    """No return is computed from a broken account."""
    with pytest.raises(DataError, match="not finite"):
        wealth_at_marks(curve_of(session_closes(3), np.array([1.0, np.nan, 1.0])))
