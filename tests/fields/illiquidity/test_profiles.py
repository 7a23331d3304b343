"""Profiles of relative illiquidity and the impact of a book."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.conventions import LiquiditySource
from fields.illiquidity.config import ImpactConfig, ImpactMethod, ProfileConfig
from fields.illiquidity.depth import depth_impact
from fields.illiquidity.profiles import constant_profile, depth_profile, volume_profile
from fields.liquidity import LiquidityProfile
from market.chains import FloatArray
from market.errors import ConfigError, DataError

CONFIG = ProfileConfig(half_width=0.05, n_cells=101, bandwidth=0.003)
SPOT = 100.0


def book(depth_of: FloatArray | None = None) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return an even book in log price, 0.01 % a level and 1e6 USD each, or the dollars given per level and side."""
    steps = (np.arange(600) + 0.5) * 1e-4
    usd = np.full(600, 1e6) if depth_of is None else depth_of
    bid, ask = SPOT * np.exp(-steps), SPOT * np.exp(steps)
    return bid, usd / bid, ask, usd / ask


def middle(profile: LiquidityProfile) -> float:
    """Return the illiquidity of the cell that holds spot."""
    return float(profile.illiquidity[profile.illiquidity.shape[0] // 2])


def test_an_even_book_is_evenly_liquid() -> None:
    """Equal dollars per log price give 1 everywhere."""
    profile = depth_profile(*book(), SPOT, CONFIG)
    assert profile.source is LiquiditySource.DEPTH
    assert np.allclose(profile.illiquidity, 1.0, atol=2e-3)
    assert "seen from" in profile.reason


def test_a_thin_stretch_is_illiquid_in_proportion() -> None:
    """A quarter of the depth is four times the illiquidity; a hundredth is held at the cap."""
    usd = np.full(600, 1e6)
    usd[250:] = 0.25e6
    profile = depth_profile(*book(usd), SPOT, CONFIG)
    assert middle(profile) == 1.0
    assert np.allclose(profile.illiquidity[[0, 5, -6, -1]], 4.0, rtol=2e-3)
    usd[250:] = 0.01e6
    assert depth_profile(*book(usd), SPOT, CONFIG).illiquidity[0] == CONFIG.cap
    usd[250:] = 1e9
    assert depth_profile(*book(usd), SPOT, CONFIG).illiquidity[-1] == CONFIG.floor


@given(st.floats(1e-3, 1e6))
def test_relative_illiquidity_does_not_depend_on_the_size_of_the_market(scale: float) -> None:
    """Every size times a number leaves the profile as it is."""
    usd = np.linspace(1e6, 3e6, 600)
    profile, other = depth_profile(*book(usd), SPOT, CONFIG), depth_profile(*book(scale * usd), SPOT, CONFIG)
    assert np.allclose(profile.illiquidity, other.illiquidity, rtol=1e-12)


def test_beyond_the_last_level_the_nearest_cell_stands() -> None:
    """Five levels are no proof that nothing rests behind them."""
    bid, bid_size, ask, ask_size = (side[:100] for side in book(np.linspace(1e6, 5e6, 600)))
    profile = depth_profile(bid, bid_size, ask, ask_size, SPOT, CONFIG)
    seen = np.abs(0.5 * (profile.edges[1:] + profile.edges[:-1])) < 0.01
    assert profile.illiquidity[seen].min() < 0.8
    assert np.unique(profile.illiquidity[:20]).size == 1
    assert np.unique(profile.illiquidity[-20:]).size == 1


def test_volume_at_price_is_illiquid_where_little_was_traded() -> None:
    """Trades spread evenly in log price give 1; a stretch that was passed with a third of them gives 3."""
    x = np.linspace(-0.04, 0.04, 8001)
    usd = np.where(x > 0.02, 1.0 / 3.0, 1.0)
    profile = volume_profile(SPOT * np.exp(x), usd, SPOT, CONFIG)
    assert profile.source is LiquiditySource.VOLUME_AT_PRICE
    assert middle(profile) == 1.0
    assert np.allclose(profile.illiquidity[-15:], 3.0, rtol=0.01)
    assert np.allclose(profile.illiquidity[:60], 1.0, rtol=0.01)


def test_the_order_of_trades_does_not_matter() -> None:
    """A profile is a histogram, not a path."""
    rng = np.random.default_rng(1)
    price, usd = SPOT * np.exp(rng.normal(0.0, 0.01, 500)), rng.lognormal(5.0, 1.0, 500)
    order = rng.permutation(500)
    one, other = volume_profile(price, usd, SPOT, CONFIG), volume_profile(price[order], usd[order], SPOT, CONFIG)
    assert np.allclose(one.illiquidity, other.illiquidity, rtol=1e-12)


def test_what_cannot_be_seen_is_constant_and_says_why() -> None:
    """An empty side, no trade, or nothing near spot leave the stated default."""
    bid, _, ask, ask_size = book()
    for profile, word in (
        (depth_profile(bid, np.zeros(600), ask, ask_size, SPOT, CONFIG), "side of the book is empty"),
        (volume_profile(np.zeros(0), np.zeros(0), SPOT, CONFIG), "nothing was traded"),
        (volume_profile(np.array([200.0, 201.0]), np.ones(2), SPOT, CONFIG), "around spot"),
        (volume_profile(np.array([103.0, 104.0]), np.ones(2), SPOT, CONFIG), "at spot"),
        (constant_profile("asked for", CONFIG), "asked for"),
    ):
        assert (profile.source, word in profile.reason) == (LiquiditySource.CONSTANT, True)
        assert np.array_equal(profile.on_cells(np.array([-0.3, 0.0, 0.3])), [1.0, 1.0])


def test_impact_of_an_even_book_is_the_inverse_of_its_depth() -> None:
    """1e6 USD per 0.01 % is 1e-10 of return per dollar, for any flow that the book can take."""
    for flow in (1e6, 1e7, 3e8):
        found = depth_impact(*book(), ImpactConfig(reference_flow_usd=flow))
        assert found.method is ImpactMethod.DEPTH
        assert found.return_per_usd == pytest.approx(1e-10, rel=0.51e6 / flow + 1e-9)
        assert found.standard_error < 1e-4 * found.return_per_usd
        assert found.flow_usd == flow


def test_a_flow_beyond_the_book_has_no_depth_impact() -> None:
    """What the book does not show is not extrapolated; the whole visible side is the default."""
    bid, bid_size, ask, ask_size = book()
    found = depth_impact(bid, bid_size, ask, ask_size, ImpactConfig(reference_flow_usd=1e9))
    assert (found.method, isnan(found.return_per_usd)) == (ImpactMethod.NONE, True)
    assert "less than the flow" in found.reason
    assert depth_impact(bid, bid_size, ask, ask_size).flow_usd == pytest.approx(6e8)


def test_a_book_that_is_crossed_or_one_sided_has_no_impact() -> None:
    """The reason says which."""
    bid, bid_size, ask, ask_size = book()
    assert "empty" in depth_impact(bid, 0.0 * bid_size, ask, ask_size).reason
    assert "crossed" in depth_impact(ask, ask_size, bid, bid_size).reason


def test_one_level_a_side_is_enough() -> None:
    """Half the relative spread over the dollars of the best quotes."""
    found = depth_impact(np.array([99.9]), np.array([1e4]), np.array([100.1]), np.array([1e4]))
    assert found.return_per_usd == pytest.approx(0.5 * log(100.1 / 99.9) / 999e3, rel=2e-3)


def test_settings_and_spots_that_cannot_be_are_refused() -> None:
    """Widths, bounds, an even number of cells, and a missing spot."""
    for changes in ({"half_width": 0.0}, {"cap": 0.5}, {"n_cells": 10}, {"min_support": 1.0}):
        with pytest.raises(ConfigError):
            replace(CONFIG, **changes)
    with pytest.raises(DataError):
        volume_profile(np.ones(1), np.ones(1), float("nan"))
