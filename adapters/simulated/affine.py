"""Option values under stochastic variance with jumps: the smile that comes with the way the price moves.

Variance is a square-root process that jumps with the price (Duffie, Pan and Singleton, 2000); values are sums of
cosines of its characteristic function (Fang and Oosterlee, 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from market.chains import FloatArray

__all__ = [
    "AffineModel",
    "AffineValues",
    "expected_variance",
    "implied_deviation",
    "log_characteristic",
    "value_affine",
]

ComplexArray = NDArray[np.complex128]

_TERMS = 112
# The sums reach this many deviations, widened by the fourth cumulant, to each side.
_REACH = 9.0
# Where an option is worth less than this share of its forward, the sums' own error shows: the smile goes on from there.
_SMALLEST = 1e-8
_ITERATIONS = 6
_STEP = 0.05  # of the deviation, for cumulants by differences


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineModel:
    """Parameters under which options are valued, one per series; times are years of 252 sessions.

    Parameters
    ----------
    variance : ndarray, shape (n_series,)
        Instantaneous variance now, per year.
    long_run, reversion, vol_of_variance, correlation : ndarray, shape (n_series,)
        Level and speed of reversion of the variance, its volatility per root of variance, and its correlation with the
        price between jumps.
    intensity, jump_mean, jump_deviation, variance_jump : ndarray, shape (n_series,)
        Jumps per year, mean and deviation of the jump of the log price, mean of the exponential jump of the variance.
    """

    variance: FloatArray
    long_run: FloatArray
    reversion: FloatArray
    vol_of_variance: FloatArray
    correlation: FloatArray
    intensity: FloatArray
    jump_mean: FloatArray
    jump_deviation: FloatArray
    variance_jump: FloatArray

    @property
    def mean_jump(self) -> FloatArray:
        """Mean relative jump of the price, shape (n_series,)."""
        mean: FloatArray = np.expm1(self.jump_mean + 0.5 * self.jump_deviation**2)
        return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineValues:
    """Puts per unit of forward and discount, and what follows from them; arrays of shape ``(n_strikes,)``.

    Parameters
    ----------
    put, call : ndarray
        Undiscounted value over forward.
    below : ndarray
        Chance that the price ends below the strike.
    density : ndarray
        Density of the log price there.
    deviation : ndarray
        Black's standard deviation to expiry.
    """

    put: FloatArray
    call: FloatArray
    below: FloatArray
    density: FloatArray
    deviation: FloatArray


def log_characteristic(model: AffineModel, time: FloatArray, u: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
    """Return the logarithm of the characteristic function of ``ln(S_T / F)`` in two parts.

    Parameters
    ----------
    model : AffineModel
        Parameters, shape (n_series,).
    time : ndarray, shape (n_series,)
        Years of 252 sessions to expiry, > 0.
    u : ndarray of complex, shape (n_terms, n_series)
        Arguments.

    Returns
    -------
    quiet, jumps : ndarray of complex, shape (n_terms, n_series)
        The part without jumps, with their compensation; and ``intensity x`` the expected exponential of a jump,
        integrated over its time. The whole is ``quiet + jumps - intensity x time``.

    Notes
    -----
    With ``beta = reversion - correlation vol i u`` and ``d = sqrt(beta^2 + vol^2 (i u + u^2))`` the loading on variance
    is ``D(s) = r (1 - e^(-d s)) / (1 - g e^(-d s))``, ``r = (beta - d) / vol^2``, ``g = (beta - d) / (beta + d)``; the
    integral of ``1 / (1 - variance_jump D(s))`` has a closed form by partial fractions. This form of the square
    root keeps to one branch.
    """
    iu, square = 1j * u, model.vol_of_variance**2
    beta = model.reversion - model.correlation * model.vol_of_variance * iu
    d = np.sqrt(beta * beta + square * (iu + u * u))
    r, g, decay = (beta - d) / square, (beta - d) / (beta + d), np.exp(-d * time)
    loading = r * (1.0 - decay) / (1.0 - g * decay)
    level = model.reversion * model.long_run * (r * time - 2.0 / square * np.log((1.0 - g * decay) / (1.0 - g)))
    quiet = level + loading * model.variance - model.intensity * model.mean_jump * time * iu
    a, b = 1.0 - model.variance_jump * r, g - model.variance_jump * r
    # (g a - b) / (a b) without its zero over zero at u = 0, where the logarithm is zero too.
    share = 2.0 * model.variance_jump * d / (a * (square - model.variance_jump * (beta + d)))
    lasting = time / a + share / d * np.log((1.0 - g) / (a - b * decay))
    jump = np.exp(iu * model.jump_mean - 0.5 * (model.jump_deviation * u) ** 2)
    return quiet, model.intensity * jump * lasting


def expected_variance(model: AffineModel, time: FloatArray) -> FloatArray:
    """Return twice the expected fall of the log price below its forward: the square of a variance index, times `time`.

    Parameters
    ----------
    model : AffineModel
        Parameters, shape (n_series,).
    time : ndarray, shape (n_series,)
        Years of 252 sessions.

    Returns
    -------
    ndarray, shape (n_series,)
        Linear in the instantaneous variance.
    """
    level = model.long_run + model.intensity * model.variance_jump / model.reversion
    quiet = level * time + (model.variance - level) * -np.expm1(-model.reversion * time) / model.reversion
    jumps: FloatArray = 2.0 * model.intensity * time * (model.mean_jump - model.jump_mean)
    return quiet + jumps


def value_affine(
    model: AffineModel, time: FloatArray, log_moneyness: FloatArray, series_of: NDArray[np.int64]
) -> AffineValues:
    """Value a put and a call of every strike.

    Parameters
    ----------
    model : AffineModel
        Parameters, shape (n_series,).
    time : ndarray, shape (n_series,)
        Years of 252 sessions to expiry, > 0.
    log_moneyness : ndarray, shape (n_strikes,)
        ``ln(K / F)``.
    series_of : ndarray of int64, shape (n_strikes,)
        Series of each strike.

    Returns
    -------
    AffineValues
        Exact to about 1e-9 of the forward; below 1e-8 of it values are Black's at the nearest trusted volatility.

    Notes
    -----
    Paths without a jump and paths with jumps are summed apart, each over its own reach: near expiry the one density is
    a thousand times narrower than the other.
    """
    width = np.sqrt(expected_variance(model, time))
    put, below, density = _summed(model, time, width, log_moneyness, series_of, with_jumps=False)
    if model.intensity.any():
        more = _summed(model, time, width, log_moneyness, series_of, with_jumps=True)
        put, below, density = put + more[0], below + more[1], density + more[2]
    return _completed(put, below, density, log_moneyness, width, series_of)


def _density_transform(model: AffineModel, time: FloatArray, u: ComplexArray, *, with_jumps: bool) -> ComplexArray:
    quiet, jumps = log_characteristic(model, time, u)
    none = quiet - model.intensity * time
    transform: ComplexArray = np.exp(none) * np.expm1(jumps) if with_jumps else np.exp(none)
    return transform


def _reach(
    model: AffineModel, time: FloatArray, width: FloatArray, *, with_jumps: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the sums' range: mean and deviations by differences of the logarithm at zero."""
    h = _STEP / width
    u = np.stack([0.0 * h, h, 2.0 * h]).astype(np.complex128)
    transform = _density_transform(model, time, u, with_jumps=with_jumps)
    logs = np.log(transform[1:] / np.maximum(transform[0].real, 1e-300))
    mean = (8.0 * logs[0].imag - logs[1].imag) / (6.0 * h)
    first, second = -2.0 * logs[0].real / h**2, -0.5 * logs[1].real / h**2  # c2 - c4 h^2/12 and c2 - c4 h^2/3
    spread = (4.0 * first - second) / 3.0
    fourth = np.maximum(4.0 * (first - second) / h**2, 0.0)
    half = _REACH * np.sqrt(spread + np.sqrt(fourth))
    return mean - half, mean + half


