"""A directional score of four layers: technical, internals, flow and model; what is missing is missing (Z10 to Z14)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, nan
from typing import Final

from market.errors import ConfigError

__all__ = ["LayerConfig", "LayerInputs", "LayerReading", "layer_reading"]

_SUM_TOLERANCE: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerConfig:
    """Weights and thresholds of the layered score.

    Parameters
    ----------
    technical, internals, flow, model : float
        Weights of the layers, each >= 0, of sum 1 (Z10).
    rsi, vwap, momentum : float
        Parts of the technical layer, each >= 0, of sum 1.
    volatility, put_call, volume : float
        Parts of the internals, each >= 0, of sum 1.
    rsi_low, rsi_high : float
        At or below the one the index is wholly for a rise, at or above the other wholly for a fall, in a line between.
    vwap_mild, vwap_strong : float
        Deviation from the session's mean price, fractions, at which it counts half and wholly (Z12).
    momentum_full : float
        Log return that counts wholly, > 0.
    term_low, term_high : float
        VIX9D over VIX below which the near term is calm and above which it is in stress (Z11): an inverted curve, whose
        label the original had the wrong way round (EZ4).
    vix_levels : tuple of float
        Levels of VIX, rising: up to the first calm, then half calm, half bad, and bad from the third on (Z11).
    put_call_levels : tuple of float
        Puts over calls, falling: bad, half bad, half good, good (Z14).
    gex_cutoffs_usd : tuple of float
        Dealer gamma, USD per 1 %, falling (Z13).
    gex_multipliers : tuple of float
        What the confidence is multiplied by at or above each of them, and below all: one more than there are cut-offs.
    min_coverage : float
        Least weight of what is present, in (0, 1].

    Raises
    ------
    ConfigError
        Weights do not add up, or thresholds do not run one way.
    """

    technical: float = 0.20
    internals: float = 0.30
    flow: float = 0.30
    model: float = 0.20
    rsi: float = 0.40
    vwap: float = 0.35
    momentum: float = 0.25
    volatility: float = 0.40
    put_call: float = 0.35
    volume: float = 0.25
    rsi_low: float = 30.0
    rsi_high: float = 70.0
    vwap_mild: float = 0.002
    vwap_strong: float = 0.005
    momentum_full: float = 0.005
    term_low: float = 0.95
    term_high: float = 1.05
    vix_levels: tuple[float, float, float] = (15.0, 25.0, 35.0)
    put_call_levels: tuple[float, float, float, float] = (1.5, 1.2, 0.9, 0.7)
    gex_cutoffs_usd: tuple[float, ...] = (5e9, 2e9, 0.5e9)
    gex_multipliers: tuple[float, ...] = (0.8, 0.95, 1.1, 0.7)
    min_coverage: float = 0.6

    def __post_init__(self) -> None:
        for names in (
            ("technical", "internals", "flow", "model"),
            ("rsi", "vwap", "momentum"),
            ("volatility", "put_call", "volume"),
        ):
            parts = [getattr(self, name) for name in names]
            if not (all(part >= 0.0 for part in parts) and abs(sum(parts) - 1.0) <= _SUM_TOLERANCE):
                raise ConfigError(f"weights {', '.join(names)} cannot be", found=str(parts), expected=">= 0, of sum 1")
        _require_rising("rsi_low, rsi_high", (0.0, self.rsi_low, self.rsi_high, 100.0))
        _require_rising("vwap_mild, vwap_strong", (0.0, self.vwap_mild, self.vwap_strong, 1.0))
        _require_rising("momentum_full", (0.0, self.momentum_full, 10.0))
        _require_rising("term_low, term_high", (0.0, self.term_low, self.term_high, 10.0))
        _require_rising("vix_levels", (0.0, *self.vix_levels, 1e3))
        _require_rising("put_call_levels", (0.0, *reversed(self.put_call_levels), 1e6))
        _require_rising("gex_cutoffs_usd", (-1e18, *reversed(self.gex_cutoffs_usd), 1e18))
        multipliers = self.gex_multipliers
        if len(multipliers) != len(self.gex_cutoffs_usd) + 1 or not all(0.0 <= m <= 10.0 for m in multipliers):
            raise ConfigError("gex_multipliers cannot be", found=str(multipliers), expected="one more than cut-offs")
        if not 0.0 < self.min_coverage <= 1.0:
            raise ConfigError("min_coverage cannot be", found=f"{self.min_coverage}", expected="above 0, at most 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerInputs:
    """The numbers of one instant; NaN for what is missing.

    Parameters
    ----------
    rsi : float
        0 to 100.
    vwap_deviation : float
        Close over the session's volume-weighted mean price less 1, a fraction.
    momentum : float
        Log return over some bars.
    vix, vix9d : float
        Levels, index points.
    put_call_volume : float
        Contracts of puts traded over those of calls; never rows of a table (EZ8).
    put_call_premium : float
        The same by premium, price times contracts.
    volume_ratio : float
        Volume over its mean.
    gamma_usd_per_pct : float
        Dealer gamma, USD per 1 %.
    forecast_direction : float
        Of a calibrated model, -1 to 1. Missing it is missing: 50 of 100 would be an opinion (Z10).
    """

    rsi: float = nan
    vwap_deviation: float = nan
    momentum: float = nan
    vix: float = nan
    vix9d: float = nan
    put_call_volume: float = nan
    put_call_premium: float = nan
    volume_ratio: float = nan
    gamma_usd_per_pct: float = nan
    forecast_direction: float = nan


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReading:
    """What the layers say.

    Parameters
    ----------
    parts : tuple of (str, float)
        Score of each part, -1 for a fall to 1 for a rise; NaN where it is missing.
    score : float
        Weighted mean of what is present, -1 to 1; NaN where too little is.
    confidence : float
        ``min(1, |score| * multiplier)`` with the multiplier of the gamma environment; NaN where either is missing. It
        is a strength, not a probability.
    coverage : float
        Weight of what is present, 0 to 1.
    reason : str
        Why score or confidence are missing; empty where they are not.
    """

    parts: tuple[tuple[str, float], ...]
    score: float
    confidence: float
    coverage: float
    reason: str


def layer_reading(config: LayerConfig, inputs: LayerInputs) -> LayerReading:
    """Return the layered score of an instant.

    Parameters
    ----------
    config : LayerConfig
        Weights and thresholds.
    inputs : LayerInputs
        The numbers.

    Returns
    -------
    LayerReading
        Without a score where less than `min_coverage` is present.
    """
    rows = (
        ("rsi", config.technical * config.rsi, _rsi(config, inputs.rsi)),
        ("vwap", config.technical * config.vwap, _vwap(config, inputs.vwap_deviation)),
        ("momentum", config.technical * config.momentum, _momentum(config, inputs.momentum)),
        ("volatility", config.internals * config.volatility, _volatility(config, inputs.vix, inputs.vix9d)),
        ("put_call", config.internals * config.put_call, _put_call(config, inputs.put_call_volume)),
        ("volume", config.internals * config.volume, _volume(config, inputs.volume_ratio, inputs.momentum)),
        ("flow", config.flow, _put_call(config, inputs.put_call_premium)),
        ("model", config.model, _share(inputs.forecast_direction)),
    )
    present = [(weight, value) for _, weight, value in rows if isfinite(value)]
    coverage = sum(weight for weight, _ in present) / sum(weight for _, weight, _ in rows)
    enough = coverage >= config.min_coverage
    score = sum(w * v for w, v in present) / sum(w for w, _ in present) if enough else nan
    multiplier = _multiplier(config, inputs.gamma_usd_per_pct)
    reason = f"coverage {coverage:.2f} is below {config.min_coverage:.2f}" if not enough else ""
    return LayerReading(
        parts=tuple((name, value) for name, _, value in rows),
        score=score,
        confidence=min(1.0, abs(score) * multiplier) if isfinite(score * multiplier) else nan,
        coverage=coverage,
        reason=reason or ("" if isfinite(multiplier) else "dealer gamma is not known"),
    )


def _share(value: float) -> float:
    return value if -1.0 <= value <= 1.0 else nan


def _clipped(value: float) -> float:
    return min(max(value, -1.0), 1.0) if isfinite(value) else nan


def _rsi(config: LayerConfig, value: float) -> float:
    """Return 1 where the index is low, -1 where it is high: it is read against the move."""
    middle, half = (config.rsi_low + config.rsi_high) / 2.0, (config.rsi_high - config.rsi_low) / 2.0
    return _clipped((middle - value) / half)


def _vwap(config: LayerConfig, value: float) -> float:
    if not isfinite(value):
        return nan
    size = 1.0 if abs(value) >= config.vwap_strong else 0.5 if abs(value) >= config.vwap_mild else 0.0
    return size if value > 0.0 else -size


def _momentum(config: LayerConfig, value: float) -> float:
    return _clipped(value / config.momentum_full)


def _volatility(config: LayerConfig, level: float, near: float) -> float:
    """Return the worse of level and curve; both are needed, since a calm level says nothing of a curve in stress."""
    if not (0.0 < level < 1e6 and 0.0 < near < 1e6):  # levels, and no infinity
        return nan
    ratio = near / level
    curve = 1.0 if ratio < config.term_low else -1.0 if ratio > config.term_high else 0.0
    calm, middle, bad = config.vix_levels
    by_level = 1.0 if level <= calm else 0.5 if level <= middle else -0.5 if level < bad else -1.0
    return min(curve, by_level)


def _put_call(config: LayerConfig, ratio: float) -> float:
    """Return -1 where puts outweigh calls by much, 1 where calls outweigh puts."""
    if not (isfinite(ratio) and ratio >= 0.0):
        return nan
    bad, half_bad, half_good, good = config.put_call_levels
    if ratio >= half_bad:
        return -1.0 if ratio >= bad else -0.5
    if ratio <= half_good:
        return 1.0 if ratio <= good else 0.5
    return 0.0


def _volume(config: LayerConfig, ratio: float, momentum: float) -> float:
    """Return how far volume above its mean bears out the move: it has no direction of its own."""
    if not (isfinite(ratio) and ratio >= 0.0):
        return nan
    move = _momentum(config, momentum)
    return min(max(ratio - 1.0, 0.0), 1.0) * ((move > 0.0) - (move < 0.0)) if isfinite(move) else nan


def _multiplier(config: LayerConfig, gamma: float) -> float:
    if not isfinite(gamma):
        return nan
    place = next((k for k, bound in enumerate(config.gex_cutoffs_usd) if gamma >= bound), len(config.gex_cutoffs_usd))
    return config.gex_multipliers[place]


def _require_rising(what: str, numbers: tuple[float, ...]) -> None:
    if not all(low < high for low, high in pairwise(numbers)):
        raise ConfigError(
            f"{what} cannot be", found=str(numbers[1:-1]), expected=f"rising within {numbers[0]:g} to {numbers[-1]:g}"
        )
