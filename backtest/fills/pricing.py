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
from market.orders import Leg, OrderIntent, unit_multiplier
from market.tradables import Future, OptionContract
from strategies.views import Quote

__all__ = ["Execution", "FillRules", "execution_of", "is_executable"]

_ZERO: Final = Decimal(0)
# Prices that a model makes are rounded against the order to this, where the quotes themselves lie off the tick.
_FINE: Final = Decimal("0.0001")
_DIGITS: Final = 9  # more digits than this after the point are a division that has no end
_MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRules:
    """How a run fills.

    Parameters
    ----------
    model : FillModel
        Where between bid and ask, and how much.
    slippage : SlippageModel
        What each leg pays beyond; only of orders that take.
    legs_within_ns : int
        Quotes that the legs of a package meet may lie no farther apart, ns: shares and options have own recordings.
    max_legs : int
        Most legs that the venue takes in one order, >= 1; larger packages go as linked orders (`backtest.linking`).
    """

    model: FillModel = field(default_factory=CrossSpread)
    slippage: SlippageModel = field(default_factory=NoSlippage)
    legs_within_ns: int = _MINUTE_NS
    max_legs: int = 4


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


def is_executable(intent: OrderIntent, quotes: Sequence[Quote]) -> bool:
    """Return whether every leg has a side to trade at, whatever the limit and the sizes.

    Parameters
    ----------
    intent : OrderIntent
        The package.
    quotes : sequence of Quote
        Of each leg, in order.

    Returns
    -------
    bool
        False where an ask is missing or below the bid, or where a leg is sold alone and nobody bids.
    """
    is_single = len(intent.legs) == 1
    return all(_has_side(leg, quote, is_single=is_single) for leg, quote in zip(intent.legs, quotes, strict=True))


def execution_of(
    intent: OrderIntent,
    remaining: Decimal,
    quotes: Sequence[Quote],
    rules: FillRules,
    *,
    has_rested: bool,
    taken: Sequence[Decimal] = (),
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
        the market comes to it, and it trades at its limit, never better.
    taken : sequence of Decimal, optional
        Units of each leg that the account has already taken of the same quotes.

    Returns
    -------
    Execution or None
        None where a leg has no executable side, the limit would be broken, or no size is left.
    """
    if not is_executable(intent, quotes):
        return None
    quantity = _fillable(intent, remaining, quotes, rules, taken or (_ZERO,) * len(quotes))
    if quantity <= _ZERO:
        return None
    place = rules.model.resting if has_rested else rules.model.taking
    slippage = NoSlippage() if has_rested else rules.slippage
    legs = list(zip(intent.legs, quotes, strict=True))
    prices = [_leg_price(leg, quote, float(quantity), place, slippage) for leg, quote in legs]
    weights = _weights(intent.legs)
    room = intent.limit_price - sum((weight * price for weight, price in zip(weights, prices, strict=True)), _ZERO)
    if room < _ZERO:
        return None
    if has_rested:
        prices = _at_limit(weights, prices, room)
    liquidity = Liquidity.MAKER if has_rested else Liquidity.TAKER
    return Execution(quantity=quantity, prices=tuple(prices), liquidity=liquidity)


def _weights(legs: tuple[Leg, ...]) -> list[Decimal]:
    """Return what a price of each leg counts in the net price per unit: 100 shares beside one option count once."""
    if len(legs) == 1:
        return [Decimal(legs[0].ratio)]
    unit = unit_multiplier(legs)
    return [leg.ratio * leg.instrument.multiplier / unit for leg in legs]


def _has_side(leg: Leg, quote: Quote, *, is_single: bool) -> bool:
    bid = max(0.0, quote.bid)  # 0 also for NaN
    if not (isfinite(quote.ask) and quote.ask > 0.0 and bid <= quote.ask):
        return False
    # Nobody bids for a worthless option; within a package it is thrown in for nothing, alone it cannot be sold.
    return leg.ratio > 0 or bid > 0.0 or not is_single


def _fillable(
    intent: OrderIntent, remaining: Decimal, quotes: Sequence[Quote], rules: FillRules, taken: Sequence[Decimal]
) -> Decimal:
    """Return how many packages the sizes let through; whole ones where a leg is an option or a future."""
    quantity = remaining
    size = rules.model.size
    for leg, quote, gone in zip(intent.legs, quotes, taken, strict=True):
        if leg.ratio < 0 and not quote.bid > 0.0:
            continue  # thrown in for nothing: no bid shows no size
        shown = quote.ask_size if leg.ratio > 0 else quote.bid_size
        if isfinite(shown):
            quantity = min(quantity, (Decimal(repr(shown)) * size.share - gone) / abs(leg.ratio))
        elif size.unknown is not None:
            quantity = min(quantity, (size.unknown - gone) / abs(leg.ratio))
    if quantity < remaining and any(isinstance(leg.instrument, OptionContract | Future) for leg in intent.legs):
        quantity = quantity.to_integral_value(rounding=ROUND_FLOOR)
    return quantity


def _leg_price(leg: Leg, quote: Quote, packages: float, place: float, slippage: SlippageModel) -> Decimal:
    """Return what a leg with a side trades at, rounded against the order."""
    is_buy = leg.ratio > 0
    bid = max(0.0, quote.bid)  # 0 also for NaN
    exact = Decimal(repr(quote.ask if is_buy else bid))
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


def _at_limit(weights: Sequence[Decimal], prices: list[Decimal], room: Decimal) -> list[Decimal]:
    """Return the prices moved against the order until their net is its limit; by one leg where one can bear it all.

    Where none can, each bears what it can, down to a price of 0 and in whole fine steps: never beyond the limit.
    """
    order = sorted(range(len(prices)), key=lambda each: (abs(weights[each]), -weights[each]))
    for place in order:
        step = room / weights[place]  # a dearer purchase, or a cheaper sale
        if prices[place] + step >= _ZERO and step * weights[place] == room and _is_short(step):
            return [*prices[:place], prices[place] + step, *prices[place + 1 :]]
    moved, left = list(prices), room
    for place in order:
        step = (left / weights[place].copy_abs()).quantize(_FINE, rounding=ROUND_FLOOR)
        step = step if weights[place] > 0 else min(step, moved[place])
        moved[place] += step.copy_sign(weights[place])
        left -= step * weights[place].copy_abs()
    return moved


def _is_short(price: Decimal) -> bool:
    exponent = price.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_DIGITS
