"""Put-call parity of each series: a robust line through call-minus-put prices over strikes.

For European options ``C - P = D (F - K)`` at every strike: the slope gives the discount, the level the forward.
American options obey it only near the money, where the early-exercise premium is small, so their window is narrower.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from fields.book import Int64Array, SortedBook
from fields.jit import BOOL, F64, I64, INT, OUT, REAL, kernel
from market.chains import BoolArray, FloatArray

__all__ = ["NEAR_WINDOW", "ParityPairs", "ParitySlopes", "parity_levels", "parity_pairs", "parity_slopes"]

# Strikes within 3 % of the forward decide the level: there the pairs are two-sided and tight.
NEAR_WINDOW: Final = 0.03
_MIN_PAIRS: Final = 3
_PRINTED_WINDOW: Final = 0.3
_HUBER: Final = 1.5
_OUT_I64 = INT[::1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityPairs:
    """Call-put pairs whose four sides are quoted and not crossed; arrays of shape (n_pairs,) by series and strike.

    Parameters
    ----------
    start : ndarray of int64, shape (n_series + 1,)
        First pair of each series.
    strike : ndarray
        Strikes, USD.
    difference : ndarray
        Call mid minus put mid, USD.
    weight : ndarray
        Inverse of the squared half-spreads, USD^-2.
    straddle : ndarray
        Call mid plus put mid, USD.
    """

    start: Int64Array
    strike: FloatArray
    difference: FloatArray
    weight: FloatArray
    straddle: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ParitySlopes:
    """Robust line per series; arrays of shape (n_series,).

    Parameters
    ----------
    center : ndarray
        Median single-strike forward near the money at a discount of 1, USD; NaN without enough pairs.
    near : ndarray of int64
        Pairs within `NEAR_WINDOW` of the centre.
    discount : ndarray
        Minus the slope; NaN without enough pairs.
    discount_error : ndarray
        Its standard error.
    """

    center: FloatArray
    near: Int64Array
    discount: FloatArray
    discount_error: FloatArray


@kernel(I64, F64, F64, F64, BOOL, I64, _OUT_I64, OUT, OUT, OUT, OUT)
def _collect(
    series_start: Int64Array,
    strike: FloatArray,
    bid: FloatArray,
    ask: FloatArray,
    is_call: BoolArray,
    twin: Int64Array,
    start: Int64Array,
    pair_strike: FloatArray,
    difference: FloatArray,
    weight: FloatArray,
    straddle: FloatArray,
) -> None:
    n = 0
    for s in range(series_start.shape[0] - 1):
        start[s] = n
        for c in range(series_start[s], series_start[s + 1]):
            p = twin[c]
            if not is_call[c] or p < 0:
                continue
            if not (bid[c] > 0.0 and bid[p] > 0.0 and ask[c] >= bid[c] and ask[p] >= bid[p]):
                continue
            half = 0.5 * (ask[c] - bid[c] + ask[p] - bid[p])
            # A locked market must not own the fit: every spread counts as one basis point of the strike at least.
            half = max(half, 1e-4 * strike[c])
            pair_strike[n] = strike[c]
            difference[n] = 0.5 * (bid[c] + ask[c] - bid[p] - ask[p])
            weight[n] = 1.0 / (half * half)
            straddle[n] = 0.5 * (bid[c] + ask[c] + bid[p] + ask[p])
            n += 1
    start[series_start.shape[0] - 1] = n


def parity_pairs(book: SortedBook) -> ParityPairs:
    """Collect the usable call-put pairs of a book.

    Parameters
    ----------
    book : SortedBook
        Sorted chain.

    Returns
    -------
    ParityPairs
        See there.
    """
    start = np.empty(book.series_start.shape, dtype=np.int64)
    strike, difference, weight, straddle = np.empty((4, book.strike.shape[0] // 2))
    columns = (strike, difference, weight, straddle)
    _collect(book.series_start, book.strike, book.bid, book.ask, book.is_call, book.twin, start, *columns)
    n = int(start[-1])
    return ParityPairs(
        start=start, strike=strike[:n], difference=difference[:n], weight=weight[:n], straddle=straddle[:n]
    )


@kernel(OUT, INT)
def _sort(values: FloatArray, n: int) -> None:
    """Sort the first n values: Shell's sort, because NumPy's takes numba a second to compile."""
    gap = n
    while gap > 1:
        gap = max(gap * 4 // 9, 1)
        for i in range(gap, n):
            value = values[i]
            at = i
            while at >= gap and values[at - gap] > value:
                values[at] = values[at - gap]
                at -= gap
            values[at] = value


@kernel(F64, F64, REAL, REAL, REAL, OUT, returns=INT)
def _levels_near(
    strike: FloatArray, difference: FloatArray, discount: float, center: float, window: float, out: FloatArray
) -> int:
    """Fill `out` with the sorted single-strike forwards of strikes within a window; return how many."""
    n = 0
    for i in range(strike.shape[0]):
        if abs(strike[i] - center) <= window * center:
            out[n] = strike[i] + difference[i] / discount
            n += 1
    _sort(out, n)
    return n


@kernel(OUT, INT, returns=REAL)
def _middle(values: FloatArray, n: int) -> float:
    return float(0.5 * (values[(n - 1) // 2] + values[n // 2]))


@kernel(OUT, INT, returns=REAL)
def _deviation(values: FloatArray, n: int) -> float:
    total = square = 0.0
    for i in range(n):
        total += values[i]
    for i in range(n):
        square += (values[i] - total / n) ** 2
    return sqrt(square / n)


@kernel(F64, F64, F64, REAL, REAL, OUT, OUT)
def _robust_line(
    strike: FloatArray,
    difference: FloatArray,
    weight: FloatArray,
    center: float,
    window: float,
    scratch: FloatArray,
    result: FloatArray,
) -> None:
    """Huber regression of the difference on the strike; result = level at the centre, slope, slope's error."""
    result[0] = result[1] = result[2] = np.nan
    n = strike.shape[0]
    level = 0.0
    slope = -1.0
    scale = np.inf
    for step in range(6):
        sum_w = sum_x = sum_y = sum_xx = sum_xy = 0.0
        count = 0
        for i in range(n):
            x = strike[i] - center
            if abs(x) > window * center:
                continue
            w = weight[i]
            if step > 0:
                pull = abs(difference[i] - level - slope * x) * np.sqrt(w)
                w *= _HUBER * scale / pull if pull > _HUBER * scale else 1.0
            count += 1
            sum_w += w
            sum_x += w * x
            sum_y += w * difference[i]
            sum_xx += w * x * x
            sum_xy += w * x * difference[i]
        if count < _MIN_PAIRS:
            return
        spread = sum_xx - sum_x * sum_x / sum_w
        if not spread > 0.0:
            return
        slope = (sum_xy - sum_x * sum_y / sum_w) / spread
        level = (sum_y - slope * sum_x) / sum_w
        k = 0
        for i in range(n):
            x = strike[i] - center
            if abs(x) <= window * center:
                scratch[k] = abs(difference[i] - level - slope * x) * np.sqrt(weight[i])
                k += 1
        _sort(scratch, k)
        scale = 1.4826 * _middle(scratch, k)
        result[0], result[1], result[2] = level, slope, scale / np.sqrt(spread)
        if scale <= 1e-13 * center * np.sqrt(sum_w / count):
            return  # exact prices: nothing to trim


