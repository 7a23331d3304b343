"""Errors of the exposures at spot, from the errors of the dealers' positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import types

from fields.exposures import DollarExposures
from fields.jit import F64, OUT_2D, kernel
from fields.snapshot import Totals
from market.chains import FloatArray

__all__ = ["Errors", "errors_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Standard errors of one field's exposures.

    Parameters
    ----------
    totals : Totals
        Where positions err independently of each other.
    bounds : Totals
        Where they all err the same way.
    gamma_by_strike_usd_per_pct : ndarray, shape (n_strikes,)
        Of the net gamma at each strike, independent errors.
    """

    totals: Totals
    bounds: Totals
    gamma_by_strike_usd_per_pct: FloatArray


def errors_of(one_long: DollarExposures, strikes: FloatArray, strike: FloatArray, standard_error: FloatArray) -> Errors:
    """Carry the errors of positions into the sums of exposures.

    Parameters
    ----------
    one_long : DollarExposures
        Exposures of one long contract each, shape (n_contracts,).
    strikes : ndarray, shape (n_strikes,)
        Distinct strikes, rising.
    strike : ndarray, shape (n_contracts,)
        Strike of each contract, among `strikes`.
    standard_error : ndarray, shape (n_contracts,)
        Of each contract's dealer position, contracts; NaN where unknown.

    Returns
    -------
    Errors
        NaN where the error of any used contract is unknown: a sum without it would look surer than it is.
    """
    sums = np.zeros((2, 4 + strikes.shape[0]))
    columns = (one_long.delta_usd, one_long.gamma_usd_per_pct, one_long.vanna_usd_per_volpt, one_long.charm_usd_per_min)
    if not (standard_error.size and _add_errors(*columns, strikes, strike, standard_error, sums)):
        nan = _totals([float("nan")] * 4)
        return Errors(totals=nan, bounds=nan, gamma_by_strike_usd_per_pct=np.full(strikes.shape, np.nan))
    independent, bound = np.sqrt(sums[0]), sums[1, :4].tolist()
    return Errors(
        totals=_totals(independent[:4].tolist()), bounds=_totals(bound), gamma_by_strike_usd_per_pct=independent[4:]
    )


@kernel(F64, F64, F64, F64, F64, F64, F64, OUT_2D, returns=types.boolean)
def _add_errors(
    delta: FloatArray,
    gamma: FloatArray,
    vanna: FloatArray,
    charm: FloatArray,
    strikes: FloatArray,
    strike: FloatArray,
    standard_error: FloatArray,
    sums: FloatArray,
) -> bool:
    """Add squares (row 0) and sizes (row 1) of each contract's errors: four exposures, then gamma by strike.

    Returns False, at once, where an error is not known; an exposure that is missing counts as none.
    """
    for i in range(standard_error.shape[0]):
        error = standard_error[i]
        if np.isnan(error):
            return False
        place = 4 + np.searchsorted(strikes, strike[i])
        for j, exposure in ((0, delta[i]), (1, gamma[i]), (2, vanna[i]), (3, charm[i]), (place, gamma[i])):
            size = abs(exposure) * error
            if not np.isnan(size):
                sums[0, j] += size * size
                sums[1, j] += size
    return True


def _totals(values: list[float]) -> Totals:
    dex, gamma, vanna, charm = values
    return Totals(dex_usd=dex, gamma_usd_per_pct=gamma, vanna_usd_per_volpt=vanna, charm_usd_per_min=charm)
