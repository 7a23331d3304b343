"""What a direction is traded with: the legs, their limit, and what a unit of them may lose."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import isfinite, nan

from market.orders import Leg
from market.tradables import Future, OptionContract, Perpetual, Share
from strategies.chain_lookup import nearest_expiration
from strategies.field_signals.terms import SignalTerms, Vehicle
from strategies.legs.rules import LegRule, Structure, placed
from strategies.legs.strikes import AtDelta
from strategies.marketable import marketable_limit, reference_price
from strategies.package_prices import natural_price, opposite, package_limit
from strategies.structures.vertical import debit_spread
from strategies.views import HeldPackage, View

__all__ = ["Offer", "closing_offer", "opening_offer", "whole_lots"]

Traded = Share | Perpetual | Future


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A package at the prices of now; without legs where it cannot be traded.

    Parameters
    ----------
    structure : str
        What it is called.
    legs : tuple of Leg
        One unit.
    price : float
        Net price seen, per unit: positive paid, negative received; NaN where unknown.
    limit : Decimal
        Worst net price that is accepted.
    notional : float
        What one unit is worth, account currency: of an option its price.
    lot : Decimal
        Smallest step of the quantity.
    reason : str
        Why it cannot be traded; empty where it can.
    """

    structure: str = ""
    legs: tuple[Leg, ...] = ()
    price: float = nan
    limit: Decimal = Decimal(0)
    notional: float = nan
    lot: Decimal = Decimal(1)
    reason: str = ""


def opening_offer(view: View, symbol: str, instrument: Traded | None, terms: SignalTerms, direction: int) -> Offer:
    """Return what opens a position in a direction.

    Parameters
    ----------
    view : View
        The market.
    symbol : str
        Underlying of the options.
    instrument : Share, Perpetual, Future or None
        What is traded where the underlying is.
    terms : SignalTerms
        Vehicle, option and collar.
    direction : int
        +1 or -1.

    Returns
    -------
    Offer
        With its reason where there is none.
    """
    if terms.vehicle is not Vehicle.UNDERLYING:
        return _options(view, symbol, terms, is_bullish=direction > 0)
    if instrument is None:
        return Offer(reason="no instrument is named")
    name = "long" if direction > 0 else "short"
    return _of_instrument(view, Leg(instrument=instrument, ratio=direction), terms.collar, name)


def closing_offer(view: View, symbol: str, package: HeldPackage, terms: SignalTerms) -> Offer:
    """Return what closes a package at once.

    Parameters
    ----------
    view : View
        The market.
    symbol : str
        Underlying of the options.
    package : HeldPackage
        What is held.
    terms : SignalTerms
        Allowance and collar.

    Returns
    -------
    Offer
        With its reason where it has no price.
    """
    legs = opposite(package.legs)
    if not isinstance(legs[0].instrument, OptionContract):
        return _of_instrument(view, legs[0], terms.collar, package.structure)
    chain = view.chain(symbol)
    price = nan if chain is None else natural_price(chain, legs)
    if not isfinite(price):
        return Offer(structure=package.structure, legs=legs, reason="a leg has no executable quote")
    limit = package_limit(legs, price, terms.option.allowance)
    return Offer(structure=package.structure, legs=legs, price=price, limit=limit, notional=abs(price))


def whole_lots(quantity: float, lot: Decimal) -> Decimal:
    """Return a quantity as a whole number of lots, rounded down; 0 for what is not above 0 or not known."""
    if not (isfinite(quantity) and quantity > 0.0):
        return Decimal(0)
    return (Decimal(repr(quantity)) / lot).to_integral_value(rounding=ROUND_FLOOR) * lot


def _of_instrument(view: View, leg: Leg, collar: float, name: str) -> Offer:
    instrument, is_buy = leg.instrument, leg.ratio > 0
    price = reference_price(view, instrument.symbol, is_buy=is_buy)
    if not (isfinite(price) and price > 0.0):
        return Offer(structure=name, legs=(leg,), reason="no quote and no closed bar")
    return Offer(
        structure=name,
        legs=(leg,),
        price=price if is_buy else -price,
        limit=marketable_limit(instrument, price, is_buy=is_buy, collar=collar),
        notional=price * float(instrument.multiplier),
        lot=instrument.lot if isinstance(instrument, Perpetual) else Decimal(1),
    )


def _options(view: View, symbol: str, terms: SignalTerms, *, is_bullish: bool) -> Offer:
    chain, option = view.chain(symbol), terms.option
    if chain is None:
        return Offer(reason="no chain")
    series = nearest_expiration(chain, option.days, option.shortest, option.longest)
    if series < 0:
        return Offer(reason="no such expiration")
    structure = _structure(terms, is_bullish=is_bullish)
    found = placed(chain, (series,), structure, market=view)
    if not found.legs:
        return Offer(structure=structure.name, reason=found.reason)
    price = natural_price(chain, found.legs)
    if not (isfinite(price) and price > 0.0):
        return Offer(structure=structure.name, reason="the quotes ask no debit for it")
    limit = package_limit(found.legs, price, option.allowance)
    # The most that can be lost, at the worst price that is accepted: from the pay-off.
    loss = float(found.payoff(limit).max_loss)
    return Offer(structure=structure.name, legs=found.legs, price=price, limit=limit, notional=loss)


def _structure(terms: SignalTerms, *, is_bullish: bool) -> Structure:
    option = terms.option
    if terms.vehicle is Vehicle.VERTICAL:
        return debit_spread(option.delta, option.width, is_bullish=is_bullish)
    leg = LegRule(ratio=1, is_call=is_bullish, strike=AtDelta(delta=option.delta, within=0.1))
    return Structure(name="long_call" if is_bullish else "long_put", legs=(leg,))
