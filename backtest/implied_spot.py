"""The price of the underlying that an expiration's own quotes imply, so that quotes of one instant are compared."""

from __future__ import annotations

from math import isfinite

import numpy as np

from strategies.views import ChainView

__all__ = ["implied_spot"]


def implied_spot(view: ChainView, series: int, near: float, discount: float) -> float:
    """Return the discounted forward of an expiration, by parity of the pair nearest to the money.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : int
        Place of the series.
    near : float
        A price of the underlying around which to look.
    discount : float
        Discount factor to expiry.

    Returns
    -------
    float
        ``call mid - put mid + strike x discount``; `near` itself where no strike has both mids.
    """
    calls, puts = view.side(series, is_call=True), view.side(series, is_call=False)
    chain = view.chain
    if not (isfinite(near) and calls.size and puts.size):
        return near
    at = np.searchsorted(chain.strike[puts], chain.strike[calls])
    at[at == puts.size] = 0
    paired = chain.strike[puts[at]] == chain.strike[calls]
    with np.errstate(invalid="ignore"):
        gap = 0.5 * (chain.bid[calls] + chain.ask[calls] - chain.bid[puts[at]] - chain.ask[puts[at]])
        two_sided = (chain.bid[calls] > 0.0) & (chain.bid[puts[at]] > 0.0)
    far = np.where(paired & two_sided & np.isfinite(gap), np.abs(chain.strike[calls] - near), np.inf)
    nearest = int(far.argmin())
    return float(gap[nearest] + chain.strike[calls[nearest]] * discount) if far[nearest] < np.inf else near
