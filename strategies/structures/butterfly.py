"""Butterfly: one, two and one contracts of one right at three strikes that lie equally far apart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import BesideLeg, StrikeRule, body_at
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

__all__ = ["LongButterfly", "ShortButterfly", "butterfly"]


def butterfly(
    width: float, *, is_call: bool = True, is_sold: bool = False, points: float = 0.0, step: float = 0.0
) -> Structure:
    """Return a butterfly: bought it gains where the price ends at the body, sold where it ends beyond the wings.

    Parameters
    ----------
    width : float
        Points from the body to each wing, > 0; exactly these strikes.
    is_call : bool, optional
        Right of all legs.
    is_sold : bool, optional
        True sells the wings and buys the body.
    points : float, optional
        From the underlying's price to the body.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.

    Returns
    -------
    Structure
        Body, lower wing, upper wing.
    """
    require_between("butterfly", "width", width, 0.0, inf, open_low=True, open_high=True)
    wing = -1 if is_sold else 1
    strikes: tuple[StrikeRule, ...] = (
        body_at(points, step),
        *(BesideLeg(leg=0, points=each, tolerance=0.0) for each in (-width, width)),
    )
    ratios = (-2 * wing, wing, wing)
    return Structure(
        name="short_butterfly" if is_sold else "long_butterfly",
        legs=tuple(
            LegRule(ratio=ratio, is_call=is_call, strike=strike) for ratio, strike in zip(ratios, strikes, strict=True)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LongButterfly:
    """A butterfly bought around a price at which it should end.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    width : float, optional
        Points from the body to each wing, > 0.
    is_call : bool, optional
        Right of all legs.
    points, step : float, optional
        From the price to the body, and the multiples on which it may stand (`strategies.legs.strikes.body_at`).
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

    Notes
    -----
    No stop by default: it is sized by all that it can lose, and four spreads of its quotes are a large part of that.
    """

    underlying: str
    width: float = 50.0
    is_call: bool = True
    points: float = 0.0
    step: float = 25.0
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(premium=Premium.DEBIT, max_debit_share=0.5, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(profit_target=0.25, profit_basis=ProfitBasis.MAX_PROFIT, stop_share=inf, exit_days=7)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "long_butterfly"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(
            butterfly(self.width, is_call=self.is_call, points=self.points, step=self.step), liquidity=self.liquidity
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortButterfly:
    """A butterfly sold around a price that should be left.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    width : float, optional
        Points from the body to each wing, > 0.
    is_call : bool, optional
        Right of all legs.
    points, step : float, optional
        From the price to the body, and the multiples on which it may stand (`strategies.legs.strikes.body_at`).
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

    Notes
    -----
    No stop by default, as in `LongButterfly`.
    """

    underlying: str
    width: float = 50.0
    is_call: bool = True
    points: float = 0.0
    step: float = 25.0
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(stop_multiple=inf, stop_share=inf, exit_days=7)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "short_butterfly"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(
            butterfly(self.width, is_call=self.is_call, is_sold=True, points=self.points, step=self.step),
            liquidity=self.liquidity,
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
