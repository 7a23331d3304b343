"""One flow of entry gates, size and exits, which each structure fills with its own data."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import inf, isfinite, isnan, nan
from typing import Final

import numpy as np

from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import OptionContract
from risk.limits import TradingState
from strategies.decisions import HOLD, Decision, Gate, Proposal
from strategies.legs.rules import PlacedStructure, Structure, placed
from strategies.ownership import own_packages, own_working
from strategies.package_prices import natural_price, opposite, package_limit
from strategies.parameters import require_between
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules, Mark, exit_reason
from strategies.plan.schedules import Schedule
from strategies.plan.sizing import SizeRules, smallest
from strategies.views import ChainView, HeldPackage, View

__all__ = ["PackagePlan"]

_NS: Final = 1_000_000_000
_DAY_S: Final = 86_400.0
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePlan:
    """A structure that is bought or sold as one package, with its schedule, gates, size and exits.

    Parameters
    ----------
    name : str
        Of the strategy.
    underlying : str
        Whose chain it trades.
    structure : Structure
        The legs, by rules.
    schedule : Schedule
        When, and in which expirations.
    entry : EntryRules
        Gates.
    size : SizeRules
        Ceilings.
    exits : ExitRules
        The way out.
    allowance : float
        How much worse than the price seen an order may fill, as a fraction of that price, in [0, 1).
    order_life_s : float
        Seconds after which an order is withdrawn at the next view, and a closing one sent again at the prices of then;
        0 lets its time in force decide. A view comes with new quotes, which the order has met by then: on a table with
        a row each half hour it is tried once, on live quotes it works for so long.
    time_in_force : TimeInForce
        Of all its orders; a day order that is sent at a closing chain never meets the next one.
    """

    name: str
    underlying: str
    structure: Structure
    schedule: Schedule
    entry: EntryRules
    size: SizeRules
    exits: ExitRules
    allowance: float = 0.1
    order_life_s: float = 0.0
    time_in_force: TimeInForce = TimeInForce.DAY

    def __post_init__(self) -> None:
        require_between(self.name, "allowance", self.allowance, 0.0, 1.0, open_high=True)
        require_between(self.name, "order_life_s", self.order_life_s, 0.0, inf, open_high=True)

    def decide(self, view: View) -> Decision:
        """Return an exit where one is due, else an entry where everything allows it, else a hold."""
        chain = view.chain(self.underlying)
        if chain is None:
            return HOLD
        packages = own_packages(view.account, self.name, self.structure.name)
        oldest_ns = view.now_ns - int(self.order_life_s * _NS) if self.order_life_s else -1
        old = tuple([each.order_id for each in own_working(view.account, self.name) if each.decided_ns <= oldest_ns])
        for package in packages:
            decision = self._exit(view, chain, package, old)
            if decision is not HOLD:
                return decision
        if old:
            return Decision(reason="order_too_old", cancel=old)
        if len(packages) < self.entry.max_open and self.schedule.is_candidate(chain, view.now_ns):
            return self._enter(view, chain, packages)
        return HOLD

    # -- the way out --------------------------------------------------------------------------------------------------

    def _exit(self, view: View, chain: ChainView, package: HeldPackage, old: tuple[str, ...]) -> Decision:
        working = [order.order_id for order in view.account.working if order.package_id == package.package_id]
        if package.quantity <= 0 or any(order_id not in old for order_id in working):
            return HOLD
        legs = _closing(package.legs)
        price = natural_price(chain, legs)
        mark = _mark(view, chain, package, price)
        reason = exit_reason(self.exits, mark)
        if not reason:
            return HOLD
        factors = (("closing_price", price), ("credit", mark.credit), ("seconds_left", mark.seconds_left))
        if not isfinite(price):
            gate = Gate(name="closing_price_known", passed=False, value=price, reason="a leg has no executable quote")
            return Decision(reason=reason, gates=(gate,), factors=factors)
        closing = Proposal(
            structure=package.structure,
            legs=legs,
            quantity=package.quantity,
            limit_price=package_limit(legs, price, self.allowance),
            effect=PositionEffect.CLOSE,
            package_id=package.package_id,
            reason=reason,
            time_in_force=self.time_in_force,
        )
        return Decision(reason=reason, proposals=(closing,), cancel=old, factors=factors)

    # -- the way in ---------------------------------------------------------------------------------------------------

    def _enter(self, view: View, chain: ChainView, packages: tuple[HeldPackage, ...]) -> Decision:
        """Walk the gates in order; the first that fails ends it."""
        gates = list(self._account_gates(view, chain, packages))
        if not gates[-1].passed:
            return Decision(reason=gates[-1].name, gates=tuple(gates))
        series = self.schedule.series(chain)
        nearest = float(series[0]) if series else -1.0
        gates.append(_gate("expiration_listed", nearest, 0.0, passed=bool(series), reason="no such expiration"))
        if series:
            left = (self.schedule.last_entry_ns(chain, series[0]) - view.now_ns) / _NS
            gates.append(_gate("time_before_cutoff", left, 0.0, passed=left > 0.0, reason="too late to open"))
        if not gates[-1].passed:
            return Decision(reason=gates[-1].name, gates=tuple(gates))
        found = placed(chain, series, self.structure, market=view)
        gates.append(_gate("strikes_found", float(len(found.legs)), nan, passed=bool(found.legs), reason=found.reason))
        if not found.legs:
            return Decision(reason="strikes_found", gates=tuple(gates))
        return self._price(view, chain, found, gates)

    def _account_gates(self, view: View, chain: ChainView, packages: tuple[HeldPackage, ...]) -> list[Gate]:
        account, rules = view.account, self.entry
        newest = max((package.opened_ns for package in packages), default=-1)
        start = self.schedule.session_start_ns(chain)
        last_exit = account.last_exit_ns(self.name)
        rest = (view.now_ns - last_exit) / _NS if last_exit >= 0 else inf
        age = (view.now_ns - chain.chain.ts_event_ns) / _NS
        index = view.series(rules.volatility_index) if isfinite(rules.max_volatility_index) else None
        gates = [
            _gate("state_active", nan, nan, passed=account.trading_state is TradingState.ACTIVE, reason="not active"),
            _gate(
                "chain_fresh", age, rules.max_chain_age_s, passed=age <= rules.max_chain_age_s, reason="stale quotes"
            ),
            _gate(
                "no_order_working",
                float(sum(order.strategy == self.name for order in account.working)),
                0.0,
                passed=all(order.strategy != self.name for order in account.working),
                reason="an order is under way",
            ),
            _gate(
                "one_a_session",
                float(newest >= start or (last_exit >= start and not rules.reenters)),
                0.0,
                passed=newest < start and (rules.reenters or last_exit < start),
                reason="traded in this session before",
            ),
            _gate("cooled_down", rest, rules.cool_down_s, passed=rest >= rules.cool_down_s, reason="exit too recent"),
        ]
        if index is not None:
            level, limit = index.value, rules.max_volatility_index
            name = f"{rules.volatility_index.lower()}_at_most"
            gates.append(_gate(name, level, limit, passed=level <= limit, reason=index.reason or "too high"))
        return _until_first_failure(gates)

    def _price(self, view: View, chain: ChainView, found: PlacedStructure, gates: list[Gate]) -> Decision:
        price = natural_price(chain, found.legs)
        credit, width = -price, float(found.width)
        bounded = isfinite(width)
        share = credit / width if bounded else nan
        deltas = chain.delta(np.array(found.places))
        shorts = [abs(float(d)) for d, leg in zip(deltas, found.legs, strict=True) if leg.ratio < 0]
        worst = max(shorts) if shorts and not any(isnan(d) for d in shorts) else nan
        rules = self.entry
        # The limit is rounded to the worse side: what is left of a tiny credit there may be nothing.
        limit = package_limit(found.legs, price, self.allowance) if isfinite(price) else _ZERO
        gates += [
            _gate("quotes_complete", price, nan, passed=isfinite(price), reason="a leg has no executable quote"),
            _gate("credit_positive", credit, 0.0, passed=limit < 0, reason="no credit at the limit of the order"),
        ]
        if bounded:
            name = "credit_below_width"
            gates.append(_gate(name, credit, width, passed=credit < width, reason="quotes allow a riskless profit"))
            enough = share >= rules.min_credit_share
            gates.append(_gate("credit_to_width", share, rules.min_credit_share, passed=enough, reason="too small"))
        if rules.max_short_delta < 1.0:
            bound = rules.max_short_delta
            gates.append(_gate("short_delta", worst, bound, passed=worst <= bound, reason="too near the money"))
        factors = self._factors(view, chain, found, credit=credit, width=width, short_delta=worst)
        passed = _until_first_failure(gates)
        if not passed[-1].passed:
            return Decision(reason=passed[-1].name, gates=tuple(passed), factors=factors)
        return self._size(view, chain, found, tuple(passed), factors, limit)

    def _size(
        self,
        view: View,
        chain: ChainView,
        found: PlacedStructure,
        gates: tuple[Gate, ...],
        factors: tuple[tuple[str, float], ...],
        limit: Decimal,
    ) -> Decision:
        credit = -float(limit)
        account, rules = view.account, self.size
        multiplier = float(max(leg.instrument.multiplier for leg in found.legs))
        loss = float(found.payoff(limit).max_loss)
        margin = loss
        if not isfinite(loss):
            margin = (rules.margin_share * chain.spot + credit) * multiplier
            loss = self.exits.stop_multiple * credit * multiplier
        ceilings = [
            ("max_packages", float(rules.max_packages)),
            ("risk_budget", rules.risk_share * account.equity / loss if loss > 0.0 else nan),
            ("buying_power", account.buying_power / margin if margin > 0.0 else nan),
        ]
        quantity, terms = smallest(ceilings)
        sized = _gate("size_at_least_one", float(quantity), 1.0, passed=quantity >= 1, reason="no ceiling allows one")
        gates = (*gates, sized)
        if quantity < 1:
            return Decision(reason="size_at_least_one", gates=gates, sizing=terms, factors=factors)
        opening = Proposal(
            structure=self.structure.name,
            legs=found.legs,
            quantity=quantity,
            limit_price=limit,
            effect=PositionEffect.OPEN,
            reason="entry",
            time_in_force=self.time_in_force,
        )
        return Decision(reason="entry", proposals=(opening,), gates=gates, sizing=terms, factors=factors)

    def _factors(
        self, view: View, chain: ChainView, found: PlacedStructure, *, credit: float, width: float, short_delta: float
    ) -> tuple[tuple[str, float], ...]:
        """Return what was known before the trade; attribution holds it against the result later."""
        volatility = chain.implied_vol(np.array(found.places))
        sold = [float(v) for v, leg in zip(volatility, found.legs, strict=True) if leg.ratio < 0]
        series = chain.chain.series[int(chain.chain.series_index[found.places[0]])]
        since_open = (view.now_ns - self.schedule.session_start_ns(chain)) / _NS / 60.0
        return (
            ("spot", chain.spot),
            ("credit", credit),
            ("width", width),
            ("credit_to_width", credit / width),
            ("short_delta", short_delta),
            ("implied_vol", sum(sold) / len(sold) if sold else nan),
            (self.entry.volatility_index.lower(), view.series(self.entry.volatility_index).value),
            ("minutes_since_open", since_open),
            ("days_left", float((series.expiration - chain.chain.session).days)),
        )


def _mark(view: View, chain: ChainView, package: HeldPackage, price: float) -> Mark:
    contracts = [leg.instrument for leg in package.legs if isinstance(leg.instrument, OptionContract)]
    nearest = min(contracts, key=lambda contract: contract.series.last_trade_ns).series
    credit = -package.entry_price
    opened_days = (nearest.expiry_ns - package.opened_ns) / _NS / _DAY_S
    return Mark(
        credit=credit,
        closing_price=price,
        max_loss=_width(package.legs) - credit,
        seconds_left=(nearest.last_trade_ns - view.now_ns) / _NS,
        days_left=(nearest.expiration - chain.chain.session).days,
        days_at_entry=round(opened_days),
    )


# An open package is looked at with every chain; its legs never change.
@lru_cache(maxsize=1024)
def _width(legs: tuple[Leg, ...]) -> float:
    return float(PlacedStructure(legs=legs, places=()).width)


@lru_cache(maxsize=1024)
def _closing(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    return opposite(legs)


def _gate(name: str, value: float, bound: float, *, passed: bool, reason: str) -> Gate:
    return Gate(name=name, passed=passed, value=value, bound=bound, reason="" if passed else reason)


def _until_first_failure(gates: list[Gate]) -> list[Gate]:
    failed = next((place for place, gate in enumerate(gates) if not gate.passed), len(gates))
    return gates[: failed + 1]
