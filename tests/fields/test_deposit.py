"""Cloud-in-cell deposit: mass and first moment are conserved, and what falls outside is reported (spec 2.7)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.deposit import deposit, deposit_by_expiry
from fields.grid import LogGrid
from market.errors import DataError

GRID = LogGrid.about_spot(0.12, 401)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, 300))
def test_mass_and_first_moment_are_conserved(seed: int, size: int) -> None:
    """Inside and outside together hold every weight, and the grid keeps the centre of mass."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(-0.15, 0.15, size)
    weight = rng.normal(size=(3, size))
    result = deposit(GRID, position, weight)
    scale = np.abs(weight).sum(axis=1) + 1e-300
    np.testing.assert_allclose((result.mass.sum(axis=1) + result.outside - weight.sum(axis=1)) / scale, 0.0, atol=1e-13)
    inside = np.abs(position) <= 0.12
    moment = (weight * position)[:, inside].sum(axis=1)
    np.testing.assert_allclose((result.mass @ GRID.nodes - moment) / scale, 0.0, atol=1e-13)
    np.testing.assert_allclose(result.outside_absolute, np.abs(weight[:, ~inside]).sum(axis=1), rtol=1e-12)


def test_a_contract_is_shared_by_its_two_neighbours() -> None:
    """A quarter of the way up, three quarters of the weight stay at the lower node."""
    mass = deposit(LogGrid(0.0, 1.0, 5), np.array([-0.75]), np.array([[8.0]])).mass
    np.testing.assert_array_equal(mass, [[0.0, 6.0, 2.0, 0.0, 0.0]])


def test_both_ends_of_the_grid_are_inside() -> None:
    """A contract on the first or the last node is deposited there whole."""
    result = deposit(LogGrid(0.0, 1.0, 3), np.array([-1.0, 1.0]), np.array([[5.0, 7.0]]))
    np.testing.assert_array_equal(result.mass, [[5.0, 0.0, 7.0]])
    np.testing.assert_array_equal(result.outside, [0.0])


def test_far_and_unplaced_contracts_are_reported_outside() -> None:
    """Mass beyond the ends or at no price is counted, signed and absolute, never lost."""
    position = np.array([-9.0, 9.0, np.nan, np.inf])
    result = deposit(LogGrid(0.0, 1.0, 3), position, np.array([[1.0, -2.0, 4.0, 8.0]]))
    np.testing.assert_array_equal(result.mass, 0.0)
    np.testing.assert_array_equal(result.outside, [11.0])
    np.testing.assert_array_equal(result.outside_absolute, [15.0])


def test_expiries_are_deposited_in_rows_of_their_own() -> None:
    """Each row equals the deposit of its expiry alone; expiries beyond the rows asked for are left out."""
    rng = np.random.default_rng(1)
    position, weight = rng.uniform(-0.2, 0.2, 500), rng.normal(size=500)
    expiry = rng.integers(0, 6, 500).astype(np.int32)
    result = deposit_by_expiry(GRID, position, weight, expiry, 4)
    for row in range(4):
        alone = deposit(GRID, position[expiry == row], weight[None, expiry == row])
        np.testing.assert_array_equal(result.mass[row], alone.mass[0])
        np.testing.assert_array_equal(result.outside[row], alone.outside[0])


def test_order_and_splitting_do_not_matter() -> None:
    """Shuffled rows and a book in two parts give the same field to rounding."""
    rng = np.random.default_rng(2)
    position, weight = rng.normal(0.0, 0.05, 2_000), rng.normal(size=(1, 2_000))
    whole = deposit(GRID, position, weight).mass
    order = rng.permutation(2_000)
    scale = 1e-13 * np.abs(weight).sum()
    np.testing.assert_allclose(deposit(GRID, position[order], weight[:, order]).mass, whole, atol=scale)
    parts = deposit(GRID, position[:700], weight[:, :700]).mass + deposit(GRID, position[700:], weight[:, 700:]).mass
    np.testing.assert_allclose(parts, whole, atol=scale)


def test_weights_of_another_length_are_refused() -> None:
    """One weight per contract and field."""
    with pytest.raises(DataError):
        deposit(GRID, np.zeros(3), np.zeros((1, 4)))
    with pytest.raises(DataError):
        deposit_by_expiry(GRID, np.zeros(3), np.zeros(3), np.zeros(2, dtype=np.int32), 1)
