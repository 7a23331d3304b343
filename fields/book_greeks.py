"""The Greeks of the dealers' whole book beside the four exposures: vega, theta and the third order (Z65)."""

from __future__ import annotations

import numpy as np

from fields.exposures import PER_CENT, VOL_POINT
from fields.greeks import greeks
from fields.holdings import Holdings
from fields.snapshot import BookGreeks
from market.chains import FloatArray

__all__ = ["book_greeks"]


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
    units = h.contracts * h.multiplier

    def total(per_unit: FloatArray) -> float:
        return float(np.add.reduce(units * per_unit)) if units.size else float("nan")

    gamma_scale = spot * spot * PER_CENT
    return BookGreeks(
        vega_usd_per_volpt=total(found.vega) * VOL_POINT,
        theta_usd_per_min=total(found.theta) / minutes_per_year,
        volga_usd_per_volpt2=total(found.vomma) * VOL_POINT**2,
        veta_usd_per_volpt_min=total(found.veta) * VOL_POINT / minutes_per_year,
        speed_usd_per_pct2=total(found.speed * spot + 2.0 * found.gamma) * gamma_scale * PER_CENT,
        zomma_usd_per_pct_volpt=total(found.zomma) * gamma_scale * VOL_POINT,
        color_usd_per_pct_min=total(found.color) * gamma_scale / minutes_per_year,
    )