@kernel(REAL, I64, F64, F64, F64, F64, BOOL, OUT, _OUT_I64, OUT, OUT)
def _fit_slopes(
    printed: float,
    start: Int64Array,
    strike: FloatArray,
    difference: FloatArray,
    weight: FloatArray,
    straddle: FloatArray,
    american: BoolArray,
    center: FloatArray,
    near: Int64Array,
    discount: FloatArray,
    error: FloatArray,
) -> None:
    scratch = np.empty(strike.shape[0] + 1)
    line = np.empty(3)
    for s in range(start.shape[0] - 1):
        center[s] = discount[s] = error[s] = np.nan
        near[s] = 0
        K = strike[start[s] : start[s + 1]]
        y = difference[start[s] : start[s + 1]]
        if K.shape[0] < _MIN_PAIRS:
            continue
        # Wide first, for robustness against a stale quote; then twice nearer, for the early-exercise premium. The
        # printed underlying keeps out strikes from before a split, which a vendor may go on quoting.
        n = _levels_near(K, y, 1.0, printed, _PRINTED_WINDOW, scratch) if printed > 0.0 else 0
        if n < _MIN_PAIRS:
            n = _levels_near(K, y, 1.0, 1.0, np.inf, scratch)
        middle = _middle(scratch, n)
        for window in (0.05, NEAR_WINDOW):
            n = _levels_near(K, y, 1.0, middle, window, scratch)
            if n > 0:
                middle = _middle(scratch, n)
        if not middle > 0.0:
            continue
        center[s] = middle
        nearest = 0
        for i in range(K.shape[0]):
            near[s] += abs(K[i] - middle) <= NEAR_WINDOW * middle
            if abs(K[i] - middle) < abs(K[nearest] - middle):
                nearest = i
        # The straddle at the money is about 0.8 standard deviations of the log price at expiry.
        deviation = 1.25 * straddle[start[s] + nearest] / middle
        reach = min(max(0.5 * deviation, 0.01), NEAR_WINDOW) if american[s] else min(max(deviation, NEAR_WINDOW), 0.3)
        _robust_line(K, y, weight[start[s] : start[s + 1]], middle, reach, scratch, line)
        discount[s] = -line[1]
        error[s] = line[2]


