"""Greeks of options at the volatility of their own prices: one formula for the context of an order and for a path."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from fields.greeks import Greeks, greeks
from fields.implied_vol import implied_volatility
from market.chains import FloatArray
from market.tradables import OptionContract

__all__ = ["quoted_greeks", "years_left"]

_YEAR_NS: Final = 365 * 86_400_000_000_000
_MINUTE_NS: Final = 60_000_000_000


def years_left(contract: OptionContract, now_ns: int) -> float:
    """Return the time to the expiry of an option, years on the calendar clock; at least a minute.

    Parameters
    ----------
    contract : OptionContract
        The option.
    now_ns : int
        Instant, ns since the epoch, UTC.

    Returns
    -------
    float
        A minute also after the expiry: what has expired is settled, not valued.
    """
    return max(contract.series.expiry_ns - now_ns, _MINUTE_NS) / _YEAR_NS


def quoted_greeks(
    price: ArrayLike, spot: ArrayLike, strike: ArrayLike, tau: ArrayLike, rate: float, is_call: ArrayLike
) -> tuple[FloatArray, Greeks]:
    """Return the volatility that prices imply, and the Greeks at it.

    Parameters
    ----------
    price : array_like, shape (n,)
        Of one unit, quote currency.
    spot : array_like, shape (n,)
        Discounted forward of each option's expiration, as `backtest.implied_spot.implied_spot` gives it.
    strike, tau : array_like, shape (n,)
        Strikes; years to expiry.
    rate : float
        Riskless rate, a fraction per year; carry is in `spot`.
    is_call : array_like of bool, shape (n,)
        Right.

    Returns
    -------
    volatility : ndarray, shape (n,)
        1.00 = 100 %; NaN where no volatility gives the price.
    found : Greeks
        Per unit, as `fields.greeks.greeks`; NaN where the volatility is.
    """
    discount = np.exp(-rate * np.asarray(tau, dtype=np.float64))
    volatility = implied_volatility(
        price, np.asarray(spot, dtype=np.float64) / discount, strike, tau, discount, is_call
    ).volatility
    return volatility, greeks(spot, strike, tau, rate, 0.0, volatility, is_call)
