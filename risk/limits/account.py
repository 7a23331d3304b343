"""Limits of the whole account as rows: losses, concentration, Greeks, volatility, pauses (requirements 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import inf, isnan, nan, nextafter
from typing import ClassVar, Final, final

from market.orders import OrderIntent
from risk.book import PortfolioGreeks
from risk.limits.facts import OrderFacts
from risk.limits.orders import order_loss
from risk.limits.size_schedule import SizeSchedule
from risk.state import BreakerClass, HoldCause

__all__ = [
    "BreakerLimit",
    "ConcentrationLimit",
    "CooldownLimit",
    "DailyLossLimit",
    "DrawdownLimit",
    "GreekLimit",
    "RiskPerTradeLimit",
    "SizeScheduleLimit",
    "StrategyPackageLimit",
    "VolatilityLimit",
    "daily_loss_bound",
]

_MINUTE_NS: Final = 60e9


def daily_loss_bound(start: Decimal, share: float | None, amount: float | None) -> float:
    """Return the loss of a session at which new positions end: the smaller of a share of the equity and an amount.

    Parameters
    ----------
    start : Decimal
        Equity at the start of the session, account currency.
    share : float or None
        Of it.
    amount : float or None
        Account currency.

    Returns
    -------
    float
        Account currency; infinite where neither is given.
    """
    bounds = [] if share is None else [share * float(start)]
    return min(bounds if amount is None else [*bounds, amount], default=inf)


def _equity(facts: OrderFacts) -> float:
    return nan if facts.risk is None or facts.risk.equity is None else float(facts.risk.equity)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPerTradeLimit:
    """Most that one order may lose at its limit, as a share of equity; less of it where volatility asks for less.

    Parameters
    ----------
    share : float
        Of the equity.
    schedule : SizeSchedule or None
        What of the share is left at a level of volatility; without it all of it.
    """

    share: float
    schedule: SizeSchedule | None = None
    name: ClassVar[str] = "risk_per_trade"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the worst loss of the order, and the most allowed, account currency."""
        left = 1.0 if self.schedule is None else self.schedule.ceiling(facts.stake.volatility)
        return order_loss(intent), self.share * _equity(facts) * left


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentrationLimit:
    """Most that one strategy, or one underlying, may lose altogether, as a share of equity.

    Parameters
    ----------
    name : str
        ``strategy_at_risk`` or ``symbol_at_risk``, the number of `risk.limits.facts.Stake` that is read.
    share : float
        Of the equity.
    """

    name: str
    share: float
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the worst losses with the order's own, and the most allowed, account currency."""
        return getattr(facts.stake, self.name) + order_loss(intent), self.share * _equity(facts)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPackageLimit:
    """Most packages that one strategy may have open at once.

    Parameters
    ----------
    most : int
        Packages.
    """

    most: int
    name: ClassVar[str] = "strategy_packages"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the strategy's packages with the intent's own, and the most allowed."""
        known = facts.stake.strategy_packages
        return (nan if known < 0 else float(known + (not facts.package))), float(self.most)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GreekLimit:
    """Largest size of one Greek, of an order alone or of the book with it.

    Parameters
    ----------
    name : str
        What a denial calls it.
    greek : str
        Field of `risk.book.PortfolioGreeks`.
    most : float
        In its unit.
    is_of_book : bool
        Whether the positions count, and the worst that working orders may make of them.
    """

    name: str
    greek: str
    most: float
    is_of_book: bool
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the size of the Greek, and the most allowed."""
        order = self.of_order(facts)
        if not self.is_of_book:
            return abs(order), self.most
        low, high = self.span(facts)
        low, high = low + order, high + order
        return (nan if isnan(low) or isnan(high) else max(-low, high)), self.most

    def of_order(self, facts: OrderFacts) -> float:
        """Return what the whole order adds to it; NaN where it is not known."""
        return self._of(facts.stake.order)

    def span(self, facts: OrderFacts) -> tuple[float, float]:
        """Return the least and the most that the book has of it, whichever of the working orders is filled."""
        if not self.is_of_book:
            return 0.0, 0.0
        low = high = self._of(facts.stake.book)
        for each in facts.stake.working:
            value = self._of(each)
            if isnan(value):
                return nan, nan
            low, high = low + min(value, 0.0), high + max(value, 0.0)
        return low, high

    def _of(self, greeks: PortfolioGreeks | None) -> float:
        return nan if greeks is None else float(getattr(greeks, self.greek))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLossLimit:
    """Loss of the session, realised and not, with charges; once reached, nothing is opened until the next one.

    Parameters
    ----------
    share : float or None
        Of the equity at the start of the session.
    amount : float or None
        Account currency; the smaller of both counts.
    """

    share: float | None
    amount: float | None
    name: ClassVar[str] = "daily_loss"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the loss, no less than the bound once it was reached, and what it stays below."""
        risk = facts.risk
        if risk is None or risk.day_start_equity is None or risk.day_loss is None:
            return nan, nan
        bound = daily_loss_bound(risk.day_start_equity, self.share, self.amount)
        loss = float(risk.day_loss)
        # A loss that reaches the bound has used it up.
        return max(loss, bound) if risk.is_held_by(HoldCause.DAILY_LOSS) else loss, nextafter(bound, -inf)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownLimit:
    """Loss since the highest equity; once reached, nothing is opened until the operator releases the account.

    Parameters
    ----------
    share : float
        Of the highest equity.
    """

    share: float
    name: ClassVar[str] = "drawdown"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the drawdown, no less than the bound once it was reached, and what it stays below."""
        risk = facts.risk
        if risk is None or risk.drawdown is None:
            return nan, nan
        found = float(risk.drawdown)
        return max(found, self.share) if risk.is_held_by(HoldCause.DRAWDOWN) else found, nextafter(self.share, -inf)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityLimit:
    """Highest level of the volatility index at which anything is opened.

    Parameters
    ----------
    most : float
        Index points.
    """

    most: float
    name: ClassVar[str] = "volatility_index"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the level, and the highest allowed."""
        return facts.stake.volatility, self.most


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SizeScheduleLimit:
    """Nothing is opened at levels of volatility at which the schedule leaves no size.

    Parameters
    ----------
    schedule : SizeSchedule
        The table.
    """

    schedule: SizeSchedule
    name: ClassVar[str] = "size_schedule"
    is_floor: ClassVar[bool] = True

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return what of a size is left, and the smallest part that is one."""
        level = facts.stake.volatility
        sizes = [min(multiple, 1.0) for _, multiple in self.schedule.steps if multiple > 0.0]
        return (nan if isnan(level) else self.schedule.ceiling(level)), min(sizes, default=inf)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CooldownLimit:
    """Minutes that pass after a strategy's exit before it opens anything, more of them after a loss.

    Parameters
    ----------
    minutes : float
        After any exit.
    after_loss_minutes : float
        After an exit with a loss.
    """

    minutes: float
    after_loss_minutes: float
    name: ClassVar[str] = "cooldown_minutes"
    is_floor: ClassVar[bool] = True

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:
        """Return the minutes since the exit that holds longer, infinite before the first, and the least allowed."""
        if facts.risk is None:
            return nan, self.minutes
        last = facts.risk.exits.get(intent.strategy)
        if last is None:
            return inf, self.minutes
        after_exit = (facts.now_ns - last.ts_ns) / _MINUTE_NS, self.minutes
        if last.loss_ns < 0:
            return after_exit
        after_loss = (facts.now_ns - last.loss_ns) / _MINUTE_NS, self.after_loss_minutes
        return min(after_exit, after_loss, key=lambda pair: pair[0] - pair[1])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimit:
    """Nothing is opened while a tripped breaker cools down.

    Parameters
    ----------
    breaker : BreakerClass
        Which.
    """

    breaker: BreakerClass
    is_floor: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """``breaker_`` and its class."""
        return f"breaker_{self.breaker}"

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the minutes that are left, and 0."""
        if facts.risk is None:
            return nan, 0.0
        until_ns = facts.risk.cooldowns.get(self.breaker, facts.now_ns)
        return max(until_ns - facts.now_ns, 0) / _MINUTE_NS, 0.0
