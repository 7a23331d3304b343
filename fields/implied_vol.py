"""Black implied volatility of many European options at once.

The price is brought to the out-of-the-money side, a guess comes from the inverse of Bachelier's price (below the point
of inflection) or of the normal distribution (above), and a fixed number of Householder steps of third order follows:
no branch, no search, so the loop is SIMD.
"""

# ruff: noqa: FURB136  # min and max drop NaN
from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fields.columns import as_columns
from fields.jit import BOOL, F64, INT, OUT, kernel, outputs, primitive
from fields.primitives import INV_SQRT_2PI, exp_, log_of, log_parts, log_ratio, mills, mills_pair
from market.chains import BoolArray, FloatArray

__all__ = ["ImpliedVol", "IvStatus", "implied_volatility"]

# Short loops over a block overlap better in the processor than one long loop; the block stays in its first cache.
_BLOCK = 256
_SCRATCH = 5
_STEPS = 3
_SQRT_2PI = 2.5066282746310002
_LN_SQRT_2PI = 0.9189385332046727


class IvStatus(IntEnum):
    """Whether a price has an implied volatility, and if not, why."""

    OK = 0
    BELOW_INTRINSIC = 1  # at or below the discounted intrinsic value
    ABOVE_BOUND = 2  # at or above the discounted forward (call) or strike (put)
    EXPIRED = 3  # no time left
    NOT_A_NUMBER = 4  # an input is NaN or infinite, or a forward, strike or discount is not above 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedVol:
    """Implied volatilities and why one is missing; both arrays have shape ``(n_contracts,)``.

    Parameters
    ----------
    volatility : ndarray
        Annualised fractions; NaN where there is none.
    status : ndarray of int8
        `IvStatus` of each contract.
    """

    volatility: FloatArray
    status: NDArray[np.int8]


def implied_volatility(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    discount: ArrayLike,
    is_call: ArrayLike,
) -> ImpliedVol:
    """Return the volatility at which Black's formula gives a price.

    Parameters
    ----------
    price : array_like, scalar or shape (n_contracts,)
        Present value per unit of the underlying, USD.
    forward, strike : array_like
        USD, > 0.
    tau : array_like
        Time to expiry, years.
    discount : array_like
        Discount factor to expiry, > 0.
    is_call : array_like of bool
        True for calls.

    Returns
    -------
    ImpliedVol
        Volatility, NaN where the price lies outside the open no-arbitrage interval, and the status that says so.

    Notes
    -----
    The relative error is that of the price times its condition number, down to prices of 1e-300 of the forward. The
    time value of an option in the money inherits the rounding of price minus intrinsic value.
    """
    flags, (p, F, K, t, D) = as_columns(
        is_call, price=price, forward=forward, strike=strike, tau=tau, discount=discount
    )
    volatility = np.empty(p.shape[0])
    status = np.zeros(p.shape[0], dtype=np.int8)
    scratch = tuple(np.empty((_SCRATCH, _BLOCK)))
    if _fill_volatility(p, F, K, t, D, flags, scratch, volatility):
        missing = np.flatnonzero(np.isnan(volatility))
        status[missing] = _reasons(p[missing], F[missing], K[missing], t[missing], D[missing], flags[missing])
    return ImpliedVol(volatility=volatility, status=status)


