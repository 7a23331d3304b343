"""Numbers of an underlying's own bars: directional index, average close, realised volatility."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

from fields.indicator_library import indicator_library
from market.chains import BoolArray, FloatArray
from market.trades import Int64Array

__all__ = ["average_close", "directional_index", "realised_volatility"]


def directional_index(high: FloatArray, low: FloatArray, close: FloatArray, period: int = 14) -> float:
    """Return the average directional index (ADX) at the last bar.

    Parameters
    ----------
    high, low, close : ndarray, shape (n_bars,)
        Bars in time order, any one unit; finite.
    period : int, optional
        Bars of each average, >= 2.

    Returns
    -------
    float
        0 to 100; NaN with fewer than ``2 * period`` bars.

    Raises
    ------
    ConfigError
        Somebody has changed the settings of the library (`fields.indicator_library`).

    Notes
    -----
    TA-Lib's, as `strategies.features.DirectionalIndex`. With ``up = high - high[-1]`` and ``down = low[-1] - low``, the
    directional move is ``+DM = up`` where ``up > down`` and ``up > 0``, ``-DM = down`` where ``down > up`` and
    ``down > 0``, else 0; the true range is ``TR = max(high, close[-1]) - min(low, close[-1])``. Each is smoothed as
    ``s = s[-1] - s[-1] / period + x``, begun with the sum of the first ``period - 1`` values (the worksheet
    [wilder_1978] begins with `period`; the difference is 0.2 after 30 bars of 14, 1e-8 after 300).
    ``DI = 100 * DM / TR``, ``DX = 100 * |+DI - -DI| / (+DI + -DI)``; ``ADX = ((period - 1) * ADX[-1] + DX) / period``,
    begun with the mean of the first `period` values; 0 where nothing moved. The beginning fades by ``1 - 1 / period`` a
    bar, so a longer history changes the last digits.
    """
    if high.shape[0] < 2 * period:
        return nan
    columns = [np.ascontiguousarray(column) for column in (high, low, close)]
    return float(indicator_library().ADX(*columns, period)[-1])


def average_close(close: FloatArray, n_bars: int = 200) -> float:
    """Return the mean of the last closes (SMA).

    Parameters
    ----------
    close : ndarray, shape (n,)
        In time order; finite.
    n_bars : int, optional
        How many, >= 1.

    Returns
    -------
    float
        In the unit of `close`; NaN with fewer closes.
    """
    return float(close[-n_bars:].mean()) if close.shape[0] >= n_bars else nan


def realised_volatility(
    start_ns: Int64Array, end_ns: Int64Array, close: FloatArray, *, bars_per_year: float, n_returns: int = 20
) -> float:
    """Return the volatility of the last returns from bar to bar (Q8).

    Parameters
    ----------
    start_ns, end_ns : ndarray of int64, shape (n_bars,)
        Bars of one length in time order, ns since the epoch, UTC.
    close : ndarray, shape (n_bars,)
        Finite, > 0.
    bars_per_year : float
        Bars of this length in a year: ``252 * 78`` five-minute bars of New York's shares, ``365 * 288`` of a coin.
    n_returns : int, optional
        How many returns, >= 2.

    Returns
    -------
    float
        Annualised fraction; NaN with fewer returns.

    Notes
    -----
    Sample standard deviation (``n - 1``) of log returns times the root of `bars_per_year`. A return counts only where
    one bar begins at the end of the other, so a night or a halt adds nothing.
    """
    adjoining: BoolArray = start_ns[1:] == end_ns[:-1]
    returns = np.diff(np.log(close))[adjoining][-n_returns:]
    return float(returns.std(ddof=1)) * sqrt(bars_per_year) if returns.shape[0] >= n_returns else nan
