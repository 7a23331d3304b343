"""Straddle: a call and a put at the money; sold, its loss has no bound, so policy and margin gate it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtSpot, SameStrike
from strategies.plan.entry import EntryRules, Premium
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.filling import BarRules, OrderRules, filled_plan
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut
from strategies.plan.sizing import SizeRules
from strategies.views import View

__all__ = ["LongStraddle", "ShortStraddle", "straddle"]


def straddle(*, is_sold: bool) -> Structure:
    """Return a straddle at the strike nearest to the underlying's price.

    Parameters
    ----------
    is_sold : bool
        True sells both legs.

    Returns
    -------
    Structure
        Put, call.
    """
    ratio = -1 if is_sold else 1
    return Structure(
        name="short_straddle" if is_sold else "long_straddle",
        legs=(
            LegRule(ratio=ratio, is_call=False, strike=AtSpot()),
            LegRule(ratio=ratio, is_call=True, strike=SameStrike(leg=0)),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LongStraddle:
    """A straddle bought some weeks out, sold again early.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    schedule : DaysOut, optional
        Days to the expiration.
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
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(premium=Premium.DEBIT, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(profit_basis=ProfitBasis.DEBIT, stop_debit=0.5, exit_days=21)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "long_straddle"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(straddle(is_sold=False), liquidity=self.liquidity)
        plan = filled_plan(self, structure, self.schedule)
        object.__setattr__(self, "plan", plan)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self.plan.features

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortStraddle:
    """A straddle sold some weeks out, bought back early; its loss has no bound.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    schedule : DaysOut, optional
        Days to the expiration.
    liquidity : Liquidity, optional
        What the quote of each leg must be like.
    allows_undefined_risk : bool, optional
        Must be true: the loss of what is sold has no bound.
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
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    allows_undefined_risk: bool = False
    entry: EntryRules = EntryRules(cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(profit_target=0.25, stop_multiple=1.0, exit_days=21)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "short_straddle"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(straddle(is_sold=True), liquidity=self.liquidity)
        allowed = self.allows_undefined_risk
        plan = filled_plan(self, structure, self.schedule, allows_undefined_risk=allowed)
        object.__setattr__(self, "plan", plan)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self.plan.features

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
