"""One volatility per contract: its own quote, its parity twin's, the vendor's, the surface's, or a counted reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from fields.book import Int64Array, SortedBook
from fields.forwards import Forwards
from fields.implied_vol import implied_volatility
from fields.jit import BOOL, F64, I64, INT, OUT, kernel
from fields.surface.message import VolSurface
from fields.timebase import TimeToExpiry
from market.chains import BoolArray, DropReason, FloatArray

__all__ = [
    "DROP_CODES",
    "MIN_VENDOR_VOLATILITY",
    "ContractVolatility",
    "VolatilitySource",
    "contract_volatility",
    "fill_from_surface",
]

MIN_VENDOR_VOLATILITY: Final = 0.005
"""Annualised; vendors print 0.00001 or the like for "not available"."""

_OUT_I64 = INT[::1]

# Code 0 is "not dropped"; the kernels know the numbers.
DROP_CODES: Final = (
    None,
    DropReason.EXPIRED,
    DropReason.NO_FORWARD,
    DropReason.NO_QUOTE,
    DropReason.ZERO_BID,
    DropReason.CROSSED,
    DropReason.OUTSIDE_BOUNDS,
    DropReason.NO_POSITION,
)
_EXPIRED, _NO_FORWARD, _NO_QUOTE, _ZERO_BID, _CROSSED, _OUTSIDE = 1, 2, 3, 4, 5, 6


class VolatilitySource(IntEnum):
    """Where a contract's volatility came from."""

    NONE = 0
    OWN_QUOTE = 1
    PARITY_TWIN = 2
    VENDOR = 3
    SURFACE = 4  # no quote and no published volatility: read from the fitted surface


