"""The way out of one package: what it looks like now, and the orders that close it or what is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from math import gcd, inf, isfinite, nan
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from market.clock import ns_of_datetime
from market.errors import ConfigError
from market.instruments import ExpirySeries
from market.orders import Leg, PositionEffect, TimeInForce, unit_multiplier
from market.tradables import Instrument, OptionContract
from risk.limits.delivery import delivery_cost
from risk.limits.orders import TradingState
from strategies.decisions import Decision, Gate, Proposal
from strategies.package_prices import opposite, package_limit
from strategies.plan.crash import is_crash
from strategies.plan.exits import ExitReason, ExitRules, Step
from strategies.plan.mark import Mark
from strategies.plan.pricing import closing_price, reach_of, width_of
from strategies.views import ChainView, HeldPackage, Holding, View

__all__ = ["Leaving", "closing_legs", "nearest_contract"]

_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400.0
_UNITS: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """The way out of one plan's packages.

    Parameters
    ----------
    rules : ExitRules
        The ways out.
    band, atr : str
        Names of the features of its rules; empty for none.
    max_chain_age_s : float
        Quotes older than this are no mark.
    allowance : float
        How much worse than the price seen an order may fill.
    urgent_allowance : float
        The same of what operator, data or hard risk demand.
    time_in_force : TimeInForce
        Of all its orders.
    """

    rules: ExitRules
    band: str
    atr: str
    max_chain_age_s: float
    allowance: float
    urgent_allowance: float
    time_in_force: TimeInForce

    def mark(self, view: View, chain: ChainView, package: HeldPackage, delta_excess: float) -> Mark:
        """Return what an open package looks like now.

        Parameters
        ----------
        view : View
            Market and account.
        chain : ChainView
            Of its underlying.
        package : HeldPackage
            Open.
        delta_excess : float
            How far the hedged delta of the plan lies beyond its limit, units of the underlying.

        Returns
        -------
        Mark
            A price is one only from quotes that are fresh; everything else comes from the account.
        """
        rules, account = self.rules, view.account
        held = _held(package.legs)
        series, price = held.series, nan
        if package.quantity > 0 and (view.now_ns - chain.chain.ts_event_ns) / _NS <= self.max_chain_age_s:
            price = closing_price(view, chain, held.closing)
        marks = account.package_marks(package.package_id)
        since = package.opened_ns if marks is None else marks.marked_ns
        units = float(package.quantity * held.per_unit) or nan
        ends_today = series.expiration == chain.chain.session
        return Mark(
            entry_price=package.entry_price,
            closing_price=price,
            max_loss=held.width_in(package) + package.entry_price,
            max_profit=held.reach_in(package) - package.entry_price,
            seconds_left=(series.last_trade_ns - view.now_ns) / _NS,
            days_left=(series.expiration - chain.chain.session).days,
            days_at_entry=round((series.expiry_ns - package.opened_ns) / _NS / _DAY_S),
            seconds_held=(view.now_ns - package.opened_ns) / _NS,
            is_past_close_at=ends_today and _is_past(rules, rules.close_at, series, view.now_ns),
            is_past_broker_cutoff=ends_today
            and _is_past(rules, rules.broker_cutoff, series, view.now_ns)
            and not _can_settle(view, package, series.expiry_ns),
            profit=nan if marks is None else marks.profit / units,
            best_profit=nan if marks is None else marks.best_profit / units,
            unmarked_s=0.0 if isfinite(price) else (view.now_ns - since) / _NS,
            is_whole=package.is_whole and package.quantity > 0,
            is_halted=account.trading_state is TradingState.HALTED,
            hard_breaches=account.hard_breaches,
            is_crash=rules.closes_in_crash and is_crash(view, chain.chain.symbol),
            band=view.feature(self.band) if self.band else nan,
            atr_moves=self._atr_moves(view, chain, package),
            delta=_delta(chain, package) if isfinite(rules.adjust_delta) else nan,
            delta_excess=delta_excess,
            adjustments=int(package.factors.get("adjustments", 0.0)),
        )

    def close(self, view: View, chain: ChainView, package: HeldPackage, mark: Mark, step: Step) -> Decision:
        """Return the order that closes a package, or why there can be none.

        Parameters
        ----------
        view : View
            Account with its marks.
        chain : ChainView
            Of its underlying.
        package : HeldPackage
            Open.
        mark : Mark
            As `mark` gave it.
        step : Step
            Why.

        Returns
        -------
        Decision
            All that it holds where its legs are out of proportion. Without a price the limit stands around the last
            mark, and only after the time-out of a mark, whatever the reason; else a gate says that nothing can be sent.
        """
        reason, price, allowance = _reason_of(step), mark.closing_price, self.allowance
        if not mark.is_whole:
            return self._close_rest(view, chain, package, mark, reason)
        legs = closing_legs(package.legs)
        if not isfinite(price):
            price = self._last_price(view, package, mark, legs, package.quantity)
        if reason in _URGENT:
            allowance = max(allowance, self.urgent_allowance)
        factors = (
            ("closing_price", price),
            ("credit", -mark.entry_price),
            ("seconds_left", mark.seconds_left),
        )
        if not isfinite(price):
            return _unpriced(reason, price, factors)
        return self._closing(package, legs, package.quantity, package_limit(legs, price, allowance), reason, factors)

    def _close_rest(
        self, view: View, chain: ChainView, package: HeldPackage, mark: Mark, reason: ExitReason
    ) -> Decision:
        """Return the order that closes all that a package holds, whatever its proportions are."""
        legs, quantity = _rest_of(package, view.account.holdings)
        price = closing_price(view, chain, legs) if legs else nan
        if legs and not isfinite(price):
            price = self._last_price(view, package, mark, legs, quantity)
        factors = (("closing_price", price), ("seconds_left", mark.seconds_left))
        if not isfinite(price):
            return _unpriced(reason, price, factors)
        limit = package_limit(legs, price, max(self.allowance, self.urgent_allowance))
        return self._closing(package, legs, quantity, limit, reason, factors)

    def _last_price(
        self, view: View, package: HeldPackage, mark: Mark, legs: tuple[Leg, ...], quantity: Decimal
    ) -> float:
        """Return the closing price per unit at the marks that stood last; NaN before the time-out or without marks."""
        marks = view.account.package_marks(package.package_id)
        if marks is None or not isfinite(marks.value) or not mark.unmarked_s > self.rules.mark_timeout_s:
            return nan
        return round(-marks.value / float(quantity * unit_multiplier(legs)) * _UNITS) / _UNITS

    def watch(self, mark: Mark, step: Step) -> Decision:
        """Return a report that trades nothing; it is no gate, because it is no candidate that fails."""
        factors = (("days_left", float(mark.days_left)), ("unmarked_s", mark.unmarked_s))
        return Decision(reason=_reason_of(step).value, factors=factors)

    def _closing(
        self,
        package: HeldPackage,
        legs: tuple[Leg, ...],
        quantity: Decimal,
        limit: Decimal,
        reason: ExitReason,
        factors: tuple[tuple[str, float], ...],
    ) -> Decision:
        closing = Proposal(
            structure=package.structure,
            legs=legs,
            quantity=quantity,
            limit_price=limit,
            effect=PositionEffect.CLOSE,
            package_id=package.package_id,
            reason=reason.value,
            time_in_force=self.time_in_force,
        )
        return Decision(reason=reason.value, proposals=(closing,), factors=factors)

    def _atr_moves(self, view: View, chain: ChainView, package: HeldPackage) -> float:
        """Return how many true ranges the underlying went from its price at the entry, signed; NaN where unknown."""
        if not self.atr:
            return nan
        length = view.feature(self.atr)
        return (chain.spot - package.factors.get("spot", nan)) / length if length > 0.0 else nan


_URGENT: Final = frozenset(
    {ExitReason.HALTED, ExitReason.MARK_TIMEOUT, ExitReason.BROKEN, ExitReason.HARD_RISK, ExitReason.CRASH}
)


@lru_cache(maxsize=1024)
def nearest_contract(legs: tuple[Leg, ...]) -> OptionContract:
    """Return the option that ends first."""
    contracts = [leg.instrument for leg in legs if isinstance(leg.instrument, OptionContract)]
    return min(contracts, key=lambda contract: contract.series.last_trade_ns)


@lru_cache(maxsize=1024)
def closing_legs(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """Return the legs that close a package; made once for each."""
    return opposite(legs)


def _reason_of(step: Step) -> ExitReason:
    if step.reason is None:
        raise ConfigError("a hold is no way out", found=step.action, expected="a row of the table")
    return step.reason


def _unpriced(reason: ExitReason, price: float, factors: tuple[tuple[str, float], ...]) -> Decision:
    gate = Gate(name="closing_price_known", passed=False, value=price, reason="a leg has no executable quote")
    return Decision(reason=reason.value, gates=(gate,), factors=factors)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What of a package follows from its legs alone: looked up once for each mark."""

    series: ExpirySeries  # that ends first
    closing: tuple[Leg, ...]
    per_unit: Decimal
    has_one_end: bool
    width: float
    reach: float

    def width_in(self, package: HeldPackage) -> float:
        """Return the width; with several expirations what was known of it at the entry."""
        return self.width if self.has_one_end else package.factors.get("width", inf)

    def reach_in(self, package: HeldPackage) -> float:
        """Return the most that it can be worth; with several expirations what was known of it at the entry."""
        return self.reach if self.has_one_end else package.factors.get("reach", nan)


