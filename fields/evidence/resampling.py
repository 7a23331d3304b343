"""Resampling by blocks: rows of one day stand or fall together, because they are not independent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.chains import FloatArray

__all__ = ["block_weights"]

_MOST_NUMBERS: Final = 4_000_000  # of one piece of draws: 32 MB


def block_weights(
    block: NDArray[np.int64], *, n_draws: int, rng: np.random.Generator, run: int = 1
) -> Iterator[FloatArray]:
    """Yield how often each row stands in each resample, piece by piece so that memory stays bounded.

    Parameters
    ----------
    block : ndarray of int64, shape (n,)
        Rows with one number belong together, such as those of a day.
    n_draws : int
        Resamples.
    rng : numpy.random.Generator
        Source of chance.
    run : int
        Blocks (in rising order) drawn in one piece, circularly: more than 1 where neighbouring days depend.

    Yields
    ------
    ndarray, shape (n_part, n)
        Whole numbers >= 0; the parts have `n_draws` rows together, and each row draws as many blocks as there are.
    """
    labels, place = np.unique(block, return_inverse=True)
    n_blocks = labels.size
    pieces = -(-n_blocks // run)
    chunk = max(1, _MOST_NUMBERS // max(block.size, 1))
    for start in range(0, n_draws, chunk):
        size = min(chunk, n_draws - start)
        first = rng.integers(n_blocks, size=(size, pieces, 1))
        chosen = ((first + np.arange(run)) % n_blocks).reshape(size, -1)[:, :n_blocks]
        keys = chosen + n_blocks * np.arange(size)[:, None]
        counts = np.bincount(keys.ravel(), minlength=size * n_blocks).reshape(size, n_blocks)
        yield counts[:, place].astype(np.float64)
