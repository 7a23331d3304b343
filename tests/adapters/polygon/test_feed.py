"""The live feed against the emulated vendor: chains, streams and minutes, whole also where a connection is lost."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("massive")

from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer, Fault, FaultKind, Where
from adapters.emulated.polygon import PolygonFront
from adapters.polygon import PolygonConfig, StreamConfig
from adapters.polygon.feed import PolygonFactory, PolygonFeed
from adapters.polygon.intake import Intake
from adapters.polygon.live_config import PolygonLiveConfig
from adapters.polygon.wire import Trade
from adapters.simulated import SimulatedFeed
from adapters.simulated.catalogue import listed_as, named_market
from market.bars import BarBatch
from market.errors import ConfigError, DataError, VenueError
from market.ports import MarketBatch
from market.trades import UNDERLYING, TradeBatch

_KEY = "a-key-that-nobody-may-read"
_MARKET = listed_as(named_market("demo", interval_s=1.0, speed=5.0), ("SPY",))
_SMALL = replace(_MARKET.symbols[0], n_daily=1, n_weekly=1, n_monthly=1, strikes_each=21, trades_per_session=60_000.0)
_SOON_S = 20.0
_HOUR_NS = 3_600_000_000_000
_MINUTE_NS = 60_000_000_000
_QUOTED = ("ts_ns", "bid", "ask", "bid_size", "ask_size")


@pytest.fixture
def server() -> Iterator[EmulatedServer]:
    """An emulated vendor of one share, after ten batches of five seconds."""
    with EmulatedServer(PolygonFront(_KEY), SimulatedFeed(replace(_MARKET, symbols=(_SMALL,), chain_every=5))) as found:
        found.step(10)
        yield found


def _config(server: EmulatedServer, folder: Path, **changes: Any) -> PolygonLiveConfig:
    usual: dict[str, Any] = {
        "symbols": ("SPY",),
        "rest": PolygonConfig(base_url=server.url, first_wait_s=0.01),
        "stream": StreamConfig(feed=f"127.0.0.1:{server.port}", secure=False, first_wait_s=0.01),
        "requests_per_min": 100_000,
        "limits_folder": folder,
        "chain_every_s": 3_600.0,
        "interval_s": 0.0,
    }
    return PolygonLiveConfig(**(usual | changes))


@pytest.fixture
def feed(server: EmulatedServer, tmp_path: Path) -> Iterator[PolygonFeed]:
    """A feed of that vendor."""
    opened = PolygonFeed(_config(server, tmp_path), _KEY)
    yield opened
    opened.close()


def _subscribed(feed: PolygonFeed, times: int = 1) -> None:
    for thread in feed.threads.values():
        assert thread.wait(lambda counts: counts["subscribed"] >= times, _SOON_S)


def _keys(batches: list[MarketBatch]) -> list[tuple[int, int, float, float]]:
    rows: list[tuple[int, int, float, float]] = []
    for trades in (item for batch in batches for item in batch.trades):
        rows += _rows(trades)
    return sorted(rows)


def _rows(trades: TradeBatch) -> list[tuple[int, int, float, float]]:
    stamps = (trades.ts_ns // 1_000_000).tolist()
    return list(zip(trades.trade_id.tolist(), stamps, trades.price.tolist(), trades.size.tolist(), strict=True))


def _truth(server: EmulatedServer, since_ns: int) -> list[tuple[int, int, float, float]]:
    trades = server.desk.market.trades("SPY", since_ns)
    assert trades is not None
    return sorted(_rows(trades))


def _drained(feed: PolygonFeed, server: EmulatedServer, since_ns: int, batches: list[MarketBatch]) -> None:
    """Take batches until as many trades are there as the market had."""
    expected = len(_truth(server, since_ns))
    for _ in range(200):
        if len(_keys(batches)) >= expected:
            return
        for thread in feed.threads.values():
            thread.wait(lambda counts: counts["waiting"] > 0 or counts["failed"] > 0, 0.05)
        batches.append(feed.next_batch())


def test_the_first_batch_is_a_chain_in_the_vendors_time_and_simulated(
    feed: PolygonFeed, server: EmulatedServer
) -> None:
    """The emulated day lies years back; nothing is taken for expired."""
    batch = feed.next_batch()
    (chain,) = batch.chains
    assert abs(chain.ts_event_ns - server.desk.clock.now_ns()) < 5_000_000_000
    assert (chain.symbol, chain.provenance.simulated, batch.sequence) == ("SPY", True, 0)
    assert chain.spot_last > 0.0
    assert (chain.expiry_ns > chain.ts_event_ns).all()


def test_streams_bring_every_trade_quote_and_minute_once(feed: PolygonFeed, server: EmulatedServer) -> None:
    """From the subscription on, of the share and of its contracts."""
    feed.next_batch()
    _subscribed(feed)
    since_ns = server.desk.clock.now_ns() + 1
    server.step(20)
    batches: list[MarketBatch] = []
    _drained(feed, server, since_ns, batches)
    assert _keys(batches) == _truth(server, since_ns)
    quotes = [item for batch in batches for item in batch.quotes]
    assert {place == UNDERLYING for item in quotes for place in item.contract.tolist()} == {True, False}
    bars = [(batch, item) for batch in batches for item in batch.context if isinstance(item, BarBatch)]
    assert sum(item.n_bars for _, item in bars) == 2  # of a hundred seconds
    assert all(item.end_ns.max() <= batch.ts_event_ns for batch, item in bars)
    assert all((np.diff(item.ts_ns) >= 0).all() for item in quotes)


def test_a_cut_stream_loses_nothing(feed: PolygonFeed, server: EmulatedServer) -> None:
    """Trades that were printed while there was no connection are fetched, of those contracts that traded."""
    batches = [feed.next_batch()]
    _subscribed(feed)
    since_ns = server.desk.clock.now_ns() + 1
    for time in range(3):
        server.step(2)
        server.cut_streams()
        server.step(2)
        _subscribed(feed, time + 2)
        batches.append(feed.next_batch())
    _drained(feed, server, since_ns, batches)
    assert _keys(batches) == _truth(server, since_ns)
    assert feed.counts["reconnects"] == 6
    assert feed.counts["backfilled_rows"] > 0
    assert len([batch for batch in batches if batch.chains]) >= 4


def test_contracts_that_traded_while_a_stream_was_down_are_filled_also_where_chains_came_meanwhile(
    server: EmulatedServer, tmp_path: Path
) -> None:
    """What a chain tells of trades in the gap is not forgotten with the next chain."""
    feed = PolygonFeed(_config(server, tmp_path, chain_every_s=0.0), _KEY)
    batches = [feed.next_batch()]
    _subscribed(feed)
    since_ns = server.desk.clock.now_ns() + 1
    server.step(1)  # the vendor tells whole seconds: what it printed in the very first one may not be asked for
    _drained(feed, server, since_ns, batches)
    server.faults.add(Fault(kind=FaultKind.DISCONNECT, where=Where.CONNECT, times=0))
    server.cut_streams()
    for _ in range(3):
        server.step(2)
        batches.append(feed.next_batch())
        assert feed.polling.asking.wait(_SOON_S)
    server.faults.clear()
    _subscribed(feed, 2)
    _drained(feed, server, since_ns, batches)
    feed.close()
    assert len([batch for batch in batches if batch.chains]) >= 4
    assert _keys(batches) == _truth(server, since_ns)


def test_rows_do_not_wait_for_a_chain_and_none_is_asked_for_at_night(server: EmulatedServer, tmp_path: Path) -> None:
    """A chain is asked for in a thread; while the market is closed seldom, and a mute stream is left alone."""
    stream = StreamConfig(feed=f"127.0.0.1:{server.port}", secure=False, first_wait_s=0.01, silent_s=0.2)
    config = _config(server, tmp_path, chain_every_s=60.0, closed_chain_every_s=3_600.0, stream=stream)
    feed = PolygonFeed(config, _KEY, clock=server.desk.clock)
    server.desk.clock.advance(9 * _HOUR_NS)
    feed.next_batch()
    _subscribed(feed)
    asked = []
    for _ in range(4):
        server.desk.clock.advance(_HOUR_NS // 2)
        assert not feed.next_batch().chains
        asked.append(feed.polling.asking.is_under_way)
        assert feed.polling.asking.wait(_SOON_S)
        assert len(feed.next_batch().chains) == asked[-1]
    assert not feed.threads["options"].wait(lambda counts: counts["reconnects"] > 0, 0.5)
    feed.close()
    assert asked == [False, True, False, True]


def test_a_key_that_only_the_stream_refuses_ends_the_feed_and_stands_in_no_text(
    feed: PolygonFeed, server: EmulatedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nothing to wait for; neither log nor error holds the key."""
    caplog.set_level(logging.DEBUG, logger="massive")
    server.faults.add(Fault(kind=FaultKind.REVOKED_KEY, where=Where.CONNECT, times=0))
    feed.next_batch()
    assert feed.threads["stocks"].wait(lambda counts: counts["failed"] > 0, _SOON_S)
    with pytest.raises(VenueError, match="key of the stream") as caught:
        feed.next_batch()
    assert not caught.value.retryable
    assert _KEY not in f"{caplog.text}{caught.value!r}"


