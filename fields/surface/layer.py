"""What three numbers miss: a spline on top of each slice, kept only as far as it makes no arbitrage.

Total variance is the slice's times ``1 + c(z)`` with z = k / sqrt(theta) and c a cubic spline on knots half a deviation
apart. It vanishes with its slope and bend at the ends, so the wings stay the slice's own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fields.jit import F64, F64_2D, I64, INT, OUT_2D, kernel, primitive
from fields.surface.essvi import variance_at
from market.chains import FloatArray

__all__ = ["N_LAYER", "fill_layered", "fit_layers", "layer_at"]

_LOW, _HIGH, _CELLS = -4.0, 3.0, 14
_STEP = (_HIGH - _LOW) / _CELLS
# Splines that begin before the first or end after the last knot have no coefficient: the first and last three are 0.
N_LAYER = _CELLS + 3
_FINE = 20 * _CELLS
# A layer is fitted to quotes as narrow as this; half of a basis point is the resolution of volatilities themselves.
_FINEST = 5e-5
_FEWEST = 12
_SMOOTH = 1.0
# The fit aims at a density factor of _AIM, and what it leaves is shrunk until none is below _LEAST on the fine grid;
# neighbours keep _GAP of their variance apart. Both leave room for what happens between the points of the grid.
_AIM, _LEAST, _GAP = 0.03, 0.01, 1e-4


@primitive
def _cell(z: float) -> tuple[int, float]:
    place = (z - _LOW) / _STEP
    cell = min(max(int(place), 0), _CELLS - 1)
    return cell, place - cell


@primitive
def _weights(u: float) -> tuple[float, float, float, float]:
    """Return the four cubic B-splines that live in a cell, at its fraction u."""
    t = 1.0 - u
    return t**3 / 6.0, (4.0 - 6.0 * u * u + 3.0 * u**3) / 6.0, (4.0 - 6.0 * t * t + 3.0 * t**3) / 6.0, u**3 / 6.0


@primitive
def layer_at(c: FloatArray, z: float) -> float:
    """Return the layer at one place in deviations; 0 outside its knots."""
    if not _LOW < z < _HIGH:
        return 0.0
    j, u = _cell(z)
    a0, a1, a2, a3 = _weights(u)
    return float(a0 * c[j] + a1 * c[j + 1] + a2 * c[j + 2] + a3 * c[j + 3])


@primitive
def _bend_at(c: FloatArray, z: float) -> float:
    """Return the larger second difference of the coefficients at the ends of a place's cell."""
    if not _LOW < z < _HIGH:
        return 0.0
    j, _ = _cell(z)
    return float(max(abs(c[j] - 2.0 * c[j + 1] + c[j + 2]), abs(c[j + 1] - 2.0 * c[j + 2] + c[j + 3])))


@primitive
def _shape(
    theta: float, rho: float, psi: float, c: FloatArray, share: float, k: float, basis: FloatArray, row: FloatArray
) -> int:
    """Fill (w, w', w'', w of the slice alone) and how w, w', w'' change with the four coefficients; return the cell."""
    along, rest = psi * k + theta * rho, theta * theta * (1.0 - rho * rho)
    root = math.sqrt(along * along + rest)
    w, w1 = 0.5 * (theta + rho * psi * k + root), 0.5 * psi * (rho + along / root)
    w2 = 0.5 * psi * psi * rest / (root * root * root)
    row[0], row[1], row[2], row[3] = w, w1, w2, w
    deviation = math.sqrt(theta)
    z = k / deviation
    if not _LOW < z < _HIGH:
        return -1
    j, u = _cell(z)
    t, per, per2 = 1.0 - u, 1.0 / (_STEP * deviation), 1.0 / (_STEP * deviation) ** 2
    basis[0, 0], basis[0, 1], basis[0, 2], basis[0, 3] = _weights(u)
    basis[1, 0], basis[1, 3] = -0.5 * t * t * per, 0.5 * u * u * per
    basis[1, 1], basis[1, 2] = (1.5 * u * u - 2.0 * u) * per, (2.0 * t - 1.5 * t * t) * per
    basis[2, 0], basis[2, 1], basis[2, 2], basis[2, 3] = (
        t * per2,
        (3.0 * u - 2.0) * per2,
        (3.0 * t - 2.0) * per2,
        u * per2,
    )
    for m in range(4):
        b0, b1, b2 = basis[0, m], basis[1, m], basis[2, m]
        basis[0, m], basis[1, m], basis[2, m] = w * b0, w1 * b0 + w * b1, w2 * b0 + 2.0 * w1 * b1 + w * b2
        row[0] += share * c[j + m] * basis[0, m]
        row[1] += share * c[j + m] * basis[1, m]
        row[2] += share * c[j + m] * basis[2, m]
    return j


