"""Limits of the book with an order in it, by full revaluation: worst stress, value at risk, expected shortfall."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan, nan
from typing import ClassVar, Final, final

from market.orders import OrderIntent
from risk.limits.facts import OrderFacts
from risk.stress.results import worst_stress
from risk.stress.scenarios import StressConfig
from risk.stress.value_at_risk import VarConfig, tail_losses

__all__ = ["TAIL_FIGURES", "StressLossLimit", "TailLossLimit"]

TAIL_FIGURES: Final = ("value_at_risk", "expected_shortfall")
"""Names of the rows that `TailLossLimit` can be."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StressLossLimit:
    """Most that the book may lose in any of the standard scenarios, as a share of equity.

    Parameters
    ----------
    share : float
        Of the equity.
    config : StressConfig
        Numbers of the scenarios.
    """

    share: float
    config: StressConfig = field(default_factory=StressConfig)
    name: ClassVar[str] = "stress_loss"
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the worst loss with the order, and the most allowed; NaN where one scenario cannot be told."""
        after = facts.stake.after
        if after is None:
            return nan, _bound(self.share, facts)
        pnl = worst_stress(after, self.config, volatility_index=facts.stake.volatility).pnl
        return _loss(-pnl), _bound(self.share, facts)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TailLossLimit:
    """Most that the book may lose at a quantile of past days, or on average beyond it, as a share of equity.

    Parameters
    ----------
    name : str
        One of `TAIL_FIGURES`.
    share : float
        Of the equity.
    config : VarConfig
        Confidence, horizon, window, method.
    """

    name: str
    share: float
    config: VarConfig = field(default_factory=VarConfig)
    is_floor: ClassVar[bool] = False

    def measure(self, intent: OrderIntent, facts: OrderFacts) -> tuple[float, float]:  # noqa: ARG002  # a row's form
        """Return the figure with the order, and the most allowed; NaN without past days or where a leg is unknown."""
        after, moves = facts.stake.after, facts.stake.moves
        if after is None or moves is None:
            return nan, _bound(self.share, facts)
        value, shortfall, _ = tail_losses(after, moves, self.config)
        return _loss(value if self.name == TAIL_FIGURES[0] else shortfall), _bound(self.share, facts)

    def why_untold(self, facts: OrderFacts) -> str:
        """Return why there is no figure: no book, no past days, or too few of them."""
        after, moves = facts.stake.after, facts.stake.moves
        if after is None:
            return "the book with the order is not known"
        return tail_losses(after, moves, self.config)[2] if moves is not None else "past days are not known"


def _loss(found: float) -> float:
    return nan if isnan(found) else max(found, 0.0)


def _bound(share: float, facts: OrderFacts) -> float:
    equity = None if facts.risk is None else facts.risk.equity
    return nan if equity is None else share * float(equity)
