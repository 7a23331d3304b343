"""Which quotes of a chain make the surface, and how much each counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from fields.book import SortedBook
from fields.forwards import Forwards
from fields.jit import BOOL, F64, I64, INT, OUT_2D, kernel
from fields.primitives import normal_density
from fields.surface.config import SurfaceConfig
from fields.timebase import TimeToExpiry
from market.chains import BoolArray, FloatArray

__all__ = ["SurfaceQuotes", "surface_quotes"]

_OUT_I64 = INT[::1]
_NO_QUOTE, _ZERO_BID, _CROSSED, _OUTSIDE, _STALE = 0, 1, 2, 3, 4
_N_DROPS = 5
_NS_PER_S = 1e9


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceQuotes:
    """Usable out-of-the-money quotes, series after series and strike after strike.

    Parameters
    ----------
    start : ndarray of int64, shape (n_series + 1,)
        First quote of each series.
    k, iv, half_spread, weight, freshness : ndarray, shape (n_quotes,)
        ln(strike / forward), mid volatility, half the bid-ask as volatility, weight of an error in volatility, and
        1 for a quote of this instant, halved with each half life of lag.
    n_dropped : ndarray of int64, shape (n_series, n_reasons)
        By `fields.surface.QUOTE_DROPS`.
    """

    start: NDArray[np.int64]
    k: FloatArray
    iv: FloatArray
    half_spread: FloatArray
    weight: FloatArray
    freshness: FloatArray
    n_dropped: NDArray[np.int64]

    @property
    def count(self) -> NDArray[np.int64]:
        """Quotes of each series, shape (n_series,)."""
        return np.asarray(self.start[1:] - self.start[:-1])


@kernel(F64, F64, F64, BOOL, I64, F64, I64, F64, F64, F64, BOOL, F64, INT, OUT_2D, _OUT_I64, _OUT_I64)
def _select(
    bid: FloatArray,
    ask: FloatArray,
    strike: FloatArray,
    is_call: BoolArray,
    series_start: NDArray[np.int64],
    mid_iv: FloatArray,
    quote_ts_ns: NDArray[np.int64],
    forward: FloatArray,
    discount: FloatArray,
    tau: FloatArray,
    expired: BoolArray,
    settings: FloatArray,
    ts_ns: int,
    columns: FloatArray,
    start: NDArray[np.int64],
    dropped: NDArray[np.int64],
) -> None:
    """Fill the columns (k, iv, half spread, weight, freshness), where each series begins, and the counts."""
    floor, taper, highest, half_life, max_lag = settings[0], settings[1], settings[2], settings[3], settings[4]
    n = 0
    for s in range(tau.shape[0]):
        start[s] = n
        root = math.sqrt(tau[s])
        for i in range(series_start[s], series_start[s + 1]):
            if expired[s] or not forward[s] > 0.0 or is_call[i] != (strike[i] >= forward[s]):
                continue
            lag = max((ts_ns - quote_ts_ns[i]) / _NS_PER_S, 0.0)
            why = -1
            if not bid[i] > 0.0:
                why = _ZERO_BID if ask[i] > 0.0 else _NO_QUOTE
            elif not ask[i] > 0.0:
                why = _NO_QUOTE
            elif ask[i] < bid[i]:
                why = _CROSSED
            elif not 0.0 < mid_iv[i] <= highest:
                why = _OUTSIDE
            elif lag > max_lag:
                why = _STALE
            if why >= 0:
                dropped[s * _N_DROPS + why] += 1
                continue
            k, a = math.log(strike[i] / forward[s]), mid_iv[i] * root
            z = k / a
            vega = discount[s] * forward[s] * root * normal_density(0.5 * a - z)
            half = 0.5 * (ask[i] - bid[i]) / max(vega, 1e-300)
            fresh = 0.5 ** (lag / half_life)
            columns[0, n], columns[1, n], columns[2, n], columns[4, n] = k, mid_iv[i], half, fresh
            columns[3, n] = max(fresh * math.exp(-0.5 * (z / taper) ** 2) / max(half, floor), 1e-12)
            n += 1
    start[tau.shape[0]] = n


def surface_quotes(
    book: SortedBook,
    mid_iv: FloatArray,
    forwards: Forwards,
    time: TimeToExpiry,
    quote_ts_ns: NDArray[np.int64],
    ts_ns: int,
    max_lag_s: float,
    config: SurfaceConfig,
) -> SurfaceQuotes:
    """Select and weigh the quotes of a chain.

    Parameters
    ----------
    book : SortedBook
        Sorted chain.
    mid_iv : ndarray, shape (n_contracts,)
        Volatility of each contract's own mid in the order of the book; NaN where it has none.
    forwards : Forwards
        Forward and discount per series.
    time : TimeToExpiry
        Time to expiry per series.
    quote_ts_ns : ndarray of int64, shape (n_contracts,)
        Instant of each quote in the order of the book, ns since the epoch, UTC.
    ts_ns : int
        Instant of the chain, ns since the epoch, UTC.
    max_lag_s : float
        Older quotes are stale.
    config : SurfaceConfig
        Settings.

    Returns
    -------
    SurfaceQuotes
        See there.

    Notes
    -----
    Half the spread in volatility is half the spread in price over vega at the mid: no further inversion.
    """
    n, n_series = book.strike.shape[0], time.years.shape[0]
    columns, start = np.empty((5, n)), np.empty(n_series + 1, dtype=np.int64)
    dropped = np.zeros(n_series * _N_DROPS, dtype=np.int64)
    c = config
    settings = np.array([c.half_spread_floor_vol, c.wing_taper_sd, c.max_volatility, c.half_life_s, max_lag_s])
    iv, stamps = np.ascontiguousarray(mid_iv), np.ascontiguousarray(quote_ts_ns, dtype=np.int64)
    prices = (book.bid, book.ask, book.strike)
    expiry = (forwards.forward, forwards.discount, time.years)
    found, first = (columns, start, dropped), book.series_start
    _select(*prices, book.is_call, first, iv, stamps, *expiry, time.expired, settings, ts_ns, *found)
    k, iv, half_spread, weight, freshness = columns[:, : start[-1]]
    return SurfaceQuotes(
        start=start,
        k=k,
        iv=iv,
        half_spread=half_spread,
        weight=weight,
        freshness=freshness,
        n_dropped=dropped.reshape(n_series, _N_DROPS),
    )
