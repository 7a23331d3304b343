"""The contracts that enter the field: valued, with a dealer position, in book order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fields.book import Int64Array, SortedBook
from fields.forwards import Forwards
from fields.jit import BOOL, F64, I64, INT, OUT, kernel
from fields.snapshot import ContractCounts
from fields.timebase import TimeToExpiry
from fields.volatility import DROP_CODES, ContractVolatility, VolatilitySource
from market.chains import BoolArray, DropReason, FloatArray, OptionChain

__all__ = ["Holdings", "NettedHoldings", "count_contracts", "held_contracts", "net_twins"]

_NO_POSITION = DROP_CODES.index(DropReason.NO_POSITION)
_SOURCE_NAMES = {
    VolatilitySource.OWN_QUOTE: "own_quote",
    VolatilitySource.PARITY_TWIN: "parity_twin",
    VolatilitySource.VENDOR: "vendor",
    VolatilitySource.SURFACE: "surface",
}
_OUT_I64 = INT[::1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Used contracts; arrays of shape (n_used,) in order of series, strike and right.

    Parameters
    ----------
    place : ndarray of int64
        Place in the sorted book.
    series : ndarray of int64
        Series of each contract.
    strike : ndarray
        Strikes, USD.
    is_call : ndarray of bool
        True for calls.
    tau : ndarray
        Years of the field's clock.
    volatility : ndarray
        Annualised on that clock.
    rate, carry : ndarray
        Per year of that clock: -ln(discount) / tau and ln(forward / spot) / tau.
    multiplier : ndarray
        Units of the underlying per contract.
    contracts : ndarray
        Signed dealer contracts, + long.
    open_interest : ndarray
        Contracts; NaN where missing.
    """

    place: Int64Array
    series: Int64Array
    strike: FloatArray
    is_call: BoolArray
    tau: FloatArray
    volatility: FloatArray
    rate: FloatArray
    carry: FloatArray
    multiplier: FloatArray
    contracts: FloatArray
    open_interest: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class NettedHoldings:
    """Holdings with each call-put pair of one volatility merged into its call; arrays of shape (n_netted,).

    Gamma and vanna of such a pair are equal, and their charms differ by the constant ``q exp(-q tau)``, so one contract
    of the summed position stands for both and the ladder costs half.

    Parameters
    ----------
    lead : ndarray of int64
        Place in the holdings of the contract that stands for the pair.
    partner : ndarray of int64
        Place of the put that was merged; -1 where there is none.
    """

    lead: Int64Array
    partner: Int64Array

    def net(self, values: FloatArray) -> FloatArray:
        """Return a quantity of the holdings summed over each pair, shape (n_netted,)."""
        return np.asarray(values[self.lead] + np.where(self.partner >= 0, values[self.partner], 0.0))


@kernel(I64, F64, BOOL, F64, _OUT_I64, _OUT_I64, returns=INT)
def _pair_up(
    series: Int64Array,
    strike: FloatArray,
    is_call: BoolArray,
    volatility: FloatArray,
    lead: Int64Array,
    partner: Int64Array,
) -> int:
    n = 0
    for i in range(strike.shape[0]):
        lead[n] = i
        partner[n] = -1
        if n > 0 and is_call[i] and not is_call[i - 1]:
            same = series[i] == series[i - 1] and strike[i] == strike[i - 1] and volatility[i] == volatility[i - 1]
            if same:
                lead[n - 1] = i
                partner[n - 1] = i - 1
                continue
        n += 1
    return n


def net_twins(holdings: Holdings) -> NettedHoldings:
    """Merge call-put pairs that share series, strike and volatility.

    Parameters
    ----------
    holdings : Holdings
        Used contracts.

    Returns
    -------
    NettedHoldings
        See there.
    """
    lead, partner = np.empty((2, holdings.strike.shape[0]), dtype=np.int64)
    columns = (holdings.series, holdings.strike, holdings.is_call, holdings.volatility)
    n = _pair_up(*columns, lead, partner)
    return NettedHoldings(lead=lead[:n], partner=partner[:n])


def held_contracts(
    chain: OptionChain,
    book: SortedBook,
    time: TimeToExpiry,
    forwards: Forwards,
    valued: ContractVolatility,
    contracts: FloatArray,
) -> Holdings:
    """Select the contracts that have a volatility and a position.

    Parameters
    ----------
    chain : OptionChain
        The chain.
    book : SortedBook
        The same, sorted.
    time : TimeToExpiry
        Time to expiry per series.
    forwards : Forwards
        Forward, discount and spot.
    valued : ContractVolatility
        Volatilities in book order.
    contracts : ndarray, shape (n_contracts,)
        Signed dealer contracts in book order; NaN where unknown.

    Returns
    -------
    Holdings
        See there.
    """
    place = ((valued.source > 0) & np.isfinite(contracts)).nonzero()[0]
    series = book.series[place]
    rate = -np.log(forwards.discount) / time.years
    carry = np.log(forwards.forward / forwards.spot.price) / time.years
    return Holdings(
        place=place,
        series=series,
        strike=book.strike[place],
        is_call=book.is_call[place],
        tau=time.years[series],
        volatility=valued.volatility[place],
        rate=rate[series],
        carry=carry[series],
        multiplier=chain.multiplier[series],
        contracts=contracts[place],
        open_interest=book.open_interest[place],
    )


@kernel(I64, I64, F64, I64, _OUT_I64, _OUT_I64, OUT)
def _tally(
    drop: Int64Array,
    source: Int64Array,
    open_interest: FloatArray,
    held: Int64Array,
    drops: Int64Array,
    sources: Int64Array,
    interest: FloatArray,
) -> None:
    """Count drop codes, sources of those held, and open interest: all that is known, and that of those held."""
    for i in range(drop.shape[0]):
        drops[drop[i]] += 1
        if np.isfinite(open_interest[i]):
            interest[0] = open_interest[i] + (0.0 if np.isnan(interest[0]) else interest[0])
    for i in held:
        sources[source[i]] += 1
        if np.isfinite(open_interest[i]):
            interest[1] = open_interest[i] + (0.0 if np.isnan(interest[1]) else interest[1])


def count_contracts(
    chain: OptionChain, book: SortedBook, valued: ContractVolatility, holdings: Holdings
) -> ContractCounts:
    """Account for every contract that was read.

    Parameters
    ----------
    chain : OptionChain
        With the adapter's own drops.
    book : SortedBook
        The same, sorted.
    valued : ContractVolatility
        Volatilities and drop codes in book order.
    holdings : Holdings
        Used contracts.

    Returns
    -------
    ContractCounts
        ``read == used + sum(dropped)``.
    """
    drops, sources, interest = (
        np.zeros(len(DROP_CODES), np.int64),
        np.zeros(len(VolatilitySource), np.int64),
        np.full(2, np.nan),
    )
    _tally(valued.drop, valued.source, book.open_interest, holdings.place, drops, sources, interest)
    used = holdings.place.shape[0]
    drops[_NO_POSITION] = drops[0] - used
    dropped: dict[str, int] = {reason.value: count for reason, count in chain.dropped.items() if count}
    for reason, count in zip(DROP_CODES[1:], drops.tolist()[1:], strict=True):
        if count and reason is not None:
            dropped[reason.value] = dropped.get(reason.value, 0) + count
    by_source, (interest_read, interest_used) = sources.tolist(), interest.tolist()
    return ContractCounts(
        read=chain.n_read,
        used=used,
        dropped=dropped,
        iv_sources={name: by_source[code] for code, name in _SOURCE_NAMES.items()},
        open_interest_read=interest_read,
        open_interest_used=interest_used,
    )
