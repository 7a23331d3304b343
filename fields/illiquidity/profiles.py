"""Profiles of relative illiquidity by price level: from a book, from traded volume, or constant."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from fields.illiquidity.config import ProfileConfig
from fields.liquidity import LiquidityProfile, LiquiditySource
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["constant_profile", "depth_profile", "volume_profile"]

# Bins per bandwidth: on a twelfth of it the kernel is smooth.
_BINS_PER_BANDWIDTH = 12.0


# In bandwidths; what is farther away has a share of the kernel below 1e-18.
_FAR = 9.0


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


def _smoothed(bins: FloatArray, usd: FloatArray, seen: FloatArray, config: ProfileConfig) -> tuple[FloatArray, ...]:
    """Return smoothed dollars per seen log price by cell, and the share of each cell's kernel that was seen."""
    edges = _edges(config.half_width, config.n_cells)
    density, support = np.full(config.n_cells, np.nan), np.zeros(config.n_cells)
    reach = _FAR * config.bandwidth
    first = max(int(edges.searchsorted(bins[0] - reach)) - 1, 0)
    near = edges[first : int(edges.searchsorted(bins[-1] + reach)) + 1]
    # A Gaussian that reaches from the middle of a bin into a cell, by differences of its integral.
    integral = ndtr((near[:, None] - bins[None, :]) / config.bandwidth)
    weight = integral[1:] - integral[:-1]
    length, held = weight @ seen, slice(first, first + max(near.shape[0] - 1, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        density[held] = (weight @ usd) / length
    support[held] = length / (near[1:] - near[:-1])
    return density, support


def _nearest(places: NDArray[np.int64], n_cells: int) -> NDArray[np.int64]:
    """Return the nearest of some rising places to each cell; the lower of two."""
    if places.shape[0] == n_cells:
        return places
    cell = np.arange(n_cells)
    after = places.searchsorted(cell)
    low, high = places[np.maximum(after - 1, 0)], places[np.minimum(after, places.shape[0] - 1)]
    return np.where(cell - low <= high - cell, low, high)


def _deposited(x: FloatArray, usd: FloatArray, low: float, width: float, n_bins: int) -> FloatArray:
    """Return dollars by bin, shared between the two nearest centres: levels on a lattice leave no beat."""
    inside = (x >= low) & (x <= low + n_bins * width)
    place = np.minimum(np.maximum((x[inside] - low) / width - 0.5, 0.0), n_bins - 1.0)
    left = np.minimum(place.astype(np.int64), n_bins - 1)
    right = np.minimum(left + 1, n_bins - 1)
    share = place - left
    masses = np.bincount(left, weights=usd[inside] * (1.0 - share), minlength=n_bins)
    return np.asarray(masses + np.bincount(right, weights=usd[inside] * share, minlength=n_bins))


def _profile(
    x: FloatArray, usd: FloatArray, seen: tuple[float, float], config: ProfileConfig, source: LiquiditySource
) -> LiquidityProfile:
    reach = config.half_width + 8.0 * config.bandwidth
    low, high = max(seen[0], -reach), min(seen[1], reach)
    if not high > low:
        return constant_profile(f"{source.value}: no price range was seen around spot", config)
    n_bins = max(1, round((high - low) / config.bandwidth * _BINS_PER_BANDWIDTH))
    width = (high - low) / n_bins
    centres = np.asarray(low + (np.arange(n_bins) + 0.5) * width, dtype=np.float64)
    density, support = _smoothed(centres, _deposited(x, usd, low, width, n_bins), np.ones(n_bins) * width, config)
    known = (support >= config.min_support) & np.isfinite(density)
    middle = config.n_cells // 2
    if not (known[middle] and density[middle] > 0.0):
        return constant_profile(f"{source.value}: nothing was seen at spot", config)
    nearest = _nearest(known.nonzero()[0], config.n_cells)
    with np.errstate(divide="ignore"):
        relative = density[middle] / density[nearest]
    return LiquidityProfile(
        edges=_edges(config.half_width, config.n_cells),
        illiquidity=np.minimum(np.maximum(relative, config.floor), config.cap),
        source=source,
        reason=f"seen from {np.expm1(low):+.3%} to {np.expm1(high):+.3%} of spot; beyond it the nearest cell stands",
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
