"""Ratios over a moving window of days: how steady what the whole run shows was on the way."""

from __future__ import annotations

import numpy as np

from backtest.metrics.days import DailyReturns
from market.chains import FloatArray

__all__ = ["rolling_sharpe", "rolling_volatility"]


def rolling_sharpe(
    daily: DailyReturns, window: int, *, periods_per_year: float, risk_free: float | FloatArray = 0.0
) -> FloatArray:
    """Return the Sharpe ratio a year of each window of days.

    Parameters
    ----------
    daily : DailyReturns
        Returns.
    window : int
        Days, >= 2.
    periods_per_year : float
        Days a year.
    risk_free : float or ndarray, shape (n_days,)
        Annual rate, simple, ACT/365.

    Returns
    -------
    ndarray, shape (n_days,)
        Mean over sample deviation of the excess returns that end on each day, times the root of the days a year; NaN
        before the first whole window, and where nothing varies. Windows overlap: neighbours are no separate evidence.
    """
    excess = _windows(daily.returns - np.asarray(risk_free) * daily.elapsed_years, window)
    found = np.full(daily.returns.shape, np.nan)
    if excess.size:
        deviation = excess.std(axis=1, ddof=1)
        varies = np.ptp(excess, axis=1) > 0.0
        ratio = np.divide(excess.mean(axis=1), deviation, out=np.full(varies.shape, np.nan), where=varies)
        found[window - 1 :] = ratio * np.sqrt(periods_per_year)
    return found


def rolling_volatility(daily: DailyReturns, window: int, *, periods_per_year: float) -> FloatArray:
    """Return the sample deviation a year of each window of days, NaN before the first whole one."""
    windows = _windows(daily.returns, window)
    found = np.full(daily.returns.shape, np.nan)
    if windows.size:
        found[window - 1 :] = windows.std(axis=1, ddof=1) * np.sqrt(periods_per_year)
    return found


def _windows(values: FloatArray, window: int) -> FloatArray:
    if values.shape[0] < window:
        return np.empty((0, window))
    return np.lib.stride_tricks.sliding_window_view(values, window)
