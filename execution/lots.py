"""Lots, first in first out: what each opening execution still holds, and what each closing one earned.

A lot keeps the price that it was opened at, so that closing a part needs no division and every sum is exact. Only a
split divides a price; what its rounding leaves out stays with the lot as `residue` and is booked with its last unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow
from typing import Final

from market.errors import DataError

__all__ = [
    "EXACT",
    "Lot",
    "LotChange",
    "LotClosing",
    "cost_of",
    "rounded_ratio",
    "split_lots",
    "total_of",
    "trade_lots",
]

EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, Underflow])
"""Arithmetic of money: sixty digits, and an error where a result had to be rounded.

Never the thread's own context, which any library may have changed: even a minus sign rounds in it, `copy_negate` does
not.
"""

_ROUNDING: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PRICE_STEP: Final = Decimal("1E-12")
_ZERO: Final = Decimal(0)
_add, _multiply, _subtract = EXACT.add, EXACT.multiply, EXACT.subtract


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What is left of one opening booking.

    Parameters
    ----------
    opened_by : str
        Id of the fill or settlement that opened it.
    opened_ns : int
        Its instant, ns since the epoch, UTC.
    quantity : Decimal
        Open units: positive long, negative short; never 0.
    price : Decimal
        Price per unit of the underlying.
    residue : Decimal
        Account currency: cost beyond quantity x multiplier x price, left by the rounding of a split.
    """

    opened_by: str
    opened_ns: int
    quantity: Decimal
    price: Decimal
    residue: Decimal = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class LotClosing:
    """Profit realised on a part of one lot.

    Parameters
    ----------
    opened_by, closed_by : str
        Ids of the bookings that opened and closed it.
    package_id, symbol : str
        Whose and of what.
    quantity : Decimal
        Units closed, with the sign of the lot.
    realised : Decimal
        Account currency, before costs.
    """

    opened_by: str
    closed_by: str
    package_id: str
    symbol: str
    quantity: Decimal
    realised: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LotChange:
    """What one booking does to the lots of one instrument in one package.

    Parameters
    ----------
    lots : tuple of Lot
        Afterwards, oldest first; all of one sign.
    closings : tuple of LotClosing
        What it closed, oldest lot first.
    realised : Decimal
        Their sum, account currency.
    quantity : Decimal
        Change of the open quantity, units.
    cost : Decimal
        Change of the open cost, account currency.
    """

    lots: tuple[Lot, ...]
    closings: tuple[LotClosing, ...]
    realised: Decimal
    quantity: Decimal
    cost: Decimal


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """Return an exact sum; `sum` would round in the thread's context."""
    total = _ZERO
    for amount in amounts:
        total = _add(total, amount)
    return total


def cost_of(lots: tuple[Lot, ...], multiplier: Decimal) -> Decimal:
    """Return the signed cost of open lots: quantity x multiplier x price and residues, account currency."""
    total = _ZERO
    for lot in lots:
        total = _add(total, _add(_multiply(_multiply(lot.quantity, multiplier), lot.price), lot.residue))
    return total


def trade_lots(
    lots: tuple[Lot, ...],
    lot: Lot,
    *,
    multiplier: Decimal,
    package_id: str,
    symbol: str,
) -> LotChange:
    """Close the oldest lots of the other sign, then open what is left.

    Parameters
    ----------
    lots : tuple of Lot
        Open lots, oldest first.
    lot : Lot
        The booking as if it only opened: its id, instant, signed quantity and price.
    multiplier : Decimal
        Units of the underlying per contract.
    package_id, symbol : str
        Whose and of what; for the record of what was closed.

    Returns
    -------
    LotChange
        Exact: open cost before plus `cost` is open cost after, and quantities add up.
    """
    if not lots or (lots[0].quantity > 0) is (lot.quantity > 0):
        cost = cost_of((lot,), multiplier)
        return LotChange(lots=(*lots, lot), closings=(), realised=_ZERO, quantity=lot.quantity, cost=cost)
    left, realised, quantity, cost, closings = lot.quantity, _ZERO, _ZERO, _ZERO, []
    rest = list(lots)
    while rest and left:
        first = rest.pop(0)
        is_whole = left.copy_abs() >= first.quantity.copy_abs()
        part = first.quantity if is_whole else left.copy_negate()
        residue = first.residue if is_whole else _ZERO
        units = _multiply(part, multiplier)
        gain = _subtract(_multiply(units, _subtract(lot.price, first.price)), residue)
        realised, cost = _add(realised, gain), _subtract(cost, _add(_multiply(units, first.price), residue))
        closings.append(_closing(first, lot, part, gain, package_id, symbol))
        left, quantity = _add(left, part), _subtract(quantity, part)
        if not is_whole:
            rest.insert(0, _part(first, _subtract(first.quantity, part), first.price, first.residue))
    if left:
        opened = _part(lot, left, lot.price, _ZERO)
        rest, cost, quantity = [opened], _add(cost, cost_of((opened,), multiplier)), _add(quantity, left)
    return LotChange(lots=tuple(rest), closings=tuple(closings), realised=realised, quantity=quantity, cost=cost)


