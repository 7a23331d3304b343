"""Numbers of an underlying's own bars: directional index, average close, realised volatility."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

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
        Bars of each average, >= 1.

    Returns
    -------
    float
        0 to 100; NaN with fewer than ``2 * period`` bars.

    Notes
    -----
    With ``up = high - high[-1]`` and ``down = low[-1] - low``, the directional move is ``+DM = up`` where ``up > down``
    and ``up > 0``, ``-DM = down`` where ``down > up`` and ``down > 0``, else 0; the true range is
    ``TR = max(high, close[-1]) - min(low, close[-1])``. Each is smoothed as ``s = s[-1] - s[-1] / period + x``, begun
    with the sum of the first `period` values. ``DI = 100 * DM / TR``, ``DX = 100 * |+DI - -DI| / (+DI + -DI)``, 0 where
    nothing moved; ``ADX = ((period - 1) * ADX[-1] + DX) / period``, begun with the mean of the first `period` values
    [wilder_1978]. The beginning fades by ``1 - 1 / period`` a bar, so a longer history changes the last digits.
    """
    if high.shape[0] < 2 * period:
        return nan
    up, down = np.diff(high), -np.diff(low)
    plus = np.where((up > down) & (up > 0.0), up, 0.0)
    minus = np.where((down > up) & (down > 0.0), down, 0.0)
    spread = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    rise, fall, reach = (_smoothed_sums(column, period) for column in (plus, minus, spread))
    with np.errstate(divide="ignore", invalid="ignore"):
        rise, fall = 100.0 * rise / reach, 100.0 * fall / reach
        index = np.nan_to_num(100.0 * np.abs(rise - fall) / (rise + fall), nan=0.0)
    found = float(index[:period].mean())
    for value in index[period:].tolist():
        found = ((period - 1) * found + value) / period
    return found


def _smoothed_sums(values: FloatArray, period: int) -> FloatArray:
    smoothed = [float(values[:period].sum())]
    for value in values[period:].tolist():
        smoothed.append(smoothed[-1] - smoothed[-1] / period + value)
    return np.array(smoothed)


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
