"""The spline on top of each slice: it meets what three numbers miss, and makes no arbitrage out of anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.surface.config import SurfaceConfig
from fields.surface.layer import N_LAYER, fill_layered, fit_layers
from fields.surface.slices import FittedSlices, calibrate_slices
from market.chains import FloatArray
from tests.fields.surface.models import BATES_JUMPS, Quotes, stochastic_quotes
from tests.fields.surface.test_real_surface import GRID, WITHOUT_BIDS, fitted
from tests.fields.surface.test_slices import TOLERANCE, calibrated, dense_grid, garbage
from tests.fields.test_real_sessions import sessions

ROUNDS = 24


def layers_of(quotes: Quotes, fit: FittedSlices, weight: FloatArray) -> FloatArray:
    """Return the layers of a fit."""
    layer = np.empty((quotes.tau.shape[0], N_LAYER))
    numbers = (fit.theta, fit.rho, fit.psi)
    fit_layers(quotes.k, quotes.iv, np.ones(weight.shape), weight, quotes.start, quotes.tau, *numbers, ROUNDS, layer)
    return layer


def readings(fit: FittedSlices, layer: FloatArray, series: np.ndarray, k: FloatArray) -> FloatArray:
    """Return total variance, slope, bend and density factor of each point."""
    found = np.empty((4, k.size))
    fill_layered(fit.theta, fit.rho, fit.psi, layer, series.astype(np.int64), k, found)
    return found


def assert_no_arbitrage(fit: FittedSlices, layer: FloatArray) -> None:
    """No negative density and no falling total variance on a dense grid."""
    k, n = dense_grid(fit), fit.theta.shape[0]
    found = readings(fit, layer, np.repeat(np.arange(n), k.size), np.tile(k, n)).reshape(4, n, k.size)
    assert found[3].min() >= -TOLERANCE
    assert np.diff(found[0], axis=0).min(initial=0.0) >= -TOLERANCE


@settings(max_examples=60, deadline=None)
@given(garbage(), st.integers(0, 2**32 - 1))
def test_no_quotes_whatever_make_an_arbitrage(quotes: Quotes, seed: int) -> None:
    """Random strikes, volatilities and weights over seven orders of magnitude."""
    weight = np.exp(np.random.default_rng(seed).normal(5.0, 4.0, quotes.k.shape))
    fit = calibrate_slices(quotes.k, quotes.iv, weight, quotes.start, quotes.tau)
    assert_no_arbitrage(fit, layers_of(quotes, fit, weight))


def test_readings_are_derivatives_of_each_other() -> None:
    """Slope and bend against differences of total variance."""
    quotes = stochastic_quotes(BATES_JUMPS)
    fit = calibrated(quotes)
    layer = layers_of(quotes, fit, quotes.weight())
    s, k, h = np.full(50, 20), np.linspace(-0.3, 0.2, 50), 1e-5
    mid, up, down = (readings(fit, layer, s, k + d) for d in (0.0, h, -h))
    assert np.abs(layer[20]).max() > 1e-3
    np.testing.assert_allclose(mid[1], (up[0] - down[0]) / (2 * h), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(mid[2], (up[1] - down[1]) / (2 * h), rtol=1e-3, atol=1e-4)


def test_the_layer_takes_up_what_three_numbers_miss() -> None:
    """On Bates's model the RMSE within two deviations falls to a third or less."""
    quotes = stochastic_quotes(BATES_JUMPS)
    fit, s = calibrated(quotes), quotes.series
    layer = layers_of(quotes, fit, quotes.weight())
    near = np.abs(quotes.k) < 2.0 * np.sqrt(fit.theta[s])

    def rmse(c: FloatArray) -> float:
        sigma = np.sqrt(readings(fit, c, s, quotes.k)[0] / quotes.tau[s])
        return float(np.sqrt(np.mean((sigma - quotes.iv)[near] ** 2)))

    assert rmse(layer) < rmse(np.zeros_like(layer)) / 3.0
    assert_no_arbitrage(fit, layer)


@pytest.mark.data
@pytest.mark.parametrize("symbol", ["SPX", "SPY"])
def test_recorded_sessions_are_met_inside_the_bid_ask(data_root: Path, symbol: str) -> None:
    """Without arbitrage in every session; nine of ten quotes near the money in the median session."""
    shares = []
    for row, chain in sessions(data_root, symbol):
        if (symbol, row["session_date"]) in WITHOUT_BIDS:
            continue
        surface = fitted(chain, SurfaceConfig(layer_rounds=ROUNDS)).surface
        assert surface.is_arbitrage_free(GRID), row["session_date"]
        alive = surface.n_quotes > 0
        shares.append(float(np.nanmean(surface.inside_share[alive])))
    assert np.median(shares) > 0.9, shares
