"""Kernels of the spot ladder: each contract is valued along the whole ladder, SIMD across its nodes.

Paper symbols: ``a = sigma sqrt(tau)``, ``b`` carry, ``q`` dividend yield, ``Dq = exp(-q tau)``, ``m = d(d1)/d(tau)``.
Row 0 of every result collects calls, row 1 puts. The kernels leave out the factor ``S exp(x)`` (and the unit) that all
contracts share at a node.
"""

from __future__ import annotations

from math import ceil, exp, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from fields.jit import BOOL, F64, I64, OUT, OUT_2D, REAL, kernel, primitive
from fields.primitives import INV_SQRT_2PI, exp_, log_ratio, mills
from market.chains import BoolArray, FloatArray

__all__ = [
    "exposures_sticky_moneyness",
    "exposures_sticky_strike",
    "gamma_sticky_moneyness",
    "gamma_sticky_strike",
    "gamma_terms_at",
    "smile_at",
]

# phi(8.5) / phi(0) is 2e-16: beyond it a contract adds nothing that double precision keeps.
WINDOW = 8.5


@primitive
def _first_node(x: float, start: float, per_spacing: float, n: int) -> int:
    place = ceil((x - start) * per_spacing)
    return int(min(max(place, 0.0), float(n)))


@kernel(REAL, F64, F64, F64, F64, F64, BOOL, F64, REAL, REAL, OUT_2D)
def gamma_sticky_strike(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    is_call: BoolArray,
    weight: FloatArray,
    start: float,
    spacing: float,
    gamma: FloatArray,
) -> None:
    """Add ``w Dq phi(d1) / a`` of every contract at every node."""
    n = gamma.shape[1]
    per_spacing = 1.0 / spacing
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        a = volatility[i] * sqrt(tau[i])
        inverse_a = 1.0 / a
        shift = log_ratio(spot, strike[i]) + carry[i] * tau[i] + 0.5 * a * a
        row = 0 if is_call[i] else 1
        scale = weight[i] * exp(-dividend_yield[i] * tau[i]) * INV_SQRT_2PI * inverse_a
        first = _first_node(-WINDOW * a - shift, start, per_spacing, n)
        last = _first_node(WINDOW * a - shift, start, per_spacing, n)
        origin = shift + start + first * spacing
        out = gamma[row, first:last]
        for j in range(out.shape[0]):
            d1 = (origin + j * spacing) * inverse_a
            out[j] += scale * exp_(-0.5 * d1 * d1)


@kernel(REAL, F64, F64, F64, F64, F64, BOOL, F64, REAL, REAL, OUT_2D, OUT_2D, OUT_2D)
def exposures_sticky_strike(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    is_call: BoolArray,
    weight: FloatArray,
    start: float,
    spacing: float,
    gamma: FloatArray,
    vanna: FloatArray,
    charm: FloatArray,
) -> None:
    """Add gamma, ``-w Dq phi d2 / sigma`` and ``w (eta q Dq N(eta d1) - Dq phi m)`` at every node."""
    n = gamma.shape[1]
    per_spacing = 1.0 / spacing
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        root = sqrt(tau[i])
        a = volatility[i] * root
        inverse_a = 1.0 / a
        shift = log_ratio(spot, strike[i]) + carry[i] * tau[i] + 0.5 * a * a
        row = 0 if is_call[i] else 1
        eta = 1.0 if is_call[i] else -1.0
        base = weight[i] * exp(-dividend_yield[i] * tau[i])
        scale = base * INV_SQRT_2PI
        per_sigma = -1.0 / volatility[i]
        drift = -carry[i] * inverse_a
        decay = 0.5 / tau[i]
        first = _first_node(-WINDOW * a - shift, start, per_spacing, n)
        last = _first_node(WINDOW * a - shift, start, per_spacing, n)
        dividend = eta * dividend_yield[i] * base
        origin = shift + start + first * spacing
        gamma_out = gamma[row, first:last]
        vanna_out = vanna[row, first:last]
        charm_out = charm[row, first:last]
        for j in range(last - first):
            d1 = (origin + j * spacing) * inverse_a
            phi = exp_(-0.5 * d1 * d1)
            density = scale * phi
            d2 = d1 - a
            gamma_out[j] += density * inverse_a
            vanna_out[j] += density * (per_sigma * d2)
            tail = INV_SQRT_2PI * phi * mills(abs(d1))
            cumulative = tail if eta * d1 < 0.0 else 1.0 - tail
            charm_out[j] += density * (drift + decay * d2) + dividend * cumulative
        # Beyond the window N(eta d1) is 0 on one side and 1 on the other.
        inside_first = last if is_call[i] else 0
        inside_last = n if is_call[i] else first
        for j in range(inside_first, inside_last):
            charm[row, j] += dividend


