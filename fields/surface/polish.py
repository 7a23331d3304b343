"""The fit of all slices together: least squares over the whole surface inside the set that is free of arbitrage."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fields.jit import F64, I64, INT, OUT, OUT_2D, REAL, kernel, primitive
from fields.surface.chain_solve import chain_step
from fields.surface.essvi import slope_limit
from fields.surface.slice_fit import add_up
from market.chains import FloatArray

__all__ = ["polish_slices"]

_MAX_ROUNDS = 12
_ROUNDING = 1e-10
_STEEPEST = 4.0 * (1.0 - 1e-9)
_LEAST_RATIO = 1e-5
_HIGHEST = 16.0


@primitive
def _is_inside(x: FloatArray) -> bool:
    """Tell whether the slices lie inside all bounds but for rounding."""
    for i in range(x.shape[0]):
        limit = math.log(slope_limit(math.exp(x[i, 1]), math.exp(x[i, 2])))
        if max(x[i, 1], x[i, 2]) > x[i, 0] + limit + _ROUNDING:
            return False
        for j in range(3):
            if i > 0 and x[i, j] < x[i - 1, j] - _ROUNDING:
                return False
    return True


@primitive
def _measure(
    k: FloatArray,
    iv: FloatArray,
    weight: FloatArray,
    start: NDArray[np.int64],
    tau: FloatArray,
    huber: float,
    authority: FloatArray,
    x: FloatArray,
    slope: FloatArray,
    curve: FloatArray,
) -> float:
    """Return the sum of squares of all slices, each times its authority, and fill slopes and curvatures."""
    total = 0.0
    for s in range(tau.shape[0]):
        part = slice(start[s], start[s + 1])
        total += authority[s] * add_up(k[part], iv[part], weight[part], tau[s], x[s], huber, slope[s], curve[s])
        for j in range(3):
            slope[s, j] *= authority[s]
        for j in range(6):
            curve[s, j] *= authority[s]
    return total


@primitive
def _prepare(x: FloatArray, damping: float, curve: FloatArray, scaled: FloatArray) -> float:
    """Fill the damped curvature, scaled to a largest entry of 1, and return the scale."""
    top = 1e-300
    for s in range(x.shape[0]):
        top = max(top, curve[s, 0], curve[s, 3], curve[s, 5])
    for s in range(x.shape[0]):
        for j in range(6):
            scaled[s, j] = curve[s, j] / top
        for j in (0, 3, 5):
            scaled[s, j] = scaled[s, j] * (1.0 + damping) + 1e-9
    return top


@primitive
def _keep(
    trial: FloatArray,
    new_slope: FloatArray,
    new_curve: FloatArray,
    x: FloatArray,
    slope: FloatArray,
    curve: FloatArray,
) -> None:
    # Loops: whole-array assignments take the compiler seconds.
    for s in range(x.shape[0]):
        for j in range(3):
            x[s, j], slope[s, j] = trial[s, j], new_slope[s, j]
        for j in range(6):
            curve[s, j] = new_curve[s, j]


@primitive
def _settle(x: FloatArray, theta: FloatArray, rho: FloatArray, psi: FloatArray) -> None:
    """Fill the slices, each moved the little that rounding, or a fit that was cut short, leaves it outside the set.

    The way back leads to the slice before, which lies inside, along a line that stays inside (docs/adr/009).
    """
    q0 = u0 = v0 = 1e-9
    for s in range(x.shape[0]):
        q = max(math.exp(min(x[s, 0], _HIGHEST)), q0)
        u = min(max(math.exp(x[s, 1]), u0), _STEEPEST)
        v = min(max(math.exp(x[s, 2]), v0), _STEEPEST)
        u, v = max(u, _LEAST_RATIO * v), max(v, _LEAST_RATIO * u)
        if not max(u, v) <= slope_limit(u, v) * q:
            inside, outside = 0.0, 1.0
            for _ in range(60):
                half = 0.5 * (inside + outside)
                a, b = u0 + half * (u - u0), v0 + half * (v - v0)
                if max(a, b) <= slope_limit(a, b) * q:
                    inside = half
                else:
                    outside = half
            u, v = u0 + inside * (u - u0), v0 + inside * (v - v0)
        q0, u0, v0 = q, u, v
        psi[s], rho[s] = 0.5 * (u + v), (u - v) / (u + v)
        theta[s] = q * psi[s]


@kernel(F64, F64, F64, I64, F64, F64, REAL, OUT_2D, OUT, OUT, OUT, returns=INT)
def polish_slices(
    k: FloatArray,
    iv: FloatArray,
    weight: FloatArray,
    start: NDArray[np.int64],
    tau: FloatArray,
    authority: FloatArray,
    huber: float,
    x: FloatArray,
    theta: FloatArray,
    rho: FloatArray,
    psi: FloatArray,
) -> int:
    """Fill the slices with the least sum of squares of all of them inside the bounds; return the rounds.

    Each round is Gauss and Newton's quadratic with linear bounds, solved over the whole chain at once. `x` holds the
    slices as each lies on its own, and is overwritten.
    """
    n = tau.shape[0]
    slope, curve, scaled = np.empty((n, 3)), np.empty((n, 6)), np.empty((n, 6))
    new_slope, new_curve = np.empty((n, 3)), np.empty((n, 6))
    limit, d, trial = np.empty(n), np.zeros((n, 3)), x.copy()
    best, damping, rounds = np.inf, 1e-6, 0
    last = 0 if _is_inside(x) else _MAX_ROUNDS
    while rounds < last:
        found = _measure(k, iv, weight, start, tau, huber, authority, trial, new_slope, new_curve)
        # The start lies outside: whatever the first step gives is better.
        gain = best - found if rounds != 1 else np.inf
        rounds += 1
        if gain > 0.0:
            best, damping = found, max(0.1 * damping, 1e-9)
            _keep(trial, new_slope, new_curve, x, slope, curve)
            if gain <= 1e-6 * best:
                break
        else:
            damping = max(10.0 * damping, 1e-3)
        top = _prepare(x, damping, curve, scaled)
        for s in range(n):
            limit[s] = math.log(slope_limit(math.exp(x[s, 1]), math.exp(x[s, 2])))
            for j in range(3):
                new_slope[s, j] = slope[s, j] / top
        chain_step(x, limit, scaled, new_slope, d)
        for s in range(n):
            for j in range(3):
                trial[s, j] = x[s, j] + d[s, j]
    _settle(x, theta, rho, psi)
    return rounds
