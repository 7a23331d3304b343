"""Alpaca's streams through the unmodified vendor client: complete, once each, and honest about what went wrong."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from adapters.alpaca import AlpacaChain, AlpacaFactory, AlpacaFeed
from adapters.alpaca.columns import Vocabulary
from adapters.alpaca.config import Tape
from adapters.alpaca.names import Names
from adapters.alpaca.streams import Arrivals, StreamThread
from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer, Fault, FaultKind, Where
from adapters.emulated.alpaca_records import occ_symbols
from market.bars import BarBatch
from market.calendars import next_open_ns
from market.errors import DataError, VenueError
from market.ports import MarketBatch
from market.trades import UNDERLYING, QuoteBatch, TradeBatch
from tests.adapters.alpaca.conftest import KEY, SECRET
from tests.adapters.emulated.toy import SYMBOL

_MINUTE_NS = 60_000_000_000
_HOUR_NS = 60 * _MINUTE_NS
_MESSAGE = Where.MESSAGE
_PATHS = ("/v2/*", "/v1beta1/*")


@pytest.fixture
def open_feed(
    venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any]
) -> Iterator[Callable[..., AlpacaFeed]]:
    """Return a maker of feeds whose streams are subscribed after their first batch."""
    opened: list[AlpacaFeed] = []

    def make(**changes: Any) -> AlpacaFeed:
        feed = AlpacaFeed(config_of(venue, **changes), credentials, clock=venue.desk.clock)
        opened.append(feed)
        return feed

    yield make
    for feed in opened:
        feed.close()


def _started(feed: AlpacaFeed) -> MarketBatch:
    first = feed.next_batch()
    _await(feed, lambda counts: counts["subscribed"] == 1)
    return first


def _await(feed: AlpacaFeed, met: Callable[[Any], bool]) -> None:
    for arrivals in feed.arrivals.values():
        assert arrivals.wait(met, 10.0)


def _at_least(name: str, count: int) -> Callable[[Any], bool]:
    def met(counts: Any) -> bool:
        return bool(counts[name] >= count)

    return met


def _await_all(feed: AlpacaFeed, batches: list[MarketBatch]) -> None:
    """Wait until the streams have brought what the batches hold."""
    for options, arrivals in feed.arrivals.items():
        contracts = [part.contract for batch in batches for part in batch.quotes]
        contracts += [part.contract for batch in batches for part in batch.trades]
        expected = sum(int(np.sum((contract != UNDERLYING) == options)) for contract in contracts)
        assert arrivals.wait(_at_least("messages", expected), 10.0)


def _puts_only(told: AlpacaChain) -> AlpacaChain:
    chain = told.chain
    kept = np.flatnonzero(~chain.is_call)
    n = chain.n_contracts
    arrays = {
        item.name: value[kept]
        for item in fields(chain)
        if isinstance(value := getattr(chain, item.name), np.ndarray) and value.shape == (n,)
    }
    changed: dict[str, Any] = {**arrays, "n_read": kept.size}
    return AlpacaChain(chain=replace(chain, **changed), open_interest_day=told.open_interest_day[kept])


def _rows(batches: list[MarketBatch]) -> tuple[list[Any], list[Any]]:
    """Return all trades and all quotes of the underlying, each as sorted rows."""
    trades = sorted(row for batch in batches for part in batch.trades for row in _trade_rows(part))
    quotes = sorted(row for batch in batches for part in batch.quotes for row in _quote_rows(part))
    return trades, quotes


def _trade_rows(part: TradeBatch) -> list[Any]:
    names = [*occ_symbols(part.contracts), part.symbol]
    rows = zip(part.contract.tolist(), part.ts_ns.tolist(), part.price.tolist(), part.size.tolist(), strict=True)
    return [(ts_ns, names[place], price, size) for place, ts_ns, price, size in rows]


def _quote_rows(part: QuoteBatch) -> list[Any]:
    own = np.flatnonzero(part.contract == UNDERLYING)
    return list(zip(part.ts_ns[own].tolist(), part.bid[own].tolist(), part.ask[own].tolist(), strict=True))


def test_first_batch_is_the_chain_and_later_ones_are_the_stream(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """Every trade and quote after the subscription arrives once, with its nanosecond."""
    feed = open_feed()
    first = _started(feed)
    assert (first.sequence, first.chains[0].n_contracts, first.trades) == (0, 120, ())
    played = venue.step(5)
    _await_all(feed, played)
    batch = feed.next_batch()
    assert _rows([batch]) == _rows(played)
    assert sum(part.n_quotes for part in batch.quotes) == sum(q.n_quotes for b in played for q in b.quotes)
    assert batch.sequence == 1
    assert batch.trades[0].provenance.simulated
    assert feed.next_batch().trades == ()


def test_whole_chains_come_when_they_are_due(venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]) -> None:
    """By the venue's time, not by the number of batches."""
    feed = open_feed(chain_every_s=3.0)
    _started(feed)
    asked = [len(feed.next_batch().chains) or feed.polling.asking.is_under_way for _ in range(2) if venue.step(2)]
    assert asked == [False, True]
    assert feed.polling.asking.wait(10.0)
    assert (len(feed.next_batch().chains), feed.polling.asking.is_under_way) == (1, False)


