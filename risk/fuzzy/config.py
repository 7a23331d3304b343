"""The one table of fuzzy sizing: factors, weights, memberships, sigma*, fusion and guards, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import exp, inf, isfinite
from typing import Final

from market.errors import ConfigError
from risk.fuzzy.factors import Factor, SecondInput, Term
from risk.fuzzy.memberships import Crossover, Family, Gaussian, Linear, Trapezoid

__all__ = [
    "FACTORS",
    "SUM_TOLERANCE",
    "FusionConfig",
    "FusionRule",
    "FuzzyConfig",
    "SigmaConfig",
    "SigmaRule",
]

SUM_TOLERANCE: Final = 1e-12
"""How far the sum of the weights may stand from 1."""


class SigmaRule(StrEnum):
    """What the volatility discount sigma* is made of."""

    PERCENTILE = "percentile"
    CLIP = "clip"


class FusionRule(StrEnum):
    """How the fuzzy score meets what a model says."""

    CONVEX = "convex"
    LOGIT = "logit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigmaConfig:
    """The volatility discount (Q56).

    Parameters
    ----------
    rule : SigmaRule
        The causal empirical percentile of realised volatility, or a linear clip of its level.
    low, high : float
        Annualised volatilities at which the clip is 0 and 1, ``0 <= low < high``.

    Raises
    ------
    ConfigError
        The levels do not rise.
    """

    rule: SigmaRule = SigmaRule.PERCENTILE
    low: float = 0.10
    high: float = 0.35

    def __post_init__(self) -> None:
        if not 0.0 <= self.low < self.high < inf:
            raise ConfigError("sigma* cannot be clipped", found=f"{self.low}, {self.high}", expected="0 <= low < high")


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionConfig:
    """How the fuzzy score meets a model's confidence and the score by Gaussians (EQ4, corrected).

    Parameters
    ----------
    rule : FusionRule
        Convex combination, or pooling of log-odds.
    fuzzy : float
        Weight of the fuzzy score, > 0.
    confidence : float
        Weight of the model's calibrated confidence, >= 0; 0 for none.
    gaussian : float
        Weight of the same factors read by their Gaussians, >= 0; 0 for none.
    logit_floor : float
        A pooled number is first held off 0 and 1 by so much, in (0, 0.5): one certain voice would outvote all others.

    Raises
    ------
    ConfigError
        A weight or the floor lies outside its range.

    Notes
    -----
    Weights are divided by the sum of those of what is present, so that no choice of them lifts the result above 1.
    """

    rule: FusionRule = FusionRule.CONVEX
    fuzzy: float = 1.0
    confidence: float = 0.0
    gaussian: float = 0.0
    logit_floor: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("fuzzy", "confidence", "gaussian"):
            weight = getattr(self, name)
            if not (isfinite(weight) and weight >= 0.0 and (weight > 0.0 or name != "fuzzy")):
                raise ConfigError(f"fusion: the weight {name} cannot be", found=f"{weight}", expected="a number >= 0")
        if not 0.0 < self.logit_floor < 0.5:  # half the way from 0 to 1
            raise ConfigError("fusion: logit_floor cannot be", found=f"{self.logit_floor}", expected="0 to 0.5")


def _tent(low: float, centre: float, high: float) -> Linear:
    return Linear(zero_low=low, one=centre, zero_high=high)


def _bell(centre: float, deviation: float) -> Gaussian:
    return Gaussian(low=centre, high=centre, deviation=deviation)


def _corners(zero_low: float, one_low: float, one_high: float, zero_high: float) -> Trapezoid:
    return Trapezoid(zero_low=zero_low, one_low=one_low, one_high=one_high, zero_high=zero_high)


_CONSENSUS: Final = Factor(
    weight=0.18,
    family=Family.TRAPEZOID,
    trapezoid=_corners(-0.8, -0.3, 0.3, 0.8),
    gaussian=_bell(0.0, 0.4),
    linear=_tent(-1.0, 0.0, 1.0),
)
_IV_RANK: Final = Factor(
    weight=0.14,
    family=Family.LINEAR,
    trapezoid=_corners(0.0, 0.6, inf, inf),
    gaussian=Gaussian(low=0.6, high=inf, deviation=0.2),
    linear=_tent(0.2, 0.6, inf),
)
_STABILITY: Final = Factor(
    weight=0.11,
    family=Family.LINEAR,
    trapezoid=_corners(-inf, -inf, 0.1, 0.9),
    gaussian=Gaussian(low=-inf, high=0.0, deviation=0.4),
    linear=_tent(-inf, 0.0, 1.0),
)
_VIX: Final = SecondInput(
    share=0.5,
    family=Family.LINEAR,
    trapezoid=_corners(-inf, -inf, 15.0, 30.0),
    gaussian=Gaussian(low=-inf, high=12.0, deviation=8.0),
    linear=_tent(-inf, 12.0, 30.0),
)
_RSI: Final = Factor(
    weight=0.10,
    family=Family.GAUSSIAN,
    trapezoid=_corners(0.0, 40.0, 60.0, 100.0),
    gaussian=_bell(50.0, 15.0),
    linear=_tent(0.0, 50.0, 100.0),
)
_ADX: Final = Factor(
    weight=0.10,
    family=Family.LINEAR,
    trapezoid=_corners(-inf, -inf, 25.0, 40.0),
    gaussian=Gaussian(low=-inf, high=15.0, deviation=10.0),
    linear=_tent(-inf, 15.0, 40.0),
)
_BOLLINGER: Final = Factor(
    weight=0.09,
    family=Family.GAUSSIAN,
    trapezoid=_corners(0.0, 0.35, 0.65, 1.0),
    gaussian=_bell(0.5, 0.25),
    linear=_tent(0.0, 0.5, 1.0),
)
_BAND_WIDTH: Final = SecondInput(
    share=0.0,
    family=Family.LINEAR,
    trapezoid=_corners(-inf, -inf, 0.01, 0.04),
    gaussian=Gaussian(low=-inf, high=0.0, deviation=0.02),
    linear=_tent(-inf, 0.0, 0.04),
)
_STOCHASTIC: Final = Factor(
    weight=0.08,
    family=Family.GAUSSIAN,
    trapezoid=_corners(0.0, 30.0, 70.0, 100.0),
    gaussian=_bell(50.0, 20.0),
    linear=_tent(0.0, 50.0, 100.0),
)
_VOLUME: Final = Factor(
    weight=0.07,
    family=Family.LINEAR,
    trapezoid=_corners(0.0, 0.8, inf, inf),
    gaussian=Gaussian(low=1.5, high=inf, deviation=0.5),
    linear=_tent(0.5, 1.5, inf),
)
_SMA_DISTANCE: Final = Factor(
    weight=0.06,
    family=Family.LINEAR,
    trapezoid=_corners(-0.02, 0.0, 0.0, 0.02),
    gaussian=_bell(0.0, 0.015),
    linear=_tent(-0.03, 0.0, 0.03),
)
_PARABOLIC_SAR: Final = Factor(
    weight=0.07,
    family=Family.CROSSOVER,
    trapezoid=_corners(-0.75, 0.75, inf, inf),
    gaussian=Gaussian(low=0.75, high=inf, deviation=0.6),
    linear=_tent(-1.0, 1.0, inf),
    crossover=Crossover(at=0.0, steepness=6.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzyConfig:
    """Everything that fuzzy sizing is told.

    Parameters
    ----------
    consensus, iv_rank, regime_stability, rsi, adx, bollinger, stochastic, volume, sma_distance, parabolic_sar : Factor
        The ten factors; their weights have the sum 1.
    vix : SecondInput
        Level of the volatility index, index points: the second number of `regime_stability`.
    band_width : SecondInput
        Width of the Bollinger bands, a fraction of their mean: the second number of `bollinger`.
    sigma_star : SigmaConfig
        The volatility discount.
    fusion : FusionConfig
        How a model's confidence joins.
    min_coverage : float
        Least weight of what is present, in (0, 1]; with less the size is 0.
    coverage_cuts_size : bool
        True multiplies the size by the coverage: what is missing then counts as 0 for the size, though not for the
        score, and worse data can never raise it. False lets the rest stand for it.
    volatility_guard : bool
        True counts `iv_rank` as missing, whatever it is: it is the one factor that volatility raises, and without it no
        rise of volatility raises a size (EQ3). It stands on `coverage_cuts_size`, by which it can only lower a size.

    Raises
    ------
    ConfigError
        The weights do not have the sum 1, or the coverage is no share.

    Notes
    -----
    Weights and kinds are the roadmap's (Q59 to Q69). The trapezoids are those of the system that it describes, except
    where that one is no trapezoid; the other numbers are proposals for selling premium without a view, fitted to
    nothing, and a sweep may vary each of them.
    """

    consensus: Factor = _CONSENSUS
    iv_rank: Factor = _IV_RANK
    regime_stability: Factor = _STABILITY
    vix: SecondInput = _VIX
    rsi: Factor = _RSI
    adx: Factor = _ADX
    bollinger: Factor = _BOLLINGER
    band_width: SecondInput = _BAND_WIDTH
    stochastic: Factor = _STOCHASTIC
    volume: Factor = _VOLUME
    sma_distance: Factor = _SMA_DISTANCE
    parabolic_sar: Factor = _PARABOLIC_SAR
    sigma_star: SigmaConfig = SigmaConfig()
    fusion: FusionConfig = FusionConfig()
    min_coverage: float = 0.6
    coverage_cuts_size: bool = True
    volatility_guard: bool = False
    terms: tuple[Term, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        total = sum(self.weights.values())
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise ConfigError(
                "the weights of the factors do not add up",
                found=f"a sum of {total!r}",
                expected="1",
                action="change them together, or take FuzzyConfig.with_logits",
            )
        if not 0.0 < self.min_coverage <= 1.0:
            raise ConfigError("min_coverage cannot be", found=f"{self.min_coverage}", expected="above 0, at most 1")
        if self.volatility_guard and not self.coverage_cuts_size:
            raise ConfigError(
                "volatility_guard cannot stand alone",
                found="coverage_cuts_size = false",
                expected="true: else the other factors would take the place of the rank, and could raise the size",
            )
        object.__setattr__(self, "terms", _terms(self))

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each factor by its name, in the order of `FACTORS`."""
        return {name: getattr(self, name).weight for name in FACTORS}

    @property
    def left_out(self) -> float:
        """Weight of what the guard counts as missing; it belongs to the whole that the coverage is a share of."""
        return self.iv_rank.weight if self.volatility_guard else 0.0

    def with_weights(self, weights: Mapping[str, float]) -> FuzzyConfig:
        """Return the same with other weights.

        Parameters
        ----------
        weights : mapping of str to float
            One for every factor and no other, of sum 1.

        Returns
        -------
        FuzzyConfig
            Checked.

        Raises
        ------
        ConfigError
            A factor is unknown or missing, or the sum is not 1.
        """
        _require_factors(weights)
        return replace(self, **{name: replace(getattr(self, name), weight=weights[name]) for name in FACTORS})

    def with_logits(self, logits: Mapping[str, float]) -> FuzzyConfig:
        """Return the same with weights by softmax: any finite numbers make a point of the simplex, as a sweep needs it.

        Parameters
        ----------
        logits : mapping of str to float
            One for every factor and no other; only their differences count.

        Returns
        -------
        FuzzyConfig
            With weights above or at 0 of sum 1.

        Raises
        ------
        ConfigError
            A factor is unknown or missing, or a number is not finite.
        """
        _require_factors(logits)
        if not all(isfinite(each) for each in logits.values()):
            raise ConfigError("logits cannot be", found=str(dict(logits)), expected="finite numbers")
        top = max(logits.values())
        raised = {name: exp(logits[name] - top) for name in FACTORS}
        total = sum(raised.values())
        return self.with_weights({name: each / total for name, each in raised.items()})


