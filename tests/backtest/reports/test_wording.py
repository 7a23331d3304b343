"""Numbers as words and axes: signs, dashes for what is missing, ticks that span, and curves that keep their peaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.reports.scales import places_kept, time_ticks, value_ticks
from backtest.reports.wording import money, number, percent, short_money, signed

_DAY_NS = 86_400_000_000_000
_FINITE = st.floats(-1e9, 1e9, allow_nan=False)


def test_numbers_keep_their_sign_and_their_unit() -> None:
    """A minus is a minus sign, nothing is negative that rounds to nothing, and a unit stays with its number."""
    assert (number(-1234.5), signed(3.0), number(-0.001)) == ("−1,234.50", "+3.00", "0.00")
    assert (percent(0.0421), money(-1.0, "USD")) == ("4.21\u00a0%", "−1.00\u00a0USD")
    assert (short_money(999_999.0), short_money(-102_500.0)) == ("1M", "−102.5k")


def test_what_is_missing_is_a_dash() -> None:
    """No format shows a zero for a number that does not exist."""
    nan = float("nan")
    assert {number(nan), signed(nan), percent(nan), money(nan, "USD"), short_money(nan)} == {"–"}


@given(low=_FINITE, span=st.floats(1e-3, 1e9))
def test_ticks_span_the_range_evenly(low: float, span: float) -> None:
    """The first lies at or below the lowest value, the last at or above the highest, and the steps are equal."""
    ticks = value_ticks(low, low + span)
    slack = 1e-6 * (abs(low) + span)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack
    assert 2 <= ticks.size <= 8
    np.testing.assert_allclose(np.diff(ticks), np.diff(ticks)[0], rtol=1e-6, atol=slack)


@pytest.mark.parametrize("days", [0.3, 1.5, 10, 45, 100, 700, 4000])
def test_dates_are_few_and_within_the_span(days: float) -> None:
    """Hours, days, months or years, as the span asks; never more than eight."""
    first = 1_700_000_000_000_000_000
    last = first + int(days * _DAY_NS)
    ticks = time_ticks(first, last)
    assert 1 <= len(ticks) <= 8
    assert all(first <= at <= last for at, _ in ticks)
    assert len({words for _, words in ticks}) == len(ticks)


@given(seed=st.integers(0, 1000), n=st.integers(1, 5000))
def test_a_thinned_curve_keeps_ends_peak_and_trough(seed: int, n: int) -> None:
    """What is left out is never the highest, the lowest, the first or the last point."""
    values = np.random.default_rng(seed).normal(size=n)
    kept = places_kept(values, 100)
    assert (np.diff(kept) > 0).all()
    assert {0, n - 1, int(values.argmin()), int(values.argmax())} <= set(kept.tolist())
    assert kept.size <= max(n if n <= 100 else 101 + 2, 1)
