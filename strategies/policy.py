"""Trade what a policy says: a call or a put, an exit when it closes, its size head as a share (L26 to L29)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from math import inf, isfinite, nan
from typing import Final

from market.forecasts import PolicyAction, PolicyReading
from market.orders import PositionEffect, TimeInForce
from strategies.decisions import HOLD, Decision, Gate, Proposal
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta
from strategies.ownership import own_packages, own_working
from strategies.package_prices import package_limit
from strategies.parameters import require_between
from strategies.plan.entry import EntryRules, Premium
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.filling import BarRules, OrderRules, filled_plan
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules, fresh_forecast
from strategies.plan.gates import gate
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.leaving import closing_legs
from strategies.plan.package_plan import PackagePlan
from strategies.plan.pricing import closing_price
from strategies.plan.schedules import FixedTime, NoEntries
from strategies.plan.sizing import SizeRules
from strategies.structures.long_put import long_put
from strategies.views import ChainView, HeldPackage, View

__all__ = ["PolicyTrader"]

_NS: Final = 1_000_000_000
_BUYS: Final = {PolicyAction.BUY_CALL: "long_call", PolicyAction.BUY_PUT: "long_put"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTrader:
    """Buy a call or a put where a policy says so, and close where it says so.

    Parameters
    ----------
    underlying : str
        Whose policy is read and whose chain is traded.
    delta : float, optional
        Size of delta of what is bought, in (0, 1).
    within : float, optional
        Farthest that the size of delta found may lie from the one wanted.
    min_probability : float, optional
        Least probability that the policy gives its choice, 0 to 1.
    min_confidence : float, optional
        Least confidence of the symbol's forecast, 0 to 1. A confidence exists only where it was calibrated; 0 asks for
        none.
    min_value : float, optional
        The policy's expected return after costs must be above it, a fraction; ``-inf`` asks for none, for a policy
        without such a head.
    max_reading_age_s : float, optional
        Oldest policy that is acted upon, seconds, > 0.
    max_forecast_age_s : float, optional
        Oldest forecast that is read, seconds, > 0.
    schedule : FixedTime, optional
        Window of the session, cut-off before its end, and which expirations.
    liquidity : Liquidity, optional
        What the quote of the leg must be like.
    entry, size, exits, orders : optional
        Gates, ceilings, ways out and terms of orders, as in `strategies.plan`; `cool_down_s` is the rest after an
        exit (L39).
    fuzzy, score, layers : optional
        As in `strategies.plan.package_plan.PackagePlan`.
    bars : BarRules, optional
        Bars whose band and true range the exits look at.
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range or does not fit another.

    Notes
    -----
    The ways out of the plan come first, whatever the policy says, also where it is stale or silent. Its size head is a
    share of what every other ceiling leaves, so it can only make an order smaller. ``HOLD`` is no candidate for an
    entry; ``CLOSE`` and the choice of the other side close what is open, and need no probability above a bound:
    reductions are always allowed.
    """

    underlying: str
    delta: float = 0.4
    within: float = 0.15
    min_probability: float = 0.5
    min_confidence: float = 0.5
    min_value: float = -inf
    max_reading_age_s: float = 120.0
    max_forecast_age_s: float = 300.0
    schedule: FixedTime = FixedTime(at=time(9, 35), window_s=23_100.0, cutoff_s=1_800.0)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(premium=Premium.DEBIT, max_spread_share=0.1, cool_down_s=300.0, reenters=True)
    size: SizeRules = SizeRules(risk_share=0.05)
    exits: ExitRules = ExitRules(
        profit_target=1.0, profit_basis=ProfitBasis.DEBIT, stop_debit=0.5, close_before_end_s=1_800.0
    )
    orders: OrderRules = OrderRules(order_life_s=60.0, time_in_force=TimeInForce.DAY)
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    bars: BarRules = BarRules()
    name: str = "policy"
    _entering: tuple[tuple[str, PackagePlan], ...] = field(init=False, repr=False, compare=False)
    _keeping: tuple[PackagePlan, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("min_probability", "min_confidence"):
            require_between(self.name, name, getattr(self, name), 0.0, 1.0)
        require_between(self.name, "min_value", self.min_value, -inf, 10.0)
        for name in ("max_reading_age_s", "max_forecast_age_s"):
            require_between(self.name, name, getattr(self, name), 0.0, inf, open_low=True)
        plans = tuple(
            filled_plan(self, replace(structure, liquidity=self.liquidity), self.schedule)
            for structure in (_long_call(self.delta, self.within), long_put(self.delta, within=self.within))
        )
        of_now = replace(self.entry, max_policy_age_s=self.max_reading_age_s)  # one age for both questions
        plans = tuple(replace(plan, entry=of_now) for plan in plans)
        object.__setattr__(self, "_entering", tuple((plan.structure.name, plan) for plan in plans))
        object.__setattr__(self, "_keeping", tuple(replace(p, schedule=NoEntries(inner=self.schedule)) for p in plans))

    @property
    def follows_policy(self) -> bool:
        """True: the size head is one more ceiling of the plan."""
        return True

    @property
    def hedge(self) -> HedgeRules | None:
        """None: the policy wants the delta that it buys."""
        return None

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self._keeping[0].features

    def decide(self, view: View) -> Decision:
        """Return a way out where one is due, else what the policy says, else a hold."""
        chain = view.chain(self.underlying)
        if chain is None:
            return HOLD
        for plan in self._keeping:
            found = plan.decide(view)
            if found.proposals or found.gates or found.cancel:
                return found
        reading = view.policy(self.underlying)
        heard = self._is_heard(view, reading)
        action = reading.action if reading is not None and heard.passed else None
        wanted = _BUYS.get(action, "") if action is not None else ""
        packages = own_packages(view.account, self.name)
        against = [p for p in packages if action is PolicyAction.CLOSE or (wanted and p.structure != wanted)]
        if against or action is PolicyAction.CLOSE:
            reason = "policy_close" if action is PolicyAction.CLOSE else "policy_reversed"
            return self._closed(view, chain, against, reason)
        if packages or not self.schedule.is_candidate(chain, view.now_ns):
            return HOLD
        if not heard.passed:
            return Decision(reason=heard.name, gates=(heard,))
        return self._bought(view, reading, wanted, heard) if reading is not None and wanted else HOLD

    def _is_heard(self, view: View, reading: PolicyReading | None) -> Gate:
        """Return whether a policy has said something that is of now."""
        name, bound = "policy_known", self.max_reading_age_s
        if reading is None:
            return gate(name, nan, bound, passed=False, reason="no policy has spoken")
        age = (view.now_ns - reading.ts_event_ns) / _NS
        if not 0.0 <= age <= bound:
            return gate(name, age, bound, passed=False, reason="stale policy" if age > bound else "a policy of later")
        told = reading.action is not None
        return gate(name, age, bound, passed=told, reason=reading.reason or "the policy could not tell")

    def _bought(self, view: View, reading: PolicyReading, wanted: str, heard: Gate) -> Decision:
        """Return the opening that the policy wants where its own gates and those of the plan allow it."""
        gates = (heard, *self._gates(view, reading))
        failed = next((each for each in gates if not each.passed), None)
        if failed is not None:
            return Decision(reason=failed.name, gates=gates[: gates.index(failed) + 1])
        found = dict(self._entering)[wanted].decide(view)
        return replace(found, gates=gates + found.gates) if found is not HOLD else found

    def _gates(self, view: View, reading: PolicyReading) -> Sequence[Gate]:
        chance = max(reading.probabilities)
        enough = chance >= self.min_probability
        gates = [gate("policy_probability", chance, self.min_probability, passed=enough, reason="not sure enough")]
        if self.min_confidence > 0.0:
            forecast = fresh_forecast(view, self.underlying, self.max_forecast_age_s)
            confidence = nan if forecast is None else forecast.confidence
            reason = "too low" if isfinite(confidence) else "no calibrated confidence of now"
            passed = confidence >= self.min_confidence
            gates.append(gate("model_confidence", confidence, self.min_confidence, passed=passed, reason=reason))
        if self.min_value > -inf:
            reason = "costs more than it brings" if isfinite(reading.value) else "the policy has no value head"
            passed = reading.value > self.min_value
            gates.append(gate("policy_value", reading.value, self.min_value, passed=passed, reason=reason))
        return gates

    def _closed(self, view: View, chain: ChainView, packages: Sequence[HeldPackage], reason: str) -> Decision:
        """Return the orders that close packages, and withdraw what still opens; one without a price is told."""
        opening = tuple(o.order_id for o in own_working(view.account, self.name) if o.effect is PositionEffect.OPEN)
        closing = {o.package_id for o in view.account.working if o.effect is PositionEffect.CLOSE}
        proposals, gates = [], []
        for package in packages:
            if package.package_id in closing or not package.is_whole or package.quantity <= 0:
                continue
            legs = closing_legs(package.legs)
            age = (view.now_ns - chain.chain.ts_event_ns) / _NS
            price = closing_price(view, chain, legs) if age <= self.entry.max_chain_age_s else nan
            if not isfinite(price):
                gates.append(gate("closing_price_known", price, passed=False, reason="no fresh executable quote"))
                continue
            proposals.append(
                Proposal(
                    structure=package.structure,
                    legs=legs,
                    quantity=package.quantity,
                    limit_price=package_limit(legs, price, self.orders.allowance),
                    effect=PositionEffect.CLOSE,
                    package_id=package.package_id,
                    reason=reason,
                    time_in_force=self.orders.time_in_force,
                )
            )
        if not (proposals or gates or opening):
            return HOLD
        return Decision(reason=reason, proposals=tuple(proposals), cancel=opening, gates=tuple(gates))


def _long_call(delta: float, within: float) -> Structure:
    call = LegRule(ratio=1, is_call=True, strike=AtDelta(delta=delta, within=within))
    return Structure(name="long_call", legs=(call,))
