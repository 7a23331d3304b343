"""The potential's rate: closed forms against mpmath, analytic against difference, positions and liquidity that move."""

from __future__ import annotations

from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest

from fields.config import Boundary, Dynamics, FieldConfig, TimeBasis
from fields.green import GreenOperator, screening_from_range
from fields.grid import LogGrid
from fields.holdings import Holdings
from fields.ladder import LadderContracts, spot_ladder
from fields.ladder_book import LadderBook
from fields.landscape import Landscape, landscape_of, shock_weights
from fields.liquidity import LiquidityProfile
from fields.potential_rate import potential_rate, potential_rate_by_difference, source_of
from fields.timebase import minutes_per_year
from market.chains import FloatArray
from market.errors import DataError
from tests.fields.books import random_book, random_holdings, smile_of

GRID = LogGrid.about_spot(0.12, 401)
SPOT = 5003.25
CONFIG = FieldConfig(spot_vol_slope=-0.5)


def _ignore(_stage: str) -> None:
    """Take no note of a stage."""


def _landscape(
    holdings: Holdings, config: FieldConfig, minutes: float, position_rate: FloatArray | None = None
) -> Landscape:
    return landscape_of(holdings, SPOT, minutes, config, None, _ignore, position_rate=position_rate)


def _exact_rates(book: LadderContracts, i: int, x: float, sigma: float) -> tuple[list[float], list[float]]:
    """Return the time derivatives of gamma S, vanna and charm from the delta alone, and the size of their terms."""
    strike, tau, b, q = (mp.mpf(float(v[i])) for v in (book.strike, book.tau, book.carry, book.dividend_yield))
    y, eta = mp.log(mp.mpf(book.spot) / strike) + mp.mpf(x), 1 if book.is_call[i] else -1

    def delta(move: mp.mpf, volatility: mp.mpf, time: mp.mpf) -> mp.mpf:
        a = volatility * mp.sqrt(time)
        return eta * mp.exp(-q * time) * mp.ncdf(eta * ((y + move + b * time) / a + a / 2))

    s = mp.mpf(sigma)
    # Steps of 1e-15 at 60 digits: no Greek formula of the library stands here.
    h, k = mp.mpf(10) ** -15, tau * mp.mpf(10) ** -15
    values = [
        -sum(u * v * delta(u * h, s, tau + v * k) for u in (1, -1) for v in (1, -1)) / (4 * h * k),
        -sum(u * v * delta(mp.mpf(0), s + u * h, tau + v * k) for u in (1, -1) for v in (1, -1)) / (4 * h * k),
        (delta(mp.mpf(0), s, tau + k) - 2 * delta(mp.mpf(0), s, tau) + delta(mp.mpf(0), s, tau - k)) / k**2,
    ]
    a = s * mp.sqrt(tau)
    d1 = (y + b * tau) / a + a / 2
    decay, b_a, density = 1 / (2 * tau), abs(b) / a, mp.exp(-q * tau) * mp.npdf(d1)
    m = b_a + (abs(d1) + a) * decay
    sizes = [
        density / a * (q + decay + abs(d1) * m),
        density / s * (b_a + abs(d1) * decay + (abs(d1) + a) * (q + abs(d1) * m)),
        density * (m * (2 * q + abs(d1) * m) + decay * (3 * abs(d1) * decay + 2 * m)) + q * q,
    ]
    return [float(v) for v in values], [float(v) for v in sizes]


@pytest.mark.parametrize("dynamics", [Dynamics.STICKY_STRIKE, Dynamics.STICKY_MONEYNESS, Dynamics.SPOT_VOL_SLOPE])
def test_the_rate_of_each_source_is_its_exact_time_derivative(dynamics: Dynamics) -> None:
    """Color, d(vanna)/dt and d(charm)/dt agree with 60-digit differences of delta to 1e-12 of their terms."""
    book, weight, series = random_book(25, 21)
    smile = smile_of(book, series, GRID) if dynamics is Dynamics.STICKY_MONEYNESS else None
    slope = -0.5 if dynamics is Dynamics.SPOT_VOL_SLOPE else None
    shocks = ((100.0, 0.0, 0.0), (0.0, 100.0, 0.0), (0.0, 0.0, 1.0))
    # A year of one minute leaves the raw derivatives per year.
    fast = [spot_ladder(book, weight, GRID, 1.0, smile, slope, one).source_rate_usd_per_min for one in shocks]
    for node in (0, 120, 200, 400):
        x = float(GRID.nodes[node])
        sigma = book.volatility + (0.0 if slope is None else slope * x) if smile is None else smile.at(x)
        exact, scale = np.zeros((3, 2)), np.zeros((3, 2))
        with mp.workdps(60):
            for i in range(25):
                values, sizes = _exact_rates(book, i, x, float(max(sigma[i], 0.01)))
                exact[:, 0 if book.is_call[i] else 1] += weight[i] * np.array(values)
                scale[:, 0 if book.is_call[i] else 1] += weight[i] * np.array(sizes)
        price = book.spot * np.exp(x)
        for field in range(3):
            error = np.abs(fast[field][:, node] / price - exact[field]) / scale[field]
            assert error.max() <= 1e-12, (field, node)


