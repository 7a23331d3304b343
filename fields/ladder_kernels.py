"""Kernels of the spot ladder: every contract re-evaluated, SIMD across the nodes of its level.

Paper symbols: ``a = sigma sqrt(tau)``, ``b`` carry, ``q`` dividend yield, ``Dq = exp(-q tau)``, ``m = d(d1)/d(tau)``.
Row 0 of every ladder collects calls, row 1 puts. The kernels leave out the factor ``S exp(x)`` (and the unit) that all
contracts share at a node. The volatility of a contract stands still, moves by a slope, or is read from its smile.
"""

from __future__ import annotations

from math import ceil, exp, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from fields.jit import BOOL, F64, I64, INT, OUT_2D, REAL, kernel, primitive
from fields.primitives import INV_SQRT_2PI, half_power, log_ratio, tail_factor
from market.chains import BoolArray, FloatArray

__all__ = ["LANES", "LOWEST_VOLATILITY", "add_delta", "add_exposures", "add_gamma", "first_flaw"]

# Nodes are valued in groups of this many; ladders and smile tables have room for it.
LANES = 8
# d in units in which exp(-d1^2 / 2) is 2^(-d^2): the root of log2(e) / 2, and its square.
_BELL_UNIT = 0.8493218002880191
_BELL_SQUARE = 0.7213475204444817
# phi(8.5) / phi(0) is 2e-16: beyond it a contract adds nothing that double precision keeps.
_WINDOW = 8.5

# Under a slope volatility does not fall below one point, or below its own value where that is less already.
LOWEST_VOLATILITY = 0.01

# Nodes of all levels, where each level begins, the least width of each, spacing of the ladder's own.
_Levels = tuple[FloatArray, NDArray[np.int64], FloatArray, float]
# Slope of volatility, what is added to it, and the smile: table (empty without one), place, fraction, scale, ceiling.
_Motion = tuple[float, float, FloatArray, NDArray[np.int64], FloatArray, FloatArray, FloatArray]

# Spot; strike, tau, volatility, carry, dividend yield, weight; calls; the four levels; the seven of the motion.
_ARGUMENTS = (REAL, *(F64,) * 6, BOOL, F64, I64, F64, REAL, REAL, REAL, F64, I64, F64, F64, F64)


@kernel(F64, F64, F64, F64, F64, returns=INT)
def first_flaw(
    strike: FloatArray, tau: FloatArray, volatility: FloatArray, carry: FloatArray, dividend_yield: FloatArray
) -> int:
    """Return which argument, from 1, first holds what a ladder cannot use: one of three not positive, or not finite."""
    for i in range(strike.shape[0]):
        # NaN compares false.
        if not (0.0 < strike[i] < np.inf):
            return 1
        if not (0.0 < tau[i] < np.inf):
            return 2
        if not (0.0 < volatility[i] < np.inf):
            return 3
        if not (abs(carry[i]) < np.inf):
            return 4
        if not (abs(dividend_yield[i]) < np.inf):
            return 5
    return 0


@primitive
def _nodes_within(ceiling: float, y: float, spacing: float, n: int) -> tuple[int, int]:
    """Return the nodes where d1 can lie within the window while a is at most `ceiling`; y is ln(F / K) at node 0."""
    reach = ceiling * (_WINDOW + 0.5 * ceiling)
    first = int(min(max(ceil((-reach - y) / spacing), 0.0), float(n)))
    last = int(min(max(floor((reach - y) / spacing) + 1.0, 0.0), float(n)))
    # Whole SIMD registers: what is left over of one would run a node at a time.
    first &= -LANES
    return first, max(first, (last + LANES - 1) & -LANES)


