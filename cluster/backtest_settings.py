"""The configuration of a backtest: one file, frozen, with units and bounds in each field and no unknown names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cluster.backtest_models import cost_model, fill_model, slippage_model, spread_model
from cluster.feed_settings import SettingsPart
from cluster.margin_settings import MarginSettings
from cluster.own_strategies import digest_of_module, own_strategy
from cluster.portfolio_settings import PortfolioSettings
from cluster.readings_settings import ReadingsSettings
from cluster.risk_settings import RiskSettings
from market.errors import ConfigError
from market.tradables import Future, Perpetual, Share
from risk.limits.pretrade import PretradeLimits
from strategies.catalogue import Parameter, parameters_of, strategy_of
from strategies.views import Strategy

__all__ = [
    "AccountSettings",
    "BacktestSettings",
    "BenchmarkSettings",
    "CostSettings",
    "DataSettings",
    "FileData",
    "FillSettings",
    "InputData",
    "InterestSettings",
    "LimitSettings",
    "MidpointData",
    "PerpetualTerms",
    "ReportSettings",
    "RunSettings",
    "SimulatedData",
    "StoreData",
    "StrategySettings",
]

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
"""A name that may stand in a file name."""

Kind = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*(:[A-Za-z_][A-Za-z0-9_]*)?$", max_length=200)]
"""A strategy of the catalogue, or ``module:Class``."""

Symbol = Annotated[str, StringConstraints(min_length=1, max_length=40)]

_CURRENCY: Final = r"^[A-Z]{3,5}$"
_WEIGHT_ERROR: Final = 1e-9
_MOST_SYMBOLS: Final = 500


def _checked(build: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Return a check that a choice can be built; the choice itself is kept, because it is what a digest is made of."""

    def check(choice: Any) -> Any:
        try:
            build(choice)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return choice

    return check


_Choice = str | dict[str, Any]
FillChoice = Annotated[_Choice, AfterValidator(_checked(fill_model))]
SlippageChoice = Annotated[_Choice, AfterValidator(_checked(slippage_model))]
SpreadChoice = Annotated[_Choice, AfterValidator(_checked(spread_model))]
CostChoice = Annotated[_Choice, AfterValidator(_checked(cost_model))]


class RunSettings(SettingsPart):
    """What the run is called, and which days it covers."""

    calendar: Literal["NYSE", "24/7"] = Field(
        "NYSE", description="Whose sessions count; 24/7 for coins, whose year has 365 days."
    )
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
    """A simulated market over the dates of the run; every result of it is marked."""

    market: Name = Field("calm", description="Simulated market by name, as of `hedgefield up --scenario`.")
    symbols: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Of its symbols only these.")
    shares: tuple[Symbol, ...] = Field(
        (), max_length=_MOST_SYMBOLS, description="Symbols that may be traded as shares."
    )
    step_min: int = Field(5, ge=1, le=390, description="Time between chains, minutes.")
    warmup_sessions: int = Field(0, ge=0, le=1_000, description="Sessions lived through before, for daily bars.")


class PerpetualTerms(SettingsPart):
    """Terms of a perpetual that the data do not tell."""

    symbol: Symbol = Field(description="Unified name, such as BTC/USDT:USDT.")
    underlying: Symbol = Field(description="Coin.")
    tick: Decimal = Field(gt=0, description="Smallest step of a price.")
    lot: Decimal = Field(gt=0, description="Smallest step of a quantity, coins.")
    currency: str = Field("USDT", pattern=_CURRENCY, description="Currency of price and settlement.")


