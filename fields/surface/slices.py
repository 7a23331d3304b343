"""Calibration on plain arrays: log-moneyness, volatility and weight of each quote, slice after slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from fields.jit import F64, I64, INT, kernel
from fields.surface.polish import polish_slices
from fields.surface.slice_fit import fit_slices
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["FittedSlices", "calibrate_slices"]


_UNORDERED, _MISSING = 1, 2


@kernel(F64, F64, F64, I64, F64, returns=INT)
def _first_flaw(k: FloatArray, iv: FloatArray, weight: FloatArray, start: NDArray[np.int64], tau: FloatArray) -> int:
    for s in range(tau.shape[0]):
        if start[s + 1] <= start[s] or (s > 0 and tau[s] < tau[s - 1]):
            return _UNORDERED
    if tau.shape[0] > 0 and start[tau.shape[0]] != k.shape[0]:
        return _UNORDERED
    for i in range(k.shape[0]):
        if not (np.isfinite(k[i] + iv[i] + weight[i]) and iv[i] > 0.0 and weight[i] > 0.0):
            return _MISSING
    return 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSlices:
    """Slices without arbitrage, each and between them; arrays of shape (n_slices,).

    Parameters
    ----------
    theta, rho, psi : ndarray
        Total variance at the money, correlation, and slope.
    own_misfit : ndarray
        Mean of Huber's squares of each slice fitted on its own, in units of its weights.
    rounds : int
        Rounds that the fit of all slices took; 0 where the slices on their own already were free of arbitrage.
    """

    theta: FloatArray
    rho: FloatArray
    psi: FloatArray
    own_misfit: FloatArray
    rounds: int


def calibrate_slices(
    k: FloatArray, iv: FloatArray, weight: FloatArray, start: NDArray[np.int64], tau: FloatArray, *, huber: float = 1.0
) -> FittedSlices:
    """Fit every slice, first on its own, then all together under no arbitrage.

    Parameters
    ----------
    k : ndarray, shape (n_quotes,)
        ln(strike / forward).
    iv : ndarray, shape (n_quotes,)
        Volatilities, > 0.
    weight : ndarray, shape (n_quotes,)
        Weight of an error in volatility, > 0; about one over half the spread.
    start : ndarray of int64, shape (n_slices + 1,)
        First quote of each slice; no slice is empty.
    tau : ndarray, shape (n_slices,)
        Years, not falling.
    huber : float, optional
        Weighted error beyond which a quote pulls no harder.

    Returns
    -------
    FittedSlices
        Free of butterfly and calendar arbitrage whatever the quotes are.

    Notes
    -----
    A slice that cannot fit its own quotes within their spreads says less about its neighbours: in the joint fit its
    sum of squares is divided by its own misfit (twice the mean of Huber's squares, where that is above 1).
    """
    n = tau.shape[0]
    k, iv, weight, tau = (np.ascontiguousarray(column) for column in (k, iv, weight, tau))
    flaw = _first_flaw(k, iv, weight, start, tau)
    if flaw == _UNORDERED:
        raise DataError("slices must be non-empty and in order of time", found="an empty one or falling tau")
    if flaw == _MISSING:
        raise DataError("a surface needs finite quotes", found="a missing one", expected="iv and weight > 0 everywhere")
    count = start[1:] - start[:-1]
    x, misfit, (theta, rho, psi) = np.empty((n, 3)), np.empty(n), np.empty((3, n))
    fit_slices(k, iv, weight, start, tau, huber, x, misfit)
    misfit = misfit / np.maximum(count, 1)
    authority = 1.0 / np.maximum(2.0 * misfit, 1.0)
    rounds = polish_slices(k, iv, weight, start, tau, authority, huber, x, theta, rho, psi)
    return FittedSlices(theta=theta, rho=rho, psi=psi, own_misfit=misfit, rounds=rounds)
