"""The spot ladder against mpmath, against its own delta, and under shuffling and splitting (spec 2.7, 7)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import ndtr

from fields.config import Dynamics
from fields.grid import LogGrid
from fields.ladder import ExposureLadder, LadderContracts, delta_ladder, gamma_ladder, net_gamma_of_two, spot_ladder
from fields.ladder_levels import levels_of
from fields.smile import SmileTable
from market.chains import FloatArray, IntArray
from market.errors import DataError
from tests.fields.books import exact_sums, random_book, smile_of, subset

GRID = LogGrid.about_spot(0.12, 401)
MINUTES = 525_600.0
SLOPE = -0.8
PROBED = (0, 3, 77, 128, 200, 255, 399, 400)


def _raw(ladder: ExposureLadder) -> dict[str, FloatArray]:
    return {
        "gamma": 100.0 * ladder.gamma_usd_per_pct,
        "vanna": 100.0 * ladder.vanna_usd_per_volpt,
        "charm": MINUTES * ladder.charm_usd_per_min,
    }


def _delta(book: LadderContracts, weight: FloatArray, x: float, volatility: FloatArray) -> float:
    eta = np.where(book.is_call, 1.0, -1.0)
    a = volatility * np.sqrt(book.tau)
    d1 = (np.log(book.spot / book.strike) + x + book.carry * book.tau) / a + 0.5 * a
    return float((weight * eta * np.exp(-book.dividend_yield * book.tau) * ndtr(eta * d1)).sum())


@pytest.mark.parametrize("moving", [False, True])
def test_each_node_is_the_exact_sum_of_the_book(*, moving: bool) -> None:
    """Gamma, vanna and charm agree with 40-digit derivatives of the price to 1e-12 of the sum of absolute terms."""
    book, weight, series = random_book(60, 1)
    smile = smile_of(book, series, GRID) if moving else None
    fast = _raw(spot_ladder(book, weight, GRID, MINUTES, smile))
    for node in PROBED:
        x = float(GRID.nodes[node])
        exact = exact_sums(book, weight, x, book.volatility if smile is None else smile.at(x))
        for name, values in fast.items():
            error = np.abs(values[:, node] - exact[name]) / exact[name + "_scale"]
            assert error.max() <= 1e-12, (name, node)


@pytest.mark.parametrize("moving", [False, True])
def test_gamma_of_two_books_in_one_pass_is_each_books_own(*, moving: bool) -> None:
    """Also where either book does not hold what the other holds."""
    book, weight, series = random_book(2_000, 3)
    smile = smile_of(book, series, GRID) if moving else None
    other = np.where(np.arange(2_000) % 3 == 0, 0.0, weight[::-1])
    weight = np.where(np.arange(2_000) % 4 == 0, 0.0, weight)
    both = net_gamma_of_two(book, (weight, other), GRID, smile)
    for found, held in zip(both, (weight, other), strict=True):
        alone = gamma_ladder(book, held, GRID, smile)
        np.testing.assert_allclose(found, alone.sum(axis=0), atol=1e-15 * np.abs(alone).sum(axis=0).max(), rtol=1e-13)
    with pytest.raises(DataError, match="weights do not fit"):
        net_gamma_of_two(book, (weight, other[1:]), GRID, smile)


@pytest.mark.parametrize("moving", [False, True])
def test_gamma_alone_equals_gamma_of_the_three(*, moving: bool) -> None:
    """The one-field pass that the sensitivities use gives the same gamma."""
    book, weight, series = random_book(2_000, 2)
    smile = smile_of(book, series, GRID) if moving else None
    alone = gamma_ladder(book, weight, GRID, smile)
    np.testing.assert_allclose(alone, spot_ladder(book, weight, GRID, MINUTES, smile).gamma_usd_per_pct, rtol=1e-12)


def _moved(
    book: LadderContracts, series: IntArray, dynamics: Dynamics, x: float
) -> tuple[FloatArray, FloatArray, SmileTable | None, float | None]:
    """Return volatility and its slope by log spot, and what the ladder is told of them."""
    if dynamics is Dynamics.STICKY_MONEYNESS:
        smile = smile_of(book, series, GRID)
        return smile.at(x), smile.slope_at(x), smile, None
    if dynamics is Dynamics.SPOT_VOL_SLOPE:
        free = book.volatility + SLOPE * x
        return np.maximum(free, 0.01), np.where(free > 0.01, SLOPE, 0.0), None, SLOPE
    return book.volatility, np.zeros(book.tau.shape), None, None


@pytest.mark.parametrize("dynamics", list(Dynamics))
def test_the_slope_of_delta_is_gamma_plus_vanna_times_the_slope_of_volatility(dynamics: Dynamics) -> None:
    """d(delta)/d ln S = gamma S + vanna sigma_x: the second term is what moves with volatility (spec 2.7)."""
    book, held, series = random_book(500, 3)
    for node in (40, 200, 360):
        x, h = float(GRID.nodes[node]) + 0.37 * GRID.spacing, 1e-6
        sigma, rate, _, _ = _moved(book, series, dynamics, x)
        (up, above, _, _), (down, below, _, _) = (_moved(book, series, dynamics, x + dx) for dx in (h, -h))
        # A difference across a kink of the tabulated smile or of the floor has no slope to be compared with.
        weight = np.where(np.isclose(above, below, rtol=1e-9, atol=0.0), held, 0.0)
        slope = (_delta(book, weight, x + h, up) - _delta(book, weight, x - h, down)) / (2.0 * h)
        here, fixed = LogGrid(x, GRID.spacing, 3), replace(book, volatility=sigma)
        gamma = gamma_ladder(fixed, weight, here)[:, 1].sum() * 100.0
        vanna = spot_ladder(fixed, weight * rate, here, MINUTES).vanna_usd_per_volpt[:, 1].sum() * 100.0
        price = book.spot * np.exp(x)
        assert slope == pytest.approx((gamma + vanna) / price, rel=1e-7)


@pytest.mark.parametrize("dynamics", list(Dynamics))
def test_the_delta_ladder_is_the_sum_of_all_deltas(dynamics: Dynamics) -> None:
    """Alone, with the other exposures, and with one vol point more, under all dynamics, to 1e-13 of gross."""
    book, weight, series = random_book(500, 31)
    signed = np.where(np.arange(500) % 3 == 0, -weight, weight)
    _, _, smile, slope = _moved(book, series, dynamics, 0.0)
    alone = delta_ladder(book, signed, GRID, smile, slope)
    bumped = delta_ladder(book, signed, GRID, smile, slope, bump=0.01)
    three = spot_ladder(book, signed, GRID, MINUTES, smile, slope)
    np.testing.assert_allclose(three.delta_units, alone, rtol=0.0, atol=1e-14 * weight.sum())
    for node in PROBED:
        x = float(GRID.nodes[node])
        sigma = _moved(book, series, dynamics, x)[0]
        assert abs(alone[:, node].sum() - _delta(book, signed, x, sigma)) <= 1e-13 * weight.sum()
        assert abs(bumped[:, node].sum() - _delta(book, signed, x, sigma + 0.01)) <= 1e-13 * weight.sum()


@pytest.mark.parametrize("dynamics", list(Dynamics))
def test_the_delta_ladders_own_slope_is_effective_gamma(dynamics: Dynamics) -> None:
    """Differences of the delta ladder on a fine grid give gamma + vanna d(sigma)/d ln S at the node between."""
    book, held, series = random_book(400, 32)
    fine = LogGrid.about_spot(0.002, 401)
    wide = np.where(book.tau > 0.02, held, 0.0)
    smile = smile_of(book, series, fine) if dynamics is Dynamics.STICKY_MONEYNESS else None
    slope = SLOPE if dynamics is Dynamics.SPOT_VOL_SLOPE else None
    ladder = spot_ladder(book, wide, fine, MINUTES, smile, slope)
    for node in (80, 200, 311):
        x = float(fine.nodes[node])
        sigma, rate = book.volatility + (slope or 0.0) * x, np.full(400, slope or 0.0)
        if smile is not None:
            # A kink may lie between the neighbours: the mean slope over both cells counts, to less digits.
            up, down = (smile.at(x + dx) for dx in (fine.spacing, -fine.spacing))
            sigma, rate = smile.at(x), (up - down) / (2.0 * fine.spacing)
        rise = (ladder.delta_units[:, node + 1] - ladder.delta_units[:, node - 1]).sum() / (2.0 * fine.spacing)
        here, fixed = LogGrid(x, 1e-3, 3), replace(book, volatility=sigma)
        gamma = 100.0 * gamma_ladder(fixed, wide, here)[:, 1].sum()
        vanna = 100.0 * spot_ladder(fixed, wide * rate, here, MINUTES).vanna_usd_per_volpt[:, 1].sum()
        assert rise == pytest.approx((gamma + vanna) / (book.spot * np.exp(x)), rel=2e-5 if smile is None else 3e-4)


@pytest.mark.parametrize("width", [0.0015, 0.009, 0.0125, 0.02, 0.03, 0.055, 0.09, 0.2, 1.5])
def test_every_level_values_its_bells_exactly(width: float) -> None:
    """Bells just wide enough for each level, all over the ladder and beside it, agree with the direct sum."""
    n = 80
    book = LadderContracts(
        spot=100.0,
        strike=100.0 * np.exp(np.linspace(-0.15, 0.15, n)),
        tau=np.full(n, 0.05),
        volatility=np.linspace(1.0, 1.3, n) * width / np.sqrt(0.05),
        carry=np.full(n, 0.03),
        dividend_yield=np.full(n, 0.01),
        is_call=np.arange(n) % 2 == 0,
    )
    weight = np.random.default_rng(33).lognormal(0.0, 1.0, n)
    fast = spot_ladder(book, weight, GRID, 1.0, shocks=(0.0, 0.0, 1.0))
    # Another slope than 0, too small to matter, is valued node by node.
    direct = spot_ladder(book, weight, GRID, 1.0, slope=1e-300, shocks=(0.0, 0.0, 1.0))
    for name in ("gamma_usd_per_pct", "vanna_usd_per_volpt", "charm_usd_per_min", "source_rate_usd_per_min"):
        gap = np.abs(getattr(fast, name) - getattr(direct, name))
        assert gap.max() <= 1e-13 * np.abs(getattr(direct, name)).max(), name
    assert np.abs(fast.delta_units - direct.delta_units).max() <= 1e-14 * weight.sum()


def test_levels_cover_the_ladder_and_reproduce_polynomials() -> None:
    """The matrices carry a constant and a cubic over exactly; short ladders have no level that would cost more."""
    levels = levels_of(GRID)
    for level, (first, last) in enumerate(pairwise(levels.offset.tolist())):
        matrix = levels.carry_over[first:last]
        x = levels.x[levels.offset[level] : levels.offset[level + 1]]
        np.testing.assert_allclose(np.ones(x.shape) @ matrix, 1.0, rtol=1e-14)
        np.testing.assert_allclose((x / 0.12) ** 3 @ matrix, (GRID.nodes / 0.12) ** 3, atol=1e-14)
    assert len(levels.offset.tolist()) == 7
    assert levels_of(LogGrid.about_spot(0.12, 3)).carry_over.shape == (0, 3)


def test_volatility_under_a_slope_stops_at_its_floor() -> None:
    """Far up the ladder every volatility is one point, or its own where that is lower already."""
    book, weight, _ = random_book(50, 34)
    low = replace(book, volatility=np.where(np.arange(50) < 25, 0.005, 0.02))
    x = float(GRID.nodes[400])
    floor = np.where(np.arange(50) < 25, 0.005, 0.01)
    found = delta_ladder(low, weight, GRID, slope=-0.9)[:, 400].sum()
    assert abs(found - _delta(low, weight, x, floor)) <= 1e-13 * weight.sum()


@pytest.mark.parametrize("moving", [False, True])
def test_order_and_splitting_do_not_matter(*, moving: bool) -> None:
    """Shuffled rows and a book in two parts give the same ladder to rounding."""
    book, weight, series = random_book(1_000, 4)
    order = np.random.default_rng(5).permutation(1_000)
    whole = spot_ladder(book, weight, GRID, MINUTES, smile_of(book, series, GRID) if moving else None)
    mixed = subset(book, order)
    smile = smile_of(mixed, series[order], GRID) if moving else None
    shuffled = spot_ladder(mixed, weight[order], GRID, MINUTES, smile)
    first = np.where(np.arange(1_000) < 300, weight[order], 0.0)
    parts = [spot_ladder(mixed, part, GRID, MINUTES, smile) for part in (first, weight[order] - first)]
    for name, values in _raw(whole).items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(_raw(shuffled)[name], values, atol=1e-13 * scale, rtol=0.0)
        np.testing.assert_allclose(sum(_raw(p)[name] for p in parts), values, atol=1e-13 * scale, rtol=0.0)


@pytest.mark.parametrize("n_nodes", [3, 401, 513, 2001])
def test_nodes_do_not_depend_on_the_grid_around_them(n_nodes: int) -> None:
    """The same price gets the same exposures from grids of any length and spacing."""
    book, weight, _ = random_book(300, 6)
    reference = spot_ladder(book, weight, LogGrid.about_spot(0.12, 41), MINUTES)
    other = spot_ladder(book, weight, LogGrid.about_spot(0.12, n_nodes), MINUTES)
    for name, values in _raw(other).items():
        expected = _raw(reference)[name][:, 20]
        np.testing.assert_allclose(values[:, n_nodes // 2], expected, atol=1e-12 * np.abs(_raw(reference)[name]).max())


def test_both_dynamics_agree_at_spot() -> None:
    """The smile is anchored at each contract's own volatility, so that the dynamics part only away from spot."""
    book, weight, series = random_book(800, 7)
    moving = gamma_ladder(book, weight, GRID, smile_of(book, series, GRID))
    sticky = gamma_ladder(book, weight, GRID)
    np.testing.assert_allclose(moving[:, 200], sticky[:, 200], rtol=1e-12)
    assert np.abs(moving[:, 100] / sticky[:, 100] - 1.0).max() > 0.01


