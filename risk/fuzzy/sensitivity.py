"""How size answers to each number and weight: analytic slopes, and the ways in which volatility enters (EQ3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from math import isfinite, nan
from typing import Final

from market.errors import ConfigError
from risk.fuzzy.config import FACTORS, FusionRule, FuzzyConfig, SigmaRule
from risk.fuzzy.factors import Term
from risk.fuzzy.score import FuzzyInputs, FuzzyReading, fuzzy_reading

__all__ = ["Sensitivity", "VolatilityChannels", "has_kink", "sensitivity", "volatility_channels"]

_CHANNELS: Final = {
    "iv_rank": ("iv_rank",),
    "regime_stability": ("change_probability", "vix"),
    "trend_and_width": ("adx", "band_width"),
    "sigma_star": ("vol_percentile", "realised_vol"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Slopes of the share `g` at one instant; those of the size before rounding are `base_size` times as large.

    Parameters
    ----------
    reading : FuzzyReading
        Where they were taken.
    by_input : mapping of str to float
        ``dg / dx`` by each number of `FuzzyInputs`, per unit of it; 0 where it has no say, NaN where it is missing.
    by_weight : mapping of str to float
        ``dg / dw`` by the weight of each factor, the others grown or shrunk in proportion so that the sum stays 1.
    """

    reading: FuzzyReading
    by_input: Mapping[str, float]
    by_weight: Mapping[str, float]

    def of_size(self) -> dict[str, float]:
        """Return the slopes of the size before rounding by each number, packages per unit.

        Rounding down makes the whole size a staircase, whose slope is 0 or not there at all.
        """
        return {name: slope * self.reading.base_size for name, slope in self.by_input.items()}


def sensitivity(config: FuzzyConfig, inputs: FuzzyInputs, base_size: float) -> Sensitivity:
    """Return the analytic slopes of the share.

    Parameters
    ----------
    config : FuzzyConfig
        The table.
    inputs : FuzzyInputs
        Where.
    base_size : float
        Q0, packages.

    Returns
    -------
    Sensitivity
        All 0 where the size is 0 for want of data.

    Raises
    ------
    ConfigError
        The fusion asks for more than the fuzzy score and a confidence by a convex combination.

    Notes
    -----
    With ``F = sum w mu / W`` over what is present, ``c`` the cut by coverage and ``a`` the part of the fused score that
    is fuzzy, ``g = ((1 - a) p + a F)(1 - sigma*) c`` and ``dg/dx = a w mu'(x) (1 - sigma*) c / W``. At a kink of a
    membership its slope does not exist; the sub-gradient 0 is taken, an element of the generalised gradient between the
    slopes of both sides (`has_kink` tells where). The weight of one factor is moved along the simplex, since a single
    weight cannot move alone.
    """
    if config.fusion.rule is not FusionRule.CONVEX or config.fusion.gaussian > 0.0:
        raise ConfigError("slopes are known for a convex fusion without Gaussians", found=str(config.fusion))
    reading = fuzzy_reading(config, inputs, base_size)
    names = [item.name for item in fields(FuzzyInputs)]
    by_input = {name: 0.0 if isfinite(getattr(inputs, name)) else nan for name in names}
    by_weight = dict.fromkeys(FACTORS, 0.0)
    if not reading.reason:
        for term in config.terms:
            x = getattr(inputs, term.source)
            if isfinite(x):
                by_input[term.source] += _scale(config, inputs, reading) * term.weight * term.membership.slope(x)
        _add_sigma(config, inputs, reading, by_input)
        _add_confidence(config, inputs, reading, by_input)
        by_weight = {name: _by_weight(config, inputs, reading, name) for name in FACTORS}
    return Sensitivity(reading=reading, by_input=by_input, by_weight=by_weight)


