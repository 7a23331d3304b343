"""Profiles of relative illiquidity by price level: from a book, from traded volume, or constant."""

from __future__ import annotations

from functools import lru_cache
from math import expm1, isfinite

import numpy as np
from numba import types

from fields.conventions import LiquiditySource
from fields.illiquidity.config import ProfileConfig
from fields.jit import F64, INT, OUT, REAL, kernel, primitive
from fields.liquidity import LiquidityProfile
from fields.primitives import half_power, tail_factor
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["constant_profile", "depth_profile", "volume_profile"]

# Bins per bandwidth: on a twelfth of it the kernel is smooth.
_BINS_PER_BANDWIDTH = 12.0


# In bandwidths; what is farther away has a share of the kernel below 1e-18.
_FAR = 9.0
# (log2(e) / 2): exp(-d^2 / 2) is 2^(-this d^2).
_BELL_SQUARE = 0.7213475204444817


@lru_cache(maxsize=16)
def _edges(half_width: float, n_cells: int) -> FloatArray:
    edges = np.linspace(-half_width, half_width, n_cells + 1)
    edges.setflags(write=False)
    return edges


def constant_profile(reason: str, config: ProfileConfig | None = None) -> LiquidityProfile:
    """Return the default: the same illiquidity everywhere, with the reason why nothing better stands in its place.

    Parameters
    ----------
    reason : str
        Why.
    config : ProfileConfig, optional
        Width.

    Returns
    -------
    LiquidityProfile
        One cell of 1.
    """
    half = (config or ProfileConfig()).half_width
    return LiquidityProfile(
        edges=np.array([-half, half]), illiquidity=np.ones(1), source=LiquiditySource.CONSTANT, reason=reason
    )


@primitive
def _normal(z: float) -> float:
    tail = half_power(_BELL_SQUARE * z * z) * tail_factor(abs(z))
    return tail if z < 0.0 else 1.0 - tail


@kernel(F64, F64, REAL, REAL, INT, F64, REAL, REAL, OUT, returns=types.boolean)
def _fill_relative(
    x: FloatArray,
    usd: FloatArray,
    low: float,
    high: float,
    n_bins: int,
    edges: FloatArray,
    bandwidth: float,
    min_support: float,
    relative: FloatArray,
) -> bool:
    """Fill illiquidity relative to the middle cell, and return whether anything is known there.

    Dollars go into bins, shared between the two nearest centres: levels on a lattice leave no beat. A Gaussian carries
    them, and the length of the bins, from the middle of each bin to the cells, by differences of its integral. A cell
    of whose kernel too little was seen takes the nearest one's value, the lower of two.
    """
    n, width = relative.shape[0], (high - low) / n_bins
    masses, dollars, length = np.zeros(n_bins), np.zeros(n), np.zeros(n)
    for i in range(x.shape[0]):
        if low <= x[i] <= high:  # not the sum of the bins, which may round to less than what was seen
            place = min(max((x[i] - low) / width - 0.5, 0.0), n_bins - 1.0)
            left = min(int(place), n_bins - 1)
            masses[left] += usd[i] * (1.0 - (place - left))
            masses[min(left + 1, n_bins - 1)] += usd[i] * (place - left)
    reach, step = _FAR * bandwidth, (edges[n] - edges[0]) / n
    for b in range(n_bins):
        centre = low + (b + 0.5) * width
        first = min(max(int((centre - reach - edges[0]) / step) - 1, 0), n)
        last = min(max(int((centre + reach - edges[0]) / step) + 2, 0), n)
        before = _normal((edges[first] - centre) / bandwidth)
        for cell in range(first, last):
            after = _normal((edges[cell + 1] - centre) / bandwidth)
            weight, before = after - before, after
            length[cell] += weight * width
            dollars[cell] += weight * masses[b]
    middle = n // 2
    for cell in range(n):
        known = length[cell] >= min_support * (edges[cell + 1] - edges[cell])
        relative[cell] = dollars[cell] / length[cell] if known else -1.0
    here = relative[middle]
    if not here > 0.0:
        return False
    above = np.empty(n, dtype=np.int64)
    nearest = 2 * n
    for cell in range(n - 1, -1, -1):
        nearest = cell if relative[cell] >= 0.0 else nearest
        above[cell] = nearest
    nearest = -n
    for cell in range(n):
        nearest = cell if relative[cell] >= 0.0 else nearest
        dollars[cell] = relative[nearest if cell - nearest <= above[cell] - cell else above[cell]]
    for cell in range(n):
        relative[cell] = here / dollars[cell]
    return True