FACTORS: Final = (
    "consensus",
    "iv_rank",
    "regime_stability",
    "rsi",
    "adx",
    "bollinger",
    "stochastic",
    "volume",
    "sma_distance",
    "parabolic_sar",
)
"""Names of the factors in the order in which they are added."""

_SOURCES: Final = {
    "consensus": "consensus",
    "iv_rank": "iv_rank",
    "regime_stability": "change_probability",
    "rsi": "rsi",
    "adx": "adx",
    "bollinger": "band_position",
    "stochastic": "stochastic",
    "volume": "volume_ratio",
    "sma_distance": "sma_distance",
    "parabolic_sar": "sar_clearance",
}
_SECOND: Final = {"regime_stability": "vix", "bollinger": "band_width"}


def _terms(config: FuzzyConfig) -> tuple[Term, ...]:
    made = []
    for name in FACTORS:
        factor: Factor = getattr(config, name)
        second: SecondInput | None = getattr(config, _SECOND[name]) if name in _SECOND else None
        share = second.share if second is not None else 0.0
        if config.volatility_guard and name == "iv_rank":
            continue
        made.append(_term(name, _SOURCES[name], factor.weight * (1.0 - share), factor))
        if second is not None:
            made.append(_term(name, _SECOND[name], factor.weight * share, second))
    return tuple(made)


def _term(name: str, source: str, weight: float, shaped: Factor | SecondInput) -> Term:
    return Term(factor=name, source=source, weight=weight, membership=shaped.membership, gaussian=shaped.gaussian)


def _require_factors(given: Mapping[str, float]) -> None:
    unknown, missing = sorted(set(given) - set(FACTORS)), [name for name in FACTORS if name not in given]
    if unknown or missing:
        raise ConfigError(
            "weights must name every factor once",
            found=f"unknown {unknown}, missing {missing}",
            expected=", ".join(FACTORS),
        )
