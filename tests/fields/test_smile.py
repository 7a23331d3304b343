"""Smiles that ride with spot: from fitted slices, or from quotes where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fields.book import SortedBook, sorted_book
from fields.config import TimeBasis
from fields.forwards import imply_forwards
from fields.grid import LogGrid
from fields.parity import parity_pairs
from fields.smile import SmileTable
from fields.surface.calibrate import calibrate_surface
from fields.surface.config import SurfaceConfig
from fields.surface.message import SliceSource, VolSurface
from fields.timebase import time_to_expiry
from fields.volatility import contract_volatility
from market.chains import FloatArray
from tests.generators import AS_OF_NS, synthetic_chain

# The moving smile is that of the slices alone.
WITHOUT_LAYER = SurfaceConfig(layer_rounds=0)
GRID = LogGrid.about_spot(0.06, 401)


def valued() -> tuple[SortedBook, FloatArray, FloatArray, VolSurface]:
    """Return a book with noisy quotes, its log-moneyness, its volatilities and its surface."""
    chain = synthetic_chain(half_spread=0.3, noise=0.05)
    time = time_to_expiry(AS_OF_NS, chain.series, TimeBasis.CALENDAR)
    book = sorted_book(chain)
    forwards = imply_forwards(chain, parity_pairs(book), time, AS_OF_NS)
    found = contract_volatility(book, book.vendor_iv, forwards, time)
    surface = calibrate_surface(
        book, forwards, time, chain.quote_ts_ns, AS_OF_NS, WITHOUT_LAYER, series=chain.series, mid_iv=found.own_quotes
    )
    return book, np.log(book.strike / forwards.forward[book.series]), found.volatility, surface


def table_of(book: SortedBook, k: FloatArray, sigma: FloatArray, surface: VolSurface | None) -> SmileTable:
    """Return the table, every contract a knot."""
    return SmileTable.build(GRID, book.series, k, sigma, np.ones(k.shape, dtype=np.bool_), surface)


def test_each_contract_keeps_its_own_volatility_at_spot() -> None:
    """To rounding, whatever its residual from the surface is."""
    book, k, sigma, surface = valued()
    np.testing.assert_allclose(table_of(book, k, sigma, surface).at(0.0), sigma, rtol=1e-13)


def test_along_the_ladder_volatility_follows_the_fitted_slice() -> None:
    """sigma_i surf(k_i - x) / surf(k_i), flat beyond the quotes; the table is linear between nodes."""
    book, k, sigma, surface = valued()
    table = table_of(book, k, sigma, surface)
    low, high = surface.moneyness_low[book.series], surface.moneyness_high[book.series]
    for x in (-0.05, -0.013, 0.02, 0.055):
        moved = surface.implied_vol(book.series, np.clip(k - x, low, high))
        own = surface.implied_vol(book.series, np.clip(k, low, high))
        np.testing.assert_allclose(table.at(x), sigma * moved / own, rtol=2e-4)


def test_noise_of_single_quotes_does_not_move_along() -> None:
    """The slope of the riding volatility is that of the surface, not of the noise between two strikes."""
    book, k, sigma, surface = valued()
    near = (np.abs(k) < 0.02) & (book.series == 1)
    smooth = table_of(book, k, sigma, surface).slope_at(0.0)[near]
    rough = table_of(book, k, sigma, None).slope_at(0.0)[near]
    assert smooth.std() < 0.5 * rough.std()


def test_a_series_without_a_fitted_slice_rides_on_its_quotes() -> None:
    """The others are the same as with all slices."""
    book, k, sigma, surface = valued()
    source = surface.source.copy()
    source[1] = SliceSource.INTERPOLATED
    mixed = table_of(book, k, sigma, replace(surface, source=source)).at(0.03)
    fitted, quoted = (table_of(book, k, sigma, each).at(0.03) for each in (surface, None))
    np.testing.assert_array_equal(mixed, np.where(book.series == 1, quoted, fitted))


def test_the_order_of_contracts_does_not_matter() -> None:
    """A shuffled book reads the same volatilities."""
    book, k, sigma, surface = valued()
    order = np.random.default_rng(3).permutation(k.shape[0])
    every = np.ones(k.shape, dtype=np.bool_)
    mixed = SmileTable.build(GRID, book.series[order], k[order], sigma[order], every, surface)
    np.testing.assert_allclose(mixed.at(-0.04), table_of(book, k, sigma, surface).at(-0.04)[order], rtol=1e-13)


def test_the_ceiling_is_not_below_any_reading() -> None:
    """The ladder leaves out nodes by it."""
    book, k, sigma, surface = valued()
    table = table_of(book, k, sigma, surface)
    for x in np.linspace(-0.06, 0.06, 25):
        assert (table.at(float(x)) <= table.ceiling * (1.0 + 1e-12)).all()
