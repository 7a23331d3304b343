"""Flyagonal: a broken-wing butterfly of calls above the price and a diagonal of puts below it, sold for calm days."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from risk.limits.size_schedule import SizeSchedule
from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtLevel, BesideLeg, Rounding
from strategies.parameters import require_between
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

__all__ = ["Flyagonal", "flyagonal"]


def flyagonal(
    *,
    call_step: float = 10.0,
    near: float = 50.0,
    far: float = 60.0,
    put_share: float = 0.03,
    put_step: float = 5.0,
    put_width: float = 50.0,
) -> Structure:
    """Return a flyagonal (Z53a): defaults for SPX; for SPY steps of 1, wings of 5 and 6, and a put width of 5.

    Parameters
    ----------
    call_step : float, optional
        The lower call stands one step above the first multiple of it at or above the price, points, > 0.
    near, far : float, optional
        Points from the lower call to the two that are sold, and from these to the upper call, > 0.
    put_share : float, optional
        How far below the price the put is sold, as a share of it, in (0, 1).
    put_step : float, optional
        Its strike is rounded to a multiple of this, points, > 0.
    put_width : float, optional
        Points from the put sold to the one bought below it in the later expiration, > 0.

    Returns
    -------
    Structure
        Lower call, two calls, upper call, put sold, all of the nearer expiration; put bought in the later one. Every
        strike exactly, or none.

    Notes
    -----
    Of the calls alone (EZ6): the largest profit stands at the sold strike, below the lower one the debit is lost, and
    beyond the upper one the debit and ``far - near``. The diagonal adds ``put_width`` below the put sold, and what the
    later put is worth at the nearer end is a matter of volatility. Five instruments are more than a venue takes in one
    order: they go as two linked ones, the diagonal and the butterfly (`execution.packages.linked_groups`).
    """
    for name, value in (("near", near), ("far", far), ("put_width", put_width)):
        require_between("flyagonal", name, value, 0.0, inf, open_low=True, open_high=True)
    require_between("flyagonal", "put_share", put_share, 0.0, 1.0, open_low=True, open_high=True)
    lower = AtLevel(step=call_step, rounding=Rounding.UP, points=call_step)
    sold = AtLevel(step=put_step, rounding=Rounding.NEAREST, share=-put_share)
    return Structure(
        name="flyagonal",
        legs=(
            LegRule(ratio=1, is_call=True, strike=lower),
            LegRule(ratio=-2, is_call=True, strike=BesideLeg(leg=0, points=near, tolerance=0.0)),
            LegRule(ratio=1, is_call=True, strike=BesideLeg(leg=1, points=far, tolerance=0.0)),
            LegRule(ratio=-1, is_call=False, strike=sold),
            LegRule(ratio=1, is_call=False, strike=BesideLeg(leg=3, points=-put_width, tolerance=0.0), expiry=1),
        ),
        rising=(4, 3, 0, 1, 2),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Flyagonal:
    """A flyagonal eight to ten days out, held about four and a half days (Z53b).

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    call_step, near, far, put_share, put_step, put_width : float, optional
        As in `flyagonal`.
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

    Notes
    -----
    One entry a session, three packages at most, none below a VIX of 8 or above 50, and in between the sizes of
    `risk.limits.size_schedule.Z53B_STEPS`, of which those above 1 lift no ceiling.
    """

    underlying: str
    call_step: float = 10.0
    near: float = 50.0
    far: float = 60.0
    put_share: float = 0.03
    put_step: float = 5.0
    put_width: float = 50.0
    schedule: FrontBack = FrontBack(
        front=DaysOut(days=8, shortest=8, longest=10), back=DaysOut(days=16, shortest=14, longest=20)
    )
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(
        premium=Premium.EITHER,
        min_volatility_index=8.0,
        max_volatility_index=50.0,
        max_open=3,
        cool_down_s=0.0,
    )
    size: SizeRules = SizeRules(schedule=SizeSchedule())
    exits: ExitRules = ExitRules(
        profit_target=0.1,
        profit_basis=ProfitBasis.MAX_LOSS,
        stop_multiple=inf,
        stop_share=0.5,
        max_hold_s=388_800.0,
        close_before_end_s=86_400.0,
        adjusts=True,
        adjust_delta=0.15,
    )
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "flyagonal"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_closed_early(self.name, self.exits)
        structure = replace(
            flyagonal(
                call_step=self.call_step,
                near=self.near,
                far=self.far,
                put_share=self.put_share,
                put_step=self.put_step,
                put_width=self.put_width,
            ),
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
