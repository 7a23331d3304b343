"""Contracts, orders and positions that the tests of risk, margin and costs are written with."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from market.calendars import expiry_series
from market.instruments import product_of
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Instrument, OptionContract, option_contract

NEAR, FAR = date(2023, 6, 16), date(2023, 7, 21)
NOON_NS = 1_686_931_200 * 1_000_000_000  # 2023-06-16 12:00 New York


def option(right: str, strike: float, *, day: date = NEAR, root: str = "SPY") -> OptionContract:
    """Return a contract: ``option("C", 100)`` is a call."""
    return option_contract(expiry_series(product_of(root), day), strike, is_call=right == "C")


def legs(*parts: tuple[int, Instrument]) -> tuple[Leg, ...]:
    """Return legs from ratios and instruments."""
    return tuple(Leg(instrument=instrument, ratio=ratio) for ratio, instrument in parts)


def order(
    *parts: tuple[int, Instrument],
    limit: str = "1",
    quantity: str = "1",
    effect: PositionEffect = PositionEffect.OPEN,
    intent_id: str = "a",
) -> OrderIntent:
    """Return an intent for a package."""
    return OrderIntent(
        intent_id=intent_id,
        cause_id="decision",
        ts_event_ns=NOON_NS,
        strategy="test",
        package_id="package",
        legs=legs(*parts),
        quantity=Decimal(quantity),
        limit_price=Decimal(limit),
        effect=effect,
        time_in_force=TimeInForce.DAY,
    )
