"""The configuration of a backtest: one file, frozen, with units and bounds in each field and no unknown names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from cluster.feed_settings import SettingsPart

__all__ = [
    "AccountSettings",
    "BacktestSettings",
    "BenchmarkSettings",
    "CostSettings",
    "DataSettings",
    "FileData",
    "FillSettings",
    "LimitSettings",
    "MidpointData",
    "ReportSettings",
    "RunSettings",
    "ScenarioData",
    "SimulatedData",
    "StoreData",
    "StrategySettings",
]

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
"""A name that may stand in a file name."""

Symbol = Annotated[str, StringConstraints(min_length=1, max_length=40)]

_WEIGHT_ERROR: Final = 1e-9
_MOST_SYMBOLS: Final = 500


class RunSettings(SettingsPart):
    """What the run is called, and which days it covers."""

    name: Name = Field(description="Name; also that of the run folder.")
    seed: int = Field(7, ge=0, description="Seed of every random number.")
    first: date | None = Field(None, alias="from", description="First day; that of the data without it.")
    last: date | None = Field(None, alias="to", description="Last day, included; that of the data without it.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError(f"from {self.first} lies after to {self.last}")
        return self


class SimulatedData(SettingsPart):
    """A simulated market; every result of it is marked."""

    market: Name = Field("calm", description="Simulated market by name, as of `hedgefield up --scenario`.")
    sessions: int = Field(5, ge=1, le=2_000, description="Trading days.")
    step_min: int = Field(5, ge=1, le=390, description="Time between chains, minutes.")


class StoreData(SettingsPart):
    """The point-in-time store, as it was known."""

    place: str | None = Field(None, description="Folder or address; else that of the settings.")
    symbols: tuple[Symbol, ...] = Field(min_length=1, max_length=_MOST_SYMBOLS, description="Symbols to read.")


class FileData(SettingsPart):
    """Files of chains, bars and other rows."""

    chains: tuple[Path, ...] = Field((), description="Files of option chains.")
    bars: tuple[Path, ...] = Field((), description="Files of bars.")
    inputs: tuple[Path, ...] = Field((), description="Files of rates, indices and announced events.")
    symbols: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Only these; all without it.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.chains and not self.bars:
            raise ValueError("chains or bars must name a file")
        return self


class MidpointData(SettingsPart):
    """Same-day option midpoints at a few times a day; their bid and ask are a model, flagged in every report."""

    path: Path = Field(description="File of midpoints.")


class ScenarioData(SettingsPart):
    """A packaged crisis, with a stated criterion."""

    name: Name = Field(description="Name of the scenario.")


class DataSettings(SettingsPart):
    """Where the data come from: exactly one of the tables."""

    simulated: SimulatedData | None = Field(None, description="A simulated market.")
    store: StoreData | None = Field(None, description="The point-in-time store.")
    files: FileData | None = Field(None, description="Files.")
    midpoints: MidpointData | None = Field(None, description="Same-day midpoints.")
    scenario: ScenarioData | None = Field(None, description="A packaged crisis.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            names = ", ".join(f"data.{name}" for name in type(self).model_fields)
            raise ValueError(f"exactly one of the tables {names} is needed; found {', '.join(given) or 'none'}")
        return self


class AccountSettings(SettingsPart):
    """The account at its start."""

    cash: Decimal = Field(Decimal(100_000), gt=0, max_digits=18, description="Cash, account currency.")
    currency: str = Field("USD", pattern=r"^[A-Z]{3,5}$", description="The one currency of the account.")


class FillModelName(StrEnum):
    """How an order meets a quote."""

    CROSS = "cross"  # the far side of the next executable quote
    MID_FRACTION = "mid_fraction"  # between mid and far side
    LIMIT_TOUCH = "limit_touch"  # rests, and is filled when the market reaches it


class SlippageName(StrEnum):
    """What an execution loses beyond the quote."""

    NONE = "none"
    PER_UNIT = "per_unit"
    SPREAD = "spread"
    SQUARE_ROOT = "square_root"


class FillSettings(SettingsPart):
    """How orders are filled; conservative unless said otherwise."""

    model: FillModelName = Field(FillModelName.CROSS, description="Fill model.")
    fraction: float = Field(0.5, ge=0.0, le=1.0, description="Of `mid_fraction`: 0 is the mid, 1 the far side.")
    slippage: SlippageName = Field(SlippageName.NONE, description="Slippage model, per leg.")
    slippage_value: float = Field(0.0, ge=0.0, le=1.0, description="Its parameter: price per unit, or share of spread.")
    latency_ms: float = Field(100.0, ge=0.0, le=3_600_000.0, description="From decision to venue, milliseconds.")


class CostSettings(SettingsPart):
    """What an execution costs."""

    commission: Name = Field("retail", description="Commission schedule by name.")
    exchange_fees: bool = Field(default=True, description="Whether exchange and regulatory fees of the date apply.")
    cash_rate: float | None = Field(
        None, ge=-0.05, le=0.5, description="Interest on cash, a year; without it that of the data's dated curve."
    )


class StrategySettings(SettingsPart):
    """One strategy with its parameters."""

    kind: Name = Field(description="Strategy by its name in the catalogue.")
    name: Name | None = Field(None, description="What it is called in the account; else its kind.")
    weight: float | None = Field(None, gt=0.0, le=1.0, description="Part of the equity that it may reckon with.")
    parameters: dict[str, Any] = Field({}, description="Its parameters, as `hedgefield backtest --strategies` lists.")


class LimitSettings(SettingsPart):
    """Limits before each order; what reduces a position always passes."""

    max_order_quantity: Decimal | None = Field(None, gt=0, description="Packages per order.")
    max_loss_usd: Decimal | None = Field(None, gt=0, description="Greatest loss of a package at expiry.")
    max_notional: Decimal | None = Field(None, gt=0, description="Notional per order, account currency.")
    max_open_packages: int | None = Field(None, ge=1, description="Packages open at a time.")
    collar: float | None = Field(None, gt=0.0, le=1.0, description="Farthest limit price from the mid, fraction.")
    require_buying_power: bool = Field(default=True, description="Whether margin must suffice.")


class BenchmarkSettings(SettingsPart):
    """What the run is held against: shares bought once and held, with dividends."""

    weights: dict[Symbol, float] = Field(min_length=1, description="Part of the money by symbol; together 1.")

    @field_validator("weights")
    @classmethod
    def _whole(cls, weights: dict[str, float]) -> dict[str, float]:
        total = sum(weights.values())
        if min(weights.values()) <= 0.0 or not abs(total - 1.0) <= _WEIGHT_ERROR:
            raise ValueError(f"weights are above 0 and sum to 1; these sum to {total:.10g}")
        return weights


class ReportSettings(SettingsPart):
    """What is reckoned and written beside the files that every run has."""

    pdf: bool = Field(default=True, description="Whether the PDF is written.")
    greeks: bool = Field(default=True, description="Whether profit is attributed to Greeks.")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="Of every interval.")
    bootstrap_samples: int = Field(2_000, ge=100, le=100_000, description="Of the stationary bootstrap.")


class BacktestSettings(SettingsPart):
    """A backtest."""

    run: RunSettings
    data: DataSettings
    account: AccountSettings = AccountSettings()  # type: ignore[call-arg]  # every field has a default
    fills: FillSettings = FillSettings()  # type: ignore[call-arg]  # every field has a default
    costs: CostSettings = CostSettings()  # type: ignore[call-arg]  # every field has a default
    strategies: tuple[StrategySettings, ...] = Field(min_length=1, max_length=100, description="At least one.")
    limits: LimitSettings = LimitSettings()  # type: ignore[call-arg]  # every field has a default
    benchmark: BenchmarkSettings | None = None
    report: ReportSettings = ReportSettings()  # type: ignore[call-arg]  # every field has a default

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, told: Any) -> Any:
        """Take ``[strategy]`` for a list of one."""
        if isinstance(told, dict) and "strategy" in told and "strategies" not in told:
            rest = {key: value for key, value in told.items() if key != "strategy"}
            return rest | {"strategies": [told["strategy"]]}
        return told

    @field_validator("strategies")
    @classmethod
    def _told_apart(cls, strategies: tuple[StrategySettings, ...]) -> tuple[StrategySettings, ...]:
        names = [item.name or item.kind for item in strategies]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two strategies are called {', '.join(twice)}; give each a name of its own")
        weights = [item.weight for item in strategies if item.weight is not None]
        if weights and len(weights) != len(strategies):
            raise ValueError(f"every strategy has a weight or none has; {len(weights)} of {len(strategies)} have one")
        if weights and not abs(sum(weights) - 1.0) <= _WEIGHT_ERROR:
            raise ValueError(f"weights of strategies sum to 1; these sum to {sum(weights):.10g}")
        return strategies
