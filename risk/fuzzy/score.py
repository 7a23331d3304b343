"""The score of one instant and the size that it leaves: ``Q = floor(Q0 * F * (1 - sigma*))`` (Q55 to Q58)."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, nan

from market.errors import ConfigError
from risk.fuzzy.config import FACTORS, FuzzyConfig, SigmaConfig, SigmaRule
from risk.fuzzy.factors import Term
from risk.fuzzy.fusion import fused, needs_all

__all__ = ["FuzzyInputs", "FuzzyReading", "fuzzy_reading", "sigma_star"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzyInputs:
    """The numbers of one instant; NaN for what is missing, and what is not finite is missing too.

    Parameters
    ----------
    consensus : float
        Mean sign over the time frames, -1 to 1, or share of movement, 0 to 1 (`risk.fuzzy.consensus`).
    iv_rank : float
        Rank of implied volatility in its range of a year, 0 to 1.
    change_probability : float
        Probability that the regime is another than the one it is taken for, 0 to 1.
    vix : float
        Level of the volatility index, index points.
    rsi, adx, stochastic : float
        Indicators, 0 to 100.
    band_position : float
        ``%B``: 0 on the lower band, 1 on the upper one.
    band_width : float
        Width of the bands as a fraction of their mean.
    volume_ratio : float
        Volume over its mean.
    sma_distance : float
        ``close / mean - 1``, signed.
    sar_clearance : float
        How far the parabolic stop-and-reverse speaks for the package, in average true ranges.
    vol_percentile : float
        Causal percentile of realised volatility, 0 to 1.
    realised_vol : float
        Annualised realised volatility, a fraction.
    confidence : float
        Calibrated confidence of a model, 0 to 1.
    """

    consensus: float = nan
    iv_rank: float = nan
    change_probability: float = nan
    vix: float = nan
    rsi: float = nan
    adx: float = nan
    band_position: float = nan
    band_width: float = nan
    stochastic: float = nan
    volume_ratio: float = nan
    sma_distance: float = nan
    sar_clearance: float = nan
    vol_percentile: float = nan
    realised_vol: float = nan
    confidence: float = nan


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzyReading:
    """What fuzzy sizing says at one instant.

    Parameters
    ----------
    memberships : tuple of (str, float)
        Of each factor, 0 to 1, in the order of `FACTORS`; NaN where all that it reads is missing.
    coverage : float
        Weight of what is present as a share of all, 0 to 1.
    score : float
        The weighted mean of what is present, F in [0, 1]; NaN where nothing is.
    fused_score : float
        The score with the model's confidence in it; the score itself where nothing else is asked for.
    sigma_star : float
        Volatility discount, 0 to 1; NaN where missing.
    g : float
        Share of the base size, 0 to 1; 0 where it cannot be told.
    base_size : float
        Q0, packages.
    allowed : float
        ``Q0 * g``, not rounded: whoever takes the smallest of several ceilings rounds once, after it.
    quantity : int
        ``floor(Q0 * g)``, >= 0.
    missing : tuple of str
        Numbers with a weight that were missing.
    reason : str
        Why the size is 0 although it could be told otherwise; empty where it is not.
    """

    memberships: tuple[tuple[str, float], ...]
    coverage: float
    score: float
    fused_score: float
    sigma_star: float
    g: float
    base_size: float
    allowed: float
    quantity: int
    missing: tuple[str, ...]
    reason: str


def sigma_star(config: SigmaConfig, inputs: FuzzyInputs) -> float:
    """Return the volatility discount.

    Parameters
    ----------
    config : SigmaConfig
        Rule and levels.
    inputs : FuzzyInputs
        The numbers.

    Returns
    -------
    float
        0 to 1; NaN where its number is missing or is none of that kind: a percentile outside 0 to 1, a negative
        volatility.
    """
    if config.rule is SigmaRule.PERCENTILE:
        return inputs.vol_percentile if 0.0 <= inputs.vol_percentile <= 1.0 else nan
    if not (isfinite(inputs.realised_vol) and inputs.realised_vol >= 0.0):
        return nan
    return min(max((inputs.realised_vol - config.low) / (config.high - config.low), 0.0), 1.0)


def fuzzy_reading(config: FuzzyConfig, inputs: FuzzyInputs, base_size: float) -> FuzzyReading:
    """Return score, discount and size of one instant.

    Parameters
    ----------
    config : FuzzyConfig
        The table.
    inputs : FuzzyInputs
        The numbers.
    base_size : float
        Q0, packages, finite and >= 0.

    Returns
    -------
    FuzzyReading
        Always; what is missing makes the size 0 with a reason.

    Raises
    ------
    ConfigError
        The base size is no size.
    """
    if not (isfinite(base_size) and base_size >= 0.0):
        raise ConfigError("a base size cannot be", found=f"{base_size}", expected="a finite number >= 0")
    terms = config.terms
    values = [_membership(term, inputs) for term in terms]
    coverage, score = _mean(config, values)
    gaussian = _gaussian(config, inputs)
    blend = fused(config.fusion, score, gaussian, inputs.confidence)
    sigma = sigma_star(config.sigma_star, inputs)
    reason = _reason(config, coverage, blend.value, sigma)
    missing = tuple([t.source for t, v in zip(terms, values, strict=True) if t.weight > 0.0 and not isfinite(v)])
    if not reason and config.coverage_cuts_size:
        reason = blend.reason or ("pooled log-odds lack a factor" if missing and needs_all(config.fusion) else "")
    cut = coverage * blend.coverage if config.coverage_cuts_size else 1.0
    g = 0.0 if reason else blend.value * (1.0 - sigma) * cut
    return FuzzyReading(
        memberships=_by_factor(terms, values),
        coverage=coverage,
        score=score,
        fused_score=blend.value,
        sigma_star=sigma,
        g=g,
        base_size=base_size,
        allowed=base_size * g,
        quantity=floor(base_size * g),
        missing=missing,
        reason=reason,
    )


def _membership(term: Term, inputs: FuzzyInputs) -> float:
    found: float = getattr(inputs, term.source)
    return term.membership.value(found) if isfinite(found) else nan


def _mean(config: FuzzyConfig, values: list[float]) -> tuple[float, float]:
    """Return the coverage and the mean of what is present, the weights divided by their own sum."""
    total, present, summed = config.left_out, 0.0, 0.0
    for term, value in zip(config.terms, values, strict=True):
        total += term.weight
        if isfinite(value):
            present += term.weight
            summed += term.weight * value
    # Where nothing is missing both sums are one sequence of additions, so that their ratio is 1 to the last bit.
    return present / total, summed / present if present > 0.0 else nan


def _gaussian(config: FuzzyConfig, inputs: FuzzyInputs) -> float:
    if config.fusion.gaussian == 0.0:
        return nan
    found = [getattr(inputs, term.source) for term in config.terms]
    bells = [t.gaussian.value(x) if isfinite(x) else nan for t, x in zip(config.terms, found, strict=True)]
    return _mean(config, bells)[1]


def _reason(config: FuzzyConfig, coverage: float, score: float, sigma: float) -> str:
    if coverage < config.min_coverage:
        return f"coverage {coverage:.2f} is below {config.min_coverage:.2f}"
    if not isfinite(score):
        return "no factor is known"
    if not isfinite(sigma):
        return "the volatility discount is not known"
    return ""


def _by_factor(terms: tuple[Term, ...], values: list[float]) -> tuple[tuple[str, float], ...]:
    """Return the mean membership of each factor over what it reads and is present."""
    weights, summed = dict.fromkeys(FACTORS, 0.0), dict.fromkeys(FACTORS, 0.0)
    for term, value in zip(terms, values, strict=True):
        if isfinite(value):
            weights[term.factor] += term.weight
            summed[term.factor] += term.weight * value
    return tuple([(name, summed[name] / weights[name] if weights[name] > 0.0 else nan) for name in FACTORS])