@lru_cache(maxsize=1024)
def _held(legs: tuple[Leg, ...]) -> _Held:
    ends = {leg.instrument.series.expiry_ns for leg in legs if isinstance(leg.instrument, OptionContract)}
    has_one_end = len(ends) == 1
    return _Held(
        series=nearest_contract(legs).series,
        closing=closing_legs(legs),
        per_unit=unit_multiplier(legs),
        has_one_end=has_one_end,
        width=width_of(legs) if has_one_end else nan,
        reach=reach_of(legs) if has_one_end else nan,
    )


def _is_past(rules: ExitRules, at: time | None, series: ExpirySeries, now_ns: int) -> bool:
    """Return whether a wall time of the day on which a series ends is past; on an early close it comes as much before.

    At 15:30 of a day that closes at 13:00 nothing could be closed any more.
    """
    if at is None:
        return False
    return now_ns >= _wall_ns(at, rules.regular_close, rules.zone, series.expiration, series.last_trade_ns)


@lru_cache(maxsize=1024)
def _wall_ns(at: time, regular_close: time, zone_name: str, day: date, last_trade_ns: int) -> int:
    zone = ZoneInfo(zone_name)
    end = datetime.fromtimestamp(last_trade_ns / _NS, zone)
    wall, full = (datetime.combine(day, each, zone) for each in (at, regular_close))
    # What settles on an opening print stopped trading the day before: that is no early close.
    early = max(full - end, timedelta()) if end.date() == day else timedelta()
    return ns_of_datetime(wall - early)


