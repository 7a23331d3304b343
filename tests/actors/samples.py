"""A deterministic feed of small chains: a fake of the port, for tests of what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from functools import lru_cache

import numpy as np

from actors.messages import ShardBatch
from market.books import BookSnapshot
from market.chains import DropReason, OptionChain
from market.ports import MarketBatch
from market.series import SeriesBatch, SeriesUnit
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, TradeBatch
from tests.generators import Expiry, synthetic_chain

AS_OF_NS = 1_684_870_000_000_000_000


@lru_cache(maxsize=64)
def small_chain(symbol: str) -> OptionChain:
    """Return 68 contracts of one expiration."""
    strikes = np.arange(3_600.0, 4_401.0, 25.0)
    chain = synthetic_chain(expiries=(Expiry(date(2023, 6, 9)),), strikes=strikes, half_spread=0.05)
    return replace(chain, symbol=symbol)


def broken_chain(symbol: str) -> OptionChain:
    """Return a chain without a contract and without a series, of which no field exists."""
    whole = small_chain(symbol)
    n = whole.n_contracts
    empty = {
        item.name: getattr(whole, item.name)[:0]
        for item in fields(whole)
        if isinstance(getattr(whole, item.name), np.ndarray)
    }
    return replace(whole, **empty, series=(), n_read=n, dropped={DropReason.BAD_ROW: n})


def batch_of(sequence: int, *chains: OptionChain, trades: tuple[TradeBatch, ...] = ()) -> MarketBatch:
    """Return a batch whose instant moves with its sequence."""
    instant = AS_OF_NS + sequence * 1_000_000_000
    return MarketBatch(sequence=sequence, ts_event_ns=instant, chains=chains, trades=trades)


def trades_of(symbol: str, count: int) -> TradeBatch:
    """Return so many trades in the underlying."""
    return TradeBatch(
        symbol=symbol,
        ts_event_ns=AS_OF_NS,
        cause_id="test",
        provenance=small_chain(symbol).provenance,
        contracts=ContractTable.empty(),
        contract=np.full(count, UNDERLYING, dtype=np.int32),
        ts_ns=np.full(count, AS_OF_NS),
        trade_id=np.arange(count),
        price=np.full(count, 4_000.0),
        size=np.ones(count),
        flags=np.zeros(count, dtype=np.uint8),
        venue=np.full(count, CONSOLIDATED, dtype=np.int16),
        aggressor=np.zeros(count, dtype=np.int8),
    )


def book_of(symbol: str, mid: float = 4_000.0, ts_ns: int = AS_OF_NS) -> BookSnapshot:
    """Return fifty levels a side, a quarter apart."""
    steps = 0.25 * np.arange(1.0, 51.0)
    return BookSnapshot(
        symbol=symbol,
        market=f"{symbol}/USD",
        ts_event_ns=ts_ns,
        cause_id="test",
        provenance=small_chain(symbol).provenance,
        bid_price=mid - steps,
        bid_size=np.full(50, 10.0),
        ask_price=mid + steps,
        ask_size=np.full(50, 10.0),
    )


def series_of(series: str, value: float, ts_ns: int = AS_OF_NS) -> SeriesBatch:
    """Return one value of a series that was known at once."""
    return SeriesBatch(
        series=series,
        unit=SeriesUnit.INDEX_POINTS,
        ts_event_ns=ts_ns,
        cause_id="test",
        provenance=small_chain("A").provenance,
        event_ns=np.array([ts_ns]),
        available_ns=np.array([ts_ns]),
        value=np.array([value]),
    )


def message_of(sequence: int, *chains: OptionChain, live: int | None = None, received_ns: int = 0) -> ShardBatch:
    """Return a batch as the feed sends it."""
    return ShardBatch(
        parts=(batch_of(sequence, *chains),),
        sequence=sequence,
        live_sequence=sequence if live is None else live,
        received_ns=received_ns,
        queued=0,
    )


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ns: int = 0) -> None:
        self.instant_ns = now_ns

    def now_ns(self) -> int:
        return self.instant_ns


class ListedFeed:
    """So many batches of the same symbols, sequence from 0."""

    def __init__(self, symbols: tuple[str, ...], n_batches: int, interval_s: float) -> None:
        self._symbols, self._n_batches, self._interval_s, self._next = symbols, n_batches, interval_s, 0

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._symbols

    @property
    def counts(self) -> dict[str, int]:
        return {"told": self._next}

    def next_batch(self) -> MarketBatch | None:
        if self._next >= self._n_batches:
            return None
        self._next += 1
        sequence = self._next - 1
        chains = (
            replace(small_chain(symbol), cause_id=f"{symbol}:{sequence}", ts_event_ns=AS_OF_NS + sequence)
            for symbol in self._symbols
        )
        return batch_of(sequence, *chains)

    def delay_s(self) -> float:
        return self._interval_s if self._next else 0.0

    def rewind(self, sequence: int) -> None:
        self._next = sequence + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFactory:
    """A picklable recipe for a `ListedFeed`."""

    symbols: tuple[str, ...]
    n_batches: int
    interval_s: float

    def __call__(self) -> ListedFeed:
        return ListedFeed(self.symbols, self.n_batches, self.interval_s)
