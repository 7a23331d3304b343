"""Price and Greeks against sixty digits, against the derivatives of the price, and against their identities."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from mpmath import diff, mpf, workdps

from fields.greeks import ExposureGreeks, Greeks, exposure_greeks, greeks
from market.errors import NumericsError
from tests.fields.reference import Columns, price, random_cases, scaled_errors
from tests.fields.strategies import contracts

NAMES = Greeks.__slots__
Errors = tuple[np.ndarray, dict[str, np.ndarray]]
# Order of the derivative in (S, tau, r, q, sigma), and its sign: time Greeks are d/dt = -d/dtau.
ORDERS = {
    "delta": ((1, 0, 0, 0, 0), 1),
    "gamma": ((2, 0, 0, 0, 0), 1),
    "vega": ((0, 0, 0, 0, 1), 1),
    "theta": ((0, 1, 0, 0, 0), -1),
    "rho": ((0, 0, 1, 0, 0), 1),
    "psi": ((0, 0, 0, 1, 0), 1),
    "vanna": ((1, 0, 0, 0, 1), 1),
    "charm": ((1, 1, 0, 0, 0), -1),
    "vomma": ((0, 0, 0, 0, 2), 1),
    "veta": ((0, 1, 0, 0, 1), -1),
    "speed": ((3, 0, 0, 0, 0), 1),
    "color": ((2, 1, 0, 0, 0), -1),
    "zomma": ((2, 0, 0, 0, 1), 1),
    "ultima": ((0, 0, 0, 0, 3), 1),
    "vanna_decay": ((1, 1, 0, 0, 1), -1),
}


def _price(K: Any, eta: int, S: Any, t: Any, r: Any, q: Any, sigma: Any) -> Any:
    return price(S, K, t, r, q, sigma, eta)


def as_dict(result: Greeks) -> dict[str, np.ndarray]:
    return {name: getattr(result, name) for name in NAMES}


@pytest.fixture(scope="module")
def errors() -> Errors:
    columns = random_cases(6_000, seed=7)
    found = as_dict(greeks(*columns))
    assert all(np.isfinite(values).all() for values in found.values())
    d1, scaled = scaled_errors(found, columns)
    assert (np.abs(d1) < 8).sum() > 2_000
    return d1, scaled


@pytest.mark.parametrize("name", NAMES)
def test_scaled_error_is_below_1e_12_for_d1_below_8_and_5e_12_to_37(name: str, errors: Errors) -> None:
    """Every Greek of 6 000 log-random contracts agrees with sixty digits."""
    d1, scaled = errors
    assert scaled[name][np.abs(d1) < 8].max() <= 1e-12
    assert scaled[name][np.abs(d1) < 37].max() <= 5e-12


@pytest.mark.parametrize("name", ORDERS)
def test_each_greek_is_the_derivative_of_the_price(name: str) -> None:
    """Nested differentiation of the price alone gives the closed form back."""
    order, sign = ORDERS[name]
    cases = [(100.0, 90.0, 0.3, 0.03, 0.08, 0.25, True), (100.0, 120.0, 1.7, -0.01, 0.02, 0.6, False)]
    cases += [(50.0, 50.0, 0.01, 0.05, 0.01, 0.9, True), (4100.0, 4000.0, 0.002, 0.05, 0.015, 0.12, False)]
    for S, K, t, r, q, sigma, is_call in cases:
        found = getattr(greeks(S, K, t, r, q, sigma, is_call), name)[0]
        with workdps(120):
            eta = 1 if is_call else -1
            at = tuple(mpf(x) for x in (S, t, r, q, sigma))
            strike = mpf(K)
            expected = sign * diff(partial(_price, strike, eta), at, order)
        assert found == pytest.approx(float(expected), rel=2e-12)


@settings(max_examples=200, deadline=None)
@given(columns=contracts())
def test_identities_hold_for_any_contract(columns: Columns) -> None:
    """The pricing equation and vega = S^2 gamma sigma tau."""
    S, _K, tau, r, q, sigma, _is_call = columns
    g = greeks(*columns)
    terms = [g.theta, (r - q) * S * g.delta, 0.5 * sigma**2 * S**2 * g.gamma, -r * g.price]
    # The legs cancel in the price, so their own size is the scale.
    scale = np.sum(np.abs(terms), axis=0) + (np.abs(r) + np.abs(q)) * S + np.finfo(float).tiny
    assert np.all(np.abs(np.sum(terms, axis=0)) <= 1e-12 * scale)
    assert np.allclose(g.vega, S**2 * g.gamma * sigma * tau, rtol=1e-12, atol=0)


@settings(max_examples=200, deadline=None)
@given(columns=contracts())
def test_put_call_relations(columns: Columns) -> None:
    """Call and put differ by the forward, and share every Greek that the forward has not."""
    S, K, tau, r, q, sigma, _ = columns
    call, put = (greeks(S, K, tau, r, q, sigma, flag) for flag in (True, False))
    Dq = np.exp(-q * tau)
    assert np.allclose(call.delta - put.delta, Dq, rtol=1e-14, atol=0)
    parity = S * Dq - K * np.exp(-r * tau)
    assert np.all(np.abs(call.price - put.price - parity) <= 1e-13 * (S + K))
    assert np.all(np.abs(call.charm - put.charm - q * Dq) <= 1e-13 * (np.abs(call.charm) + q * Dq + 1e-300))
    for name in ("gamma", "vega", "vanna", "vomma", "speed", "color", "zomma", "veta", "ultima", "vanna_decay"):
        assert np.array_equal(getattr(call, name), getattr(put, name))


@settings(max_examples=100, deadline=None)
@given(columns=contracts())
def test_price_is_homogeneous_in_spot_and_strike(columns: Columns) -> None:
    """Doubling spot and strike doubles price and vega, keeps delta, halves gamma: exactly, for a power of two."""
    S, K, *rest = columns
    one, two = greeks(S, K, *rest), greeks(2 * S, 2 * K, *rest)
    assert np.array_equal(2 * one.price, two.price)
    assert np.array_equal(2 * one.vega, two.vega)
    assert np.array_equal(one.delta, two.delta)
    assert np.array_equal(one.gamma, 2 * two.gamma)


def test_exposure_greeks_equal_the_full_set() -> None:
    """The reduced kernel gives the same numbers within rounding, limits included."""
    columns = random_cases(1_000, seed=3)
    columns[2][:5] = 0.0
    full, reduced = greeks(*columns), exposure_greeks(*columns)
    for name in ("delta", "gamma", "vanna"):
        assert np.allclose(getattr(full, name), getattr(reduced, name), rtol=1e-12, atol=0)
    assert np.allclose(full.charm, reduced.charm, rtol=1e-11, atol=1e-13)


def test_one_contract_equals_the_batch() -> None:
    """A contract's numbers do not depend on its neighbours, within the rounding of a fused operation."""
    columns = random_cases(50, seed=11)
    batch = as_dict(greeks(*columns))
    for i in range(50):
        alone = as_dict(greeks(*(column[i] for column in columns)))
        for name in NAMES:
            assert alone[name][0] == pytest.approx(batch[name][i], rel=1e-11, abs=1e-300)


