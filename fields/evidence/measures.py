"""What volatility did: realised measures, the regressors of the heterogeneous autoregression, and calendar dummies."""

from __future__ import annotations

import numpy as np

from fields.evidence.auc import IntArray
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["garman_klass_variance", "har_regressors", "indicator_columns", "lag_one_product", "realised_variance"]


def realised_variance(returns: FloatArray) -> FloatArray:
    """Return the sum of squared returns of each window.

    Parameters
    ----------
    returns : ndarray, shape (n_windows, n_returns)
        Log returns; NaN where there is none.

    Returns
    -------
    ndarray, shape (n_windows,)
        NaN for a window with a gap.
    """
    total: FloatArray = (returns * returns).sum(axis=1)
    return total


def garman_klass_variance(open_price: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Return the variance of a session from its open, high, low and close.

    Parameters
    ----------
    open_price, high, low, close : ndarray, shape (n,)
        Prices of each session; the night is left out.

    Returns
    -------
    ndarray, shape (n,)
        Squared log return; about seven times less noisy than the squared return. NaN where it is not positive.

    References
    ----------
    Garman and Klass (1980), Journal of Business 53.
    """
    span, move = np.log(high / low), np.log(close / open_price)
    variance: FloatArray = 0.5 * span * span - (2.0 * np.log(2.0) - 1.0) * move * move
    return np.where(variance > 0.0, variance, np.nan)


def lag_one_product(returns: FloatArray) -> FloatArray:
    """Return the sum of products of neighbouring returns of each window: > 0 momentum, < 0 reversal.

    Parameters
    ----------
    returns : ndarray, shape (n_windows, n_returns)
        Log returns, two or more in each window.

    Returns
    -------
    ndarray, shape (n_windows,)
        Of one sign with the lag-1 autocorrelation about zero, which is the mean that returns have at this horizon.
    """
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise DataError("autocorrelation needs two returns", found=str(returns.shape), expected="(n_windows, >= 2)")
    total: FloatArray = (returns[:, 1:] * returns[:, :-1]).sum(axis=1)
    return total


def har_regressors(log_variance: FloatArray, windows: tuple[int, ...] = (1, 5, 22)) -> FloatArray:
    """Return trailing means of log variance: daily, weekly and monthly.

    Parameters
    ----------
    log_variance : ndarray, shape (n_periods,)
        Of equal periods in time order; NaN where unknown.
    windows : tuple of int
        Periods in each mean.

    Returns
    -------
    ndarray, shape (n_periods, n_windows)
        Row t uses the periods up to and with t: what is known when t ends. NaN until a window is full.

    References
    ----------
    Corsi (2009), Journal of Financial Econometrics 7.
    """
    table = np.full((log_variance.size, len(windows)), np.nan)
    for column, window in enumerate(windows):
        if log_variance.size >= window:
            view = np.lib.stride_tricks.sliding_window_view(log_variance, window)
            table[window - 1 :, column] = view.mean(axis=1)
    return table


def indicator_columns(kind: IntArray) -> FloatArray:
    """Return one column of 0 and 1 per kind but the first, for the time of day or an event.

    Parameters
    ----------
    kind : ndarray of int64, shape (n,)
        Number of the kind of each row, from 0.

    Returns
    -------
    ndarray, shape (n, max(kind))
        The kind 0 is the base.
    """
    columns: FloatArray = (kind[:, None] == np.arange(1, int(kind.max(initial=0)) + 1)).astype(np.float64)
    return columns
