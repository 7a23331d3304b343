"""What a live feed makes of an exchange that misbehaves: nothing lost unseen, nothing told twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adapters.ccxt_markets import CcxtFeed, CcxtFeedConfig
from adapters.emulated import Fault, FaultKind, Where
from adapters.emulated.coin_records import CoinMarket
from market.errors import DataError, VenueError
from tests.adapters.ccxt_markets.coins import PERPETUAL, SPOT
from tests.adapters.ccxt_markets.live import (
    EACH,
    PER_STEP,
    SECOND_NS,
    START_NS,
    STREAMS,
    column,
    followed,
    is_stamped,
    opened,
    run_until,
    served,
    tape,
)

STEPS = 24


def _whole(feed: CcxtFeed, n: int, *, lost: int = 0) -> Any:
    """Return the numbers of all trades once `n` have come."""
    assert feed.arrivals.wait(lambda c: c.get("delivered_trades", 0) >= n, 10.0), feed.counts
    assert feed.counts.get("lost_stretches", 0) == lost
    return column([feed.next_batch()], "trade_id")


@pytest.mark.parametrize("kind", [k for k in FaultKind if k in {"duplicate", "out_of_order", "mute", "stale", "slow"}])
def test_a_frame_of_trades_that_goes_wrong_changes_nothing(kind: FaultKind) -> None:
    """Told twice, in reverse, never, instead of another or late: each trade once and in order."""
    with served(tape(SPOT.symbol, STEPS)) as server, opened(server, "binance", SPOT.symbol, streams=3) as feed:
        server.step(8)
        server.faults.add(Fault(kind=kind, where=Where.MESSAGE, path="*aggTrade", times=3))
        server.step(STEPS - 8)
        np.testing.assert_array_equal(_whole(feed, PER_STEP * STEPS), np.arange(PER_STEP * STEPS) + 1)


@pytest.mark.parametrize(("exchange", "market"), EACH)
def test_a_connection_that_ends_within_a_frame_loses_nothing(exchange: str, market: CoinMarket) -> None:
    """Half of the trades of an instant have come; history tells the others."""
    n = STREAMS[exchange]
    with (
        served(tape(market.symbol, STEPS), exchange) as server,
        opened(server, exchange, market.symbol, streams=n) as feed,
    ):
        server.step(4)
        server.faults.add(Fault(kind=FaultKind.DISCONNECT, where=Where.MESSAGE, path="*rade*", times=2))
        server.step(STEPS - 4)
        np.testing.assert_array_equal(_whole(feed, PER_STEP * STEPS), np.arange(PER_STEP * STEPS) + 1)


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.STALE])
def test_history_that_fails_or_lags_is_asked_again(kind: FaultKind) -> None:
    """A 429, and an answer of some seconds ago: the gap stays open until it is filled."""
    with served(tape(SPOT.symbol, STEPS)) as server, opened(server, "binance", SPOT.symbol, streams=3) as feed:
        server.faults.add(Fault(kind=kind, path="/api/v3/aggTrades", times=2, delay_s=0.02, shift_ns=5 * SECOND_NS))
        server.step(6)
        server.cut_streams()
        server.step(STEPS - 6)
        np.testing.assert_array_equal(_whole(feed, PER_STEP * STEPS), np.arange(PER_STEP * STEPS) + 1)


def test_a_refused_stream_is_asked_for_again() -> None:
    """Too many connections, then none at all: the streams come in the end, and trades from history meanwhile."""
    refused = [
        Fault(kind=kind, where=Where.CONNECT, times=3) for kind in (FaultKind.RATE_LIMITED, FaultKind.DISCONNECT)
    ]
    with served(tape(SPOT.symbol, STEPS)) as server:
        server.faults.add(*refused)
        with opened(server, "binance", SPOT.symbol, streams=3) as feed:
            server.step(STEPS)
            np.testing.assert_array_equal(_whole(feed, PER_STEP * STEPS), np.arange(PER_STEP * STEPS) + 1)
            assert feed.counts["stream_errors"] > 0


@pytest.mark.parametrize(
    ("exchange", "market", "path"),
    [("binance", SPOT, "*depth*"), ("binance", PERPETUAL, "*depth*"), ("deribit", EACH[-1][1], "*book*")],
)
def test_a_hole_in_the_book_is_seen_and_the_book_asked_for_anew(exchange: str, market: CoinMarket, path: str) -> None:
    """A change that never came may have been any level: the next book delivered is whole again."""
    n, batches = STREAMS[exchange], tape(market.symbol, 30)
    with (
        served(batches, exchange) as server,
        opened(server, exchange, market.symbol, streams=n) as feed,
    ):
        run_until(server, feed, "books")
        server.faults.add(Fault(kind=FaultKind.MUTE, where=Where.MESSAGE, path=path))
        run_until(server, feed, "book_resyncs")
        assert server.desk.streams.wait_sessions(n)
        books = [book for batch in followed(server, feed) for book in batch.books if is_stamped(book)]
    told = {book.ts_event_ns: book for batch in batches for book in batch.books}
    assert len(books) > 10
    for book in books:
        np.testing.assert_allclose(book.bid_size, told[book.ts_event_ns].bid_size, rtol=1e-9)
        np.testing.assert_array_equal(book.ask_price, told[book.ts_event_ns].ask_price)


def test_a_crossed_book_is_not_delivered() -> None:
    """Neither the exchange nor the client said that a message is missing, but a bid above an ask does."""
    batches = tape(PERPETUAL.symbol, 60)
    crossed = replace(batches[6].books[0], bid_price=batches[6].books[0].bid_price + 50.0)
    batches[6] = replace(batches[6], books=(crossed,))
    with (
        served(batches[:7], "bybit") as server,
        opened(server, "bybit", PERPETUAL.symbol, streams=1) as feed,
    ):
        run_until(server, feed, "crossed_books")
        books = feed.next_batch().books
    assert all(book.bid_price[0] < book.ask_price[0] for book in books)
    assert feed.counts["book_resyncs"] == 1


def test_what_history_does_not_reach_is_a_counted_loss() -> None:
    """Bybit tells the newest 60 trades of a spot market: of 120 missed ones the older half is gone, and said to be."""
    with (
        served(tape(SPOT.symbol, 90), "bybit") as server,
        opened(server, "bybit", SPOT.symbol, streams=1, fill_wait_s=60.0) as feed,
    ):
        run_until(server, feed, "trades", "delivered_trades")
        server.faults.add(Fault(kind=FaultKind.DISCONNECT, where=Where.CONNECT, times=1))
        server.cut_streams()
        assert server.desk.streams.wait_sessions(0)
        before = server.step(30)[0].trades[0].trade_id[0] - 1
        assert server.desk.streams.wait_sessions(1)
        run_until(server, feed, "lost_stretches")
        found = column([feed.next_batch()], "trade_id")
    assert before in found
    assert before + 1 not in found
    assert np.unique(found).size == found.size


def test_trades_that_find_no_room_are_asked_for_again() -> None:
    """A consumer that stands still costs memory up to a bound, and no trade."""
    with (
        served(tape(SPOT.symbol, STEPS)) as server,
        opened(server, "binance", SPOT.symbol, streams=3, most_waiting=30) as feed,
    ):
        server.step(STEPS)
        found: list[int] = []
        while (n := len(found)) < PER_STEP * STEPS:
            assert feed.arrivals.wait(lambda c, n=n: c.get("delivered_trades", 0) > n, 5.0), feed.counts  # type: ignore[misc]  # bound now
            found += [int(n) for trades in feed.next_batch().trades for n in trades.trade_id]
    assert found == list(range(1, PER_STEP * STEPS + 1))


@pytest.mark.parametrize("minutes", [-60, 60])
def test_the_clock_of_this_machine_is_measured_against_the_exchange(minutes: int) -> None:
    """An hour behind or ahead: batches are stamped with the exchange's time, and no trade is taken for an old one."""
    off_ns = minutes * 60 * SECOND_NS
    with (
        served(tape(SPOT.symbol, 2)) as server,
        opened(server, "binance", SPOT.symbol, streams=3, ahead_ns=off_ns) as feed,
    ):
        server.step(2)
        assert _whole(feed, 2 * PER_STEP).size == 2 * PER_STEP
        assert feed.skew is not None
        assert abs(feed.skew.skew_ns - off_ns) <= feed.skew.error_ns
        assert feed.next_batch().ts_event_ns == pytest.approx(START_NS + 2 * SECOND_NS, abs=feed.skew.error_ns + 1)


def test_a_market_that_is_not_listed_ends_the_feed_with_its_reason() -> None:
    """Only a person can mend it, so it is not tried again."""
    with served([]) as server:
        feed = CcxtFeed(CcxtFeedConfig(exchange_id="binance", markets=("DOGE/USDT",), url=server.url))
        feed.next_batch()
        assert feed.arrivals.wait(lambda c: c["failed"] > 0, 10.0)
        with pytest.raises(VenueError, match="does not list a market") as caught:
            feed.next_batch()
        feed.close()
    assert not caught.value.retryable


def test_batches_are_told_again_as_they_were() -> None:
    """A consumer that comes back gets what it has not seen; what is no longer kept is refused."""
    with served(tape(SPOT.symbol, 4)) as server, opened(server, "binance", SPOT.symbol, streams=3) as feed:
        server.step(4)
        told = [feed.next_batch() for _ in range(3)]
        feed.rewind(told[0].sequence)
        assert [feed.next_batch() for _ in range(2)] == told[1:]
        with pytest.raises(DataError, match="newest batches"):
            feed.rewind(told[-1].sequence + 5)
