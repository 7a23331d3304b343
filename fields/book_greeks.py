"""The Greeks of the dealers' whole book beside the four exposures: vega, theta and the third order (Z65)."""

from __future__ import annotations

import numpy as np

from fields.exposures import PER_CENT, VOL_POINT
from fields.greeks import greeks
from fields.holdings import Holdings
from fields.jit import F64, OUT, REAL, kernel
from fields.snapshot import BookGreeks
from market.chains import FloatArray

__all__ = ["book_greeks"]

_BLOCK = 128


def book_greeks(holdings: Holdings, spot: float, minutes_per_year: float) -> BookGreeks:
    """Sum the Greeks of the dealers' book at spot.

    Parameters
    ----------
    holdings : Holdings
        Used contracts.
    spot : float
        Reference price, USD.
    minutes_per_year : float
        Of the clock that measured time to expiry.

    Returns
    -------
    BookGreeks
        NaN without a used contract.

    Notes
    -----
    Options on one underlying have no cross gamma. The dollar gamma is ``G = sum(n M Gamma) S^2 / 100``, so that its
    change per 1 % rise of spot is ``sum(n M (speed S + 2 Gamma)) S^2 / 100^2``.
    """
    h = holdings
    found = greeks(spot, h.strike, h.tau, h.rate, h.rate - h.carry, h.volatility, h.is_call)
    sums, gamma_scale = np.zeros(7), spot * spot * PER_CENT
    if not h.place.size:
        sums[:] = np.nan
    columns = (found.vega, found.theta, found.vomma, found.veta, found.zomma, found.color, found.gamma, found.speed)
    _add_up(h.contracts, h.multiplier, *columns, spot, sums)
    vega, theta, volga, veta, zomma, color, speed = sums.tolist()
    return BookGreeks(
        vega_usd_per_volpt=vega * VOL_POINT,
        theta_usd_per_min=theta / minutes_per_year,
        volga_usd_per_volpt2=volga * VOL_POINT**2,
        veta_usd_per_volpt_min=veta * VOL_POINT / minutes_per_year,
        speed_usd_per_pct2=speed * gamma_scale * PER_CENT,
        zomma_usd_per_pct_volpt=zomma * gamma_scale * VOL_POINT,
        color_usd_per_pct_min=color * gamma_scale / minutes_per_year,
    )


@kernel(F64, F64, F64, F64, F64, F64, F64, F64, F64, F64, REAL, OUT)
def _add_up(
    contracts: FloatArray,
    multiplier: FloatArray,
    vega: FloatArray,
    theta: FloatArray,
    vomma: FloatArray,
    veta: FloatArray,
    zomma: FloatArray,
    color: FloatArray,
    gamma: FloatArray,
    speed: FloatArray,
    spot: float,
    sums: FloatArray,
) -> None:
    """Add up seven Greeks of the book, block by block: sums of sums round less than one long one."""
    for start in range(0, contracts.shape[0], _BLOCK):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = 0.0
        for i in range(start, min(start + _BLOCK, contracts.shape[0])):
            units = contracts[i] * multiplier[i]
            s0 += units * vega[i]
            s1 += units * theta[i]
            s2 += units * vomma[i]
            s3 += units * veta[i]
            s4 += units * zomma[i]
            s5 += units * color[i]
            s6 += units * (speed[i] * spot + 2.0 * gamma[i])
        for j, total in ((0, s0), (1, s1), (2, s2), (3, s3), (4, s4), (5, s5), (6, s6)):
            sums[j] += total
