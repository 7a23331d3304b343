"""Zero-gamma levels against 50-digit roots: none, one, two and three of them, touching ones and none at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fields.config import Dynamics, PositionSource
from fields.grid import LogGrid
from fields.ladder import LadderContracts, delta_ladder, gamma_ladder
from fields.roots import DeltaSearch, RootSearch, net_delta, net_gamma, zero_delta_levels, zero_gamma_levels
from fields.smile import SmileTable
from market.chains import FloatArray
from market.errors import DataError
from tests.fields.books import random_book, smile_of

GRID = LogGrid.about_spot(0.12, 401)
SPOT = 5000.0


def _strip(strikes: list[float], tau: float = 20.0 / 365.0) -> LadderContracts:
    n = len(strikes)
    return LadderContracts(
        spot=SPOT,
        strike=np.array(strikes),
        tau=np.full(n, tau),
        volatility=0.15 + 0.01 * np.arange(n, dtype=np.float64),
        carry=np.full(n, 0.03),
        dividend_yield=np.full(n, 0.014),
        is_call=np.zeros(n, dtype=np.bool_),
    )


def _search(book: LadderContracts, weight: FloatArray, grid: LogGrid = GRID, window: float = 0.1) -> RootSearch:
    net = gamma_ladder(book, weight, grid).sum(axis=0)
    return zero_gamma_levels(book, weight, grid, net, window, PositionSource.USER)


def _minimum_of(function: Callable[[float], float], near: float) -> float:
    found = minimize_scalar(function, bounds=(near - 1e-3, near + 1e-3), method="bounded", options={"xatol": 1e-12})
    return float(found.x)


def _exact_root(book: LadderContracts, weight: FloatArray, near: float) -> float:
    def net(x: mp.mpf) -> mp.mpf:
        total = mp.mpf(0)
        for i in range(weight.shape[0]):
            values = (book.strike, book.tau, book.volatility, book.carry, book.dividend_yield)
            strike, tau, sigma, b, q = (mp.mpf(float(v[i])) for v in values)
            a = sigma * mp.sqrt(tau)
            d1 = (mp.log(mp.mpf(SPOT) / strike) + x + b * tau) / a + a / 2
            total += mp.mpf(float(weight[i])) * mp.exp(-q * tau) * mp.npdf(d1) / a
        return total

    with mp.workdps(50):
        return float(SPOT * mp.exp(mp.findroot(net, (mp.mpf(near) - 1e-5, mp.mpf(near) + 1e-5))))


@pytest.mark.parametrize(
    ("strikes", "weights", "count"),
    [
        ([4900.0, 5100.0], [1.0, 2.0], 0),
        ([4800.0, 5150.0], [-300.0, 250.0], 1),
        ([4700.0, 5000.0, 5300.0], [-100.0, 130.0, -100.0], 2),
        ([4700.0, 4900.0, 5100.0, 5300.0], [-100.0, 150.0, -150.0, 100.0], 3),
    ],
)
def test_all_roots_are_found_to_a_billionth_of_spot(strikes: list[float], weights: list[float], count: int) -> None:
    """Each level agrees with its 50-digit root, nearest first, and its slope tells the sign above it."""
    book, weight = _strip(strikes), np.array(weights)
    found = _search(book, weight)
    assert len(found.levels) == count
    assert bool(found.reason) == (count == 0)
    distances = [abs(np.log(root.level / SPOT)) for root in found.levels]
    assert distances == sorted(distances)
    net = net_gamma(book, weight)
    for root in found.levels:
        x = float(np.log(root.level / SPOT))
        assert abs(root.level - _exact_root(book, weight, x)) <= 1e-9 * SPOT
        h = 1e-4
        assert root.slope == pytest.approx((net(x + h) - net(x - h)) / (2.0 * h) * 0.01, rel=1e-3)
        assert (net(x + h) > 0.0) == (root.slope > 0.0)
        assert (root.position_source, root.dynamics) == (PositionSource.USER, Dynamics.STICKY_STRIKE)


def test_sticky_moneyness_has_roots_of_its_own() -> None:
    """With a skew the level moves, lies on the zero of the re-evaluated gamma, and names its dynamics."""
    book, weight, series = random_book(2_000, 11)
    signed = np.where(book.is_call, weight, -1.15 * weight)
    smile = smile_of(book, series, GRID)
    fixed = _search(book, signed)
    net = gamma_ladder(book, signed, GRID, smile).sum(axis=0)
    found = zero_gamma_levels(book, signed, GRID, net, 0.1, PositionSource.OI_NAIVE, smile)
    assert found.levels
    assert found.levels[0].dynamics is Dynamics.STICKY_MONEYNESS
    exact = net_gamma(book, signed, smile)
    for root in found.levels:
        x = float(np.log(root.level / book.spot))
        assert abs(exact(x)) <= 1e-11 * exact.gross(x)
    assert abs(found.levels[0].level - fixed.levels[0].level) > 1e-6 * book.spot


def test_the_exact_gamma_agrees_with_the_ladder() -> None:
    """The function whose root is sought is the ladder's, node by node and under both dynamics."""
    book, weight, series = random_book(500, 12)
    signed = np.where(book.is_call, weight, -weight)
    for smile in (None, smile_of(book, series, GRID)):
        ladder = gamma_ladder(book, signed, GRID, smile).sum(axis=0)
        net = net_gamma(book, signed, smile)
        exact = np.array([net(float(x)) for x in GRID.nodes])
        scale = max(net.gross(float(x)) for x in GRID.nodes[::20])
        np.testing.assert_allclose(ladder, exact, rtol=0.0, atol=1e-13 * scale)


