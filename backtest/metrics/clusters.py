"""The mean of values that share days: a t interval that counts days and not rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final

import numpy as np
from scipy.special import stdtr, stdtrit

from market.chains import FloatArray

__all__ = ["MIN_DAYS", "MIN_ROWS", "ClusteredMean", "clustered_mean"]

MIN_ROWS: Final = 20
"""Fewer rows in a cell give no interval."""
MIN_DAYS: Final = 10
"""Fewer days say nothing about their own spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredMean:
    """A mean with an interval by days.

    Parameters
    ----------
    mean : float
        Of all rows; NaN without any.
    low, high : float
        95 % interval; NaN with a reason.
    p_value : float
        Two-sided, of a mean of 0; NaN with a reason.
    n, n_days : int
        Rows, and days among them.
    reason : str
        Why there is no interval; empty where there is one.
    """

    mean: float
    low: float
    high: float
    p_value: float
    n: int
    n_days: int
    reason: str = ""


def clustered_mean(values: FloatArray, day: np.ndarray) -> ClusteredMean:
    """Return the mean of rows with the error that their days give it.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite numbers, such as profits of trades.
    day : ndarray, shape (n,)
        Cluster of each row; rows of one day count as one observation of their sum.

    Returns
    -------
    ClusteredMean
        ``t`` interval with ``n_days - 1`` degrees of freedom on the residual sums of days.

    References
    ----------
    Liang and Zeger (1986), Biometrika 73; Cameron and Miller (2015), Journal of Human Resources 50.
    """
    labels, place = np.unique(day, return_inverse=True)
    n, n_days = values.size, labels.size
    mean = float(values.mean()) if n else nan
    reason = _too_small(n, n_days)
    if not reason:
        sums = np.bincount(place, weights=values - mean, minlength=n_days)
        error = sqrt(n_days / (n_days - 1) * float(sums @ sums)) / n
        reason = "" if error > 64.0 * np.finfo(np.float64).eps * abs(mean) else "the values do not vary"
    if reason:
        return ClusteredMean(mean=mean, low=nan, high=nan, p_value=nan, n=n, n_days=n_days, reason=reason)
    half = float(stdtrit(n_days - 1, 0.975)) * error
    p_value = 2.0 * float(stdtr(n_days - 1, -abs(mean) / error))
    return ClusteredMean(mean=mean, low=mean - half, high=mean + half, p_value=p_value, n=n, n_days=n_days)


def _too_small(n: int, n_days: int) -> str:
    if n < MIN_ROWS:
        return f"{n} rows; at least {MIN_ROWS} are needed"
    return f"{n_days} days; at least {MIN_DAYS} are needed" if n_days < MIN_DAYS else ""
