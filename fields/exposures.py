"""Dealer exposures at spot in USD (requirements 2.4): totals, by strike, and the walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fields.greeks import ExposureGreeks
from fields.jit import BOOL, F64, I64, INT, OUT, OUT_2D, REAL, kernel
from fields.snapshot import StrikeProfile, Totals, Wall, Walls
from market.chains import BoolArray, FloatArray

__all__ = ["PER_CENT", "VOL_POINT", "DollarExposures", "dollar_exposures", "strike_profile", "walls_of"]

PER_CENT = 0.01
VOL_POINT = 0.01
_PUT, _CALL, _BOTH = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DollarExposures:
    """Exposure by contract; arrays of shape (n_contracts,), USD of delta.

    Parameters
    ----------
    delta_usd : ndarray
        Delta.
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

    def totals(self, weights: FloatArray) -> Totals:
        """Return the weighted sums over all contracts.

        Parameters
        ----------
        weights : ndarray, shape (n_contracts,)
            Signed dealer contracts where the exposures are those of one long contract, + long.

        Returns
        -------
        Totals
            Sums.
        """
        # Pairwise sums of products: a dot product may add up in an order that depends on alignment.
        return Totals(
            dex_usd=float(np.add.reduce(weights * self.delta_usd)),
            gamma_usd_per_pct=float(np.add.reduce(weights * self.gamma_usd_per_pct)),
            vanna_usd_per_volpt=float(np.add.reduce(weights * self.vanna_usd_per_volpt)),
            charm_usd_per_min=float(np.add.reduce(weights * self.charm_usd_per_min)),
        )


def dollar_exposures(
    greeks: ExposureGreeks, units: FloatArray, spot: float, minutes_per_year: float
) -> DollarExposures:
    """Turn per-unit Greeks into dollar exposures.

    Parameters
    ----------
    greeks : ExposureGreeks
        Per unit of the underlying, per 1.00 of volatility, per year of the field's clock.
    units : ndarray, shape (n_contracts,)
        Signed contracts times the multiplier; the multiplier alone for one long contract.
    spot : float
        Reference price, USD.
    minutes_per_year : float
        Of the clock that measured time to expiry.

    Returns
    -------
    DollarExposures
        n Delta S M; n Gamma S^2 M / 100; n vanna S M / 100; n charm S M / minutes per year.
    """
    notional = units * spot
    return DollarExposures(
        delta_usd=notional * greeks.delta,
        gamma_usd_per_pct=notional * greeks.gamma * (spot * PER_CENT),
        vanna_usd_per_volpt=notional * greeks.vanna * VOL_POINT,
        charm_usd_per_min=notional * greeks.charm / minutes_per_year,
    )


@kernel(F64, I64, BOOL, F64, F64, OUT, OUT_2D, OUT_2D, returns=INT)
def _sum_by_strike(
    strikes: FloatArray,
    strike_place: NDArray[np.int64],
    is_call: BoolArray,
    gamma: FloatArray,
    open_interest: FloatArray,
    strike: FloatArray,
    gamma_sum: FloatArray,
    interest_sum: FloatArray,
) -> int:
    """Fill the strikes that carry a contract and add up puts (row 0) and calls (row 1); return how many strikes."""
    row = np.full(strikes.shape[0], -1, dtype=np.int64)
    for place in strike_place:
        row[place] = 0
    n = 0
    for k in range(strikes.shape[0]):
        if row[k] == 0:
            strike[n] = strikes[k]
            row[k] = n
            n += 1
    for i in range(strike_place.shape[0]):
        side = _CALL if is_call[i] else _PUT
        gamma_sum[side, row[strike_place[i]]] += gamma[i]
        if np.isfinite(open_interest[i]):
            interest_sum[side, row[strike_place[i]]] += open_interest[i]
    return n


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
    size = strikes.shape[0]
    strike, gamma, interest = np.empty(size), np.zeros((2, size)), np.zeros((2, size))
    n = _sum_by_strike(strikes, strike_place, is_call, gamma_usd_per_pct, open_interest, strike, gamma, interest)
    return StrikeProfile(
        strike=strike[:n],
        call_gamma_usd_per_pct=gamma[_CALL, :n],
        put_gamma_usd_per_pct=gamma[_PUT, :n],
        gamma_error_usd_per_pct=np.full(n, np.nan),
        call_open_interest=interest[_CALL, :n],
        put_open_interest=interest[_PUT, :n],
    )


@kernel(F64, F64, F64, REAL, REAL, OUT_2D)
def _find_walls(
    strike: FloatArray, call: FloatArray, put: FloatArray, spot: float, window: float, found: FloatArray
) -> None:
    """Fill a row for the put wall, the call wall and the un-netted one, where there is one: strike, gamma, share."""
    whole = 0.0
    top, nearest = np.zeros(3), np.full(3, np.inf)
    for k in range(strike.shape[0]):
        distance = abs(np.log(strike[k] / spot))
        if not distance <= window:
            continue
        both = abs(call[k]) + abs(put[k])
        whole += both
        for side, gamma in ((_PUT, put[k]), (_CALL, call[k]), (_BOTH, both)):
            size = abs(gamma)
            if size > top[side] or (size == top[side] > 0.0 and distance < nearest[side]):
                top[side], nearest[side] = size, distance
                found[side, 0], found[side, 1] = strike[k], gamma
    for side in range(3):
        if top[side] > 0.0:
            found[side, 2] = top[side] / whole


def _wall(row: list[float]) -> Wall:
    strike, gamma, share = row
    return Wall(strike=strike, gamma_usd_per_pct=gamma, share=share)


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
    found = np.full((3, 3), np.nan)
    columns = (profile.strike, profile.call_gamma_usd_per_pct, profile.put_gamma_usd_per_pct)
    _find_walls(*columns, spot, window, found)
    rows = found.tolist()
    return Walls(call=_wall(rows[_CALL]), put=_wall(rows[_PUT]), absolute=_wall(rows[_BOTH]))
