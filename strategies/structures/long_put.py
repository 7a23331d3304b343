"""Long put: bought for a crash; its price is all that it can lose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta
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

__all__ = ["LongPut", "long_put"]


def long_put(delta: float, *, within: float = 0.1) -> Structure:
    """Return a put by delta.

    Parameters
    ----------
    delta : float
        Size of delta, in (0, 1).
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        One leg.
    """
    put = LegRule(ratio=1, is_call=False, strike=AtDelta(delta=delta, within=within))
    return Structure(name="long_put", legs=(put,))


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPut:
    """A put bought for a crash; in one it is held and not closed.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    delta : float, optional
        Size of delta, in (0, 1).
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
    delta: float = 0.25
    within: float = 0.1
    schedule: DaysOut = DaysOut(days=60, shortest=45, longest=90)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(premium=Premium.DEBIT, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(
        profit_target=1.0, profit_basis=ProfitBasis.DEBIT, stop_debit=0.5, exit_days=21, closes_in_crash=False
    )
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "long_put"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(long_put(self.delta, within=self.within), liquidity=self.liquidity)
        plan = filled_plan(self, structure, self.schedule)
        object.__setattr__(self, "plan", plan)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self.plan.features

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
