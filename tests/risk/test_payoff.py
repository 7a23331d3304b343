"""The pay-off of a package against a dense grid, and its turning points in exact money."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import DataError
from market.tradables import Instrument, OptionContract, Share
from risk.payoff import expiry_payoff
from tests.risk.contracts import option

_STRIKES = (90, 95, 97.5, 100, 105, 110)
_ITEMS: tuple[Instrument, ...] = (
    *(option(right, strike) for right in "CP" for strike in _STRIKES),
    Share(symbol="SPY"),
)
_UNITS = st.lists(st.integers(-3, 3), min_size=len(_ITEMS), max_size=len(_ITEMS)).filter(any)
_COSTS = st.decimals(min_value=-3_000, max_value=3_000, places=2)


_CONDOR: list[tuple[int, Instrument]] = [
    (-1, option("C", 105)),
    (1, option("C", 110)),
    (-1, option("P", 95)),
    (1, option("P", 90)),
]


def _held(units: list[int]) -> list[tuple[Instrument, Decimal]]:
    return [(item, Decimal(count)) for item, count in zip(_ITEMS, units, strict=True) if count]


def _brute(item: Instrument, prices: np.ndarray) -> np.ndarray:
    """Value of one unit at each price, written without the code under test."""
    if not isinstance(item, OptionContract):
        return prices
    gain = prices - float(item.strike) if item.is_call else float(item.strike) - prices
    return 100.0 * np.maximum(gain, 0.0)


@given(units=_UNITS, cost=_COSTS)
def test_it_is_the_sum_of_its_legs_at_every_price(units: list[int], cost: Decimal) -> None:
    """On a grid of quarters from 0 to 220 the pay-off is that of the legs, and its extremes are found."""
    payoff = expiry_payoff(_held(units), cost=cost)
    grid = np.arange(0.0, 220.25, 0.25)
    brute = sum(float(count) * _brute(item, grid) for item, count in _held(units)) - float(cost)
    ours = [float(payoff.at(Decimal(repr(price)))) for price in grid.tolist()]
    np.testing.assert_allclose(ours, brute, atol=1e-8)
    if payoff.final_slope >= 0:
        assert float(payoff.max_loss) == pytest.approx(max(-float(np.min(brute)), 0.0), abs=1e-8)
    if payoff.final_slope <= 0:
        assert float(payoff.max_profit) == pytest.approx(float(np.max(brute)), abs=1e-8)


@given(units=_UNITS, cost=_COSTS)
def test_break_evens_are_where_the_sign_changes(units: list[int], cost: Decimal) -> None:
    """The value is 0 at each, and between two of them it keeps its sign."""
    payoff = expiry_payoff(_held(units), cost=cost)
    points = payoff.break_evens
    assert list(points) == sorted(points)
    assert all(abs(payoff.at(point)) < Decimal("1e-15") for point in points)
    edges = [Decimal(0), *points, (points[-1] if points else Decimal(0)) + 500]
    for low, high in pairwise(edges):
        inside = [payoff.at(low + (high - low) * Decimal(part) / 10) for part in range(1, 10)]
        tiny = Decimal("1e-15")
        assert all(value > -tiny for value in inside) or all(value < tiny for value in inside)


@pytest.mark.parametrize(
    ("parts", "cost", "profit", "loss", "break_evens"),
    [
        ([(1, option("C", 100))], 250, "Infinity", 250, ["102.5"]),
        ([(-1, option("C", 100))], -250, 250, "Infinity", ["102.5"]),
        ([(-1, option("P", 100))], -250, 250, 9_750, ["97.5"]),
        (_CONDOR, -200, 200, 300, ["93", "107"]),
        (_CONDOR, 0, 0, 500, ["95", "105"]),
        ([(1, option("C", 95)), (-2, option("C", 100)), (1, option("C", 105))], 100, 400, 100, ["96", "104"]),
        ([(100, Share(symbol="SPY")), (-1, option("C", 105))], 9_800, 700, 9_800, ["98"]),
    ],
)
def test_textbook_structures(
    parts: list[tuple[int, Instrument]], cost: int, profit: str, loss: str, break_evens: list[str]
) -> None:
    """Profit, loss and break-evens as every primer gives them, in dollars."""
    payoff = expiry_payoff([(item, Decimal(count)) for count, item in parts], cost=Decimal(cost))
    assert payoff.max_profit == Decimal(profit)
    assert payoff.max_loss == Decimal(loss)
    assert payoff.break_evens == tuple(Decimal(value) for value in break_evens)


def test_one_price_decides_or_there_is_no_payoff() -> None:
    """No positions, or two underlyings, have none; a negative price neither."""
    with pytest.raises(DataError):
        expiry_payoff([])
    with pytest.raises(DataError, match="QQQ"):
        expiry_payoff([(Share(symbol="SPY"), Decimal(1)), (Share(symbol="QQQ"), Decimal(1))])
    with pytest.raises(DataError, match="negative"):
        expiry_payoff([(Share(symbol="SPY"), Decimal(1))]).at(Decimal(-1))
