"""Kernel of the search for zero gamma and zero delta: a book's exact reading at any log spot, and where it is zero."""

from __future__ import annotations

from math import exp, floor

import numpy as np
from numba import types
from numpy.typing import NDArray

from fields.jit import F64, F64_2D, I64, INT, OUT, REAL, kernel, primitive
from fields.ladder_kernels import LOWEST_VOLATILITY
from fields.primitives import INV_SQRT_2PI, half_power, mills
from market.chains import FloatArray

__all__ = ["scan"]

# Rows of a packed book: ln(F / K), sqrt(tau), w Dq, volatility, fraction and scale of the smile's reading.
COLUMNS = 6
# A sum of n terms of size t is not known to better than about this times t.
NOISE = 1e-13
# (log2(e) / 2): exp(-d^2 / 2) is 2^(-this d^2).
_BELL_SQUARE = 0.7213475204444817
# Log price; the answer is asked to 1e-9 of spot.
_TOLERANCE = 1e-13
# Five or six are usual; halves alone would need 40.
_MOST_STEPS = 200

# Columns, places, the smile's table (empty where it does not move), its first node and spacing, the slope of volatility
# without a smile, whether delta is read instead of gamma, what is added to the sum, USD per unit, two scratch columns.
_Packed = tuple[
    FloatArray, NDArray[np.int64], FloatArray, float, float, float, bool, float, float, FloatArray, FloatArray
]
_Held = tuple[FloatArray, NDArray[np.int64]]
_TWO_COUNTS = types.UniTuple(INT, 2)  # type: ignore[no-untyped-call]  # numba's own constructor
_FLAG = types.boolean


@primitive
def _fill_widths(x: float, book: _Packed) -> None:
    """Fill the second scratch column with each contract's volatility at one log spot."""
    columns, place, table, start, spacing, slope, _, _, _, _, volatility = book
    if table.shape[0] > 0:
        steps = (x - start) / spacing
        for i in range(volatility.shape[0]):
            along = columns[4, i] + steps
            whole = floor(along)
            at = place[i] + int(whole)
            volatility[i] = columns[5, i] * (table[at] + (along - whole) * (table[at + 1] - table[at]))
    else:
        for i in range(volatility.shape[0]):
            volatility[i] = max(min(columns[3, i], LOWEST_VOLATILITY), columns[3, i] + slope * x)


@primitive
def _net(x: float, book: _Packed) -> float:
    """Return the net reading at one log spot; four sums run side by side and round less than one."""
    columns, is_delta, added, unit, term, volatility = book[0], book[6], book[7], book[8], book[9], book[10]
    _fill_widths(x, book)
    for i in range(term.shape[0]):
        a = volatility[i] * columns[1, i]
        inverse_a = 1.0 / a
        d1 = (columns[0, i] + x) * inverse_a + 0.5 * a
        density = INV_SQRT_2PI * columns[2, i] * half_power(_BELL_SQUARE * d1 * d1)
        volatility[i] = d1
        term[i] = density if is_delta else density * inverse_a
    if is_delta:
        for i in range(term.shape[0]):
            d1 = volatility[i]
            tail = term[i] * mills(abs(d1))
            term[i] = tail if d1 < 0.0 else columns[2, i] - tail
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    whole = term.shape[0] & -4
    for i in range(0, whole, 4):
        s0 += term[i]
        s1 += term[i + 1]
        s2 += term[i + 2]
        s3 += term[i + 3]
    for i in range(whole, term.shape[0]):
        s0 += term[i]
    return ((s0 + s1) + (s2 + s3) + added) * (unit * exp(x))


@primitive
def _slope_of_volatility(i: int, x: float, volatility: float, book: _Packed) -> float:
    columns, place, table, start, spacing, slope, _, _, _, _, _ = book
    if table.shape[0] > 0:
        whole = floor(columns[4, i] + (x - start) / spacing)
        at = place[i] + int(whole)
        return float(columns[5, i] * (table[at + 1] - table[at]) / spacing)
    return slope if volatility > min(columns[3, i], LOWEST_VOLATILITY) else 0.0


@primitive
def _slope(x: float, book: _Packed) -> float:
    """Return the derivative of the net reading with respect to log spot at a root, from closed forms."""
    columns, is_delta, unit, volatility = book[0], book[6], book[8], book[10]
    _fill_widths(x, book)
    total = 0.0
    for i in range(volatility.shape[0]):
        root = columns[1, i]
        a, a_slope = volatility[i] * root, _slope_of_volatility(i, x, volatility[i], book) * root
        inverse_a, y = 1.0 / a, columns[0, i] + x
        d1 = y * inverse_a + 0.5 * a
        d1_slope = inverse_a + a_slope * (0.5 - y * inverse_a * inverse_a)
        density = INV_SQRT_2PI * columns[2, i] * half_power(_BELL_SQUARE * d1 * d1)
        total += density * (d1_slope if is_delta else -inverse_a * (d1 * d1_slope + a_slope * inverse_a))
    # The reading itself, which the product rule would add, is zero here.
    return total * (unit * exp(x))


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


