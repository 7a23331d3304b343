"""Settings of the allocation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from strategies.parameters import require, require_between

__all__ = ["AllocationConfig", "AllocationMethod"]


class AllocationMethod(StrEnum):
    """How weights follow from past returns."""

    EQUAL_WEIGHT = "equal_weight"  # the same money for each; the baseline of all others
    EQUAL_RISK = "equal_risk"  # the same volatility for each, whatever moves together
    RISK_PARITY = "risk_parity"  # the same share, or the budgeted one, of the risk of the whole
    MEAN_VARIANCE = "mean_variance"  # shrunk means less a price of risk
    KELLY = "kelly"  # a fraction of the growth-optimal weights, capped


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationConfig:
    """Settings of the allocation between strategies.

    Parameters
    ----------
    method : AllocationMethod
        How weights are found.
    window_days : int
        Sessions of returns that are looked at, newest last.
    min_days : int
        Sessions of returns without which a strategy keeps its initial weight, ``<= window_days``.
    every_days : int
        Sessions between two looks, >= 1.
    total : float
        Most that all weights may add up to, in (0, 1].
    max_weight : float
        Most for one strategy, in (0, 1].
    min_change : float
        Weights stay as they are unless one of them would change by more than this, in [0, 1): small changes of an
        estimate are noise, and cost money.
    risk_aversion : float
        Of `MEAN_VARIANCE`: price of variance in ``mean - risk_aversion / 2 * variance``, of returns a session, > 0.
    kelly_fraction : float
        Of `KELLY`: share of the growth-optimal weights, in (0, 1].
    risk_budgets : tuple of (str, float)
        Of `RISK_PARITY`: shares of the risk by strategy, > 0; those of strategies that are not named are equal to the
        mean of those that are. Empty for equal shares.

    Raises
    ------
    ConfigError
        A setting lies outside its range or does not fit another.
    """

    method: AllocationMethod = AllocationMethod.RISK_PARITY
    window_days: int = 63
    min_days: int = 21
    every_days: int = 5
    total: float = 1.0
    max_weight: float = 0.5
    min_change: float = 0.02
    risk_aversion: float = 5.0
    kelly_fraction: float = 0.25
    risk_budgets: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        require_between("allocation", "window_days", self.window_days, 5, 2_520)
        require_between("allocation", "min_days", self.min_days, 5, self.window_days)
        require_between("allocation", "every_days", self.every_days, 1, 252)
        require_between("allocation", "total", self.total, 0.0, 1.0, open_low=True)
        require_between("allocation", "max_weight", self.max_weight, 0.0, 1.0, open_low=True)
        require_between("allocation", "min_change", self.min_change, 0.0, 1.0, open_high=True)
        require_between("allocation", "risk_aversion", self.risk_aversion, 0.0, 1e6, open_low=True)
        require_between("allocation", "kelly_fraction", self.kelly_fraction, 0.0, 1.0, open_low=True)
        names = [name for name, _ in self.risk_budgets]
        require("allocation", "risk_budgets", names, "each strategy once", holds=len(set(names)) == len(names))
        shares = [share for _, share in self.risk_budgets]
        positive = all(isfinite(share) and share > 0.0 for share in shares)
        require("allocation", "risk_budgets", shares, "each above 0", holds=positive)
