"""The limits of the whole account in a configuration: a preset, what differs from it, and what is left out of it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from cluster.feed_settings import SettingsPart
from market.errors import ConfigError
from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES, BreakerRule, RiskRules
from risk.limits.size_schedule import SizeSchedule
from risk.state import BreakerClass

__all__ = ["BreakerSettings", "RiskSettings"]

Symbol = Annotated[str, StringConstraints(min_length=1, max_length=40)]

_OWN: Final = frozenset({"preset", "without", "schedule", "breakers"})
_NONE: Final = RiskRules()


class BreakerSettings(SettingsPart):
    """When a breaker trips, and for how long."""

    at: float = Field(gt=0.0, description="Count in a row, or level in points, from which it trips.")
    minutes: float = Field(gt=0.0, le=100_000.0, description="Minutes for which nothing is opened then.")


class RiskSettings(SettingsPart):
    """Limits of the whole account, in the same gate as those of each order. `risk.limits.rules` explains them."""

    preset: Literal["none", "hedgefield"] = Field("none", description="Where bounds come from that are not told here.")
    without: tuple[str, ...] = Field((), max_length=40, description="Bounds of the preset that are left out, by name.")
    risk_share: float | None = Field(None, ge=0.0, le=1.0, description="Worst loss of an order, share of equity.")
    strategy_share: float | None = Field(None, ge=0.0, le=1.0, description="Capital at risk of one strategy, the same.")
    symbol_share: float | None = Field(None, ge=0.0, le=1.0, description="Capital at risk of one underlying, the same.")
    strategy_packages: int | None = Field(None, ge=0, description="Open packages of one strategy.")
    trade_delta: float | None = Field(None, ge=0.0, description="Delta of an order, share equivalents.")
    trade_vega: float | None = Field(None, ge=0.0, description="Vega of an order, account currency per vol point.")
    book_delta: float | None = Field(None, ge=0.0, description="Delta of all positions with the order.")
    book_gamma: float | None = Field(None, ge=0.0, description="Gamma of the same, shares per 1 of price.")
    book_vega: float | None = Field(None, ge=0.0, description="Vega of the same.")
    stress_share: float | None = Field(None, ge=0.0, le=1.0, description="Worst standard scenario, share of equity.")
    value_at_risk_share: float | None = Field(None, ge=0.0, le=1.0, description="Value at risk, the same.")
    expected_shortfall_share: float | None = Field(None, ge=0.0, le=1.0, description="Expected shortfall, the same.")
    is_beta_weighted: bool | None = Field(None, description="Whether deltas are told in shares of the benchmark.")
    benchmark: Symbol | None = Field(None, description="What betas refer to.")
    betas: dict[Symbol, float] | None = Field(None, description="Return for one of the benchmark, by underlying.")
    daily_loss_share: float | None = Field(None, ge=0.0, le=1.0, description="Loss of a session, share of its start.")
    daily_loss_amount: float | None = Field(None, ge=0.0, description="The same, account currency; the smaller counts.")
    drawdown_share: float | None = Field(None, ge=0.0, le=1.0, description="Loss since the highest equity, its share.")
    most_volatility: float | None = Field(None, ge=0.0, description="Nothing is opened above this level, points.")
    volatility_index: Symbol | None = Field(None, description="Series of the data that tells the level.")
    schedule: tuple[tuple[float, float], ...] | None = Field(
        None, max_length=50, description="From which level which part of the size; [] for none."
    )
    cooldown_minutes: float | None = Field(None, ge=0.0, description="After an exit of the strategy.")
    loss_cooldown_minutes: float | None = Field(None, ge=0.0, description="After an exit with a loss.")
    breakers: dict[BreakerClass, BreakerSettings] | None = Field(None, description="By class, beside the preset's.")
    broker_cutoff_minutes: float | None = Field(None, ge=0.0, description="From the broker's cut-off to the close.")
    watches_dividends: bool | None = Field(None, description="Whether sold calls are held against dividends.")
    memory_s: float | None = Field(None, gt=0.0, description="How long ids of orders are remembered, seconds.")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        known = {item.name for item in (*fields(RiskRules), *fields(PretradeLimits))}
        unknown = sorted(set(self.without) - known)
        if unknown:
            raise ValueError(f"without names no bound: {', '.join(unknown)}")
        try:
            self.rules()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    def rules(self) -> RiskRules:
        """Return the bounds of the whole account as the risk service takes them."""
        base = HEDGEFIELD_RULES if self.preset == "hedgefield" else _NONE
        named = {item.name for item in fields(RiskRules)}
        told: dict[str, Any] = {name: getattr(_NONE, name) for name in self.without if name in named}
        told |= {name: getattr(self, name) for name in self._told() if name not in _OWN}
        breakers = dict(told.get("breakers", base.breakers))
        breakers |= {key: BreakerRule(at=each.at, minutes=each.minutes) for key, each in (self.breakers or {}).items()}
        told["breakers"] = breakers
        index = told.get("volatility_index", base.volatility_index)
        steps = self.schedule if self.schedule is not None else _steps_of(told.get("schedule", base.schedule))
        told["schedule"] = SizeSchedule(index=index, steps=steps) if steps else None
        return replace(base, **told)

    def limits(self) -> PretradeLimits:
        """Return the bounds of one order that the preset has beside them."""
        base = HEDGEFIELD_LIMITS if self.preset == "hedgefield" else PretradeLimits()
        named = {item.name for item in fields(PretradeLimits)}
        left_out: dict[str, Any] = {name: None for name in self.without if name in named}
        return replace(base, **left_out)

    def _told(self) -> list[str]:
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


def _steps_of(schedule: SizeSchedule | None) -> tuple[tuple[float, float], ...]:
    return () if schedule is None else schedule.steps
