"""Closing orders that take the place of others: what a fill of the old ones leaves for the new ones to close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Context, Decimal
from typing import Final

from execution.filled import remaining
from execution.orders import Order
from market.orders import Leg
from market.tradables import Future, OptionContract, Perpetual

__all__ = ["fitted_closings"]

_ZERO: Final = Decimal(0)
_DOWN: Final = Context(prec=28, rounding=ROUND_DOWN)


def fitted_closings(units: Mapping[str, Decimal], orders: Sequence[Order]) -> tuple[tuple[str, Decimal], ...]:
    """Return the closing orders that are more than is left for them, and how many packages each may still close.

    Parameters
    ----------
    units : mapping of str to Decimal
        What the package holds by symbol, signed.
    orders : sequence of Order
        Working orders that close it, oldest first, without those whose cancel is under way.

    Returns
    -------
    tuple of (str, Decimal)
        Client order id and packages, in whole tradable units and less than what remains of the order; 0 where nothing
        is left. Older orders are served first.

    Notes
    -----
    A venue that replaces an order counts what the old one has filled against the new one, and one that takes an order
    as reduce-only never lets it trade beyond the position. Both come to this: whatever fills first, all closing orders
    together never close more than is held.
    """
    left = dict(units)
    found = []
    for order in orders:
        legs = order.intent.legs
        packages = min(remaining(order), *(_room(leg, left.get(leg.instrument.symbol, _ZERO)) for leg in legs))
        for leg in legs:
            symbol = leg.instrument.symbol
            left[symbol] = left.get(symbol, _ZERO) + leg.ratio * packages
        if packages < remaining(order):
            found.append((order.order_id, packages))
    return tuple(found)


def _room(leg: Leg, held: Decimal) -> Decimal:
    """Return how many packages a leg can close of what is held."""
    if held * leg.ratio >= 0:
        return _ZERO
    packages = _DOWN.divide(abs(held), Decimal(abs(leg.ratio)))
    if isinstance(leg.instrument, OptionContract | Future):
        return packages.to_integral_value(ROUND_DOWN)
    if isinstance(leg.instrument, Perpetual):
        return packages - packages % leg.instrument.lot
    return packages
