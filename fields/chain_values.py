"""Volatility and delta of some contracts of a chain, valued one expiration at a time as far as they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, final

import numpy as np

from fields.book import Int64Array, SortedBook
from fields.conventions import TimeBasis
from fields.forwards import Forwards, imply_forwards
from fields.greeks import exposure_greeks
from fields.parity import parity_pairs
from fields.timebase import TimeToExpiry, time_to_expiry, valuation_instant
from fields.volatility import contract_volatility
from market.chains import FloatArray, OptionChain

__all__ = ["ChainValues"]

_MISSING: Final = -1


@final
class ChainValues:
    """Values of one chain on the calendar clock; arrays are of the contracts that were asked for.

    Parameters
    ----------
    chain : OptionChain
        With one contract or more.
    book : SortedBook
        Its contracts sorted, as `fields.book.sorted_book`.

    Notes
    -----
    Forwards and discounts are implied once for the whole chain by put-call parity, as the field does, because the
    rates of one expiration come from the others; volatilities and deltas follow per expiration. American options are
    valued by the European formula on the forward.
    """

    __slots__ = ("_book", "_chain", "_delta", "_forwards", "_time", "_valued", "_volatility")

    def __init__(self, chain: OptionChain, book: SortedBook) -> None:
        valuation_ns = valuation_instant(chain.ts_event_ns, chain.series[0].product)
        self._chain = chain
        self._book = book
        self._time = time_to_expiry(valuation_ns, chain.series, TimeBasis.CALENDAR)
        self._forwards = imply_forwards(chain, parity_pairs(book), self._time, valuation_ns)
        self._valued: set[int] = set()
        self._volatility: FloatArray = np.zeros(0)
        self._delta: FloatArray = np.zeros(0)

    @property
    def spot(self) -> float:
        """Spot reference as `fields.forwards.imply_forwards` finds it; NaN where there is none."""
        return self._forwards.spot.price

    @property
    def forwards(self) -> Forwards:
        """Forward and discount of each series."""
        return self._forwards

    @property
    def time(self) -> TimeToExpiry:
        """Time to expiry of each series."""
        return self._time

    def volatility(self, places: Int64Array) -> FloatArray:
        """Return annualised volatilities of contracts.

        Parameters
        ----------
        places : ndarray of int64, shape (n_places,)
            Places in the chain.

        Returns
        -------
        ndarray, shape (n_places,)
            As `fields.volatility.contract_volatility`; NaN where there is none.
        """
        self._value(places)
        return self._volatility[places]

    def delta(self, places: Int64Array) -> FloatArray:
        """Return deltas of contracts per unit of the underlying.

        Parameters
        ----------
        places : ndarray of int64, shape (n_places,)
            Places in the chain.

        Returns
        -------
        ndarray, shape (n_places,)
            NaN where there is no volatility.
        """
        self._value(places)
        return self._delta[places]

    def _value(self, places: Int64Array) -> None:
        if not self._volatility.shape[0]:
            self._volatility, self._delta = np.full((2, self._chain.n_contracts), np.nan)
        for series in set(self._chain.series_index[places].tolist()):
            if series not in self._valued:
                self._value_series(series)
                self._valued.add(series)

    def _value_series(self, series: int) -> None:
        book, forwards, time = self._of_series(series)
        volatility = contract_volatility(book, book.vendor_iv, forwards, time).volatility
        tau, discount = float(time.calendar_years[0]), float(forwards.discount[0])
        with np.errstate(invalid="ignore"):
            rate = -np.log(discount) / tau
            carry = np.log(float(forwards.forward[0]) / self.spot) / tau
        greeks = exposure_greeks(self.spot, book.strike, tau, rate, rate - carry, volatility, book.is_call)
        self._volatility[book.order] = volatility
        self._delta[book.order] = greeks.delta

    def _of_series(self, series: int) -> tuple[SortedBook, Forwards, TimeToExpiry]:
        start, end = (int(self._book.series_start[series + k]) for k in (0, 1))
        here, one = slice(start, end), slice(series, series + 1)
        twin = self._book.twin[here]
        book = SortedBook(
            order=self._book.order[here],
            series_start=np.array([0, end - start], dtype=np.int64),
            series=np.zeros(end - start, dtype=np.int64),
            twin=np.where(twin >= 0, twin - start, _MISSING),
            strike=self._book.strike[here],
            is_call=self._book.is_call[here],
            bid=self._book.bid[here],
            ask=self._book.ask[here],
            vendor_iv=self._book.vendor_iv[here],
            open_interest=self._book.open_interest[here],
            strikes=self._book.strikes,
            strike_place=self._book.strike_place[here],
        )
        forwards = replace(
            self._forwards,
            forward=self._forwards.forward[one],
            discount=self._forwards.discount[one],
            dispersion=self._forwards.dispersion[one],
            source=self._forwards.source[one],
        )
        time = TimeToExpiry(
            years=self._time.years[one],
            calendar_years=self._time.calendar_years[one],
            expired=self._time.expired[one],
            floored=self._time.floored[one],
        )
        return book, forwards, time
