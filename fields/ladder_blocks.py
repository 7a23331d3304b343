"""Sticky-strike ladder in blocks: two exponentials serve sixteen nodes.

On a uniform grid d1 is linear, so the normal density of a contract is a Gaussian on a grid: with ``delta`` the step of
d1 and ``t_l = exp(-delta^2 l^2 / 2)`` it is ``phi(d + l delta) = phi(d) exp(-d delta)^l t_l`` around the centre of each
block of sixteen nodes. Eight products either way cost two operations a node and round by less than 1e-15; neighbouring
blocks fill the SIMD lanes. Contracts so near to expiry that a block is wider than their bell are valued node by node.

The dividend term of charm needs N(d1). Along the grid it is the running sum of the densities with Euler-Maclaurin's end
corrections, which are odd Hermite polynomials of d1 times the same density, so it costs no second special function.
"""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np

from fields.jit import BOOL, F64, OUT_2D, REAL, kernel, primitive
from fields.primitives import INV_SQRT_2PI, exp_, log_ratio, mills
from market.chains import BoolArray, FloatArray

__all__ = ["PANEL", "exposures_sticky_strike", "gamma_sticky_strike"]

# A panel holds 32 blocks. Within a panel storage runs [field][node in block][block].
PANEL = 512
_NODES_PER_BLOCK = 16
_BLOCKS = PANEL // _NODES_PER_BLOCK
_PER_CENT = 0.01
_VOL_POINT = 0.01
# phi(8.5) / phi(0) is 2e-16: beyond it a contract adds nothing that double precision keeps.
_WINDOW = 8.5
# Blocks whose centre lies within it may reach into the window; beyond it powers of exp(d delta) could overflow.
_REACH = 13.0
# Widest step of d1 that is valued in blocks: half a block reaches over 8 * 0.5 < 13 - 8.5.
_GAMMA_STEP = 0.5
# With it the first neglected Euler-Maclaurin term is below 3e-14 of the dividend term.
_EXPOSURE_STEP = 0.15

_Steps = tuple[float, float, float, float, float, float, float, float]


@primitive
def _fill_bells(
    spot: float,
    book: tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray],
    first_x: float,
    spacing: float,
    bell: FloatArray,
) -> None:
    """Fill three rows: d1 at the first node, its step from node to node, and ``w Dq / sqrt(2 pi)``."""
    strike, tau, volatility, carry, dividend_yield, weight = book
    for i in range(strike.shape[0]):
        a = volatility[i] * sqrt(tau[i])
        bell[0, i] = (log_ratio(spot, strike[i]) + carry[i] * tau[i] + first_x) / a + 0.5 * a
        bell[1, i] = spacing / a
        bell[2, i] = weight[i] * INV_SQRT_2PI * exp_(-dividend_yield[i] * tau[i])


@primitive
def _stored(j: int, n_fields: int) -> int:
    """Return where a node's first field stands in the panels; the next field stands a panel's length further."""
    return (j // PANEL) * (PANEL * n_fields) + (j % _NODES_PER_BLOCK) * _BLOCKS + (j % PANEL) // _NODES_PER_BLOCK


@primitive
def _first_node(distance: float, delta: float, n: int) -> int:
    return int(min(max(ceil(distance / delta), 0.0), float(n)))


@primitive
def _step_factors(delta: float, scratch: FloatArray) -> _Steps:
    for l in range(8):
        scratch[l] = exp_(-0.5 * (delta * delta) * ((l + 1.0) * (l + 1.0)))
    t = scratch
    return t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]


@primitive
def _spread_gamma(line: FloatArray, k: int, centre: float, up: float, down: float, t: _Steps) -> None:
    line[k + 256] += centre
    c = centre
    c *= up
    line[k + 288] += c * t[0]
    c *= up
    line[k + 320] += c * t[1]
    c *= up
    line[k + 352] += c * t[2]
    c *= up
    line[k + 384] += c * t[3]
    c *= up
    line[k + 416] += c * t[4]
    c *= up
    line[k + 448] += c * t[5]
    c *= up
    line[k + 480] += c * t[6]
    c = centre
    c *= down
    line[k + 224] += c * t[0]
    c *= down
    line[k + 192] += c * t[1]
    c *= down
    line[k + 160] += c * t[2]
    c *= down
    line[k + 128] += c * t[3]
    c *= down
    line[k + 96] += c * t[4]
    c *= down
    line[k + 64] += c * t[5]
    c *= down
    line[k + 32] += c * t[6]
    c *= down
    line[k + 0] += c * t[7]


