"""Vertical spreads: two strikes of one right and expiration; both the gain and the loss end at the strikes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta, BesideLeg, SkewPenalty
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

__all__ = ["CreditSpread", "DebitSpread", "credit_spread", "debit_spread"]


def credit_spread(
    short_delta: float, width: float, *, is_bullish: bool, within: float = 0.1, penalty: SkewPenalty | None = None
) -> Structure:
    """Return a spread that is sold out of the money: a bull put or a bear call spread.

    Parameters
    ----------
    short_delta : float
        Size of delta of the sold leg, in (0, 1).
    width : float
        Points from the sold strike to the bought one, which lies farther out of the money, > 0.
    is_bullish : bool
        True sells puts, which keep the credit while the price stays above; False sells calls.
    within, penalty : optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Sold, bought.
    """
    away = _away("credit spread", width, is_call=not is_bullish)
    sold = AtDelta(delta=short_delta, within=within, penalty=penalty)
    return Structure(
        name="bull_put_spread" if is_bullish else "bear_call_spread",
        legs=(
            LegRule(ratio=-1, is_call=not is_bullish, strike=sold),
            LegRule(ratio=1, is_call=not is_bullish, strike=BesideLeg(leg=0, points=away)),
        ),
    )


def debit_spread(long_delta: float, width: float, *, is_bullish: bool, within: float = 0.1) -> Structure:
    """Return a spread that is bought near the money: a bull call or a bear put spread.

    Parameters
    ----------
    long_delta : float
        Size of delta of the bought leg, in (0, 1).
    width : float
        Points from the bought strike to the sold one, which lies farther out of the money, > 0.
    is_bullish : bool
        True buys calls, False puts.
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Bought, sold.
    """
    away = _away("debit spread", width, is_call=is_bullish)
    return Structure(
        name="bull_call_spread" if is_bullish else "bear_put_spread",
        legs=(
            LegRule(ratio=1, is_call=is_bullish, strike=AtDelta(delta=long_delta, within=within)),
            LegRule(ratio=-1, is_call=is_bullish, strike=BesideLeg(leg=0, points=away)),
        ),
    )


def _away(owner: str, width: float, *, is_call: bool) -> float:
    require_between(owner, "width", width, 0.0, inf, open_low=True, open_high=True)
    return width if is_call else -width


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditSpread:
    """A bull put or a bear call spread by delta, some weeks out, closed early.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    is_bullish : bool, optional
        True sells puts, False calls.
    delta : float, optional
        Size of delta of the sold leg, in (0, 1).
    width : float, optional
        Points to the bought leg, > 0.
    within : float, optional
        Farthest that the size of delta found may lie from the one wanted.
    penalty : SkewPenalty, optional
        Chooses among strikes by their volatility too (Q12, Q13).
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
    is_bullish: bool = True
    delta: float = 0.2
    width: float = 50.0
    within: float = 0.1
    penalty: SkewPenalty | None = None
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(min_credit_share=0.1, max_short_delta=0.35, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(exit_days=21)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "credit_spread"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(
            credit_spread(self.delta, self.width, is_bullish=self.is_bullish, within=self.within, penalty=self.penalty),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitSpread:
    """A bull call or a bear put spread by delta, some weeks out, closed early.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    is_bullish : bool, optional
        True buys calls, False puts.
    delta : float, optional
        Size of delta of the bought leg, in (0, 1).
    width : float, optional
        Points to the sold leg, > 0.
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
    is_bullish: bool = True
    delta: float = 0.5
    width: float = 50.0
    within: float = 0.1
    schedule: DaysOut = DaysOut(days=45, shortest=30, longest=60)
    liquidity: Liquidity = Liquidity()
    entry: EntryRules = EntryRules(premium=Premium.DEBIT, max_debit_share=0.7, cool_down_s=0.0, reenters=True)
    size: SizeRules = SizeRules()
    exits: ExitRules = ExitRules(profit_basis=ProfitBasis.MAX_PROFIT, stop_debit=0.5, exit_days=21)
    orders: OrderRules = OrderRules()
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "debit_spread"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        structure = replace(
            debit_spread(self.delta, self.width, is_bullish=self.is_bullish, within=self.within),
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
