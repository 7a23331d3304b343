"""Limits of an order as rows: each measures one number of an intent and holds it against one bound."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import ClassVar, Final, Protocol, TypeGuard, final, runtime_checkable

from market.orders import Leg, OrderIntent, unit_multiplier
from market.tradables import Instrument, OptionContract
from risk.book_loss import least_value
from risk.limits.facts import OrderFacts
from risk.trading_state import TokenBucket, TradingState

__all__ = [
    "BuyingPowerLimit",
    "DuplicateLimit",
    "EntryCutoff",
    "ExplainedLimit",
    "InputAgeLimit",
    "Limit",
    "LossLimit",
    "NotionalLimit",
    "OpenPackageLimit",
    "OrderFacts",
    "PriceCollar",
    "QuantityLimit",
    "RateLimit",
    "StateLimit",
    "TokenBucket",
    "TradingState",
    "order_loss",
]

_NS_PER_S: Final = 1e9
_NAN: Final = float("nan")
_ZERO: Final = Decimal(0)
_WIDEST_HALF: Final = 0.5
_MOST_OF_DEBIT: Final = 8.0
_MOST_OF_CREDIT: Final = 0.75
_DIGITS: Final = 9  # without the dust of floats


class Limit(Protocol):
    """One row of the risk table. It passes only where its number is known and within its bound."""

    @property
    def name(self) -> str:
        """What a denial calls it."""

    @property
    def is_floor(self) -> bool:
        """Whether the bound is the least that is allowed, and not the most."""

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return what was found and the bound; NaN where either cannot be told."""


@runtime_checkable
class ExplainedLimit(Protocol):
    """A row that knows why its number is missing."""

    def why_untold(self, facts: OrderFacts) -> str:
        """Return why the number cannot be told; empty where it can, or where nothing is known of it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StateLimit:
    """New positions need the state ACTIVE; found are 0 for it, 1 for REDUCING and 2 for HALTED."""

    name: ClassVar[str] = "trading_state"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the state as a number, and 0."""
        return _STATE_NUMBERS.get(facts.state, _NAN), 0.0


