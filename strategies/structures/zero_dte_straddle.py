"""A short straddle that is opened at a fixed time and ends the same day; its loss has no bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from math import inf

from strategies.decisions import Decision
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import FixedTime
from strategies.plan.sizing import SizeRules
from strategies.structures.straddle import straddle
from strategies.views import View

__all__ = ["ZeroDteStraddle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroDteStraddle:
    """Sell the straddle of the session's own expiration once a day.

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
    allows_undefined_risk : bool, optional
        Must be true: the loss of what is sold has no bound.
    profit_target, stop_multiple, close_before_end_s : float, optional
        As in `strategies.plan.exits.ExitRules`; the stop must be finite, because the size stands on it.
    max_volatility_index, cool_down_s, max_chain_age_s, reenters
        As in `strategies.plan.entry.EntryRules`.
    max_packages, risk_share, margin_share
        As in `strategies.plan.sizing.SizeRules`; the risk of a trade is reckoned at the stop, which a gap can
        pass.
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
    allows_undefined_risk: bool = False
    profit_target: float = 0.25
    stop_multiple: float = 1.0
    close_before_end_s: float = 0.0
    max_volatility_index: float = inf
    cool_down_s: float = 300.0
    max_chain_age_s: float = 300.0
    reenters: bool = False
    max_packages: int = 1
    risk_share: float = 0.02
    margin_share: float = 0.2
    allowance: float = 0.1
    order_life_s: float = 300.0
    name: str = "zero_dte_straddle"
    plan: PackagePlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plan = PackagePlan(
            name=self.name,
            underlying=self.underlying,
            structure=straddle(is_sold=True),
            schedule=FixedTime(at=self.at, window_s=self.window_s, cutoff_s=self.cutoff_s),
            entry=EntryRules(
                max_volatility_index=self.max_volatility_index,
                cool_down_s=self.cool_down_s,
                max_chain_age_s=self.max_chain_age_s,
                reenters=self.reenters,
            ),
            size=SizeRules(max_packages=self.max_packages, risk_share=self.risk_share, margin_share=self.margin_share),
            exits=ExitRules(
                closes_in_crash=False,
                profit_target=self.profit_target,
                stop_multiple=self.stop_multiple,
                close_before_end_s=self.close_before_end_s,
            ),
            allowance=self.allowance,
            order_life_s=self.order_life_s,
            allows_undefined_risk=self.allows_undefined_risk,
        )
        object.__setattr__(self, "plan", plan)

    def decide(self, view: View) -> Decision:
        """Return what the plan decides."""
        return self.plan.decide(view)
