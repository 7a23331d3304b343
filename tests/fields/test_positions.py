"""Dealer conventions and the sign of what follows from them."""

from __future__ import annotations

import numpy as np
import pytest

from fields.config import PositionSource
from fields.positions import dealer_contracts, user_contracts
from market.errors import ConfigError, DataError

OPEN_INTEREST = np.array([10.0, 20.0, np.nan])
IS_CALL = np.array([True, False, True])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (PositionSource.OI_NAIVE, [10.0, -20.0, np.nan]),
        (PositionSource.ALL_SHORT, [-10.0, -20.0, np.nan]),
        (PositionSource.ALL_LONG, [10.0, 20.0, np.nan]),
    ],
)
def test_conventions_sign_open_interest(source: PositionSource, expected: list[float]) -> None:
    """Plus is dealer long; a missing open interest stays missing."""
    assert np.array_equal(dealer_contracts(source, OPEN_INTEREST, IS_CALL), expected, equal_nan=True)


def test_a_result_never_shares_memory_with_the_chain() -> None:
    """Arrays of a chain are read-only and belong to it."""
    assert not np.shares_memory(dealer_contracts(PositionSource.ALL_LONG, OPEN_INTEREST, IS_CALL), OPEN_INTEREST)


@pytest.mark.parametrize(
    ("source", "action"),
    [
        (PositionSource.USER, "user_position"),
        (PositionSource.FLOW, "dealer book"),
        (PositionSource.HYBRID, "dealer book"),
    ],
)
def test_a_source_without_a_convention_needs_a_vector(source: PositionSource, action: str) -> None:
    """What open interest alone cannot tell is refused, and the error says where to take it from."""
    with pytest.raises(ConfigError, match=f"vector.*{action}"):
        dealer_contracts(source, OPEN_INTEREST, IS_CALL)


@pytest.mark.parametrize("vector", [np.zeros(2), np.array([1.0, np.inf, 0.0])])
def test_a_vector_that_does_not_fit_is_refused(vector: np.ndarray) -> None:
    """Another length, or an infinite position."""
    with pytest.raises(DataError, match="position vector"):
        user_contracts(vector, 3)
