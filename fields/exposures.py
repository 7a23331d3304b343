"""Dealer exposures at spot in USD (requirements 2.4): totals, by strike, and the walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fields.greeks import ExposureGreeks
from fields.snapshot import StrikeProfile, Totals, Wall, Walls
from market.chains import BoolArray, FloatArray

__all__ = ["PER_CENT", "VOL_POINT", "DollarExposures", "dollar_exposures", "strike_profile", "walls_of"]

PER_CENT = 0.01
VOL_POINT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class DollarExposures:
    """Exposure of each contract's dealer position; arrays of shape (n_contracts,), USD of dealer delta.

    Parameters
    ----------
    delta_usd : ndarray
        Dealer delta.
    gamma_usd_per_pct : ndarray
        Per 1 % move of spot.
    vanna_usd_per_volpt : ndarray
        Per vol point.
    charm_usd_per_min : ndarray
        Per minute of the field's clock, forward in time.
    """

    delta_usd: FloatArray
    gamma_usd_per_pct: FloatArray
    vanna_usd_per_volpt: FloatArray
    charm_usd_per_min: FloatArray

    def totals(self) -> Totals:
        """Return the sums over all contracts."""
        return Totals(
            dex_usd=float(self.delta_usd.sum()),
            gamma_usd_per_pct=float(self.gamma_usd_per_pct.sum()),
            vanna_usd_per_volpt=float(self.vanna_usd_per_volpt.sum()),
            charm_usd_per_min=float(self.charm_usd_per_min.sum()),
        )


def dollar_exposures(
    greeks: ExposureGreeks, dealer_units: FloatArray, spot: float, minutes_per_year: float
) -> DollarExposures:
    """Turn per-unit Greeks into dollar exposures.

    Parameters
    ----------
    greeks : ExposureGreeks
        Per unit of the underlying, per 1.00 of volatility, per year of the field's clock.
    dealer_units : ndarray, shape (n_contracts,)
        Signed dealer contracts times the multiplier.
    spot : float
        Reference price, USD.
    minutes_per_year : float
        Of the clock that measured time to expiry.

    Returns
    -------
    DollarExposures
        n Delta S M; n Gamma S^2 M / 100; n vanna S M / 100; n charm S M / minutes per year.
    """
    notional = dealer_units * spot
    return DollarExposures(
        delta_usd=notional * greeks.delta,
        gamma_usd_per_pct=notional * greeks.gamma * (spot * PER_CENT),
        vanna_usd_per_volpt=notional * greeks.vanna * VOL_POINT,
        charm_usd_per_min=notional * greeks.charm / minutes_per_year,
    )


def strike_profile(
    strikes: FloatArray,
    strike_place: NDArray[np.int64],
    is_call: BoolArray,
    gamma_usd_per_pct: FloatArray,
    open_interest: FloatArray,
) -> StrikeProfile:
    """Sum gamma and open interest by strike over all expirations.

    Parameters
    ----------
    strikes : ndarray, shape (n_strikes,)
        Distinct strikes, rising.
    strike_place : ndarray of int64, shape (n_contracts,)
        Place of each contract's strike.
    is_call : ndarray of bool, shape (n_contracts,)
        True for calls.
    gamma_usd_per_pct, open_interest : ndarray, shape (n_contracts,)
        USD per 1 %, and contracts; missing open interest adds nothing.

    Returns
    -------
    StrikeProfile
        Strikes that carry no contract are left out.
    """
    cell = 2 * strike_place + is_call
    size = 2 * strikes.shape[0]
    gamma: FloatArray = np.bincount(cell, gamma_usd_per_pct, size).astype(np.float64, copy=False).reshape(-1, 2)
    known = np.nan_to_num(open_interest)
    interest: FloatArray = np.bincount(cell, known, size).astype(np.float64, copy=False).reshape(-1, 2)
    held = np.bincount(cell, minlength=size).reshape(-1, 2).any(axis=1)
    return StrikeProfile(
        strike=strikes[held],
        call_gamma_usd_per_pct=gamma[held, 1],
        put_gamma_usd_per_pct=gamma[held, 0],
        call_open_interest=interest[held, 1],
        put_open_interest=interest[held, 0],
    )


def _wall(strike: FloatArray, signed: FloatArray, size: FloatArray, distance: FloatArray, whole: float) -> Wall:
    top = float(size.max(initial=0.0))
    if not top > 0.0:
        return Wall(strike=float("nan"), gamma_usd_per_pct=float("nan"), share=float("nan"))
    tied = np.flatnonzero(size == top)
    place = tied[np.argmin(distance[tied])]
    return Wall(strike=float(strike[place]), gamma_usd_per_pct=float(signed[place]), share=top / whole)


def walls_of(profile: StrikeProfile, spot: float, window: float) -> Walls:
    """Find the strikes with the most dealer gamma.

    Parameters
    ----------
    profile : StrikeProfile
        Gamma by strike.
    spot : float
        Reference price, USD.
    window : float
        Log distance of spot within which to look.

    Returns
    -------
    Walls
        Largest absolute gamma of calls, of puts and of both un-netted; a tie goes to the strike nearest to spot. NaN
        where the window holds no gamma.
    """
    distance = np.abs(np.log(profile.strike / spot))
    near = distance <= window
    strike, distance = profile.strike[near], distance[near]
    call, put = profile.call_gamma_usd_per_pct[near], profile.put_gamma_usd_per_pct[near]
    call_size, put_size = np.abs(call), np.abs(put)
    both = call_size + put_size
    whole = float(both.sum())
    return Walls(
        call=_wall(strike, call, call_size, distance, whole),
        put=_wall(strike, put, put_size, distance, whole),
        absolute=_wall(strike, both, both, distance, whole),
    )