@kernel(F64, F64, F64, F64_2D, I64, F64, OUT_2D)
def fill_layered(
    theta: FloatArray,
    rho: FloatArray,
    psi: FloatArray,
    layer: FloatArray,
    slices: NDArray[np.int64],
    k: FloatArray,
    found: FloatArray,
) -> None:
    """Fill total variance, its slope, its bend over k, and Durrleman's g, in four rows."""
    place, row = np.empty((3, 4)), np.empty(4)
    for i in range(k.shape[0]):
        s = slices[i]
        _shape(theta[s], rho[s], psi[s], layer[s], 1.0, k[i], place, row)
        found[0, i], found[1, i], found[2, i] = row[0], row[1], row[2]
        h = 1.0 - 0.5 * k[i] * row[1] / row[0]
        found[3, i] = h * h - 0.25 * row[1] * row[1] * (1.0 / row[0] + 0.25) + 0.5 * row[2]


@primitive
def _add_row(j: int, slope: FloatArray, strength: float, miss: float, matrix: FloatArray, rhs: FloatArray) -> None:
    for a in range(4):
        lean = strength * slope[a]
        rhs[j + a] += lean * miss
        for b in range(a + 1):
            matrix[j + a, j + b] += lean * slope[b]


@primitive
def _read_quotes(
    k: FloatArray,
    iv: FloatArray,
    weight: FloatArray,
    tau: float,
    numbers: tuple[float, float, float],
    read: FloatArray,
    cells: NDArray[np.int64],
) -> int:
    """Fill what stays the same from round to round: splines, error and weight of each quote inside the knots."""
    theta, rho, psi = numbers
    n = 0
    for i in range(k.shape[0]):
        z = k[i] / math.sqrt(theta)
        if not _LOW < z < _HIGH:
            continue
        cells[n], u = _cell(z)
        base = math.sqrt(variance_at(theta, rho, psi, k[i]) / tau)
        read[n, 0], read[n, 1], read[n, 2], read[n, 3] = _weights(u)
        # Volatility is linear in the layer to first order; the next order is added to the error.
        read[n, 4], read[n, 5] = (iv[i] / base) ** 2 - 1.0, 0.5 * base * base / iv[i] * weight[i]
        n += 1
    return n


@primitive
def _add_quotes(
    read: FloatArray, cells: NDArray[np.int64], n: int, c: FloatArray, matrix: FloatArray, rhs: FloatArray
) -> None:
    """Add the quotes' least squares in total variance, with Huber's threshold of one half spread."""
    for i in range(n):
        j, row = cells[i], read[i]
        miss = row[4] - (row[0] * c[j] + row[1] * c[j + 1] + row[2] * c[j + 2] + row[3] * c[j + 3])
        share = 1.0 / max(abs(miss) * row[5], 1.0)
        _add_row(j, row, share * row[5] * row[5], miss, matrix, rhs)


@primitive
def _read_grid(numbers: tuple[float, float, float], grid: FloatArray, zero: FloatArray) -> None:
    """Fill k and the shape of the slice alone with its change by the four coefficients, at every second point."""
    basis, row = np.empty((3, 4)), np.empty(4)
    for i in range(grid.shape[0]):
        k = (_LOW + (2 * i + 1) * (_HIGH - _LOW) / _FINE) * math.sqrt(numbers[0])
        _shape(numbers[0], numbers[1], numbers[2], zero, 0.0, k, basis, row)
        grid[i, 0], grid[i, 1], grid[i, 2], grid[i, 3] = k, row[0], row[1], row[2]
        for m in range(4):
            grid[i, 4 + m], grid[i, 8 + m], grid[i, 12 + m] = basis[0, m], basis[1, m], basis[2, m]


