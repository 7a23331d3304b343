"""Green's operator: closed forms, an independent banded solver, and the laws of the operator (spec 2, 7)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import solveh_banded

from fields.config import Boundary
from fields.green import GreenOperator, screening_from_range
from market.chains import FloatArray
from market.errors import DataError


def _closed_form(x: FloatArray, illiquidity: float, screening: float) -> FloatArray:
    root = np.sqrt(illiquidity)
    return np.asarray(root / (2.0 * screening) * np.exp(-screening * root * np.abs(x)))


def _point(n: int, at: int) -> FloatArray:
    mass = np.zeros(n)
    mass[at] = 1.0
    return mass


def _rough_operator(n: int, seed: int, boundary: Boundary = Boundary.NEUMANN) -> GreenOperator:
    rng = np.random.default_rng(seed)
    nodes = np.cumsum(rng.uniform(1e-4, 1e-2, n))
    return GreenOperator.build(nodes, rng.lognormal(0.0, 2.0, n - 1), 7.0, boundary)


@pytest.mark.parametrize("illiquidity", [0.25, 1.0, 4.0, 9.0])
@pytest.mark.parametrize("screening", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("n", [101, 1001, 10_001])
def test_constant_liquidity_gives_the_closed_form(illiquidity: float, screening: float, n: int) -> None:
    """A point source in an infinite medium gives sqrt(lambda) / (2 kappa) exp(-kappa sqrt(lambda) |x|)."""
    reach = 1.0 / (screening * np.sqrt(illiquidity))
    x = np.linspace(-20.0, 20.0, n) * reach
    potential = GreenOperator.build(x, np.full(n - 1, illiquidity), screening).solve(_point(n, n // 2))
    np.testing.assert_allclose(potential, _closed_form(x, illiquidity, screening), rtol=1e-12)


def test_a_million_nodes_keep_ten_digits() -> None:
    """Elimination without subtraction loses no digits to a fine grid."""
    n = 1_000_001
    x = np.linspace(-20.0, 20.0, n)
    potential = GreenOperator.build(x, np.ones(n - 1), 1.0).solve(_point(n, n // 2))
    np.testing.assert_allclose(potential, _closed_form(x, 1.0, 1.0), rtol=5e-11)


@pytest.mark.parametrize("jump", [100.0, 1e4])
@pytest.mark.parametrize("n", [101, 10_001])
def test_two_media_give_reflection_and_transmission(jump: float, n: int) -> None:
    """At a jump of liquidity the wave is reflected by (g1 - g2) / (g1 + g2) and the rest goes through."""
    x = np.linspace(-2.0, 2.0, n)
    illiquidity = np.where(x[:-1] + x[1:] < 0.0, 1.0, jump)
    at, kappa = n // 4, 1.0
    a1, a2 = kappa, kappa * np.sqrt(jump)
    g1, g2 = kappa, kappa / np.sqrt(jump)
    reflection = (g1 - g2) / (g1 + g2)
    front = x[x <= 0.0]
    left = (np.exp(-a1 * np.abs(front - x[at])) + reflection * np.exp(a1 * (front + x[at]))) / (2.0 * g1)
    right = (1.0 + reflection) / (2.0 * g1) * np.exp(a1 * x[at] - a2 * x[x > 0.0])
    potential = GreenOperator.build(x, illiquidity, kappa).solve(_point(n, at))
    np.testing.assert_allclose(potential, np.concatenate((left, right)), rtol=1e-12)


@pytest.mark.parametrize("boundary", list(Boundary))
def test_a_banded_cholesky_solver_agrees(boundary: Boundary) -> None:
    """LAPACK on the assembled fitted matrix gives the same potential for rough liquidity and a signed source."""
    operator = _rough_operator(2_000, 1, boundary)
    conductance = operator.screening / np.sqrt(operator.illiquidity)
    coupling = conductance / np.sinh(operator.cell_depth)
    diagonal = np.zeros(2_000)
    diagonal[:-1] += conductance / np.tanh(operator.cell_depth)
    diagonal[1:] += conductance / np.tanh(operator.cell_depth)
    if boundary is Boundary.OPEN:
        diagonal[[0, -1]] += conductance[[0, -1]]
    mass = np.random.default_rng(2).normal(size=2_000)
    expected = solveh_banded(np.vstack((np.concatenate(([0.0], -coupling)), diagonal)), mass)
    np.testing.assert_allclose(operator.solve(mass), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def _manufactured_error(n: int) -> float:
    x = np.linspace(0.0, 1.0, n)
    middle = 0.5 * (x[1:] + x[:-1])
    liquidity = 1.0 + 0.8 * np.sin(2.0 * np.pi * x)
    rate = 1.6 * np.pi * np.cos(2.0 * np.pi * x)
    exact, slope, bend = np.cos(np.pi * x), -np.pi * np.sin(np.pi * x), -np.pi * np.pi * np.cos(np.pi * x)
    source = -(rate * slope + liquidity * bend) + 9.0 * exact
    operator = GreenOperator.build(x, 1.0 / (1.0 + 0.8 * np.sin(2.0 * np.pi * middle)), 3.0, Boundary.NEUMANN)
    return float(np.abs(operator.solve(operator.mass_of_source(source)) - exact).max())


def test_smooth_liquidity_converges_with_order_two() -> None:
    """Halving the cells quarters the error against a manufactured solution."""
    errors = [_manufactured_error(n) for n in (101, 201, 401, 801, 1601)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 2.0, atol=0.05)


def test_the_operator_is_positive_reciprocal_and_keeps_mass() -> None:
    """Under Neumann ends every point source gives a positive potential, G is symmetric, and kappa^2 integral G is 1."""
    operator = _rough_operator(400, 3)
    matrix = operator.solve(np.eye(400))
    assert (matrix > 0.0).all()
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12)
    np.testing.assert_allclose(operator.integral(operator.screening**2 * matrix), 1.0, rtol=1e-12)


def test_the_potential_is_bounded_by_its_source() -> None:
    """kappa^2 Pi stays between the extremes of a signed source, and a constant source comes back unchanged."""
    operator = _rough_operator(2_000, 4)
    source = np.random.default_rng(5).uniform(-1.0, 1.0, 2_000)
    potential = operator.unit_mass_potential(operator.mass_of_source(source))
    assert np.abs(potential).max() <= 1.0 + 1e-12
    constant = operator.unit_mass_potential(operator.mass_of_source(np.full(2_000, 3.0)))
    np.testing.assert_allclose(constant, 3.0, rtol=1e-12)


def test_a_node_inside_a_cell_changes_nothing() -> None:
    """Cells are exact: splitting them leaves the potential of the old nodes as it was."""
    coarse = _rough_operator(50, 6, Boundary.OPEN)
    nodes = np.sort(np.concatenate((coarse.nodes, 0.3 * coarse.nodes[:-1] + 0.7 * coarse.nodes[1:])))
    fine = GreenOperator.build(nodes, np.repeat(coarse.illiquidity, 2), coarse.screening, Boundary.OPEN)
    mass = np.zeros(99)
    mass[::2] = np.random.default_rng(7).normal(size=50)
    scale = np.abs(coarse.solve(mass[::2])).max()
    np.testing.assert_allclose(fine.solve(mass)[::2], coarse.solve(mass[::2]), rtol=0.0, atol=1e-13 * scale)


def test_a_piecewise_linear_source_is_exact() -> None:
    """With constant liquidity Pi of s(x) = x is x / kappa^2 plus the homogeneous part that the Neumann ends ask for."""
    x = np.linspace(-1.0, 1.0, 21)
    operator = GreenOperator.build(x, np.full(20, 4.0), 1.5, Boundary.NEUMANN)
    a = 1.5 * 2.0
    expected = (x - np.sinh(a * x) / (a * np.cosh(a))) / 1.5**2
    np.testing.assert_allclose(operator.solve(operator.mass_of_source(x)), expected, atol=1e-15)


def test_the_gradient_follows_the_cell_formula() -> None:
    """The slopes of a point source are -a Pi behind it and +a Pi before it, also in cells deeper than the range."""
    x = np.linspace(-20.0, 20.0, 41)
    operator = GreenOperator.build(x, np.full(40, 4.0), 1.0)
    potential = operator.solve(_point(41, 20))
    lower, upper = operator.cell_gradient(potential)
    expected = -2.0 * np.sign(x[:-1] + x[1:])
    np.testing.assert_allclose(lower, expected * potential[:-1], rtol=1e-12)
    np.testing.assert_allclose(upper, expected * potential[1:], rtol=1e-12)
    assert abs(operator.gradient_at_nodes(potential)[20]) < 1e-15


def test_extreme_cells_neither_overflow_nor_lose_the_mass() -> None:
    """Cells of a thousand ranges decouple their nodes; cells of 1e-12 ranges keep the exact mass."""
    deep = GreenOperator.build(np.array([0.0, 1e3, 2e3]), np.ones(2), 1.0)
    np.testing.assert_allclose(deep.solve(np.array([0.0, 1.0, 0.0])), [0.0, 0.5, 0.0], atol=1e-300)
    thin = GreenOperator.build(np.linspace(0.0, 1e-9, 1001), np.ones(1000), 1.0, Boundary.NEUMANN)
    np.testing.assert_allclose(thin.integral(thin.solve(_point(1001, 400))), 1.0, rtol=1e-12)


def test_sources_are_linear_and_solved_together() -> None:
    """Several right-hand sides at once give what each gives alone, and sums give sums."""
    operator = _rough_operator(300, 8)
    mass = np.random.default_rng(9).normal(size=(3, 300))
    together = operator.solve(mass)
    np.testing.assert_array_equal(together[1], operator.solve(mass[1]))
    total = operator.solve(mass.sum(axis=0))
    np.testing.assert_allclose(together.sum(axis=0), total, atol=1e-13 * np.abs(together).max())


def test_screening_is_set_from_the_range() -> None:
    """The potential of a point source falls by e over the range that screening was made from."""
    kappa = screening_from_range(0.01, 1e-10)
    x = np.array([-0.01, 0.0, 0.01])
    potential = GreenOperator.build(x, np.full(2, 1e-10), kappa).solve(_point(3, 1))
    np.testing.assert_allclose(potential[0] / potential[1], np.exp(-1.0), rtol=1e-14)


@pytest.mark.parametrize(
    ("nodes", "illiquidity", "screening"),
    [
        ([0.0, 1.0, 1.0], [1.0, 1.0], 1.0),
        ([0.0, 1.0, 2.0], [1.0, 0.0], 1.0),
        ([0.0, 1.0, 2.0], [1.0, np.nan], 1.0),
        ([0.0, 1.0, 2.0], [1.0], 1.0),
        ([0.0, 1.0, 2.0], [1.0, 1.0], 0.0),
    ],
)
def test_impossible_media_are_refused(nodes: list[float], illiquidity: list[float], screening: float) -> None:
    """Nodes that do not rise and media without resistance are errors, not numbers."""
    with pytest.raises(DataError):
        GreenOperator.build(np.array(nodes), np.array(illiquidity), screening)
