"""What the limits of an account are told of an order: nothing unknown is passed over."""

from __future__ import annotations

from itertools import permutations
from math import inf, isnan, nan

from backtest.order_stake import _most


def test_of_several_underlyings_one_that_is_not_known_leaves_the_most_unknown() -> None:
    """In whatever order they stand: `max` keeps a NaN only where it stands first."""
    assert all(isnan(_most(order)) for order in permutations([2_000.0, nan, inf]))
    assert _most([2_000.0, inf]) == inf
    assert _most(iter([3.0, 2_000.0])) == 2_000.0