@primitive
def _crossings(
    x: FloatArray, values: FloatArray, floor: float, book: _Packed, found: FloatArray, shallow: FloatArray
) -> tuple[int, int]:
    n_found, n_shallow = 0, 0
    before = 0.0
    for j in range(x.shape[0] - 1):
        here, after = _sign(values[j], floor), _sign(values[j + 1], floor)
        first = j - 1 if here == 0.0 else j
        if (before if here == 0.0 else here) * after < 0.0:
            found[n_found] = _root(x[first], x[j + 1], values[first], values[j + 1], book)
            n_found += 1
        elif before * after > 0.0 and here != -before:
            # A parabola through the three values reaches at most an eighth of their rise below the middle one; take a
            # quarter.
            left, size, right = abs(values[j - 1]), abs(values[j]), abs(values[j + 1])
            if size < left and size <= right and size <= 0.25 * (max(left, right) - size):
                shallow[n_shallow] = j
                n_shallow += 1
        before = here
    return n_found, n_shallow


@primitive
def _pack(searched: FloatArray, weight: FloatArray, smile: tuple[FloatArray, FloatArray, NDArray[np.int64]]) -> _Held:
    """Return the columns and places of the contracts that are held."""
    fraction, scale, start = smile
    n = 0
    for i in range(weight.shape[0]):
        n += weight[i] != 0.0
    columns, place = np.empty((COLUMNS, n)), np.empty(n if start.shape[0] else 0, dtype=np.int64)
    n = 0
    for i in range(weight.shape[0]):
        if weight[i] == 0.0:
            continue
        columns[0, n], columns[1, n], columns[3, n] = searched[0, i], searched[1, i], searched[3, i]
        columns[2, n] = searched[2, i] * weight[i]
        if start.shape[0]:
            columns[4, n], columns[5, n], place[n] = fraction[i], scale[i], start[i]
        n += 1
    return columns, place


@kernel(
    *(F64, F64, F64, F64_2D, F64, F64, F64, I64, F64, REAL, REAL, REAL, _FLAG, REAL, REAL, OUT, OUT, OUT, OUT),
    returns=_TWO_COUNTS,
)
def scan(
    x: FloatArray,
    values: FloatArray,
    read: FloatArray,
    searched: FloatArray,
    weight: FloatArray,
    fraction: FloatArray,
    scale: FloatArray,
    place: NDArray[np.int64],
    table: FloatArray,
    start: float,
    spacing: float,
    slope: float,
    is_delta: bool,  # noqa: FBT001  # of a kernel
    added: float,
    unit: float,
    found: FloatArray,
    second: FloatArray,
    net: FloatArray,
    gross: FloatArray,
) -> tuple[int, int]:
    """Read at some places, and search where `x` is not empty.

    A reading fills net and gross at each place of `read`, where `found` is left alone. The search takes what is not
    larger than a share of the largest gross reading for zero, or than the first entry of `second` where nothing is
    read. It fills roots, and in `second` the slopes there and behind them the nodes where the reading comes near zero
    and turns, and returns how many roots and nodes; -1 for both where all values count as zero.
    """
    columns, places = _pack(searched, weight, (fraction, scale, place))
    term, volatility = np.empty(columns.shape[1]), np.empty(columns.shape[1])
    book = (columns, places, table, start, spacing, slope, is_delta, added, unit, term, volatility)
    floor_ = 0.0 if read.shape[0] > 0 else second[0]
    for j in range(read.shape[0]):
        net[j], size = _net(read[j], book), abs(added)
        for i in range(term.shape[0]):
            size += abs(term[i])
        gross[j] = size * (unit * exp(read[j]))
        floor_ = max(floor_, NOISE * gross[j])
    if x.shape[0] == 0:
        return 0, 0
    largest = 0.0
    for j in range(values.shape[0]):
        largest = max(largest, abs(values[j]))
    if not largest > floor_:
        return -1, -1
    shallow = np.empty(x.shape[0])
    n_found, n_shallow = _crossings(x, values, floor_, book, found, shallow)
    for j in range(n_found):
        second[j] = _slope(found[j], book)
    for j in range(n_shallow):
        second[n_found + j] = shallow[j]
    second[second.shape[0] - 1] = floor_
    return n_found, n_shallow