def test_two_roots_between_neighbouring_nodes_are_not_missed() -> None:
    """Where gamma dips below zero between two nodes, the extremum between them brackets both roots."""
    book, base = _strip([4700.0, 5000.0, 5300.0]), np.array([100.0, 0.0, 100.0])
    dip = np.array([0.0, 1.0, 0.0])
    ratio = [net_gamma(book, base)(x) / net_gamma(book, dip)(x) for x in np.linspace(-0.05, 0.05, 20_001)]
    low = int(np.argmin(ratio))
    weight = base - dip * (ratio[low] * (1.0 + 1e-7))
    found = _search(book, weight)
    levels = sorted(root.level for root in found.levels)
    assert len(levels) == 2
    assert 0.0 < levels[1] - levels[0] < GRID.spacing * SPOT
    for level in levels:
        assert abs(level - _exact_root(book, weight, float(np.log(level / SPOT)))) <= 1e-6 * SPOT


def test_a_level_that_gamma_only_touches_has_no_slope() -> None:
    """A double root is reported once, with slope zero."""
    pair = _strip([4900.0, 4900.0])
    touching = replace(pair, volatility=np.array([0.15, 0.30]))
    at = np.linspace(-0.1, 0.1, 200_001)
    narrow, wide = (net_gamma(touching, w) for w in (np.array([1.0, 0.0]), np.array([0.0, 1.0])))
    ratio = np.array([narrow(float(x)) / wide(float(x)) for x in at[::100]])
    top = _minimum_of(lambda x: -narrow(x) / wide(x), float(at[::100][ratio.argmax()]))
    found = _search(touching, np.array([-1.0, narrow(top) / wide(top)]))
    assert len(found.levels) == 1
    assert found.levels[0].slope == 0.0
    assert abs(found.levels[0].level - SPOT * np.exp(top)) < 1e-6 * SPOT


def test_a_book_that_cancels_is_zero_everywhere_and_says_so() -> None:
    """Rounding of a cancelling book is no root."""
    book = replace(_strip([4900.0, 4900.0, 5100.0, 5100.0]), volatility=np.full(4, 0.2))
    found = _search(book, np.array([3.0, -3.0, 0.7, -0.7]))
    assert (found.levels, found.reason) == ((), "net gamma is zero all along the ladder")
    assert _search(book, np.zeros(4)).levels == ()


def test_gamma_that_fades_out_is_not_a_root() -> None:
    """Minutes before expiry gamma underflows on both sides of the strike: no level, but the sign that it has."""
    found = _search(_strip([5000.0], tau=5.0 / 525_600.0), np.array([-1.0]))
    assert found.levels == ()
    assert "negative" in found.reason


def test_roots_beyond_the_window_are_left_out() -> None:
    """The window is part of the question."""
    book, weight = _strip([4800.0, 5150.0]), np.array([-300.0, 250.0])
    level = _search(book, weight).levels[0].level
    distance = abs(float(np.log(level / SPOT)))
    assert _search(book, weight, window=0.9 * distance).levels == ()
    assert len(_search(book, weight, window=1.1 * distance).levels) == 1


def test_a_coarse_ladder_is_refined_before_it_is_searched() -> None:
    """With 11 nodes the same three levels are found, because brackets come from 200 cells."""
    book = _strip([4700.0, 4900.0, 5100.0, 5300.0])
    weight = np.array([-100.0, 150.0, -150.0, 100.0])
    coarse = _search(book, weight, LogGrid.about_spot(0.12, 11))
    fine = _search(book, weight)
    np.testing.assert_allclose([r.level for r in coarse.levels], [r.level for r in fine.levels], rtol=1e-10)


def test_gamma_of_another_ladder_is_refused() -> None:
    """The bracket values must belong to the grid."""
    book = _strip([5000.0])
    with pytest.raises(DataError):
        zero_gamma_levels(book, np.ones(1), GRID, np.zeros(7), 0.1, PositionSource.USER)


