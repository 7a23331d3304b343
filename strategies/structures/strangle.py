"""Strangle: a put below and a call above the price; sold, its loss has no bound, so policy and margin gate it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta
from strategies.parameters import require_between
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

__all__ = ["LongStrangle", "ShortStrangle", "strangle"]


def strangle(delta: float, *, is_sold: bool, within: float = 0.1) -> Structure:
    """Return a strangle by delta.

    Parameters
    ----------
    delta : float
        Size of delta of both legs, in (0, 0.5).
    is_sold : bool
        True sells both legs.
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Put, call.
    """
    require_between("strangle", "delta", delta, 0.0, 0.5, open_low=True, open_high=True)
    ratio, strike = -1 if is_sold else 1, AtDelta(delta=delta, within=within)
    return Structure(
        name="short_strangle" if is_sold else "long_strangle",
        legs=(
            LegRule(ratio=ratio, is_call=False, strike=strike),
            LegRule(ratio=ratio, is_call=True, strike=strike),
        ),
        rising=(0, 1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LongStrangle:
    """A strangle bought some weeks out, sold again early.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    delta : float, optional
        Size of delta of both legs, in (0, 0.5).
    within : float, optional
        Farthest that the size of delta found may lie from the one wanted.
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
    delta: float = 0.3
    within: float = 0.1
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
    name: str = "long_strangle"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(strangle(self.delta, is_sold=False, within=self.within), liquidity=self.liquidity)
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
class ShortStrangle:
    """A strangle sold some weeks out, bought back early; its loss has no bound.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    delta : float, optional
        Size of delta of both legs, in (0, 0.5).
    within : float, optional
        Farthest that the size of delta found may lie from the one wanted.
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
    delta: float = 0.16
    within: float = 0.1
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    allows_undefined_risk: bool = False
    entry: EntryRules = EntryRules(max_short_delta=0.35, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(exit_days=21)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "short_strangle"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(strangle(self.delta, is_sold=True, within=self.within), liquidity=self.liquidity)
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
