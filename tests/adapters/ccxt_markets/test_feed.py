"""A live feed of Binance through the unmodified ccxt.pro client, against the emulated exchange."""

from __future__ import annotations

import random

import numpy as np
import pytest

from adapters.emulated import EmulatedServer
from adapters.emulated.binance import BinanceFront
from adapters.emulated.coin_records import CoinMarket, CoinRecords, RecordedFeed
from market.ports import MarketBatch
from tests.adapters.ccxt_markets.coins import PERPETUAL, SPOT
from tests.adapters.ccxt_markets.live import PER_STEP, column, opened, run_until, taken, tape


def _server(batches: list[MarketBatch], *markets: CoinMarket) -> EmulatedServer:
    return EmulatedServer(BinanceFront(CoinRecords(markets=markets or (SPOT, PERPETUAL))), RecordedFeed((), batches))


@pytest.mark.parametrize("market", [SPOT, PERPETUAL])
def test_a_stream_cut_twenty_times_delivers_what_an_uninterrupted_one_does(market: CoinMarket) -> None:
    """Each trade once and in order, whether the cut met a frame, a subscription or nothing."""
    draw, batches = random.Random(7), tape(market.symbol, 60)
    cuts = set(draw.sample(range(60), 20))
    with _server(batches) as server, opened(server, "binance", market.symbol, streams=3) as feed:
        found: list[MarketBatch] = []
        for step in range(60):
            server.step()
            if step in cuts:
                server.cut_streams()
                if draw.random() < 0.5:
                    server.desk.streams.wait_sessions(3, 1.0)
            found = taken(feed, found)
        assert feed.arrivals.wait(lambda c: c.get("delivered_trades", 0) == 60 * PER_STEP, 10.0)
        found = taken(feed, found)
    whole = [batch.trades[0] for batch in batches]
    for name in ("trade_id", "ts_ns", "price", "size", "aggressor"):
        np.testing.assert_array_equal(column(found, name), np.concatenate([getattr(b, name) for b in whole]))
    assert feed.counts["reconnects"] >= 3
    assert "lost_stretches" not in feed.counts
    assert [batch.sequence for batch in found] == list(range(1, len(found) + 1))
    assert {trades.symbol for batch in found for trades in batch.trades} == {"BTC"}


def test_quotes_and_books_come_in_units_of_the_coin() -> None:
    """Best quotes as they change, and the book that ccxt keeps from a snapshot and changes."""
    market, batches = PERPETUAL, tape(PERPETUAL.symbol, 60)
    with _server(batches) as server, opened(server, "binance", market.symbol, streams=3, depth=3) as feed:
        run_until(server, feed, "quotes", "books")
        before = feed.counts["books"]
        told = server.step()[0].books[0]
        assert feed.arrivals.wait(lambda c: c["books"] > before, 5.0)
        [book] = feed.next_batch().books
    assert (book.symbol, book.market, book.ts_event_ns) == ("BTC", market.symbol, told.ts_event_ns)
    for name in ("bid_price", "bid_size", "ask_price", "ask_size"):
        np.testing.assert_array_equal(getattr(book, name), getattr(told, name)[:3])
    assert book.provenance.simulated


def test_an_exchange_without_options_says_that_there_is_no_chain() -> None:
    """Spot of Binance delivers what it has; the missing chain is a note, not an error."""
    with _server(tape(SPOT.symbol, 1)) as server, opened(server, "binance", SPOT.symbol, streams=3) as feed:
        server.step()
        assert feed.arrivals.wait(lambda c: c.get("delivered_trades", 0) == PER_STEP, 5.0)
        batch = feed.next_batch()
        assert batch.chains == ()
        assert batch.trades[0].n_trades == PER_STEP
        assert any("option chain" in note for note in feed.notes)
