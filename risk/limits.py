"""Limits of an order as rows: each measures one number of an intent and holds it against one bound."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import ClassVar, Final, Protocol, TypeGuard, final

from market.orders import Leg, OrderIntent, unit_multiplier
from market.tradables import Instrument, OptionContract
from risk.payoff import least_value

__all__ = [
    "BuyingPowerLimit",
    "DuplicateLimit",
    "EntryCutoff",
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
]

_NS_PER_S: Final = 1e9
_NAN: Final = float("nan")
_ZERO: Final = Decimal(0)
_WIDEST_HALF: Final = 0.5
_MOST_OF_DEBIT: Final = 8.0
_MOST_OF_CREDIT: Final = 0.75
_DIGITS: Final = 9  # without the dust of floats


class TradingState(StrEnum):
    """What the risk service allows."""

    ACTIVE = "active"
    REDUCING = "reducing"  # only what makes a position smaller
    HALTED = "halted"  # strategies are not asked; reductions by the operator


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBucket:
    """How many orders may go now: a value, so that a replay counts the same.

    Parameters
    ----------
    capacity : float
        Orders that may go at once, >= 1.
    per_second : float
        Orders that come back per second, > 0.
    tokens : float
        Orders left at `ts_ns`.
    ts_ns : int
        Instant of the last order, ns since the epoch, UTC.
    """

    capacity: float
    per_second: float
    tokens: float
    ts_ns: int

    @staticmethod
    def full(*, capacity: float, per_second: float, now_ns: int) -> TokenBucket:
        """Return a bucket from which nothing was taken."""
        return TokenBucket(capacity=capacity, per_second=per_second, tokens=capacity, ts_ns=now_ns)

    def left(self, now_ns: int) -> float:
        """Return the orders that may go at an instant; a clock that runs backwards gives nothing back."""
        waited = max(now_ns - self.ts_ns, 0) / _NS_PER_S
        return min(self.capacity, self.tokens + waited * self.per_second)

    def taken(self, now_ns: int) -> TokenBucket:
        """Return the bucket after one order; a reduction may empty it and takes nothing that is not there."""
        left = max(self.left(now_ns) - 1.0, 0.0)
        return TokenBucket(
            capacity=self.capacity, per_second=self.per_second, tokens=left, ts_ns=max(now_ns, self.ts_ns)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What is known of account and market when an intent is checked; what is missing is NaN, and denies.

    Parameters
    ----------
    now_ns : int
        Instant of the check, ns since the epoch, UTC.
    state : TradingState
        What is allowed.
    leg_prices : tuple of float
        Mid of each leg of the intent, per unit; NaN where there is none.
    leg_half_spreads : tuple of float
        Half of the spread of each leg's quote, per unit; empty where the mids are all that is known, and counts as 0.
    package : mapping of str to Decimal
        Signed units that the intent's package holds, by symbol, less what its working closing orders may still take;
        empty for a new package.
    input_ns : int
        Instant of the oldest input of the decision, ns since the epoch, UTC; -1 where it is not known.
    open_packages : int
        Packages that are open, or that a working order opens; -1 where it is not known.
    buying_power : float
        What new positions may require, account currency.
    buying_power_effect : float
        What the order takes of it at its limit price; negative where it frees some.
    session_close_ns : int
        Close of the session under way, ns since the epoch, UTC; -1 where it is not known.
    bucket : TokenBucket or None
        Orders that may go; None where it is not known.
    seen : set of str
        Ids of the intents that were let through before.
    """

    now_ns: int
    state: TradingState
    leg_prices: tuple[float, ...]
    leg_half_spreads: tuple[float, ...] = ()
    package: Mapping[str, Decimal] = field(default_factory=dict)
    input_ns: int = -1
    open_packages: int = -1
    buying_power: float = _NAN
    buying_power_effect: float = _NAN
    session_close_ns: int = -1
    bucket: TokenBucket | None = None
    seen: AbstractSet[str] = frozenset()


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
        paid = intent.limit_price * unit_multiplier(intent.legs)
        worst = _worst_value(intent.legs)
        # Decimal's own max() drops a NaN; this one must stay.
        loss = paid - worst
        return float(loss if loss.is_nan() else max(loss, _ZERO) * intent.quantity), self.most


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
