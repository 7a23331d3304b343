"""Iron condor whose strikes lie at expected moves from the price, as the straddle at the money tells them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import Structure
from strategies.legs.strikes import AtExpectedMove
from strategies.parameters import require_between, require_rising
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.filling import BarRules, OrderRules, filled_plan
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut
from strategies.plan.sizing import SizeRules
from strategies.structures.iron_condor import condor_of
from strategies.views import View

__all__ = ["ExpectedMoveCondor", "condor_by_expected_move"]


def condor_by_expected_move(
    *, short_moves: float = 1.0, wing_moves: float = 1.5, straddle_share: float = 0.8, volume_reach: float = 0.0
) -> Structure:
    """Return an iron condor whose strikes lie at expected moves from the underlying's price (Z19a).

    Parameters
    ----------
    short_moves, wing_moves : float, optional
        Expected moves to the sold and to the bought strikes, ``0 < short_moves < wing_moves``.
    straddle_share, volume_reach : float, optional
        As in `strategies.legs.strikes.AtExpectedMove`.

    Returns
    -------
    Structure
        Put sold, put wing bought, call sold, call wing bought.
    """
    require_between("expected_move_condor", "short_moves", short_moves, 0.0, inf, open_low=True, open_high=True)
    require_rising("expected_move_condor", "short_moves", short_moves, "wing_moves", wing_moves)

    def at(moves: float) -> AtExpectedMove:
        return AtExpectedMove(moves=moves, straddle_share=straddle_share, volume_reach=volume_reach)

    return condor_of("expected_move_condor", at(-short_moves), at(-wing_moves), at(short_moves), at(wing_moves))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMoveCondor:
    """An iron condor at expected moves, some weeks out, closed early (Z19a).

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    short_moves, wing_moves, straddle_share, volume_reach : float, optional
        As in `condor_by_expected_move`; a reach of 0.2 takes the most traded strike near each point.
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
    short_moves: float = 1.0
    wing_moves: float = 1.5
    straddle_share: float = 0.8
    volume_reach: float = 0.0
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(min_credit_share=0.1, min_credit=0.05, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules(max_packages=5)
    exits: ExitRules = ExitRules(exit_days=21)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "expected_move_condor"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(
            condor_by_expected_move(
                short_moves=self.short_moves,
                wing_moves=self.wing_moves,
                straddle_share=self.straddle_share,
                volume_reach=self.volume_reach,
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