def test_calls_and_puts_of_one_strike_share_gamma_and_part_by_the_dividend_in_charm() -> None:
    """Gamma and vanna are equal; charm of the call exceeds the put's by q Dq S per year (spec 1.1)."""
    pair = LadderContracts(
        spot=100.0,
        strike=np.array([101.0, 101.0]),
        tau=np.full(2, 0.1),
        volatility=np.full(2, 0.2),
        carry=np.full(2, 0.01),
        dividend_yield=np.full(2, 0.05),
        is_call=np.array([True, False]),
    )
    ladder = spot_ladder(pair, np.ones(2), GRID, MINUTES)
    np.testing.assert_array_equal(ladder.gamma_usd_per_pct[0], ladder.gamma_usd_per_pct[1])
    np.testing.assert_array_equal(ladder.vanna_usd_per_volpt[0], ladder.vanna_usd_per_volpt[1])
    gap = ladder.charm_usd_per_min[0] - ladder.charm_usd_per_min[1]
    np.testing.assert_allclose(gap, 0.05 * np.exp(-0.005) * ladder.price / MINUTES, rtol=1e-11)


def test_a_smile_is_read_at_the_moneyness_that_moves_with_spot() -> None:
    """On a linear smile volatility rises by minus the slope times log spot; beyond the outer knots it is flat."""
    k = np.linspace(-0.3, 0.3, 61)
    smile = SmileTable.build(GRID, np.zeros(61, dtype=np.int32), k, 0.2 - 0.5 * k, np.ones(61, dtype=np.bool_))
    np.testing.assert_allclose(smile.at(0.1), 0.2 - 0.5 * np.maximum(k - 0.1, -0.3), rtol=1e-13)
    np.testing.assert_allclose(smile.at(-0.12), 0.2 - 0.5 * np.minimum(k + 0.12, 0.3), rtol=1e-13)
    np.testing.assert_allclose(smile.slope_at(0.05)[10:], 0.5, rtol=1e-10)


