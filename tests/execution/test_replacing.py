"""Closing orders that share one package: served in order, in whole units, never beyond what is held."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from execution.orders import Order, OrderStatus
from execution.replacing import fitted_closings
from market.orders import Leg, PositionEffect
from strategies.package_prices import opposite
from tests.execution.order_samples import NOW_NS, condor, intent_for, put


def closing(name: str, legs: tuple[Leg, ...], quantity: int) -> Order:
    """Return a working order that closes."""
    intent = intent_for(legs, str(quantity), effect=PositionEffect.CLOSE, intent_id=name)
    return Order(order_id=name, intent=intent, status=OrderStatus.PENDING, changed_ns=NOW_NS)


def units(legs: tuple[Leg, ...], quantity: int) -> dict[str, Decimal]:
    """Return what a package of so many holds."""
    return {leg.instrument.symbol: leg.ratio * Decimal(quantity) for leg in legs}


def test_the_older_order_is_served_first() -> None:
    """Of three held the first closes two, and one is left for the second, none for the third."""
    legs = condor()
    orders = [closing(name, opposite(legs), 2) for name in "abc"]
    assert fitted_closings(units(legs, 3), orders) == (("b", Decimal(1)), ("c", Decimal(0)))


def test_legs_out_of_proportion_bound_the_package_by_the_scarcest() -> None:
    """Five of one and three of the other leg close three pairs; a leg of the wrong side closes none."""
    legs = (put(4000, 2), put(4025, -1))
    held = {legs[0].instrument.symbol: Decimal(5), legs[1].instrument.symbol: Decimal(-3)}
    assert fitted_closings(held, [closing("a", opposite(legs), 3)]) == (("a", Decimal(2)),)
    assert fitted_closings(held, [closing("a", legs, 3)]) == (("a", Decimal(0)),)


@given(st.integers(0, 20), st.lists(st.integers(1, 9), max_size=5))
def test_all_together_close_as_much_as_is_held_and_no_more(held: int, wanted: list[int]) -> None:
    """What is left to the orders adds up to the smaller of what they want and what there is."""
    legs = condor()
    orders = [closing(f"{place}", opposite(legs), quantity) for place, quantity in enumerate(wanted)]
    fitted = dict(fitted_closings(units(legs, held), orders))
    assert sum(fitted.get(each.order_id, each.intent.quantity) for each in orders) == min(sum(wanted), held)
