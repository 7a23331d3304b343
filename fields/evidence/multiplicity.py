"""What remains of a finding after all the others that were tried: Holm's adjustment and deflation by trials."""

from __future__ import annotations

from math import e

import numpy as np
from scipy.special import ndtr, ndtri

from market.chains import FloatArray
from market.errors import DataError

__all__ = ["deflated_probability", "expected_maximum", "holm_adjusted"]


def holm_adjusted(p_values: FloatArray) -> FloatArray:
    """Return p-values that hold for all tests together.

    Parameters
    ----------
    p_values : ndarray, shape (n_tests,)
        Of any dependence; NaN for a test that could not be made, which stays NaN and still counts as a trial.

    Returns
    -------
    ndarray, shape (n_tests,)
        Reject below the level; the chance of any false rejection is then at most the level.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6.
    """
    filled = np.where(np.isfinite(p_values), p_values, np.inf)
    order = np.argsort(filled, kind="stable")
    stepped = np.maximum.accumulate(filled[order] * (p_values.size - np.arange(p_values.size)))
    adjusted = np.empty_like(filled)
    adjusted[order] = np.minimum(stepped, 1.0)
    return np.where(np.isfinite(p_values), adjusted, np.nan)


def expected_maximum(n_trials: int, standard_error: float, *, null: float = 0.0) -> float:
    """Return the best result that luck alone is expected to show in many trials.

    Parameters
    ----------
    n_trials : int
        Independent trials, from 1; with dependent ones the figure is too high, thus cautious.
    standard_error : float
        Of one result.
    null : float
        Value of a result without effect: 0.5 for an AUC, 0 for a difference.

    Returns
    -------
    float
        ``null + standard_error E[max of n normals]`` by the extreme-value approximation.

    References
    ----------
    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40.
    """
    if n_trials < 1:
        raise DataError("trials are counted from 1", found=str(n_trials))
    if n_trials == 1:
        return null
    high, higher = -ndtri(1.0 / n_trials), -ndtri(1.0 / (n_trials * e))
    return null + standard_error * float((1.0 - np.euler_gamma) * high + np.euler_gamma * higher)


def deflated_probability(value: float, standard_error: float, n_trials: int, *, null: float = 0.0) -> float:
    """Return the chance that a result exceeds the best that luck would show.

    Parameters
    ----------
    value, standard_error : float
        The best result and its error.
    n_trials : int
        How many results were looked at.
    null : float
        As in `expected_maximum`.

    Returns
    -------
    float
        0 to 1; 0.95 or more is needed to believe it.
    """
    best = expected_maximum(n_trials, standard_error, null=null)
    return float(ndtr((value - best) / standard_error)) if standard_error > 0.0 else float("nan")
