"""A chain sorted by series and strike, so that each later step is one pass and each contract knows its parity twin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fields.jit import BOOL, F64, I32, I64, INT, OUT, kernel
from market.chains import BoolArray, FloatArray, IntArray, OptionChain

__all__ = ["SortedBook", "requoted_book", "sorted_book"]

Int64Array = NDArray[np.int64]
_OUT_I64 = INT[::1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedBook:
    """The contracts of a chain in order of series, strike and right (put before call).

    Arrays have shape ``(n_contracts,)`` where nothing else is said; none of them depends on the order of the input.

    Parameters
    ----------
    order : ndarray of int64
        Place of each sorted contract in the chain.
    series_start : ndarray of int64, shape (n_series + 1,)
        First contract of each series.
    series : ndarray of int64
        Series of each contract.
    twin : ndarray of int64
        Place of the contract of the other right at the same series and strike; -1 where there is none.
    strike : ndarray
        Strikes, USD.
    is_call : ndarray of bool
        True for calls.
    bid, ask : ndarray
        Quotes, USD per unit of the underlying.
    vendor_iv : ndarray
        Published volatilities; NaN where absent.
    open_interest : ndarray
        Contracts; NaN where missing.
    strikes : ndarray, shape (n_strikes,)
        Distinct strikes of all series, rising.
    strike_place : ndarray of int64
        Place of each contract's strike in `strikes`.
    """

    order: Int64Array
    series_start: Int64Array
    series: Int64Array
    twin: Int64Array
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    vendor_iv: FloatArray
    open_interest: FloatArray
    strikes: FloatArray
    strike_place: Int64Array


@kernel(I64, I64, F64, I32, _OUT_I64, _OUT_I64, _OUT_I64, _OUT_I64, OUT, returns=INT)
def _place_contracts(
    by_strike: Int64Array,
    within: Int64Array,
    strike: FloatArray,
    series_index: IntArray,
    order: Int64Array,
    series: Int64Array,
    series_start: Int64Array,
    strike_place: Int64Array,
    strikes: FloatArray,
) -> int:
    """Fill the order ``by_strike[within]`` and what follows from it; return the number of distinct strikes."""
    place = np.empty(by_strike.shape[0], dtype=np.int64)
    n = 0
    for rank in range(by_strike.shape[0]):
        here = strike[by_strike[rank]]
        if n == 0 or here != strikes[n - 1]:
            strikes[n] = here
            n += 1
        place[rank] = n - 1
    started = 0
    for i in range(within.shape[0]):
        order[i] = by_strike[within[i]]
        strike_place[i] = place[within[i]]
        series[i] = series_index[order[i]]
        while started <= series[i]:
            series_start[started] = i
            started += 1
    for s in range(started, series_start.shape[0]):
        series_start[s] = within.shape[0]
    return n


@kernel(I64, F64, BOOL, _OUT_I64)
def _find_twins(series: Int64Array, strike: FloatArray, is_call: BoolArray, twin: Int64Array) -> None:
    n = series.shape[0]
    for i in range(n):
        twin[i] = -1
    for i in range(n - 1):
        same = series[i] == series[i + 1] and strike[i] == strike[i + 1]
        if same and not is_call[i] and is_call[i + 1]:
            twin[i] = i + 1
            twin[i + 1] = i


def sorted_book(chain: OptionChain) -> SortedBook:
    """Sort a chain once for all later steps.

    Parameters
    ----------
    chain : OptionChain
        In any order.

    Returns
    -------
    SortedBook
        See there.

    Notes
    -----
    Positive doubles order as their bit patterns, so strike and right fit in one integer key (the right takes the last
    bit); the stable second sort by series is a radix sort on 16 bits.
    """
    unsorted = np.ascontiguousarray(chain.strike, dtype=np.float64)
    bits = (unsorted.view(np.int64) & ~np.int64(1)) | chain.is_call
    by_strike = bits.argsort()
    within = chain.series_index[by_strike].astype(np.uint16).argsort(kind="stable")
    order, series, place, twin = np.empty((4, by_strike.shape[0]), dtype=np.int64)
    start, strikes = np.empty(len(chain.series) + 1, dtype=np.int64), np.empty(by_strike.shape[0])
    series_index = np.ascontiguousarray(chain.series_index, dtype=np.int32)
    n_strikes = _place_contracts(by_strike, within, unsorted, series_index, order, series, start, place, strikes)
    strike, is_call = unsorted[order], chain.is_call[order]
    _find_twins(series, strike, is_call, twin)
    return SortedBook(
        order=order,
        series_start=start,
        series=series,
        twin=twin,
        strike=strike,
        is_call=is_call,
        bid=chain.bid[order],
        ask=chain.ask[order],
        vendor_iv=chain.vendor_iv[order],
        open_interest=chain.open_interest[order],
        strikes=strikes[:n_strikes],
        strike_place=place,
    )


def requoted_book(book: SortedBook, chain: OptionChain) -> SortedBook:
    """Return the sorted book of a chain that lists the contracts of another one in the same order.

    Parameters
    ----------
    book : SortedBook
        Of the other chain; its order stands.
    chain : OptionChain
        With the same contracts and other quotes.

    Returns
    -------
    SortedBook
        Equal to ``sorted_book(chain)``, at the cost of four gathers.
    """
    return replace(
        book,
        bid=chain.bid[book.order],
        ask=chain.ask[book.order],
        vendor_iv=chain.vendor_iv[book.order],
        open_interest=chain.open_interest[book.order],
    )
