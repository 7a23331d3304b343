"""Values of packages at a horizon: against the pay-off, against Black's formula, and within bounds without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import inf, isinf
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.calendars import expiry_series
from market.errors import DataError
from market.instruments import product_of
from market.tradables import option_contract
from risk.book import PricedBook
from risk.horizon_payoff import VolShift, front_years, horizon_profile, horizon_value, least_at_front
from risk.payoff import Payoff, expiry_payoff
from risk.stress.revaluation import Shocks, revalue
from tests.generators import black_price

SPOT = 600.0
MONTH, TWO_MONTHS = 30.0 / 365.0, 60.0 / 365.0
FRONT = expiry_series(product_of("SPXW"), date(2026, 9, 18))
Q = 0.013


class Held(NamedTuple):
    """One leg: units, right, strike, years and volatility."""

    units: float
    is_call: bool
    strike: float
    tau: float = MONTH
    volatility: float = 0.2


def book_of(legs: Sequence[Held], *, rate: float = 0.04, dividends: float = Q, is_american: bool = False) -> PricedBook:
    """Return legs of one contract per unit on one underlying, with flat rates."""
    n = len(legs)
    units, is_call, strike, tau, sigma = (np.array(column) for column in zip(*legs, strict=True))
    return PricedBook(
        ts_event_ns=0,
        underlyings=("SPX",),
        spot=np.array([SPOT]),
        beta=np.ones(1),
        benchmark="SPX",
        benchmark_spot=SPOT,
        package_ids=("",) * n,
        strategies=("",) * n,
        symbols=tuple(f"{leg.strike:g}{'C' if leg.is_call else 'P'}" for leg in legs),
        underlying=np.zeros(n, dtype=np.int64),
        units=units.astype(np.float64),
        multiplier=np.full(n, 100.0),
        is_option=np.ones(n, dtype=np.bool_),
        is_call=is_call.astype(np.bool_),
        strike=strike.astype(np.float64),
        tau=tau,
        volatility=sigma,
        forward_ratio=np.exp((rate - dividends) * tau),
        discount=np.exp(-rate * tau),
        mark=np.full(n, np.nan),
        is_american=np.full(n, is_american),
    )


def payoff_of(legs: Sequence[Held], cost: Decimal) -> Payoff:
    """Return the exact pay-off of the same legs."""
    return expiry_payoff(
        ((option_contract(FRONT, leg.strike, is_call=leg.is_call), Decimal(int(leg.units))) for leg in legs), cost=cost
    )


def leg(*, tau: st.SearchStrategy[float]) -> st.SearchStrategy[Held]:
    """Draw a leg around the price."""
    strikes = st.integers(500, 700).map(float)
    return st.builds(Held, st.sampled_from([-2.0, -1.0, 1.0, 2.0]), st.booleans(), strikes, tau, st.floats(0.05, 1.0))


ONE_EXPIRY = st.lists(leg(tau=st.just(MONTH)), min_size=1, max_size=4)
SEVERAL = st.lists(leg(tau=st.sampled_from([MONTH, TWO_MONTHS, 0.5])), min_size=2, max_size=5)
CALENDAR = (Held(-1, is_call=False, strike=SPOT), Held(1, is_call=False, strike=SPOT, tau=TWO_MONTHS))


@settings(deadline=None)
@given(ONE_EXPIRY, st.integers(-4000, 4000))
def test_with_one_expiration_the_profile_is_the_exact_payoff(legs: list[Held], cost: int) -> None:
    """Values, extremes and break-evens are those of `risk.payoff`, whatever the volatilities."""
    book, exact = book_of(legs), payoff_of(legs, Decimal(cost))
    found = horizon_profile(book, float(cost), horizon_years=front_years(book))
    for price in (1.0, 450.0, 555.5, 600.0, 701.25, 4000.0):
        value = horizon_value(book, np.array([price]), horizon_years=MONTH)[0] - cost
        assert value == pytest.approx(float(exact.at(Decimal(str(price)))), abs=1e-6)
    assert found.max_profit == pytest.approx(float(exact.max_profit), abs=1e-6)
    assert found.max_loss == pytest.approx(float(exact.max_loss), abs=1e-6)
    crossings = [float(root) for root in exact.break_evens if root > 1 and exact.at(root - 1) * exact.at(root + 1) < 0]
    for root in crossings:
        assert min(abs(root - each) for each in found.break_evens) < 1e-6


@settings(deadline=None)
@given(SEVERAL, st.floats(0.0, 0.999) | st.just(1.0), st.floats(0.0, 0.1))
def test_a_value_before_expiry_is_blacks_of_every_leg(legs: list[Held], share: float, parallel: float) -> None:
    """An independent formula leg by leg, with discount and forward between horizon and expiry, gives the same."""
    book = book_of(legs)
    horizon = share * front_years(book)
    price = np.array([520.5, 600.5, 690.5])  # between strikes, where an ended leg has no time left to be worth
    found = horizon_value(book, price, horizon_years=horizon, shift=VolShift(parallel=parallel))
    expected = np.zeros(3)
    for each in legs:
        left = max(each.tau - horizon, 1e-12)
        forward, discount = price * np.exp((0.04 - Q) * left), np.exp(-0.04 * left)
        K, sigma = np.array([each.strike]), np.array([each.volatility + parallel])
        worth = [black_price(F, K, left, discount, sigma, call=each.is_call)[0] for F in forward]
        expected += 100.0 * each.units * np.array(worth)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("is_american", [False, True])
@settings(deadline=None)
@given(SEVERAL, st.floats(-0.04, 2.0), st.floats(0.0, 0.5), st.floats(-0.02, 0.08))
def test_no_volatility_brings_a_package_below_its_least_value(
    is_american: bool,  # noqa: FBT001  # a parameter of the test
    legs: list[Held],
    parallel: float,
    root_time: float,
    rate: float,
) -> None:
    """The bound that needs no model holds at every price, where no smile allows an arbitrage."""
    of_expiry = {each.tau: each.volatility for each in legs}
    book = book_of([each._replace(volatility=of_expiry[each.tau]) for each in legs], rate=rate, is_american=is_american)
    least = least_at_front(book)
    shift = VolShift(parallel=parallel, root_time=root_time)
    profile = horizon_profile(book, 0.0, horizon_years=front_years(book), shift=shift)
    assert -profile.max_loss >= min(least, 0.0) - 1e-6
    assert isinf(profile.max_loss) <= isinf(least)


@settings(deadline=None)
@given(st.lists(leg(tau=st.just(TWO_MONTHS)).filter(lambda each: each.units > 0), min_size=1, max_size=3))
def test_without_volatility_long_later_legs_are_worth_their_least(longs: list[Held]) -> None:
    """The bound is the best: at no volatility at all the value comes down to it somewhere."""
    legs = [Held(-1, is_call=False, strike=590.0), Held(-1, is_call=True, strike=610.0), *longs]
    book = book_of(legs)
    still = horizon_profile(book, 0.0, horizon_years=MONTH, shift=VolShift(parallel=-5.0))
    least = least_at_front(book)
    nodes = np.linspace(1e-3, 1200.0, 6_001)
    values = horizon_value(book, nodes, horizon_years=MONTH, shift=VolShift(parallel=-5.0))
    if isinf(least):
        assert still.max_loss == inf
    else:
        assert min(values.min(), still.at_zero) == pytest.approx(least, abs=0.5 * 100.0)


def test_a_calendar_in_european_puts_loses_more_than_its_debit() -> None:
    """Far below its strike the later put is worth the discounted strike: interest is lost beside the debit."""
    least = least_at_front(book_of(CALENDAR))
    assert least == pytest.approx(-100.0 * SPOT * (1.0 - np.exp(-0.04 * MONTH)))
    assert least_at_front(book_of(CALENDAR, is_american=True)) == 0.0


def test_a_calendar_in_calls_loses_the_dividends_and_no_more() -> None:
    """Dividends in cash bound what a long call calendar can lose however far the price rises."""
    legs = [each._replace(is_call=True) for each in CALENDAR]
    least = least_at_front(book_of(legs, rate=0.01, dividends=0.03))
    lost = 1.5 * (1.0 - np.exp(-0.03 * MONTH)) - (1.0 - np.exp(-0.01 * MONTH))
    assert least == pytest.approx(-100.0 * SPOT * lost)
    assert least_at_front(book_of(legs, rate=0.04, dividends=0.01)) == pytest.approx(0.0, abs=1e-6)
    assert least_at_front(book_of([each._replace(units=-each.units) for each in legs])) < -50_000.0
    assert least_at_front(book_of([Held(-1, is_call=True, strike=600.0)])) == -inf


def test_a_calendar_gains_from_a_parallel_rise_of_volatility_and_not_from_a_rise_of_the_near_end() -> None:
    """EQ14: one vol point on both legs brings 0.28 a share; a rise by the root of time brings nothing."""
    book = book_of(CALENDAR, rate=0.0, dividends=0.0)
    now = np.array([SPOT])
    before = horizon_value(book, now, horizon_years=0.0)[0]
    parallel = horizon_value(book, now, horizon_years=0.0, shift=VolShift(parallel=0.01))[0] - before
    by_root = horizon_value(book, now, horizon_years=0.0, shift=VolShift(root_time=0.01))[0] - before
    assert parallel / 100.0 == pytest.approx(0.28, abs=0.005)
    assert by_root / 100.0 == pytest.approx(0.0, abs=0.001)


def test_break_evens_and_peak_of_a_calendar_are_those_of_its_value() -> None:
    """At a break-even nothing is won; the peak is at the strike, where the sold leg ends worthless."""
    book = book_of(CALENDAR)
    cost = float(horizon_value(book, np.array([SPOT]), horizon_years=0.0)[0])
    found = horizon_profile(book, cost, horizon_years=MONTH)
    assert len(found.break_evens) == 2
    left = horizon_value(book, np.array(found.break_evens), horizon_years=MONTH) - cost
    np.testing.assert_allclose(left, 0.0, atol=0.05)
    peak = horizon_value(book, np.linspace(595.0, 605.0, 2001), horizon_years=MONTH).max() - cost
    assert found.max_profit == pytest.approx(peak, abs=1e-3)


@settings(deadline=None)
@given(SEVERAL, st.floats(-0.03, 0.1), st.floats(0.0, 0.1))
def test_the_value_now_is_that_of_the_full_revaluation(legs: list[Held], parallel: float, root_time: float) -> None:
    """Two doors to one number: a shock of price and volatility without time gives what the horizon of now gives."""
    book, price = book_of(legs), np.array([480.0, 600.0, 705.0])
    shocks = replace(
        Shocks.none(3, 1),
        spot_return=(price / SPOT - 1.0)[:, None],
        vol_points=np.full((3, 1), parallel),
        vol_points_scaled=np.full((3, 1), root_time),
    )
    expected = revalue(book, shocks).value @ (book.units * book.multiplier)
    shift = VolShift(parallel=parallel, root_time=root_time)
    np.testing.assert_allclose(horizon_value(book, price, horizon_years=0.0, shift=shift), expected, atol=1e-6)


def test_what_cannot_be_valued_says_why() -> None:
    """A later leg without a volatility leaves NaN with its name; the bound, which needs none, stands."""
    book = book_of([CALENDAR[0], CALENDAR[1]._replace(volatility=np.nan)])
    found = horizon_profile(book, 500.0, horizon_years=MONTH)
    assert np.isnan(found.max_profit)
    assert np.isnan(found.max_loss)
    assert found.break_evens == ()
    assert found.reason == "no volatility, forward or discount of 600P"
    assert least_at_front(book) > -inf
    missing = np.full(2, np.nan)
    for unknown in (
        replace(book, spot=missing[:1]),
        replace(book, discount=missing),
        replace(book, forward_ratio=missing),
    ):
        assert least_at_front(unknown) == -inf


def test_a_horizon_behind_now_or_beyond_the_first_expiry_is_refused() -> None:
    """After the first expiry the value depends on the way there."""
    book = book_of(CALENDAR)
    for horizon in (-0.01, 1.01 * MONTH, np.nan):
        with pytest.raises(DataError, match="horizon"):
            horizon_value(book, np.array([SPOT]), horizon_years=horizon)