def _profile(
    x: FloatArray, usd: FloatArray, seen: tuple[float, float], config: ProfileConfig, source: LiquiditySource
) -> LiquidityProfile:
    reach = config.half_width + 8.0 * config.bandwidth
    low, high = max(seen[0], -reach), min(seen[1], reach)
    if not high > low:
        return constant_profile(f"{source.value}: no price range was seen around spot", config)
    n_bins = max(1, round((high - low) / config.bandwidth * _BINS_PER_BANDWIDTH))
    edges, relative = _edges(config.half_width, config.n_cells), np.empty(config.n_cells)
    read = (np.ascontiguousarray(x), np.ascontiguousarray(usd))
    if not _fill_relative(*read, low, high, n_bins, edges, config.bandwidth, config.min_support, relative):
        return constant_profile(f"{source.value}: nothing was seen at spot", config)
    return LiquidityProfile(
        edges=edges,
        illiquidity=np.minimum(np.maximum(relative, config.floor), config.cap),
        source=source,
        reason=f"seen from {expm1(low):+.3%} to {expm1(high):+.3%} of spot; beyond it the nearest cell stands",
    )


def depth_profile(
    bid_price: FloatArray,
    bid_size: FloatArray,
    ask_price: FloatArray,
    ask_size: FloatArray,
    spot: float,
    config: ProfileConfig | None = None,
) -> LiquidityProfile:
    """Return relative illiquidity from the resting orders of a book: the inverse of dollars per unit of log price.

    Parameters
    ----------
    bid_price, bid_size, ask_price, ask_size : ndarray, shape (n_levels,)
        Levels of each side in any order, price in USD and size in units; NaN or 0 where there is none.
    spot : float
        Reference price.
    config : ProfileConfig, optional
        Cells, smoothing and bounds.

    Returns
    -------
    LiquidityProfile
        1 at spot; constant with a reason where a side is empty. Beyond the last level on each side the nearest cell
        stands: what was not shown is not known to be empty.
    """
    config = config or ProfileConfig()
    _require_spot(spot)
    price, size = np.concatenate((bid_price, ask_price)), np.concatenate((bid_size, ask_size))
    shown = np.isfinite(price) & np.isfinite(size) & (price > 0.0) & (size > 0.0)
    is_bid = np.arange(price.shape[0]) < bid_price.shape[0]
    if not ((shown & is_bid).any() and (shown & ~is_bid).any()):
        return constant_profile("depth: a side of the book is empty", config)
    x = np.log(price[shown] / spot)
    return _profile(x, price[shown] * size[shown], (float(x.min()), float(x.max())), config, LiquiditySource.DEPTH)


def volume_profile(
    price: FloatArray, usd: FloatArray, spot: float, config: ProfileConfig | None = None
) -> LiquidityProfile:
    """Return relative illiquidity from volume at price: little is traded where little flow is needed to pass.

    Parameters
    ----------
    price : ndarray, shape (n_trades,)
        Trades, or closes of bars, of a trailing window, USD.
    usd : ndarray, shape (n_trades,)
        Dollars traded at each.
    spot : float
        Reference price.
    config : ProfileConfig, optional
        Cells, smoothing and bounds.

    Returns
    -------
    LiquidityProfile
        1 at spot; constant with a reason where nothing was traded near spot.

    Notes
    -----
    Volume by price is a proxy of depth: price also spends more time where it is, so it understates the liquidity of
    prices that were passed quickly (docs/fields/liquidity.md).
    """
    config = config or ProfileConfig()
    _require_spot(spot)
    traded = np.isfinite(price) & np.isfinite(usd) & (price > 0.0) & (usd > 0.0)
    if not traded.any():
        return constant_profile("volume_at_price: nothing was traded", config)
    x = np.log(price[traded] / spot)
    seen = (float(x.min()), float(x.max()))
    return _profile(x, usd[traded], seen, config, LiquiditySource.VOLUME_AT_PRICE)


def _require_spot(spot: float) -> None:
    if not (spot > 0.0 and isfinite(spot)):
        raise DataError("a liquidity profile needs a spot", found=str(spot), expected="a positive finite price")
