"""What the layered score reads from a view, and the gate that it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite, nan
from typing import Final

import numpy as np

from market.chains import BoolArray, FloatArray
from risk.layers import LayerConfig, LayerInputs, LayerReading, layer_reading
from strategies.decisions import Gate
from strategies.features import Feature, LogReturn, RelativeStrengthIndex, VolumeRatio, VwapDeviation
from strategies.parameters import require, require_between
from strategies.plan.fuzzy import fresh_forecast
from strategies.views import View

__all__ = ["LayerRules"]

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRules:
    """The layered score of one underlying, as a gate.

    Parameters
    ----------
    underlying : str
        Whose chain, field, forecast and bars are read.
    bars : str
        Name of the bars that the indicators are made of; empty for the finest.
    config : LayerConfig
        Weights and thresholds.
    side : int
        Which way the package leans: 1 up, -1 down, 0 neither.
    min_agreement : float
        Least ``side * score`` of a package that leans, -1 to 1.
    max_direction : float
        Largest size of the score for a package that leans nowhere, 0 to 1.
    min_confidence : float
        Least confidence of a package that leans, 0 to 1; 0 asks for none, and dealer gamma may then be missing.
    rsi_bars, momentum_bars, volume_bars : int
        Windows of the indicators, in bars.
    volatility_index, near_index : str
        Series of the levels at 30 and at 9 days.
    max_series_age_s : float
        Oldest level that counts, seconds, > 0.
    max_chain_age_s : float
        Oldest chain whose volumes and field count, seconds, > 0.
    max_forecast_age_s : float
        Oldest forecast that counts, seconds, > 0.

    Raises
    ------
    ConfigError
        A parameter lies outside its range.
    """

    underlying: str
    bars: str = ""
    config: LayerConfig = field(default_factory=LayerConfig)
    side: int = 0
    min_agreement: float = 0.2
    max_direction: float = 0.3
    min_confidence: float = 0.0
    rsi_bars: int = 14
    momentum_bars: int = 12
    volume_bars: int = 20
    volatility_index: str = "VIX"
    near_index: str = "VIX9D"
    max_series_age_s: float = 7 * 86_400.0
    max_chain_age_s: float = 300.0
    max_forecast_age_s: float = 300.0
    features: tuple[Feature, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require("layers", "side", self.side, "-1, 0 or 1", holds=self.side in {-1, 0, 1})
        require_between("layers", "min_agreement", self.min_agreement, -1.0, 1.0)
        require_between("layers", "max_direction", self.max_direction, 0.0, 1.0)
        require_between("layers", "min_confidence", self.min_confidence, 0.0, 1.0)
        for name in ("max_series_age_s", "max_chain_age_s", "max_forecast_age_s"):
            require_between("layers", name, getattr(self, name), 0.0, inf, open_low=True)
        of = self.bars or self.underlying
        made = (
            RelativeStrengthIndex(name=f"{of} rsi {self.rsi_bars}", symbol=of, n_bars=self.rsi_bars),
            VwapDeviation(name=f"{of} vwap", symbol=of),
            LogReturn(name=f"{of} return {self.momentum_bars}", symbol=of, n_bars=self.momentum_bars),
            VolumeRatio(name=f"{of} volume {self.volume_bars}", symbol=of, n_bars=self.volume_bars),
        )
        object.__setattr__(self, "features", made)

    def inputs(self, view: View) -> LayerInputs:
        """Return the numbers as they stand; NaN for what is missing."""
        rsi, vwap, momentum, volume = (view.feature(each.name) for each in self.features)
        by_volume, by_premium = self._put_call(view)
        forecast = fresh_forecast(view, self.underlying, self.max_forecast_age_s)
        calibrated = forecast is not None and isfinite(forecast.confidence)
        return LayerInputs(
            rsi=rsi,
            vwap_deviation=vwap,
            momentum=momentum,
            vix=self._level(view, self.volatility_index),
            vix9d=self._level(view, self.near_index),
            put_call_volume=by_volume,
            put_call_premium=by_premium,
            volume_ratio=volume,
            gamma_usd_per_pct=self._gamma(view),
            forecast_direction=forecast.direction if forecast is not None and calibrated else nan,
        )

    def reading(self, view: View) -> LayerReading:
        """Return what the layers say now."""
        return layer_reading(self.config, self.inputs(view))

    def gate(self, found: LayerReading) -> Gate:
        """Return whether the layers let a package be opened.

        Parameters
        ----------
        found : LayerReading
            As `reading` gave it.

        Returns
        -------
        Gate
            Not passed where the score, or a confidence that is asked for, is missing.
        """
        if not isfinite(found.score) or (self.side and self.min_confidence > 0.0 and not isfinite(found.confidence)):
            return Gate(name="layers", passed=False, value=found.score, reason=found.reason)
        if not self.side:
            passed, value, bound = abs(found.score) <= self.max_direction, abs(found.score), self.max_direction
        else:
            value, bound = self.side * found.score, self.min_agreement
            passed = value >= bound and (self.min_confidence == 0.0 or found.confidence >= self.min_confidence)
        reason = "" if passed else "the layers speak against it" if self.side else "the layers have a direction"
        return Gate(name="layers", passed=passed, value=value, bound=bound, reason=reason)

    def _level(self, view: View, name: str) -> float:
        point = view.series(name)
        return point.value if view.now_ns - point.event_ns <= self.max_series_age_s * _NS else nan

    def _is_fresh(self, view: View, ts_event_ns: int) -> bool:
        return 0 <= view.now_ns - ts_event_ns <= self.max_chain_age_s * _NS

    def _gamma(self, view: View) -> float:
        found = view.field(self.underlying)
        known = found is not None and self._is_fresh(view, found.ts_event_ns)
        return found.totals.gamma_usd_per_pct if found is not None and known else nan

    def _put_call(self, view: View) -> tuple[float, float]:
        """Return puts over calls by contracts and by premium; NaN where no call was traded, or one side is not told."""
        found = view.chain(self.underlying)
        if found is None or not self._is_fresh(view, found.chain.ts_event_ns):
            return nan, nan
        chain = found.chain
        mid = np.where(chain.ask > 0.0, 0.5 * (chain.bid + chain.ask), nan)
        return _ratio(chain.volume, chain.is_call), _ratio(chain.volume * mid, chain.is_call)


def _ratio(amount: FloatArray, is_call: BoolArray) -> float:
    known = np.isfinite(amount)
    calls, puts = amount[known & is_call], amount[known & ~is_call]
    traded = float(calls.sum())
    return float(puts.sum()) / traded if puts.size and traded > 0.0 else nan