@primitive
def _add_bounds(
    grid: FloatArray, c: FloatArray, before: FloatArray, strength: float, matrix: FloatArray, rhs: FloatArray
) -> None:
    """Add a penalty where the density is too low, or the slice does not lie above the one before."""
    slope = np.empty(4)
    for i in range(grid.shape[0]):
        r, j = grid[i], (2 * i + 1) * _CELLS // _FINE
        c0, c1, c2, c3 = c[j], c[j + 1], c[j + 2], c[j + 3]
        w = r[1] + c0 * r[4] + c1 * r[5] + c2 * r[6] + c3 * r[7]
        w1 = r[2] + c0 * r[8] + c1 * r[9] + c2 * r[10] + c3 * r[11]
        w2 = r[3] + c0 * r[12] + c1 * r[13] + c2 * r[14] + c3 * r[15]
        inverse, k = 1.0 / w, r[0]
        h = 1.0 - 0.5 * k * w1 * inverse
        g = h * h - 0.25 * w1 * w1 * (inverse + 0.25) + 0.5 * w2
        if g < _AIM:
            by_w = (h * k + 0.25 * w1) * w1 * inverse * inverse
            by_slope = -h * k * inverse - 0.5 * w1 * (inverse + 0.25)
            for m in range(4):
                slope[m] = by_w * r[4 + m] + by_slope * r[8 + m] + 0.5 * r[12 + m]
            _add_row(j, slope, strength, _AIM - g, matrix, rhs)
        short = before[i] * (1.0 + 5.0 * _GAP) - w
        if short > 0.0:
            for m in range(4):
                slope[m] = r[4 + m] / r[1]
            _add_row(j, slope, 1e3 * strength, short / r[1], matrix, rhs)


@primitive
def _solve(matrix: FloatArray, rhs: FloatArray) -> None:
    """Solve in place for the inner coefficients, banded Cholesky; `rhs` becomes the step."""
    for j in range(3, _CELLS):
        for i in range(max(3, j - 3), j):
            factor = matrix[j, i]
            for m in range(max(3, j - 3), i):
                factor -= matrix[j, m] * matrix[i, m]
            matrix[j, i] = factor / matrix[i, i]
        pivot = matrix[j, j]
        for m in range(max(3, j - 3), j):
            pivot -= matrix[j, m] ** 2
            rhs[j] -= matrix[j, m] * rhs[m]
        matrix[j, j] = math.sqrt(max(pivot, 1e-12))
        rhs[j] /= matrix[j, j]
    for back in range(_CELLS - 3):
        j = _CELLS - 1 - back
        for m in range(j + 1, min(j + 4, _CELLS)):
            rhs[j] -= matrix[m, j] * rhs[m]
        rhs[j] /= matrix[j, j]


@primitive
def _is_sound(numbers: tuple[float, float, float], c: FloatArray, share: float) -> bool:
    """Tell whether a share of the layer keeps variance and density above their least on the fine grid."""
    theta, rho, psi = numbers
    deviation, basis, row = math.sqrt(theta), np.empty((3, 4)), np.empty(4)
    for i in range(_FINE + 1):
        k = (_LOW + i * (_HIGH - _LOW) / _FINE) * deviation
        j = _shape(theta, rho, psi, c, share, k, basis, row)
        w, w1, w2 = row[0], row[1], row[2]
        h = 1.0 - 0.5 * k * w1 / w
        g = h * h - 0.25 * w1 * w1 * (1.0 / w + 0.25) + 0.5 * w2
        if j >= 0 and not (w > 0.2 * row[3] and g >= _LEAST):
            return False
    return True


@primitive
def _settle(numbers: tuple[float, float, float], c: FloatArray) -> None:
    """Shrink a layer until it is sound; to nothing if need be."""
    share = 1.0
    while share > 0.01 and not _is_sound(numbers, c, share):
        share *= 0.85
    share = share if share > 0.01 else 0.0
    for j in range(N_LAYER):
        c[j] = share * c[j] if share > 0.0 else 0.0


@primitive
def _cross(theta: FloatArray, rho: FloatArray, psi: FloatArray, layer: FloatArray, first: int, grid_of: int) -> bool:
    """Tell whether a slice and the next come too near on the fine grid of one of them."""
    deviation, after = math.sqrt(theta[grid_of]), first + 1
    per_first, per_after = deviation / math.sqrt(theta[first]), deviation / math.sqrt(theta[after])
    for i in range(_FINE + 1):
        place = _LOW + i * (_HIGH - _LOW) / _FINE
        k, z1, z2 = place * deviation, place * per_first, place * per_after
        low, high = layer_at(layer[first], z1), layer_at(layer[after], z2)
        if low == 0.0 and high == 0.0:
            continue
        # A cubic strays from its chord over a twentieth of a cell by at most a 3200th of its bend.
        gap = _GAP + (_bend_at(layer[first], z1) + _bend_at(layer[after], z2)) / 3000.0
        w = variance_at(theta[first], rho[first], psi[first], k) * (1.0 + low)
        if not variance_at(theta[after], rho[after], psi[after], k) * (1.0 + high) >= w * (1.0 + gap):
            return True
    return False