def test_streams_do_not_wait_for_a_chain_and_its_failures_are_tried_again(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """A slow answer delays no row; one that fails is counted, and asked for again after a while of the venue's time."""
    feed = open_feed(chain_every_s=2.0, attempts=1)
    _started(feed)
    path = "/v1beta1/options/snapshots/*"
    venue.faults.add(Fault(kind=FaultKind.SLOW, delay_s=0.5, path=path))
    played = venue.step(2)
    _await_all(feed, played)
    batch = feed.next_batch()
    assert feed.polling.asking.is_under_way
    assert _rows([batch]) == _rows(played)
    assert feed.polling.asking.wait(10.0)
    assert len(feed.next_batch().chains) == 1
    venue.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path=path))
    venue.step(2)
    assert feed.next_batch().chains == ()
    assert feed.polling.asking.wait(10.0)
    assert (feed.next_batch().chains, feed.counts["chain_failures"]) == ((), 1)
    venue.step(5)
    feed.next_batch()
    assert feed.polling.asking.wait(10.0)
    assert len(feed.next_batch().chains) == 1


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE, FaultKind.OUT_OF_ORDER])
def test_repeated_and_disordered_messages_change_nothing(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed], kind: FaultKind
) -> None:
    """The batch is the one that an orderly stream makes; repetitions are counted."""
    feed = open_feed()
    _started(feed)
    venue.faults.add(Fault(kind=kind, where=_MESSAGE, times=0))
    played = venue.step(4)
    _await_all(feed, played * 2 if kind is FaultKind.DUPLICATE else played)
    batch = feed.next_batch()
    assert _rows([batch]) == _rows(played)
    assert (np.diff(batch.trades[0].ts_ns) >= 0).all()
    assert (feed.counts["duplicates"] > 0) == (kind is FaultKind.DUPLICATE)


