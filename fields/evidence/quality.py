"""What a probability is worth beyond its ranking: Brier score, log loss and calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fields.evidence.auc import BoolArray, IntArray
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["Calibration", "brier_score", "calibration", "log_loss"]

_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Stated probabilities against observed frequencies.

    Parameters
    ----------
    stated, observed : ndarray, shape (n_bins,)
        Mean probability and share of positives in each bin of equal count.
    count : ndarray of int64, shape (n_bins,)
        Rows of each bin.
    error : float
        Expected calibration error: mean absolute gap, weighted by count.
    """

    stated: FloatArray
    observed: FloatArray
    count: IntArray
    error: float


def _checked(probability: FloatArray, positive: BoolArray) -> None:
    if probability.shape != positive.shape or not probability.size:
        raise DataError("probabilities and outcomes differ", found=f"{probability.shape} and {positive.shape}")
    if not ((probability >= 0.0) & (probability <= 1.0)).all():
        raise DataError("a probability lies outside 0 to 1 or is missing", expected="0 to 1")


def brier_score(probability: FloatArray, positive: BoolArray) -> float:
    """Return the mean squared error of probabilities; 0.25 is a constant one half."""
    _checked(probability, positive)
    return float(((probability - positive) ** 2).mean())


def log_loss(probability: FloatArray, positive: BoolArray) -> float:
    """Return the mean negative log-likelihood in nats; 0.693 is a constant one half."""
    _checked(probability, positive)
    given = np.where(positive, probability, 1.0 - probability)
    return float(-np.log(np.maximum(given, _SMALLEST)).mean())


def calibration(probability: FloatArray, positive: BoolArray, *, n_bins: int = 10) -> Calibration:
    """Return the calibration table over bins of equal count.

    Parameters
    ----------
    probability : ndarray, shape (n,)
        Stated chance of a positive.
    positive : ndarray of bool, shape (n,)
        Outcomes.
    n_bins : int
        Bins; fewer where there are fewer rows.

    Returns
    -------
    Calibration
        In rising order of probability.
    """
    _checked(probability, positive)
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(n_bins, order.size))
    stated = np.array([probability[part].mean() for part in parts])
    observed = np.array([positive[part].mean() for part in parts])
    count = np.array([part.size for part in parts], dtype=np.int64)
    error = float((np.abs(stated - observed) * count).sum() / count.sum())
    return Calibration(stated=stated, observed=observed, count=count, error=error)