def _can_settle(view: View, package: HeldPackage, end_ns: int) -> bool:
    """Return whether buying power covers all that options may deliver by an instant; where it is not known, never."""
    units = [(leg.instrument, float(leg.ratio * package.quantity)) for leg in package.legs]
    needed = delivery_cost(units, end_ns)
    return needed == 0.0 or view.account.buying_power >= needed


def _delta(chain: ChainView, package: HeldPackage) -> float:
    """Return the delta of one package per unit; NaN where a leg's is not known."""
    places = [chain.place(leg.instrument) for leg in package.legs]
    if min(places) < 0:
        return nan
    return float(chain.delta(np.array(places)) @ np.array([float(leg.ratio) for leg in package.legs]))


def _rest_of(package: HeldPackage, holdings: Mapping[str, Holding]) -> tuple[tuple[Leg, ...], Decimal]:
    """Return what closes all that is held in whole units: ratios, and how often; nothing where there is none."""
    known: dict[str, Instrument] = {leg.instrument.symbol: leg.instrument for leg in package.legs}
    for symbol in package.units:  # shares that an assignment delivered were not among the legs
        if symbol not in known and symbol in holdings:
            known[symbol] = holdings[symbol].instrument
    whole = {symbol: int(units) for symbol, units in package.units.items() if units and units == int(units)}
    counts = {symbol: units for symbol, units in whole.items() if symbol in known}
    if not counts:
        return (), Decimal(0)
    common = gcd(*counts.values())
    return tuple(Leg(instrument=known[name], ratio=-n // common) for name, n in counts.items()), Decimal(common)
