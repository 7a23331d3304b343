"""Black-Scholes-Merton price and Greeks of many European options at once.

Everything is per 1.00 of its variable and per year; the time Greeks are calendar derivatives d/dt = -d/dtau. One exp
serves the density and both tails, through Mills' ratio, so each Greek keeps its relative accuracy in both wings.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numba import types
from numpy.typing import ArrayLike

from fields.columns import as_columns, empty_columns, overlapping, require_outputs
from fields.greek_limits import fill_limits, is_regular
from fields.jit import BOOL, F64, INT, kernel, outputs, primitive
from fields.primitives import exp_, log_ratio, mills, mills_pair, normal_density
from market.chains import BoolArray, FloatArray
from market.errors import NumericsError

__all__ = ["ExposureGreeks", "Greeks", "exposure_greeks", "greeks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """Price and Greeks; every array has shape ``(n_contracts,)``.

    Parameters
    ----------
    price : ndarray
        Value per unit of the underlying, USD.
    delta, gamma, speed : ndarray
        First, second and third derivative by spot.
    vega, vomma, ultima : ndarray
        First, second and third derivative by volatility, per 1.00.
    theta : ndarray
        Derivative by calendar time, per year.
    rho, psi : ndarray
        Derivative by the rate and by the dividend yield, per 1.00.
    vanna, zomma : ndarray
        Derivative of delta and of gamma by volatility.
    charm, color, veta, vanna_decay : ndarray
        Derivative of delta, gamma, vega and vanna by calendar time, per year.
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray
    psi: FloatArray
    vanna: FloatArray
    charm: FloatArray
    vomma: FloatArray
    veta: FloatArray
    speed: FloatArray
    color: FloatArray
    zomma: FloatArray
    ultima: FloatArray
    vanna_decay: FloatArray

    @classmethod
    def empty(cls, n_contracts: int) -> Self:
        """Return arrays to be filled by `greeks`."""
        return cls(**dict(zip(_NAMES, empty_columns(len(_NAMES), n_contracts), strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureGreeks:
    """The four Greeks of the dealer exposures; every array has shape ``(n_contracts,)``.

    Parameters
    ----------
    delta, gamma, vanna, charm : ndarray
        As in `Greeks`.
    """

    delta: FloatArray
    gamma: FloatArray
    vanna: FloatArray
    charm: FloatArray

    @classmethod
    def empty(cls, n_contracts: int) -> Self:
        """Return arrays to be filled by `exposure_greeks`."""
        return cls(**dict(zip(_EXPOSURE_NAMES, empty_columns(len(_EXPOSURE_NAMES), n_contracts), strict=True)))


def greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    *,
    out: Greeks | None = None,
) -> Greeks:
    """Return price and Greeks of European options.

    Parameters
    ----------
    spot, strike : array_like, scalar or shape (n_contracts,)
        USD, > 0.
    tau : array_like
        Time to expiry, years, of the clock in which the time Greeks shall be read.
    rate, dividend_yield : array_like
        Continuous, fractions per year.
    volatility : array_like
        Annualised fraction.
    is_call : array_like of bool
        True for calls.
    out : Greeks, optional
        Contiguous float64 arrays to fill; they must not overlap each other or an input.

    Returns
    -------
    Greeks
        `out` where given.

    Notes
    -----
    At ``tau = 0`` and at ``volatility = 0`` the limit from above stands, infinite where the limit is; below 0, for a
    price that is not above 0 and for NaN or infinity in any input everything is NaN.
    """
    inputs = _columns(spot, strike, tau, rate, dividend_yield, volatility, is_call)
    filled = _outputs(out, _NAMES, inputs[0].shape[0])
    irregular_count = _fill_greeks(*inputs, filled)
    columns = dict(zip(_NAMES, filled, strict=True))
    if irregular_count != 0:
        _finish(inputs, columns, irregular_count)
    return Greeks(**columns) if out is None else out


def exposure_greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
    *,
    out: ExposureGreeks | None = None,
) -> ExposureGreeks:
    """Return delta, gamma, vanna and charm alone, in about half the time of `greeks`.

    Parameters
    ----------
    spot, strike, tau, rate, dividend_yield, volatility, is_call : array_like
        As in `greeks`.
    out : ExposureGreeks, optional
        Contiguous float64 arrays to fill; they must not overlap each other or an input.

    Returns
    -------
    ExposureGreeks
        `out` where given.
    """
    inputs = _columns(spot, strike, tau, rate, dividend_yield, volatility, is_call)
    filled = _outputs(out, _EXPOSURE_NAMES, inputs[0].shape[0])
    irregular_count = _fill_exposure_greeks(*inputs, filled)
    columns = dict(zip(_EXPOSURE_NAMES, filled, strict=True))
    if irregular_count != 0:
        _finish(inputs, columns, irregular_count)
    return ExposureGreeks(**columns) if out is None else out


_NAMES = tuple(item.name for item in fields(Greeks))
_EXPOSURE_NAMES = tuple(item.name for item in fields(ExposureGreeks))
# Short loops over a block overlap better in the processor than one long loop; 256 contracts stay in its first cache.
_BLOCK = 256
_Columns = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]


