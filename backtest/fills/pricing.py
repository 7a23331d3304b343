"""What a package trades at against the quotes of its legs: pure, in Decimal, never worse than its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isfinite
from typing import Final

from backtest.fills.models import CrossSpread, FillModel
from backtest.fills.slippage import NoSlippage, SlippageModel
from market.fills import Liquidity
from market.orders import Leg, OrderIntent
from market.tradables import Future, OptionContract
from strategies.views import Quote

__all__ = ["Execution", "FillRules", "execution_of"]

_ZERO: Final = Decimal(0)
# Prices that a model makes are rounded against the order to this, where the quotes themselves lie off the tick.
_FINE: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRules:
    """How a run fills.

    Parameters
    ----------
    model : FillModel
        Where between bid and ask, and how much.
    slippage : SlippageModel
        What each leg pays beyond; only of orders that take.
    """

    model: FillModel = field(default_factory=CrossSpread)
    slippage: SlippageModel = field(default_factory=NoSlippage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What trades at once.

    Parameters
    ----------
    quantity : Decimal
        Packages, > 0.
    prices : tuple of Decimal
        Per leg and unit, in the order of the legs.
    liquidity : Liquidity
        Taker where it met the quotes, maker where the market came to its limit.
    """

    quantity: Decimal
    prices: tuple[Decimal, ...]
    liquidity: Liquidity


def execution_of(
    intent: OrderIntent, remaining: Decimal, quotes: Sequence[Quote], rules: FillRules, *, has_rested: bool
) -> Execution | None:
    """Return what of an order trades against the quotes of its legs.

    Parameters
    ----------
    intent : OrderIntent
        The package and its limit.
    remaining : Decimal
        Packages not yet filled.
    quotes : sequence of Quote
        Of each leg, in order.
    rules : FillRules
        The models.
    has_rested : bool
        False at the first quotes that the order meets: it takes at the model's prices and slippage. True afterwards:
        the market comes to it, and it trades at its limit exactly, never better.

    Returns
    -------
    Execution or None
        None where a leg has no executable side, the limit would be broken, or no size is shown.
    """
    quantity = _fillable(intent, remaining, quotes, rules)
    if quantity <= _ZERO:
        return None
    place = rules.model.resting if has_rested else rules.model.taking
    slippage = NoSlippage() if has_rested else rules.slippage
    is_single = len(intent.legs) == 1
    prices = []
    for leg, quote in zip(intent.legs, quotes, strict=True):
        price = _leg_price(leg, quote, float(quantity), place, slippage, is_single=is_single)
        if price is None:
            return None
        prices.append(price)
    room = intent.limit_price - sum((leg.ratio * price for leg, price in zip(intent.legs, prices, strict=True)), _ZERO)
    if room < _ZERO:
        return None
    if has_rested:
        prices = _at_limit(intent.legs, prices, room)
    liquidity = Liquidity.MAKER if has_rested else Liquidity.TAKER
    return Execution(quantity=quantity, prices=tuple(prices), liquidity=liquidity)


def _fillable(intent: OrderIntent, remaining: Decimal, quotes: Sequence[Quote], rules: FillRules) -> Decimal:
    """Return how many packages the sizes let through; whole ones where a leg is an option or a future."""
    quantity = remaining
    size = rules.model.size
    for leg, quote in zip(intent.legs, quotes, strict=True):
        shown = quote.ask_size if leg.ratio > 0 else quote.bid_size
        if isfinite(shown):
            quantity = min(quantity, Decimal(repr(shown)) * size.share / abs(leg.ratio))
        elif size.unknown is not None:
            quantity = min(quantity, size.unknown / abs(leg.ratio))
    if quantity < remaining and any(isinstance(leg.instrument, OptionContract | Future) for leg in intent.legs):
        quantity = quantity.to_integral_value(rounding=ROUND_FLOOR)
    return quantity


def _leg_price(
    leg: Leg, quote: Quote, packages: float, place: float, slippage: SlippageModel, *, is_single: bool
) -> Decimal | None:
    """Return what a leg trades at, rounded against the order; None where it cannot trade."""
    is_buy = leg.ratio > 0
    # Nobody bids for a worthless option; within a package it is thrown in for nothing, alone it cannot be sold.
    bid = max(0.0, quote.bid)  # 0 also for NaN
    side = quote.ask if is_buy else bid
    if not (isfinite(quote.ask) and quote.ask > 0.0 and bid <= quote.ask) or (not is_buy and is_single and bid == 0.0):
        return None
    exact = Decimal(repr(side))
    met = (
        quote
        if quote.bid > 0.0
        else Quote(bid=0.0, ask=quote.ask, bid_size=quote.bid_size, ask_size=quote.ask_size, ts_ns=quote.ts_ns)
    )
    beyond = slippage.beyond(met, packages * abs(leg.ratio), is_buy=is_buy)
    better = (1.0 - place) * 0.5 * (quote.ask - bid)
    if beyond == better:
        return exact
    tick = leg.instrument.tick_at(exact)
    step = tick if exact % tick == 0 else _FINE
    shift = Decimal(repr(round(beyond - better if is_buy else better - beyond, 9)))  # without the dust of floats
    rounding = ROUND_CEILING if is_buy else ROUND_FLOOR
    return max(((exact + shift) / step).to_integral_value(rounding=rounding) * step, _ZERO)


def _at_limit(legs: Sequence[Leg], prices: list[Decimal], room: Decimal) -> list[Decimal]:
    """Return the prices moved against the order until their net is its limit."""
    for place in sorted(range(len(legs)), key=lambda each: (abs(legs[each].ratio), -legs[each].ratio)):
        moved = prices[place] + room / legs[place].ratio  # a dearer purchase, or a cheaper sale
        if moved >= _ZERO and moved * legs[place].ratio == prices[place] * legs[place].ratio + room:
            return [*prices[:place], moved, *prices[place + 1 :]]
    return prices  # no leg can bear it in whole digits, or without a price below 0: the far sides stand