@kernel(REAL, F64, F64, F64, F64, BOOL, F64, F64, I64, F64, F64, REAL, REAL, OUT_2D)
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
    start: float,
    spacing: float,
    gamma: FloatArray,
) -> None:
    """Add gamma with the volatility that each contract reads from its smile at each node."""
    n = gamma.shape[1]
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        root = sqrt(tau[i])
        shift = log_ratio(spot, strike[i]) + carry[i] * tau[i] + start
        row = 0 if is_call[i] else 1
        base = weight[i] * exp(-dividend_yield[i] * tau[i]) * INV_SQRT_2PI
        upper = scale[i] * root * fraction[i]
        lower = scale[i] * root - upper
        at = place[i]
        for j in range(n):
            a = lower * table[at + j] + upper * table[at + j + 1]
            inverse_a = 1.0 / a
            d1 = (shift + j * spacing) * inverse_a + 0.5 * a
            gamma[row, j] += base * inverse_a * exp_(-0.5 * d1 * d1)


@kernel(REAL, F64, F64, F64, F64, BOOL, F64, F64, I64, F64, F64, REAL, REAL, OUT_2D, OUT_2D, OUT_2D)
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
    start: float,
    spacing: float,
    gamma: FloatArray,
    vanna: FloatArray,
    charm: FloatArray,
) -> None:
    """Add the three exposures with the volatility that each contract reads from its smile at each node."""
    n = gamma.shape[1]
    for i in range(strike.shape[0]):
        if weight[i] == 0.0:
            continue
        root = sqrt(tau[i])
        shift = log_ratio(spot, strike[i]) + carry[i] * tau[i] + start
        row = 0 if is_call[i] else 1
        eta = 1.0 if is_call[i] else -1.0
        base = weight[i] * exp(-dividend_yield[i] * tau[i])
        upper = scale[i] * root * fraction[i]
        lower = scale[i] * root - upper
        at = place[i]
        dividend = eta * dividend_yield[i] * base
        density_scale = base * INV_SQRT_2PI
        b = carry[i]
        decay = 0.5 / tau[i]
        for j in range(n):
            a = lower * table[at + j] + upper * table[at + j + 1]
            inverse_a = 1.0 / a
            d1 = (shift + j * spacing) * inverse_a + 0.5 * a
            phi = exp_(-0.5 * d1 * d1)
            density = density_scale * phi
            d2 = d1 - a
            gamma[row, j] += density * inverse_a
            vanna[row, j] -= density * d2 * (root * inverse_a)
            tail = INV_SQRT_2PI * phi * mills(abs(d1))
            cumulative = tail if eta * d1 < 0.0 else 1.0 - tail
            charm[row, j] += density * (decay * d2 - b * inverse_a) + dividend * cumulative


@kernel(REAL, F64, F64, F64, F64, OUT)
def gamma_terms_at(
    x: float,
    forward_log_moneyness: FloatArray,
    root_tau: FloatArray,
    volatility: FloatArray,
    base: FloatArray,
    term: FloatArray,
) -> None:
    """Fill ``w Dq phi(d1) / a`` of each contract at one log spot; `base` is ``w Dq / sqrt(2 pi)``."""
    for i in range(term.shape[0]):
        a = volatility[i] * root_tau[i]
        inverse_a = 1.0 / a
        d1 = (forward_log_moneyness[i] + x) * inverse_a + 0.5 * a
        term[i] = base[i] * inverse_a * exp_(-0.5 * d1 * d1)


@kernel(REAL, F64, I64, F64, F64, OUT)
def smile_at(
    steps: float,
    table: FloatArray,
    place: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    volatility: FloatArray,
) -> None:
    """Fill each contract's volatility a number of grid steps above the first node."""
    for i in range(place.shape[0]):
        along = fraction[i] + steps
        whole = floor(along)
        at = place[i] + int(whole)
        volatility[i] = scale[i] * (table[at] + (along - whole) * (table[at + 1] - table[at]))
