"""The liquidity profile on the cells of the ladder."""

from __future__ import annotations

import numpy as np
import pytest

from fields.conventions import LiquiditySource
from fields.liquidity import LiquidityProfile
from market.errors import DataError


def test_cells_take_the_mean_resistance_of_what_they_cover() -> None:
    """A cell across an edge is a mixture; the end cells reach beyond the profile."""
    profile = LiquidityProfile(edges=np.array([-0.01, 0.005, 0.02]), illiquidity=np.array([1.0, 4.0]))
    found = profile.on_cells(np.array([-0.05, -0.02, 0.0, 0.01, 0.05]))
    assert np.allclose(found, [1.0, 1.0, 2.5, 4.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("edges", "illiquidity"),
    [([0.0, 1.0], [1.0, 2.0]), ([0.0, 0.0], [1.0]), ([0.0, np.nan], [1.0]), ([0.0, 1.0], [0.0]), ([0.0], [])],
)
def test_a_profile_that_cannot_be_is_refused(edges: list[float], illiquidity: list[float]) -> None:
    """Edges must rise and illiquidity must be positive."""
    with pytest.raises(DataError):
        LiquidityProfile(edges=np.array(edges), illiquidity=np.array(illiquidity))


def test_a_profile_says_what_it_stands_on() -> None:
    """One that the caller made says so unless told otherwise."""
    profile = LiquidityProfile(edges=np.array([-0.1, 0.1]), illiquidity=np.ones(1))
    assert (profile.source, profile.reason) == (LiquiditySource.GIVEN, "")