@primitive
def _narrow_gamma(out: FloatArray, origin: float, delta: float, scale: float) -> None:
    for j in range(out.shape[0]):
        d1 = origin + j * delta
        out[j] += scale * exp_(-0.5 * d1 * d1)


@kernel(REAL, F64, F64, F64, F64, F64, F64, BOOL, REAL, REAL, F64, OUT_2D, OUT_2D, OUT_2D)
def gamma_sticky_strike(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    weight: FloatArray,
    is_call: BoolArray,
    first_x: float,
    spacing: float,
    price: FloatArray,
    bell: FloatArray,
    block: FloatArray,
    gamma: FloatArray,
) -> None:
    """Fill ``w Dq phi(d1) / a`` times 1 % of the price at every node; `bell` (3, n) is scratch.

    `block` (2, panels * 512) and `gamma` (2, n_nodes) come as zeros.
    """
    _fill_bells(spot, (strike, tau, volatility, carry, dividend_yield, weight), first_x, spacing, bell)
    start, step, density = bell
    n = gamma.shape[1]
    scratch = np.empty(8)
    for i in range(strike.shape[0]):
        if density[i] == 0.0:
            continue
        delta = step[i]
        row = 0 if is_call[i] else 1
        scale = density[i] * delta / spacing
        first, last = _first_node(-_WINDOW - start[i], delta, n), _first_node(_WINDOW - start[i], delta, n)
        if delta > _GAMMA_STEP:
            _narrow_gamma(gamma[row, first:last], start[i] + first * delta, delta, scale)
            continue
        t = _step_factors(delta, scratch)
        for group in range(first // 128, (last + 127) // 128):
            at = (group // 4) * 512 + (group % 4) * 8
            line = block[row, at : at + 488]
            origin = start[i] + (group * 128 + 8) * delta
            for k in range(8):
                d1 = origin + (16.0 * delta) * k
                outside = abs(d1) > _REACH
                centre = 0.0 if outside else scale * exp_(-0.5 * d1 * d1)
                down = 1.0 if outside else exp_(d1 * delta)
                _spread_gamma(line, k, centre, 1.0 / down, down, t)
    for row in range(2):
        for j in range(n):
            gamma[row, j] = (gamma[row, j] + block[row, _stored(j, 1)]) * (_PER_CENT * price[j])


@primitive
def _add_node(
    line: FloatArray,
    at: int,
    density: float,
    d1: float,
    inverse_a: float,
    vanna: tuple[float, float],
    charm: tuple[float, float, float, float, float],
    flow: float,
) -> None:
    u = d1 * d1
    line[at] += density * inverse_a
    line[at + 512] += density * (vanna[0] + vanna[1] * d1)
    line[at + 1024] += density * (charm[0] + d1 * (charm[1] + u * (charm[2] + u * (charm[3] + u * charm[4]))))
    line[at + 1536] += density * flow


@primitive
def _spread_exposures(
    line: FloatArray,
    k: int,
    centre: float,
    up: float,
    down: float,
    t: _Steps,
    d1: float,
    delta: float,
    inverse_a: float,
    vanna: tuple[float, float],
    charm: tuple[float, float, float, float, float],
    flow: float,
) -> None:
    _add_node(line, k + 256, centre, d1, inverse_a, vanna, charm, flow)
    c = centre
    c *= up
    _add_node(line, k + 288, c * t[0], d1 + 1.0 * delta, inverse_a, vanna, charm, flow)
    c *= up
    _add_node(line, k + 320, c * t[1], d1 + 2.0 * delta, inverse_a, vanna, charm, flow)
    c *= up
    _add_node(line, k + 352, c * t[2], d1 + 3.0 * delta, inverse_a, vanna, charm, flow)
    c *= up
    _add_node(line, k + 384, c * t[3], d1 + 4.0 * delta, inverse_a, vanna, charm, flow)
    c *= up
    _add_node(line, k + 416, c * t[4], d1 + 5.0 * delta, inverse_a, vanna, charm, flow)
    c *= up
    _add_node(line, k + 448, c * t[5], d1 + 6.0 * delta, inverse_a, vanna, charm, flow)
    c *= up
    _add_node(line, k + 480, c * t[6], d1 + 7.0 * delta, inverse_a, vanna, charm, flow)
    c = centre
    c *= down
    _add_node(line, k + 224, c * t[0], d1 - 1.0 * delta, inverse_a, vanna, charm, flow)
    c *= down
    _add_node(line, k + 192, c * t[1], d1 - 2.0 * delta, inverse_a, vanna, charm, flow)
    c *= down
    _add_node(line, k + 160, c * t[2], d1 - 3.0 * delta, inverse_a, vanna, charm, flow)
    c *= down
    _add_node(line, k + 128, c * t[3], d1 - 4.0 * delta, inverse_a, vanna, charm, flow)
    c *= down
    _add_node(line, k + 96, c * t[4], d1 - 5.0 * delta, inverse_a, vanna, charm, flow)
    c *= down
    _add_node(line, k + 64, c * t[5], d1 - 6.0 * delta, inverse_a, vanna, charm, flow)
    c *= down
    _add_node(line, k + 32, c * t[6], d1 - 7.0 * delta, inverse_a, vanna, charm, flow)
    c *= down
    _add_node(line, k + 0, c * t[7], d1 - 8.0 * delta, inverse_a, vanna, charm, flow)


@primitive
def _dividend_correction(q: float, delta: float) -> tuple[float, float, float, float]:
    # Coefficients of d, d^3, d^5, d^7 in q sum_m B_2m / (2m)! delta^2m He_(2m-1)(d), m = 1 .. 4.
    square = delta * delta
    e1 = q * square / 12.0
    e2 = -q * square * square / 720.0
    e3 = q * square * square * square / 30240.0
    e4 = -q * square * square * square * square / 1209600.0
    return e1 - 3.0 * e2 + 15.0 * e3 - 105.0 * e4, e2 - 10.0 * e3 + 105.0 * e4, e3 - 21.0 * e4, e4


@primitive
def _odd(d: float, e: tuple[float, float, float, float]) -> float:
    u = d * d
    return d * (e[0] + u * (e[1] + u * (e[2] + u * e[3])))


@primitive
def _dividend_at(d1: float, amount: float, eta: float) -> float:
    """Return ``amount N(eta d1)``."""
    tail = INV_SQRT_2PI * exp_(-0.5 * d1 * d1) * mills(abs(d1))
    return amount * (tail if eta * d1 < 0.0 else 1.0 - tail)


@primitive
def _narrow_exposures(
    rows: tuple[FloatArray, FloatArray, FloatArray],
    first: int,
    last: int,
    origin: float,
    delta: float,
    scale: float,
    inverse_a: float,
    vanna: tuple[float, float],
    charm: tuple[float, float],
    dividend: float,
    eta: float,
) -> None:
    gamma_out, vanna_out, charm_out = rows[0][first:last], rows[1][first:last], rows[2][first:last]
    for j in range(last - first):
        d1 = origin + j * delta
        density = scale * exp_(-0.5 * d1 * d1)
        gamma_out[j] += density * inverse_a
        vanna_out[j] += density * (vanna[0] + vanna[1] * d1)
        charm_out[j] += density * (charm[0] + charm[1] * d1) + _dividend_at(d1, dividend, eta)
    # Beyond the window N(eta d1) is 0 on one side and 1 on the other.
    certain = rows[2][last:] if eta > 0.0 else rows[2][:first]
    for j in range(certain.shape[0]):
        certain[j] += dividend


@primitive
def _collect(
    block: FloatArray,
    anchor: FloatArray,
    price: FloatArray,
    minutes_per_year: float,
    rows: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    """Add the blocks to the three ladders, integrate the dividend term and turn all into dollars."""
    gamma, vanna, charm = rows
    for row in range(2):
        before, total = block[row, 3 * PANEL], 0.0
        for j in range(price.shape[0]):
            at = _stored(j, 4)
            flow = block[row, at + 3 * PANEL]
            total += flow
            # Trapezoidal; the Euler-Maclaurin corrections already stand in charm.
            dividend = anchor[row] + total - 0.5 * (flow + before)
            gamma[row, j] = (gamma[row, j] + block[row, at]) * (_PER_CENT * price[j])
            vanna[row, j] = (vanna[row, j] + block[row, at + PANEL]) * (_VOL_POINT * price[j])
            charm[row, j] += block[row, at + 2 * PANEL] + dividend
            charm[row, j] *= price[j] / minutes_per_year


@kernel(
    *(REAL, F64, F64, F64, F64, F64, F64, BOOL, REAL, REAL, F64, REAL, OUT_2D, OUT_2D, OUT_2D, OUT_2D, OUT_2D),
)
def exposures_sticky_strike(
    spot: float,
    strike: FloatArray,
    tau: FloatArray,
    volatility: FloatArray,
    carry: FloatArray,
    dividend_yield: FloatArray,
    weight: FloatArray,
    is_call: BoolArray,
    first_x: float,
    spacing: float,
    price: FloatArray,
    minutes_per_year: float,
    bell: FloatArray,
    block: FloatArray,
    gamma: FloatArray,
    vanna: FloatArray,
    charm: FloatArray,
) -> None:
    """Fill gamma, ``-w Dq phi d2 / sigma`` and ``w (eta q Dq N(eta d1) - Dq phi m)`` in USD; `bell` (3, n) is scratch.

    Contracts in blocks go to `block` (2, panels * 2048), whose fields are gamma, vanna, charm without the integral of
    the dividend term, and that term's increments. Narrow bells go to `gamma`, `vanna` and `charm` (2, n_nodes). All
    four come as zeros.
    """
    _fill_bells(spot, (strike, tau, volatility, carry, dividend_yield, weight), first_x, spacing, bell)
    start, step, density = bell
    n, scratch, anchor = price.shape[0], np.empty(8), np.zeros(2)
    for i in range(strike.shape[0]):
        if density[i] == 0.0:
            continue
        delta, scale, q = step[i], density[i], dividend_yield[i]
        row, eta = (0, 1.0) if is_call[i] else (1, -1.0)
        inverse_a, a, slope = delta / spacing, spacing / delta, 0.5 / tau[i]
        bend = (a / volatility[i], -1.0 / volatility[i])
        level = -carry[i] * inverse_a - slope * a
        first, last = _first_node(-_WINDOW - start[i], delta, n), _first_node(_WINDOW - start[i], delta, n)
        dividend = eta * q * scale / INV_SQRT_2PI
        if delta > _EXPOSURE_STEP:
            rows, origin = (gamma[row], vanna[row], charm[row]), start[i] + first * delta
            _narrow_exposures(rows, first, last, origin, delta, scale, inverse_a, bend, (level, slope), dividend, eta)
            continue
        e, d1 = _dividend_correction(q, delta), start[i]
        anchor[row] += _dividend_at(d1, dividend, eta) - scale * exp_(-0.5 * d1 * d1) * _odd(d1, e)
        t, poly = _step_factors(delta, scratch), (level, slope + e[0], e[1], e[2], e[3])
        for group in range(first // 128, (last + 127) // 128):
            at = (group // 4) * 2048 + (group % 4) * 8
            line = block[row, at : at + 2024]
            origin = start[i] + (group * 128 + 8) * delta
            for k in range(8):
                d1 = origin + (16.0 * delta) * k
                outside = abs(d1) > _REACH
                centre = 0.0 if outside else scale * exp_(-0.5 * d1 * d1)
                down = 1.0 if outside else exp_(d1 * delta)
                _spread_exposures(line, k, centre, 1.0 / down, down, t, d1, delta, inverse_a, bend, poly, q * delta)
    _collect(block, anchor, price, minutes_per_year, (gamma, vanna, charm))