def parity_slopes(pairs: ParityPairs, american: BoolArray, printed: float) -> ParitySlopes:
    """Fit the discount of each series.

    Parameters
    ----------
    pairs : ParityPairs
        Usable pairs.
    american : ndarray of bool, shape (n_series,)
        True where early exercise is allowed: the window is half a standard deviation, 1 to 3 %.
    printed : float
        Underlying as printed, USD, to start from; NaN where absent.

    Returns
    -------
    ParitySlopes
        See there.

    Notes
    -----
    Weighted least squares with Huber weights (1.5 robust deviations, six rounds). European series use strikes within
    one standard deviation of the money, 3 to 30 %.
    """
    n = american.shape[0]
    center, discount, error = np.empty((3, n))
    near = np.empty(n, dtype=np.int64)
    columns = (pairs.strike, pairs.difference, pairs.weight, pairs.straddle)
    _fit_slopes(printed, pairs.start, *columns, american, center, near, discount, error)
    return ParitySlopes(center=center, near=near, discount=discount, discount_error=error)


@kernel(I64, F64, F64, F64, F64, OUT, OUT)
def _fit_levels(
    start: Int64Array,
    strike: FloatArray,
    difference: FloatArray,
    center: FloatArray,
    discount: FloatArray,
    forward: FloatArray,
    dispersion: FloatArray,
) -> None:
    scratch = np.empty(strike.shape[0] + 1)
    for s in range(start.shape[0] - 1):
        forward[s] = dispersion[s] = np.nan
        if not (center[s] > 0.0 and discount[s] > 0.0):
            continue
        K = strike[start[s] : start[s + 1]]
        y = difference[start[s] : start[s + 1]]
        window = NEAR_WINDOW
        n = _levels_near(K, y, discount[s], center[s], window, scratch)
        # Sparse strikes of long expirations: widen until three pairs speak.
        while n < _MIN_PAIRS and window < 0.12:
            window *= 2.0
            n = _levels_near(K, y, discount[s], center[s], window, scratch)
        if n >= _MIN_PAIRS:
            forward[s] = _middle(scratch, n)
            dispersion[s] = _deviation(scratch, n)


def parity_levels(pairs: ParityPairs, center: FloatArray, discount: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the forward of each series, given its discount.

    Parameters
    ----------
    pairs : ParityPairs
        Usable pairs.
    center : ndarray, shape (n_series,)
        About where the forward lies, USD.
    discount : ndarray, shape (n_series,)
        Price today of 1 USD at expiry.

    Returns
    -------
    forward, dispersion : ndarray, shape (n_series,)
        Median and standard deviation of ``K + (C - P) / D`` over strikes within `NEAR_WINDOW` (up to 12 % where
        strikes are sparse), USD; NaN with fewer than three pairs.
    """
    forward, dispersion = np.empty((2, discount.shape[0]))
    _fit_levels(pairs.start, pairs.strike, pairs.difference, center, discount, forward, dispersion)
    return forward, dispersion
