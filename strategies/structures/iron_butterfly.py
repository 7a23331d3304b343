"""Iron butterfly: a straddle sold at the money inside a strangle that is bought as its wings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import BesideLeg, SameStrike, WidthStep, body_at
from strategies.parameters import require_between
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.filling import BarRules, OrderRules, filled_plan
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut
from strategies.plan.sizing import SizeRules
from strategies.views import View

__all__ = ["IronButterfly", "iron_butterfly"]


def iron_butterfly(
    width: float, *, points: float = 0.0, step: float = 0.0, steps: tuple[WidthStep, ...] = ()
) -> Structure:
    """Return an iron butterfly.

    Parameters
    ----------
    width : float
        Points from the body to each wing, > 0; exactly these strikes.
    points : float, optional
        From the underlying's price to the body.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.
    steps : tuple of WidthStep, optional
        Wider wings by what the market is like (Q15).

    Returns
    -------
    Structure
        Put and call of the body sold, put wing and call wing bought.
    """
    require_between("iron_butterfly", "width", width, 0.0, inf, open_low=True, open_high=True)
    put_wing = BesideLeg(leg=0, points=-width, tolerance=0.0, steps=steps)
    call_wing = BesideLeg(leg=1, points=width, tolerance=0.0, steps=steps)
    return Structure(
        name="iron_butterfly",
        legs=(
            LegRule(ratio=-1, is_call=False, strike=body_at(points, step)),
            LegRule(ratio=-1, is_call=True, strike=SameStrike(leg=0)),
            LegRule(ratio=1, is_call=False, strike=put_wing),
            LegRule(ratio=1, is_call=True, strike=call_wing),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IronButterfly:
    """An iron butterfly at the money, some weeks out, closed early.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    width : float, optional
        Points from the body to each wing, > 0.
    points, step : float, optional
        From the price to the body, and the multiples on which it may stand (`strategies.legs.strikes.body_at`).
    steps : tuple of WidthStep, optional
        Wider wings by what the market is like (Q15).
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
    Its credit is most of its width, so that a stop at a share of the largest loss would be the spread of its quotes.
    """

    underlying: str
    width: float = 50.0
    points: float = 0.0
    step: float = 25.0
    steps: tuple[WidthStep, ...] = ()
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(min_credit_share=0.1, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(profit_target=0.25, stop_multiple=1.0, stop_share=inf, exit_days=21)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "iron_butterfly"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(
            iron_butterfly(self.width, points=self.points, step=self.step, steps=self.steps), liquidity=self.liquidity
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