def _columns(
    spot: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    volatility: ArrayLike,
    is_call: ArrayLike,
) -> _Columns:
    flags, columns = as_columns(
        is_call,
        spot=spot,
        strike=strike,
        tau=tau,
        rate=rate,
        dividend_yield=dividend_yield,
        volatility=volatility,
    )
    S, K, t, r, q, sigma = columns
    return S, K, t, r, q, sigma, flags


def _outputs(out: Greeks | ExposureGreeks | None, names: tuple[str, ...], n_contracts: int) -> tuple[FloatArray, ...]:
    if out is None:
        return tuple(empty_columns(len(names), n_contracts))
    given = tuple(getattr(out, name) for name in names)
    require_outputs(given, n_contracts)
    return given


def _finish(inputs: _Columns, columns: dict[str, FloatArray], irregular_count: int) -> None:
    if irregular_count < 0:
        raise NumericsError(
            "an output overlaps another array of the call",
            found="two arrays in the same memory",
            expected="outputs of their own memory",
        )
    S, K, tau, r, q, sigma, flags = inputs
    irregular = np.flatnonzero(_irregular(S, K, tau, r, q, sigma))
    limits = np.empty((irregular.shape[0], len(_NAMES)))
    some = [column[irregular] for column in (S, K, tau, r, q, sigma)]
    fill_limits(some[0], some[1], some[2], some[3], some[4], some[5], flags[irregular], limits)
    for name, array in columns.items():
        array[irregular] = limits[:, _NAMES.index(name)]


@kernel(F64, F64, F64, F64, F64, F64, returns=types.Array(types.boolean, 1, "C"))
def _irregular(
    spot: FloatArray,
    strike: FloatArray,
    tau: FloatArray,
    rate: FloatArray,
    dividend_yield: FloatArray,
    volatility: FloatArray,
) -> BoolArray:
    found = np.empty(spot.shape[0], dtype=np.bool_)
    for i in range(spot.shape[0]):
        found[i] = not is_regular(spot[i], strike[i], tau[i], rate[i], dividend_yield[i], volatility[i])
    return found


@primitive
def _common(S: float, K: float, tau: float, r: float, q: float, sigma: float) -> tuple[float, ...]:
    """Return what all Greeks share; one division serves every reciprocal."""
    sqrt_tau = np.sqrt(tau)
    a = sigma * sqrt_tau
    inverse = 1.0 / (a * S)
    inv_S = inverse * a
    inv_a = inverse * S
    inv_sigma = inv_a * sqrt_tau
    inv_sqrt_tau = inv_a * sigma
    half_inv_tau = 0.5 * inv_sqrt_tau * inv_sqrt_tau
    d1 = (log_ratio(S, K) + (r - q) * tau) * inv_a + 0.5 * a
    d2 = d1 - a
    D_q = exp_(-q * tau)
    return sqrt_tau, inv_S, inv_a, inv_sigma, half_inv_tau, d1, d2, D_q, D_q * normal_density(d1)


@primitive
def _prepare(first: np.uintp, last: np.uintp, inputs: tuple[FloatArray, ...], out: tuple[FloatArray, ...]) -> int:
    """Fill the first eight outputs, as scratch, with what all Greeks of a block share; return what is irregular."""
    spot, strike, tau, rate, dividend_yield, volatility = inputs
    D_q, d1, inv_a, sqrt_tau, n, discounted_K, m1, m2 = out[:8]
    irregular = 0
    for i in range(first, last):
        S, K, t, r, q, sigma = spot[i], strike[i], tau[i], rate[i], dividend_yield[i], volatility[i]
        irregular += 0 if is_regular(S, K, t, r, q, sigma) else 1
        root = np.sqrt(t)
        a = sigma * root
        inverse = 1.0 / a
        d1[i] = (log_ratio(S, K) + (r - q) * t) * inverse + 0.5 * a
        inv_a[i] = inverse
        sqrt_tau[i] = root
    for i in range(first, last):
        D = exp_(-dividend_yield[i] * tau[i])
        D_q[i] = D
        n[i] = D * normal_density(d1[i])
        discounted_K[i] = strike[i] * exp_(-rate[i] * tau[i])
    for i in range(first, last):
        d = d1[i]
        m1[i], m2[i] = mills_pair(abs(d), abs(d - volatility[i] * sqrt_tau[i]))
    return irregular


