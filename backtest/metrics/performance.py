"""Return, risk and their ratios from a series of simple returns; skewness and tails with their exact definitions."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Final

import numpy as np

from backtest.metrics.days import wealth_of_days
from backtest.metrics.figures import Figure, figure, missing
from market.chains import FloatArray

__all__ = [
    "MIN_RETURNS",
    "calmar_ratio",
    "compound_growth",
    "excess_kurtosis",
    "expected_shortfall",
    "is_constant",
    "sharpe_ratio",
    "skewness",
    "sortino_ratio",
    "total_return",
    "value_at_risk",
    "volatility",
    "why_short",
]

MIN_RETURNS: Final = 20
"""Fewer returns, about a month of days, give no annual figure: its error would exceed any figure that it could show."""

_NO_SPREAD: Final = "the returns do not vary"


def is_constant(returns: FloatArray) -> bool:
    """Return whether the spread of returns is no more than the rounding of their mean."""
    return bool(returns.std() <= 64.0 * np.finfo(np.float64).eps * abs(returns.mean()))


def why_short(returns: FloatArray, *, at_least: int = MIN_RETURNS, must_vary: bool = True) -> str:
    """Return why returns say nothing: too few, not finite or without spread; empty where they do say something."""
    if returns.size < at_least:
        return f"{returns.size} {'return' if returns.size == 1 else 'returns'}; at least {at_least} are needed"
    if not np.isfinite(returns).all():
        return "a return is not finite"
    return _NO_SPREAD if must_vary and is_constant(returns) else ""


def total_return(returns: FloatArray) -> Figure:
    """Return the compounded return over all periods, a fraction."""
    reason = why_short(returns, at_least=1, must_vary=False)
    return missing(reason) if reason else figure(float(np.prod(1.0 + returns)) - 1.0)


def compound_growth(returns: FloatArray, *, periods_per_year: float) -> Figure:
    """Return the compound annual growth rate, a fraction.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns per period.
    periods_per_year : float
        Periods that make a year.

    Returns
    -------
    Figure
        ``(prod(1 + r)) ** (A / n) - 1``. The year is counted in periods that were traded, as in the Sharpe ratio, not
        by the calendar. A total loss gives -1.
    """
    reason = why_short(returns, must_vary=False)
    if reason:
        return missing(reason)
    growth = float(np.prod(1.0 + returns))
    return figure(growth ** (periods_per_year / returns.size) - 1.0) if growth >= 0.0 else missing("wealth below zero")


def volatility(returns: FloatArray, *, periods_per_year: float) -> Figure:
    """Return the annual standard deviation of returns (n - 1), a fraction; independence between periods is assumed."""
    reason = why_short(returns, must_vary=False)
    return missing(reason) if reason else figure(sqrt(periods_per_year) * float(returns.std(ddof=1)))


def sharpe_ratio(returns: FloatArray, *, periods_per_year: float, risk_free: float | FloatArray = 0.0) -> Figure:
    """Return the annual Sharpe ratio of periodic returns.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns per period: days, never trades (EX3).
    periods_per_year : float
        252 for listed markets, 365 for coins; 1 leaves the ratio per period.
    risk_free : float or ndarray, shape (n,)
        Return of the riskless asset over each period.

    Returns
    -------
    Figure
        ``sqrt(A) mean(r - f) / std(r - f)`` with n - 1. Missing for a constant series.

    References
    ----------
    Sharpe (1994), Journal of Portfolio Management 21; Lo (2002), Financial Analysts Journal 58.
    """
    excess = returns - risk_free
    reason = why_short(excess)
    return missing(reason) if reason else figure(sqrt(periods_per_year) * float(excess.mean() / excess.std(ddof=1)))


def sortino_ratio(returns: FloatArray, *, periods_per_year: float, target: float | FloatArray = 0.0) -> Figure:
    """Return the annual Sortino ratio about a target.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns per period.
    periods_per_year : float
        As `sharpe_ratio`.
    target : float or ndarray, shape (n,)
        Return per period that is aimed at.

    Returns
    -------
    Figure
        ``sqrt(A) mean(r - t) / sqrt(mean(min(r - t, 0)^2))``: the root takes all periods, not only those below the
        target. Missing where none lies below, because the downside is then unknown and not 0.

    References
    ----------
    Sortino and van der Meer (1991), Journal of Portfolio Management 17.
    """
    excess = returns - target
    reason = why_short(excess)
    if reason:
        return missing(reason)
    downside = sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    if downside == 0.0:
        return missing("no return lies below the target")
    return figure(sqrt(periods_per_year) * float(excess.mean()) / downside)


def calmar_ratio(returns: FloatArray, *, periods_per_year: float, drawdown: float | None = None) -> Figure:
    """Return compound growth over the largest drawdown.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns per period.
    periods_per_year : float
        As `sharpe_ratio`.
    drawdown : float, optional
        Largest drawdown where it was measured at finer marks; else that of the periods.

    Returns
    -------
    Figure
        Missing where nothing was ever lost.
    """
    growth = compound_growth(returns, periods_per_year=periods_per_year)
    if growth.reason:
        return growth
    index = wealth_of_days(returns)
    deepest = float(np.max(1.0 - index / np.maximum.accumulate(index))) if drawdown is None else drawdown
    return figure(growth.value / deepest) if deepest > 0.0 else missing("no drawdown")


def _moment(returns: FloatArray, order: int) -> float:
    centred = returns - returns.mean()
    return float(np.mean(centred**order) / np.mean(centred * centred) ** (order / 2.0))


def skewness(returns: FloatArray) -> Figure:
    """Return the third standardised moment of the sample, without correction for its size."""
    reason = why_short(returns)
    return missing(reason) if reason else figure(_moment(returns, 3))


def excess_kurtosis(returns: FloatArray) -> Figure:
    """Return the fourth standardised moment of the sample less 3, without correction for its size."""
    reason = why_short(returns)
    return missing(reason) if reason else figure(_moment(returns, 4) - 3.0)


def value_at_risk(returns: FloatArray, *, level: float = 0.95) -> Figure:
    """Return the historical loss that is exceeded in at most a share ``1 - level`` of periods.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns per period.
    level : float
        Such as 0.95; needs at least ``1 / (1 - level)`` returns.

    Returns
    -------
    Figure
        A fraction, positive for a loss: the smallest loss that no more than ``1 - level`` of the returns exceed. No
        distribution is assumed, so it can be no worse than what the sample has seen.
    """
    tail = (1.0 - level) * returns.size
    reason = why_short(returns, at_least=max(MIN_RETURNS, ceil(1.0 / (1.0 - level) - 1e-9)), must_vary=False)
    return missing(reason) if reason else figure(-float(np.sort(returns)[floor(tail + 1e-9)]))


def expected_shortfall(returns: FloatArray, *, level: float = 0.95) -> Figure:
    """Return the mean loss in the worst share ``1 - level`` of periods.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns per period.
    level : float
        As `value_at_risk`.

    Returns
    -------
    Figure
        A fraction, positive for a loss; the return at the edge counts with the part of it that lies in the share.

    References
    ----------
    Rockafellar and Uryasev (2002), Journal of Banking and Finance 26.
    """
    edge = value_at_risk(returns, level=level)
    if edge.reason:
        return edge
    ordered = np.sort(returns)
    tail = (1.0 - level) * returns.size
    whole = floor(tail + 1e-9)
    return figure(-(float(ordered[:whole].sum()) + (tail - whole) * float(ordered[whole])) / tail)
