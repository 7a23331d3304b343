"""Moves of past days scaled from the volatility of their day to that of now: filtered historical simulation."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np

from market.chains import FloatArray

__all__ = ["filtered_moves"]

_SCALE: Final = 100.0  # the optimiser wants numbers near 1
_LEAST_RETURN: Final = -0.99


def filtered_moves(spot_return: FloatArray, vol_log: FloatArray) -> tuple[FloatArray, FloatArray, str]:
    """Return moves as they would be at the volatility of the day after the last.

    Parameters
    ----------
    spot_return : ndarray, shape (n_days, n_underlyings)
        Simple returns, without NaN, oldest first.
    vol_log : ndarray, shape (n_days, n_underlyings)
        Changes of the logarithm of volatility; a column of zeros stays one.

    Returns
    -------
    spot_return, vol_log : ndarray, shape (n_days, n_underlyings)
        Each day's standardised residual times the forecast deviation.
    reason : str
        Why a column cannot be filtered; empty where all are.

    Notes
    -----
    Each column has a GARCH(1, 1) with mean 0 of its own, fitted to these days alone; residuals of a day stay together,
    so that dependence between columns is that of the past [barone_adesi_1999]_.
    """
    scaled, reason = [np.empty_like(spot_return), np.empty_like(vol_log)], ""
    for table, target in zip((np.log1p(spot_return), vol_log), scaled, strict=True):
        for column in range(table.shape[1]):
            target[:, column], reason = _filtered(table[:, column])
            if reason:
                return spot_return, vol_log, reason
    return np.maximum(np.expm1(scaled[0]), _LEAST_RETURN), scaled[1], ""


def _filtered(column: FloatArray) -> tuple[FloatArray, str]:
    if not column.any():
        return column, ""
    from arch import arch_model  # takes a second to import, and only filtered moves need it

    model = arch_model(_SCALE * column, mean="Zero", vol="GARCH", p=1, q=1, rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the flag below says the same, and is heeded
        fit = model.fit(disp="off", show_warning=False)
    deviation = np.asarray(fit.conditional_volatility, dtype=np.float64)
    ahead = float(np.sqrt(fit.forecast(horizon=1, reindex=False).variance.to_numpy()[-1, 0]))
    if fit.convergence_flag != 0 or not (np.isfinite(ahead) and (deviation > 0.0).all()):
        return column, "the volatility of past days has no fit"
    return column / deviation * ahead, ""
