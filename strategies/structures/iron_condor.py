"""Iron condor: a short put spread and a short call spread around the price, sold for a credit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from market.orders import TimeInForce
from strategies.decisions import Decision
from strategies.features import Feature
from strategies.legs.liquidity import Liquidity
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta, BesideLeg, SkewPenalty, StrikeRule, WidthStep
from strategies.parameters import require_between, require_rising
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.filling import BarRules
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.layers import LayerRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut
from strategies.plan.sizing import SizeRules
from strategies.views import View

__all__ = ["IronCondor", "condor_by_delta", "condor_of"]


def condor_by_delta(
    short_delta: float,
    width: float,
    *,
    steps: tuple[WidthStep, ...] = (),
    within: float = 1.0,
    penalty: SkewPenalty | None = None,
) -> Structure:
    """Return an iron condor whose sold strikes have a delta and whose wings lie a distance beyond.

    Parameters
    ----------
    short_delta : float
        Size of delta of both sold legs, in (0, 0.5).
    width : float
        Points from a sold strike to its wing, > 0.
    steps : tuple of WidthStep, optional
        Wider wings by what the market is like (Q15).
    within, penalty : optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Put sold, put wing bought, call sold, call wing bought.
    """
    require_between("iron_condor", "short_delta", short_delta, 0.0, 0.5, open_low=True, open_high=True)
    require_between("iron_condor", "width", width, 0.0, inf, open_low=True, open_high=True)
    sold = AtDelta(delta=short_delta, within=within, penalty=penalty)
    put_wing = BesideLeg(leg=0, points=-width, steps=steps)
    return condor_of("iron_condor", sold, put_wing, sold, BesideLeg(leg=2, points=width, steps=steps))


def condor_of(name: str, put: StrikeRule, put_wing: StrikeRule, call: StrikeRule, call_wing: StrikeRule) -> Structure:
    """Return an iron condor of four rules.

    Parameters
    ----------
    name : str
        Of the structure.
    put, put_wing, call, call_wing : StrikeRule
        Of the legs; the strikes must rise from the put wing to the call wing.

    Returns
    -------
    Structure
        Put sold, put wing bought, call sold, call wing bought.
    """
    return Structure(
        name=name,
        legs=(
            LegRule(ratio=-1, is_call=False, strike=put),
            LegRule(ratio=1, is_call=False, strike=put_wing),
            LegRule(ratio=-1, is_call=True, strike=call),
            LegRule(ratio=1, is_call=True, strike=call_wing),
        ),
        rising=(1, 0, 2, 3),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IronCondor:
    """An iron condor by delta, some weeks out, closed early.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    short_delta : float, optional
        Size of delta of the sold strikes, in (0, 0.5).
    width : float, optional
        Points from a sold strike to its wing, > 0.
    within, penalty : optional
        As in `strategies.legs.strikes.AtDelta`: a penalty chooses among strikes by their volatility too (Q12, Q13).
    steps : tuple of WidthStep, optional
        Wider wings by what the market is like (Q15); `strategies.legs.strikes.width_steps` makes those.
    liquidity : Liquidity, optional
        What the quote of each leg must be like.
    days, shortest, longest : int, optional
        Calendar days to expiration that are wanted, and accepted at least and at most, ``shortest < longest``.
    exit_days : int, optional
        Closed from so many days before expiration on, below `shortest`; 0 holds on.
    rolls : bool, optional
        Whether it is then rolled instead, for a net credit and where all gates of an entry pass (Q80).
    profit_target, stop_multiple, stop_share, trailing_keep, atr_multiple, monitor_days, closes_in_crash : optional
        As in `strategies.plan.exits.ExitRules`; a multiple needs the true range of `bars`.
    min_credit_share, max_short_delta, max_volatility_index, min_iv_rank, max_open, max_chain_age_s
        As in `strategies.plan.entry.EntryRules`.
    max_packages, risk_share
        As in `strategies.plan.sizing.SizeRules`.
    allowance, order_life_s : float, optional
        As in `strategies.plan.package_plan.PackagePlan`; four days bridge a weekend between two closing chains.
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
    short_delta: float = 0.16
    width: float = 10.0
    within: float = 1.0
    penalty: SkewPenalty | None = None
    steps: tuple[WidthStep, ...] = ()
    liquidity: Liquidity = Liquidity()
    days: int = 45
    shortest: int = 30
    longest: int = 45
    exit_days: int = 21
    rolls: bool = False
    profit_target: float = 0.5
    stop_multiple: float = 2.0
    stop_share: float = 0.75
    trailing_keep: float = 0.0
    atr_multiple: float = inf
    monitor_days: int = 0
    closes_in_crash: bool = False
    min_credit_share: float = 0.1
    max_short_delta: float = 0.35
    max_volatility_index: float = inf
    min_iv_rank: float = 0.0
    max_open: int = 1
    max_chain_age_s: float = 300.0
    max_packages: int = 1
    risk_share: float = 0.02
    allowance: float = 0.1
    order_life_s: float = 345_600.0
    fuzzy: FuzzyRules | None = None
    score: EntryScoreRules | None = None
    layers: LayerRules | None = None
    follows_policy: bool = False
    hedge: HedgeRules | None = None
    bars: BarRules = BarRules()
    name: str = "iron_condor"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_rising(self.name, "short_delta", self.short_delta, "max_short_delta", self.max_short_delta)
        require_rising(self.name, "exit_days", self.exit_days, "shortest", self.shortest)
        structure = condor_by_delta(
            self.short_delta, self.width, steps=self.steps, within=self.within, penalty=self.penalty
        )
        plan = PackagePlan(
            name=self.name,
            underlying=self.underlying,
            structure=replace(structure, liquidity=self.liquidity),
            schedule=DaysOut(days=self.days, shortest=self.shortest, longest=self.longest),
            entry=EntryRules(
                min_credit_share=self.min_credit_share,
                max_short_delta=self.max_short_delta,
                max_volatility_index=self.max_volatility_index,
                min_iv_rank=self.min_iv_rank,
                max_open=self.max_open,
                max_chain_age_s=self.max_chain_age_s,
                cool_down_s=0.0,
                reenters=True,
            ),
            size=SizeRules(max_packages=self.max_packages, risk_share=self.risk_share),
            exits=ExitRules(
                profit_target=self.profit_target,
                stop_multiple=self.stop_multiple,
                stop_share=self.stop_share,
                trailing_keep=self.trailing_keep,
                atr_multiple=self.atr_multiple,
                monitor_days=self.monitor_days,
                closes_in_crash=self.closes_in_crash,
                exit_days=self.exit_days,
                rolls=self.rolls,
            ),
            allowance=self.allowance,
            order_life_s=self.order_life_s,
            time_in_force=TimeInForce.GTC,
            fuzzy=self.fuzzy,
            score=self.score,
            layers=self.layers,
            follows_policy=self.follows_policy,
            hedge=self.hedge,
            band=self.bars.band(self.name, self.underlying),
            atr=self.bars.atr(self.name, self.underlying),
        )
        object.__setattr__(self, "plan", plan)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What its rules read, which the run declares."""
        return self.plan.features

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
