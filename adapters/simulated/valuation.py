"""The market's own option values: a variance clock, an SSVI smile and Black-76, vectorised over all contracts.

It shares no code with the field engine on purpose, so that each checks the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from market.chains import FloatArray

__all__ = ["SESSION_SHARE", "YEAR_NS", "Rates", "Smile", "Valuation", "sessions_to_expiry", "value_strikes"]

YEAR_NS = 365.0 * 86_400.0 * 1e9
# Share of a day's variance that falls into the session; close-to-open moves of US indices carry roughly the rest.
SESSION_SHARE = 0.75
_SESSIONS_PER_YEAR = 252.0
_SQRT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, slots=True, kw_only=True)
class Smile:
    """Parameters of the volatility model, one value per series.

    Parameters
    ----------
    long_run, reversion : ndarray, shape (n_series,)
        Level and speed to which the instantaneous variance reverts.
    rho, eta : ndarray, shape (n_series,)
        Skew and width of the SSVI smile.
    """

    long_run: FloatArray
    reversion: FloatArray
    rho: FloatArray
    eta: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Carry, one value per series.

    Parameters
    ----------
    rate, dividend_yield : ndarray, shape (n_series,)
        Continuously compounded, per year (ACT/365).
    """

    rate: FloatArray
    dividend_yield: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """True values of all contracts at one instant.

    Contracts stand in pairs: the call of a strike at even places, its put after it. Shapes: series ``(n_series,)``,
    strikes ``(n_strikes,)``, contracts ``(2 n_strikes,)``.

    Parameters
    ----------
    forward, discount, tau : ndarray, shape (n_series,)
        True forward, discount factor and time to expiry in years (ACT/365).
    volatility : ndarray, shape (n_strikes,)
        True implied volatility on the ACT/365 clock.
    standardised_moneyness : ndarray, shape (n_strikes,)
        ``ln(K / F)`` in standard deviations to expiry.
    price, delta, gamma, vega : ndarray, shape (2 n_strikes,)
        Per unit of the underlying; delta and gamma in spot, vega per 1.00 of volatility.
    """

    forward: FloatArray
    discount: FloatArray
    tau: FloatArray
    volatility: FloatArray
    standardised_moneyness: FloatArray
    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray


def sessions_to_expiry(session_fraction_left: float, sessions_ahead: NDArray[np.int64]) -> FloatArray:
    """Return variance time to the close of a session, in years of 252 sessions.

    Parameters
    ----------
    session_fraction_left : float
        Part of the running session that is left, 0 to 1.
    sessions_ahead : ndarray of int64, shape (n_series,)
        Sessions between the running one (0) and the one that settles the series.

    Returns
    -------
    ndarray, shape (n_series,)
        A session weighs 0.75 of a day and the night before it 0.25, so the clock runs on while the exchange is open
        and a weekend counts as one night.
    """
    ahead = sessions_ahead.astype(np.float64)
    return (SESSION_SHARE * session_fraction_left + ahead) / _SESSIONS_PER_YEAR


def value_strikes(
    *,
    spot: FloatArray,
    volatility: FloatArray,
    tau: FloatArray,
    variance_time: FloatArray,
    smile: Smile,
    rates: Rates,
    strike: FloatArray,
    log_strike: FloatArray,
    series_of: NDArray[np.int64],
) -> Valuation:
    """Value the call and the put of every strike.

    Parameters
    ----------
    spot, volatility : ndarray, shape (n_series,)
        Spot and instantaneous volatility of the series' underlying.
    tau, variance_time : ndarray, shape (n_series,)
        Time to expiry in years (ACT/365), and on the variance clock; both > 0.
    smile : Smile
        Volatility model.
    rates : Rates
        Carry.
    strike, log_strike : ndarray, shape (n_strikes,)
        Strikes and their logarithms.
    series_of : ndarray of int64, shape (n_strikes,)
        Series of each strike.

    Returns
    -------
    Valuation
        Prices by Black-76 at the smile's volatility.

    Notes
    -----
    At-the-money total variance is the expected variance of a mean-reverting process,
    ``theta(T) = v_inf T + (v_0 - v_inf)(1 - exp(-a T)) / a``, which rises with T: no calendar arbitrage.
    The smile of Gatheral and Jacquier [1]_ is
    ``w(k) = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2))`` with
    ``phi = eta / sqrt(theta (1 + theta))``; ``eta (1 + |rho|) <= 2`` excludes butterfly arbitrage.

    References
    ----------
    .. [1] J. Gatheral and A. Jacquier, Arbitrage-free SVI volatility surfaces, Quantitative Finance 14 (2014) 59-71.
    """
    forward = spot * np.exp((rates.rate - rates.dividend_yield) * tau)
    discount = np.exp(-rates.rate * tau)
    settled = smile.long_run**2
    theta = settled * variance_time + (volatility**2 - settled) * -np.expm1(-smile.reversion * variance_time) / (
        smile.reversion
    )
    phi = smile.eta / np.sqrt(theta * (1.0 + theta))
    k = log_strike - np.log(forward)[series_of]
    rho = smile.rho[series_of]
    scaled = phi[series_of] * k
    width = np.sqrt((scaled + rho) ** 2 + (1.0 - rho * rho))
    deviation = np.sqrt((0.5 * theta)[series_of] * (1.0 + rho * scaled + width))
    z = k / deviation
    return _black(
        forward=forward,
        discount=discount,
        tau=tau,
        carry=(discount * forward / spot)[series_of],
        spot=spot[series_of],
        strike=strike,
        deviation=deviation,
        z=z,
        series_of=series_of,
    )


def _black(
    *,
    forward: FloatArray,
    discount: FloatArray,
    tau: FloatArray,
    carry: FloatArray,
    spot: FloatArray,
    strike: FloatArray,
    deviation: FloatArray,
    z: FloatArray,
    series_of: NDArray[np.int64],
) -> Valuation:
    d1 = 0.5 * deviation - z
    cdf1 = ndtr(d1)
    forward_value = carry * spot
    strike_value = discount[series_of] * strike
    call = forward_value * cdf1 - strike_value * ndtr(d1 - deviation)
    density = np.exp(-0.5 * d1 * d1) * (1.0 / _SQRT_2PI)
    root_tau = np.sqrt(tau)[series_of]
    price = np.empty(2 * strike.size)
    # Parity to the last bit of a double: 1e-12 of the strike, far below a tick.
    np.maximum(call, 0.0, out=price[0::2])
    np.maximum(call - forward_value + strike_value, 0.0, out=price[1::2])
    delta = np.empty_like(price)
    delta[0::2] = carry * cdf1
    delta[1::2] = delta[0::2] - carry
    return Valuation(
        forward=forward,
        discount=discount,
        tau=tau,
        volatility=deviation / root_tau,
        standardised_moneyness=z,
        price=price,
        delta=delta,
        gamma=np.repeat(carry * density / (spot * deviation), 2),
        vega=np.repeat(forward_value * density * root_tau, 2),
    )
