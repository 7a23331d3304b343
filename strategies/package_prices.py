"""What a package costs at the quotes of its legs: at the sides that would trade, never between them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite, nan

from market.orders import Leg
from strategies.marketable import rounded_to_tick
from strategies.views import ChainView

__all__ = ["natural_price", "opposite", "package_limit"]


def natural_price(view: ChainView, legs: Sequence[Leg]) -> float:
    """Return the net price at which a package trades at once: bought legs at their ask, sold ones at their bid.

    Parameters
    ----------
    view : ChainView
        The chain that quotes the legs.
    legs : sequence of Leg
        The package, options of that chain.

    Returns
    -------
    float
        Per unit, positive paid, negative received; NaN where a leg is not quoted, has no ask, or is crossed. A sold leg
        without a bid counts 0: nobody bids for what is nearly worthless, and in a package it is given away.
    """
    total = 0.0
    for leg in legs:
        place = view.place(leg.instrument)
        if place < 0:
            return nan
        quote = view.quote(place)
        bid = quote.bid if isfinite(quote.bid) else 0.0
        if not (isfinite(quote.ask) and bid <= quote.ask):
            return nan
        total += leg.ratio * (quote.ask if leg.ratio > 0 else bid)
    return total


def opposite(legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """Return the legs that close a package."""
    return tuple(Leg(instrument=leg.instrument, ratio=-leg.ratio) for leg in legs)


def package_limit(legs: Sequence[Leg], price: float, allowance: float) -> Decimal:
    """Return the worst net price that is accepted.

    Parameters
    ----------
    legs : sequence of Leg
        The package.
    price : float
        Net price seen, per unit; finite.
    allowance : float
        How much worse it may become, as a fraction of the price's size, >= 0.

    Returns
    -------
    Decimal
        A whole number of the finest tick among the legs, rounded to the worse side.
    """
    worst = price + allowance * abs(price)
    tick = min(leg.instrument.tick_at(Decimal(repr(abs(worst)))) for leg in legs)
    return rounded_to_tick(worst, tick, is_up=True)
