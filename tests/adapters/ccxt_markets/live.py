"""Live feeds over emulated exchanges for tests: a made-up tape, and a feed on its clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from adapters.ccxt_markets import CcxtFeed, CcxtFeedConfig
from adapters.emulated import EmulatedServer
from adapters.emulated.binance import BinanceFront
from adapters.emulated.bybit import BybitFront
from adapters.emulated.coin_records import CoinMarket, CoinRecords, RecordedFeed
from adapters.emulated.deribit import DeribitFront
from market.books import BookSnapshot
from market.ports import MarketBatch
from market.provenance import AsOfSource
from tests.adapters.ccxt_markets.coins import PERPETUAL, SPOT, ticks

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
PER_STEP = 4

INVERSE = CoinMarket(base="BTC", quote="USD", settle="BTC", venue_symbol="BTC-PERPETUAL", tick=0.5, lot=10.0)
FRONTS: dict[str, Any] = {"binance": BinanceFront, "bybit": BybitFront, "deribit": DeribitFront}
# Open streams: Binance has one for each subscription, the others one for all.
STREAMS = {"binance": 3, "bybit": 1, "deribit": 1}
EACH = [("binance", SPOT), ("binance", PERPETUAL), ("bybit", PERPETUAL), ("deribit", INVERSE)]


def served(batches: Sequence[MarketBatch], exchange: str = "binance", **records: Any) -> EmulatedServer:
    """Return an emulated exchange over batches."""
    listed = (INVERSE,) if exchange == "deribit" else (SPOT, PERPETUAL)
    coins = sorted({chain.symbol for batch in batches for chain in batch.chains})
    return EmulatedServer(FRONTS[exchange](CoinRecords(**{"markets": listed, **records})), RecordedFeed(coins, batches))


def book_at(market: str, step: int, ts_ns: int) -> BookSnapshot:
    """Return a book of five levels a side that moves from step to step."""
    made, levels = ticks(market, ts_ns).quotes[0], np.arange(5, dtype=np.float64)
    return BookSnapshot(
        symbol=market.partition("/")[0],
        market=market,
        ts_event_ns=ts_ns,
        cause_id="test",
        provenance=made.provenance,
        bid_price=30_000.0 + step % 3 - 0.5 * levels,
        bid_size=1.0 + (levels + step) % 4,
        ask_price=30_000.5 + step % 3 + 0.5 * levels,
        ask_size=2.0 + (levels + step) % 3,
    )


def tape(market: str, steps: int) -> list[MarketBatch]:
    """Return a batch per second: a quote, a book, and four trades numbered from 1."""
    found = []
    for step in range(steps):
        ts_ns = START_NS + (step + 1) * SECOND_NS
        made = ticks(market, ts_ns)
        trades = replace(made.trades[0], trade_id=np.arange(PER_STEP, dtype=np.int64) + PER_STEP * step + 1)
        found.append(replace(made, sequence=step, trades=(trades,), books=(book_at(market, step, ts_ns),)))
    return found


@contextmanager
def opened(
    server: EmulatedServer, exchange_id: str, *markets: str, streams: int, ahead_ns: int = 0, **config: Any
) -> Iterator[CcxtFeed]:
    """Run a feed on a machine whose clock is so far ahead of the server, from when its streams are subscribed."""
    told = {"timeframe": "", "funding_every_s": 0.0, "fill_wait_s": 0.2, "first_wait_s": 0.05, **config}
    feed = CcxtFeed(
        CcxtFeedConfig(exchange_id=exchange_id, markets=markets, url=server.url, **told),
        clock_ns=lambda: server.desk.clock.now_ns() + ahead_ns,
    )
    server.desk.clock.move_to(START_NS)
    feed.rewind(-1)
    try:
        feed.next_batch()
        assert server.desk.streams.wait_sessions(streams)
        yield feed
    finally:
        feed.close()


def run_until(server: EmulatedServer, feed: CcxtFeed, *names: str) -> None:
    """Play batches until the feed has counted these: its subscriptions take a moment."""
    for _ in range(50):
        server.step()
        if feed.arrivals.wait(lambda c: all(c.get(name, 0) for name in names), 0.2):
            return
    raise AssertionError(f"{names} never came: {feed.counts}")


def is_stamped(book: BookSnapshot) -> bool:
    """Return whether the exchange told the book's instant: a snapshot of Binance spot has none."""
    return book.provenance.as_of_source is AsOfSource.STAMPED


def followed(server: EmulatedServer, feed: CcxtFeed) -> list[MarketBatch]:
    """Play the rest of the tape and take a batch as soon as each book has come."""
    found, before = [], feed.counts["books"]
    while server.step():
        feed.arrivals.wait(lambda c, n=before: c["books"] > n, 0.2)  # type: ignore[misc]  # bound now
        before = feed.counts["books"]
        found.append(feed.next_batch())
    return found


def taken(feed: CcxtFeed, batches: Sequence[MarketBatch] = ()) -> list[MarketBatch]:
    """Return batches with what has come since."""
    return [*batches, feed.next_batch()]


def column(batches: Sequence[MarketBatch], name: str) -> Any:
    """Return one column of all trades of some batches."""
    return np.concatenate([getattr(trades, name) for batch in batches for trades in batch.trades])
