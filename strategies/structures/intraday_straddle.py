"""Straddles sold on the session's own expiration in several windows of a day; their loss has no bound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import time

from market.orders import TimeInForce
from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.filling import BarRules, OrderRules, filled_plan
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import EntryWindows, FixedTime
from strategies.plan.sizing import SizeRules
from strategies.structures.straddle import straddle
from strategies.views import View

__all__ = ["IntradayStraddle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntradayStraddle:
    """Sell straddles on the session's own expiration in several windows of a day; their loss has no bound.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    windows : EntryWindows, optional
        Windows of a day, and how many entries it may have (Z5).
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

    Notes
    -----
    Z5: four windows, so many entries a day, four hours at most, all closed from 15:30 on, half of the credit as profit
    and one credit as loss.
    """

    underlying: str
    windows: EntryWindows = EntryWindows(
        times=(
            FixedTime(at=time(10, 0)),
            FixedTime(at=time(11, 30)),
            FixedTime(at=time(13, 0)),
            FixedTime(at=time(14, 30)),
        ),
        most=2,
    )
    liquidity: Liquidity = Liquidity()
    allows_undefined_risk: bool = False
    entry: EntryRules = EntryRules(max_open=2, cool_down_s=300.0, reenters=True)
    size: SizeRules = SizeRules(risk_share=0.01, cash_reserve=0.2)
    exits: ExitRules = ExitRules(stop_multiple=1.0, profit_target=0.5, max_hold_s=14_400.0, close_at=time(15, 30))
    orders: OrderRules = OrderRules(order_life_s=300.0, time_in_force=TimeInForce.DAY)
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "intraday_straddle"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(straddle(is_sold=True), liquidity=self.liquidity)
        allowed = self.allows_undefined_risk
        plan = filled_plan(self, structure, self.windows, allows_undefined_risk=allowed)
        object.__setattr__(self, "plan", plan)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self.plan.features

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
