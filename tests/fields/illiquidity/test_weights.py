"""Weights of hedge flows: what two flows share is counted once."""

from __future__ import annotations

import numpy as np
import pytest

from fields.illiquidity.regression import robust_slope
from fields.illiquidity.weights import calibrate_weights
from market.chains import FloatArray
from market.errors import DataError

LAMBDA = 1e-12


def flows(seed: int, overlap: float, n: int = 2000) -> tuple[FloatArray, FloatArray]:
    """Return gamma and vanna flow that share a part, and noise."""
    rng = np.random.default_rng(seed)
    common, own, other, noise = rng.standard_normal((4, n))
    return 1e9 * np.column_stack((common, overlap * common + own * (1.0 - overlap) + 0.1 * other)), 1e-3 * noise


@pytest.mark.parametrize("overlap", [0.0, 0.8])
def test_each_flow_gets_its_own_weight_although_they_overlap(overlap: float) -> None:
    """One at a time, an overlapping flow would be credited with the other; together each is within its error."""
    predicted, noise = flows(1, overlap)
    returns = LAMBDA * (predicted @ np.array([1.0, 0.5])) + noise
    found = calibrate_weights(returns, predicted, LAMBDA)
    assert (np.abs(found.weight - [1.0, 0.5]) < 3.0 * found.standard_error).all()
    assert found.reason == ""
    alone = robust_slope(predicted[:, 1], returns).value / LAMBDA
    assert (alone > 0.9) == (overlap > 0.0)


def test_one_flow_is_the_simple_regression() -> None:
    """Value and error are those of the slope, over impact."""
    predicted, noise = flows(2, 0.0)
    returns = LAMBDA * predicted[:, 0] + noise
    slope = robust_slope(predicted[:, 0], returns)
    found = calibrate_weights(returns, predicted[:, :1], LAMBDA)
    assert found.weight[0] == pytest.approx(slope.value / LAMBDA, rel=1e-10)
    assert found.standard_error[0] == pytest.approx(slope.standard_error / LAMBDA, rel=1e-10)
    assert found.r_squared == pytest.approx(slope.r_squared, rel=1e-9)


def test_flows_that_cannot_be_told_apart_have_no_weights() -> None:
    """Collinear, constant, too few, or without impact: NaN and why."""
    predicted, noise = flows(3, 0.0)
    twin = np.column_stack((predicted[:, 0], 2.0 * predicted[:, 0] + 1e3 * noise))
    still = np.column_stack((predicted[:, 0], np.full(2000, 5.0)))
    for matrix, impact, word in (
        (twin, LAMBDA, "collinear"),
        (still, LAMBDA, "does not vary"),
        (predicted, float("nan"), "impact"),
        (np.full((2000, 2), np.nan), LAMBDA, "0 rows of 100"),
    ):
        found = calibrate_weights(noise, matrix, impact)
        assert np.isnan(found.weight).all()
        assert word in found.reason
    with pytest.raises(DataError):
        calibrate_weights(noise, predicted[:-1], LAMBDA)
