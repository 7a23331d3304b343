"""The chain as it stands: the newest full chain, kept current by the quotes that came since."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from fields.live.saved import SavedChain
from market.chains import FloatArray, OptionChain
from market.contracts import ContractIndex
from market.errors import DataError
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, Int64Array, QuoteBatch

__all__ = ["ChainCounts", "LiveChain"]

_LIVE: Final = ("bid", "ask", "bid_size", "ask_size", "quote_ts_ns")


@dataclass(slots=True, kw_only=True)
class ChainCounts:
    """What became of the quotes since the start.

    Parameters
    ----------
    applied : int
        Quotes that changed the chain.
    late : int
        Quotes older than the one that stands; dropped.
    unlisted : int
        Quotes of contracts that the newest chain does not hold; dropped.
    """

    applied: int = 0
    late: int = 0
    unlisted: int = 0


def _own(array: NDArray[Any]) -> NDArray[Any]:
    return np.array(array, order="C")


@final
class LiveChain:
    """One underlying's chain between two full snapshots.

    Parameters
    ----------
    index : ContractIndex
        Numbers of the contracts; shared with whoever keeps state by contract.
    """

    def __init__(self, index: ContractIndex) -> None:
        self._index = index
        self._base: OptionChain | None = None
        self._columns: dict[str, FloatArray | Int64Array] = {}
        self._place_of = np.zeros(0, dtype=np.int64)  # by contract number; -1 where the chain does not hold it
        self._numbers = np.zeros(0, dtype=np.int64)
        self._known: tuple[ContractTable, Int64Array] | None = None
        self._spot = self._spot_bid = self._spot_ask = float("nan")
        self._spot_ts_ns = self._ts_event_ns = 0
        self.counts = ChainCounts()

    @property
    def is_empty(self) -> bool:
        """Whether there is no chain yet."""
        return self._base is None

    @property
    def numbers(self) -> Int64Array:
        """Contract numbers in the order of the chain, shape (n_contracts,)."""
        return self._numbers

    @property
    def spot(self) -> float:
        """Newest price of the underlying, USD; NaN before the first."""
        return self._spot

    @property
    def printed_spot(self) -> float:
        """Price of the underlying that the newest full chain prints, USD; NaN before the first."""
        return float("nan") if self._base is None else self._base.spot_last

    def on_chain(self, chain: OptionChain) -> None:
        """Take a full chain; quotes that are newer than its own stay.

        Parameters
        ----------
        chain : OptionChain
            Every contract as it stands.
        """
        before, numbers_before = self._columns, self._numbers
        self._base, self._numbers = chain, self._index.register(chain)
        self._columns = {name: _own(getattr(chain, name)) for name in _LIVE}
        self._place_of = np.full(len(self._index), -1, dtype=np.int64)
        self._place_of[self._numbers] = np.arange(chain.n_contracts)
        self._known = None
        if before:
            self._keep_newer(before, numbers_before)
        if chain.spot_ts_ns >= self._spot_ts_ns or not isfinite(self._spot):
            self._spot, self._spot_ts_ns = chain.spot_last, chain.spot_ts_ns
            self._spot_bid, self._spot_ask = chain.spot_bid, chain.spot_ask
        self._ts_event_ns = max(self._ts_event_ns, chain.ts_event_ns)

    def _keep_newer(self, before: dict[str, FloatArray | Int64Array], numbers: Int64Array) -> None:
        place = self._place_of[numbers]
        newer = (place >= 0) & (before["quote_ts_ns"] > self._columns["quote_ts_ns"][place])
        for name in _LIVE:
            self._columns[name][place[newer]] = before[name][newer]

    def numbers_of(self, table: ContractTable) -> Int64Array:
        """Return the number of each contract of a batch's table.

        Parameters
        ----------
        table : ContractTable
            What the batch speaks of; a table that comes again is looked up once.

        Returns
        -------
        ndarray of int64, shape (n_contracts,)
            Numbers from 0.
        """
        if self._known is None or self._known[0] is not table:
            self._known = table, self._index.register(table)
        return self._known[1]

    def on_quotes(self, quotes: QuoteBatch) -> None:
        """Apply best quotes: national best ones only, each where it is not older than the one that stands.

        Parameters
        ----------
        quotes : QuoteBatch
            Of this underlying and its options.
        """
        self._ts_event_ns = max(self._ts_event_ns, quotes.ts_event_ns)
        if quotes.n_quotes == 1 and int(quotes.contract[0]) != UNDERLYING:
            self._on_one_option(quotes)  # what a stream tells most; arrays of one row would take five times as long
            return
        best = quotes.venue == CONSOLIDATED
        own = best & (quotes.contract == UNDERLYING)
        if own.any():
            self._on_underlying(quotes, np.flatnonzero(own))
        rows = np.flatnonzero(best & (quotes.contract != UNDERLYING))
        if rows.size and self._base is not None:
            self._on_options(quotes, rows)

    def _on_underlying(self, quotes: QuoteBatch, rows: Int64Array) -> None:
        newest = int(rows[np.flatnonzero(quotes.ts_ns[rows] == quotes.ts_ns[rows].max())[-1]])
        ts_ns, bid, ask = int(quotes.ts_ns[newest]), float(quotes.bid[newest]), float(quotes.ask[newest])
        if ts_ns < self._spot_ts_ns:
            self.counts.late += 1
        elif 0.0 < bid <= ask:
            self._spot, self._spot_bid, self._spot_ask, self._spot_ts_ns = 0.5 * (bid + ask), bid, ask, ts_ns

    def _on_one_option(self, quotes: QuoteBatch) -> None:
        if self._base is None or int(quotes.venue[0]) != CONSOLIDATED:
            return
        number, ts_ns = int(self.numbers_of(quotes.contracts)[quotes.contract[0]]), int(quotes.ts_ns[0])
        place = int(self._place_of[number]) if number < self._place_of.shape[0] else -1
        if place < 0:
            self.counts.unlisted += 1
        elif ts_ns < self._columns["quote_ts_ns"][place]:
            self.counts.late += 1
        else:
            bid, ask = float(quotes.bid[0]), float(quotes.ask[0])
            self._columns["bid"][place] = max(0.0, bid)
            self._columns["ask"][place] = max(0.0, ask)
            self._columns["bid_size"][place] = quotes.bid_size[0]
            self._columns["ask_size"][place] = quotes.ask_size[0]
            self._columns["quote_ts_ns"][place] = ts_ns
            self.counts.applied += 1

    def _on_options(self, quotes: QuoteBatch, rows: Int64Array) -> None:
        number = self.numbers_of(quotes.contracts)[quotes.contract[rows]]
        listed = number < self._place_of.shape[0]
        place = np.where(listed, self._place_of[np.where(listed, number, 0)], -1)
        ts_ns = quotes.ts_ns[rows]
        known = place >= 0
        fresh = known & (ts_ns >= self._columns["quote_ts_ns"][place])
        n_known, n_fresh = int(np.count_nonzero(known)), int(np.count_nonzero(fresh))
        self.counts.unlisted += rows.shape[0] - n_known
        self.counts.late += n_known - n_fresh
        self.counts.applied += n_fresh
        if n_fresh < rows.shape[0]:
            rows, place, ts_ns = rows[fresh], place[fresh], ts_ns[fresh]
        if (ts_ns[1:] < ts_ns[:-1]).any():  # of several quotes of a contract the newest must be written last
            order = np.argsort(ts_ns, kind="stable")
            rows, place, ts_ns = rows[order], place[order], ts_ns[order]
        # NaN is a side that nobody shows, for which a chain has 0.
        self._columns["bid"][place] = np.where(quotes.bid[rows] > 0.0, quotes.bid[rows], 0.0)
        self._columns["ask"][place] = np.where(quotes.ask[rows] > 0.0, quotes.ask[rows], 0.0)
        self._columns["bid_size"][place] = quotes.bid_size[rows]
        self._columns["ask_size"][place] = quotes.ask_size[rows]
        self._columns["quote_ts_ns"][place] = ts_ns

    def on_price(self, ts_ns: int, price: float) -> None:
        """Take a trade in the underlying as its newest price, where no newer one stands.

        Parameters
        ----------
        ts_ns : int
            Instant of the trade, ns since the epoch, UTC.
        price : float
            USD.
        """
        self._ts_event_ns = max(self._ts_event_ns, ts_ns)
        if ts_ns >= self._spot_ts_ns and price > 0.0:
            self._spot, self._spot_ts_ns = price, ts_ns

    def checkpoint(self) -> SavedChain | None:
        """Return what a restart needs; None before the first chain."""
        return None if self._base is None else SavedChain.of(self.chain(self._ts_event_ns))

    def chain(self, ts_event_ns: int) -> OptionChain:
        """Return the chain as it stands.

        Parameters
        ----------
        ts_event_ns : int
            As-of instant, ns since the epoch, UTC; not before anything that was applied.

        Returns
        -------
        OptionChain
            Its arrays are views that the next quotes change: use it before them.
        """
        if self._base is None:
            raise DataError("there is no chain yet", found="quotes only", expected="a full chain first")
        now: dict[str, Any] = {
            **self._columns,
            "ts_event_ns": max(ts_event_ns, self._ts_event_ns),
            "spot_last": self._spot,
            "spot_bid": self._spot_bid,
            "spot_ask": self._spot_ask,
            "spot_ts_ns": self._spot_ts_ns,
        }
        return self._base.updated(now)
