"""Resampled days as weights, so that the means of all trials over all resamples are one product of matrices."""

from __future__ import annotations

from typing import Final

import numpy as np

from backtest.metrics.figures import Figure, figure, missing
from backtest.metrics.resampling import block_length, stationary_places
from market.chains import FloatArray
from market.errors import ConfigError

__all__ = ["check_draws", "day_weights", "shared_block_length"]

_MOST_COLUMNS: Final = 15  # a median needs no more, and each takes milliseconds


def check_draws(block: float | None, n_draws: int) -> None:
    """Raise where a bootstrap cannot be: fewer than 100 draws, or blocks shorter than a day."""
    if n_draws < 100 or (block is not None and not block >= 1.0):
        raise ConfigError(
            "a bootstrap cannot be",
            found=f"{n_draws} draws, blocks of {block}",
            expected="100 draws or more, blocks of a day or more",
        )


def shared_block_length(columns: FloatArray) -> Figure:
    """Return one mean block length for many series: the median of what each asks for.

    Parameters
    ----------
    columns : ndarray, shape (n_days, n_series)
        In time order; of more than 15, 15 evenly spaced ones are asked.

    Returns
    -------
    Figure
        Days; missing where no column varies.
    """
    places = np.unique(np.linspace(0, columns.shape[1] - 1, min(columns.shape[1], _MOST_COLUMNS)).astype(np.int64))
    found = [block_length(columns[:, place]) for place in places]
    known = [each.value for each in found if not each.reason]
    return figure(float(np.median(known))) if known else missing(found[0].reason if found else "there is no series")


def day_weights(n_days: int, *, block: float, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Return the share of each day in each resample of the stationary bootstrap.

    Parameters
    ----------
    n_days : int
        Days of the series.
    block, n_draws, rng : float, int, numpy.random.Generator
        As `stationary_places`.

    Returns
    -------
    ndarray, shape (n_draws, n_days)
        Rows add up to 1.
    """
    places = stationary_places(n_days, block=block, n_draws=n_draws, rng=rng)
    flat = places + n_days * np.arange(n_draws)[:, np.newaxis]
    counts = np.bincount(flat.ravel(), minlength=n_draws * n_days)
    weights: FloatArray = counts.reshape(n_draws, n_days) / n_days
    return weights