class StoreData(SettingsPart):
    """The point-in-time store, as it was known."""

    place: str | None = Field(None, description="Folder or address; else that of the settings.")
    chains: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Underlyings of option chains.")
    bars: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Symbols of bars.")
    funding: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Perpetuals of funding.")
    series: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Names of series.")
    events: bool = Field(default=False, description="Whether announced events are read.")
    shares: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Shares that may be traded.")
    perpetuals: tuple[PerpetualTerms, ...] = Field((), description="Perpetuals that may be traded.")
    source: str | None = Field(None, description="Whose chains, where several sources have them.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.chains and not self.bars:
            raise ValueError("chains or bars must name a symbol")
        return self


class InputData(SettingsPart):
    """One file of bars, funding, series or events."""

    path: Path = Field(description="File.")
    names: dict[str, str] = Field({}, description="What is wanted of it, and what it is called in the run.")


class FileData(SettingsPart):
    """Files of chains, bars and other rows."""

    chains: tuple[Path, ...] = Field((), description="Files of option chains, tables of mids among them.")
    inputs: tuple[Path | InputData, ...] = Field((), description="Files of bars, funding, rates, indices and events.")
    factors: dict[Symbol, Path] = Field({}, description="Files of dividends and splits, by share.")
    symbols: tuple[Symbol, ...] = Field((), max_length=_MOST_SYMBOLS, description="Chains of only these underlyings.")
    perpetuals: tuple[PerpetualTerms, ...] = Field((), description="Perpetuals that may be traded.")
    dividends_paid_after_days: int = Field(0, ge=0, le=90, description="From an ex-date until cash moves, days.")
    warmup_days: int = Field(0, ge=0, le=3_660, description="Bars from so long before the run are kept, days.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.chains and not self.inputs:
            raise ValueError("chains or inputs must name a file")
        return self


class MidpointData(SettingsPart):
    """Same-day option midpoints at a few times a day; their bid and ask are a model, flagged in every report."""

    path: Path = Field(description="File of midpoints.")
    inputs: tuple[Path | InputData, ...] = Field((), description="Files of bars that tell the settlement, of rates.")
    parity_band: float = Field(0.03, gt=0.0, le=1.0, description="Pairs farther from parity are left out, fraction.")


class DataSettings(SettingsPart):
    """Where the data come from: exactly one of the tables."""

    simulated: SimulatedData | None = Field(None, description="A simulated market.")
    store: StoreData | None = Field(None, description="The point-in-time store.")
    files: FileData | None = Field(None, description="Files.")
    midpoints: MidpointData | None = Field(None, description="Same-day midpoints.")

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
    currency: str = Field("USD", pattern=_CURRENCY, description="The one currency of the account.")


class FillSettings(SettingsPart):
    """How orders are filled; conservative unless said otherwise."""

    model: FillChoice = Field("cross", description="Fill model, or a table with its name and parameters.")
    slippage: SlippageChoice = Field("none", description="Slippage model, per leg.")
    prints: SpreadChoice = Field(
        {"name": "relative", "fraction": 0.0001}, description="Half spread around prints of symbols without quotes."
    )
    mids: SpreadChoice | None = Field(None, description="Half spread around mids of chains without quotes.")
    latency_ms: float = Field(100.0, ge=0.0, le=3_600_000.0, description="From decision to venue, milliseconds.")
    max_legs: int = Field(4, ge=1, le=12, description="Most legs of an order; larger packages go as linked orders.")
    leg_risk: Decimal = Field(
        Decimal(500), ge=0, description="What a part of such a package may lose while held alone."
    )
    leg_wait_s: float = Field(
        0.0,
        ge=0.0,
        le=1_209_600.0,
        description="Wait of each part for its fill; 0 for half a minute and less.",
    )
    closing_quotes_s: float = Field(0.0, ge=0.0, le=3_600.0, description="Trading at the last quotes after a close.")


class InterestSettings(SettingsPart):
    """Interest on cash: a rate, or a series of the data that tells one."""

    rate: Decimal | None = Field(None, ge=Decimal("-0.05"), le=Decimal("0.5"), description="Annual, a fraction.")
    series: str | None = Field(None, min_length=1, description="Name of a series of annual rates in the data.")
    credit_spread: Decimal = Field(Decimal(0), ge=0, le=Decimal("0.5"), description="Below the rate on credits.")
    debit_spread: Decimal = Field(Decimal("0.015"), ge=0, le=Decimal("0.5"), description="Above the rate on debits.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.rate is None) == (self.series is None):
            raise ValueError("interest has either a rate or a series")
        return self


class CostSettings(SettingsPart):
    """What executions cost, and what cash earns."""

    model: CostChoice = Field("us_retail", description="Cost model, or a table with its name and parameters.")
    interest: InterestSettings | None = Field(None, description="Interest on cash; none without it.")
    risk_free: float | None = Field(
        None, ge=-0.05, le=0.5, description="Annual rate that ratios subtract; else that of the interest."
    )


class StrategySettings(SettingsPart):
    """One strategy with its parameters."""

    kind: Kind = Field(description="Strategy by its name in the catalogue, or module:Class beside this file.")
    name: Name | None = Field(None, description="What it is called in the account; else its kind.")
    weight: float | None = Field(None, gt=0.0, le=1.0, description="Part of the equity that it may reckon with.")
    parameters: dict[str, Any] = Field({}, description="Its parameters, as docs/backtest/strategies.md lists them.")
    at: tuple[time, ...] = Field((), description="Asked at these times of each session, New York, and not at each row.")

    _made_by: Callable[..., Strategy] | None = PrivateAttr(None)
    _source_digest: str = PrivateAttr("")
    _is_checked: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _can_be(self, info: ValidationInfo) -> Self:
        if self._is_checked:  # a part of settings that are put together from parts
            return self
        folder = (info.context or {}).get("folder", Path())
        try:
            if ":" in self.kind:
                self._made_by = own_strategy(self.kind, folder)
                self._source_digest = digest_of_module(self.kind, folder)
            self.build()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        self._is_checked = True
        return self

    @property
    def called(self) -> str:
        """What it is called in the account."""
        return self.name or self.kind.rpartition(":")[2]

    @property
    def source_digest(self) -> str:
        """SHA-256 of the files of a user's own strategy; empty for one of the catalogue, whose code has a version."""
        return self._source_digest

    @property
    def takes(self) -> tuple[Parameter, ...]:
        """The parameters that its class knows."""
        return parameters_of(self._made_by or self.kind)

    def build(self, instruments: Iterable[Share | Perpetual | Future] | None = None) -> Strategy:
        """Return the strategy; where no instruments are told, a symbol is taken for a share."""
        named = {"name": self.called} if any(item.name == "name" for item in self.takes) else {}
        return strategy_of(self._made_by or self.kind, {**self.parameters, **named}, instruments)


class LimitSettings(SettingsPart):
    """Limits before each order; what reduces a position always passes. `risk.limits.pretrade` explains them."""

    collar_fraction: float | None = Field(0.10, ge=0.0, description="Limit beyond the far sides, of the gross price.")
    collar_premium: float = Field(0.50, ge=0.0, description="The same of the gross premium of options.")
    collar_least: float = Field(0.10, ge=0.0, description="The same, per unit; the widest of the three is allowed.")
    collar_spreads: float = Field(2.0, ge=0.0, description="The same, in half spreads of the package.")
    most_quantity: float | None = Field(None, gt=0.0, description="Units of the largest leg of an order.")
    most_notional: float | None = Field(None, gt=0.0, description="Worth of an order at the mids, account currency.")
    most_loss: float | None = Field(None, gt=0.0, description="Worst loss of an order at expiry, account currency.")
    most_packages: int | None = Field(None, ge=1, description="Open packages.")
    orders_per_second: float | None = Field(
        None, gt=0.0, description="Orders that may go per second; with order_burst."
    )
    order_burst: float | None = Field(None, ge=1.0, description="Orders that may go at once.")
    most_input_age_s: float | None = Field(None, gt=0.0, description="Age of the oldest input, seconds.")
    cutoff_minutes: float | None = Field(None, ge=0.0, description="No short-dated option is opened so near the close.")
    short_dated_days: float = Field(1.0, ge=0.0, description="What short-dated means, days.")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.orders_per_second is None) != (self.order_burst is None):
            raise ValueError("orders_per_second and order_burst go together")
        return self

    def limits(self, base: PretradeLimits | None = None) -> PretradeLimits:
        """Return the limits as the gate takes them; a bound that is not told here is that of a preset."""
        usual = PretradeLimits()
        # None leaves the collar out, and says nothing of what is out anyway: a saved configuration tells every field.
        told = {name: value for name, value in self if value is not None or getattr(usual, name) is not None}
        return replace(base or usual, **told)


class BenchmarkSettings(SettingsPart):
    """What the run is held against: a share bought at the start with all money and held, with dividends."""

    symbol: Symbol = Field(description="Symbol that the data have.")


class ReportSettings(SettingsPart):
    """What is reckoned and written beside the files that every run has."""

    pdf: bool = Field(default=True, description="Whether the PDF is written.")
    greeks: bool = Field(default=True, description="Whether profit is attributed to Greeks.")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="Of every interval.")
    bootstrap_samples: int = Field(1_000, ge=100, le=100_000, description="Of the stationary bootstrap.")


Words = Annotated[str, StringConstraints(max_length=500)]
"""A plain text of provenance."""


class BacktestSettings(SettingsPart):
    """A backtest."""

    run: RunSettings
    data: DataSettings
    account: AccountSettings = AccountSettings()  # type: ignore[call-arg]  # every field has a default
    fills: FillSettings = FillSettings()  # type: ignore[call-arg]  # every field has a default
    costs: CostSettings = CostSettings()  # type: ignore[call-arg]  # every field has a default
    strategies: tuple[StrategySettings, ...] = Field(min_length=1, max_length=100, description="At least one.")
    portfolio: PortfolioSettings | None = None
    limits: LimitSettings = LimitSettings()  # type: ignore[call-arg]  # every field has a default
    risk: RiskSettings = RiskSettings()  # type: ignore[call-arg]  # every field has a default
    margin: MarginSettings = MarginSettings()  # type: ignore[call-arg]  # every field has a default
    readings: ReadingsSettings = ReadingsSettings()  # type: ignore[call-arg]  # every field has a default
    benchmark: BenchmarkSettings | None = None
    report: ReportSettings = ReportSettings()  # type: ignore[call-arg]  # every field has a default
    provenance: dict[Name, Words] = Field(
        {}, max_length=100, description="Where the configuration comes from, in plain texts; it changes no result."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, told: Any) -> Any:
        """Take ``[strategy]`` for a list of one."""
        if isinstance(told, dict) and "strategy" in told and "strategies" not in told:
            rest = {key: value for key, value in told.items() if key != "strategy"}
            return rest | {"strategies": [told["strategy"]]}
        return told

    @model_validator(mode="after")
    def _shared_once(self) -> Self:
        if self.portfolio is None:
            return self
        if any(item.weight is not None for item in self.strategies):
            raise ValueError("[portfolio] finds the weights of strategies; leave out weight, or [portfolio]")
        unknown = set(self.portfolio.risk_budgets) - {item.called for item in self.strategies}
        if unknown:
            raise ValueError(f"[portfolio] risk_budgets name no strategy of the run: {', '.join(sorted(unknown))}")
        return self

    @field_validator("strategies")
    @classmethod
    def _told_apart(cls, strategies: tuple[StrategySettings, ...]) -> tuple[StrategySettings, ...]:
        names = [item.called for item in strategies]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two strategies are called {', '.join(twice)}; give each a name of its own")
        weights = [item.weight for item in strategies if item.weight is not None]
        if weights and len(weights) != len(strategies):
            raise ValueError(f"every strategy has a weight or none has; {len(weights)} of {len(strategies)} have one")
        if weights and not abs(sum(weights) - 1.0) <= _WEIGHT_ERROR:
            raise ValueError(f"weights of strategies sum to 1; these sum to {sum(weights):.10g}")
        return strategies