def _summed(
    model: AffineModel,
    time: FloatArray,
    width: FloatArray,
    log_moneyness: FloatArray,
    series_of: NDArray[np.int64],
    *,
    with_jumps: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    low, high = _reach(model, time, width, with_jumps=with_jumps)
    n = np.arange(_TERMS, dtype=np.float64)[:, None]
    u = n * np.pi / (high - low)
    transform = _density_transform(model, time, u.astype(np.complex128), with_jumps=with_jumps)
    weight = (transform * np.exp(-1j * u * low)).real * (2.0 / (high - low))
    weight[0] *= 0.5
    inverse = np.divide(1.0, u, out=np.zeros_like(u), where=u > 0.0)
    damped = weight / (1.0 + u * u)
    k = np.clip(log_moneyness, low[series_of], high[series_of])
    waves = _harmonics(np.pi * (k - low[series_of]) / (high - low)[series_of])
    weights = np.ascontiguousarray(np.stack((weight * inverse, damped * u, damped, weight)).transpose(2, 0, 1))
    ends = 2 * np.searchsorted(series_of, np.arange(time.size + 1))
    sums = np.empty((4, 2 * k.size))
    for place, (first, last) in enumerate(pairwise(ends.tolist())):
        sums[:, first:last] = weights[place] @ waves[:, first:last]
    cosines, sines = sums[:, 0::2], sums[:, 1::2]
    below = sines[0] + weight[0, series_of] * (k - low[series_of])
    # Mean of exp(y) over what ends below the strike.
    lower = np.exp(low) * damped.sum(axis=0)
    worth = np.exp(k) * (cosines[2] + sines[1]) - lower[series_of]
    return np.exp(log_moneyness) * below - worth, below, np.where(k == log_moneyness, cosines[3], 0.0)


def _harmonics(angle: FloatArray) -> FloatArray:
    """Return cosines and sines, in turns, of all multiples of the angles, shape (n_terms, 2 n_strikes)."""
    turned = np.exp(1j * angle)
    powers = np.empty((_TERMS, angle.size), dtype=np.complex128)
    powers[0] = 1.0
    # The rotation doubles: errors grow with the logarithm of the number of terms, and two cosines cost as many calls.
    known = 1
    while known < _TERMS:
        more = min(known, _TERMS - known)
        np.multiply(powers[:more], powers[known - 1] * turned, out=powers[known : known + more])
        known += more
    turns: FloatArray = powers.view(np.float64)
    return turns


def _completed(
    put: FloatArray,
    below: FloatArray,
    density: FloatArray,
    log_moneyness: FloatArray,
    width: FloatArray,
    series_of: NDArray[np.int64],
) -> AffineValues:
    strike = np.exp(log_moneyness)
    otm = np.where(log_moneyness < 0.0, put, put + 1.0 - strike)
    trusted = otm > _SMALLEST
    deviation = np.empty_like(put)
    deviation[trusted] = implied_deviation(log_moneyness[trusted], otm[trusted])
    _fill(deviation, trusted, log_moneyness, width, series_of)
    far = ~trusted
    d1 = 0.5 * deviation[far] - log_moneyness[far] / deviation[far]
    d2 = d1 - deviation[far]
    put = put.copy()
    put[far] = strike[far] * ndtr(-d2) - ndtr(-d1)
    below[far] = ndtr(-d2)
    density[far] = np.exp(-0.5 * d2 * d2) / (np.sqrt(2.0 * np.pi) * deviation[far])
    return AffineValues(
        put=np.maximum(put, 0.0),
        call=np.maximum(put + 1.0 - strike, 0.0),
        below=below,
        density=np.maximum(density, 0.0),
        deviation=deviation,
    )


def _fill(
    deviation: FloatArray,
    trusted: NDArray[np.bool_],
    log_moneyness: FloatArray,
    width: FloatArray,
    series_of: NDArray[np.int64],
) -> None:
    """Give the far wings the deviation of the nearest trusted strike of their series; strikes rise within a series."""
    places = np.arange(trusted.size)
    known = np.flatnonzero(trusted)
    if not known.size:
        deviation[:] = width[series_of]
        return
    right = np.minimum(np.searchsorted(known, places), known.size - 1)
    left = np.maximum(right - 1, 0)
    candidates = known[np.stack((right, left))]
    foreign = series_of[candidates] != series_of[places]
    distance = np.where(foreign, np.inf, np.abs(log_moneyness[candidates] - log_moneyness))
    best = np.argmin(distance, axis=0)
    found = deviation[candidates[best, places]]
    lost = foreign.all(axis=0)
    deviation[~trusted] = np.where(lost, width[series_of], found)[~trusted]


def implied_deviation(log_moneyness: FloatArray, price: FloatArray) -> FloatArray:
    """Return Black's standard deviation to expiry from values of out-of-the-money options.

    Parameters
    ----------
    log_moneyness : ndarray, shape (n,)
        ``ln(K / F)``.
    price : ndarray, shape (n,)
        Undiscounted value over forward, > 0 and below ``min(1, K / F)``.

    Returns
    -------
    ndarray, shape (n,)
        By Newton's method on ``(-ln price)^(-1/2)``, which is nearly straight in the deviation.
    """
    scaled = price * np.exp(-0.5 * log_moneyness)  # over the root of strike and forward
    size = np.abs(log_moneyness)
    near = np.exp(-0.5 * size)
    aim = 1.0 / np.sqrt(-np.log(scaled))
    found: FloatArray = np.maximum(aim * size / np.sqrt(2.0), np.sqrt(2.0 * np.pi) * scaled)
    for _ in range(_ITERATIONS):
        d1 = 0.5 * found - size / found
        value = near * ndtr(d1) - ndtr(d1 - found) / near
        vega = near / np.sqrt(2.0 * np.pi) * np.exp(-0.5 * d1 * d1)
        value = np.clip(value, 1e-300, 1.0 - 1e-12)
        level = -np.log(value)
        now = 1.0 / np.sqrt(level)
        slope = 0.5 * now**3 * vega / value
        found = np.clip(found - (now - aim) / np.maximum(slope, 1e-300), 0.3 * found, 3.0 * found)
    return found
