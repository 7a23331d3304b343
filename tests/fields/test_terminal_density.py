"""Distributions of the price at an expiry: their mass, mean and probabilities, and the chance of a touch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import lognorm

from fields.terminal_density import LognormalDensity, QuotedDensity, quoted_density, touch_probability
from market.chains import FloatArray
from market.errors import NumericsError
from tests.generators import Smile, black_price, flat_smile, skewed_smile

F, D, TAU = 4010.0, 0.996, 0.1


def quotes(
    smile: Smile, *, step: float = 10.0, noise: float = 0.0, tick: float = 0.0
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]], FloatArray]:
    """Return strikes, rights and mids of one expiration of a known smile."""
    K = np.arange(3000.0, 5000.0, step)
    sigma = smile(np.log(K / F), TAU)
    mids = np.concatenate([black_price(F, K, TAU, D, sigma, call=call) for call in (False, True)])
    mids = mids + noise * np.random.default_rng(3).standard_normal(mids.shape)
    mids = np.round(mids / tick) * tick if tick else mids
    return np.tile(K, 2), np.repeat([False, True], K.shape[0]), np.where(mids > 0.0, mids, np.nan)


def density_of(smile: Smile, *, step: float = 10.0, noise: float = 0.0, tick: float = 0.0) -> QuotedDensity:
    """Return the distribution of the quotes of a known smile."""
    strike, is_call, mid = quotes(smile, step=step, noise=noise, tick=tick)
    found = quoted_density(strike, is_call, mid, forward=F, discount=D, tau=TAU)
    assert found is not None
    return found


def true_cdf(smile: Smile, price: float) -> float:
    """Return the probability to end below by the slope of exact put prices over the strike."""
    K = price + np.array([-0.01, 0.01])
    puts = black_price(F, K, TAU, 1.0, smile(np.log(K / F), TAU), call=False)
    return float((puts[1] - puts[0]) / 0.02)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.5, 2.0), st.floats(0.05, 1.0), st.floats(0.002, 2.0))
def test_the_lognormal_distribution_is_that_of_scipy(moneyness: float, sigma: float, tau: float) -> None:
    """Probability and mean excess agree with a library and with quadrature of its density."""
    a = sigma * np.sqrt(tau)
    known = lognorm(s=a, scale=F * np.exp(-0.5 * a * a))
    found = LognormalDensity(forward=F, tau=tau, volatility=sigma)
    K = moneyness * F
    assert float(found.cdf(K)) == pytest.approx(known.cdf(K), abs=1e-12)
    ends = np.exp(np.log(F) + a * np.linspace(-9.0, 9.0, 19))
    mean = sum(
        quad(lambda x: max(x - K, 0.0) * known.pdf(x), low, high, points=[K] if low < K < high else None)[0]
        for low, high in pairwise(ends)
    )
    assert found.call(K)[0] == pytest.approx(mean, abs=1e-6 * F)


def test_a_flat_smile_gives_the_lognormal_distribution_back() -> None:
    """With one volatility in all quotes the two distributions are one."""
    found, known = density_of(flat_smile()), LognormalDensity(forward=F, tau=TAU, volatility=0.2)
    K = np.linspace(3100.0, 5000.0, 97)
    assert found.volatility == pytest.approx(0.2)
    np.testing.assert_allclose(found.cdf(K), known.cdf(K), atol=2e-4)
    np.testing.assert_allclose(found.call(K), known.call(K), atol=0.006)


@pytest.mark.parametrize("step", [5.0, 25.0, 100.0])
def test_a_skewed_smile_gives_the_slope_of_its_prices(step: float) -> None:
    """The distribution is Breeden's and Litzenberger's, as far as the strikes tell the smile."""
    smile = skewed_smile()
    found = density_of(smile, step=step)
    for price in np.linspace(3500.0, 4400.0, 19):
        assert float(found.cdf(price)) == pytest.approx(true_cdf(smile, price), abs=0.002 + 1.5e-4 * step)


@settings(deadline=None, max_examples=50)
@given(st.floats(-0.8, 0.3), st.floats(0.0, 3.0), st.floats(0.0, 2.0), st.sampled_from([0.0, 0.05]))
def test_a_distribution_of_any_quotes_has_its_mass_and_its_mean(
    slope: float, curvature: float, noise: float, tick: float
) -> None:
    """However rough the mids, probabilities rise from 0 to 1, calls are convex, and the forward is the mean."""
    found = density_of(skewed_smile(0.2, slope, curvature), noise=noise, tick=tick)
    assert (np.diff(found.below) >= 0.0).all()
    assert found.below[0] == 0.0
    assert found.below[-1] == 1.0
    K = np.linspace(2500.0, 5500.0, 301)
    calls = found.call(K)
    assert (np.diff(calls, 2) >= -1e-9).all()
    assert found.price[0] + found.excess[0] == pytest.approx(F, rel=1e-12)
    np.testing.assert_allclose(np.diff(calls) / 10.0 + 1.0, 0.5 * (found.cdf(K[1:]) + found.cdf(K[:-1])), atol=0.03)


def test_quotes_that_say_too_little_make_no_distribution() -> None:
    """Fewer than five quotes out of the money, or one side alone, tell no distribution."""
    strike, is_call, mid = quotes(skewed_smile())
    few = np.abs(strike - F) < 15.0
    assert quoted_density(strike[few], is_call[few], mid[few], forward=F, discount=D, tau=TAU) is None
    assert quoted_density(strike[is_call], is_call[is_call], mid[is_call], forward=F, discount=D, tau=TAU) is None
    with pytest.raises(NumericsError, match="lognormal"):
        LognormalDensity(forward=F, tau=TAU, volatility=0.0)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.7, 1.4), st.floats(0.9, 1.1), st.floats(0.05, 1.0), st.floats(0.001, 2.0))
def test_a_touch_is_at_least_as_likely_as_to_end_beyond(level: float, drift: float, sigma: float, tau: float) -> None:
    """A path that ends beyond has touched; without drift of the logarithm it is twice as likely to."""
    spot = 100.0
    touch = float(touch_probability(spot, level * spot, forward=drift * spot, tau=tau, volatility=sigma)[0])
    below = float(LognormalDensity(forward=drift * spot, tau=tau, volatility=sigma).cdf(level * spot))
    beyond = below if level < 1.0 else 1.0 - below
    assert beyond - 1e-12 <= touch <= 1.0
    still = spot * np.exp(0.5 * sigma * sigma * tau)
    double = 2.0 * ndtr(-abs(np.log(level)) / (sigma * np.sqrt(tau)))
    free = float(touch_probability(spot, level * spot, forward=still, tau=tau, volatility=sigma)[0])
    assert free == pytest.approx(double if level != 1.0 else 1.0, abs=1e-9)


@pytest.mark.parametrize("level", [92.0, 97.0, 104.0, 110.0])
def test_the_chance_of_a_touch_is_that_of_simulated_paths(level: float) -> None:
    """Paths with the bridge between their steps, so that nothing is missed: four standard errors at most."""
    rng, n, steps, sigma, tau, forward = np.random.default_rng(11), 40_000, 16, 0.3, 0.25, 101.5
    dt = tau / steps
    drift = (np.log(forward / 100.0) - 0.5 * sigma * sigma * tau) / tau
    x = np.zeros(n)
    missed = np.ones(n)
    b = np.log(level / 100.0)
    for _ in range(steps):
        y = x + drift * dt + sigma * np.sqrt(dt) * rng.standard_normal(n)
        crossed = (x - b) * (y - b) <= 0.0
        missed *= np.where(crossed, 0.0, 1.0 - np.exp(-2.0 * (x - b) * (y - b) / (sigma * sigma * dt)))
        x = y
    hit = 1.0 - missed
    found = float(touch_probability(100.0, level, forward=forward, tau=tau, volatility=sigma)[0])
    assert found == pytest.approx(hit.mean(), abs=4.0 * hit.std() / np.sqrt(n))


def test_what_is_missing_has_no_chance() -> None:
    """Without a volatility nothing is known; at the price itself the touch is certain."""
    found = touch_probability(100.0, [90.0, 100.0], forward=101.0, tau=0.1, volatility=[np.nan, 0.2])
    assert np.isnan(found[0])
    assert found[1] == 1.0
