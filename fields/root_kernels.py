"""Kernels of the search for zero gamma: the exact net gamma of a book at any log spot, and its changes of sign."""

from __future__ import annotations

from math import exp, floor, sqrt

import numpy as np
from numba import types
from numpy.typing import NDArray

from fields.jit import F64, F64_2D, I64, INT, OUT, OUT_2D, REAL, kernel, primitive
from fields.primitives import INV_SQRT_2PI, exp_, half_power, log_ratio
from market.chains import FloatArray

__all__ = ["COLUMNS", "crossings", "gamma_at", "hold"]

# Rows of a packed book: ln(F / K), sqrt(tau), w Dq / sqrt(2 pi), volatility, fraction and scale of the smile's reading.
COLUMNS = 6
# (log2(e) / 2): exp(-d^2 / 2) is 2^(-this d^2).
_BELL_SQUARE = 0.7213475204444817
# Log price; the answer is asked to 1e-9 of spot.
_TOLERANCE = 1e-13
# Five or six are usual; halves alone would need 40.
_MOST_STEPS = 200

# Columns, places, the smile's table (empty where it does not move), its first node and spacing, USD per unit, scratch.
_Packed = tuple[FloatArray, NDArray[np.int64], FloatArray, float, float, float, FloatArray]
_TWO_COUNTS = types.UniTuple(INT, 2)  # type: ignore[no-untyped-call]  # numba's own constructor
_PLACES_OUT = types.Array(types.int64, 1, "C")


@kernel(REAL, F64, F64, F64, F64, F64, F64, I64, F64, F64, OUT_2D, _PLACES_OUT)
def hold(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    weight: FloatArray,
    start: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    columns: FloatArray,
    place: NDArray[np.int64],
) -> None:
    """Pack what is held; `start` is empty where volatility sticks to the strike."""
    moves = start.shape[0] > 0
    k = 0
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        columns[0, k] = log_ratio(spot, strike[i]) + carry[i] * tau[i]
        columns[1, k] = sqrt(tau[i])
        columns[2, k] = weight[i] * exp_(-dividend_yield[i] * tau[i]) * INV_SQRT_2PI
        columns[3, k] = volatility[i]
        if moves:
            columns[4, k], columns[5, k], place[k] = fraction[i], scale[i], start[i]
        k += 1


@primitive
def _fill_terms(x: float, book: _Packed) -> None:
    """Fill the scratch array with ``w Dq phi(d1) / a`` of each contract at one log spot."""
    columns, place, table, start, spacing, _, term = book
    if table.shape[0] > 0:
        steps = (x - start) / spacing
        for i in range(term.shape[0]):
            along = columns[4, i] + steps
            whole = floor(along)
            at = place[i] + int(whole)
            term[i] = columns[5, i] * (table[at] + (along - whole) * (table[at + 1] - table[at]))
    else:
        for i in range(term.shape[0]):
            term[i] = columns[3, i]
    for i in range(term.shape[0]):
        a = term[i] * columns[1, i]
        inverse_a = 1.0 / a
        d1 = (columns[0, i] + x) * inverse_a + 0.5 * a
        term[i] = columns[2, i] * inverse_a * half_power(_BELL_SQUARE * d1 * d1)


@primitive
def _net(x: float, book: _Packed) -> float:
    """Return net dollar gamma at one log spot; four sums run side by side and round less than one."""
    _fill_terms(x, book)
    term = book[6]
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    whole = term.shape[0] & -4
    for i in range(0, whole, 4):
        s0 += term[i]
        s1 += term[i + 1]
        s2 += term[i + 2]
        s3 += term[i + 3]
    for i in range(whole, term.shape[0]):
        s0 += term[i]
    return ((s0 + s1) + (s2 + s3)) * (book[5] * exp(x))


@kernel(F64, F64_2D, I64, F64, REAL, REAL, REAL, OUT, OUT, OUT)
def gamma_at(
    x: FloatArray,
    columns: FloatArray,
    place: NDArray[np.int64],
    table: FloatArray,
    start: float,
    spacing: float,
    unit: float,
    term: FloatArray,
    net: FloatArray,
    gross: FloatArray,
) -> None:
    """Fill the net gamma, and the gross gamma, at several log spots."""
    book = (columns, place, table, start, spacing, unit, term)
    for j in range(x.shape[0]):
        net[j] = _net(x[j], book)
        size = 0.0
        for i in range(term.shape[0]):
            size += abs(term[i])
        gross[j] = size * (unit * exp(x[j]))


@primitive
def _root(low: float, high: float, f_low: float, f_high: float, book: _Packed) -> float:
    """Return the root between two places of unlike sign: inverse quadratic steps, else halves (Chandrupatla 1997)."""
    a, b, fa, fb = low, high, f_low, f_high
    share = fa / (fa - fb)
    for _ in range(_MOST_STEPS):
        if abs(b - a) <= 2.0 * _TOLERANCE:
            break
        # A step of the tolerance at least, so that the far side follows.
        least = _TOLERANCE / abs(b - a)
        at = a + min(max(share, least), 1.0 - least) * (b - a)
        f = _net(at, book)
        if f == 0.0:
            return at
        if (f > 0.0) == (fa > 0.0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa = at, f
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        if phi * phi < xi and (1.0 - phi) * (1.0 - phi) < 1.0 - xi:
            share = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        else:
            share = 0.5
    return a if abs(fa) < abs(fb) else b


@primitive
def _sign(value: float, floor: float) -> float:
    return (1.0 if value > 0.0 else -1.0) if abs(value) > floor else 0.0


@kernel(F64, F64, REAL, F64_2D, I64, F64, REAL, REAL, REAL, OUT, OUT, OUT, returns=_TWO_COUNTS)
def crossings(
    x: FloatArray,
    gamma: FloatArray,
    floor: float,
    columns: FloatArray,
    place: NDArray[np.int64],
    table: FloatArray,
    start: float,
    spacing: float,
    unit: float,
    term: FloatArray,
    found: FloatArray,
    shallow: FloatArray,
) -> tuple[int, int]:
    """Fill roots, and the nodes where gamma comes near zero and turns; return how many of each."""
    book = (columns, place, table, start, spacing, unit, term)
    n_found, n_shallow = 0, 0
    before = 0.0
    for j in range(x.shape[0] - 1):
        here, after = _sign(gamma[j], floor), _sign(gamma[j + 1], floor)
        first = j - 1 if here == 0.0 else j
        if (before if here == 0.0 else here) * after < 0.0:
            found[n_found] = _root(x[first], x[j + 1], gamma[first], gamma[j + 1], book)
            n_found += 1
        elif before * after > 0.0 and here != -before:
            # A parabola through the three values reaches at most an eighth of their rise below the middle one; take a
            # quarter.
            left, size, right = abs(gamma[j - 1]), abs(gamma[j]), abs(gamma[j + 1])
            if size < left and size <= right and size <= 0.25 * (max(left, right) - size):
                shallow[n_shallow] = j
                n_shallow += 1
        before = here
    return n_found, n_shallow
