"""One volatility per contract: its own out-of-the-money quote, its parity twin's, the vendor's, or a counted reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fields.book import Int64Array, SortedBook
from fields.forwards import Forwards
from fields.implied_vol import implied_volatility
from fields.jit import BOOL, F64, I64, INT, OUT, kernel
from fields.timebase import TimeToExpiry
from market.chains import BoolArray, DropReason, FloatArray

__all__ = ["DROP_CODES", "ContractVolatility", "VolatilitySource", "contract_volatility"]

# Vendors print 0.00001 or the like for "not available".
_MIN_VENDOR_VOLATILITY: Final = 0.005
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


@kernel(F64, F64, F64, BOOL, I64, F64, BOOL, OUT, _OUT_I64)
def _judge_quotes(
    bid: FloatArray,
    ask: FloatArray,
    strike: FloatArray,
    is_call: BoolArray,
    series: Int64Array,
    forward: FloatArray,
    expired: BoolArray,
    price: FloatArray,
    drop: Int64Array,
) -> None:
    """Fill `price` with the mid of usable quotes (NaN else) and `drop` with what is wrong (negative: in the money)."""
    for i in range(strike.shape[0]):
        s = series[i]
        price[i] = np.nan
        drop[i] = 0
        if expired[s]:
            drop[i] = _EXPIRED
        elif not forward[s] > 0.0:
            drop[i] = _NO_FORWARD
        elif bid[i] > 0.0 and ask[i] >= bid[i]:
            price[i] = 0.5 * (bid[i] + ask[i])
            drop[i] = _OUTSIDE if is_call[i] == (strike[i] >= forward[s]) else -_OUTSIDE
        elif bid[i] > 0.0 and ask[i] > 0.0:
            drop[i] = _CROSSED
        else:
            drop[i] = _ZERO_BID if ask[i] > 0.0 else _NO_QUOTE


@kernel(I64, F64, F64, OUT, _OUT_I64, _OUT_I64)
def _share(
    twin: Int64Array,
    own: FloatArray,
    vendor: FloatArray,
    volatility: FloatArray,
    source: Int64Array,
    drop: Int64Array,
) -> None:
    """Give each contract its own volatility, else its twin's, else the vendor's; clear its drop code where one fits."""
    for i in range(own.shape[0]):
        volatility[i] = np.nan
        source[i] = 0
        if drop[i] == _EXPIRED or drop[i] == _NO_FORWARD:
            continue
        t = twin[i]
        if own[i] > 0.0:
            volatility[i] = own[i]
            source[i] = 1
        elif t >= 0 and own[t] > 0.0:
            volatility[i] = own[t]
            source[i] = 2
        elif vendor[i] > 0.0:
            volatility[i] = vendor[i]
            source[i] = 3
        if source[i] > 0:
            drop[i] = 0


def _invert(
    chosen: NDArray[np.intp], book: SortedBook, price: FloatArray, forwards: Forwards, years: FloatArray
) -> FloatArray:
    s = book.series[chosen]
    solved = implied_volatility(
        price[chosen], forwards.forward[s], book.strike[chosen], years[s], forwards.discount[s], book.is_call[chosen]
    )
    return solved.volatility


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
    price, volatility, own = np.empty(n), np.empty(n), np.full(n, np.nan)
    drop, source = np.empty((2, n), dtype=np.int64)
    contract = (book.bid, book.ask, book.strike, book.is_call, book.series)
    _judge_quotes(*contract, forwards.forward, time.expired, price, drop)
    outside_money = np.flatnonzero(drop == _OUTSIDE)
    own[outside_money] = _invert(outside_money, book, price, forwards, time.years)

    vendor = np.where(vendor_iv >= _MIN_VENDOR_VOLATILITY, vendor_iv, np.nan)
    if time.years is not time.calendar_years:
        vendor *= np.sqrt(time.calendar_years / time.years)[book.series]
    _share(book.twin, own, vendor, volatility, source, drop)
    left = np.flatnonzero(drop == -_OUTSIDE)
    if left.size:
        drop[left] = _OUTSIDE
        late = _invert(left, book, price, forwards, time.years)
        found = late > 0.0
        volatility[left[found]] = late[found]
        source[left[found]] = VolatilitySource.OWN_QUOTE
        drop[left[found]] = 0
    return ContractVolatility(volatility=volatility, source=source, drop=drop)
