"""What the regimes and signals of a backtest are read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Annotated, Any, Final, Self

import numpy as np
from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from cluster.feed_settings import ImpactSettings, SettingsPart
from fields.config import FieldConfig, PositionSource
from fields.live.config import LiveConfig
from fields.live.context_config import INDEX_INPUTS, ContextConfig
from fields.signals import Calibration, IsotonicMap, PlattMap, SignalKind
from market.errors import ConfigError, DataError
from strategies.plain_values import made_of

__all__ = ["CalibrationSettings", "ReadingsSettings"]

_SECOND_NS: Final = 1_000_000_000
_CONVENTIONS: Final = (PositionSource.OI_NAIVE, PositionSource.ALL_SHORT, PositionSource.ALL_LONG)


def _known_inputs(series: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(series) - set(INDEX_INPUTS))
    if unknown:
        raise ValueError(f"no input is called {', '.join(unknown)}; there are {', '.join(INDEX_INPUTS)}")
    return series


def _field_config(told: Mapping[str, Any]) -> FieldConfig:
    made: FieldConfig = made_of(FieldConfig, told, "[readings.field]", None)
    return made


def _field_that_can_be(told: dict[str, Any]) -> dict[str, Any]:
    """Refuse what a backtest cannot give: an impact stands by symbol, and books of flow need signed trades."""
    impact = sorted(key for key in told if key.startswith("impact_"))
    if impact:
        raise ValueError(f"{impact[0]} is told by symbol, in [readings.impact.SYMBOL]")
    try:
        found = _field_config(told).position_source
    except ConfigError as error:
        raise ValueError(str(error)) from error
    if found not in _CONVENTIONS:
        raise ValueError(f"the position source {found} needs trades or a book; take {', '.join(_CONVENTIONS)}")
    return told


class CalibrationSettings(SettingsPart):
    """From the strength of a signal to a probability, fitted elsewhere; `fields.signals.Calibration` explains it."""

    kind: SignalKind = Field(description="Signal that it belongs to.")
    platt: tuple[float, float] | None = Field(None, description="Intercept and slope of a logistic map.")
    isotonic: tuple[tuple[float, float], ...] | None = Field(
        None, max_length=1_000, description="Strength and probability of the knots of a rising map."
    )
    n: int = Field(ge=1, description="Signals behind it.")
    brier: float = Field(ge=0.0, le=1.0, description="Mean squared error of its probabilities out of sample.")
    fitted_until: AwareDatetime = Field(description="End of the data that it knows; it is not used before.")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        try:
            self.calibration()
        except DataError as error:
            raise ValueError(str(error)) from error
        return self

    def calibration(self) -> Calibration:
        """Return it as the signals take it."""
        if (self.platt is None) == (self.isotonic is None):
            raise DataError("a calibration needs one map", found="both or none", expected="platt, or isotonic")
        curve: PlattMap | IsotonicMap
        if self.platt is not None:
            curve = PlattMap(intercept=self.platt[0], slope=self.platt[1])
        else:
            knots = np.array(self.isotonic or (), dtype=np.float64).reshape(-1, 2)
            curve = IsotonicMap(strength=knots[:, 0], chance=knots[:, 1])
        until = ceil(self.fitted_until.timestamp()) * _SECOND_NS
        return Calibration(kind=self.kind, curve=curve, n=self.n, brier=self.brier, fitted_until_ns=until)


class ReadingsSettings(SettingsPart):
    """Whose series and bars are which input, what moves prices, and what calibrates the signals."""

    series: Annotated[dict[str, str], AfterValidator(_known_inputs)] = Field(
        {}, description="Name of the series of vix, vix9d, vix3m, vix6m, vvix, skew or rate; else VIX and so on, DFF."
    )
    bars: dict[str, str] = Field({}, description="Whose bars are those of a symbol, by symbol; else its own.")

    impact: dict[str, ImpactSettings] = Field(
        {}, description="Price impact by symbol, as `hedgefield up` has it; dealer feedback is unknown without."
    )
    calibrations: tuple[CalibrationSettings, ...] = Field((), description="Of signals, at most one of a kind.")
    field: Annotated[dict[str, Any], AfterValidator(_field_that_can_be)] = Field(
        {}, description="Settings of the fields that differ from the usual, such as dynamics or horizon_min."
    )

    @field_validator("calibrations")
    @classmethod
    def _one_of_a_kind(cls, value: tuple[CalibrationSettings, ...]) -> tuple[CalibrationSettings, ...]:
        kinds = [each.kind for each in value]
        twice = sorted({kind.value for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise ValueError(f"two calibrations of {', '.join(twice)}; one of a kind is used")
        return value

    def live(self) -> LiveConfig:
        """Return them as a shard has them."""
        context = ContextConfig()
        return LiveConfig(
            context=ContextConfig(series={**context.series, **self.series}, bars={**context.bars, **self.bars}),
            calibrations=tuple(each.calibration() for each in self.calibrations),
        )

    def field_config(self) -> FieldConfig:
        """Return the settings of the fields of all symbols."""
        return _field_config(self.field)

    def fields(self) -> dict[str, FieldConfig]:
        """Return the settings of the fields of symbols whose impact is told."""
        usual = self.field_config()
        return {
            symbol: replace(usual, impact_return_per_usd=told.return_per_usd, impact_source=told.source)
            for symbol, told in self.impact.items()
        }
