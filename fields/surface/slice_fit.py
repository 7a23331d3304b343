"""Least squares of one expiry at a time: where each slice would lie if no other did."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fields.jit import F64, I64, INT, OUT, OUT_2D, REAL, kernel, primitive
from fields.surface.essvi import slope_limit
from market.chains import FloatArray

__all__ = ["LN4", "add_up", "fit_slices", "solve3"]

LN4 = math.log(4.0) + math.log1p(-1e-9)
# Logarithms of q, u and v stay inside these: 1e-9 is flat beyond any quote.
_FLOOR, _CEILING = -20.0, 16.0
_LEAST_RATIO = math.log(1e-5)
_MAX_ROUNDS = 40


@primitive
def add_up(
    k: FloatArray,
    iv: FloatArray,
    weight: FloatArray,
    tau: float,
    x: FloatArray,
    huber: float,
    slope: FloatArray,
    curve: FloatArray,
) -> float:
    """Return half the sum of Huber's squares of weighted errors in volatility, and fill its slopes and curvature.

    `x` holds ln q, ln u and ln v. The curvature is Gauss and Newton's, as (qq, qu, qv, uu, uv, vv).
    """
    q, u, v = math.exp(x[0]), math.exp(x[1]), math.exp(x[2])
    m, d, rest = 0.5 * (u + v), 0.5 * (u - v), q * q * u * v
    inv_tau = 1.0 / tau
    total = gq = gu = gv = 0.0
    qq = qu = qv = uu = uv = vv = 0.0
    for i in range(k.shape[0]):
        along = m * k[i] + d * q
        root = math.sqrt(along * along + rest)
        turn = 1.0 / root
        sigma = math.sqrt(0.5 * inv_tau * (m * q + d * k[i] + root))
        lean = weight[i] / (4.0 * sigma * tau)
        jq = lean * (m * q + (along * d * q + rest) * turn)
        ju = lean * (0.5 * u * (q + k[i]) + (0.5 * along * u * (k[i] + q) + 0.5 * rest) * turn)
        jv = lean * (0.5 * v * (q - k[i]) + (0.5 * along * v * (k[i] - q) + 0.5 * rest) * turn)
        r = weight[i] * (sigma - iv[i])
        size = abs(r)
        share = huber / size if size > huber else 1.0
        total += 0.5 * r * r if size <= huber else huber * (size - 0.5 * huber)
        r *= share
        gq, gu, gv = gq + r * jq, gu + r * ju, gv + r * jv
        jqs, jus = share * jq, share * ju
        qq, qu, qv = qq + jqs * jq, qu + jqs * ju, qv + jqs * jv
        uu, uv, vv = uu + jus * ju, uv + jus * jv, vv + share * jv * jv
    slope[0], slope[1], slope[2] = gq, gu, gv
    curve[0], curve[1], curve[2], curve[3], curve[4], curve[5] = qq, qu, qv, uu, uv, vv
    return total


@primitive
def solve3(curve: FloatArray, damping: float, slope: FloatArray, step: FloatArray) -> None:
    """Fill `step` with -(curve + damping diag)^-1 slope."""
    tiny = 1e-14 * (curve[0] + curve[3] + curve[5]) + 1e-300
    a = curve[0] * (1.0 + damping) + tiny
    d = curve[3] * (1.0 + damping) + tiny
    f = curve[5] * (1.0 + damping) + tiny
    # Square roots left out: L D L'.
    l1, l2 = curve[1] / a, curve[2] / a
    d -= l1 * curve[1]
    e = curve[4] - l1 * curve[2]
    d = max(d, tiny)
    l3 = e / d
    f = max(f - l2 * curve[2] - l3 * e, tiny)
    y0 = -slope[0]
    y1 = -slope[1] - l1 * y0
    y2 = -slope[2] - l2 * y0 - l3 * y1
    step[2] = y2 / f
    step[1] = y1 / d - l3 * step[2]
    step[0] = y0 / a - l1 * step[1] - l2 * step[2]


@primitive
def _into_the_set(x: FloatArray) -> None:
    """Move the logarithms of q, u and v into the bounds of one slice."""
    x[0] = min(max(x[0], _FLOOR), _CEILING)
    for j in range(1, 3):
        x[j] = min(max(x[j], _FLOOR), LN4)
    x[1], x[2] = max(x[1], x[2] + _LEAST_RATIO), max(x[2], x[1] + _LEAST_RATIO)
    # A q below the bound rises; theta stays with it as far as it can.
    need = max(x[1], x[2]) - math.log(slope_limit(math.exp(x[1]), math.exp(x[2])))
    x[0] = max(x[0], need)


@primitive
def _parabola(k: FloatArray, iv: FloatArray, weight: FloatArray, tau: float, x: FloatArray) -> None:
    """Fill a first guess: the slice with the value, slope and bend of a weighted parabola through total variance."""
    reach = 0.0
    mass = 0.0
    for i in range(k.shape[0]):
        reach += weight[i] * iv[i]
        mass += weight[i]
    reach = reach / mass * math.sqrt(tau)
    s = np.zeros(8)
    for i in range(k.shape[0]):
        z = k[i] / reach
        g = weight[i] / (1.0 + z * z) ** 2
        w = iv[i] * iv[i] * tau
        z2 = z * z
        s[0] += g
        s[1] += g * z
        s[2] += g * z2
        s[3] += g * z2 * z
        s[4] += g * z2 * z2
        s[5] += g * w
        s[6] += g * w * z
        s[7] += g * w * z2
    curve, slope, step = np.empty(6), np.empty(3), np.empty(3)
    curve[0], curve[1], curve[2], curve[3], curve[4], curve[5] = s[0], s[1], s[2], s[2], s[3], s[4]
    slope[0], slope[1], slope[2] = -s[5], -s[6], -s[7]
    solve3(curve, 1e-9, slope, step)
    theta = min(max(step[0], 0.1 * reach * reach), 10.0 * reach * reach)
    tilt = step[1] / reach
    bend = max(step[2] / (reach * reach), 1e-3 * theta / (reach * reach))
    psi = math.sqrt(4.0 * theta * bend + tilt * tilt)
    x[0] = math.log(theta / psi)
    x[1] = math.log(max(psi + tilt, 1e-4 * psi))
    x[2] = math.log(max(psi - tilt, 1e-4 * psi))
    _into_the_set(x)


@primitive
def _descend(
    k: FloatArray, iv: FloatArray, weight: FloatArray, tau: float, huber: float, x: FloatArray
) -> tuple[float, int]:
    """Move `x` to the least sum of squares, by Levenberg and Marquardt's steps, and return it and the rounds."""
    slope, curve, step = np.empty(3), np.empty(6), np.empty(3)
    new_slope, new_curve, trial = np.empty(3), np.empty(6), x.copy()
    best, damping, rounds = np.inf, 1e-3, 0
    while rounds < _MAX_ROUNDS:
        rounds += 1
        found = add_up(k, iv, weight, tau, trial, huber, new_slope, new_curve)
        gain = best - found
        if gain > 0.0:
            best, damping = found, max(0.1 * damping, 1e-12)
            # Loops: whole-array assignments take the compiler seconds.
            for j in range(3):
                x[j], slope[j] = trial[j], new_slope[j]
            for j in range(6):
                curve[j] = new_curve[j]
            if gain <= 1e-9 * best:
                break
        else:
            damping = max(10.0 * damping, 1e-6)
        solve3(curve, damping, slope, step)
        for j in range(3):
            trial[j] = x[j] + min(max(step[j], -2.0), 2.0)
        _into_the_set(trial)
        moved = max(abs(trial[0] - x[0]), abs(trial[1] - x[1]), abs(trial[2] - x[2]))
        if not moved > 1e-13 or damping > 1e8:
            break
    return best, rounds


@kernel(F64, F64, F64, I64, F64, REAL, OUT_2D, OUT, returns=INT)
def fit_slices(
    k: FloatArray,
    iv: FloatArray,
    weight: FloatArray,
    start: NDArray[np.int64],
    tau: FloatArray,
    huber: float,
    x: FloatArray,
    misfit: FloatArray,
) -> int:
    """Fill ln q, ln u, ln v and the sum of squares of each slice on its own; return the rounds of all."""
    rounds = 0
    for s in range(tau.shape[0]):
        part = slice(start[s], start[s + 1])
        _parabola(k[part], iv[part], weight[part], tau[s], x[s])
        misfit[s], n = _descend(k[part], iv[part], weight[part], tau[s], huber, x[s])
        rounds += n
    return rounds