_STATE_NUMBERS: Final = {TradingState.ACTIVE: 0.0, TradingState.REDUCING: 1.0, TradingState.HALTED: 2.0}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateLimit:
    """The same intent goes once."""

    name: ClassVar[str] = "duplicate_intent"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return 1 where the intent was let through before, and 0."""
        return float(intent.intent_id in facts.seen), 0.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCollar:
    """How much worse than what the quotes execute at an order's limit may be: a fat finger, or a stale price.

    Parameters
    ----------
    fraction : float
        Of the gross price of shares, perpetuals and futures, which is the sum of ratio x mid with all signs positive: a
        net price may be near 0.
    premium : float
        The same of options, whose prices move by a multiple of what their underlying does.
    least : float
        Distance, quote currency per unit, because a cheap option's tick is much of its price.
    spreads : float
        Half spreads of the package: what is quoted wide moves as wide until the order meets its quotes.

    Notes
    -----
    The reference is the far side of every leg, as in the limit order fat finger check of Cboe Rule 5.34(c)(1), which
    holds complex orders against the synthetic best of the far side [cboe_fat_finger_2021]_. Of a half spread that is
    more than half of the mids only that half counts: an offer of 20 for what is worth 1 is no price. A tenth of shares
    and half of options are what Nasdaq's protections let through [nasdaq_order_price_protection]_. The widest of the
    three distances is allowed, and a tick for rounding, but never as much as a slipped digit moves: 8 times a debit, or
    three quarters of a credit, where a digit moves 9 times the one and nine tenths of the other. One tick always goes.
    """

    fraction: float
    premium: float
    least: float
    spreads: float
    name: ClassVar[str] = "price_collar"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the distance of the limit beyond the far sides, and the widest allowed; NaN where a leg has none."""
        unit = _unit(intent.legs)
        net = gross = half = share = 0.0
        halves = facts.leg_half_spreads or (0.0,) * len(intent.legs)
        for leg, weight, price, own in zip(intent.legs, _weights(intent.legs), facts.leg_prices, halves, strict=True):
            net += weight * price / unit
            worth = abs(weight * price) / unit
            gross += worth
            share += worth * (self.premium if _is_option(leg.instrument) else self.fraction)
            half += abs(weight) * own / unit
        if not isfinite(gross + half):
            return _NAN, _NAN  # min and max would pass over what is missing
        half = min(half, max(_WIDEST_HALF * gross, self.least))
        executable = net + half
        tick = float(min(leg.instrument.tick_at(intent.limit_price.copy_abs()) for leg in intent.legs))
        widest = max(self.least, share, self.spreads * half) + tick
        digit = _MOST_OF_DEBIT * executable if executable > 0.0 else -_MOST_OF_CREDIT * executable
        bound = max(min(widest, digit), tick)
        return round(float(intent.limit_price) - executable, _DIGITS), round(bound, _DIGITS)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityLimit:
    """Most units of any one leg.

    Parameters
    ----------
    most : float
        Shares, contracts or coins.
    """

    most: float
    name: ClassVar[str] = "order_quantity"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the units of the largest leg, and the most allowed."""
        return max(abs(leg.ratio) for leg in intent.legs) * float(intent.quantity), self.most


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NotionalLimit:
    """Most that an order may be worth, options at their premium.

    Parameters
    ----------
    most : float
        Account currency.
    """

    most: float
    name: ClassVar[str] = "order_notional"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the sum over legs of units x multiplier x mid, all signs positive, and the most allowed."""
        gross = 0.0
        for weight, price in zip(_weights(intent.legs), facts.leg_prices, strict=True):
            gross += abs(weight * price)
        return gross * float(intent.quantity), self.most


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LossLimit:
    """Most that an order may lose at expiry, at its limit price and before costs.

    Parameters
    ----------
    most : float
        Account currency.
    """

    most: float
    name: ClassVar[str] = "order_loss"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the worst loss, infinite where it has no bound, and the most allowed."""
        return order_loss(intent), self.most


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BuyingPowerLimit:
    """An order may take what buying power there is."""

    name: ClassVar[str] = "buying_power"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return what the order takes, and what there is."""
        return facts.buying_power_effect, facts.buying_power


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPackageLimit:
    """Most packages that may be open at once.

    Parameters
    ----------
    most : int
        Packages.
    """

    most: int
    name: ClassVar[str] = "open_packages"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the packages with the intent's own, and the most allowed."""
        if facts.open_packages < 0:
            return _NAN, float(self.most)
        return float(facts.open_packages + (not facts.package)), float(self.most)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Orders per time, by a token bucket."""

    name: ClassVar[str] = "order_rate"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return 1, the order, and the orders that may go now."""
        return 1.0, _NAN if facts.bucket is None else facts.bucket.left(facts.now_ns)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class InputAgeLimit:
    """Longest time since the oldest input of the decision.

    Parameters
    ----------
    most_s : float
        Seconds.
    """

    most_s: float
    name: ClassVar[str] = "input_age_s"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the age in seconds, and the most allowed; an input from the future is no input."""
        known = 0 <= facts.input_ns <= facts.now_ns
        return (facts.now_ns - facts.input_ns) / _NS_PER_S if known else _NAN, self.most_s


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCutoff:
    """No new short-dated options shortly before the close.

    Parameters
    ----------
    least_minutes : float
        Minutes that must be left of the session, and of the contract's trading.
    short_dated_days : float
        An option that expires within so many days is short-dated.
    """

    least_minutes: float
    short_dated_days: float
    name: ClassVar[str] = "minutes_to_close"
    is_floor: ClassVar[bool] = True

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the minutes left, infinite where no leg is short-dated, and the least allowed."""
        end = facts.now_ns + self.short_dated_days * 86_400.0 * _NS_PER_S
        last = [
            leg.instrument.series.last_trade_ns
            for leg in intent.legs
            if isinstance(leg.instrument, OptionContract) and leg.instrument.series.expiry_ns <= end
        ]
        if not last:
            return float("inf"), self.least_minutes
        if facts.session_close_ns < 0:
            return _NAN, self.least_minutes
        return (min(facts.session_close_ns, *last) - facts.now_ns) / (60.0 * _NS_PER_S), self.least_minutes


def order_loss(intent: OrderIntent) -> float:
    """Return what an order may lose at expiry, at its limit price and before costs.

    Parameters
    ----------
    intent : OrderIntent
        The order.

    Returns
    -------
    float
        Account currency, >= 0; infinite where it has no bound.
    """
    paid = intent.limit_price * unit_multiplier(intent.legs)
    return float(max(paid - _worst_value(intent.legs), _ZERO) * intent.quantity)


@lru_cache(maxsize=4096)
def _weights(legs: tuple[Leg, ...]) -> tuple[float, ...]:
    return tuple(leg.ratio * float(leg.instrument.multiplier) for leg in legs)


@lru_cache(maxsize=4096)
def _unit(legs: tuple[Leg, ...]) -> float:
    return float(unit_multiplier(legs))


@lru_cache(maxsize=4096)
def _worst_value(legs: tuple[Leg, ...]) -> Decimal:
    return least_value((leg.instrument, Decimal(leg.ratio)) for leg in legs)


def _is_option(instrument: Instrument) -> TypeGuard[OptionContract]:
    return isinstance(instrument, OptionContract)
