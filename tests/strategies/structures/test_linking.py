"""A flyagonal at a venue that takes four legs an order: two linked orders, the diagonal first."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from execution.legging_events import LeggingTerms, legging_plan
from execution.packages import linked_groups, worst_loss
from market.orders import OrderIntent, PositionEffect, TimeInForce
from market.tradables import OptionContract
from strategies.chain_lookup import ChainLookup
from strategies.legs.rules import PlacedStructure
from strategies.structures.shapes import SHAPES
from tests.generators import Expiry, skewed_smile, synthetic_chain
from tests.strategies.scene import NOW_NS
from tests.strategies.structures.books import placed_shape

_DAYS = (Expiry(date(2023, 6, 10)), Expiry(date(2023, 6, 20)))


def _flyagonal(spot: float) -> PlacedStructure:
    strikes = np.arange(3000.0, 5005.0, 5.0)
    chain = synthetic_chain(spot, _DAYS, strikes, smile=skewed_smile(), root="SPXW", as_of_ns=NOW_NS)
    return placed_shape(ChainLookup().view(chain), SHAPES["flyagonal"])


@pytest.mark.parametrize("spot", [3900.0, 4000.0, 4146.0])
def test_a_flyagonal_goes_as_its_diagonal_and_its_butterfly(spot: float) -> None:
    """Two puts of two expirations first, which are long premium, then the three calls; both are covered alone."""
    found = _flyagonal(spot)
    assert found.reason == ""
    first, second = linked_groups(found.legs, 4)
    rights = [
        {leg.instrument.is_call for leg in group if isinstance(leg.instrument, OptionContract)}
        for group in (first, second)
    ]
    assert ([leg.ratio for leg in first], [leg.ratio for leg in second]) == ([-1, 1], [1, -2, 1])
    assert rights == [{False}, {True}]
    # the put that lives on may be worth less than its exercise: more than the width of 50 points
    assert 5_000 < worst_loss(first) < 6_500
    assert worst_loss(second) == 1_000


def test_the_plan_of_its_orders_keeps_that_order() -> None:
    """Each linked order carries whole packages of its group, and together they pay no more than the limit."""
    found = _flyagonal(4000.0)
    intent = OrderIntent(
        intent_id="i",
        cause_id="c",
        ts_event_ns=NOW_NS,
        strategy="flyagonal",
        package_id="p",
        legs=found.legs,
        quantity=Decimal(2),
        limit_price=Decimal(12),
        effect=PositionEffect.OPEN,
        time_in_force=TimeInForce.DAY,
    )
    prices = tuple(Decimal(each) for each in (30, 12, 3, 8, 9))
    plan = legging_plan(intent, prices, 4, LeggingTerms(budget=Decimal(500)))
    assert [len(group.legs) for group in plan.groups] == [2, 3]
    assert (plan.factors, plan.quantity) == ((1, 1), Decimal(2))
    assert sum(group.limit_price for group in plan.groups) <= intent.limit_price
