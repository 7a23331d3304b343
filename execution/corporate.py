"""Corporate actions: cash dividends, and splits with the fractions that they leave and the options that they change."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import gcd
from typing import Final

from execution.events import CashKind, CashMovement, DividendNotice, LedgerEvent, Settlement, SettlementKind, Split
from execution.holdings import PackagePosition
from execution.lots import EXACT, rounded_ratio
from market.errors import DataError
from market.tradables import Instrument, OptionContract, Share, option_contract

__all__ = ["adjusted_contract", "dividend_movements", "is_split", "split_bookings"]

_CENT: Final = Decimal("0.01")


def dividend_movements(held: Iterable[PackagePosition], notice: DividendNotice) -> tuple[CashMovement, ...]:
    """Return what a dividend moves: to each package that is long the share, from each that is short.

    Parameters
    ----------
    held : iterable of PackagePosition
        Positions at the close before the ex-date.
    notice : DividendNotice
        The dividend.

    Returns
    -------
    tuple of CashMovement
        At the open of the ex-date, when the price falls by it.

    Notes
    -----
    Cash moves weeks later in truth. Booked at the ex-date, equity follows the total return on every day between; the
    interest that cash earns meanwhile is overstated by that of the dividend.
    """
    if not notice.amount.is_finite() or notice.amount <= 0:
        found = f"{notice.symbol}: {notice.amount}"
        raise DataError("a dividend cannot be", found=found, expected="a finite amount above 0")
    return tuple(
        CashMovement(
            event_id=f"dividend:{notice.symbol}:{notice.ex_ns}:{position.package_id}",
            ts_event_ns=notice.ex_ns,
            kind=CashKind.DIVIDEND,
            amount=EXACT.multiply(position.quantity, notice.amount),
            symbol=notice.symbol,
            package_id=position.package_id,
            strategy=position.strategy,
        )
        for position in held
        if isinstance(position.instrument, Share) and position.instrument.symbol == notice.symbol
    )


def split_bookings(held: Iterable[PackagePosition], split: Split, price: Decimal | None) -> tuple[LedgerEvent, ...]:
    """Return a split with what is paid for fractions of a share, in the order in which they are booked.

    Parameters
    ----------
    held : iterable of PackagePosition
        Positions before the split.
    split : Split
        The split.
    price : Decimal or None
        Price of an old share, at which fractions are paid; None where no share is held.

    Returns
    -------
    tuple of LedgerEvent
        Cash settlements of fractions, each package's own, before or after the split: where three old shares make one
        new, the fraction is sold in old shares, because a third is no decimal number. Empty where neither the share nor
        an option on it is held.

    Raises
    ------
    DataError
        The fraction is a decimal number neither in old nor in new shares, or nobody tells what a share is worth.
    """
    common = gcd(split.numerator, split.denominator)
    numerator, denominator = split.numerator // common, split.denominator // common
    before: list[LedgerEvent] = []
    after: list[LedgerEvent] = []
    touched = [position for position in held if is_split(position.instrument, split)]
    for position in touched:
        if not isinstance(position.instrument, Share):
            continue
        left = abs(position.quantity) * numerator % denominator
        if not left or position.quantity != position.quantity.to_integral_value():
            continue  # an account that holds fractions keeps them
        if price is None or not price.is_finite():
            found = f"{split.symbol} at {price}"
            raise DataError("a fraction of a share cannot be paid", found=found, expected="its price before the split")
        sign = 1 if position.quantity > 0 else -1
        if _divides(denominator):
            paid = rounded_ratio(price, numerator, denominator)
            after.append(_in_cash(position, split, sign * left / denominator, paid))
        elif _divides(numerator):
            before.append(_in_cash(position, split, sign * left / numerator, price))
        else:
            found = f"{position.quantity} {split.symbol}, {numerator} new for {denominator} old"
            raise DataError("a split leaves a fraction that is no decimal number", found=found, expected="whole shares")
    return (*before, split, *after) if touched else ()


def adjusted_contract(contract: OptionContract, split: Split) -> OptionContract:
    """Return what an option on a share becomes at a split.

    Parameters
    ----------
    contract : OptionContract
        Before.
    split : Split
        Of its underlying.

    Returns
    -------
    OptionContract
        Of whole new shares for one old: that many contracts for each, the strike divided and rounded to a cent, the
        multiplier as before; so the clearing house adjusts them.

    Raises
    ------
    DataError
        Any other split makes a contract with another deliverable, which no symbol here can name.
    """
    common = gcd(split.numerator, split.denominator)
    numerator, denominator = split.numerator // common, split.denominator // common
    if denominator != 1:
        raise DataError(
            "an option cannot be carried through this split",
            found=f"{contract.symbol}, {numerator} new for {denominator} old",
            expected="whole new shares for one old share",
            action="close options before a reverse or a fractional split",
        )
    strike = rounded_ratio(contract.strike, numerator, denominator).quantize(_CENT)
    return option_contract(contract.series, strike, is_call=contract.is_call)


def is_split(instrument: Instrument, split: Split) -> bool:
    """Return whether a split changes an instrument: the share itself, or an option on it."""
    return isinstance(instrument, Share | OptionContract) and instrument.underlying == split.symbol


def _divides(number: int) -> bool:
    """Return whether 1 / number is a finite decimal number."""
    for prime in (2, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


def _in_cash(position: PackagePosition, split: Split, quantity: Decimal, price: Decimal) -> Settlement:
    return Settlement(
        event_id=f"in_lieu:{split.event_id}:{position.package_id}",
        ts_event_ns=split.ts_event_ns,
        kind=SettlementKind.CASH,
        instrument=position.instrument,
        quantity=quantity,
        price=price,
        settlement_price=price,
        package_id=position.package_id,
        strategy=position.strategy,
    )
