"""Errors of the exposures at spot, from the errors of the dealers' positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fields.dealer.uncertainty import exposure_errors
from fields.exposures import DollarExposures
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
    columns = (
        one_long.delta_usd,
        one_long.gamma_usd_per_pct,
        one_long.vanna_usd_per_volpt,
        one_long.charm_usd_per_min,
    )
    known = bool(standard_error.size) and not bool(np.isnan(standard_error).any())
    if not known:
        nan = _totals([float("nan")] * 4)
        return Errors(totals=nan, bounds=nan, gamma_by_strike_usd_per_pct=np.full(strikes.shape, np.nan))
    n, n_strikes = standard_error.shape[0], strikes.shape[0]
    # One pass over the four sums and over gamma by strike.
    group = np.repeat(np.arange(5), n)
    group[4 * n :] += np.searchsorted(strikes, strike)
    stacked = np.concatenate((*columns, one_long.gamma_usd_per_pct))
    found = exposure_errors(stacked, np.concatenate((standard_error,) * 5), group, 4 + n_strikes)
    return Errors(
        totals=_totals(found.independent[:4].tolist()),
        bounds=_totals(found.bound[:4].tolist()),
        gamma_by_strike_usd_per_pct=found.independent[4:],
    )


def _totals(values: list[float]) -> Totals:
    dex, gamma, vanna, charm = values
    return Totals(dex_usd=dex, gamma_usd_per_pct=gamma, vanna_usd_per_volpt=vanna, charm_usd_per_min=charm)
