"""The plan of each structure that the selector can choose, from a few tables of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

from strategies.legs.rules import Structure
from strategies.parameters import require_between, require_rising
from strategies.plan.entry import EntryRules, Premium
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.filling import OrderRules, require_closed_early
from strategies.plan.fuzzy import FuzzyRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut, FrontBack, Schedule
from strategies.plan.sizing import SizeRules
from strategies.selector.table import Choice
from strategies.structures.broken_wing import broken_wing
from strategies.structures.calendar import calendar
from strategies.structures.iron_condor import condor_by_delta
from strategies.structures.long_put import long_put

__all__ = ["CondorTerms", "SelectorTerms", "WingTerms", "selector_plans"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CondorTerms:
    """Strikes of an iron condor.

    Parameters
    ----------
    short_delta : float
        Size of delta of both sold legs, in (0, 0.5).
    width : float
        Points from a sold strike to its wing, > 0.
    """

    short_delta: float = 0.16
    width: float = 25.0

    def __post_init__(self) -> None:
        require_between("condor", "short_delta", self.short_delta, 0.0, 0.5, open_low=True, open_high=True)
        require_between("condor", "width", self.width, 0.0, inf, open_low=True, open_high=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WingTerms:
    """Strikes of the broken wings.

    Parameters
    ----------
    near, far : float
        Points from the body to the wings, ``0 < near < far``.
    points, step : float
        From the price to the body, and the multiples on which it may stand.
    """

    near: float = 25.0
    far: float = 50.0
    points: float = 0.0
    step: float = 25.0

    def __post_init__(self) -> None:
        require_between("wings", "near", self.near, 0.0, inf, open_low=True, open_high=True)
        require_rising("wings", "near", self.near, "far", self.far)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorTerms:
    """What each structure is like, when it is opened and how it is closed.

    Parameters
    ----------
    wide, narrow : CondorTerms
        Condors of high and of low volatility.
    wings : WingTerms
        Broken wings.
    calendar_step : float
        Multiples on which the strike of a calendar may stand, points; 0 takes the nearest.
    put_delta : float
        Size of delta of the long put of a crash, in (0, 1).
    days : DaysOut
        Expirations of condors and broken wings.
    months : FrontBack
        Expirations of calendars.
    put_days : DaysOut
        Expirations of long puts.
    condor_exits, wing_exits, calendar_exits, put_exits : ExitRules
        The ways out; the put of a crash is not closed because of the crash.
    """

    wide: CondorTerms = CondorTerms(short_delta=0.12, width=50.0)
    narrow: CondorTerms = CondorTerms(short_delta=0.2, width=25.0)
    wings: WingTerms = WingTerms()
    calendar_step: float = 25.0
    put_delta: float = 0.25
    days: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    months: FrontBack = FrontBack(
        front=DaysOut(days=30, shortest=20, longest=40), back=DaysOut(days=60, shortest=45, longest=75)
    )
    put_days: DaysOut = DaysOut(days=60, shortest=45, longest=90)
    condor_exits: ExitRules = ExitRules(exit_days=21)
    wing_exits: ExitRules = ExitRules(
        profit_target=0.25, profit_basis=ProfitBasis.MAX_PROFIT, stop_multiple=inf, stop_share=0.5, exit_days=7
    )
    calendar_exits: ExitRules = ExitRules(
        profit_target=0.25, profit_basis=ProfitBasis.DEBIT, stop_debit=0.5, close_before_end_s=86_400.0, exit_days=7
    )
    put_exits: ExitRules = ExitRules(
        profit_target=1.0, profit_basis=ProfitBasis.DEBIT, stop_debit=0.5, exit_days=21, closes_in_crash=False
    )


def selector_plans(
    name: str,
    underlying: str,
    terms: SelectorTerms,
    entry: EntryRules,
    size: SizeRules,
    orders: OrderRules,
    fuzzy: FuzzyRules | None = None,
) -> Mapping[Choice, PackagePlan]:
    """Return the plan of each structure; all share the name of the strategy, and no two that of a structure.

    Parameters
    ----------
    name, underlying : str
        Of the strategy, and whose chain it trades.
    terms : SelectorTerms
        Legs, expirations and exits.
    entry : EntryRules
        Gates of all; the way of the premium is each structure's own.
    size : SizeRules
        Ceilings of all.
    orders : OrderRules
        Terms of all orders.
    fuzzy : FuzzyRules, optional
        Fuzzy sizing of all.

    Returns
    -------
    mapping of Choice to PackagePlan
        Without standing aside.

    Raises
    ------
    ConfigError
        A parameter lies outside its range or does not fit another.
    """
    require_closed_early(name, terms.calendar_exits)

    def plan(structure: Structure, schedule: Schedule, exits: ExitRules, premium: Premium) -> PackagePlan:
        return PackagePlan(
            name=name,
            underlying=underlying,
            structure=structure,
            schedule=schedule,
            entry=replace(entry, premium=premium),
            size=size,
            exits=exits,
            allowance=orders.allowance,
            order_life_s=orders.order_life_s,
            time_in_force=orders.time_in_force,
            fuzzy=fuzzy,
        )

    def condor(condor_terms: CondorTerms, called: Choice) -> PackagePlan:
        legs = condor_by_delta(condor_terms.short_delta, condor_terms.width)
        return plan(replace(legs, name=called.value), terms.days, terms.condor_exits, Premium.CREDIT)

    def wing(*, is_bullish: bool) -> PackagePlan:
        w = terms.wings
        legs = broken_wing(w.near, w.far, is_bullish=is_bullish, points=w.points, step=w.step)
        return plan(legs, terms.days, terms.wing_exits, Premium.CREDIT)

    return {
        Choice.LONG_PUT: plan(long_put(terms.put_delta), terms.put_days, terms.put_exits, Premium.DEBIT),
        Choice.BULLISH_BROKEN_WING: wing(is_bullish=True),
        Choice.BEARISH_BROKEN_WING: wing(is_bullish=False),
        Choice.WIDE_CONDOR: condor(terms.wide, Choice.WIDE_CONDOR),
        Choice.NARROW_CONDOR: condor(terms.narrow, Choice.NARROW_CONDOR),
        Choice.CALENDAR: plan(calendar(step=terms.calendar_step), terms.months, terms.calendar_exits, Premium.DEBIT),
    }