@primitive
def _place(
    i: int, y: float, root: float, volatility: float, levels: _Levels, motion: _Motion, width: FloatArray
) -> tuple[int, int]:
    """Choose a contract's nodes and fill its ``a`` at each of them; nodes before and after are beyond its bell."""
    x, offset, least, spacing = levels
    slope, bump, table, place, fraction, scale, ceilings = motion
    n_levels = least.shape[0]
    begin, end = int(offset[n_levels]), x.shape[0]
    first_x, last_x = float(x[begin]), float(x[end - 1])
    if table.shape[0] > 0:
        ceiling = ceilings[i] + bump
        first, last = _nodes_within(ceiling * root, y + first_x, spacing, end - begin)
        read = table[place[i] + first : place[i] + last + 1]
        upper = scale[i] * root * fraction[i]
        lower, added = scale[i] * root - upper, bump * root
        for j in range(last - first):
            width[j] = lower * read[j] + upper * read[j + 1] + added
        return begin + first, begin + last
    if slope != 0.0:
        lowest = min(volatility, LOWEST_VOLATILITY)
        ceiling = max(lowest, volatility + max(slope * first_x, slope * last_x)) + bump
        first, last = _nodes_within(ceiling * root, y + first_x, spacing, end - begin)
        for j in range(last - first):
            width[j] = root * (max(lowest, volatility + slope * x[begin + first + j]) + bump)
        return begin + first, begin + last
    a = root * (volatility + bump)
    first, last = 0, 0
    for level in range(n_levels):
        if a >= least[level]:
            first, last = int(offset[level]), int(offset[level + 1])
            break
    if last == 0:
        first, last = _nodes_within(a, y + first_x, spacing, end - begin)
        first, last = begin + first, begin + last
    for j in range(last - first):
        width[j] = a
    return first, last


@primitive
def _add_beyond(out: FloatArray, first: int, last: int, eta: float, amount: float) -> None:
    # Beyond the window N(eta d1) is 0 on one side and 1 on the other.
    certain = out[last:] if eta > 0.0 else out[:first]
    for j in range(certain.shape[0]):
        certain[j] += amount


@kernel(*_ARGUMENTS, F64, OUT_2D)
def add_gamma(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    weight: FloatArray,
    is_call: BoolArray,
    x: FloatArray,
    offset: NDArray[np.int64],
    least: FloatArray,
    spacing: float,
    slope: float,
    bump: float,
    table: FloatArray,
    place: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    ceiling: FloatArray,
    other: FloatArray,
    gamma: FloatArray,
) -> None:
    """Add ``w Dq phi(d1) / a`` of two weights: calls and puts of the first, calls and puts of the other."""
    levels, motion = (x, offset, least, spacing), (slope, bump, table, place, fraction, scale, ceiling)
    width = np.empty(x.shape[0])
    for i in range(strike.shape[0]):
        if weight[i] == 0.0 and other[i] == 0.0:
            continue
        root = sqrt(tau[i])
        y = log_ratio(spot, strike[i]) + carry[i] * tau[i]
        first, last = _place(i, y, root, volatility[i], levels, motion, width)
        unit, row = exp(-dividend_yield[i] * tau[i]) * (INV_SQRT_2PI / _BELL_UNIT), 0 if is_call[i] else 1
        base, base_other = weight[i] * unit, other[i] * unit
        at, out, out_other = x[first:last], gamma[row, first:last], gamma[row + 2, first:last]
        for j in range(last - first):
            a = width[j]
            inverse = _BELL_UNIT / a
            d = (y + at[j]) * inverse + (0.5 * _BELL_UNIT) * a
            bell = inverse * half_power(d * d)
            out[j] += base * bell
            out_other[j] += base_other * bell


@kernel(*_ARGUMENTS, OUT_2D)
def add_delta(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    weight: FloatArray,
    is_call: BoolArray,
    x: FloatArray,
    offset: NDArray[np.int64],
    least: FloatArray,
    spacing: float,
    slope: float,
    bump: float,
    table: FloatArray,
    place: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    ceiling: FloatArray,
    delta: FloatArray,
) -> None:
    """Add ``eta w Dq N(eta d1)``."""
    levels, motion = (x, offset, least, spacing), (slope, bump, table, place, fraction, scale, ceiling)
    width = np.empty(x.shape[0])
    own = int(offset[least.shape[0]])
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        root = sqrt(tau[i])
        y = log_ratio(spot, strike[i]) + carry[i] * tau[i]
        first, last = _place(i, y, root, volatility[i], levels, motion, width)
        row, eta = (0, 1.0) if is_call[i] else (1, -1.0)
        base = eta * weight[i] * exp(-dividend_yield[i] * tau[i])
        at, out = x[first:last], delta[row, first:last]
        for j in range(last - first):
            a = width[j]
            d1 = (y + at[j]) / a + 0.5 * a
            tail = half_power(_BELL_SQUARE * d1 * d1) * tail_factor(abs(d1))
            out[j] += base * (tail if eta * d1 < 0.0 else 1.0 - tail)
        if first >= own:
            _add_beyond(delta[row, own:], first - own, last - own, eta, base)


