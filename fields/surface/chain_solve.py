"""A quadratic programme over a chain of slices, each tied to the next only: interior point, linear in their number."""

from __future__ import annotations

import numpy as np

from fields.jit import primitive
from fields.surface.slice_fit import LN4
from market.chains import FloatArray

__all__ = ["N_BOUNDS", "chain_step"]

# Per slice: u and v below their highest value, u and v below their limit times q, and q, u, v not above the next ones.
N_BOUNDS = 7
_MAX_ROUNDS = 40
_ENOUGH = 1e-11


@primitive
def _room(x: FloatArray, d: FloatArray, limit: FloatArray, room: FloatArray) -> None:
    """Fill how far ``x + d`` lies inside each bound (negative: outside); the last slice has none after it."""
    n = x.shape[0]
    for i in range(n):
        q, u, v = x[i, 0] + d[i, 0], x[i, 1] + d[i, 1], x[i, 2] + d[i, 2]
        room[i, 0], room[i, 1] = LN4 - u, LN4 - v
        room[i, 2], room[i, 3] = limit[i] + q - u, limit[i] + q - v
        for j in range(3):
            room[i, 4 + j] = x[i + 1, j] + d[i + 1, j] - (x[i, j] + d[i, j]) if i + 1 < n else 1.0


@primitive
def _pull(force: FloatArray, pulled: FloatArray) -> None:
    """Add the transposed bounds times `force` to `pulled`."""
    n = force.shape[0]
    for i in range(n):
        f = force[i]
        pulled[i, 0] -= f[2] + f[3]
        pulled[i, 1] += f[0] + f[2]
        pulled[i, 2] += f[1] + f[3]
        if i + 1 < n:
            for j in range(3):
                pulled[i, j] += f[4 + j]
                pulled[i + 1, j] -= f[4 + j]


@primitive
def _invert(a: FloatArray, inverse: FloatArray) -> None:
    """Fill the inverse of a symmetric positive matrix given as (00, 01, 02, 11, 12, 22)."""
    l1, l2 = a[1] / a[0], a[2] / a[0]
    d1 = max(a[3] - l1 * a[1], 1e-18 * a[3])
    e = a[4] - l1 * a[2]
    l3 = e / d1
    d2 = max(a[5] - l2 * a[2] - l3 * e, 1e-18 * a[5])
    c = l1 * l3 - l2
    i2 = 1.0 / d2
    i1 = 1.0 / d1
    inverse[5] = i2
    inverse[4] = -l3 * i2
    inverse[2] = c * i2
    inverse[3] = i1 + l3 * l3 * i2
    inverse[1] = -l1 * i1 - l3 * c * i2
    inverse[0] = 1.0 / a[0] + l1 * l1 * i1 + c * c * i2


@primitive
def _eliminate(curve: FloatArray, ratio: FloatArray, inverse: FloatArray, rhs: FloatArray, step: FloatArray) -> None:
    """Solve the block tridiagonal system of one Newton step; `rhs` is overwritten."""
    n = curve.shape[0]
    a = np.empty(6)
    for i in range(n):
        w = ratio[i]
        for j in range(6):
            a[j] = curve[i, j]
        a[0] += w[2] + w[3]
        a[1] -= w[2]
        a[2] -= w[3]
        a[3] += w[0] + w[2]
        a[5] += w[1] + w[3]
        if i + 1 < n:
            a[0], a[3], a[5] = a[0] + w[4], a[3] + w[5], a[5] + w[6]
        if i > 0:
            c0, c1, c2, p, b = ratio[i - 1, 4], ratio[i - 1, 5], ratio[i - 1, 6], inverse[i - 1], rhs[i - 1]
            a[0] += c0 - c0 * c0 * p[0]
            a[1] -= c0 * c1 * p[1]
            a[2] -= c0 * c2 * p[2]
            a[3] += c1 - c1 * c1 * p[3]
            a[4] -= c1 * c2 * p[4]
            a[5] += c2 - c2 * c2 * p[5]
            rhs[i, 0] += c0 * (p[0] * b[0] + p[1] * b[1] + p[2] * b[2])
            rhs[i, 1] += c1 * (p[1] * b[0] + p[3] * b[1] + p[4] * b[2])
            rhs[i, 2] += c2 * (p[2] * b[0] + p[4] * b[1] + p[5] * b[2])
        _invert(a, inverse[i])
    for back in range(n):
        i = n - 1 - back
        b, p = rhs[i], inverse[i]
        if i + 1 < n:
            for j in range(3):
                b[j] += ratio[i, 4 + j] * step[i + 1, j]
        step[i, 0] = p[0] * b[0] + p[1] * b[1] + p[2] * b[2]
        step[i, 1] = p[1] * b[0] + p[3] * b[1] + p[4] * b[2]
        step[i, 2] = p[2] * b[0] + p[4] * b[1] + p[5] * b[2]


