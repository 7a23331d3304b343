"""How well each fitted slice meets its quotes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fields.jit import BOOL, F64, F64_2D, I64, OUT_2D, REAL, kernel
from fields.surface.essvi import variance_at
from fields.surface.layer import layer_at
from market.chains import BoolArray, FloatArray

__all__ = ["judge_slices"]


@kernel(F64, F64, F64, F64, I64, F64, F64, F64, F64_2D, BOOL, F64, I64, REAL, REAL, REAL, OUT_2D)
def judge_slices(
    k: FloatArray,
    iv: FloatArray,
    half_spread: FloatArray,
    freshness: FloatArray,
    start: NDArray[np.int64],
    theta: FloatArray,
    rho: FloatArray,
    psi: FloatArray,
    layer: FloatArray,
    fitted: BoolArray,
    tau: FloatArray,
    bad: NDArray[np.int64],
    near_sd: float,
    min_quotes: float,
    error_scale: float,
    found: FloatArray,
) -> None:
    """Fill lowest and highest moneyness, root of the mean square error, largest error, share inside, and confidence.

    What is NaN stays so: everything of a slice that is not fitted or has no quote, but its confidence, which is 0.
    """
    for s in range(tau.shape[0]):
        first, last = start[s], start[s + 1]
        found[5, s] = 0.0
        if first == last or not fitted[s]:
            continue
        fresh, n_near = 0.0, 0
        width = near_sd * math.sqrt(theta[s])
        for i in range(first, last):
            fresh += freshness[i]
            n_near += abs(k[i]) <= width
        # A slice whose quotes all lie far out is judged by them.
        number, squares, inside, largest, deviation = 0, 0.0, 0, -np.inf, math.sqrt(theta[s])
        for i in range(first, last):
            if n_near > 0 and not abs(k[i]) <= width:
                continue
            w = variance_at(theta[s], rho[s], psi[s], k[i]) * (1.0 + layer_at(layer[s], k[i] / deviation))
            error = abs(math.sqrt(w / tau[s]) - iv[i])
            number, squares, largest = number + 1, squares + error * error, max(largest, error)
            inside += error <= half_spread[i]
        # Quotes stand in order of strike.
        found[0, s], found[1, s] = k[first], k[last - 1]
        rmse, count = math.sqrt(squares / number), float(last - first)
        found[2, s], found[3, s], found[4, s] = rmse, largest, inside / number
        good = count / (count + bad[s]) * count / (count + min_quotes)
        found[5, s] = good * (fresh / count) / (1.0 + (rmse / error_scale) ** 2)
