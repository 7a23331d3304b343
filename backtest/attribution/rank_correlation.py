"""Spearman's rank correlation, on a sample and on resampled blocks of its rows."""

from __future__ import annotations

from math import nan

import numpy as np

from fields.evidence.resampling import block_weights
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = ["block_bootstrap_spearman", "spearman", "weighted_spearman"]


def _weighted_ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    # Mid-ranks of a sample in which each row stands as often as its weight says; ties share theirs.
    groups, place = np.unique(values, return_inverse=True)
    held = np.zeros((weights.shape[0], groups.size))
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(groups.size))
    held[:] = np.add.reduceat(weights[:, order], starts, axis=1)
    middle: FloatArray = np.cumsum(held, axis=1) - 0.5 * held
    return middle[:, place]


def weighted_spearman(first: FloatArray, second: FloatArray, weights: FloatArray) -> FloatArray:
    """Return Spearman's correlation of rows that are repeated.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Finite values.
    weights : ndarray, shape (n_draws, n)
        How often each row stands in each draw, >= 0.

    Returns
    -------
    ndarray, shape (n_draws,)
        Equal to the correlation of mid-ranks of the repeated sample; NaN where one side does not vary.
    """
    total = weights.sum(axis=1, keepdims=True)
    a, b = _weighted_ranks(first, weights), _weighted_ranks(second, weights)
    a = a - (weights * a).sum(axis=1, keepdims=True) / total
    b = b - (weights * b).sum(axis=1, keepdims=True) / total
    spread = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
    found = np.full(weights.shape[0], nan)
    np.divide((weights * a * b).sum(axis=1), spread, out=found, where=spread > 1e-12 * total[:, 0])
    return found


def spearman(first: FloatArray, second: FloatArray) -> float:
    """Return Spearman's rank correlation with ties at mid-ranks; NaN where a side does not vary or has one row."""
    if first.size < 2:
        return nan
    return float(weighted_spearman(first, second, np.ones((1, first.size)))[0])


def block_bootstrap_spearman(
    first: FloatArray, second: FloatArray, block: Int64Array, *, n_draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw the correlation on resampled blocks of rows.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Finite values.
    block : ndarray of int64, shape (n,)
        Rows with one number stand or fall together: the day.
    n_draws : int
        Resamples.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (n_draws,)
        NaN where a resample does not vary.
    """
    weights = block_weights(block, n_draws=n_draws, rng=rng)
    return np.concatenate([weighted_spearman(first, second, part) for part in weights])