@pytest.mark.slow
def test_a_stream_cut_twenty_times_equals_the_uninterrupted_one(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """Cuts between and inside frames, and batches while the streams are down, lose and repeat nothing."""
    feed, rng = open_feed(), np.random.default_rng(3)
    delivered, played = [_started(feed)], []
    for cut in range(1, 21):
        played += venue.step(int(rng.integers(1, 4)))
        if rng.random() < 0.5:
            venue.faults.add(*(Fault(kind=FaultKind.DISCONNECT, where=_MESSAGE, path=path) for path in _PATHS))
        else:
            venue.cut_streams()
        played += venue.step(int(rng.integers(1, 4)))
        while not all(item.wait(_at_least("reconnects", cut), 0.2) for item in feed.arrivals.values()):
            played += venue.step()  # a cut inside a frame needs a frame
        venue.faults.clear()
        delivered.append(feed.next_batch())
    played += venue.step()
    venue.cut_streams()  # what the last step sent may be lost as well
    _await(feed, lambda counts: counts["reconnects"] >= 21)
    delivered.append(feed.next_batch())
    assert _rows(delivered) == _rows(played)
    assert feed.counts["backfills"] >= 40  # what a stream tells again while a gap is filled is counted and left out


def test_newly_listed_contracts_are_streamed_from_their_chain_on(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract that a later chain shows is subscribed, and what it told before is asked for."""
    feed = open_feed(chain_every_s=2.0)
    whole = feed.client.chain
    with monkeypatch.context() as patched:
        patched.setattr(feed.client, "chain", lambda symbol: _puts_only(whole(symbol)))
        _started(feed)
    played = venue.step(2)
    delivered = [feed.next_batch()]
    assert feed.polling.asking.wait(10.0)
    delivered.append(feed.next_batch())
    assert delivered[1].chains[0].is_call.any()
    assert feed.arrivals[True].wait(_at_least("widened", 2), 10.0)  # trades, then quotes
    delivered.append(feed.next_batch())
    played += venue.step()
    venue.cut_streams()  # what is still on the way comes by the back-fill
    _await(feed, _at_least("reconnects", 1))
    delivered.append(feed.next_batch())
    calls = [row for row in _rows(played)[0] if row[1][-9:-8] == "C" and len(row[1]) > 9]
    assert calls
    assert [row for row in _rows(delivered)[0] if row in calls] == calls


def test_minute_bars_are_context_once_each_over_a_cut(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """Those of minutes that have ended, from the stream or, where that was down, asked for."""
    feed = open_feed(bar_symbols=(SYMBOL,))
    _started(feed)
    begun_ns = venue.desk.clock.now_ns() // _MINUTE_NS * _MINUTE_NS
    venue.step(130)
    assert feed.arrivals[False].wait(_at_least("bars", 2), 10.0)
    batches = [feed.next_batch()]
    venue.cut_streams()
    venue.step(60)
    _await(feed, _at_least("reconnects", 1))
    batches.append(feed.next_batch())
    venue.step(60)
    assert feed.arrivals[False].wait(_at_least("bars", 3), 10.0)
    batches += [feed.next_batch(), feed.next_batch()]
    told = [item for batch in batches for item in batch.context if isinstance(item, BarBatch)]
    bars = venue.desk.market.bars(SYMBOL, _MINUTE_NS)
    ended = (bars.start_ns >= begun_ns) & (bars.start_ns + _MINUTE_NS <= venue.desk.clock.now_ns())
    assert np.count_nonzero(ended) >= 4
    for name in ("start_ns", "open", "high", "low", "close", "volume", "n_trades"):
        found = np.concatenate([getattr(item, name) for item in told])
        np.testing.assert_array_equal(found, getattr(bars, name)[ended])
    assert all((item.end_ns <= item.ts_event_ns).all() for item in told)


def test_a_plan_with_few_symbols_streams_the_underlying_only(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """Options then come with the whole chains."""
    feed = open_feed(stream_options=False)
    assert feed.next_batch().chains[0].n_contracts == 120
    assert feed.arrivals[False].wait(_at_least("subscribed", 1), 10.0)
    venue.step(2)
    assert venue.desk.streams.n_sessions == 1
    assert not venue.requests.of("/v1beta1/indicative", Where.CONNECT)


def test_thousands_of_contracts_are_subscribed_in_fragments(
    venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any]
) -> None:
    """Six thousand names are one message in several frames, and all of them are heard."""
    names = [f"XSP250602C{strike:08d}" for strike in range(500_000, 506_000)]
    arrivals = Arrivals(1_000)
    words = Vocabulary(names=Names(), conditions=Names())
    thread = StreamThread(config_of(venue), credentials, names, arrivals, words, tape=Tape.OPTIONS)
    thread.start()
    assert arrivals.wait(_at_least("subscribed", 1), 10.0)
    message = venue.requests.of("/v1beta1/indicative", _MESSAGE)[-1].body
    assert len(message) > 4 * 32_768
    assert all(name.encode() in message for name in names)
    thread.close()
    assert venue.desk.streams.wait_sessions(0)


def test_a_failed_back_fill_is_tried_again_without_loss(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """The error is retryable, and the batch after it has everything."""
    feed = open_feed(attempts=1)
    _started(feed)
    played = venue.step(2)
    venue.cut_streams()
    played += venue.step(2)
    _await(feed, _at_least("reconnects", 1))
    venue.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="/v*/*/trades", times=2))
    for _ in range(2):
        with pytest.raises(VenueError) as caught:
            feed.next_batch()
        assert caught.value.retryable
    assert _rows([feed.next_batch()]) == _rows(played)


def test_memory_is_bounded_while_a_gap_cannot_be_filled(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """What comes meanwhile fills its room, then is counted as overflow; the answer in the end has all of it."""
    feed = open_feed(attempts=1, most_waiting=200, chain_every_s=10.0)
    _started(feed)
    venue.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="/v*/*/trades", times=0))
    venue.cut_streams()
    _await(feed, _at_least("reconnects", 1))
    played, overflowed = [], []
    for _ in range(12):
        played += venue.step(5)
        with pytest.raises(VenueError):
            feed.next_batch()
        overflowed.append(feed.counts["overflowed"])
        assert feed.polling.asking.wait(10.0)
    _await_all(feed, played)
    assert overflowed[-1] > 0
    venue.faults.clear()
    batches = [feed.next_batch(), feed.next_batch()]
    assert _rows(batches) == _rows(played)
    assert [len(batch.chains) for batch in batches] == [1, 0]
    assert batches[0].chains[0].ts_event_ns > played[30].ts_event_ns


def test_messages_beyond_the_bound_are_counted_and_asked_for_again(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """Memory stays bounded, and nothing of what can be asked for is lost."""
    feed = open_feed(most_waiting=5)
    _started(feed)
    played = venue.step(6)
    _await_all(feed, played)
    assert _rows([feed.next_batch()]) == _rows(played)
    assert feed.counts["overflowed"] > 0


def test_a_mute_stream_is_opened_again_and_filled(venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]) -> None:
    """A connection that lives but says nothing is not trusted for longer than its limit."""
    feed = open_feed(data_timeout_s=0.3)
    _started(feed)
    venue.faults.add(Fault(kind=FaultKind.MUTE, where=_MESSAGE, times=4))
    played = venue.step(2)
    _await(feed, _at_least("reconnects", 1))
    assert _rows([feed.next_batch()]) == _rows(played)


def test_a_stream_of_a_closed_market_may_be_mute(venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]) -> None:
    """Nothing is opened again at night and chains are asked for seldom; after the next open both are as before."""
    venue.desk.clock.advance(9 * _HOUR_NS)
    feed = open_feed(data_timeout_s=0.2, chain_every_s=60.0, closed_chain_every_s=3_600.0)
    _started(feed)
    stocks = feed.arrivals[False]
    assert not stocks.wait(_at_least("reconnects", 1), 1.0)
    asked = []
    for _ in range(5):
        venue.desk.clock.advance(_HOUR_NS // 2)
        feed.next_batch()
        asked.append(feed.polling.asking.is_under_way)
        assert feed.polling.asking.wait(10.0)
        feed.next_batch()
    assert asked == [False, True, False, True, False]
    venue.desk.clock.move_to(next_open_ns("CBOE_Index_Options", venue.desk.clock.now_ns()) + 1_000_000_000)
    feed.next_batch()
    assert feed.polling.asking.is_under_way
    assert stocks.wait(_at_least("reconnects", 1), 10.0)


def test_a_frozen_stream_repeats_and_the_repetition_is_counted(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """Old frames told again are no news."""
    feed = open_feed()
    _started(feed)
    first = venue.step()
    venue.faults.add(Fault(kind=FaultKind.STALE, where=_MESSAGE, times=0))
    venue.step()
    _await_all(feed, first * 2)
    assert _rows([feed.next_batch()]) == _rows(first)
    assert feed.counts["duplicates"] > 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(kind=FaultKind.REVOKED_KEY, where=Where.CONNECT, times=0), "key is not accepted"),
        (Fault(kind=FaultKind.RATE_LIMITED, where=Where.CONNECT, times=0), "another connection"),
    ],
)
def test_a_refused_stream_ends_with_its_reason(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed], fault: Fault, reason: str
) -> None:
    """No endless loop: the vendor's client stops, and the error cannot be waited out."""
    venue.faults.add(fault)
    feed = open_feed()
    feed.next_batch()
    _await(feed, _at_least("failed", 1))
    with pytest.raises(VenueError, match=reason) as caught:
        feed.next_batch()
    assert not caught.value.retryable
    assert KEY not in str(caught.value)
    assert venue.desk.streams.wait_sessions(0)


def test_a_feed_tells_its_newest_batches_again(venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]) -> None:
    """After a rewind the same batches come, then new ones; what is gone is refused."""
    feed = open_feed()
    batches = [_started(feed), *(feed.next_batch() for _ in range(3) if venue.step())]
    feed.rewind(1)
    assert [feed.next_batch() for _ in range(2)] == batches[2:]
    assert feed.next_batch().sequence == 4
    with pytest.raises(DataError, match="newest batches only"):
        feed.rewind(9)


def test_a_new_feed_continues_another_with_what_was_missed(
    venue: EmulatedServer, open_feed: Callable[..., AlpacaFeed]
) -> None:
    """The count goes on and the first batch holds the span that it was told to catch up."""
    feed = open_feed(catch_up_s=10.0, overlap_s=0.0)
    feed.rewind(41)
    batch = feed.next_batch()
    told = venue.desk.market.trades(SYMBOL, venue.desk.clock.now_ns() - 10_000_000_000)
    assert told is not None
    assert batch.sequence == 42
    assert _trade_rows(batch.trades[0]) == sorted(_trade_rows(told))


def test_no_key_in_logs_settings_or_pickles(
    venue: EmulatedServer,
    credentials: Credentials,
    config_of: Callable[..., Any],
    open_feed: Callable[..., AlpacaFeed],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Even where everything is logged, neither key nor secret is, in letters or as bytes of the wire."""
    caplog.set_level(logging.DEBUG)
    feed = open_feed()
    _started(feed)
    venue.step(2)
    venue.cut_streams()
    _await(feed, _at_least("reconnects", 1))
    feed.next_batch()
    texts = [caplog.text, repr(credentials), repr(feed), repr(venue.requests.of())]
    texts.append(pickle.dumps(AlpacaFactory(config=config_of(venue))).decode("latin-1"))
    for secret in (KEY, SECRET):
        assert not any(secret in text or secret.encode().hex(" ") in text for text in texts)
    assert "restarting connection" in caplog.text