def test_the_table_interpolates_its_knots_as_numpy_does() -> None:
    """In any order of contracts: knots alone define a smile, equal moneyness is averaged, and no knots means all."""
    rng = np.random.default_rng(9)
    series = rng.integers(0, 3, 400).astype(np.int32)
    k, sigma = np.round(rng.normal(0.0, 0.1, 400), 2), rng.uniform(0.1, 0.4, 400)
    is_knot = (rng.random(400) < 0.5) & (series != 2)
    smile = SmileTable.build(GRID, series, k, sigma, is_knot)
    for s in range(3):
        of = series == s
        chosen = of & is_knot if s < 2 else of
        knots, where = np.unique(k[chosen], return_inverse=True)
        heights = np.bincount(where, sigma[chosen]) / np.bincount(where)
        # At table nodes the piecewise linear table is exact: shift every contract onto its next one.
        for shift in (-0.1, 0.0, 0.07):
            x = shift + (1.0 - smile.fraction[of]) * GRID.spacing - (shift - GRID.start) % GRID.spacing
            read = np.array([smile.at(float(v))[of][i] / smile.scale[of][i] for i, v in enumerate(x)])
            np.testing.assert_allclose(read, np.interp(k[of] - x, knots, heights), rtol=1e-9)
    np.testing.assert_allclose(smile.at(0.0), sigma, rtol=1e-13)


