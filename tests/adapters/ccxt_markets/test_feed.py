"""Live feeds through the unmodified ccxt.pro client, against emulated exchanges."""

from __future__ import annotations

import random

import numpy as np
import pytest

from adapters.emulated.coin_records import CoinMarket
from market.ports import MarketBatch
from tests.adapters.ccxt_markets.coins import SPOT
from tests.adapters.ccxt_markets.live import (
    EACH,
    PER_STEP,
    STREAMS,
    column,
    followed,
    is_stamped,
    opened,
    run_until,
    served,
    taken,
    tape,
)


@pytest.mark.parametrize(("exchange", "market"), EACH)
def test_a_stream_cut_twenty_times_delivers_what_an_uninterrupted_one_does(exchange: str, market: CoinMarket) -> None:
    """Each trade once and in order, whether the cut met a frame, a subscription or nothing."""
    draw, batches = random.Random(7), tape(market.symbol, 60)
    cuts = set(draw.sample(range(60), 20))
    n = STREAMS[exchange]
    with served(batches, exchange) as server, opened(server, exchange, market.symbol, streams=n) as feed:
        found: list[MarketBatch] = []
        for step in range(60):
            server.step()
            if step in cuts:
                server.cut_streams()
                if draw.random() < 0.5:
                    server.desk.streams.wait_sessions(n, 1.0)
            found = taken(feed, found)
        assert feed.arrivals.wait(lambda c: c.get("delivered_trades", 0) == 60 * PER_STEP, 10.0)
        found = taken(feed, found)
    whole = [batch.trades[0] for batch in batches]
    for name in ("trade_id", "ts_ns", "price", "size", "aggressor"):
        # Deribit's amounts are dollars with six digits.
        told = np.concatenate([getattr(b, name) for b in whole])
        np.testing.assert_allclose(column(found, name), told, rtol=1e-9 if name == "size" else 0.0)
    assert feed.counts["reconnects"] >= 3
    assert "lost_stretches" not in feed.counts
    assert [batch.sequence for batch in found] == list(range(1, len(found) + 1))
    assert {trades.symbol for batch in found for trades in batch.trades} == {"BTC"}


@pytest.mark.parametrize(("exchange", "market"), EACH)
def test_quotes_and_books_come_in_units_of_the_coin(exchange: str, market: CoinMarket) -> None:
    """Best quotes as they change, and the book that ccxt keeps from a snapshot and changes."""
    n, batches = STREAMS[exchange], tape(market.symbol, 30)
    with (
        served(batches, exchange) as server,
        opened(server, exchange, market.symbol, streams=n, depth=3) as feed,
    ):
        run_until(server, feed, "quotes", "books")
        found = followed(server, feed)
    told = {book.ts_event_ns: book for batch in batches for book in batch.books}
    books = [book for batch in found for book in batch.books if is_stamped(book)]
    assert len(books) > 5
    for book in books:
        assert (book.symbol, book.market, book.provenance.simulated) == ("BTC", market.symbol, True)
        for name in ("bid_price", "bid_size", "ask_price", "ask_size"):
            np.testing.assert_allclose(getattr(book, name), getattr(told[book.ts_event_ns], name)[:3], rtol=1e-9)
    quotes = [quotes for batch in found for quotes in batch.quotes]
    assert {item.symbol for item in quotes} == {"BTC"}
    best = {30_000.0, *(book.bid_price[0] for book in told.values())}
    assert {float(bid) for item in quotes for bid in item.bid} <= best


def test_an_exchange_without_options_says_that_there_is_no_chain() -> None:
    """Spot of Binance delivers what it has; the missing chain is a note, not an error."""
    with served(tape(SPOT.symbol, 1)) as server, opened(server, "binance", SPOT.symbol, streams=3) as feed:
        server.step()
        assert feed.arrivals.wait(lambda c: c.get("delivered_trades", 0) == PER_STEP, 5.0)
        batch = feed.next_batch()
        assert batch.chains == ()
        assert batch.trades[0].n_trades == PER_STEP
        assert any("option chain" in note for note in feed.notes)
