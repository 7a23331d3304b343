"""How the dealers quote: a spread around the true value, rounded outwards to the tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.valuation import Valuation
from market.chains import FloatArray

__all__ = ["quote"]

_TICK_CHANGE = 3.0
# Read off the quoted spreads of SPX sessions of 2022 to 2025, per maturity and delta: about 4 bp of volatility at the
# money, 12 bp on the last day, and a jump to some 5 bp of spot for deep in-the-money options.
_VOL_HALF = 0.0003
_VOL_HALF_SHORT = 0.001
_SHORT_YEARS = 0.003
_DELTA_HALF = 5.0e-4
_PRICE_HALF = 0.001


def quote(
    value: Valuation,
    *,
    spot: FloatArray,
    tau: FloatArray,
    tick: FloatArray,
    tick_above_3: FloatArray,
    spread: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return bid and ask of every contract.

    Parameters
    ----------
    value : Valuation
        True values.
    spot, tau, tick, tick_above_3, spread : ndarray, shape (2 n_strikes,)
        Per contract: spot, years to expiry, the two price ticks and the spread's multiplier.

    Returns
    -------
    bid, ask : ndarray, shape (2 n_strikes,)
        Multiples of the tick with ``bid <= value <= ask``; a bid of 0 means that the dealers do not bid.

    Notes
    -----
    Half spread = multiplier x (vega x volatility error + 5 bp of spot x delta^6 + 0.1 % of the price), at least half a
    tick. The volatility error rises as expiry nears. Options worth less than a tick and their half spread get no bid.
    """
    error = _VOL_HALF + _VOL_HALF_SHORT * _SHORT_YEARS / (tau + _SHORT_YEARS)
    half = spread * (
        value.vega * error + _DELTA_HALF * spot * (value.delta * value.delta) ** 3 + _PRICE_HALF * value.price
    )
    half = np.maximum(half, 0.5 * tick)
    bid = _round(np.maximum(value.price - half, 0.0), tick, tick_above_3, np.floor)
    ask = _round(value.price + half, tick, tick_above_3, np.ceil)
    return bid, np.maximum(ask, tick)


def _round(price: FloatArray, tick: FloatArray, tick_above_3: FloatArray, rounding: np.ufunc) -> FloatArray:
    step = np.where(price < _TICK_CHANGE, tick, tick_above_3)
    # A price that is a tick already, but for the last bit, must stay where it is.
    nudge = 1e-9 if rounding is np.floor else -1e-9
    ticks: NDArray[np.float64] = rounding(price / step + nudge)
    return np.round(ticks * step, 6)
