"""Calendar: the near expiration sold and a later one bought at one strike and right."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import SameStrike, body_at
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

__all__ = ["Calendar", "calendar"]


def calendar(*, is_call: bool = True, share: float = 0.0, step: float = 0.0) -> Structure:
    """Return a calendar (Q42, Q46).

    Parameters
    ----------
    is_call : bool, optional
        Right of both legs.
    share : float, optional
        From the underlying's price to the strike, as a share of it; 0 stands at the money.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.

    Returns
    -------
    Structure
        Front sold, back bought.

    Notes
    -----
    Until the front ends the loss is about the debit: the back is worth at least as much as the front to a holder who
    may exercise it. A European put far in the money is worth less than its intrinsic value by the interest on its
    strike, so that a European put calendar can lose that much more; calls, the default, cannot where dividends are
    small against interest. It gains from a rise of all volatilities alike, and hardly from one that is largest in the
    front (EQ14). The front must be closed before it ends: beyond that the back stands alone.
    """
    return Structure(
        name="calendar",
        legs=(
            LegRule(ratio=-1, is_call=is_call, strike=body_at(0.0, step, share), expiry=0),
            LegRule(ratio=1, is_call=is_call, strike=SameStrike(leg=0), expiry=1),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A calendar at the money, closed before its front ends.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    is_call : bool, optional
        Right of all legs.
    share : float, optional
        From the price to the strike, as a share of it.
    step : float, optional
        Multiples on which the strike may stand; 0 takes the nearest.
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
    Meant for a low rank of implied volatility and a low VIX (Q44): `entry.max_iv_rank` of 0.2 and
    `entry.max_volatility_index` of 12 say so, and the selector does.
    """

    underlying: str
    is_call: bool = True
    share: float = 0.0
    step: float = 25.0
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
    name: str = "calendar"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_closed_early(self.name, self.exits)
        structure = replace(calendar(is_call=self.is_call, share=self.share, step=self.step), liquidity=self.liquidity)
        plan = filled_plan(self, structure, self.schedule)
        object.__setattr__(self, "plan", plan)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self.plan.features

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
