"""Dealer feedback: how much hedging damps or amplifies a move, and which regime that is (requirements 2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, isfinite, nan, sqrt
from statistics import NormalDist

import numpy as np

from fields.snapshot import Feedback, RegimeReading
from market.chains import FloatArray

__all__ = [
    "FeedbackUncertainty",
    "amplification",
    "feedback_of",
    "feedback_probability",
    "feedback_uncertainty",
    "feedback_x",
    "feedback_x_error",
    "regime_reading",
]

_PER_CENT = 100.0
# A = 1.5, from where a move grows by half or more.
_CRITICAL = -1.0 / 3.0
# From below, the borders of the states and the states between them.
_BORDERS = (-1.0, _CRITICAL, 0.0)
_STATES = (Feedback.UNSTABLE, Feedback.CRITICAL, Feedback.SHORT_STABLE, Feedback.LONG_DAMPING)


def _normal(z: float) -> float:
    # One number at a time: the standard library is exact, and a process that only passes messages loads no SciPy.
    return 0.5 * erfc(-z / sqrt(2.0))


def feedback_x(gamma_usd_per_pct: FloatArray | float, impact_return_per_usd: float) -> FloatArray:
    """Return the loop gain ``x = impact * dollar gamma per 100 %``.

    Parameters
    ----------
    gamma_usd_per_pct : ndarray or float
        Dealer gamma, USD of delta per 1 % move, + dealers long.
    impact_return_per_usd : float
        Fractional price move per USD traded (0.01 is 1 %); NaN where unknown.

    Returns
    -------
    ndarray
        Dimensionless. A move ``r`` makes dealers trade ``-100 gamma r`` USD, which moves the price by ``-x r``.
    """
    return np.asarray(impact_return_per_usd * _PER_CENT * gamma_usd_per_pct, dtype=np.float64)


def amplification(x: FloatArray | float) -> FloatArray:
    """Return ``A = 1 / (1 + x)``, the factor by which hedging multiplies an outside move.

    Parameters
    ----------
    x : ndarray or float
        Loop gain.

    Returns
    -------
    ndarray
        A; NaN where x is unknown, or at most -1, where the linear feedback has no stable solution.
    """
    stable = np.asarray(x, dtype=np.float64) > -1.0
    return np.asarray(1.0 / np.where(stable, 1.0 + x, nan))


def feedback_of(x: float) -> Feedback:
    """Return the regime of a loop gain.

    Parameters
    ----------
    x : float
        Loop gain; NaN where unknown.

    Returns
    -------
    Feedback
        ``LONG_DAMPING`` from 0, ``SHORT_STABLE`` above -1/3, ``CRITICAL`` above -1, ``UNSTABLE`` from there down.
    """
    if not isfinite(x):
        return Feedback.UNKNOWN
    if x >= 0.0:
        return Feedback.LONG_DAMPING
    if x > _CRITICAL:
        return Feedback.SHORT_STABLE
    return Feedback.CRITICAL if x > -1.0 else Feedback.UNSTABLE


def regime_reading(gamma_usd_per_pct: float, impact_return_per_usd: float, impact_source: str) -> RegimeReading:
    """Return the dealer feedback at spot.

    Parameters
    ----------
    gamma_usd_per_pct : float
        Net dealer gamma at spot, USD per 1 %.
    impact_return_per_usd : float
        Fractional price move per USD; NaN where unknown.
    impact_source : str
        Where the impact comes from.

    Returns
    -------
    RegimeReading
        With ``UNKNOWN`` and NaN where gamma or impact is missing.
    """
    x = impact_return_per_usd * _PER_CENT * gamma_usd_per_pct
    return RegimeReading(
        amplification=1.0 / (1.0 + x) if x > -1.0 else nan,
        feedback_x=x,
        feedback=feedback_of(x),
        impact_return_per_usd=impact_return_per_usd,
        impact_source=impact_source,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackUncertainty:
    """How well the loop gain and the amplification are known.

    Parameters
    ----------
    x : float
        Loop gain.
    x_standard_error : float
        Its standard error.
    amplification_standard_error : float
        By the delta method, ``A^2`` times that of x; NaN where x <= -1.
    amplification_low, amplification_high : float
        Interval of A from that of x. The upper end is NaN where the interval of x reaches -1, beyond which no stable
        answer exists: A is then not bounded from above.
    confidence : float
        Probability of the interval.
    limit : float
        Bound of the production guard.
    inside_probability : float
        Probability that x lies between -limit and limit; NaN where a standard error is unknown.
    is_guarded : bool
        Whether that probability reaches the one that is required.
    reason : str
        Why the guard is not met, or why nothing can be said; empty where it is met.
    """

    x: float
    x_standard_error: float
    amplification_standard_error: float
    amplification_low: float
    amplification_high: float
    confidence: float
    limit: float
    inside_probability: float
    is_guarded: bool
    reason: str


def feedback_x_error(gamma_usd_per_pct: float, gamma_error: float, impact: float, impact_error: float) -> float:
    """Return the standard error of the loop gain from those of gamma and impact, taken as independent.

    Parameters
    ----------
    gamma_usd_per_pct, gamma_error : float
        Dealer gamma and its standard error, USD per 1 %.
    impact, impact_error : float
        Impact and its standard error, fraction per USD.

    Returns
    -------
    float
        ``100 sqrt(impact^2 s_g^2 + gamma^2 s_i^2 + s_g^2 s_i^2)``, exact for a product of independent factors;
        NaN where one is unknown.
    """
    first, second = impact * gamma_error, gamma_usd_per_pct * impact_error
    return _PER_CENT * sqrt(first**2 + second**2 + (gamma_error * impact_error) ** 2)


def feedback_probability(x: float, x_error: float, state: Feedback) -> float:
    """Return the probability of a state for a normal loop gain.

    Parameters
    ----------
    x, x_error : float
        Loop gain and its standard error; 0 makes it certain.
    state : Feedback
        The state.

    Returns
    -------
    float
        The four states sum to 1; NaN for ``UNKNOWN``, or where x or its error is unknown.
    """
    if state is Feedback.UNKNOWN or not (isfinite(x) and x_error >= 0.0):
        return nan
    if x_error == 0.0:
        return float(feedback_of(x) is state)
    place = _STATES.index(state)
    above = _normal((_BORDERS[place] - x) / x_error) if place < len(_BORDERS) else 1.0
    below = _normal((_BORDERS[place - 1] - x) / x_error) if place else 0.0
    return above - below


def feedback_uncertainty(
    x: float, x_error: float, *, limit: float = 0.8, required: float = 0.99, confidence: float = 0.95
) -> FeedbackUncertainty:
    """Return the interval of the amplification and the production guard on the loop gain.

    Parameters
    ----------
    x, x_error : float
        Loop gain and its standard error (`feedback_x_error`).
    limit : float, optional
        The guard asks that ``|x|`` stays below it ...
    required : float, optional
        ... with at least this probability.
    confidence : float, optional
        Probability of the interval.

    Returns
    -------
    FeedbackUncertainty
        Not guarded, with a reason, where an error is unknown: fail closed.
    """
    if not (isfinite(x) and isfinite(x_error) and x_error >= 0.0):
        missing = "the loop gain is unknown" if not isfinite(x) else "the loop gain has no standard error"
        return _no_uncertainty(x, confidence, limit, missing)
    inside = float(abs(x) < limit)
    if x_error > 0.0:
        inside = _normal((limit - x) / x_error) - _normal((-limit - x) / x_error)
    half = NormalDist().inv_cdf(0.5 + 0.5 * confidence) * x_error
    # A falls as x rises.
    low, high = (float(amplification(bound)) for bound in (x + half, x - half))
    factor = float(amplification(x))
    met = inside >= required
    return FeedbackUncertainty(
        x=x,
        x_standard_error=x_error,
        amplification_standard_error=factor * factor * x_error,
        amplification_low=low,
        amplification_high=high,
        confidence=confidence,
        limit=limit,
        inside_probability=inside,
        is_guarded=met,
        reason="" if met else f"|x| < {limit:g} with probability {inside:.3f}, {required:g} required",
    )


def _no_uncertainty(x: float, confidence: float, limit: float, reason: str) -> FeedbackUncertainty:
    return FeedbackUncertainty(
        x=x,
        x_standard_error=nan,
        amplification_standard_error=nan,
        amplification_low=nan,
        amplification_high=nan,
        confidence=confidence,
        limit=limit,
        inside_probability=nan,
        is_guarded=False,
        reason=reason,
    )
