"""The venue of the streaming benchmark: an emulated Alpaca in a process of its own, at any rate of messages.

Quotes jitter around the chain of a simulated market. Instants are those of the machine's clock at the moment of
sending, so that whoever applies a row knows how long it was under way.
"""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, Final, Self

import numpy as np

from market.chains import OptionChain
from market.clock import datetime_of_ns
from market.ports import MarketBatch
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch, TradeBatch

__all__ = ["KEY", "SECRET", "Load", "Venue", "sample_batch"]

KEY: Final = "PKSTREAMINGBENCH0001"
SECRET: Final = "of-a-venue-that-lives-for-a-minute"  # noqa: S105  # pragma: allowlist secret
_NS: Final = 1_000_000_000
_STREAMS: Final = ("/v2/iex", "/v1beta1/indicative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the venue tells.

    Parameters
    ----------
    symbols : tuple of str
        Underlyings; each gets an equal share.
    rate : float
        Messages per second of all streams together.
    beat_s : float
        Time between frames, seconds.
    trades : float
        Share of prints among the messages.
    underlying : float
        Share of the underlyings' own quotes and prints among the messages.
    """

    symbols: tuple[str, ...]
    rate: float
    beat_s: float = 0.01
    trades: float = 0.04
    underlying: float = 0.06


class _Tape:
    """Rows of one symbol."""

    def __init__(self, chain: OptionChain, load: Load, seed: int) -> None:
        self._chain, self._load, self._rng = chain, load, np.random.default_rng(seed)
        self._table = ContractTable(
            series=chain.series, series_index=chain.series_index, strike=chain.strike, is_call=chain.is_call
        )
        today = datetime_of_ns(time.time_ns()).date()  # on a day without a session some have expired
        alive = np.array([series.expiration > today for series in chain.series])
        self._alive = np.flatnonzero(alive[chain.series_index]).astype(np.int32)
        self._bid = np.append(chain.bid, chain.spot_last - 0.01)
        self._ask = np.append(chain.ask, chain.spot_last + 0.01)
        self._number = 0

    def chain(self, now_ns: int) -> OptionChain:
        """Return the whole chain."""
        stamps = np.full(self._chain.n_contracts, now_ns - 1)
        return replace(self._chain, ts_event_ns=now_ns, spot_ts_ns=now_ns - 1, quote_ts_ns=stamps)

    def rows(self, n: int, now_ns: int) -> tuple[QuoteBatch, TradeBatch]:
        """Return quotes and prints of so many rows together, stamped in order up to now."""
        contract = self._rng.choice(self._alive, n)
        contract[self._rng.random(n) < self._load.underlying] = UNDERLYING
        ts_ns = now_ns - np.arange(n)[::-1]  # distinct, as a row that repeats another is none
        is_trade = self._rng.random(n) < self._load.trades
        return self._quotes(contract[~is_trade], ts_ns[~is_trade]), self._trades(contract[is_trade], ts_ns[is_trade])

    def _common(self, ts_ns: Any) -> dict[str, Any]:
        head = {"symbol": self._chain.symbol, "cause_id": "load", "provenance": self._chain.provenance}
        return head | {"ts_event_ns": int(ts_ns.max(initial=0)), "contracts": self._table, "ts_ns": ts_ns}

    def _quotes(self, contract: Any, ts_ns: Any) -> QuoteBatch:
        tick = 0.01 * self._rng.integers(-2, 3, contract.size)
        sizes = self._rng.integers(1, 200, (2, contract.size)).astype(np.float64)
        bid = np.round(np.maximum(self._bid[contract] + tick, 0.0), 2)
        return QuoteBatch(
            **self._common(ts_ns),
            contract=contract,
            bid=bid,
            ask=np.round(np.maximum(self._ask[contract] + tick, bid + 0.01), 2),
            bid_size=sizes[0],
            ask_size=sizes[1],
            venue=np.full(contract.size, CONSOLIDATED, dtype=np.int16),
        )

    def _trades(self, contract: Any, ts_ns: Any) -> TradeBatch:
        n = contract.size
        at_ask = self._rng.random(n) < 0.5
        price = np.where(at_ask, self._ask[contract], self._bid[contract])
        self._number += n
        return TradeBatch(
            **self._common(ts_ns),
            contract=contract,
            trade_id=np.arange(self._number - n, self._number),
            price=np.round(np.maximum(price, 0.01), 2),
            size=self._rng.integers(1, 20, n).astype(np.float64),
            flags=np.zeros(n, dtype=np.uint8),
            venue=self._rng.integers(0, 16, n).astype(np.int16),
            aggressor=np.zeros(n, dtype=np.int8),
        )


class _LoadFeed:
    """A `market.ports.MarketFeed` that tells chains only until it is let go."""

    def __init__(self, load: Load) -> None:
        self._load, self.symbols = load, load.symbols
        self._tapes = [_Tape(chain, load, seed) for seed, chain in enumerate(_chains(load.symbols))]
        self._sequence, self._begun, self._told, self._chains_s = 0, 0.0, 0, 0.0
        self.rate = 0.0
        self.sent = 0

    def delay_s(self) -> float:
        """Return the seconds until the next beat of an even clock."""
        return self._load.beat_s - time.monotonic() % self._load.beat_s

    def rewind(self, sequence: int) -> None:
        """Do nothing: the venue is not asked twice."""

    def next_batch(self) -> MarketBatch:
        """Return what is due since the batch before, and the chains once a second."""
        now_ns, now_s = time.time_ns(), time.monotonic()
        if now_s - self._chains_s >= 1.0:
            self._chains_s = now_s
            return self._batch(now_ns, chains=tuple(tape.chain(now_ns) for tape in self._tapes))
        if not self.rate:
            self._begun, self._told = now_s, 0
            return self._batch(now_ns)
        each = int((now_s - self._begun) * self.rate - self._told) // len(self._tapes)
        if each <= 0:
            return self._batch(now_ns)
        self._told += each * len(self._tapes)
        self.sent += each * len(self._tapes)
        rows = [tape.rows(each, now_ns) for tape in self._tapes]
        return self._batch(
            now_ns, quotes=tuple(quotes for quotes, _ in rows), trades=tuple(trades for _, trades in rows)
        )

    def _batch(self, now_ns: int, **content: Any) -> MarketBatch:
        self._sequence += 1
        return MarketBatch(sequence=self._sequence, ts_event_ns=now_ns, **{"chains": (), **content})


def sample_batch(n_rows: int) -> MarketBatch:
    """Return so many rows of one symbol as the venue would tell them."""
    load = Load(symbols=("SPY",), rate=1.0)
    quotes, trades = _Tape(_chains(load.symbols)[0], load, 0).rows(n_rows, time.time_ns())
    return MarketBatch(sequence=0, ts_event_ns=quotes.ts_event_ns, chains=(), quotes=(quotes,), trades=(trades,))


def _chains(symbols: tuple[str, ...]) -> list[OptionChain]:
    from adapters.simulated import SimulatedFeed, demo_config
    from adapters.simulated.catalogue import listed_as
    from market.calendars import latest_session

    begun_ns = latest_session("NYSE", time.time_ns()).open_ns + 3_600 * _NS
    market = listed_as(demo_config(start_ns=begun_ns), symbols)
    batch = SimulatedFeed(market).next_batch()
    if batch is None:
        raise AssertionError("a simulated market begins with its chains")
    return list(batch.chains)


class Venue:
    """The venue's process, as the benchmark sees it; a context manager."""

    def __init__(self, load: Load) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._child = context.Process(target=_serve, args=(load, theirs), daemon=True)
        self._child.start()
        self.port = int(self._ours.recv())

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._child.pid or 0

    def ask(self, question: str, *arguments: float) -> Any:
        """Return the venue's answer: to ``subscribed``, ``rate``, ``drain`` or ``stop``."""
        self._ours.send((question, *arguments))
        return self._ours.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._child.join(10.0)
        if self._child.is_alive():
            self._child.kill()


def _serve(load: Load, parent: Connection) -> None:
    from adapters.emulated import EmulatedServer
    from adapters.emulated.alpaca import AlpacaFrontEnd
    from adapters.emulated.faults import Where

    feed = _LoadFeed(load)
    front = AlpacaFrontEnd(KEY, SECRET, requests_per_min=1_000_000)
    with EmulatedServer(front, feed, paced=True, keep=int(3.0 / load.beat_s)) as server:
        parent.send(server.port)
        while True:
            try:
                question, *arguments = parent.recv()
            except EOFError:
                return
            if question == "subscribed":  # authentication and names, on both streams
                parent.send(all(len(server.requests.of(path, Where.MESSAGE)) >= 2 for path in _STREAMS))
            elif question == "rate":
                feed.rate = float(arguments[0])
                parent.send(None)
            elif question == "drain":
                server.desk.streams.wait_drained(60.0)
                parent.send(feed.sent)
