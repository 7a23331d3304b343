"""How much of an order is filled: by leg, in whole packages, out of proportion, and beyond what was asked."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_FLOOR, Context, Decimal
from typing import Final

from execution.orders import Order

__all__ = [
    "filled_units",
    "is_complete",
    "out_of_ratio",
    "overfilled",
    "remaining",
    "target_quantity",
    "whole_packages",
]

_ZERO: Final = Decimal(0)
# Rounded down, so that a third of a package is never taken for more than it is.
_DOWN: Final = Context(prec=28, rounding=ROUND_DOWN)


def target_quantity(order: Order) -> Decimal:
    """Return the packages that the order is for: as asked, or as the venue restated it.

    Parameters
    ----------
    order : Order
        Any order.

    Returns
    -------
    Decimal
        Packages, > 0.
    """
    return order.intent.quantity if order.restated_quantity is None else order.restated_quantity


def filled_units(order: Order) -> tuple[Decimal, ...]:
    """Return the units of each leg that are filled, with the leg's sign.

    Parameters
    ----------
    order : Order
        Any order.

    Returns
    -------
    tuple of Decimal
        One per leg of the intent.
    """
    return order.filled or (_ZERO,) * len(order.intent.legs)


def is_complete(order: Order) -> bool:
    """Return whether every leg has all the units that were asked for, or more.

    Parameters
    ----------
    order : Order
        Any order.

    Returns
    -------
    bool
        True where nothing remains.
    """
    if not order.filled:
        return False
    target = target_quantity(order)
    pairs = zip(order.filled, order.intent.legs, strict=True)
    return all(abs(units) >= target * abs(leg.ratio) for units, leg in pairs)


def whole_packages(order: Order) -> Decimal:
    """Return the packages of which every leg is filled in proportion.

    Parameters
    ----------
    order : Order
        Any order.

    Returns
    -------
    Decimal
        >= 0; whole numbers for packages of several legs that are traded in whole numbers. More than was asked for
        where the venue overfilled all legs.
    """
    legs = order.intent.legs
    if not order.filled:
        return _ZERO
    if len(legs) == 1:
        return abs(order.filled[0])
    pairs = zip(order.filled, legs, strict=True)
    packages = min(_DOWN.divide(abs(units), Decimal(abs(leg.ratio))) for units, leg in pairs)
    is_whole = order.intent.quantity == order.intent.quantity.to_integral_value()
    return packages.to_integral_value(ROUND_FLOOR) if is_whole else packages


def remaining(order: Order) -> Decimal:
    """Return the packages that are not yet whole.

    Parameters
    ----------
    order : Order
        Any order; of one that has ended it is what was never filled.

    Returns
    -------
    Decimal
        >= 0: an overfill leaves nothing and is told by `overfilled`.
    """
    return max(target_quantity(order) - whole_packages(order), _ZERO)


def out_of_ratio(order: Order) -> tuple[Decimal, ...]:
    """Return the units of each leg beyond the whole packages: what would have to be repaired if the order ended now.

    Parameters
    ----------
    order : Order
        Any order.

    Returns
    -------
    tuple of Decimal
        One per leg, with the leg's sign; all 0 where the legs are in proportion.
    """
    whole = whole_packages(order)
    return tuple(u - whole * leg.ratio for u, leg in zip(filled_units(order), order.intent.legs, strict=True))


def overfilled(order: Order) -> tuple[Decimal, ...]:
    """Return the units of each leg beyond what was asked for; the venue's error, and our position.

    Parameters
    ----------
    order : Order
        Any order.

    Returns
    -------
    tuple of Decimal
        One per leg, with the leg's sign; all 0 in the ordinary case.
    """
    target = target_quantity(order)
    units = zip(filled_units(order), order.intent.legs, strict=True)
    return tuple(_beyond(filled, target * leg.ratio) for filled, leg in units)


def _beyond(filled: Decimal, wanted: Decimal) -> Decimal:
    return filled - wanted if abs(filled) > abs(wanted) else _ZERO
