"""Resampled blocks: whole days, as many as there are, on average each once."""

from __future__ import annotations

import numpy as np
import pytest

from fields.evidence.resampling import block_weights

_DAY = np.array([3, 3, 1, 7, 7, 7])


@pytest.mark.parametrize("run", [1, 2])
def test_rows_of_a_day_stand_or_fall_together(run: int) -> None:
    """Each resample holds as many days as there are, each whole, and no day is preferred."""
    weights = np.concatenate([*block_weights(_DAY, n_draws=4_000, rng=np.random.default_rng(5), run=run)])
    assert weights.shape == (4_000, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3:] == weights[:, 3:4]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert weights.mean(axis=0) == pytest.approx(1.0, abs=0.08)


def test_long_samples_come_in_parts() -> None:
    """Memory stays bounded, and the parts together are all draws."""
    block = np.repeat(np.arange(10), 100_000)
    sizes = [part.shape[0] for part in block_weights(block, n_draws=6, rng=np.random.default_rng(5))]
    assert sizes == [4, 2]