@primitive
def _part(theta: FloatArray, rho: FloatArray, psi: FloatArray, layer: FloatArray) -> None:
    """Shrink the layers of neighbours that cross, until none does; slices without a layer never do."""
    # Neighbours that did not cross still do not where neither has changed.
    is_new = np.ones(theta.shape[0] + 1, dtype=np.bool_)
    for _ in range(64):
        crossed = False
        for s in range(theta.shape[0] - 1):
            if not is_new[s]:
                continue
            is_new[s] = False
            if _cross(theta, rho, psi, layer, s, s) or _cross(theta, rho, psi, layer, s, s + 1):
                crossed = is_new[max(s - 1, 0)] = is_new[s] = is_new[s + 1] = True
                for t in (s, s + 1):
                    top = 0.0
                    for j in range(N_LAYER):
                        layer[t, j] *= 0.6
                        top = max(top, abs(layer[t, j]))
                    if top < 1e-4:
                        layer[t] = 0.0
                    _settle((theta[t], rho[t], psi[t]), layer[t])
        if not crossed:
            return
    layer[:, :] = 0.0


@primitive
def _descend(
    read: FloatArray, cells: NDArray[np.int64], n: int, grid: FloatArray, before: FloatArray, rounds: int, c: FloatArray
) -> None:
    """Move the coefficients to the least squares under penalties that grow from round to round."""
    matrix, rhs, strength = np.empty((N_LAYER, N_LAYER)), np.empty(N_LAYER), 10.0
    for _ in range(rounds):
        matrix[:, :] = 0.0
        rhs[:] = 0.0
        _add_quotes(read, cells, n, c, matrix, rhs)
        for j in range(1, N_LAYER - 1):
            bend = c[j - 1] - 2.0 * c[j] + c[j + 1]
            for a, fa in ((j - 1, 1.0), (j, -2.0), (j + 1, 1.0)):
                rhs[a] -= _SMOOTH * fa * bend
                for b, fb in ((j - 1, 1.0), (j, -2.0), (j + 1, 1.0)):
                    matrix[a, b] += _SMOOTH * fa * fb
        _add_bounds(grid, c, before, strength, matrix, rhs)
        _solve(matrix, rhs)
        moved = 0.0
        for j in range(3, _CELLS):
            c[j] += 0.8 * rhs[j]
            moved = max(moved, abs(rhs[j]))
        if moved < 1e-5:
            break
        strength = min(2.0 * strength, 1e7)


@kernel(F64, F64, F64, F64, I64, F64, F64, F64, F64, INT, OUT_2D)
def fit_layers(
    k: FloatArray,
    iv: FloatArray,
    half_spread: FloatArray,
    freshness: FloatArray,
    start: NDArray[np.int64],
    tau: FloatArray,
    theta: FloatArray,
    rho: FloatArray,
    psi: FloatArray,
    rounds: int,
    layer: FloatArray,
) -> None:
    """Fill the layers of slices in order of time."""
    grid, before, zero = np.empty((_FINE // 2, 16)), np.zeros(_FINE // 2), np.zeros(N_LAYER)
    read, cells = np.empty((k.shape[0], 6)), np.empty(k.shape[0], dtype=np.int64)
    layer[:, :] = 0.0
    weight = np.empty(k.shape[0])
    for s in range(tau.shape[0]):
        for i in range(start[s], start[s + 1]):
            z = k[i] / (iv[i] * math.sqrt(tau[s]))
            weight[i] = max(math.exp(-0.125 * z * z) * freshness[i] / max(half_spread[i], _FINEST), 1e-12)
    for s in range(tau.shape[0] if rounds > 0 else 0):
        part, numbers, c = slice(start[s], start[s + 1]), (theta[s], rho[s], psi[s]), layer[s]
        n = _read_quotes(k[part], iv[part], weight[part], tau[s], numbers, read, cells)
        if n < _FEWEST:
            continue
        _read_grid(numbers, grid, zero)
        for i in range(grid.shape[0] if s > 0 else 0):
            x = grid[i, 0]
            raised = 1.0 + layer_at(layer[s - 1], x / math.sqrt(theta[s - 1]))
            before[i] = variance_at(theta[s - 1], rho[s - 1], psi[s - 1], x) * raised
        _descend(read, cells, n, grid, before, rounds, c)
        _settle(numbers, c)
    _part(theta, rho, psi, layer)
