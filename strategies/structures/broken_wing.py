"""Broken-wing butterfly: one wing stands farther away than the other, and all of the risk lies on that side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import BesideLeg, StrikeRule, body_at
from strategies.parameters import require_between, require_rising
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.filling import BarRules, OrderRules, filled_plan
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut
from strategies.plan.sizing import SizeRules
from strategies.views import View

__all__ = ["BrokenWing", "broken_wing"]


def broken_wing(near: float, far: float, *, is_bullish: bool, points: float = 0.0, step: float = 0.0) -> Structure:
    """Return a broken-wing butterfly: of puts where it is bullish, of calls where it is bearish.

    Parameters
    ----------
    near : float
        Points from the body to the wing in the money, > 0; exactly this strike.
    far : float
        Points from the body to the wing out of the money, above `near`; exactly this strike.
    is_bullish : bool
        True buys a put above, sells two at the body and buys one far below: nothing but the price of the package can be
        lost above, and ``far - near`` plus that price below. False mirrors it with calls.
    points : float, optional
        From the underlying's price to the body.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.

    Returns
    -------
    Structure
        Body, wing in the money, wing out of the money.

    Notes
    -----
    The pay-off fixes the direction (EQ15): puts make it bullish and calls bearish, and no parameter can name it
    otherwise. Opened for a credit it cannot lose on its near side, fees and early assignment left aside.
    """
    require_between("broken_wing", "near", near, 0.0, inf, open_low=True, open_high=True)
    require_rising("broken_wing", "near", near, "far", far)
    up = 1.0 if is_bullish else -1.0  # puts are in the money above the price, calls below
    strikes: tuple[StrikeRule, ...] = (
        body_at(points, step),
        BesideLeg(leg=0, points=up * near, tolerance=0.0),
        BesideLeg(leg=0, points=-up * far, tolerance=0.0),
    )
    return Structure(
        name="bullish_broken_wing" if is_bullish else "bearish_broken_wing",
        legs=tuple(
            LegRule(ratio=ratio, is_call=not is_bullish, strike=strike)
            for ratio, strike in zip((-2, 1, 1), strikes, strict=True)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenWing:
    """A broken-wing butterfly for a credit: bullish of puts, bearish of calls.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    is_bullish : bool, optional
        True takes puts, whose risk lies below; False calls, whose risk lies above.
    near, far : float, optional
        Points from the body to the wings, ``0 < near < far``.
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
    The gates ask for a credit, so that there is no risk on the near side (Q47); `entry.premium` of ``either`` takes a
    debit too, which is then what the near side can lose.
    """

    underlying: str
    is_bullish: bool = True
    near: float = 25.0
    far: float = 50.0
    points: float = 0.0
    step: float = 25.0
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(
        profit_target=0.25, profit_basis=ProfitBasis.MAX_PROFIT, stop_multiple=inf, stop_share=0.5, exit_days=7
    )
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "broken_wing"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(
            broken_wing(self.near, self.far, is_bullish=self.is_bullish, points=self.points, step=self.step),
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