def rounded_ratio(price: Decimal, numerator: int, denominator: int) -> Decimal:
    """Return price x denominator / numerator, rounded half to even at 12 decimals: a price after a split."""
    quotient = _ROUNDING.divide(_multiply(price, Decimal(denominator)), Decimal(numerator))
    rounded = quotient.quantize(_PRICE_STEP, context=_ROUNDING)
    whole = rounded.to_integral_value()
    return whole if whole == rounded else rounded.normalize(_ROUNDING)


def split_lots(lots: tuple[Lot, ...], numerator: int, denominator: int, multiplier: Decimal) -> tuple[Lot, ...]:
    """Return lots after a split: more units at a lower price for the same cost.

    Parameters
    ----------
    lots : tuple of Lot
        Before; their total after the split must be a finite decimal number.
    numerator, denominator : int
        New units for old ones.
    multiplier : Decimal
        Units of the underlying per contract, the same before and after.

    Returns
    -------
    tuple of Lot
        Of exactly the same cost. Where a single lot cannot be divided, as 4 and 5 shares at one for three, all lots
        become one with the oldest's id.

    Raises
    ------
    DataError
        The total cannot be written as a decimal number.
    """
    quantities = [_ratio(lot.quantity, numerator, denominator) for lot in lots]
    if None in quantities:
        total = total_of(lot.quantity for lot in lots)
        merged = _part(lots[0], total, lots[0].price, _ZERO)
        merged = _part(
            merged, total, merged.price, _subtract(cost_of(lots, multiplier), cost_of((merged,), multiplier))
        )
        lots, quantities = (merged,), [_ratio(total, numerator, denominator)]
    after = []
    for lot, quantity in zip(lots, quantities, strict=True):
        if quantity is None:
            raise DataError(
                "a split leaves a fraction of a unit",
                found=f"{lot.quantity} units, {numerator} new for {denominator} old",
                expected="a number of units that the split divides",
                action="pay the fraction in cash first (execution.corporate.split_bookings)",
            )
        bare = _part(lot, quantity, rounded_ratio(lot.price, numerator, denominator), _ZERO)
        residue = _subtract(cost_of((lot,), multiplier), cost_of((bare,), multiplier))
        after.append(_part(bare, quantity, bare.price, residue))
    return tuple(after)


def _ratio(quantity: Decimal, numerator: int, denominator: int) -> Decimal | None:
    try:
        return EXACT.divide(_multiply(quantity, Decimal(numerator)), Decimal(denominator))
    except Inexact:
        return None


def _part(lot: Lot, quantity: Decimal, price: Decimal, residue: Decimal) -> Lot:
    return Lot(opened_by=lot.opened_by, opened_ns=lot.opened_ns, quantity=quantity, price=price, residue=residue)


def _closing(lot: Lot, by: Lot, part: Decimal, realised: Decimal, package_id: str, symbol: str) -> LotClosing:
    return LotClosing(
        opened_by=lot.opened_by,
        closed_by=by.opened_by,
        package_id=package_id,
        symbol=symbol,
        quantity=part,
        realised=realised,
    )