@primitive
def _add_nodes(
    first: int,
    last: int,
    x: FloatArray,
    width: FloatArray,
    contract: tuple[float, float, float, float, float, float, float],
    shocks: tuple[float, float, float],
    out: tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray],
) -> None:
    """Add a contract's gamma, vanna, charm, delta and rate at its nodes."""
    y, root, b, q, decay, base, eta = contract
    at, gamma, vanna, charm = x[first:last], out[0][first:last], out[1][first:last], out[2][first:last]
    delta, rate, held = out[3][first:last], out[4][first:last], eta * base
    scaled = INV_SQRT_2PI * base
    for j in range(last - first):
        a = width[j]
        inverse = 1.0 / a
        d1 = (y + at[j]) * inverse + 0.5 * a
        d2 = d1 - a
        bell = half_power(_BELL_SQUARE * d1 * d1)
        tail = bell * tail_factor(abs(d1))
        cumulative = held * (tail if eta * d1 < 0.0 else 1.0 - tail)
        density, inverse_sigma, b_a = scaled * bell, root * inverse, b * inverse
        m = b_a - d2 * decay
        gamma[j] += density * inverse
        vanna[j] -= density * d2 * inverse_sigma
        charm[j] += q * cumulative - density * m
        delta[j] += cumulative
        # color S, d(vanna)/dt and d(charm)/dt (docs/fields/potential.md)
        color = inverse * (q + decay + d1 * m)
        vanna_decay = inverse_sigma * (b_a - d1 * decay - d2 * (q + d1 * m))
        bend = m * (2.0 * q + d1 * m) - decay * (3.0 * d1 * decay - 2.0 * (b_a + a * decay))
        rate[j] += density * (shocks[0] * color + shocks[1] * vanna_decay - shocks[2] * bend)
        rate[j] += shocks[2] * q * q * cumulative


@kernel(*_ARGUMENTS, REAL, REAL, REAL, OUT_2D, OUT_2D, OUT_2D, OUT_2D, OUT_2D)
def add_exposures(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    weight: FloatArray,
    is_call: BoolArray,
    x: FloatArray,
    offset: NDArray[np.int64],
    least: FloatArray,
    spacing: float,
    slope: float,
    bump: float,
    table: FloatArray,
    place: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    ceiling: FloatArray,
    per_gamma: float,
    per_vanna: float,
    per_charm: float,
    gamma: FloatArray,
    vanna: FloatArray,
    charm: FloatArray,
    delta: FloatArray,
    rate: FloatArray,
) -> None:
    """Add gamma, vanna, charm, delta, and the derivative by calendar time of the weighted sum of the first three."""
    levels, motion = (x, offset, least, spacing), (slope, bump, table, place, fraction, scale, ceiling)
    shocks, width, own = (per_gamma, per_vanna, per_charm), np.empty(x.shape[0]), int(offset[least.shape[0]])
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        root, b, q, decay = sqrt(tau[i]), carry[i], dividend_yield[i], 0.5 / tau[i]
        y = log_ratio(spot, strike[i]) + b * tau[i]
        first, last = _place(i, y, root, volatility[i], levels, motion, width)
        row, eta = (0, 1.0) if is_call[i] else (1, -1.0)
        base = weight[i] * exp(-q * tau[i])
        out = (gamma[row], vanna[row], charm[row], delta[row], rate[row])
        _add_nodes(first, last, x, width, (y, root, b, q, decay, base, eta), shocks, out)
        if first >= own:
            _add_beyond(charm[row, own:], first - own, last - own, eta, q * eta * base)
            _add_beyond(delta[row, own:], first - own, last - own, eta, eta * base)
            _add_beyond(rate[row, own:], first - own, last - own, eta, per_charm * q * q * eta * base)
