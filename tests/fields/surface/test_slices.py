"""Slices on plain arrays: exact data, stochastic volatility, noise, garbage; never an arbitrage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from fields.surface.essvi import density_factor, total_variance
from fields.surface.slices import FittedSlices, calibrate_slices
from market.chains import FloatArray
from market.errors import DataError
from tests.fields.surface.models import BATES_JUMPS, Quotes, essvi_numbers, essvi_quotes, stochastic_quotes

TOLERANCE = 1e-12


def volatility(fit: FittedSlices, quotes: Quotes) -> FloatArray:
    """Return the fitted volatility of each quote."""
    s = quotes.series
    return np.asarray(np.sqrt(total_variance(fit.theta[s], fit.rho[s], fit.psi[s], quotes.k) / quotes.tau[s]))


def calibrated(quotes: Quotes) -> FittedSlices:
    """Return the fit with the usual weights."""
    return calibrate_slices(quotes.k, quotes.iv, quotes.weight(), quotes.start, quotes.tau)


def near_rmse(fit: FittedSlices, truth: Quotes) -> float:
    """Return the RMSE against the truth within two standard deviations."""
    near = np.abs(truth.k) < 2.0 * np.sqrt(fit.theta[truth.series])
    return float(np.sqrt(np.mean((volatility(fit, truth) - truth.iv)[near] ** 2)))


def dense_grid(fit: FittedSlices) -> FloatArray:
    """Return log-moneyness from a thousandth of a deviation of each slice to far beyond any strike."""
    in_deviations = (np.sqrt(fit.theta)[:, None] * np.linspace(-30.0, 30.0, 241)).ravel()
    far = np.geomspace(1e-6, 50.0, 100)
    return np.concatenate((np.linspace(-3.0, 3.0, 1001), in_deviations, far, -far))


def assert_no_arbitrage(fit: FittedSlices) -> None:
    """No negative density and no falling total variance on a dense grid."""
    theta, rho, psi = (x[:, None] for x in (fit.theta, fit.rho, fit.psi))
    assert (fit.theta > 0.0).all()
    k = dense_grid(fit)[None, :]
    assert density_factor(theta, rho, psi, k).min() >= -TOLERANCE
    assert np.diff(total_variance(theta, rho, psi, k), axis=0).min(initial=0.0) >= -TOLERANCE


def test_exact_quotes_give_back_their_surface() -> None:
    """To 1e-8 in volatility at each of 40 x 250 quotes, and the numbers themselves."""
    quotes = essvi_quotes()
    fit = calibrated(quotes)
    assert np.abs(volatility(fit, quotes) - quotes.iv).max() <= 1e-8
    for found, expected in zip((fit.theta, fit.rho, fit.psi), essvi_numbers()[1:], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("jumps", "noise", "limit"),
    [(None, 0.0, 0.0030), (None, 0.005, 0.0035), (BATES_JUMPS, 0.0, 0.0060), (BATES_JUMPS, 0.005, 0.0060)],
)
def test_stochastic_volatility_is_met_within_the_table(
    jumps: tuple[float, float, float] | None, noise: float, limit: float
) -> None:
    """RMSE within two deviations against the model without noise (spec section 7), and no arbitrage."""
    truth = stochastic_quotes(jumps)
    fit = calibrated(truth.noisy(noise, seed=1))
    assert near_rmse(fit, truth) <= limit
    assert_no_arbitrage(fit)


def test_noise_in_an_early_slice_does_not_reach_the_later_ones() -> None:
    """A first slice with 5 % noise moves the others by less than 2 bp: no bound ratchets upwards."""
    quotes = essvi_quotes()
    first = quotes.series == 0
    iv = np.where(first, quotes.noisy(0.05, seed=3).iv, quotes.iv)
    later = volatility(calibrated(quotes._replace(iv=iv)), quotes)[~first] - quotes.iv[~first]
    assert np.abs(later).max() < 2e-4


def test_a_broken_slice_yields_to_its_neighbours() -> None:
    """Ten times the volatility in one early slice is bounded by the many that agree."""
    quotes = essvi_quotes()
    broken = quotes.series == 2
    iv = quotes.iv * np.where(broken, np.random.default_rng(5).uniform(0.5, 10.0, quotes.iv.shape), 1.0)
    fit = calibrated(quotes._replace(iv=iv))
    apart = quotes.series > 10
    assert_no_arbitrage(fit)
    assert np.sqrt(np.mean((volatility(fit, quotes) - quotes.iv)[apart] ** 2)) < 0.005


def test_a_slice_alone_is_the_least_squares_of_another_program() -> None:
    """One noisy slice against scipy's general solver with the same loss."""
    quotes = essvi_quotes(2, 60).noisy(0.01, seed=4)
    k, iv, weight, tau = (x[:60] for x in (quotes.k, quotes.iv, quotes.weight(), np.full(60, quotes.tau[0])))

    def residuals(x: FloatArray) -> FloatArray:
        return np.asarray(weight * (np.sqrt(total_variance(x[0], x[1], x[2], k) / tau) - iv))

    fit = calibrate_slices(k, iv, weight, np.array([0, 60]), tau[:1])
    ours = np.array([fit.theta[0], fit.rho[0], fit.psi[0]])
    best = least_squares(residuals, ours, loss="huber", f_scale=1.0, x_scale=np.abs(ours), xtol=1e-14, ftol=1e-14)
    np.testing.assert_allclose(ours, best.x, rtol=1e-4)


