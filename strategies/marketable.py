"""Limits that trade at once: there are no market orders, so urgency is a limit beyond the far side, with a collar."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isfinite, nan

from market.tradables import Instrument
from strategies.views import View

__all__ = ["marketable_limit", "reference_price", "rounded_to_tick"]


def reference_price(view: View, symbol: str, *, is_buy: bool) -> float:
    """Return the price that a trade would meet now.

    Parameters
    ----------
    view : View
        The market.
    symbol : str
        Share, perpetual or future.
    is_buy : bool
        True asks for the ask, False for the bid.

    Returns
    -------
    float
        The far side of the newest quote; without it the newest close; NaN where there is neither.
    """
    quote = view.quote(symbol)
    if quote is not None:
        side = quote.ask if is_buy else quote.bid
        if isfinite(side) and side > 0.0:
            return side
    closes = view.bars(symbol, 1).close
    return float(closes[-1]) if closes.shape[0] else nan


def rounded_to_tick(price: float, tick: Decimal, *, is_up: bool) -> Decimal:
    """Return a price as a whole number of ticks.

    Parameters
    ----------
    price : float
        Finite; of either sign.
    tick : Decimal
        Smallest step, > 0.
    is_up : bool
        Round towards plus infinity, else towards minus infinity.

    Returns
    -------
    Decimal
        Exact.
    """
    # A float that lies within a millionth of a tick of the grid is on it: 0.3 must not become 0.31.
    steps = (Decimal(repr(price)) / tick).quantize(Decimal("1e-6"))
    return steps.to_integral_value(rounding=ROUND_CEILING if is_up else ROUND_FLOOR) * tick


def marketable_limit(instrument: Instrument, price: float, *, is_buy: bool, collar: float) -> Decimal:
    """Return the net limit of one unit that trades at once unless the market runs away by more than the collar.

    Parameters
    ----------
    instrument : Instrument
        What to trade; it knows its tick.
    price : float
        Far side now, finite, > 0.
    is_buy : bool
        Buy or sell.
    collar : float
        How far beyond `price` it may fill, fraction, >= 0.

    Returns
    -------
    Decimal
        As `market.orders.OrderIntent.limit_price`: positive for a purchase, negative for a sale; rounded away from
        the market, so that the collar is met in full.
    """
    worst = price * (1.0 + collar) if is_buy else price * (1.0 - collar)
    tick = instrument.tick_at(Decimal(repr(worst)))
    limit = rounded_to_tick(worst, tick, is_up=is_buy)
    return limit if is_buy else -limit
