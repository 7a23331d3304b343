"""The inner loop of a revaluation: Black's value of every leg in every scenario, price alone."""

# ruff: noqa: FURB136  # min and max drop NaN
from __future__ import annotations

import numpy as np
from numba import types

from fields.jit import BOOL, F64, F64_2D, I64, OUT_2D, kernel, primitive
from fields.primitives import exp_, log_ratio, mills_pair, normal_density
from market.chains import BoolArray, FloatArray
from market.trades import Int64Array

__all__ = ["fill_values"]

# A spread of log prices below it counts as none: the value is the intrinsic one of the forward.
_LEAST_SPREAD = 1e-12


@primitive
def _black(forward: float, strike: float, discount: float, spread: float, is_call: bool) -> float:  # noqa: FBT001
    """Return Black's value; `spread` is volatility times the root of time. NaN goes through."""
    eta = 1.0 if is_call else -1.0
    paid, received = discount * strike, discount * forward
    if spread <= _LEAST_SPREAD:
        intrinsic = eta * (received - paid)
        return 0.0 if intrinsic < 0.0 else intrinsic
    d1 = log_ratio(forward, strike) / spread + 0.5 * spread
    d2 = d1 - spread
    density = received * normal_density(d1)  # F phi(d1) = K phi(d2): one density serves both tails
    m1, m2 = mills_pair(abs(d1), abs(d2))
    first = received - density * m1 if eta * d1 > 0.0 else density * m1
    second = paid - density * m2 if eta * d2 > 0.0 else density * m2
    return eta * (first - second)


@kernel(
    F64, F64, F64, F64, F64, F64, F64, F64, F64_2D, F64_2D, F64_2D, F64_2D, F64_2D, F64, F64, I64, BOOL, BOOL, OUT_2D,
    returns=types.void,
)  # fmt: skip
def fill_values(
    spot: FloatArray,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    rate: FloatArray,
    carry: FloatArray,
    weight: FloatArray,
    residual: FloatArray,
    spot_return: FloatArray,
    vol_points: FloatArray,
    vol_points_scaled: FloatArray,
    vol_log: FloatArray,
    vol_log_scaled: FloatArray,
    years: FloatArray,
    rate_shift: FloatArray,
    underlying: Int64Array,
    is_call: BoolArray,
    is_american: BoolArray,
    value: FloatArray,
) -> None:
    """Fill the values of all legs as if each were an option; what is none has NaN for its strike and its value.

    Arrays of legs, then of scenarios by underlyings, then of scenarios; `value` has scenarios by legs.
    """
    for s in range(value.shape[0]):
        for i in range(value.shape[1]):
            u = underlying[i]
            price = spot[i] * (1.0 + spot_return[s, u])
            left = tau[i] - years[s]
            eta = 1.0 if is_call[i] else -1.0
            intrinsic = eta * (price - strike[i])
            intrinsic = 0.0 if intrinsic < 0.0 else intrinsic
            if left <= 0.0:
                value[s, i] = intrinsic
                continue
            sigma = volatility[i] * exp_(vol_log[s, u] + vol_log_scaled[s, u] * weight[i])
            sigma += vol_points[s, u] + vol_points_scaled[s, u] * weight[i]
            forward = price * exp_((carry[i] + rate_shift[s]) * left)
            discount = exp_(-(rate[i] + rate_shift[s]) * left)
            found = _black(forward, strike[i], discount, sigma * np.sqrt(left), is_call[i])
            if is_american[i] and found < intrinsic:
                found = intrinsic
            value[s, i] = found + residual[i] * (left / tau[i])