@st.composite
def garbage(draw: st.DrawFn) -> Quotes:
    """Draw quotes that need not make any sense: single ones, huge volatilities, equal strikes, equal times."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 12))
    count = rng.integers(1, draw(st.integers(2, 40)), n)
    tau = np.sort(draw(st.sampled_from([1e-6, 0.01, 1.0])) * rng.uniform(0.01, 3.0, n))
    tau = np.repeat(tau[:1], n) if draw(st.booleans()) and n > 2 else tau
    k = rng.normal(0.0, draw(st.sampled_from([0.0, 0.001, 0.1, 3.0])), count.sum())
    iv = np.exp(rng.normal(-1.5, draw(st.sampled_from([0.1, 1.0, 3.0])), count.sum())).clip(1e-4, 10.0)
    return Quotes(k=k, iv=iv, start=np.concatenate(([0], np.cumsum(count))), tau=tau)


@settings(max_examples=150)
@given(garbage(), st.integers(0, 2**32 - 1))
def test_no_quotes_whatever_make_an_arbitrage(quotes: Quotes, seed: int) -> None:
    """Random strikes, volatilities and weights over seven orders of magnitude."""
    weight = np.exp(np.random.default_rng(seed).normal(5.0, 4.0, quotes.k.shape))
    fit = calibrate_slices(quotes.k, quotes.iv, weight, quotes.start, quotes.tau)
    assert np.isfinite(np.stack((fit.theta, fit.rho, fit.psi))).all()
    assert_no_arbitrage(fit)


def test_the_bound_on_slopes_lies_inside_the_exact_one() -> None:
    """On the bound itself the density is nowhere negative, for every correlation and height."""
    reach = np.geomspace(1e-4, 4.0, 30) * (1.0 - 1e-9)
    rho = np.concatenate((np.linspace(0.0, 0.99, 34), [0.999, 0.9999]))
    high, r = (x.ravel() for x in np.meshgrid(reach, rho))
    ratio = (1.0 - r) / (1.0 + r)
    limit = 2.0 + ratio / (0.108 + 0.255 * ratio)
    q = high / (4.0 * (limit - (limit - 1.0) * (high / 4.0) ** 2))
    psi = high / (1.0 + r)
    z = np.concatenate((-np.geomspace(1e-4, 1e4, 1_500), np.geomspace(1e-4, 1e4, 1_500)))
    k = q[:, None] * z
    for sign in (1.0, -1.0):
        g = density_factor((q * psi)[:, None], sign * r[:, None], psi[:, None], k)
        assert g.min() >= -TOLERANCE


def test_quotes_that_are_not_numbers_are_refused() -> None:
    """A missing volatility, an empty slice and falling times break the contract."""
    quotes = essvi_quotes(3, 10)
    bad = quotes.iv.copy()
    bad[4] = np.nan
    empty = np.array([0, 10, 10, 30])
    for broken in (quotes._replace(iv=bad), quotes._replace(start=empty), quotes._replace(tau=quotes.tau[::-1])):
        with pytest.raises(DataError):
            calibrate_slices(broken.k, broken.iv, np.ones(30), broken.start, broken.tau)
