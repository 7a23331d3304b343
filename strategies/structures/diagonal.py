"""Diagonal: the near expiration sold and a later one bought at another strike of the same right."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta, BesideLeg
from strategies.parameters import require
from strategies.plan.entry import EntryRules, Premium
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.filling import BarRules, OrderRules, filled_plan, require_closed_early
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut, FrontBack
from strategies.plan.sizing import SizeRules
from strategies.views import View

__all__ = ["Diagonal", "diagonal"]


def diagonal(short_delta: float, offset: float, *, is_call: bool = True, within: float = 0.1) -> Structure:
    """Return a diagonal (Q43).

    Parameters
    ----------
    short_delta : float
        Size of delta of the sold front leg, in (0, 1).
    offset : float
        Points from the sold strike to the bought one, away from the money; negative towards it, and not 0, which would
        be a calendar.
    is_call : bool, optional
        Right of both legs.
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Front sold, back bought.

    Notes
    -----
    Towards the money the bought strike covers the sold one wholly and the loss is about the debit; away from it the
    points between them can be lost besides. What `strategies.structures.calendar` says of European puts and of the end
    of the front holds here too.
    """
    require("diagonal", "offset", offset, "finite and not 0", holds=isfinite(offset) and offset != 0.0)
    return Structure(
        name="diagonal",
        legs=(
            LegRule(ratio=-1, is_call=is_call, strike=AtDelta(delta=short_delta, within=within), expiry=0),
            LegRule(ratio=1, is_call=is_call, strike=BesideLeg(leg=0, points=offset if is_call else -offset), expiry=1),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagonal:
    """A diagonal by delta, closed before its front ends.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    is_call : bool, optional
        Right of all legs.
    delta : float, optional
        Size of delta of the sold front leg, in (0, 1).
    offset : float, optional
        Points from the sold strike to the bought one, away from the money; negative towards it.
    within : float, optional
        Farthest that the size of delta found may lie from the one wanted.
    schedule : FrontBack, optional
        Days to each expiration.
    liquidity : Liquidity, optional
        What the quote of each leg must be like.
    entry, size, exits, orders : optional
        Gates, ceilings, ways out and terms of orders, as in `strategies.plan`.
    fuzzy, score, layers, follows_policy, hedge : optional
        As in `strategies.plan.package_plan.PackagePlan`.
    bars : BarRules, optional
        Bars whose band and true range the exits look at.
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range or does not fit another.
    """

    underlying: str
    is_call: bool = True
    delta: float = 0.3
    offset: float = -25.0
    within: float = 0.1
    schedule: FrontBack = FrontBack(
        front=DaysOut(days=30, shortest=20, longest=40), back=DaysOut(days=60, shortest=45, longest=75)
    )
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(premium=Premium.DEBIT, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(
        profit_target=0.25, profit_basis=ProfitBasis.DEBIT, stop_debit=0.5, close_before_end_s=86_400.0, exit_days=7
    )
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "diagonal"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_closed_early(self.name, self.exits)
        structure = replace(
            diagonal(self.delta, self.offset, is_call=self.is_call, within=self.within), liquidity=self.liquidity
        )
        plan = filled_plan(self, structure, self.schedule)
        object.__setattr__(self, "plan", plan)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self.plan.features

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
