"""Impact that a book's resting orders imply."""

from __future__ import annotations

from math import isfinite, nan

import numpy as np

from fields.illiquidity.config import ImpactConfig, ImpactMethod
from fields.illiquidity.impact import ImpactEstimate, bounded, no_impact
from market.chains import FloatArray

__all__ = ["book_side", "depth_impact"]


def book_side(price: FloatArray, size: FloatArray, mid: float) -> tuple[FloatArray, FloatArray]:
    """Return the distance in log price and the dollars of each level that holds an order, nearest first."""
    shown = np.isfinite(price) & np.isfinite(size) & (price > 0.0) & (size > 0.0)
    distance = np.abs(np.log(price[shown] / mid))
    order = np.argsort(distance, kind="stable")
    return distance[order], (price[shown] * size[shown])[order]


def _reach(distance: FloatArray, usd: FloatArray, flow: float) -> float:
    """Return how far from mid a flow eats into one side; depth is spread evenly from each level to the next."""
    cumulative = np.concatenate((np.zeros(1), np.cumsum(usd)))
    if flow > cumulative[-1]:
        return nan
    return float(np.interp(flow, cumulative, np.concatenate((np.zeros(1), distance))))


def depth_impact(
    bid_price: FloatArray,
    bid_size: FloatArray,
    ask_price: FloatArray,
    ask_size: FloatArray,
    config: ImpactConfig | None = None,
) -> ImpactEstimate:
    """Return the log price per dollar that a flow would eat into the book, averaged over both sides.

    Parameters
    ----------
    bid_price, bid_size, ask_price, ask_size : ndarray, shape (n_levels,)
        Levels of each side in any order, price in USD and size in units; NaN or 0 where there is none.
    config : ImpactConfig, optional
        ``reference_flow_usd`` is the flow; NaN takes the dollars shown on the thinner side.

    Returns
    -------
    ImpactEstimate
        Method ``DEPTH``; NaN with a reason where a side is empty, the book is crossed or it shows less than the flow.

    Notes
    -----
    ``1 / lambda`` is the depth in dollars per unit of log price. Orders that arrive while the flow is worked are not in
    the book, so this is an instantaneous impact, usually above that of bars. Its standard error is half the
    difference of the two sides.
    """
    config = config or ImpactConfig()
    bids, asks = bid_price[bid_size > 0.0], ask_price[ask_size > 0.0]
    n = int(bids.shape[0] + asks.shape[0])
    if not (bids.size and asks.size):
        return no_impact(0, n, "a side of the book is empty")
    best_bid, best_ask = float(np.nanmax(bids)), float(np.nanmin(asks))
    if not 0.0 < best_bid <= best_ask:
        return no_impact(0, n, "the book is crossed")
    mid = 0.5 * (best_bid + best_ask)
    sides = [book_side(bid_price, bid_size, mid), book_side(ask_price, ask_size, mid)]
    shown = min(float(usd.sum()) for _, usd in sides)
    flow = config.reference_flow_usd if isfinite(config.reference_flow_usd) else shown
    reaches = [_reach(distance, usd, flow) for distance, usd in sides]
    if not all(isfinite(reach) and flow > 0.0 for reach in reaches):
        return no_impact(0, n, f"the thinner side shows {shown:.4g} USD, less than the flow of {flow:.4g}")
    value = 0.5 * (reaches[0] + reaches[1]) / flow
    estimate = ImpactEstimate(
        return_per_usd=value,
        standard_error=0.5 * abs(reaches[0] - reaches[1]) / flow,
        method=ImpactMethod.DEPTH,
        n=n,
        horizon_ns=0,
        flow_usd=flow,
        signing_accuracy=nan,
        raw_return_per_usd=value,
        r_squared=nan,
        reason="",
    )
    return bounded(estimate, config)