def test_a_smile_of_another_ladder_is_refused() -> None:
    """A table is tied to the grid that it was made for."""
    book, weight, series = random_book(10, 13)
    smile: SmileTable = smile_of(book, series, LogGrid.about_spot(0.1, 101))
    with pytest.raises(DataError):
        gamma_ladder(book, weight, GRID, smile)


def _search_delta(
    book: LadderContracts, weight: FloatArray, added: float = 0.0, slope: float | None = None
) -> DeltaSearch:
    usd = (delta_ladder(book, weight, GRID, slope=slope).sum(axis=0) + added) * book.spot * np.exp(GRID.nodes)
    return zero_delta_levels(book, weight, GRID, usd, 0.1, PositionSource.USER, None, slope, added)


def _exact_delta_root(book: LadderContracts, weight: FloatArray, near: float, added: float) -> float:
    def net(x: mp.mpf) -> mp.mpf:
        total = mp.mpf(added)
        for i in range(weight.shape[0]):
            values = (book.strike, book.tau, book.volatility, book.carry, book.dividend_yield)
            strike, tau, sigma, b, q = (mp.mpf(float(v[i])) for v in values)
            a, eta = sigma * mp.sqrt(tau), 1 if book.is_call[i] else -1
            d1 = (mp.log(mp.mpf(SPOT) / strike) + x + b * tau) / a + a / 2
            total += eta * mp.mpf(float(weight[i])) * mp.exp(-q * tau) * mp.ncdf(eta * d1)
        return total

    with mp.workdps(50):
        return float(SPOT * mp.exp(mp.findroot(net, (mp.mpf(near) - 1e-5, mp.mpf(near) + 1e-5))))


@pytest.mark.parametrize(
    ("weights", "added", "count"),
    [
        ([1.0, 2.0, 1.0, 1.0], 0.0, 1),
        ([1.0, 2.0, 1.0, 1.0], 5.0, 0),
        ([-100.0, 130.0, -100.0, 0.0], 0.0, 0),
        ([-150.0, 400.0, -250.0, 0.0], -415.0, 2),
    ],
)
def test_all_zero_delta_levels_are_found_to_a_billionth_of_spot(weights: list[float], added: float, count: int) -> None:
    """Calls and puts with stock besides: each level agrees with its 50-digit root; none comes with its reason."""
    book = replace(_strip([4700.0, 4950.0, 5100.0, 5300.0]), is_call=np.array([False, True, False, True]))
    weight = np.array(weights)
    found = _search_delta(book, weight, added)
    assert len(found.levels) == count
    assert bool(found.reason) == (count == 0)
    net, h = net_delta(book, weight, added_units=added), 1e-5
    for root in found.levels:
        x = float(np.log(root.level / SPOT))
        assert abs(root.level - _exact_delta_root(book, weight, x, added)) <= 1e-9 * SPOT
        assert root.slope_usd_per_pct == pytest.approx((net(x + h) - net(x - h)) / (2.0 * h) * 0.01, rel=1e-7)


@pytest.mark.parametrize("dynamics", list(Dynamics))
def test_slopes_at_zero_gamma_are_closed_forms(dynamics: Dynamics) -> None:
    """The slope agrees with the difference of the exact gamma around the root, with volatility moving or not."""
    book, weight, series = random_book(2_000, 11)
    signed = np.where(book.is_call, weight, -1.15 * weight)
    smile = smile_of(book, series, GRID) if dynamics is Dynamics.STICKY_MONEYNESS else None
    bend = -0.4 if dynamics is Dynamics.SPOT_VOL_SLOPE else None
    gamma = gamma_ladder(book, signed, GRID, smile, bend).sum(axis=0)
    found = zero_gamma_levels(book, signed, GRID, gamma, 0.1, PositionSource.OI_NAIVE, smile, bend)
    assert found.levels
    net = net_gamma(book, signed, smile, bend)
    for root in found.levels:
        assert root.dynamics is dynamics
        # Short enough to meet no kink of the smile.
        x, h = float(np.log(root.level / book.spot)), 1e-8
        slope = (net(x + h) - net(x - h)) / (2.0 * h) * 0.01
        assert root.slope == pytest.approx(slope, rel=1e-6)


def test_delta_of_pairs_that_cancel_is_zero_everywhere() -> None:
    """A long call, a short put of the same strike and stock sold against them hold no delta at any price."""
    pair = replace(_strip([5000.0, 5000.0]), is_call=np.array([True, False]), volatility=np.full(2, 0.2))
    found = _search_delta(pair, np.array([1.0, -1.0]), -float(np.exp(-pair.dividend_yield[0] * pair.tau[0])))
    assert (found.levels, found.reason) == ((), "net delta is zero all along the ladder")
