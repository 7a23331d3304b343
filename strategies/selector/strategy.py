"""A strategy of several structures: the regimes choose which is opened, each looks after its own to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf, nan

from fields.regime import Market
from strategies.decisions import HOLD, Decision, Gate
from strategies.features import Feature
from strategies.ownership import has_working, own_packages
from strategies.parameters import require_between
from strategies.plan.entry import EntryRules
from strategies.plan.filling import OrderRules
from strategies.plan.fuzzy import FuzzyRules
from strategies.plan.gates import gate
from strategies.plan.joining import joined
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import NoEntries
from strategies.plan.sizing import SizeRules
from strategies.selector.facts import factors_of, facts_of, reading_age_s
from strategies.selector.plans import SelectorTerms, selector_plans
from strategies.selector.table import Choice, RegimeFacts, SelectorConfig, select
from strategies.views import View

__all__ = ["RegimeSelector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeSelector:
    """Opens the structure that the regimes choose, or none; what is held is closed by its own rules in any regime.

    Parameters
    ----------
    underlying : str
        Whose chain it trades, and whose regimes it reads.
    selector : SelectorConfig, optional
        Flags, bounds and fallbacks of the table.
    terms : SelectorTerms, optional
        What each structure is like.
    entry : EntryRules, optional
        Gates of all structures; `max_open` counts the packages of all.
    size : SizeRules, optional
        Ceilings of all.
    orders : OrderRules, optional
        Terms of all orders.
    fuzzy : FuzzyRules, optional
        Fuzzy sizing of all.
    reads_field : bool, optional
        Whether dealers' feedback and the rank of implied volatility are read; without them both are unknown, and no
        field is computed.
    max_reading_age_s : float, optional
        Oldest regimes that are acted upon, seconds, > 0.
    skew_series : str, optional
        Name of the SKEW index among the series.
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range or does not fit another.
    """

    underlying: str
    selector: SelectorConfig = SelectorConfig()  # noqa: RUF009  # frozen
    terms: SelectorTerms = SelectorTerms()  # noqa: RUF009  # frozen
    entry: EntryRules = EntryRules(cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    reads_field: bool = True
    max_reading_age_s: float = 900.0
    skew_series: str = "SKEW"
    name: str = "regime_selector"
    plans: Mapping[Choice, PackagePlan] = field(init=False, repr=False, compare=False)
    _keeping: tuple[PackagePlan, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_between(self.name, "max_reading_age_s", self.max_reading_age_s, 0.0, inf, open_low=True)
        plans = selector_plans(self.name, self.underlying, self.terms, self.entry, self.size, self.orders, self.fuzzy)
        object.__setattr__(self, "plans", plans)
        keeping = tuple(replace(plan, schedule=NoEntries(inner=plan.schedule)) for plan in plans.values())
        object.__setattr__(self, "_keeping", keeping)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the rules of its plans read, which the run declares."""
        return tuple(dict.fromkeys(each for plan in self.plans.values() for each in plan.features))

    def decide(self, view: View) -> Decision:
        """Return exits where any are due, else an entry of the structure that the regimes choose, else a hold."""
        chain = view.chain(self.underlying)
        if chain is None:
            return HOLD
        found = self._look_after(view)
        if found is not HOLD:
            return found
        is_full = len(own_packages(view.account, self.name)) >= self.entry.max_open
        if is_full or not any(plan.schedule.is_candidate(chain, view.now_ns) for plan in self.plans.values()):
            return HOLD
        return self._enter(view)

    def _look_after(self, view: View) -> Decision:
        """Let each structure look after its own packages, and withdraw orders that are too old."""
        held = {package.structure for package in own_packages(view.account, self.name)}
        if not held and not has_working(view.account, self.name):
            return HOLD
        minding = [plan for plan in self._keeping if plan.structure.name in held] or list(self._keeping[:1])
        found = [decision for plan in minding if (decision := plan.decide(view)) is not HOLD]
        return joined(found) if found else HOLD

    def _enter(self, view: View) -> Decision:
        readings = view.readings(self.underlying, with_field=self.reads_field)
        age, bound = reading_age_s(readings, view.now_ns), self.max_reading_age_s
        read = gate("regime_read", age, bound, passed=0.0 <= age <= bound, reason="no regime of now was read")
        if not read.passed:
            return Decision(reason=read.name, gates=(read,))
        facts = facts_of(readings, view.series(self.skew_series).value)
        chosen, factors = select(facts, self.selector), factors_of(facts)
        gates = (read, *_shown(facts), *chosen.gates)
        if chosen.choice is Choice.STAND_ASIDE:
            return Decision(reason=Choice.STAND_ASIDE.value, gates=gates, factors=factors)
        found = self.plans[chosen.choice].decide(view)
        if found is HOLD:
            return HOLD
        return replace(found, gates=(*gates, *found.gates), factors=(*factors, *found.factors))


def _shown(facts: RegimeFacts) -> tuple[Gate, ...]:
    """Return gates that only show which states were seen, so that the funnel counts views by them."""
    if facts.market is Market.UNKNOWN:
        return ()
    names = (
        f"market_{facts.market.value}",
        f"feedback_{facts.feedback.value}",
        f"term_structure_{facts.term_structure.value}",
    )
    return tuple(
        gate(name.lower(), facts.vix if place == 0 else nan, passed=True, reason="") for place, name in enumerate(names)
    )
