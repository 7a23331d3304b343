"""The market behind an emulated venue: a feed played into a tape, and read as it was known at an instant."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, final

import numpy as np

from adapters.emulated.clock import VirtualClock
from market.chains import BoolArray, FloatArray, IntArray, OptionChain
from market.contracts import ContractIndex
from market.ports import MarketBatch, MarketFeed
from market.trades import UNDERLYING, Int64Array, QuoteBatch, TradeBatch, concatenate, select

__all__ = ["Bars", "EmulatedMarket"]

_Ticks = TypeVar("_Ticks", TradeBatch, QuoteBatch)
_FOREVER_NS = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars of one instrument made from its prints; arrays of shape ``(n_bars,)``; spans without a print have none.

    Parameters
    ----------
    start_ns : ndarray of int64
        Start of each bar, a multiple of its length since the epoch, UTC.
    open, high, low, close : ndarray
        Prices per unit of the underlying.
    volume, vwap : ndarray
        Contracts or units of the underlying, and the mean price weighted by them.
    n_trades : ndarray of int64
        Number of prints.
    """

    start_ns: Int64Array
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    vwap: FloatArray
    n_trades: Int64Array


@final
class EmulatedMarket:
    """Plays a feed, recorded or simulated, and answers what was known when; may be read from any thread.

    Parameters
    ----------
    feed : MarketFeed
        Where chains, quotes and trades come from.
    clock : VirtualClock
        It moves with the feed.
    keep : int
        How many of the newest batches can be asked for, > 0.
    """

    def __init__(self, feed: MarketFeed, clock: VirtualClock, *, keep: int = 10_000) -> None:
        self._feed, self._clock = feed, clock
        self._tape: deque[MarketBatch] = deque(maxlen=keep)
        self._listeners: list[Callable[[MarketBatch], None]] = []
        self._lock = threading.RLock()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Underlyings of the feed."""
        return self._feed.symbols

    def delay_s(self) -> float:
        """Return the seconds until the next batch is due, as the feed says."""
        return self._feed.delay_s()

    def listen(self, listener: Callable[[MarketBatch], None]) -> None:
        """Call a function with every later batch, in the thread that steps the market."""
        self._listeners.append(listener)

    def step(self) -> MarketBatch | None:
        """Play the next batch: move the clock, keep it, tell the listeners; None where the feed has ended."""
        with self._lock:
            batch = self._feed.next_batch()
            if batch is None:
                return None
            self._clock.move_to(batch.ts_event_ns)
            self._tape.append(batch)
        for listener in self._listeners:
            listener(batch)
        return batch

    def trades(self, symbol: str, start_ns: int = 0, end_ns: int = _FOREVER_NS) -> TradeBatch | None:
        """Return the trades of an underlying and its options from `start_ns` to before `end_ns`; None for none."""
        found = [item for batch in self._batches() for item in batch.trades if item.symbol == symbol]
        return _between(found, start_ns, end_ns)

    def quotes(self, symbol: str, start_ns: int = 0, end_ns: int = _FOREVER_NS) -> QuoteBatch | None:
        """Return the quotes of an underlying and its options from `start_ns` to before `end_ns`; None for none."""
        found = [item for batch in self._batches() for item in batch.quotes if item.symbol == symbol]
        return _between(found, start_ns, end_ns)

    def chain(self, symbol: str, as_of_ns: int = _FOREVER_NS) -> OptionChain | None:
        """Return the newest chain of an underlying with the quotes and prints since then on it.

        Parameters
        ----------
        symbol : str
            Underlying.
        as_of_ns : int
            What came later is not told.

        Returns
        -------
        OptionChain or None
            Its contracts are those of the feed's newest chain; None where there was none by then.
        """
        known = [batch for batch in self._batches() if batch.ts_event_ns <= as_of_ns]
        for place in range(len(known) - 1, -1, -1):
            chain = next((item for item in known[place].chains if item.symbol == symbol), None)
            if chain is not None:
                return _overlaid(chain, known[place + 1 :])
        return None

    def bars(self, symbol: str, length_ns: int, contract: tuple[float, bool, str] | None = None) -> Bars:
        """Return the bars of an underlying, or of one of its options.

        Parameters
        ----------
        symbol : str
            Underlying.
        length_ns : int
            Length of a bar, > 0.
        contract : tuple of float, bool and str, optional
            Strike, whether it is a call, and expiration (``2025-06-02``) of the option.

        Returns
        -------
        Bars
            From all prints on the tape, in time order.
        """
        trades = self.trades(symbol)
        if trades is None:
            return _bars(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), length_ns)
        rows = np.flatnonzero(_rows_of(trades, contract))
        rows = rows[np.argsort(trades.ts_ns[rows], kind="stable")]
        return _bars(trades.ts_ns[rows], trades.price[rows], trades.size[rows], length_ns)

    def _batches(self) -> list[MarketBatch]:
        with self._lock:
            return list(self._tape)


def _between(found: list[_Ticks], start_ns: int, end_ns: int) -> _Ticks | None:
    if not found:
        return None
    whole = concatenate(found)
    inside = (whole.ts_ns >= start_ns) & (whole.ts_ns < end_ns)
    return select(whole, inside) if inside.any() else None


def _rows_of(trades: TradeBatch, contract: tuple[float, bool, str] | None) -> BoolArray:
    if contract is None:
        return np.asarray(trades.contract == UNDERLYING)
    strike, is_call, expiration = contract
    table = trades.contracts
    on_day = np.array([series.expiration.isoformat() == expiration for series in table.series], dtype=np.bool_)
    same = (table.strike == strike) & (table.is_call == is_call) & on_day[table.series_index]
    padded = np.append(same, False)  # the underlying's -1 points at the last
    return np.asarray(padded[trades.contract], dtype=np.bool_)


def _overlaid(chain: OptionChain, later: list[MarketBatch]) -> OptionChain:
    if not later:
        return chain
    index = ContractIndex()
    numbers = index.register(chain)
    place = np.argsort(numbers)
    names = ("bid", "ask", "bid_size", "ask_size", "last", "volume", "quote_ts_ns")
    arrays: dict[str, Any] = {name: getattr(chain, name).copy() for name in names}
    spot: dict[str, Any] = {"spot_last": chain.spot_last, "spot_bid": chain.spot_bid, "spot_ask": chain.spot_ask}
    spot_ts_ns = chain.spot_ts_ns
    for batch in later:
        for quotes in (item for item in batch.quotes if item.symbol == chain.symbol):
            row, own = _places(index.find(quotes.contracts), place, quotes.contract)
            for name in ("bid", "ask", "bid_size", "ask_size"):
                arrays[name][own] = getattr(quotes, name)[row]
            arrays["quote_ts_ns"][own] = quotes.ts_ns[row]
            told = np.flatnonzero(quotes.contract == UNDERLYING)
            if told.size:
                spot["spot_bid"], spot["spot_ask"] = float(quotes.bid[told[-1]]), float(quotes.ask[told[-1]])
        for trades in (item for item in batch.trades if item.symbol == chain.symbol):
            row, own = _places(index.find(trades.contracts), place, trades.contract)
            arrays["last"][own] = trades.price[row]
            np.add.at(arrays["volume"], own, trades.size[row])
            told = np.flatnonzero(trades.contract == UNDERLYING)
            if told.size:
                spot["spot_last"], spot_ts_ns = float(trades.price[told[-1]]), int(trades.ts_ns[told[-1]])
    return replace(chain, ts_event_ns=later[-1].ts_event_ns, spot_ts_ns=spot_ts_ns, **arrays, **spot)


def _places(numbers: Int64Array, place: Int64Array, contract: IntArray) -> tuple[Int64Array, Int64Array]:
    """Return the rows of a batch that speak of the chain's contracts, and the contracts' places in the chain."""
    known = np.append(numbers, np.int64(-1))[contract]
    row = np.flatnonzero(known >= 0)
    return row, place[known[row]]


def _bars(ts_ns: Int64Array, price: FloatArray, size: FloatArray, length_ns: int) -> Bars:
    start, first, count = np.unique(ts_ns // length_ns * length_ns, return_index=True, return_counts=True)
    if not start.size:
        empty = np.zeros(0)
        return Bars(
            start_ns=start, open=empty, high=empty, low=empty, close=empty, volume=empty, vwap=empty, n_trades=count
        )
    volume = np.add.reduceat(size, first)
    return Bars(
        start_ns=start,
        open=price[first],
        high=np.maximum.reduceat(price, first),
        low=np.minimum.reduceat(price, first),
        close=price[first + count - 1],
        volume=volume,
        vwap=np.add.reduceat(price * size, first) / volume,
        n_trades=count.astype(np.int64),
    )
