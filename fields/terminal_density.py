"""Risk-neutral distribution of the price at one expiry, by one volatility or by the quotes, and the chance of a touch.

These are measures of the market's prices, not forecasts: the density prices the options, and drifts with the forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, final

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import log_ndtr, ndtr

from fields.greeks import greeks
from fields.implied_vol import implied_volatility
from market.chains import BoolArray, FloatArray
from market.errors import NumericsError

__all__ = ["LognormalDensity", "QuotedDensity", "TerminalDensity", "quoted_density", "touch_probability"]

_N_NODES: Final = 513
_DEVIATIONS: Final = 8.0
_MIN_QUOTES: Final = 5
_MAX_LOG_RANGE: Final = 5.0


class TerminalDensity(Protocol):
    """Distribution of the price at an expiry under the measure that prices its options."""

    @property
    def forward(self) -> float:
        """Mean, price units."""

    def cdf(self, price: ArrayLike) -> FloatArray:
        """Return the probability to end at or below prices."""

    def call(self, strike: ArrayLike) -> FloatArray:
        """Return the mean of what the price ends above strikes: undiscounted calls."""

    def nodes(self) -> FloatArray:
        """Return rising prices that resolve the distribution, to integrate a smooth pay-off on."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LognormalDensity:
    """Black's distribution: one volatility for all strikes.

    Parameters
    ----------
    forward : float
        Mean of the price at expiry, > 0.
    tau : float
        Years to expiry, > 0.
    volatility : float
        Annualised, > 0.

    Raises
    ------
    NumericsError
        A number is not finite and above 0.
    """

    forward: float
    tau: float
    volatility: float

    def __post_init__(self) -> None:
        if not (0.0 < self.forward < np.inf and 0.0 < self.tau < np.inf and 0.0 < self.volatility < np.inf):
            raise NumericsError(
                "no lognormal distribution",
                found=f"forward {self.forward}, tau {self.tau}, volatility {self.volatility}",
                expected="finite numbers above 0",
            )

    def cdf(self, price: ArrayLike) -> FloatArray:
        """Return the probability to end at or below prices.

        Parameters
        ----------
        price : array_like
            Prices; 0 and below have probability 0, infinity 1.

        Returns
        -------
        ndarray
            N(-d2).
        """
        K = np.asarray(price, dtype=np.float64)
        a = self.volatility * np.sqrt(self.tau)
        with np.errstate(divide="ignore"):
            d2 = np.log(self.forward / np.maximum(K, 0.0)) / a - 0.5 * a
        return np.asarray(ndtr(-d2))

    def call(self, strike: ArrayLike) -> FloatArray:
        """Return undiscounted call prices.

        Parameters
        ----------
        strike : array_like, shape (n,)
            Strikes, > 0.

        Returns
        -------
        ndarray, shape (n,)
            Black's formula on the forward.
        """
        K = np.atleast_1d(np.asarray(strike, dtype=np.float64))
        return greeks(self.forward, K, self.tau, 0.0, 0.0, self.volatility, np.ones(K.shape[0], dtype=np.bool_)).price

    def nodes(self) -> FloatArray:
        """Return prices over eight deviations on each side."""
        deviation = float(self.volatility * np.sqrt(self.tau))
        return _log_nodes(self.forward, deviation, deviation, deviation)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedDensity:
    """The distribution that quotes imply, on a grid of prices; made by `quoted_density`.

    Parameters
    ----------
    forward : float
        Mean.
    volatility : float
        Annualised, at the forward.
    price : ndarray, shape (n_nodes,)
        Rising prices.
    below : ndarray, shape (n_nodes,)
        Probability to end at or below each, from 0 to 1; linear between them.
    excess : ndarray, shape (n_nodes,)
        Mean of what the price ends above each: undiscounted calls.
    n_repaired : int
        Cells whose probability ran against their neighbours' and was averaged with them.
    """

    forward: float
    volatility: float
    price: FloatArray
    below: FloatArray
    excess: FloatArray
    n_repaired: int

    def cdf(self, price: ArrayLike) -> FloatArray:
        """Return the probability to end at or below prices.

        Parameters
        ----------
        price : array_like
            Prices.

        Returns
        -------
        ndarray
            0 below the first node and 1 above the last.
        """
        return np.interp(np.asarray(price, dtype=np.float64), self.price, self.below)

    def call(self, strike: ArrayLike) -> FloatArray:
        """Return undiscounted call prices: the integral of the probability to end above.

        Parameters
        ----------
        strike : array_like, shape (n,)
            Strikes.

        Returns
        -------
        ndarray, shape (n,)
            Convex and smooth; ``forward - strike`` below the first node and 0 above the last.
        """
        K = np.atleast_1d(np.asarray(strike, dtype=np.float64))
        inside = np.clip(K, self.price[0], self.price[-1])
        after = np.minimum(np.searchsorted(self.price, inside, side="right"), self.price.shape[0] - 1)
        above = 1.0 - 0.5 * (self.cdf(inside) + self.below[after])
        beneath = np.maximum(self.price[0] - K, 0.0)
        return np.asarray(beneath + self.excess[after] + (self.price[after] - inside) * above)

    def nodes(self) -> FloatArray:
        """Return the prices of the grid."""
        return self.price


