"""Limits of the Greeks where the formulas divide by zero: at expiry and without volatility."""

from __future__ import annotations

import numpy as np

from fields.jit import BOOL, F64, OUT_2D, kernel, primitive
from fields.primitives import INV_SQRT_2PI, exp_, log_ratio
from market.chains import BoolArray, FloatArray

__all__ = ["PRICE_MAX", "PRICE_MIN", "TAU_MIN", "VOLATILITY_MIN", "fill_limits", "is_regular"]

# A shorter time (1e-22 s) or a smaller volatility counts as 0; above, no product of the formulas overflows.
TAU_MIN = 1e-30
VOLATILITY_MIN = 1e-12
PRICE_MIN = 1e-150
PRICE_MAX = 1e150

_PRICE, _DELTA, _GAMMA, _VEGA, _THETA, _RHO, _PSI, _VANNA = range(8)
_CHARM, _VOMMA, _VETA, _SPEED, _COLOR, _ZOMMA, _ULTIMA, _VANNA_DECAY = range(8, 16)


@primitive
def is_regular(S: float, K: float, tau: float, r: float, q: float, sigma: float) -> bool:
    """Return whether the formulas hold: everything finite, time and volatility above 0, prices in their range."""
    finite = (tau + sigma + r + q) * 0.0 == 0.0
    positive = (tau >= TAU_MIN) & (sigma >= VOLATILITY_MIN)
    priced = (S >= PRICE_MIN) & (K >= PRICE_MIN) & (S <= PRICE_MAX) & (K <= PRICE_MAX)
    return finite & positive & priced


@primitive
def _signed_infinity(x: float) -> float:
    return np.inf * x if x != 0.0 else 0.0


@primitive
def _fill(row: FloatArray, value: float) -> None:
    # An assignment to a slice would make numba compile the text of its error message.
    for j in range(row.shape[0]):
        row[j] = value


@primitive
def _off_strike(S: float, K: float, tau: float, r: float, q: float, eta: float, row: FloatArray) -> None:
    """Fill the limit of an option that will surely be exercised, or surely not."""
    in_the_money = 1.0 if eta * (log_ratio(S, K) + (r - q) * tau) > 0.0 else 0.0
    spot_leg = eta * in_the_money * S * exp_(-q * tau)
    strike_leg = eta * in_the_money * K * exp_(-r * tau)
    _fill(row, 0.0)
    row[_PRICE] = spot_leg - strike_leg
    row[_DELTA] = eta * in_the_money * exp_(-q * tau)
    row[_THETA] = q * spot_leg - r * strike_leg
    row[_RHO] = tau * strike_leg
    row[_PSI] = -tau * spot_leg
    row[_CHARM] = q * row[_DELTA]


@primitive
def _expiry_at_strike(r: float, q: float, sigma: float, eta: float, row: FloatArray) -> None:
    """Fill the limit tau -> 0 at S = K, where half of the paths end in the money."""
    b = r - q
    _fill(row, 0.0)
    row[_DELTA] = 0.5 * eta
    row[_GAMMA] = np.inf
    row[_THETA] = -np.inf
    row[_CHARM] = -_signed_infinity(2.0 * b + sigma * sigma)
    row[_VETA] = -np.inf
    row[_SPEED] = -_signed_infinity(2.0 * b + 3.0 * sigma * sigma)
    row[_COLOR] = np.inf
    row[_ZOMMA] = -np.inf
    row[_VANNA_DECAY] = _signed_infinity(2.0 * b - sigma * sigma)


@primitive
def _no_volatility_at_forward(S: float, tau: float, r: float, q: float, eta: float, row: FloatArray) -> None:
    """Fill the limit sigma -> 0 where the strike is the forward."""
    b = r - q
    half = 0.5 * eta
    leg = S * exp_(-q * tau)
    density = exp_(-q * tau) * INV_SQRT_2PI
    vega = S * density * np.sqrt(tau)
    _fill(row, 0.0)
    row[_DELTA] = half * exp_(-q * tau)
    row[_GAMMA] = np.inf
    row[_VEGA] = vega
    row[_THETA] = half * (q - r) * leg
    row[_RHO] = half * tau * leg
    row[_PSI] = -half * tau * leg
    row[_VANNA] = 0.5 * density * np.sqrt(tau)
    row[_CHARM] = q * row[_DELTA] - _signed_infinity(b)
    row[_VETA] = vega * (q - 0.5 / tau + 0.5 * b)
    row[_SPEED] = -np.inf
    row[_COLOR] = _signed_infinity(q + 0.5 / tau + 0.5 * b)
    row[_ZOMMA] = -np.inf
    row[_ULTIMA] = -0.25 * vega * tau
    row[_VANNA_DECAY] = density * np.sqrt(tau) * (0.5 * (q + 0.5 * b) - 0.25 / tau) if b == 0.0 else _signed_infinity(b)


@kernel(F64, F64, F64, F64, F64, F64, BOOL, OUT_2D)
def fill_limits(
    spot: FloatArray,
    strike: FloatArray,
    tau: FloatArray,
    rate: FloatArray,
    dividend_yield: FloatArray,
    volatility: FloatArray,
    is_call: BoolArray,
    limits: FloatArray,
) -> None:
    """Fill one row of 16 limits, in the order of `fields.greeks.Greeks`, for each contract that is not regular."""
    for i in range(spot.shape[0]):
        S, K, r, q, row = spot[i], strike[i], rate[i], dividend_yield[i], limits[i]
        eta = 1.0 if is_call[i] else -1.0
        t = 0.0 if 0.0 <= tau[i] < TAU_MIN else tau[i]
        sigma = 0.0 if 0.0 <= volatility[i] < VOLATILITY_MIN else volatility[i]
        if not (is_regular(S, K, 1.0, r, q, 1.0) and (t + sigma) * 0.0 == 0.0 and t >= 0.0 and sigma >= 0.0):
            _fill(row, np.nan)
        elif log_ratio(S, K) + (r - q) * t != 0.0:
            _off_strike(S, K, t, r, q, eta, row)
        elif t == 0.0:
            _expiry_at_strike(r, q, sigma, eta, row)
        else:
            _no_volatility_at_forward(S, t, r, q, eta, row)