@primitive
def _combine(
    first: np.uintp, last: np.uintp, inputs: tuple[FloatArray, ...], is_call: BoolArray, out: tuple[FloatArray, ...]
) -> None:
    """Fill a block of all outputs from what `_prepare` left in the first eight."""
    spot, _, tau, rate, dividend_yield, volatility = inputs
    price, delta, gamma, vega, theta, rho, psi, vanna = out[:8]
    charm, vomma, veta, speed, color, zomma, ultima, vanna_decay = out[8:]
    for i in range(first, last):
        S, t, r, q, sigma = spot[i], tau[i], rate[i], dividend_yield[i], volatility[i]
        D_q, d1, inv_a, sqrt_tau = price[i], delta[i], gamma[i], vega[i]
        n, discounted_K, m1, m2 = theta[i], rho[i], psi[i], vanna[i]
        eta = 1.0 if is_call[i] else -1.0
        d2 = d1 - sigma * sqrt_tau
        inv_S = 1.0 / S
        inv_sigma = inv_a * sqrt_tau
        half_inv_tau = 0.5 * (inv_a * sigma) ** 2
        # N(-|d|) through Mills' ratio; S D_q phi(d1) = K D_r phi(d2) lets one density serve both tails.
        N1 = eta * (D_q - n * m1 if eta * d1 > 0.0 else n * m1)
        strike_leg = eta * (discounted_K - S * n * m2 if eta * d2 > 0.0 else S * n * m2)
        b_a = (r - q) * inv_a
        m = b_a - d2 * half_inv_tau  # d(d1)/dtau
        d12 = d1 * d2
        G = n * inv_S * inv_a
        V = S * n * sqrt_tau
        price[i] = S * N1 - strike_leg
        delta[i] = N1
        gamma[i] = G
        vega[i] = V
        theta[i] = q * S * N1 - r * strike_leg - V * sigma * half_inv_tau
        rho[i] = t * strike_leg
        psi[i] = -t * S * N1
        vanna[i] = -n * d2 * inv_sigma
        charm[i] = q * N1 - n * m
        vomma[i] = V * d12 * inv_sigma
        veta[i] = V * (q - half_inv_tau + d1 * m)
        speed[i] = -G * inv_S * (d1 * inv_a + 1.0)
        color[i] = G * (q + half_inv_tau + d1 * m)
        zomma[i] = G * (d12 - 1.0) * inv_sigma
        ultima[i] = -V * inv_sigma * inv_sigma * (d12 * (1.0 - d12) + d1 * d1 + d2 * d2)
        vanna_decay[i] = n * inv_sigma * (b_a - d1 * half_inv_tau - d2 * (q + d1 * m))


@kernel(F64, F64, F64, F64, F64, F64, BOOL, outputs(len(_NAMES)), returns=INT)
def _fill_greeks(
    spot: FloatArray,
    strike: FloatArray,
    tau: FloatArray,
    rate: FloatArray,
    dividend_yield: FloatArray,
    volatility: FloatArray,
    is_call: BoolArray,
    out: tuple[FloatArray, ...],
) -> int:
    """Fill all arrays by blocks and return for how many contracts the formulas do not hold, -1 where arrays overlap."""
    inputs = (spot, strike, tau, rate, dividend_yield, volatility)
    if overlapping(inputs, is_call, out):
        return -1
    size = spot.shape[0]
    irregular = 0
    for start in range(0, size, _BLOCK):
        # An unsigned index cannot mean "from the end", a possibility that would forbid SIMD.
        first, last = np.uintp(start), np.uintp(min(start + _BLOCK, size))
        irregular += _prepare(first, last, inputs, out)
        _combine(first, last, inputs, is_call, out)
    return irregular


@kernel(F64, F64, F64, F64, F64, F64, BOOL, outputs(len(_EXPOSURE_NAMES)), returns=INT)
def _fill_exposure_greeks(
    spot: FloatArray,
    strike: FloatArray,
    tau: FloatArray,
    rate: FloatArray,
    dividend_yield: FloatArray,
    volatility: FloatArray,
    is_call: BoolArray,
    out: tuple[FloatArray, ...],
) -> int:
    delta, gamma, vanna, charm = out
    inputs = (spot, strike, tau, rate, dividend_yield, volatility)
    if overlapping(inputs, is_call, out):
        return -1
    irregular = 0
    for i in range(spot.shape[0]):
        S, K, t, r, q, sigma = spot[i], strike[i], tau[i], rate[i], dividend_yield[i], volatility[i]
        eta = 1.0 if is_call[i] else -1.0
        irregular += 0 if is_regular(S, K, t, r, q, sigma) else 1
        _, inv_S, inv_a, inv_sigma, half_inv_tau, d1, d2, D_q, n = _common(S, K, t, r, q, sigma)
        tail = n * mills(abs(d1))
        N1 = eta * (D_q - tail if eta * d1 > 0.0 else tail)
        delta[i] = N1
        gamma[i] = n * inv_S * inv_a
        vanna[i] = -n * d2 * inv_sigma
        charm[i] = q * N1 - n * ((r - q) * inv_a - d2 * half_inv_tau)
    return irregular