# An array that is compared with a member of an enumeration asks its class for a dozen names first.
_OWN_QUOTE, _SURFACE = int(VolatilitySource.OWN_QUOTE), int(VolatilitySource.SURFACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractVolatility:
    """Volatility of each contract of a sorted book; arrays of shape (n_contracts,).

    Parameters
    ----------
    volatility : ndarray
        Annualised on the field's clock; NaN where dropped.
    source : ndarray of int64
        `VolatilitySource`.
    drop : ndarray of int64
        Place in `DROP_CODES`; 0 where the contract has a volatility.
    """

    volatility: FloatArray
    source: Int64Array
    drop: Int64Array

    @property
    def own_quotes(self) -> FloatArray:
        """Volatilities of own quotes, NaN for all others; what a surface is fitted to, shape (n_contracts,)."""
        return np.where(self.source == _OWN_QUOTE, self.volatility, np.nan)


@kernel(F64, F64, F64, BOOL, I64, F64, F64, BOOL, OUT, _OUT_I64)
def _judge_quotes(
    bid: FloatArray,
    ask: FloatArray,
    strike: FloatArray,
    is_call: BoolArray,
    series: Int64Array,
    forward: FloatArray,
    discount: FloatArray,
    expired: BoolArray,
    price: FloatArray,
    drop: Int64Array,
) -> None:
    """Fill `price` with the mid where it has a volatility (NaN else), and `drop` with what is wrong with the others."""
    for i in range(strike.shape[0]):
        s = series[i]
        price[i] = np.nan
        drop[i] = 0
        if expired[s]:
            drop[i] = _EXPIRED
        elif not forward[s] > 0.0:
            drop[i] = _NO_FORWARD
        elif bid[i] > 0.0 and ask[i] >= bid[i]:
            mid = 0.5 * (bid[i] + ask[i])
            intrinsic = max(forward[s] - strike[i] if is_call[i] else strike[i] - forward[s], 0.0)
            time_value = mid / discount[s] - intrinsic
            if 0.0 < time_value < min(forward[s], strike[i]):
                price[i] = mid
            else:
                drop[i] = _OUTSIDE
        elif bid[i] > 0.0 and ask[i] > 0.0:
            drop[i] = _CROSSED
        else:
            drop[i] = _ZERO_BID if ask[i] > 0.0 else _NO_QUOTE


@kernel(F64, F64, BOOL, I64, I64, F64, F64, _OUT_I64, _OUT_I64, returns=INT)
def _choose_source(
    price: FloatArray,
    strike: FloatArray,
    is_call: BoolArray,
    series: Int64Array,
    twin: Int64Array,
    vendor: FloatArray,
    forward: FloatArray,
    source: Int64Array,
    own: Int64Array,
) -> int:
    """Fill each contract's source; list those whose own quote is to be inverted and return how many they are."""
    n = 0
    for i in range(strike.shape[0]):
        is_outside_money = is_call[i] == (strike[i] >= forward[series[i]])
        source[i] = 0
        if price[i] > 0.0 and is_outside_money:
            source[i] = 1
        elif twin[i] >= 0 and price[twin[i]] > 0.0 and not is_outside_money:
            source[i] = 2
        elif vendor[i] >= MIN_VENDOR_VOLATILITY and vendor[i] < np.inf:
            source[i] = 3
        elif price[i] > 0.0:
            source[i] = 1
        if source[i] == 1:
            own[n] = i
            n += 1
    return n


@kernel(I64, F64, F64, F64, I64, I64, OUT, _OUT_I64, _OUT_I64)
def _share(
    own: Int64Array,
    solved: FloatArray,
    vendor: FloatArray,
    vendor_scale: FloatArray,
    series: Int64Array,
    twin: Int64Array,
    volatility: FloatArray,
    source: Int64Array,
    drop: Int64Array,
) -> None:
    """Fill the volatilities from their sources, and clear the drop code where there is one."""
    for n in range(own.shape[0]):
        volatility[own[n]] = solved[n]
    for i in range(volatility.shape[0]):
        if drop[i] == _EXPIRED or drop[i] == _NO_FORWARD:
            source[i] = 0
        elif source[i] == 2:
            volatility[i] = volatility[twin[i]]
        elif source[i] == 3:
            volatility[i] = vendor[i] * vendor_scale[series[i]]
        if source[i] > 0:
            found = volatility[i] > 0.0
            drop[i] = 0 if found else _OUTSIDE
            source[i] = source[i] if found else 0


def contract_volatility(
    book: SortedBook, vendor_iv: FloatArray, forwards: Forwards, time: TimeToExpiry
) -> ContractVolatility:
    """Find the volatility of every contract.

    Parameters
    ----------
    book : SortedBook
        Sorted chain.
    vendor_iv : ndarray, shape (n_contracts,)
        Published volatilities on the calendar clock in the order of the book; NaN where absent.
    forwards : Forwards
        Forward and discount per series.
    time : TimeToExpiry
        Time to expiry per series.

    Returns
    -------
    ContractVolatility
        See there.

    Notes
    -----
    An option out of the money holds no intrinsic value, so its mid gives its volatility without cancellation; by
    parity the option in the money at the same strike has the same one. Where that quote is unusable the vendor's
    volatility stands in, and at last the in-the-money contract's own quote. A vendor's volatility is rescaled to keep
    its total variance where the field runs on the trading clock.
    """
    n = book.strike.shape[0]
    price, volatility = np.empty(n), np.full(n, np.nan)
    drop, source, own = np.empty((3, n), dtype=np.int64)
    forward, discount, s = forwards.forward, forwards.discount, book.series
    contract = (book.bid, book.ask, book.strike, book.is_call, s)
    _judge_quotes(*contract, forward, discount, time.expired, price, drop)
    vendor = np.ascontiguousarray(vendor_iv, dtype=np.float64)
    own = own[: _choose_source(price, book.strike, book.is_call, s, book.twin, vendor, forward, source, own)]
    t = s[own]
    solved = implied_volatility(
        price[own], forward[t], book.strike[own], time.years[t], discount[t], book.is_call[own]
    ).volatility
    _share(own, solved, vendor, np.sqrt(time.calendar_years / time.years), s, book.twin, volatility, source, drop)
    return ContractVolatility(volatility=volatility, source=source, drop=drop)


def fill_from_surface(
    valued: ContractVolatility, surface: VolSurface, book: SortedBook, forwards: Forwards
) -> ContractVolatility:
    """Give contracts without a volatility that of the surface.

    Parameters
    ----------
    valued : ContractVolatility
        Volatilities by `contract_volatility`.
    surface : VolSurface
        Surface of the same chain.
    book : SortedBook
        Sorted chain.
    forwards : Forwards
        Forward per series.

    Returns
    -------
    ContractVolatility
        The same where every contract has a volatility. Filled ones have `VolatilitySource.SURFACE`; a contract of an
        expired series, of one without a fit of its own, or far outside its quotes stays dropped.
    """
    without = (valued.source == 0).nonzero()[0]
    if not without.size:
        return valued
    series = book.series[without]
    with np.errstate(invalid="ignore"):
        k = np.log(book.strike[without] / forwards.forward[series])
    chosen = (valued.drop[without] > _NO_FORWARD) & surface.may_fill(series, k)
    place = without[chosen]
    if not place.size:
        return valued
    volatility, source, drop = valued.volatility.copy(), valued.source.copy(), valued.drop.copy()
    volatility[place] = surface.implied_vol(series[chosen], k[chosen])
    source[place], drop[place] = _SURFACE, 0
    return ContractVolatility(volatility=volatility, source=source, drop=drop)
