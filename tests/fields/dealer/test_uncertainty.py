"""The error of exposure sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.dealer.uncertainty import exposure_errors
from market.errors import DataError

finite = st.floats(-1e6, 1e6)


@given(rows=st.lists(st.tuples(finite, st.floats(0.0, 1e6), st.integers(0, 4)), min_size=1, max_size=40))
def test_groups_add_up_to_the_total(rows: list[tuple[float, float, int]]) -> None:
    """Variances add for independent errors, sizes for the bound; independence never gives more than the bound."""
    g, error, group = (np.array(column) for column in zip(*rows, strict=True))
    total, by_strike = exposure_errors(g, error), exposure_errors(g, error, group, 5)
    assert np.isclose((by_strike.independent**2).sum(), total.independent[0] ** 2)
    assert np.isclose(by_strike.bound.sum(), total.bound[0])
    assert (by_strike.independent <= by_strike.bound * (1 + 1e-12) + 1e-100).all()
    assert total.independent[0] == pytest.approx(np.sqrt(((g * error) ** 2).sum()))


def test_the_error_is_that_of_simulated_positions() -> None:
    """Independent errors give the one, errors of one source the other."""
    rng = np.random.default_rng(9)
    g, error = np.array([3.0, -2.0, 0.5]), np.array([10.0, 20.0, 5.0])
    found = exposure_errors(g, error)
    apart = (g * error * rng.standard_normal((50_000, 3))).sum(axis=1)
    together = np.abs(g) @ error * rng.standard_normal(50_000)
    assert apart.std() == pytest.approx(found.independent[0], rel=0.02)
    assert together.std() == pytest.approx(found.bound[0], rel=0.02)


def test_contracts_without_an_error_are_left_out_and_counted() -> None:
    """A missing position is no certain one."""
    found = exposure_errors(np.array([1.0, np.nan, 1.0]), np.array([3.0, 1.0, np.nan]), np.array([0, 0, 1]), 2)
    assert np.array_equal(found.independent, [3.0, 0.0])
    assert np.array_equal(found.unknown, [1, 1])
    with pytest.raises(DataError, match="length"):
        exposure_errors(np.zeros(2), np.zeros(3))
