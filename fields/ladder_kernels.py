"""Kernels of the moving smile: SIMD across the ladder's nodes.

Paper symbols: ``a = sigma sqrt(tau)``, ``b`` carry, ``q`` dividend yield, ``Dq = exp(-q tau)``, ``m = d(d1)/d(tau)``.
Row 0 of every ladder collects calls, row 1 puts. The kernels leave out the factor ``S exp(x)`` (and the unit) that all
contracts share at a node.
"""

from __future__ import annotations

from math import ceil, exp, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from fields.jit import BOOL, F64, I64, INT, OUT_2D, REAL, kernel, primitive
from fields.primitives import INV_SQRT_2PI, half_power, log_ratio, mills
from market.chains import BoolArray, FloatArray

__all__ = ["LANES", "exposures_sticky_moneyness", "first_flaw", "gamma_sticky_moneyness"]

# Nodes are valued in groups of this many; ladders and smile tables have room for it.
LANES = 8
# d in units in which exp(-d1^2 / 2) is 2^(-d^2): the root of log2(e) / 2, and its square.
_BELL_UNIT = 0.8493218002880191
_BELL_SQUARE = 0.7213475204444817
# phi(8.5) / phi(0) is 2e-16: beyond it a contract adds nothing that double precision keeps.
_WINDOW = 8.5


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
def _steps(n: int, spacing: float) -> FloatArray:
    # Ready numbers: to convert the counter inside the loop costs more than to load them.
    steps = np.empty(n)
    for j in range(n):
        steps[j] = j * spacing
    return steps


@primitive
def _nodes_within(ceiling: float, y: float, spacing: float, n: int) -> tuple[int, int]:
    """Return the nodes where d1 can lie within the window while a is at most `ceiling`; y is ln(F / K) at node 0."""
    reach = ceiling * (_WINDOW + 0.5 * ceiling)
    first = int(min(max(ceil((-reach - y) / spacing), 0.0), float(n)))
    last = int(min(max(floor((reach - y) / spacing) + 1.0, 0.0), float(n)))
    # Whole SIMD registers: what is left over of one would run a node at a time.
    first &= -LANES
    return first, max(first, (last + LANES - 1) & -LANES)


@kernel(REAL, F64, F64, F64, F64, BOOL, F64, F64, I64, F64, F64, F64, REAL, REAL, OUT_2D)
def gamma_sticky_moneyness(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    is_call: BoolArray,
    weight: FloatArray,
    table: FloatArray,
    place: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    ceiling: FloatArray,
    start: float,
    spacing: float,
    gamma: FloatArray,
) -> None:
    """Add gamma with the volatility that each contract reads from its smile at each node."""
    n = gamma.shape[1]
    steps = _steps(n, spacing)
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        root = sqrt(tau[i])
        y = log_ratio(spot, strike[i]) + carry[i] * tau[i] + start
        first, last = _nodes_within(ceiling[i] * root, y, spacing, n)
        out = gamma[0 if is_call[i] else 1, first:last]
        read = table[place[i] + first : place[i] + last + 1]
        origin = y + first * spacing
        base = weight[i] * exp(-dividend_yield[i] * tau[i]) * (INV_SQRT_2PI / _BELL_UNIT)
        upper = scale[i] * root * fraction[i]
        lower = scale[i] * root - upper
        for j in range(last - first):
            a = lower * read[j] + upper * read[j + 1]
            inverse = _BELL_UNIT / a
            d = (origin + steps[j]) * inverse + (0.5 * _BELL_UNIT) * a
            out[j] += base * inverse * half_power(d * d)


@kernel(REAL, F64, F64, F64, F64, BOOL, F64, F64, I64, F64, F64, F64, REAL, REAL, OUT_2D, OUT_2D, OUT_2D)
def exposures_sticky_moneyness(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    is_call: BoolArray,
    weight: FloatArray,
    table: FloatArray,
    place: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    ceiling: FloatArray,
    start: float,
    spacing: float,
    gamma: FloatArray,
    vanna: FloatArray,
    charm: FloatArray,
) -> None:
    """Add the three exposures with the volatility that each contract reads from its smile at each node."""
    n = gamma.shape[1]
    steps = _steps(n, spacing)
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        root, b, decay = sqrt(tau[i]), carry[i], 0.5 / tau[i]
        y = log_ratio(spot, strike[i]) + b * tau[i] + start
        first, last = _nodes_within(ceiling[i] * root, y, spacing, n)
        row, eta = (0, 1.0) if is_call[i] else (1, -1.0)
        gamma_out, vanna_out, charm_out = gamma[row, first:last], vanna[row, first:last], charm[row, first:last]
        read = table[place[i] + first : place[i] + last + 1]
        origin = y + first * spacing
        base = weight[i] * exp(-dividend_yield[i] * tau[i])
        dividend = eta * dividend_yield[i] * base
        upper = scale[i] * root * fraction[i]
        lower = scale[i] * root - upper
        for j in range(last - first):
            a = lower * read[j] + upper * read[j + 1]
            inverse_a = 1.0 / a
            d1 = (origin + steps[j]) * inverse_a + 0.5 * a
            phi = INV_SQRT_2PI * half_power(_BELL_SQUARE * d1 * d1)
            density = base * phi
            gamma_out[j] += density * inverse_a
            vanna_out[j] -= density * (d1 - a) * (root * inverse_a)
            tail = phi * mills(abs(d1))
            cumulative = tail if eta * d1 < 0.0 else 1.0 - tail
            charm_out[j] += density * (decay * (d1 - a) - b * inverse_a) + dividend * cumulative
        # Beyond the window N(eta d1) is 0 on one side and 1 on the other.
        certain = charm[row, last:] if is_call[i] else charm[row, :first]
        for j in range(certain.shape[0]):
            certain[j] += dividend
