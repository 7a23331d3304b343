"""The fuzzy score with what a model says: a convex combination or pooled log-odds, never above 1 (Q75, EQ4)."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, log, nan

import numpy as np

from market.chains import BoolArray, FloatArray
from risk.fuzzy.config import FusionConfig, FusionRule

__all__ = ["Fusion", "fused", "fused_columns", "needs_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """A fused score.

    Parameters
    ----------
    value : float
        0 to 1; NaN where the fuzzy score itself is missing.
    coverage : float
        Weight of what is present as a share of all that was asked for, 0 to 1.
    reason : str
        What cannot be made good by a smaller size: log-odds that lack a voice; empty where nothing is.
    """

    value: float
    coverage: float
    reason: str


def fused(config: FusionConfig, fuzzy: float, gaussian: float, confidence: float) -> Fusion:
    """Return the fused score; what is absent drops out, and the weights of the rest are divided by their sum.

    Parameters
    ----------
    config : FusionConfig
        Rule and weights.
    fuzzy : float
        The fuzzy score, 0 to 1; NaN where it is missing, and then nothing stands in for it.
    gaussian : float
        The same factors by their Gaussians, 0 to 1; NaN where absent.
    confidence : float
        Calibrated confidence of a model, 0 to 1; what lies outside is absent.

    Returns
    -------
    Fusion
        See there.

    Notes
    -----
    With a convex combination the value times its coverage is the sum of ``w * x`` over what is present: no voice that
    falls silent can raise it. Pooled log-odds have no such bound, since the silent voice could have said 0, so there
    the absence is told as a reason.
    """
    voices = ((config.fuzzy, fuzzy), (config.gaussian, gaussian), (config.confidence, confidence))
    asked = [(weight, voice) for weight, voice in voices if weight > 0.0]
    present = [(weight, voice) for weight, voice in asked if 0.0 <= voice <= 1.0]
    if not isfinite(fuzzy):
        return Fusion(value=nan, coverage=0.0, reason="")
    weight = sum(w for w, _ in present)
    complete = len(present) == len(asked)
    coverage = 1.0 if complete else weight / sum(w for w, _ in asked)
    if config.rule is FusionRule.CONVEX or len(present) == 1:
        # Of a single voice the mean is that voice; log-odds would move it by the floor.
        value = sum(w * voice for w, voice in present) / weight
    else:
        value = _pooled(present, weight, config.logit_floor)
    silent = config.rule is FusionRule.LOGIT and not complete
    return Fusion(value=min(value, 1.0), coverage=coverage, reason="pooled log-odds lack a voice" if silent else "")


def needs_all(config: FusionConfig) -> bool:
    """Return whether a missing factor cannot be made good by a smaller size: in log-odds pooled of several voices.

    Their mean is no sum over the factors, so that the score of the others times its coverage may pool to more than the
    whole score did.
    """
    voices = (config.fuzzy, config.gaussian, config.confidence)
    return config.rule is FusionRule.LOGIT and sum(weight > 0.0 for weight in voices) > 1


def _pooled(present: list[tuple[float, float]], weight: float, floor: float) -> float:
    held = [(w, min(max(voice, floor), 1.0 - floor)) for w, voice in present]
    odds = sum(w * log(voice / (1.0 - voice)) for w, voice in held) / weight
    return 1.0 / (1.0 + exp(-odds))


def fused_columns(
    config: FusionConfig, fuzzy: FloatArray, gaussian: FloatArray, confidence: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return `fused` of many instants at once.

    Parameters
    ----------
    config : FusionConfig
        Rule and weights.
    fuzzy, gaussian, confidence : ndarray
        As in `fused`, of shapes that broadcast to that of `fuzzy`.

    Returns
    -------
    tuple of ndarray
        Values, coverages, and where log-odds lack a voice; each of the shape of `fuzzy`, or one for all.
    """
    asked = [
        (weight, voice)
        for weight, voice in ((config.fuzzy, fuzzy), (config.gaussian, gaussian), (config.confidence, confidence))
        if weight > 0.0
    ]
    if len(asked) == 1:
        return fuzzy, np.ones(1), np.zeros(1, dtype=bool)
    present = [(w, voice, (voice >= 0.0) & (voice <= 1.0)) for w, voice in asked]
    weight = sum(np.where(known, w, 0.0) for w, _, known in present) + np.zeros(fuzzy.shape)
    n_voices = sum(known.astype(np.int64) for _, _, known in present) + np.zeros(fuzzy.shape, dtype=np.int64)
    coverage = np.where(n_voices == len(asked), 1.0, weight / sum(w for w, _ in asked))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = sum(np.where(known, w * voice, 0.0) for w, voice, known in present) / weight
        if config.rule is FusionRule.LOGIT:
            held = [(w, np.clip(voice, config.logit_floor, 1.0 - config.logit_floor), k) for w, voice, k in present]
            odds = sum(np.where(k, w * np.log(voice / (1.0 - voice)), 0.0) for w, voice, k in held) / weight
            value = np.where(n_voices == 1, value, 1.0 / (1.0 + np.exp(-odds)))
    is_silent = (n_voices < len(asked)) & (config.rule is FusionRule.LOGIT)
    return np.where(np.isfinite(fuzzy), np.minimum(value, 1.0), nan), coverage, is_silent
