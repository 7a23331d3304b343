"""A chain sorted by series and strike, so that each later step is one pass and each contract knows its parity twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fields.jit import BOOL, F64, I64, INT, kernel
from market.chains import BoolArray, FloatArray, OptionChain

__all__ = ["SortedBook", "sorted_book"]

Int64Array = NDArray[np.int64]


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
    strikes: FloatArray
    strike_place: Int64Array


@kernel(I64, F64, BOOL, INT[::1])
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
    bits = (chain.strike.view(np.int64) & ~np.int64(1)) | chain.is_call
    by_strike = np.argsort(bits)
    within = np.argsort(chain.series_index[by_strike].astype(np.uint16), kind="stable")
    order = by_strike[within]

    ranked = chain.strike[by_strike]
    fresh = np.empty(ranked.shape, dtype=np.bool_)
    fresh[:1] = True
    np.not_equal(ranked[1:], ranked[:-1], out=fresh[1:])
    place_by_strike = np.cumsum(fresh) - 1

    series = chain.series_index[order].astype(np.int64)
    strike = chain.strike[order]
    is_call = chain.is_call[order]
    twin = np.empty(order.shape, dtype=np.int64)
    _find_twins(series, strike, is_call, twin)
    return SortedBook(
        order=order,
        series_start=np.searchsorted(series, np.arange(len(chain.series) + 1)),
        series=series,
        twin=twin,
        strike=strike,
        is_call=is_call,
        bid=chain.bid[order],
        ask=chain.ask[order],
        strikes=ranked[fresh],
        strike_place=place_by_strike[within],
    )
