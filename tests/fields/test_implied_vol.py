"""Implied volatility: the true volatility back, the price back, and NaN with a reason outside the bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import erfc, exp, log, mpf, pi, sqrt, workdps

from fields.greeks import greeks
from fields.implied_vol import IvStatus, implied_volatility
from market.chains import BoolArray, FloatArray
from market.errors import NumericsError


def exact_price_and_condition(x: float, s: float) -> tuple[float, float, float]:
    """Return strike, out-of-the-money price at forward 1, and its condition number, from fifty digits."""
    with workdps(50):
        K = mpf(float(np.exp(x)))
        k, root = log(K), mpf(s)
        d1 = -k / root + root / 2
        price = erfc(-d1 / sqrt(2)) / 2 - K * erfc((root - d1) / sqrt(2)) / 2
        vega = exp(-d1 * d1 / 2) / sqrt(2 * pi)
        return float(K), float(price), float(price / (root * vega))


def stress_cases(n: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return s, strike, price and condition: x up to 10, s = sigma sqrt(tau) from 3e-5 to 8, price down to 1e-300."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, float, float, float]] = []
    while len(rows) < n:
        s = float(np.exp(rng.uniform(np.log(3e-5), np.log(8.0))))
        x = float(rng.choice([0.0, 10 ** rng.uniform(-7, 1), min(10.0, 2 * s * abs(rng.normal()))], p=[0.1, 0.6, 0.3]))
        K, price, condition = exact_price_and_condition(x, s)
        # Within 1e-12 of its bound a price has no digit left that tells the volatility.
        if price > 1e-300 and 1.0 - price > 1e-12:
            rows.append((s, K, price, condition))
    s_, K_, price_, condition_ = (np.array(column) for column in zip(*rows, strict=True))
    return s_, K_, price_, condition_


def chain(n: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]:
    """Return forward, strike, tau, volatility and is_call of a listed-looking chain, both sides of the money."""
    rng = np.random.default_rng(seed)
    tau = np.exp(rng.uniform(np.log(1 / 3_650), np.log(3.0), n))
    sigma = np.exp(rng.uniform(np.log(0.05), np.log(2.0), n))
    forward = rng.uniform(50.0, 5_000.0, n)
    strike = forward * np.exp(np.clip(rng.uniform(-4, 4, n), -4, 4) * sigma * np.sqrt(tau))
    return forward, strike, tau, sigma, rng.random(n) < 0.5


def test_true_volatility_comes_back_over_the_stress_domain() -> None:
    """5 000 extreme prices: no failure, 1e-10 of the condition at most, 1e-12 in the middle."""
    s, K, price, condition = stress_cases(5_000, seed=2)
    found = implied_volatility(price, 1.0, K, 1.0, 1.0, True)
    error = np.abs(found.volatility / s - 1.0)
    assert (found.status == IvStatus.OK).all()
    assert np.max(error / np.maximum(1.0, condition)) <= 1e-10
    assert np.median(error) <= 1e-12


def test_puts_in_and_out_of_the_money_give_the_same_volatility_as_calls() -> None:
    """Through parity, within the rounding that the intrinsic value brings."""
    F, K, tau, sigma, is_call = chain(20_000, seed=5)
    D = np.exp(-0.03 * tau)
    g = greeks(F, K, tau, 0.03, 0.03, sigma, is_call)
    found = implied_volatility(g.price, F, K, tau, D, is_call)
    allowed = 1e-10 * sigma + 4e-15 * D * (F + K) / g.vega  # a price is rounded to a few units of its largest leg
    ok = found.status == IvStatus.OK
    # Where rounding has eaten the whole time value there is nothing to find.
    lost = g.vega * sigma < 1e-12 * (F + K)
    assert np.all(ok | lost)
    assert np.all(np.abs(found.volatility - sigma)[ok] <= allowed[ok])


def test_price_of_the_volatility_of_a_price_is_the_price() -> None:
    """100 000 contracts: within 1e-12 of the larger leg, out of the money within 1e-11 of the price."""
    F, K, tau, sigma, is_call = chain(100_000, seed=8)
    price = greeks(F, K, tau, 0.0, 0.0, sigma, is_call).price
    found = implied_volatility(price, F, K, tau, 1.0, is_call)
    ok = found.status == IvStatus.OK
    again = greeks(F, K, tau, 0.0, 0.0, found.volatility, is_call).price
    assert ok.mean() > 0.999
    assert np.max(np.abs(again - price)[ok] / np.maximum(F, K)[ok]) <= 1e-12
    outside = ok & np.where(is_call, K > F, K < F)
    assert np.max(np.abs(again / price - 1.0)[outside]) <= 1e-11


@settings(max_examples=300, deadline=None)
@given(
    sigma=st.floats(0.01, 5.0),
    tau=st.floats(1e-3, 5.0),
    moneyness=st.floats(-3.0, 3.0),
    discount=st.floats(0.5, 1.1),
    is_call=st.booleans(),
)
def test_volatility_is_found_for_any_price_inside_the_bounds(
    sigma: float,
    tau: float,
    moneyness: float,
    discount: float,
    is_call: bool,  # noqa: FBT001  # drawn by name
) -> None:
    """One contract out of the money anywhere in the domain."""
    strike = 100.0 * np.exp(abs(moneyness) * sigma * np.sqrt(tau) * (1 if is_call else -1))
    price = greeks(100.0, strike, tau, 0.0, 0.0, sigma, is_call).price * discount
    bound = discount * (100.0 if is_call else strike)
    if price[0] > bound * (1 - 1e-9):
        return
    found = implied_volatility(price, 100.0, strike, tau, discount, is_call)
    assert found.status[0] == IvStatus.OK
    assert found.volatility[0] == pytest.approx(sigma, rel=1e-6)


@pytest.mark.parametrize(
    ("price", "forward", "strike", "tau", "discount", "is_call", "status"),
    [
        (9.99, 110.0, 100.0, 0.5, 1.0, True, IvStatus.BELOW_INTRINSIC),
        (0.0, 100.0, 110.0, 0.5, 1.0, True, IvStatus.BELOW_INTRINSIC),
        (-1.0, 100.0, 110.0, 0.5, 1.0, True, IvStatus.BELOW_INTRINSIC),
        (100.0, 100.0, 110.0, 0.5, 1.0, True, IvStatus.ABOVE_BOUND),
        (99.0, 100.0, 110.0, 0.5, 0.98, True, IvStatus.ABOVE_BOUND),
        (95.0, 100.0, 95.0, 0.5, 1.0, False, IvStatus.ABOVE_BOUND),
        (5.0, 100.0, 100.0, 0.0, 1.0, True, IvStatus.EXPIRED),
        (5.0, 100.0, 100.0, -0.1, 1.0, True, IvStatus.EXPIRED),
        (np.nan, 100.0, 100.0, 0.5, 1.0, True, IvStatus.NOT_A_NUMBER),
        (5.0, np.nan, 100.0, 0.5, 1.0, True, IvStatus.NOT_A_NUMBER),
        (5.0, 100.0, np.inf, 0.5, 1.0, False, IvStatus.NOT_A_NUMBER),
        (5.0, 100.0, 100.0, np.nan, 1.0, False, IvStatus.NOT_A_NUMBER),
        (5.0, 100.0, 100.0, 0.5, 0.0, False, IvStatus.NOT_A_NUMBER),
        (5.0, -100.0, 100.0, 0.5, 1.0, True, IvStatus.NOT_A_NUMBER),
        (np.inf, 100.0, 100.0, 0.5, 1.0, True, IvStatus.NOT_A_NUMBER),
    ],
)
def test_price_without_a_volatility_says_why(
    price: float,
    forward: float,
    strike: float,
    tau: float,
    discount: float,
    is_call: object,
    status: IvStatus,
) -> None:
    """NaN and the reason, and the neighbours are left alone."""
    prices = np.array([4.0, price, 4.0])
    found = implied_volatility(
        prices,
        np.array([100.0, forward, 100.0]),
        np.array([100.0, strike, 100.0]),
        np.array([0.5, tau, 0.5]),
        np.array([1.0, discount, 1.0]),
        np.array([True, bool(is_call), True]),
    )
    assert found.status.tolist() == [IvStatus.OK, status, IvStatus.OK]
    assert np.isnan(found.volatility).tolist() == [False, True, False]


def test_volatility_rises_with_the_price() -> None:
    """A dearer option never has the smaller volatility, across the branch point of the solver."""
    price = np.linspace(0.001, 99.0, 20_000)
    volatility = implied_volatility(price, 100.0, 120.0, 0.25, 1.0, True).volatility
    assert np.all(np.diff(volatility) > 0)


def test_empty_and_read_only_inputs() -> None:
    """No contract is no error, and nothing is written to an input."""
    assert implied_volatility(np.empty(0), 100.0, np.empty(0), 0.5, 1.0, True).volatility.shape == (0,)
    price = np.array([4.0, 5.0])
    price.setflags(write=False)
    assert np.isfinite(implied_volatility(price, 100.0, 100.0, 0.5, 1.0, [True, False]).volatility).all()


def test_shapes_that_do_not_fit_are_an_error() -> None:
    """Both lengths are named."""
    with pytest.raises(NumericsError, match=r"price \(2,\).*strike \(3,\)"):
        implied_volatility(np.ones(2), 100.0, np.ones(3), 0.5, 1.0, True)
