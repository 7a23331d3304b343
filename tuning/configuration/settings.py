"""The settings of a sweep, units in each field; docs/guides/sweep.md explains them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, field_validator, model_validator

from cluster.feed_settings import SettingsPart

__all__ = [
    "ConstraintSettings",
    "KeepingSettings",
    "Objective",
    "PruningSettings",
    "ResourceSettings",
    "Rule",
    "Sampler",
    "Scheme",
    "SelectionSettings",
    "StudySettings",
    "SweepSettings",
    "ValidationSettings",
]

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Objective(Enum):
    """What a trial is scored by, on the daily returns of its blocks in order."""

    SHARPE = "sharpe"
    SORTINO = "sortino"
    CALMAR = "calmar"
    MEAN_RETURN = "mean_return"
    TOTAL_RETURN = "total_return"
    MAX_DRAWDOWN = "max_drawdown"
    EXPECTED_SHORTFALL = "expected_shortfall"
    PROFIT_TO_DRAWDOWN = "profit_to_drawdown"
    TURNOVER = "turnover"

    @property
    def is_maximised(self) -> bool:
        """Whether more is better."""
        return self not in {Objective.MAX_DRAWDOWN, Objective.EXPECTED_SHORTFALL, Objective.TURNOVER}


class Sampler(Enum):
    """Who proposes points."""

    TPE = "tpe"
    CMA_ES = "cma_es"
    NSGA2 = "nsga2"
    GRID = "grid"
    RANDOM = "random"

    @property
    def is_adaptive(self) -> bool:
        """Whether scores decide what is proposed next, so that each outer split needs a search of its own."""
        return self not in {Sampler.GRID, Sampler.RANDOM}


class Scheme(Enum):
    """How blocks are split into those that lead to a choice and those that judge it."""

    ANCHORED = "anchored"
    ROLLING = "rolling"
    COMBINATORIAL = "combinatorial"


class Rule(Enum):
    """How a point is chosen among the trials."""

    REGION = "region"
    PEAK = "peak"


class StudySettings(SettingsPart):
    """The search."""

    name: str = Field(pattern=_NAME, max_length=64, description="Name of the study.")
    base: Path | None = Field(None, description="Backtest configuration that is varied; else the table [base].")
    objectives: tuple[Objective, ...] = Field(
        (Objective.SHARPE,), min_length=1, max_length=4, description="The first leads; several give a Pareto front."
    )
    sampler: Sampler = Field(Sampler.TPE, description="Who proposes points.")
    startup: int = Field(20, ge=1, le=10_000, description="Random trials before tpe learns; population of nsga2.")
    trials: int = Field(100, ge=1, le=1_000_000, description="Trials of a search; a grid may have fewer.")
    lag: int = Field(
        8,
        ge=1,
        le=1024,
        description="A sampler that learns knows all trials but this many before; so many can run at a time.",
    )
    seed: int = Field(0, ge=0, lt=1 << 32, description="Of everything random in the search.")

    @field_validator("objectives")
    @classmethod
    def _told_apart(cls, found: tuple[Objective, ...]) -> tuple[Objective, ...]:
        if len(set(found)) != len(found):
            raise ValueError("an objective stands twice")
        return found

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.sampler is Sampler.CMA_ES and len(self.objectives) > 1:
            raise ValueError("cma_es knows one objective; take nsga2 or tpe for several")
        return self


class ConstraintSettings(SettingsPart):
    """What a trial must keep to be chosen; a bound that is not told does not hold."""

    max_drawdown: float | None = Field(None, gt=0.0, le=1.0, description="Largest fall from a peak, a fraction.")
    min_trades: int | None = Field(None, ge=1, description="Closed packages over all blocks of a search.")
    max_turnover: float | None = Field(None, gt=0.0, description="Traded value over mean equity, per year.")


class ValidationSettings(SettingsPart):
    """Blocks of days, and the splits that the answer is estimated on."""

    blocks: int = Field(10, ge=3, le=200, description="Blocks of about equal numbers of days.")
    scheme: Scheme = Field(Scheme.ANCHORED, description="How blocks are split.")
    train_blocks: int = Field(5, ge=1, le=199, description="Blocks before the first test; the window of rolling.")
    test_blocks: int = Field(1, ge=1, le=50, description="Blocks of a test.")
    purge_days: int = Field(1, ge=0, le=250, description="Days left out of training before a test.")
    embargo_days: int = Field(1, ge=0, le=250, description="Days left out of training after a test.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.train_blocks + self.test_blocks > self.blocks:
            raise ValueError(f"train_blocks and test_blocks do not fit into {self.blocks} blocks")
        return self


class PruningSettings(SettingsPart):
    """Asynchronous successive halving over blocks in order of time."""

    first_blocks: int = Field(2, ge=1, le=199, description="Blocks before the first look.")
    reduction: int = Field(3, ge=2, le=16, description="One of so many trials goes on at each look.")


class SelectionSettings(SettingsPart):
    """How the choice is made, and when it is refused."""

    rule: Rule = Field(Rule.REGION, description="Centre of the best robust region, or the single best trial.")
    neighbours: int = Field(8, ge=2, le=200, description="Trials nearest to a point that tell of its region.")
    most_pbo: float = Field(0.2, ge=0.0, le=1.0, description="Highest probability of backtest overfitting.")
    least_dsr: float = Field(0.95, ge=0.0, le=1.0, description="Lowest deflated Sharpe probability.")
    most_spa: float = Field(0.05, ge=0.0, le=1.0, description="Highest p of superior ability over the defaults.")
    confidence: float = Field(0.95, gt=0.5, lt=1.0, description="Of every interval; the outer one must exclude 0.")
    draws: int = Field(1_000, ge=100, le=100_000, description="Of every bootstrap.")


class ResourceSettings(SettingsPart):
    """What workers may use."""

    workers: int | None = Field(None, ge=1, le=10_000, description="Workers; one for each core of the cluster.")
    memory_mb: int = Field(1_500, ge=256, description="Private memory of a worker beyond what it starts with, MB.")
    item_s: float = Field(
        3_600.0, gt=0.0, le=604_800.0, description="A point that takes longer on its blocks has failed, seconds."
    )
    batch_s: float = Field(1.0, gt=0.0, le=600.0, description="Work that is handed out at a time, seconds.")
    object_store_mb: int = Field(1_024, ge=128, description="Object store of a local cluster, MB.")


class KeepingSettings(SettingsPart):
    """Where results stay; a URL with a password comes from the environment, see docs/guides/sweep.md."""

    storage: str | None = Field(None, description="Optuna storage by URL; else SQLite in the state folder.")
    ledger: str | None = Field(None, description="Ledger of all trials by URL; else SQLite in the state folder.")

    @field_validator("storage", "ledger")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        """Refuse a secret in a file that is copied into every study."""
        try:
            told = urlsplit(url or "")
            is_secret = bool(told.password) or "password" in parse_qs(told.query)
        except ValueError as error:
            raise ValueError("this is no URL; expected sqlite:///FILE or postgresql://HOST/DB") from error
        if is_secret:
            variables = "HEDGEFIELD_SWEEP_STORAGE and HEDGEFIELD_TRIALS"
            raise ValueError(f"a URL with a password does not belong here; set {variables} in the environment")
        return url


class SweepSettings(SettingsPart):
    """A sweep."""

    sweep: StudySettings
    base: dict[str, Any] | None = Field(None, description="Tables of a backtest, where no file is named.")
    space: dict[str, Any] = Field(description="Dimensions by path into the backtest, and `presets`.")
    constraints: ConstraintSettings = ConstraintSettings()  # type: ignore[call-arg]  # every field has a default
    validation: ValidationSettings = ValidationSettings()  # type: ignore[call-arg]  # every field has a default
    pruning: PruningSettings | None = None
    selection: SelectionSettings = SelectionSettings()  # type: ignore[call-arg]  # every field has a default
    resources: ResourceSettings = ResourceSettings()  # type: ignore[call-arg]  # every field has a default
    keeping: KeepingSettings = KeepingSettings()  # type: ignore[call-arg]  # every field has a default

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.sweep.base is None) == (self.base is None):
            raise ValueError("a sweep varies either the file [sweep] base or the table [base]")
        if not self.space:
            raise ValueError("[space] has no dimension")
        if self.pruning is not None and self.validation.scheme is Scheme.COMBINATORIAL:
            raise ValueError("[pruning] goes through time, so it needs the scheme anchored or rolling")
        if self.pruning is not None and self.pruning.first_blocks >= self.validation.blocks:
            raise ValueError(
                f"[pruning] first_blocks must lie below the {self.validation.blocks} blocks of [validation]"
            )
        if self.sweep.sampler.is_adaptive and self.validation.scheme is Scheme.COMBINATORIAL:
            raise ValueError(
                f"the sampler {self.sweep.sampler.value} would search anew for every split of the combinatorial scheme;"
                " take grid or random, or the scheme anchored or rolling"
            )
        return self
