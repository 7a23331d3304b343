"""A short iron condor that is opened at a fixed time and ends the same day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from math import inf

from strategies.decisions import Decision
from strategies.parameters import require_rising
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import FixedTime
from strategies.plan.sizing import SizeRules
from strategies.structures.iron_condor import condor_by_delta
from strategies.views import View

__all__ = ["ZeroDteCondor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroDteCondor:
    """Sell an iron condor on the session's own expiration once a day.

    Parameters
    ----------
    underlying : str
        Whose chain it trades.
    at : datetime.time, optional
        Wall time of the exchange from which on it looks for an entry.
    window_s : float, optional
        Seconds in which it looks, > 0.
    cutoff_s : float, optional
        Seconds before the end of the series from which on nothing is opened (L41: half an hour).
    short_delta : float, optional
        Size of delta of the sold strikes, in (0, 0.5) and below `max_short_delta`.
    width : float, optional
        Points from a sold strike to its wing, > 0.
    profit_target, stop_multiple, stop_share, close_before_end_s : float, optional
        As in `strategies.plan.exits.ExitRules`; `close_before_end_s` 0 holds to settlement.
    min_credit_share, max_short_delta, max_volatility_index, cool_down_s, max_chain_age_s, reenters
        As in `strategies.plan.entry.EntryRules`.
    max_packages, risk_share
        As in `strategies.plan.sizing.SizeRules`.
    allowance, order_life_s : float, optional
        As in `strategies.plan.package_plan.PackagePlan`.
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range or does not fit another.
    """

    underlying: str
    at: time = time(10, 0)
    window_s: float = 900.0
    cutoff_s: float = 1800.0
    short_delta: float = 0.2
    width: float = 10.0
    profit_target: float = 0.5
    stop_multiple: float = 2.0
    stop_share: float = 0.75
    close_before_end_s: float = 0.0
    min_credit_share: float = 0.1
    max_short_delta: float = 0.35
    max_volatility_index: float = inf
    cool_down_s: float = 300.0
    max_chain_age_s: float = 300.0
    reenters: bool = False
    max_packages: int = 1
    risk_share: float = 0.02
    allowance: float = 0.1
    order_life_s: float = 300.0
    name: str = "zero_dte_condor"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_rising(self.name, "short_delta", self.short_delta, "max_short_delta", self.max_short_delta)
        plan = PackagePlan(
            name=self.name,
            underlying=self.underlying,
            structure=condor_by_delta(self.short_delta, self.width),
            schedule=FixedTime(at=self.at, window_s=self.window_s, cutoff_s=self.cutoff_s),
            entry=EntryRules(
                min_credit_share=self.min_credit_share,
                max_short_delta=self.max_short_delta,
                max_volatility_index=self.max_volatility_index,
                cool_down_s=self.cool_down_s,
                max_chain_age_s=self.max_chain_age_s,
                reenters=self.reenters,
            ),
            size=SizeRules(max_packages=self.max_packages, risk_share=self.risk_share),
            exits=ExitRules(
                closes_in_crash=False,
                profit_target=self.profit_target,
                stop_multiple=self.stop_multiple,
                stop_share=self.stop_share,
                close_before_end_s=self.close_before_end_s,
            ),
            allowance=self.allowance,
            order_life_s=self.order_life_s,
        )
        object.__setattr__(self, "plan", plan)

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
