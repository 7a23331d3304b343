"""Comparison of a value with those around it, by medians that a few bad values cannot move."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from market.chains import BoolArray, FloatArray

__all__ = ["local_median", "long_runs", "spikes"]

_NORMAL: Final = 1.4826  # standard deviation of a normal sample, per median absolute deviation


def local_median(values: FloatArray, reach: int) -> FloatArray:
    """Return the median of each value and the `reach` values on each side, fewer at the ends; NaN is left out."""
    if not values.size:
        return values
    padded = np.pad(values.astype(np.float64), reach, constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * reach + 1)
    step = max(1, 20_000_000 // (2 * reach + 1))
    with np.errstate(all="ignore"):
        parts = [_nanmedian(windows[start : start + step]) for start in range(0, values.size, step)]
    return np.concatenate(parts)


def _nanmedian(windows: FloatArray) -> FloatArray:
    ordered = np.sort(windows, axis=1)  # NaN goes to the end
    count = np.isfinite(windows).sum(axis=1)
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    rows = np.arange(windows.shape[0])
    high = np.minimum(high, windows.shape[1] - 1)
    median: FloatArray = np.where(count > 0, 0.5 * (ordered[rows, low] + ordered[rows, high]), np.nan)
    return median


def spikes(prices: FloatArray, *, deviations: float, least: float, reach: int = 10) -> BoolArray:
    """Return which prices jump away from both neighbours and back.

    Parameters
    ----------
    prices : ndarray
        In order of time; > 0, NaN where missing.
    deviations : float
        Robust standard deviations of the changes around that a jump must exceed on both sides.
    least : float
        Fraction of the price that it must exceed too: where a market hardly moves a tick is no outlier.
    reach : int, optional
        Changes on each side that tell what is usual.

    Returns
    -------
    ndarray of bool
        A move that stays is no spike.
    """
    marked = np.zeros(prices.shape, dtype=np.bool_)
    if prices.size < 5:
        return marked
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log(prices)
    change = np.diff(level)
    usual = _NORMAL * local_median(np.abs(change), reach)
    limit = np.maximum(deviations * usual, least)
    inward, outward = change[:-1], change[1:]
    with np.errstate(invalid="ignore"):
        big = (np.abs(inward) > limit[:-1]) & (np.abs(outward) > limit[1:]) & (inward * outward < 0.0)
        # It must come back to where it was, not go on to somewhere else.
        back = np.abs(inward + outward) < 0.5 * np.minimum(np.abs(inward), np.abs(outward))
    marked[1:-1] = big & back
    return marked


def long_runs(same_as_before: BoolArray, least: int) -> BoolArray:
    """Return the rows of runs of at least `least` rows that repeat the row before."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same_as_before, [False]]).astype(np.int8)))
    rows = np.zeros(same_as_before.shape, dtype=np.bool_)
    for start, stop in edges.reshape(-1, 2).tolist():
        if stop - start >= least:
            rows[start:stop] = True
    return rows
