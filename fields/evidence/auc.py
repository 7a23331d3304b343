"""Area under the ROC curve: exact with ties, DeLong's variance, comparison of two scores, block bootstrap, power."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, isfinite, nan, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fields.evidence.resampling import block_weights
from market.chains import FloatArray
from market.errors import DataError

__all__ = [
    "AucComparison",
    "AucEstimate",
    "auc_of_correlation",
    "auc_standard_error",
    "block_bootstrap_auc",
    "compare_auc",
    "estimate_auc",
    "minimum_detectable_auc",
]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_ONE_CLASS = "all outcomes are of one class"


@dataclass(frozen=True, slots=True, kw_only=True)
class AucEstimate:
    """How well a score ranks outcomes.

    Parameters
    ----------
    auc : float
        Probability that a positive scores above a negative, ties counted half; 0.5 is chance. NaN with a reason.
    standard_error : float
        Of rows taken as independent (DeLong).
    n, n_positive : int
        Rows and positive rows.
    reason : str
        Why there is no number; empty where there is one.
    """

    auc: float
    standard_error: float
    n: int
    n_positive: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AucComparison:
    """Two scores on the same rows.

    Parameters
    ----------
    first, second : AucEstimate
        Each alone.
    delta : float
        AUC of the second less that of the first.
    standard_error : float
        Of the difference, with the correlation of the two (DeLong), rows taken as independent.
    p_value : float
        Two-sided, normal; 1 where both scores rank alike.
    """

    first: AucEstimate
    second: AucEstimate
    delta: float
    standard_error: float
    p_value: float


def _checked(score: FloatArray, positive: BoolArray) -> None:
    if score.shape != positive.shape or score.ndim != 1:
        raise DataError("scores and outcomes differ in shape", found=f"{score.shape} and {positive.shape}")
    if not np.isfinite(score).all():
        raise DataError(
            "a score is missing",
            found=f"{int((~np.isfinite(score)).sum())} of {score.size} not finite",
            expected="finite scores",
            action="leave rows without a score out of every model alike",
        )


def _placements(score: FloatArray, positive: BoolArray) -> tuple[FloatArray, FloatArray]:
    from scipy.stats import rankdata  # a second and 30 MB to import: only where ranks are asked for

    # DeLong's structural components by mid-ranks (Sun and Xu, 2014).
    ranks = rankdata(score)
    of_positive, of_negative = score[positive], score[~positive]
    above = (ranks[positive] - rankdata(of_positive)) / of_negative.size
    below = 1.0 - (ranks[~positive] - rankdata(of_negative)) / of_positive.size
    return above, below


def _variance(above: FloatArray, below: FloatArray) -> float:
    if above.size < 2 or below.size < 2:
        return nan
    return float(above.var(ddof=1) / above.size + below.var(ddof=1) / below.size)


def _estimate(above: FloatArray, below: FloatArray) -> AucEstimate:
    return AucEstimate(
        auc=float(above.mean()),
        standard_error=sqrt(_variance(above, below)),
        n=above.size + below.size,
        n_positive=above.size,
    )


def estimate_auc(score: FloatArray, positive: BoolArray) -> AucEstimate:
    """Return the exact area under the ROC curve with its standard error.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Higher means: more likely positive.
    positive : ndarray of bool, shape (n,)
        Outcomes.

    Returns
    -------
    AucEstimate
        NaN with a reason where all outcomes are of one class.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44; Sun and Xu (2014), IEEE Signal Processing Letters 21.
    """
    _checked(score, positive)
    count = int(positive.sum())
    if count in {0, score.size}:
        return AucEstimate(auc=nan, standard_error=nan, n=score.size, n_positive=count, reason=_ONE_CLASS)
    return _estimate(*_placements(score, positive))


def compare_auc(first: FloatArray, second: FloatArray, positive: BoolArray) -> AucComparison:
    """Compare two scores of the same rows by DeLong's test for correlated curves.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Scores, such as a baseline's and a richer model's.
    positive : ndarray of bool, shape (n,)
        Outcomes.

    Returns
    -------
    AucComparison
        NaN where all outcomes are of one class.
    """
    one, two = estimate_auc(first, positive), estimate_auc(second, positive)
    if one.reason:
        return AucComparison(first=one, second=two, delta=nan, standard_error=nan, p_value=nan)
    a, b = _placements(first, positive), _placements(second, positive)
    error = sqrt(_variance(b[0] - a[0], b[1] - a[1]))
    delta = two.auc - one.auc
    p_value = 2.0 * float(ndtr(-abs(delta) / error)) if error > 0.0 else (1.0 if delta == 0.0 else nan)
    return AucComparison(first=one, second=two, delta=delta, standard_error=error, p_value=p_value)


def _weighted_auc(score: FloatArray, positive: BoolArray, weights: FloatArray) -> FloatArray:
    # One AUC per row of weights, shape (n_draws, n); ties share a group.
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0.0])
    ordered = weights[:, order]
    hits = np.add.reduceat(ordered * positive[order], starts, axis=1)
    misses = np.add.reduceat(ordered * ~positive[order], starts, axis=1)
    below = np.cumsum(misses, axis=1) - 0.5 * misses
    total = hits.sum(axis=1) * misses.sum(axis=1)
    auc = np.full(weights.shape[0], nan)
    np.divide((hits * below).sum(axis=1), total, out=auc, where=total > 0.0)
    return auc


def block_bootstrap_auc(
    scores: FloatArray, positive: BoolArray, block: IntArray, *, n_draws: int, rng: np.random.Generator, run: int = 1
) -> FloatArray:
    """Draw the AUC of several scores on resampled blocks of rows, the same blocks for all scores.

    Parameters
    ----------
    scores : ndarray, shape (n_scores, n)
        Scores of the same rows.
    positive : ndarray of bool, shape (n,)
        Outcomes.
    block : ndarray of int64, shape (n,)
        Rows with one number stand or fall together: the session, so that what rows of a day share is kept.
    n_draws : int
        Resamples.
    rng : numpy.random.Generator
        Source of chance.
    run : int
        Blocks (in rising order) drawn in one piece, circularly: more than 1 where neighbouring days depend.

    Returns
    -------
    ndarray, shape (n_draws, n_scores)
        NaN where a resample held one class only.
    """
    for score in scores:
        _checked(score, positive)
    parts = (
        np.column_stack([_weighted_auc(score, positive, weights) for score in scores])
        for weights in block_weights(block, n_draws=n_draws, rng=rng, run=run)
    )
    return np.concatenate([*parts])


def auc_standard_error(auc: float, n_positive: int, n_negative: int) -> float:
    """Return the standard error of an AUC before any data are seen.

    Parameters
    ----------
    auc : float
        Assumed AUC, 0 to 1.
    n_positive, n_negative : int
        Rows of each class.

    Returns
    -------
    float
        Hanley and McNeil's exponential approximation; for power, not for inference. NaN where a class is empty.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143.
    """
    if min(n_positive, n_negative) < 1:
        return nan
    q1, q2 = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1.0 - auc) + (n_positive - 1) * (q1 - auc * auc) + (n_negative - 1) * (q2 - auc * auc)
    return sqrt(spread / (n_positive * n_negative))


def minimum_detectable_auc(n_positive: int, n_negative: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest AUC that a two-sided test of 0.5 finds with the given power.

    Parameters
    ----------
    n_positive, n_negative : int
        Rows of each class, taken as independent: the true figure is higher where they are not.
    alpha, power : float
        Level of the test and chance to reject.

    Returns
    -------
    float
        AUC above 0.5; 1 where even perfect ranking could not be told from chance, NaN where a class is empty.
    """
    null = auc_standard_error(0.5, n_positive, n_negative)
    if not isfinite(null):
        return nan
    grid = np.linspace(0.5, 1.0, 2001)
    errors = np.array([auc_standard_error(float(value), n_positive, n_negative) for value in grid])
    found = grid - 0.5 >= -ndtri(alpha / 2.0) * null + -ndtri(1.0 - power) * errors
    return float(grid[found][0]) if found.any() else 1.0


def auc_of_correlation(correlation: float) -> float:
    """Return the AUC of a normal score for an outcome above its median.

    Parameters
    ----------
    correlation : float
        Of the score and the outcome's normal variable, -1 to 1.

    Returns
    -------
    float
        ``1/2 + (2/pi) asin(correlation / sqrt 2)``, from the orthant probability of three normals: 0.437 is needed
        for an AUC of 0.70.
    """
    return 0.5 + 2.0 / pi * asin(correlation / sqrt(2.0))