def quoted_density(
    strike: FloatArray, is_call: BoolArray, mid: FloatArray, *, forward: float, discount: float, tau: float
) -> QuotedDensity | None:
    """Return the distribution that the mids of one expiration imply.

    Parameters
    ----------
    strike : ndarray, shape (n_quotes,)
        Strikes of both rights, in any order, one quote of each.
    is_call : ndarray of bool, shape (n_quotes,)
        Right.
    mid : ndarray, shape (n_quotes,)
        Mids of two-sided quotes, per unit; NaN where there is none.
    forward, discount : float
        Of the expiration.
    tau : float
        Years.

    Returns
    -------
    QuotedDensity or None
        None with fewer than five usable quotes out of the money, or none on one side of the forward.

    Notes
    -----
    Only out-of-the-money quotes count. Their implied total variances are joined linearly over log-moneyness and held
    flat beyond the outermost, and priced on a fine grid; by Breeden and Litzenberger the slope of the call over its
    strike is the probability to end below, less 1. Where noise makes slopes fall, the nearest rising ones in least
    squares stand in (isotonic regression, weighted with the width of the cells, which keeps the mean), within 0 and
    1. So the result is free of butterfly arbitrage, has the forward as its mean, and gives the mids back as far as
    they are.

    References
    ----------
    .. [breeden_litzenberger_1978] docs/references.bib
    """
    usable = (mid > 0.0) & (is_call == (strike >= forward))
    sigma = np.full(strike.shape, np.nan)
    sigma[usable] = implied_volatility(mid[usable], forward, strike[usable], tau, discount, is_call[usable]).volatility
    known = np.flatnonzero(sigma > 0.0)
    K, sigma = strike[known], sigma[known]
    order = np.argsort(K)
    if K.shape[0] < _MIN_QUOTES or not K[order[0]] < forward <= K[order[-1]]:
        return None
    k, w = np.log(K[order] / forward), sigma[order] ** 2 * tau
    centre, low, high = (float(np.sqrt(each)) for each in (np.interp(0.0, k, w), w[0], w[-1]))
    x = _log_nodes(forward, centre, low, high)
    total = np.interp(np.log(x / forward), k, w)
    calls = greeks(forward, x, tau, 0.0, 0.0, np.sqrt(total / tau), np.ones(x.shape[0], dtype=np.bool_)).price
    width = np.diff(x)
    raw = 1.0 + np.diff(calls) / width
    n_repaired = int(np.count_nonzero(raw[1:] < raw[:-1]))
    below = np.clip(isotonic_regression(raw, weights=width).x if n_repaired else raw, 0.0, 1.0)
    # What holds of a cell on average is told at its middle; the ends hold nothing and all.
    knots = np.concatenate((x[:1], 0.5 * (x[1:] + x[:-1]), x[-1:]))
    below = np.concatenate(([0.0], below, [1.0]))
    parts = (1.0 - 0.5 * (below[1:] + below[:-1])) * np.diff(knots)
    excess = np.append(np.cumsum(parts[::-1])[::-1], 0.0)
    # What the tails beyond the nodes and the bounds of a probability take from the mean, a common factor gives back.
    factor = forward / float(knots[0] + excess[0])
    return QuotedDensity(
        forward=forward,
        volatility=float(centre / np.sqrt(tau)),
        price=knots * factor,
        below=below,
        excess=excess * factor,
        n_repaired=n_repaired,
    )


def _log_nodes(forward: float, centre: float, low: float, high: float) -> FloatArray:
    """Return prices out to eight deviations of each wing, dense within two deviations of the centre.

    A wing may have ten times the volatility of the centre: nodes even in logarithms would leave the centre a handful.
    """
    reach = np.minimum(_DEVIATIONS * np.array([low, high]), _MAX_LOG_RANGE)
    scale = 2.0 * centre
    ends = np.arcsinh(reach / scale)
    return np.asarray(forward * np.exp(scale * np.sinh(np.linspace(-ends[0], ends[1], _N_NODES))))


def touch_probability(
    spot: float, barrier: ArrayLike, *, forward: float, tau: float, volatility: ArrayLike
) -> FloatArray:
    """Return the probability that the price touches levels before expiry.

    Parameters
    ----------
    spot : float
        Price now, > 0.
    barrier : array_like, shape (n,)
        Levels, > 0, on either side.
    forward : float
        Of the expiry: what drifts.
    tau : float
        Years, > 0.
    volatility : array_like
        Annualised, > 0; of each level its own is what practice takes.

    Returns
    -------
    ndarray, shape (n,)
        1 at the spot itself; NaN where an input is missing.

    Notes
    -----
    Of a lognormal price that drifts to its forward and is watched without a pause. With ``b = |ln(barrier / spot)|``
    and ``m`` the drift of the logarithm towards the barrier, the reflection principle gives
    ``N((m tau - b) / a) + exp(2 m b / sigma^2) N((-m tau - b) / a)`` with ``a = sigma sqrt(tau)``. Without drift of the
    logarithm that is twice the probability to end beyond, the rule of thumb. It is never less than the probability to
    end beyond at the same volatility. Gaps and closed hours are not in it.

    References
    ----------
    .. [shreve_2004] docs/references.bib
    """
    B, sigma = np.broadcast_arrays(
        np.atleast_1d(np.asarray(barrier, dtype=np.float64)), np.asarray(volatility, dtype=np.float64)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        log_barrier = np.log(B / spot)
        side = np.where(log_barrier >= 0.0, 1.0, -1.0)
        b, a = np.abs(log_barrier), sigma * np.sqrt(tau)
        m_tau = side * (np.log(forward / spot) - 0.5 * a * a)
        direct = ndtr((m_tau - b) / a)
        # In logarithms: far out the factor overflows where its tail underflows.
        reflected = np.exp(2.0 * m_tau * b / (a * a) + log_ndtr(-(m_tau + b) / a))
        found = np.clip(direct + reflected, 0.0, 1.0)
    return np.asarray(np.where(log_barrier == 0.0, 1.0, found))
