"""An iron condor whose sold strikes lean the way that a divergence points."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from strategies.decisions import HOLD, Decision
from strategies.divergence.rules import DivergenceRules
from strategies.features import Feature
from strategies.legs.rules import Structure
from strategies.legs.strikes import AtDelta
from strategies.ownership import has_working, own_packages
from strategies.parameters import require_between
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.filling import OrderRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut
from strategies.plan.sizing import SizeRules
from strategies.structures.iron_condor import condor_by_delta
from strategies.views import View

__all__ = ["DivergenceCondor", "leaning_condor"]


def leaning_condor(short_delta: float, width: float, lean: float) -> Structure:
    """Return an iron condor that leaves more room on one side.

    Parameters
    ----------
    short_delta : float
        Size of delta of both sold legs without a lean, in (0, 0.5).
    width : float
        Points from a sold strike to its wing, > 0.
    lean : float
        Delta that is moved from the call to the put: positive leaves more room above; its size below `short_delta`,
        and ``short_delta + |lean|`` below 0.5.

    Returns
    -------
    Structure
        Under the name of the condor without a lean, whose exits look after it.
    """
    require_between("leaning_condor", "lean", abs(lean), 0.0, min(short_delta, 0.5 - short_delta), open_high=True)
    upright = condor_by_delta(short_delta, width)
    put, put_wing, call, call_wing = upright.legs
    put = replace(put, strike=AtDelta(delta=short_delta + lean))
    call = replace(call, strike=AtDelta(delta=short_delta - lean))
    return replace(upright, legs=(put, put_wing, call, call_wing))


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceCondor:
    """An iron condor that leaves more room where the future points, while the overlay is on.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    rules : DivergenceRules, optional
        When a divergence counts.
    short_delta : float, optional
        Size of delta of both sold legs without a divergence, in (0, 0.5).
    width : float, optional
        Points from a sold strike to its wing, > 0.
    lean : float, optional
        Delta moved from one sold leg to the other where it counts, in (0, `short_delta`).
    schedule : DaysOut, optional
        Days to the expiration.
    entry, size, exits, orders : optional
        Gates, ceilings, ways out and terms of orders, as in `strategies.plan`.
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range or does not fit another.
    """

    underlying: str
    rules: DivergenceRules = DivergenceRules()  # noqa: RUF009  # frozen
    short_delta: float = 0.16
    width: float = 25.0
    lean: float = 0.06
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    entry: EntryRules = EntryRules(cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(exit_days=21)
    orders: OrderRules = OrderRules()
    name: str = "divergence_condor"
    _plans: tuple[PackagePlan, PackagePlan, PackagePlan] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_between(self.name, "lean", self.lean, 0.0, inf, open_low=True)
        plans = tuple(
            PackagePlan(
                name=self.name,
                underlying=self.underlying,
                structure=leaning_condor(self.short_delta, self.width, side * self.lean),
                schedule=self.schedule,
                entry=self.entry,
                size=self.size,
                exits=self.exits,
                allowance=self.orders.allowance,
                order_life_s=self.orders.order_life_s,
                time_in_force=self.orders.time_in_force,
            )
            for side in (0, 1, -1)  # places 0, 1 and -1
        )
        object.__setattr__(self, "_plans", plans)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self._plans[0].features

    def decide(self, view: View) -> Decision:
        """Return what the plan of the side decides that the divergence points to."""
        if not self.rules.enabled or own_packages(view.account, self.name) or has_working(view.account, self.name):
            return self._plans[0].decide(view)
        found = self.rules.read(view)
        decision = self._plans[self.rules.direction(found)].decide(view)
        if decision is HOLD:
            return HOLD
        told = (("divergence", found.size), ("divergence_z", found.z))
        return replace(decision, factors=(*told, *decision.factors))