def has_kink(config: FuzzyConfig, inputs: FuzzyInputs) -> bool:
    """Tell whether a number stands where its membership or the clip of sigma* has no slope.

    Parameters
    ----------
    config : FuzzyConfig
        The table.
    inputs : FuzzyInputs
        Where.

    Returns
    -------
    bool
        Whether one does.
    """
    sigma = config.sigma_star
    clipped = sigma.rule is SigmaRule.CLIP and inputs.realised_vol in {sigma.low, sigma.high}
    return clipped or any(
        term.weight > 0.0 and term.membership.has_kink(getattr(inputs, term.source)) for term in config.terms
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityChannels:
    """The ways in which a rise of volatility moves the share at one level, and their sum.

    Parameters
    ----------
    level : float
        Of the volatility index, index points.
    g : float
        The share there.
    iv_rank, regime_stability, trend_and_width, sigma_star : float
        ``dg`` per index point through each way: implied rank (up), stability of the regime (down), trend strength and
        band width (down), the discount itself (down).
    """

    level: float
    g: float
    iv_rank: float
    regime_stability: float
    trend_and_width: float
    sigma_star: float

    @property
    def net(self) -> float:
        """``dg`` per index point through all ways together."""
        return self.iv_rank + self.regime_stability + self.trend_and_width + self.sigma_star


def volatility_channels(
    config: FuzzyConfig, path: Sequence[tuple[float, FuzzyInputs]]
) -> tuple[VolatilityChannels, ...]:
    """Return what each way contributes along a path of rising volatility.

    Parameters
    ----------
    config : FuzzyConfig
        The table.
    path : sequence of (float, FuzzyInputs)
        Level of the volatility index and the numbers that go with it, levels rising; two or more. How rank, percentile
        and the rest move with the level is the caller's statement, since no formula knows it.

    Returns
    -------
    tuple of VolatilityChannels
        One for each level: its slopes by the analytic derivative times the slope of the numbers along the path, central
        inside and one-sided at both ends.

    Raises
    ------
    ConfigError
        The levels do not rise.
    """
    levels = [level for level, _ in path]
    if len(levels) < 2 or any(after <= before for before, after in pairwise(levels)):
        raise ConfigError("a path of volatility needs rising levels", found=str(levels), expected="two or more")
    found = []
    for place, (level, inputs) in enumerate(path):
        low, high = path[max(place - 1, 0)], path[min(place + 1, len(path) - 1)]
        slopes = sensitivity(config, inputs, 1.0)
        parts = {
            channel: sum(slopes.by_input[name] * _change(low, high, name) for name in names if _is_known(inputs, name))
            for channel, names in _CHANNELS.items()
        }
        found.append(VolatilityChannels(level=level, g=slopes.reading.g, **parts))
    return tuple(found)


def _is_known(inputs: FuzzyInputs, name: str) -> bool:
    return isfinite(getattr(inputs, name))


def _change(low: tuple[float, FuzzyInputs], high: tuple[float, FuzzyInputs], name: str) -> float:
    found: float = (getattr(high[1], name) - getattr(low[1], name)) / (high[0] - low[0])
    return found


def _cut(config: FuzzyConfig, inputs: FuzzyInputs, reading: FuzzyReading) -> float:
    """Return the cut by coverage: of the factors, and of the confidence where it was asked for and is absent."""
    if not config.coverage_cuts_size:
        return 1.0
    fusion = config.fusion
    heard = 0.0 <= inputs.confidence <= 1.0 or fusion.confidence == 0.0
    return reading.coverage * (1.0 if heard else fusion.fuzzy / (fusion.fuzzy + fusion.confidence))


def _fuzzy_share(config: FuzzyConfig, inputs: FuzzyInputs) -> float:
    fusion = config.fusion
    heard = fusion.confidence if 0.0 <= inputs.confidence <= 1.0 else 0.0
    return fusion.fuzzy / (fusion.fuzzy + heard)


def _present(config: FuzzyConfig, inputs: FuzzyInputs) -> list[tuple[Term, float]]:
    return [(term, x) for term in config.terms if isfinite(x := getattr(inputs, term.source))]


def _scale(config: FuzzyConfig, inputs: FuzzyInputs, reading: FuzzyReading) -> float:
    weight = sum(term.weight for term, _ in _present(config, inputs))
    share = _fuzzy_share(config, inputs)
    return share * (1.0 - reading.sigma_star) * _cut(config, inputs, reading) / weight


def _add_sigma(config: FuzzyConfig, inputs: FuzzyInputs, reading: FuzzyReading, by_input: dict[str, float]) -> None:
    slope = -reading.fused_score * _cut(config, inputs, reading)
    sigma = config.sigma_star
    if sigma.rule is SigmaRule.PERCENTILE:
        by_input["vol_percentile"] = slope
    elif sigma.low < inputs.realised_vol < sigma.high:
        by_input["realised_vol"] = slope / (sigma.high - sigma.low)


def _add_confidence(
    config: FuzzyConfig, inputs: FuzzyInputs, reading: FuzzyReading, by_input: dict[str, float]
) -> None:
    if config.fusion.confidence > 0.0 and 0.0 <= inputs.confidence <= 1.0:
        own = 1.0 - _fuzzy_share(config, inputs)
        by_input["confidence"] = own * (1.0 - reading.sigma_star) * _cut(config, inputs, reading)


def _by_weight(config: FuzzyConfig, inputs: FuzzyInputs, reading: FuzzyReading, name: str) -> float:
    """Return the slope along the line of the simplex on which one weight grows at the cost of all others alike."""
    own = config.weights[name]
    if own >= 1.0:
        return 0.0
    # d(weight of a term) along the line: the factor's own terms share 1, the others lose in proportion.
    moves = {
        id(term): (term.weight / own if own > 0.0 else _share(config, term))
        if term.factor == name
        else -term.weight / (1.0 - own)
        for term in config.terms
    }
    present = _present(config, inputs)
    weight = sum(term.weight for term, _ in present)
    summed = sum(term.weight * term.membership.value(x) for term, x in present)
    d_weight = sum(moves[id(term)] for term, _ in present)
    d_summed = sum(moves[id(term)] * term.membership.value(x) for term, x in present)
    d_score = (d_summed - summed / weight * d_weight) / weight
    cut = _cut(config, inputs, reading)
    found = _fuzzy_share(config, inputs) * d_score * cut
    if config.coverage_cuts_size:
        found += reading.fused_score * cut * d_weight / weight  # the whole that the coverage is a share of stays 1
    return found * (1.0 - reading.sigma_star)


def _share(config: FuzzyConfig, term: Term) -> float:
    """Return the part of its factor's weight that a term takes, for a factor without a weight."""
    second = {"regime_stability": config.vix.share, "bollinger": config.band_width.share}.get(term.factor, 0.0)
    return second if term.source in {"vix", "band_width"} else 1.0 - second
