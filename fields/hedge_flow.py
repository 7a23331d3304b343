"""Forced hedge flow: what dealers who stay flat must trade for a spot move, a vol move and the time to the close."""

from __future__ import annotations

from math import isfinite

import numpy as np

from fields.config import FieldConfig
from fields.holdings import Holdings
from fields.ladder_book import LadderBook
from fields.snapshot import HedgeFlow
from market.chains import FloatArray

__all__ = ["absent_hedge_flow", "flow_of_book", "hedge_flow"]

_NO_CLOSE = "the minutes to the close are unknown"


def absent_hedge_flow(price: FloatArray, minutes_to_close: float, reason: str) -> HedgeFlow:
    """Return curves of NaN.

    Parameters
    ----------
    price : ndarray, shape (n_ladder,)
        Hypothetical spot, USD.
    minutes_to_close : float
        Minutes; NaN where unknown.
    reason : str
        Why.

    Returns
    -------
    HedgeFlow
        Without a number.
    """
    nan = np.full(price.shape, np.nan)
    return HedgeFlow(
        price=price,
        buy_for_spot_move_usd=nan,
        buy_for_vol_point_usd=nan,
        buy_to_close_usd=nan,
        minutes_to_close=minutes_to_close,
        to_close_reason=reason,
    )


def flow_of_book(book: LadderBook, delta_units: FloatArray, minutes_to_close: float) -> HedgeFlow:
    """Return the forced hedge flow of a book whose delta along the ladder is known.

    Parameters
    ----------
    book : LadderBook
        Netted contracts.
    delta_units : ndarray, shape (n_ladder,)
        Dealer delta now under the configured dynamics, units of the underlying.
    minutes_to_close : float
        Minutes of the field's clock from the valuation instant to the session's close, >= 0; NaN where unknown.

    Returns
    -------
    HedgeFlow
        See there.
    """
    dynamics, price = book.config.dynamics, book.price
    at_spot = delta_units[book.grid.n_nodes // 2]
    higher = book.delta_with_higher_volatility(dynamics)
    to_close, reason = np.full(price.shape, np.nan), _NO_CLOSE
    if minutes_to_close == 0.0:
        to_close, reason = np.zeros(price.shape), ""
    elif isfinite(minutes_to_close) and minutes_to_close > 0.0:
        to_close, reason = (delta_units - book.delta_after(dynamics, minutes_to_close)) * price, ""
    elif minutes_to_close < 0.0:
        reason = "the session has closed"
    return HedgeFlow(
        price=price,
        buy_for_spot_move_usd=(at_spot - delta_units) * price,
        buy_for_vol_point_usd=(delta_units - higher) * price,
        buy_to_close_usd=to_close,
        minutes_to_close=minutes_to_close,
        to_close_reason=reason,
    )


def hedge_flow(
    holdings: Holdings, spot: float, config: FieldConfig, minutes_per_year: float, minutes_to_close: float
) -> HedgeFlow:
    """Return the forced hedge flow of used contracts; `landscape_of` gives the same with the rest of the ladder.

    Parameters
    ----------
    holdings : Holdings
        Used contracts, at least one.
    spot : float
        Reference price, USD.
    config : FieldConfig
        Ladder and dynamics.
    minutes_per_year : float
        Of the field's clock.
    minutes_to_close : float
        Minutes of that clock; NaN where unknown.

    Returns
    -------
    HedgeFlow
        See there.
    """
    book = LadderBook(holdings, spot, config, minutes_per_year)
    return flow_of_book(book, book.curves(config.dynamics, (0.0, 0.0, 0.0)).delta_units, minutes_to_close)