def test_a_cut_stream_loses_no_minute_and_doubles_no_quote(feed: PolygonFeed, server: EmulatedServer) -> None:
    """Minutes that ended without a connection are fetched; the overlap of the quotes that are fetched is left out."""
    batches = [feed.next_batch()]
    _subscribed(feed)
    since_ns = server.desk.clock.now_ns() + 1
    for time in range(2):
        server.step(20)
        server.cut_streams()
        server.step(20)
        _subscribed(feed, time + 2)
        batches.append(feed.next_batch())
    _drained(feed, server, since_ns, batches)
    told_bars = [item for batch in batches for item in batch.context if isinstance(item, BarBatch)]
    starts = [start for item in told_bars for start in item.start_ns.tolist()]
    minutes = server.desk.market.bars("SPY", _MINUTE_NS).start_ns.tolist()
    ended = [start for start in minutes if since_ns - _MINUTE_NS < start <= server.desk.clock.now_ns() - _MINUTE_NS]
    assert len(ended) > 4
    assert sorted(starts) == ended
    told: list[tuple[float, ...]] = []
    for quotes in (item for batch in batches for item in batch.quotes):
        rows = np.flatnonzero(quotes.contract == UNDERLYING)
        told += zip(*(getattr(quotes, name)[rows].tolist() for name in _QUOTED), strict=True)
    assert len(told) > 10
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE, FaultKind.OUT_OF_ORDER, FaultKind.DISCONNECT])
def test_spoilt_frames_change_nothing(feed: PolygonFeed, server: EmulatedServer, kind: FaultKind) -> None:
    """Repeated records count once, reversed ones are put in order, half a frame is completed."""
    batches = [feed.next_batch()]
    _subscribed(feed)
    since_ns = server.desk.clock.now_ns() + 1
    server.faults.add(Fault(kind=kind, where=Where.MESSAGE, path="/options", first=2))
    server.step(4)
    _subscribed(feed)
    _drained(feed, server, since_ns, batches)
    assert server.faults.fired(kind) == 1
    assert _keys(batches) == _truth(server, since_ns)