def _reasons(
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    tau: FloatArray,
    discount: FloatArray,
    is_call: BoolArray,
) -> NDArray[np.int8]:
    usable = np.isfinite(price + forward + strike + tau + discount) & (forward > 0) & (strike > 0) & (discount > 0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        undiscounted = price / discount
    above = undiscounted >= np.where(is_call, forward, strike)
    return np.select(
        [~usable, tau <= 0, above],
        [IvStatus.NOT_A_NUMBER, IvStatus.EXPIRED, IvStatus.ABOVE_BOUND],
        IvStatus.BELOW_INTRINSIC,
    ).astype(np.int8)


@primitive
def _lower_guess(x: float, beta: float) -> float:
    """Return s = x / h where h solves Bachelier's (phi(h) - h N(-h)) / h = beta / x, to 0.2 %."""
    q = log_ratio(x + _SQRT_2PI * beta, _SQRT_2PI * beta)
    w = (q - 4.0) / (q + 4.0)
    p = -0.11770215631346115
    p = p * w + 0.006636003739329497
    p = p * w + 0.043376255466893276
    p = p * w + 0.010985064484071525
    p = p * w + 0.30349247155233233
    p = p * w + 0.4991192927376051
    p = p * w + 1.2859394460313198
    c = q * p  # h^2 + h = c, solved without cancellation
    return x * (1.0 + math.sqrt(1.0 + 4.0 * c)) / (2.0 * c)


@primitive
def _upper_guess(log_tail: float) -> float:
    """Return -2 N^-1(tail), tail <= 1/2, to 1e-3 (Abramowitz and Stegun 26.2.23)."""
    u = math.sqrt(-2.0 * log_tail)
    numerator = 2.515517 + u * (0.802853 + u * 0.010328)
    denominator = 1.0 + u * (1.432788 + u * (0.189269 + u * 0.001308))
    return 2.0 * (u - numerator / denominator)


@primitive
def _householder(s: float, x: float, target: float, inverse_target: float, ceiling: float) -> float:
    """Return s after one step on 1/ln b (lower branch) or ln(ceiling - b) (upper branch).

    ``target`` is ln beta < 0 on the lower branch and ``ceiling - beta`` > 0 on the upper one.
    """
    is_lower = target < 0.0
    inv_s = 1.0 / s
    h = x * inv_s
    t = 0.5 * s
    exponent = -0.5 * (h * h + t * t)
    slope = INV_SQRT_2PI * exp_(exponent)  # db/ds
    m1, m2 = mills_pair(abs(h - t), h + t)
    outside = h >= t
    # Either b or its complement is a sum without cancellation; ln b never underflows where it is small.
    complement = slope * (m1 + m2)
    scaled = m1 - m2 if outside else ceiling - complement
    complement = ceiling - slope * scaled if outside else complement
    value = scaled if is_lower else complement
    change = (1.0 if outside else slope) if is_lower else -slope
    # One division for the logarithm, for its derivative D and for 1 / D.
    difference, total, shift = log_parts(value, 1.0 if is_lower else target)
    product = value * change
    inverse = 1.0 / (product * total)
    L = log_of(difference * product * inverse, shift)
    L = L + (exponent - _LN_SQRT_2PI if outside else 0.0) if is_lower else L
    D = change * change * (total * inverse)
    inv_D = value * value * (total * inverse)
    # The step is Newton's; with nu = step / L no term needs 1 / L.
    nu = (target - L) * inverse_target * inv_D if is_lower else 0.0
    step = L * nu if is_lower else -L * inv_D
    hs = h * inv_s
    bend = h * hs - 0.5 * t - D
    first = bend * step - 2.0 * D * nu
    second = first * first - step * (step * (3.0 * hs * hs + 0.25 + D * bend) + 2.0 * D * bend * nu)
    second = second + 2.0 * (D * nu) ** 2
    moved = step * (1.0 + 0.5 * first) / (1.0 + first + second / 6.0)
    # A bad guess may not leave the domain.
    moved = -0.5 * s if moved < -0.5 * s else moved
    return s + (s if moved > s else moved)


@primitive
def _prepare(
    first: np.uintp,
    count: np.uintp,
    inputs: tuple[FloatArray, ...],
    is_call: BoolArray,
    scratch: tuple[FloatArray, ...],
) -> int:
    """Fill the scratch arrays of a block, the guess among them, and return how many have no volatility."""
    price, forward, strike, tau, discount = inputs
    moneyness, ceilings, targets, inverse_targets, s = scratch
    missing = 0
    for k in range(count):
        i = first + k
        F, K, t = forward[i], strike[i], tau[i]
        lead = F - K if is_call[i] else K - F
        smaller = K if F > K else F
        time_value = price[i] / discount[i] - (lead if lead > 0.0 else 0.0)
        valid = (
            (time_value > 0.0)
            & (time_value < smaller)
            & (t > 0.0)
            & (discount[i] > 0.0)
            & (F > 0.0)
            & (K > 0.0)
            & ((F + K + t + discount[i]) * 0.0 == 0.0)
        )
        missing += 0 if valid else 1
        inv_root = 1.0 / math.sqrt(F * K)
        ceiling = smaller * inv_root
        beta = time_value * inv_root
        x = abs(log_ratio(F, K))
        ceilings[k] = ceiling
        moneyness[k] = x if valid else np.nan
        # The branch point s = sqrt(2 x), where b has its inflection and d1 = 0.
        inflection = ceiling * (0.5 - INV_SQRT_2PI * mills(math.sqrt(2.0 * x)))
        is_lower = beta < inflection
        log_tail = log_ratio(beta if is_lower else 0.5 * (ceiling - beta), 1.0)
        low = _lower_guess(x, beta)
        low = _lower_guess(x, beta * exp_(0.125 * low * low))
        s[k] = low if is_lower else _upper_guess(log_tail)
        targets[k] = log_tail if is_lower else ceiling - beta
        inverse_targets[k] = 1.0 / targets[k]
    return missing


@kernel(F64, F64, F64, F64, F64, BOOL, outputs(_SCRATCH), OUT, returns=INT)
def _fill_volatility(
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    tau: FloatArray,
    discount: FloatArray,
    is_call: BoolArray,
    scratch: tuple[FloatArray, ...],
    volatility: FloatArray,
) -> int:
    """Fill the volatilities block by block and return how many are missing; `scratch` are arrays of one block."""
    moneyness, ceilings, targets, inverse_targets, s = scratch
    inputs = (price, forward, strike, tau, discount)
    missing = 0
    for start in range(0, price.shape[0], _BLOCK):
        # An unsigned index cannot mean "from the end", a possibility that would forbid SIMD.
        first, count = np.uintp(start), np.uintp(min(_BLOCK, price.shape[0] - start))
        missing += _prepare(first, count, inputs, is_call, scratch)
        for _ in range(_STEPS):
            for k in range(count):
                s[k] = _householder(s[k], moneyness[k], targets[k], inverse_targets[k], ceilings[k])
        for k in range(count):
            volatility[first + k] = s[k] / math.sqrt(tau[first + k])
    return missing
