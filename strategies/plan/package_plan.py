"""One flow of entry gates, size and exits, which each structure fills with its own data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final

from market.errors import ConfigError
from market.orders import PositionEffect, TimeInForce
from strategies.decisions import HOLD, Decision
from strategies.features import Feature
from strategies.legs.rules import Structure
from strategies.ownership import own_packages, own_working
from strategies.parameters import require, require_between
from strategies.plan.entry import EntryRules, Premium
from strategies.plan.exits import ExitReason, ExitRules, NextAction, ProfitBasis, Step, next_step
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules, closed_hedges, delta_of, excess_delta, hedged
from strategies.plan.joining import joined
from strategies.plan.layers import LayerRules
from strategies.plan.leaving import Leaving
from strategies.plan.opening import Opening
from strategies.plan.rolling import rolled
from strategies.plan.schedules import Schedule
from strategies.plan.sizing import SizeRules
from strategies.views import ChainView, HeldPackage, View, WorkingOrder

__all__ = ["PackagePlan"]

_NS: Final = 1_000_000_000


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
    urgent_allowance : float
        How much worse an order may fill that operator, data or hard risk demand, in [0, 1).
    fuzzy : FuzzyRules, optional
        Fuzzy sizing, one more ceiling.
    score : EntryScoreRules, optional
        Entry score, one more gate.
    layers : LayerRules, optional
        Layered score of direction, one more gate; what it says stands among the factors.
    follows_policy : bool
        Whether the size share of a policy is one more ceiling; a policy that has not spoken,
        or that is older than `entry.max_policy_age_s`, allows nothing then.
    hedge : HedgeRules, optional
        Holds the delta of its packages within bounds.
    allows_undefined_risk : bool, optional
        Whether sold legs may stand uncovered; their loss has no bound, and the size then stands on the stop.
    band, atr : Feature, optional
        Position in a Bollinger band, and average true range, for the exits that need them.

    Raises
    ------
    ConfigError
        A parameter lies outside its range or does not fit another; a sold leg is uncovered and that is not allowed, or
        no finite stop bounds what is sized.
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
    urgent_allowance: float = 0.5
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    allows_undefined_risk: bool = False
    band: Feature | None = None
    atr: Feature | None = None
    _opening: Opening = field(init=False, repr=False, compare=False)
    _leaving: Leaving = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_between(self.name, "allowance", self.allowance, 0.0, 1.0, open_high=True)
        require_between(self.name, "urgent_allowance", self.urgent_allowance, 0.0, 1.0, open_high=True)
        require_between(self.name, "order_life_s", self.order_life_s, 0.0, inf, open_high=True)
        self._require_bound()
        other = {Premium.CREDIT: ProfitBasis.DEBIT, Premium.DEBIT: ProfitBasis.CREDIT}.get(self.entry.premium)
        basis = self.exits.profit_basis
        require(self.name, "profit_basis", basis, f"one of a {self.entry.premium} structure", holds=basis is not other)
        needs_atr = self.exits.atr_multiple < inf
        require(self.name, "atr", self.atr, "a feature for atr_multiple", holds=not needs_atr or self.atr is not None)
        needs_band = self.exits.adjusts and self.exits.adjust_delta == inf
        require(self.name, "band", self.band, "a feature for adjusts", holds=not needs_band or self.band is not None)
        object.__setattr__(self, "_opening", self._way_in())
        object.__setattr__(self, "_leaving", self._way_out())

    def _require_bound(self) -> None:
        if self.structure.is_defined_risk:
            return
        if not self.allows_undefined_risk:
            raise ConfigError(
                f"{self.name}: the loss of {self.structure.name} has no bound",
                found="allows_undefined_risk = false",
                expected="a structure whose sold legs are covered",
                action="set allows_undefined_risk = true if that is what you want, and mind the margin",
            )
        stop = self.exits.stop_multiple
        require(self.name, "stop_multiple", stop, "finite: the size stands on it", holds=stop < inf)

    def _way_in(self) -> Opening:
        return Opening(
            name=self.name,
            underlying=self.underlying,
            structure=self.structure,
            schedule=self.schedule,
            entry=self.entry,
            size=self.size,
            exits=self.exits,
            allowance=self.allowance,
            time_in_force=self.time_in_force,
            fuzzy=self.fuzzy,
            score=self.score,
            layers=self.layers,
            follows_policy=self.follows_policy,
        )

    def _way_out(self) -> Leaving:
        return Leaving(
            rules=self.exits,
            band=self.band.name if self.band else "",
            atr=self.atr.name if self.atr else "",
            max_chain_age_s=self.entry.max_chain_age_s,
            allowance=self.allowance,
            urgent_allowance=self.urgent_allowance,
            time_in_force=self.time_in_force,
        )

    @property
    def features(self) -> tuple[Feature, ...]:
        """What it reads of bars."""
        own = tuple(each for each in (self.band, self.atr) if each is not None)
        found = own + (self.fuzzy.features if self.fuzzy else ()) + (self.layers.features if self.layers else ())
        return tuple(dict.fromkeys(found))

    @property
    def hedge_structure(self) -> str:
        """Name of the packages that hedge it."""
        return f"{self.structure.name}_hedge"

    def decide(self, view: View) -> Decision:
        """Return exits where any are due, else an entry where everything allows it, else a hold."""
        chain = view.chain(self.underlying)
        if chain is None:
            return HOLD
        packages = own_packages(view.account, self.name, self.structure.name)
        oldest_ns = view.now_ns - int(self.order_life_s * _NS) if self.order_life_s else -1
        old = tuple([each for each in own_working(view.account, self.name) if each.decided_ns <= oldest_ns])
        hedges = own_packages(view.account, self.name, self.hedge_structure) if self.hedge else ()
        found = self._look_after(view, chain, packages, hedges, old) if packages or hedges else HOLD
        if found.proposals or found.gates or found.reason == ExitReason.NO_VALID_MARK:
            return replace(found, cancel=tuple(dict.fromkeys((*_withdrawn(found, old), *found.cancel))))
        if old:
            return Decision(reason="order_too_old", cancel=_ids(old))
        if self.schedule.is_candidate(chain, view.now_ns):
            held = self._held(view)
            if len(held) < self.entry.max_open:
                return self._opening.decide(view, chain, held)
        return found

    def _held(self, view: View) -> list[HeldPackage]:
        """Return what the strategy holds, whatever its structures are, without hedges."""
        return [each for each in own_packages(view.account, self.name) if each.structure != self.hedge_structure]

    def _look_after(
        self,
        view: View,
        chain: ChainView,
        packages: Sequence[HeldPackage],
        hedges: Sequence[HeldPackage],
        old: Sequence[WorkingOrder],
    ) -> Decision:
        """Return what is done with all packages; each has exactly one next action."""
        delta = delta_of(self.hedge, chain, packages, hedges) if self.hedge else 0.0
        excess = excess_delta(self.hedge, delta) if self.hedge else 0.0
        found = [self._next(view, chain, package, excess, old) for package in packages]
        due = [decision for decision in found if decision is _HEDGE_DUE]
        found = [decision for decision in found if decision is not _HEDGE_DUE]
        if self.hedge and not _is_working(view, hedges):
            leave = {each.package_id for of in found for each in of.proposals if each.effect is PositionEffect.CLOSE}
            if hedges and all(package.package_id in leave for package in packages):
                reason = next((each.reason for each in found if each.proposals), "package_ended")
                proposals = closed_hedges(self.hedge, view, self.hedge_structure, hedges, reason)
                found.append(Decision(reason=reason, proposals=proposals) if proposals else HOLD)
            elif due:
                found.append(hedged(self.hedge, view, self.hedge_structure, delta, hedges))
        return joined(found)

    def _next(
        self, view: View, chain: ChainView, package: HeldPackage, excess: float, old: Sequence[WorkingOrder]
    ) -> Decision:
        """Return what is done with one package; nothing while an order that closes it works."""
        working = [each for each in view.account.working if each.package_id == package.package_id and each not in old]
        if any(each.effect is PositionEffect.CLOSE for each in working):
            return HOLD
        mark = self._leaving.mark(view, chain, package, excess)
        step = next_step(self.exits, mark)
        # What still opens comes first, unless all of it has to go.
        if step.action is NextAction.HOLD or (working and not _overtakes(step)):
            return HOLD
        if step.action is NextAction.HEDGE:
            return _HEDGE_DUE
        if step.action is NextAction.MONITOR:
            return self._leaving.watch(mark, step)
        closing = self._leaving.close(view, chain, package, mark, step)
        if step.action is NextAction.CLOSE:
            return replace(closing, cancel=_ids(working)) if closing.proposals else closing
        others = [each for each in self._held(view) if each is not package]
        return rolled(self._opening, view, chain, package, step, replace(closing, cancel=_ids(old)), others)


def _overtakes(step: Step) -> bool:
    """Return whether a step goes before an order that still opens the package."""
    return step.action is NextAction.CLOSE and step.reason is not ExitReason.BROKEN


_HEDGE_DUE: Final = Decision(reason=ExitReason.DELTA_HEDGE.value)


def _ids(orders: Sequence[WorkingOrder]) -> tuple[str, ...]:
    return tuple(each.order_id for each in orders)


def _withdrawn(found: Decision, old: Sequence[WorkingOrder]) -> list[str]:
    """Return which old orders go: all where others take their place, else only those that open."""
    return [each.order_id for each in old if found.proposals or each.effect is PositionEffect.OPEN]


def _is_working(view: View, packages: Sequence[HeldPackage]) -> bool:
    owned = {package.package_id for package in packages}
    return any(order.package_id in owned for order in view.account.working)