def test_a_venue_that_fails_for_a_while_costs_nothing(feed: PolygonFeed, server: EmulatedServer) -> None:
    """A retryable error leaves what has come where it is."""
    batches = [feed.next_batch()]
    _subscribed(feed)
    since_ns = server.desk.clock.now_ns() + 1
    server.step(2)
    server.cut_streams()
    server.step(1)
    _subscribed(feed, 2)
    server.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="/v3/*", times=5))
    with pytest.raises(VenueError) as caught:
        feed.next_batch()
    assert caught.value.retryable
    batches.append(feed.next_batch())
    _drained(feed, server, since_ns, batches)
    assert _keys(batches) == _truth(server, since_ns)


def test_an_answer_of_before_the_market_began_passes(feed: PolygonFeed, server: EmulatedServer) -> None:
    """A stale page may be empty; a symbol that had options has not lost them."""
    feed.next_batch()
    _subscribed(feed)
    server.cut_streams()
    _subscribed(feed, 2)
    server.faults.add(Fault(kind=FaultKind.STALE, path="/v3/snapshot/*", shift_ns=3_600_000_000_000))
    with pytest.raises(VenueError, match="no options of SPY") as caught:
        feed.next_batch()
    assert caught.value.retryable
    assert feed.next_batch().chains


def test_batches_are_told_again_and_a_new_feed_takes_up_the_count(
    feed: PolygonFeed, server: EmulatedServer, tmp_path: Path
) -> None:
    """As every feed does; what is too old is refused."""
    first = feed.next_batch()
    second = feed.next_batch()
    feed.rewind(-1)
    assert feed.next_batch() is first
    assert feed.next_batch() is second
    with pytest.raises(DataError):
        feed.rewind(17)
    other = PolygonFeed(_config(server, tmp_path), _KEY)
    other.rewind(41)
    batch = other.next_batch()
    other.close()
    assert batch.sequence == 42
    assert sum(item.n_trades for item in batch.trades) == len(_truth(server, 0))


def test_a_wrong_key_and_an_unknown_symbol_end_the_feed(server: EmulatedServer, tmp_path: Path) -> None:
    """Neither gets better by itself, and the key stands in no text."""
    with pytest.raises(VenueError, match="refuses") as caught:
        PolygonFeed(_config(server, tmp_path), "another-key-to-keep").next_batch()
    assert not caught.value.retryable
    assert "another-key" not in str(caught.value)
    with pytest.raises(VenueError, match="no options of QQQ") as unknown:
        PolygonFeed(_config(server, tmp_path, symbols=("QQQ",)), _KEY).next_batch()
    assert not unknown.value.retryable


def test_a_recipe_carries_no_key_but_a_throw_away_one(server: EmulatedServer, tmp_path: Path) -> None:
    """It crosses a process and shows nothing."""
    key = Credentials(vendor="polygon", key=_KEY)
    factory = PolygonFactory(config=_config(server, tmp_path), throw_away=key)
    opened = pickle.loads(pickle.dumps(factory))()  # noqa: S301  # our own bytes
    assert opened.next_batch().chains[0].n_contracts > 0
    opened.close()
    assert _KEY not in repr(factory)
    with pytest.raises(ConfigError, match="travel"):
        PolygonFactory(config=PolygonLiveConfig(symbols=("SPY",)), throw_away=key)


def test_prints_without_a_number_are_told_apart_by_what_they_say() -> None:
    """Two prints of one millisecond are two, and one that comes again is one."""
    intake = Intake(100, simulated=True)
    prints = [Trade(sym="SPY", t=1, p=price, s=size) for price, size in ((5.0, 1.0), (5.0, 2.0), (5.1, 1.0))]
    intake.put(prints, (), ())
    intake.put(prints[:1], (), ())
    assert intake.fill(prints, (), ()) == 0
    assert intake.counts["duplicates"] == 1