@pytest.mark.parametrize("basis", list(TimeBasis))
@pytest.mark.parametrize("dynamics", [Dynamics.STICKY_STRIKE, Dynamics.SPOT_VOL_SLOPE])
def test_analytic_rate_and_difference_of_two_solves_agree(basis: TimeBasis, dynamics: Dynamics) -> None:
    """A small step agrees to 1e-6, and the error of larger ones falls with the square of the step."""
    minutes = minutes_per_year(basis, "NYSE")
    holdings, config = random_holdings(60, 22, minutes), replace(CONFIG, time_basis=basis, dynamics=dynamics)
    rate = _landscape(holdings, config, minutes).potential_rate_usd_per_min
    book = LadderBook(holdings, SPOT, config, minutes)
    horizon = config.horizon_min
    shocks = shock_weights(book.at_the_money_volatility(horizon), config.vol_of_vol, horizon, minutes)
    operator = GreenOperator.build(
        GRID.nodes, np.ones(400), screening_from_range(config.screening_range, 1.0), config.boundary
    )
    error = {}
    for step in (0.1, 4.0, 8.0):
        found = potential_rate_by_difference(holdings, SPOT, config, minutes, shocks, operator, step)
        error[step] = np.abs(found - rate).max() / np.abs(rate).max()
    assert error[0.1] <= 1e-6
    assert np.log2(error[8.0] / error[4.0]) == pytest.approx(2.0, abs=0.05)


def test_a_step_beyond_an_expiry_is_refused() -> None:
    """A difference across an expiry is no derivative."""
    holdings = random_holdings(5, 23)
    operator = GreenOperator.build(GRID.nodes, np.ones(400), 100.0)
    with pytest.raises(DataError, match="step"):
        potential_rate_by_difference(holdings, SPOT, CONFIG, 525_600.0, (1.0, 1.0, 1.0), operator, 250.0)


@pytest.mark.parametrize("dynamics", list(Dynamics))
def test_moving_positions_add_the_potential_of_their_rate(dynamics: Dynamics) -> None:
    """The rate with a change of contracts differs from that without by the potential of the change itself."""
    holdings, config = random_holdings(40, 24), replace(CONFIG, dynamics=dynamics)
    change = np.asarray(np.random.default_rng(25).normal(0.0, 5.0, holdings.contracts.shape[0]))
    still = _landscape(holdings, config, 525_600.0)
    moving = _landscape(holdings, config, 525_600.0, position_rate=change)
    alone = _landscape(replace(holdings, contracts=change), config, 525_600.0)
    gap = moving.potential_rate_usd_per_min - still.potential_rate_usd_per_min
    np.testing.assert_allclose(gap, alone.potential_usd, rtol=0.0, atol=1e-12 * np.abs(still.potential_usd).max())


@pytest.mark.parametrize("boundary", list(Boundary))
@pytest.mark.parametrize("spread", [1e-4, 3e-3, 0.2])
def test_moving_liquidity_is_the_derivative_of_the_operator(boundary: Boundary, spread: float) -> None:
    """Thin, ladder-like and thick cells: the rate agrees with the difference of two operators, at second order."""
    rng = np.random.default_rng(26)
    nodes = np.cumsum(spread * rng.uniform(0.5, 1.5, 121))
    illiquidity, change = rng.lognormal(0.0, 0.7, 120), rng.normal(0.0, 1.0, 120)
    source = rng.normal(0.0, 1.0, 121)

    def solved(step: float) -> FloatArray:
        operator = GreenOperator.build(nodes, illiquidity * (1.0 + step * change), 100.0, boundary)
        return operator.unit_mass_potential(operator.mass_of_source(source))

    operator = GreenOperator.build(nodes, illiquidity, 100.0, boundary)
    rate = potential_rate(operator, np.zeros(121), source, solved(0.0), illiquidity * change)
    error = [np.abs((solved(h) - solved(-h)) / (2.0 * h) - rate).max() / np.abs(rate).max() for h in (1e-5, 5e-3, 1e-2)]
    assert error[0] <= 1e-7
    assert np.log2(error[2] / error[1]) == pytest.approx(2.0, abs=0.05)


def test_moving_liquidity_reaches_the_landscape() -> None:
    """A profile that steepens changes the rate as the difference of the potentials of two profiles says."""
    holdings, edges = random_holdings(30, 27), np.array([-0.12, -0.03, 0.01, 0.12])
    level, change = np.array([2.0, 1.0, 3.0]), np.array([0.3, 0.0, -0.4])

    def field(step: float, rate: FloatArray | None) -> Landscape:
        profile = LiquidityProfile(edges=edges, illiquidity=level + step * change)
        return landscape_of(holdings, SPOT, 525_600.0, CONFIG, profile, _ignore, illiquidity_rate=rate)

    on_cells = [LiquidityProfile(edges=edges, illiquidity=4.0 + s * change).on_cells(GRID.nodes) for s in (0.0, 1.0)]
    gap = field(0.0, on_cells[1] - on_cells[0]).potential_rate_usd_per_min - field(0.0, None).potential_rate_usd_per_min
    difference = (field(1e-4, None).potential_usd - field(-1e-4, None).potential_usd) / 2e-4
    np.testing.assert_allclose(gap, difference, rtol=0.0, atol=1e-7 * np.abs(difference).max())


def test_a_rate_of_illiquidity_of_another_ladder_is_refused() -> None:
    """One value per cell."""
    operator = GreenOperator.build(GRID.nodes, np.ones(400), 100.0)
    with pytest.raises(DataError, match="illiquidity"):
        potential_rate(operator, np.zeros(401), np.zeros(401), np.zeros(401), np.zeros(401))


def test_the_source_is_the_weighted_sum_of_the_exposures() -> None:
    """Gamma, vanna and charm times their shocks, in USD of hedging over the horizon."""
    book = LadderBook(random_holdings(20, 28), SPOT, CONFIG, 525_600.0)
    curves = book.curves(CONFIG.dynamics, (0.0, 0.0, 0.0))
    expected = 0.4 * curves.gamma_usd_per_pct + 0.3 * curves.vanna_usd_per_volpt + 30.0 * curves.charm_usd_per_min
    np.testing.assert_allclose(source_of(book, (0.4, 0.3, 30.0)), expected, rtol=1e-12)
