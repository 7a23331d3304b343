"""The part of a backtest's configuration that shares the money between its strategies."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from cluster.feed_settings import SettingsPart
from market.errors import ConfigError
from strategies.allocation import AllocationConfig, AllocationMethod

__all__ = ["PortfolioSettings"]

_SHARES: Final = AllocationConfig()


class PortfolioSettings(SettingsPart):
    """How the money is shared between the strategies, from what they earned before."""

    method: AllocationMethod = Field(_SHARES.method, description="equal_weight, equal_risk, risk_parity and others.")
    window_days: int = Field(_SHARES.window_days, description="Sessions of returns that are looked at.")
    min_days: int = Field(_SHARES.min_days, description="Sessions without which a strategy keeps its initial weight.")
    every_days: int = Field(_SHARES.every_days, description="Sessions between two looks.")
    total: float = Field(_SHARES.total, description="Most that all weights add up to.")
    max_weight: float = Field(_SHARES.max_weight, description="Most for one strategy.")
    min_change: float = Field(_SHARES.min_change, description="Weights stay unless one would change by more.")
    risk_aversion: float = Field(_SHARES.risk_aversion, description="Price of variance, of mean_variance.")
    kelly_fraction: float = Field(_SHARES.kelly_fraction, description="Share of the growth-optimal weights, of kelly.")
    risk_budgets: dict[str, float] = Field({}, description="Shares of the risk by strategy, of risk_parity.")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        try:
            self.allocation()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    def allocation(self) -> AllocationConfig:
        """Return the settings of the allocation."""
        told = {name: getattr(self, name) for name in type(self).model_fields if name != "risk_budgets"}
        return AllocationConfig(**told, risk_budgets=tuple(self.risk_budgets.items()))
