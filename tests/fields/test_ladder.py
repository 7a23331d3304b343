"""The spot ladder against mpmath, against its own delta, and under shuffling and splitting (spec 2.7, 7)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from fields.grid import LogGrid
from fields.ladder import ExposureLadder, LadderContracts, gamma_ladder, spot_ladder
from fields.smile import SmileTable
from market.chains import FloatArray
from market.errors import DataError
from tests.fields.books import exact_sums, random_book, smile_of, subset

GRID = LogGrid.about_spot(0.12, 401)
MINUTES = 525_600.0
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
def test_gamma_alone_equals_gamma_of_the_three(*, moving: bool) -> None:
    """The one-field pass that the sensitivities use gives the same gamma."""
    book, weight, series = random_book(2_000, 2)
    smile = smile_of(book, series, GRID) if moving else None
    alone = gamma_ladder(book, weight, GRID, smile)
    np.testing.assert_allclose(alone, spot_ladder(book, weight, GRID, MINUTES, smile).gamma_usd_per_pct, rtol=1e-12)


@pytest.mark.parametrize("moving", [False, True])
def test_the_slope_of_delta_is_gamma_plus_vanna_times_the_slope_of_volatility(*, moving: bool) -> None:
    """d(delta)/d ln S = gamma S + vanna sigma_x: the second term is what moves with the smile (spec 2.7)."""
    book, held, series = random_book(500, 3)
    smile = smile_of(book, series, GRID)
    for node in (40, 200, 360):
        x, h = float(GRID.nodes[node]) + 0.37 * GRID.spacing, 1e-6
        sigma, up, down = (smile.at(x + dx) if moving else book.volatility for dx in (0.0, h, -h))
        # A difference across a kink of the tabulated smile has no slope to be compared with.
        weight = np.where(np.isclose(smile.slope_at(x + h), smile.slope_at(x - h), rtol=1e-9, atol=0.0), held, 0.0)
        slope = (_delta(book, weight, x + h, up) - _delta(book, weight, x - h, down)) / (2.0 * h)
        here, fixed = LogGrid(x, GRID.spacing, 3), replace(book, volatility=sigma)
        gamma = gamma_ladder(fixed, weight, here)[:, 1].sum() * 100.0
        rate = smile.slope_at(x) if moving else np.zeros(500)
        vanna = spot_ladder(fixed, weight * rate, here, MINUTES).vanna_usd_per_volpt[:, 1].sum() * 100.0
        price = book.spot * np.exp(x)
        assert slope == pytest.approx((gamma + vanna) / price, rel=1e-7)


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