def test_contracts_without_weight_or_within_seconds_of_expiry_leave_finite_ladders() -> None:
    """A minute before expiry the bell is narrower than a cell: still exact at its node and finite everywhere."""
    book, _, _ = random_book(2, 8)
    last = LadderContracts(
        spot=5000.0,
        strike=np.array([5000.0, 5000.0]),
        tau=np.full(2, 60.0 / (365 * 86_400)),
        volatility=np.array([0.1, 0.2]),
        carry=book.carry,
        dividend_yield=book.dividend_yield,
        is_call=np.array([True, False]),
    )
    ladder = spot_ladder(last, np.array([1.0, 0.0]), GRID, MINUTES)
    assert all(np.isfinite(values).all() and not values[1].any() for values in _raw(ladder).values())
    exact = exact_sums(last, np.array([1.0, 0.0]), 0.0, last.volatility)
    np.testing.assert_allclose(_raw(ladder)["gamma"][0, 200], exact["gamma"][0], rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "value"), [("tau", 0.0), ("volatility", np.nan), ("strike", -1.0), ("carry", np.inf), ("spot", 0.0)]
)
def test_contracts_that_cannot_be_valued_are_refused(name: str, value: float) -> None:
    """The field drops and counts such contracts before; the ladder trusts nothing silently."""
    one = {"strike": 100.0, "tau": 0.1, "volatility": 0.2, "carry": 0.0, "dividend_yield": 0.0}
    arrays = {key: np.array([value if key == name else number]) for key, number in one.items()}
    with pytest.raises(DataError):
        LadderContracts(spot=value if name == "spot" else 100.0, is_call=np.array([True]), **arrays)
