"""Instruments, intents and orders for the tests of this package."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from execution.orders import Order, OrderStatus
from market.calendars import expiry_series
from market.instruments import product_of
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import OptionContract, Share, option_contract

NOW_NS = 1_685_732_400 * 1_000_000_000  # Friday 2023-06-02 15:00 New York
NEAR, FAR = date(2023, 6, 9), date(2023, 7, 7)
SHARE = Share(symbol="SPY")


def option(strike: int, *, is_call: bool, day: date = NEAR, root: str = "SPXW") -> OptionContract:
    """Return a contract."""
    return option_contract(expiry_series(product_of(root), day), Decimal(strike), is_call=is_call)


def put(strike: int, ratio: int, day: date = NEAR) -> Leg:
    """Return a leg of puts."""
    return Leg(instrument=option(strike, is_call=False, day=day), ratio=ratio)


def call(strike: int, ratio: int, day: date = NEAR) -> Leg:
    """Return a leg of calls."""
    return Leg(instrument=option(strike, is_call=True, day=day), ratio=ratio)


def condor(day: date = NEAR) -> tuple[Leg, ...]:
    """Return a short iron condor, 25 wide."""
    return (put(4000, 1, day), put(4025, -1, day), call(4200, -1, day), call(4225, 1, day))


def intent_for(
    legs: tuple[Leg, ...] = (Leg(instrument=SHARE, ratio=1),),
    quantity: str = "10",
    limit: str = "5.00",
    effect: PositionEffect = PositionEffect.OPEN,
    intent_id: str = "intent",
    package_id: str = "package",
    time_in_force: TimeInForce = TimeInForce.DAY,
    good_until_ns: int = 0,
) -> OrderIntent:
    """Return an intent."""
    return OrderIntent(
        intent_id=intent_id,
        cause_id="decision",
        ts_event_ns=NOW_NS,
        strategy="condor",
        package_id=package_id,
        legs=legs,
        quantity=Decimal(quantity),
        limit_price=Decimal(limit),
        effect=effect,
        time_in_force=time_in_force,
        good_until_ns=good_until_ns,
    )


def order_of(intent: OrderIntent, status: OrderStatus = OrderStatus.INTENT, order_id: str = "order") -> Order:
    """Return an order of which nothing is filled."""
    return Order(order_id=order_id, intent=intent, status=status, changed_ns=NOW_NS)