@primitive
def _gradient(curve: FloatArray, slope: FloatArray, d: FloatArray, out: FloatArray) -> None:
    """Fill minus the gradient of the quadratic at `d`."""
    for i in range(d.shape[0]):
        c, x, y, z = curve[i], d[i, 0], d[i, 1], d[i, 2]
        out[i, 0] = -(slope[i, 0] + c[0] * x + c[1] * y + c[2] * z)
        out[i, 1] = -(slope[i, 1] + c[1] * x + c[3] * y + c[4] * z)
        out[i, 2] = -(slope[i, 2] + c[2] * x + c[4] * y + c[5] * z)


@primitive
def _advance(
    room: FloatArray,
    target: float,
    slack: FloatArray,
    force: FloatArray,
    d: FloatArray,
    step: FloatArray,
) -> float:
    """Go as far along `step`, whose end leaves `room`, as slack and force stay positive; return the next centring."""
    n = d.shape[0]
    far = 1.0
    for i in range(n):
        for j in range(N_BOUNDS):
            s, f = slack[i, j], force[i, j]
            ds = room[i, j] - s
            df = (target - f * ds) / s - f
            far = min(far, -0.995 * s / ds) if ds < 0.0 else far
            far = min(far, -0.995 * f / df) if df < 0.0 else far
    for i in range(n):
        for j in range(N_BOUNDS):
            s, f = slack[i, j], force[i, j]
            ds = room[i, j] - s
            slack[i, j] = s + far * ds
            force[i, j] = f + far * ((target - f * ds) / s - f)
        for j in range(3):
            d[i, j] += far * step[i, j]
    return min(max((1.0 - far) ** 2, 0.02), 0.5)


@primitive
def chain_step(x: FloatArray, limit: FloatArray, curve: FloatArray, slope: FloatArray, d: FloatArray) -> None:
    """Fill the step `d` from `x` with the least ``slope d + d curve d / 2`` among those that end inside all bounds.

    Mehrotra's path without the corrector; slack and force of each bound stay positive, and neither need start inside.
    """
    n = x.shape[0]
    shape = (n, N_BOUNDS)
    slack, force, room, ratio = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    inverse, rhs, step, end = np.empty((n, 6)), np.empty((n, 3)), np.empty((n, 3)), np.zeros((n, 3))
    d[:, :] = 0.0
    _room(x, end, limit, room)
    for i in range(n):
        for j in range(N_BOUNDS):
            slack[i, j], force[i, j] = max(room[i, j], 0.03), 0.03
    centring = 0.3
    for _ in range(_MAX_ROUNDS):
        gap = 0.0
        for i in range(n):
            for j in range(N_BOUNDS):
                gap += slack[i, j] * force[i, j] / (n * N_BOUNDS)
        target = centring * gap
        _room(x, d, limit, room)
        outside = 0.0
        for i in range(n):
            for j in range(N_BOUNDS):
                outside = max(outside, slack[i, j] - room[i, j])
                ratio[i, j] = force[i, j] / slack[i, j]
                # Minus the force that the bound would have after the step, were the step nought.
                room[i, j] = -(target + force[i, j] * (slack[i, j] - room[i, j])) / slack[i, j]
        if gap < _ENOUGH and outside < _ENOUGH:
            break
        _gradient(curve, slope, d, rhs)
        _pull(room, rhs)
        _eliminate(curve, ratio, inverse, rhs, step)
        for i in range(n):
            for j in range(3):
                end[i, j] = d[i, j] + step[i, j]
        _room(x, end, limit, room)
        centring = _advance(room, target, slack, force, d, step)
