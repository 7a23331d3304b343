"""Limits of what options may deliver: before the broker acts at expiry, and before an ex-date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import ClassVar, Final, final

from market.instruments import ExerciseStyle
from market.orders import OrderIntent
from market.tradables import Instrument, OptionContract
from risk.limits.facts import OrderFacts

__all__ = ["BrokerCutoffLimit", "EarlyAssignmentLimit", "delivery_cost"]

_MINUTE_NS: Final = 60e9
_DAY_NS: Final = 86_400e9


def delivery_cost(positions: Iterable[tuple[Instrument, float]], end_ns: int) -> float:
    """Return the money that deliveries of options may take, whichever side of their strikes they end on.

    Parameters
    ----------
    positions : iterable of (Instrument, float)
        Signed units.
    end_ns : int
        Options that expire after it do not count, ns since the epoch, UTC.

    Returns
    -------
    float
        Account currency, >= 0: the larger of what long calls and short puts would pay for shares and of what short
        calls and long puts would deliver short. What settles in cash delivers nothing.

    Notes
    -----
    Legs are not netted: one that ends in the money may be delivered while the one that covers it is not, when the price
    closes between their strikes.
    """
    bought = sold = 0.0
    for item, units in positions:
        if isinstance(item, OptionContract) and not item.is_cash_settled and item.series.expiry_ns <= end_ns:
            worth = abs(units) * float(item.multiplier) * float(item.strike)
            if (units > 0.0) == item.is_call:
                bought += worth
            else:
                sold += worth
    return max(bought, sold)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerCutoffLimit:
    """After the broker's cut-off nothing is opened that expires in the session and the account could not settle.

    Parameters
    ----------
    minutes : float
        From the cut-off to the close: 50 where a broker acts at 15:10 New York.
    """

    minutes: float
    name: ClassVar[str] = "minutes_to_broker_cutoff"
    is_floor: ClassVar[bool] = True

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the minutes left, infinite where nothing would have to be settled, and 0."""
        close_ns = facts.session_close_ns
        ends = [
            leg.instrument.series.expiry_ns
            for leg in intent.legs
            if isinstance(leg.instrument, OptionContract) and not leg.instrument.is_cash_settled
        ]
        if min(ends, default=inf) > facts.now_ns + _DAY_NS:
            return inf, 0.0
        if close_ns < 0:
            return nan, 0.0
        units = [(leg.instrument, leg.ratio * float(intent.quantity)) for leg in intent.legs]
        needed = delivery_cost(units, close_ns)
        if needed <= facts.stake.cash_to_settle or needed == 0.0:
            return inf, 0.0
        return (close_ns - facts.now_ns) / _MINUTE_NS - self.minutes, 0.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyAssignmentLimit:
    """No American call is sold in the money whose time value is less than a dividend that lies within its life.

    Notes
    -----
    Its holder would exercise it before the ex-date, and the seller would owe shares and dividend. Only dividends that
    are announced count.
    """

    name: ClassVar[str] = "time_value_over_dividend"
    is_floor: ClassVar[bool] = True

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the least time value beyond the dividend, per share, infinite where no leg is exposed, and 0."""
        least = inf
        for leg, price in zip(intent.legs, facts.leg_prices, strict=True):
            call = leg.instrument
            dividend = facts.stake.dividends.get(call.underlying)
            if dividend is None or leg.ratio > 0 or not (isinstance(call, OptionContract) and call.is_call):
                continue
            if call.series.product.exercise is not ExerciseStyle.AMERICAN or call.series.expiry_ns < dividend.ex_ns:
                continue
            spot = facts.stake.spot.get(call.underlying, nan)
            if not (isfinite(spot) and isfinite(price) and isfinite(dividend.amount)):
                return nan, 0.0
            gain = spot - float(call.strike)
            if gain > 0.0:
                least = min(least, price - gain - dividend.amount)
        return least, 0.0