def test_expiry_gives_the_payoff_without_a_warning() -> None:
    """At tau = 0 price and delta are the payoff's, curvature is 0 off the strike and infinite at it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        g = greeks(100.0, [90.0, 100.0, 110.0], 0.0, 0.05, 0.02, 0.2, [True, True, False])
    assert g.price.tolist() == [10.0, 0.0, 10.0]
    assert g.delta.tolist() == [1.0, 0.5, -1.0]
    assert g.gamma.tolist() == [0.0, np.inf, 0.0]
    assert g.vega.tolist() == [0.0, 0.0, 0.0]
    assert g.charm.tolist() == [0.02, -np.inf, -0.02]


def test_no_volatility_gives_the_discounted_payoff() -> None:
    """At sigma = 0 the price is that of the forward."""
    g = greeks(100.0, [90.0, 110.0], 0.5, 0.05, 0.02, 0.0, True)
    assert g.price[0] == pytest.approx(100 * np.exp(-0.01) - 90 * np.exp(-0.025), rel=1e-15)
    assert g.price[1] == g.delta[1] == g.gamma[0] == g.vanna[1] == 0.0
    assert g.delta[0] == pytest.approx(np.exp(-0.01), rel=1e-15)


@pytest.mark.parametrize(("tau", "sigma", "rate"), [(1e-12, 0.2, 0.05), (0.4, 1e-7, 0.02)])
def test_limits_are_what_the_formulas_tend_to(tau: float, sigma: float, rate: float) -> None:
    """Finite limits at the strike agree with a point just beside them; infinite ones have its sign."""
    near = as_dict(greeks(100.0, 100.0, tau, rate, 0.02, sigma, True))
    limit = as_dict(greeks(100.0, 100.0, tau if tau > 1e-3 else 0.0, rate, 0.02, sigma if sigma > 1e-3 else 0.0, True))
    for name in NAMES:
        value, beside = limit[name][0], near[name][0]
        if np.isinf(value):
            assert np.sign(value) == np.sign(beside), name
        else:
            assert value == pytest.approx(beside, rel=1e-5, abs=2e-3), name


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, np.nan),
        (1, np.nan),
        (2, np.nan),
        (3, np.nan),
        (4, np.nan),
        (5, np.nan),
        (2, -1e-9),
        (5, -0.1),
        (0, 0.0),
        (1, -5.0),
        (1, np.inf),
        (3, np.inf),
    ],
)
def test_what_cannot_be_valued_is_nan_everywhere(place: int, value: float) -> None:
    """NaN, a negative time or volatility and a price that is not above 0 give NaN, and leave the neighbour alone."""
    columns: list[np.ndarray] = [np.full(9, x) for x in (100.0, 105.0, 0.25, 0.03, 0.01, 0.3)]
    calls = np.ones(9, dtype=bool)
    clean = as_dict(greeks(*columns, is_call=calls))  # type: ignore[misc]  # six columns
    columns[place][4] = value
    found = as_dict(greeks(*columns, is_call=calls))  # type: ignore[misc]  # six columns
    for name in NAMES:
        assert np.isnan(found[name][4])
        assert np.array_equal(np.delete(found[name], 4), np.delete(clean[name], 4))


def test_far_wings_are_flushed_to_zero() -> None:
    """Beyond |d1| = 37.5 the density is 0, delta is 0 or the dividend discount, and nothing is NaN."""
    g = greeks(100.0, [1.0, 1e4], 0.01, 0.05, 0.02, 0.3, True)
    assert g.delta.tolist() == [pytest.approx(np.exp(-0.0002), rel=1e-15), 0.0]
    assert all(np.isfinite(values).all() for values in as_dict(g).values())
    assert not g.gamma.any()
    assert not g.zomma.any()


def test_read_only_and_strided_inputs_are_taken_as_they_are() -> None:
    """Arrays from an object store are read-only, slices are not contiguous; both give the same numbers."""
    columns = random_cases(64, seed=5)
    expected = greeks(*(column[::2].copy() for column in columns))
    for column in columns:
        column.setflags(write=False)
    found = greeks(*(column[::2] for column in columns))
    assert np.array_equal(expected.charm, found.charm)


def test_empty_input_gives_empty_arrays() -> None:
    """No contracts are no error."""
    g = greeks(100.0, np.empty(0), 0.1, 0.0, 0.0, 0.2, np.empty(0, dtype=bool))
    assert all(values.shape == (0,) for values in as_dict(g).values())


def test_shapes_that_do_not_fit_are_an_error_that_says_so() -> None:
    """Two lengths in one call are refused with both lengths."""
    with pytest.raises(NumericsError, match=r"strike \(3,\).*volatility \(2,\).*one length"):
        greeks(100.0, np.ones(3), 0.1, 0.0, 0.0, np.ones(2), True)
    with pytest.raises(NumericsError, match="one-dimensional"):
        greeks(100.0, np.ones((2, 2)), 0.1, 0.0, 0.0, 0.2, True)


def test_out_is_filled_and_must_not_overlap() -> None:
    """Preallocated arrays are reused; one that shares memory with an input or an output is refused."""
    columns = random_cases(40, seed=9)
    out = Greeks.empty(40)
    assert greeks(*columns, out=out) is out
    assert np.array_equal(out.theta, greeks(*columns).theta)
    with pytest.raises(NumericsError, match="overlaps"):
        exposure_greeks(*columns, out=ExposureGreeks(delta=columns[1], gamma=out.gamma, vanna=out.vanna, charm=out.psi))
    with pytest.raises(NumericsError, match="overlaps"):
        exposure_greeks(*columns, out=ExposureGreeks(delta=out.gamma, gamma=out.gamma, vanna=out.rho, charm=out.psi))
    with pytest.raises(NumericsError, match="cannot be filled"):
        greeks(*columns, out=Greeks.empty(39))


@pytest.mark.parametrize(("minutes_per_year", "sessions"), [(525_600, "calendar"), (98_280, "trading")])
def test_charm_per_minute_is_the_delta_of_the_next_minute(minutes_per_year: int, sessions: str) -> None:
    """On both clocks charm per minute agrees with one clock minute's step to 1e-3 of the step, 0DTE 1 to 390 min."""
    minutes = np.arange(1, 391, dtype=np.float64)
    step = 1e-3  # of a minute: the step effect itself is of second order
    for strike in (99.7, 100.0, 100.4):

        def delta(left: np.ndarray, strike: float = strike) -> np.ndarray:
            return greeks(100.0, strike, left / minutes_per_year, 0.05, 0.015, 0.2, True).delta

        charm = greeks(100.0, strike, minutes / minutes_per_year, 0.05, 0.015, 0.2, True).charm / minutes_per_year
        stepped = (delta(minutes - step) - delta(minutes + step)) / (2 * step)
        assert np.all(np.abs(charm - stepped) <= 1e-3 * np.abs(stepped) + 1e-9), sessions
