"""Dealer feedback: how much hedging damps or amplifies a move, and which regime that is (requirements 2.3)."""

from __future__ import annotations

from math import isfinite, nan

import numpy as np

from fields.snapshot import Feedback, RegimeReading
from market.chains import FloatArray

__all__ = ["amplification", "feedback_of", "feedback_x", "regime_reading"]

_PER_CENT = 100.0
# A = 1.5, from where a move grows by half or more.
_CRITICAL = -1.0 / 3.0


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
