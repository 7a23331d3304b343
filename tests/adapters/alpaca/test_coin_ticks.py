"""Quotes and trades of coins through the unmodified vendor client: each once, whole over a cut, with who took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("alpaca")

from adapters.alpaca import AlpacaClient, AlpacaFeed
from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer, Fault, FaultKind, Where
from adapters.emulated.alpaca import AlpacaFrontEnd
from market.bars import BarBatch
from market.errors import VenueError
from market.ports import MarketBatch
from market.trades import UNDERLYING, QuoteBatch, TradeBatch
from tests.adapters.alpaca.conftest import COIN, KEY, SECRET, CoinFeed
from tests.adapters.emulated.toy import SYMBOL, small_feed

_PATH = "/v1beta3/*"


@pytest.fixture
def coin_venue() -> Iterator[EmulatedServer]:
    """An emulated Alpaca that trades a coin, after five batches, one a second."""
    front = AlpacaFrontEnd(KEY, SECRET, requests_per_min=100_000)
    with EmulatedServer(front, CoinFeed(small_feed(chain_every=5))) as server:
        server.step(5)
        yield server


@pytest.fixture
def feed(coin_venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any]) -> Iterator[AlpacaFeed]:
    """Yield a feed of the coin beside an index."""
    config = config_of(coin_venue, coin_symbols=(COIN,), stream_options=False, attempts=1)
    opened = AlpacaFeed(config, credentials, clock=coin_venue.desk.clock)
    yield opened
    opened.close()


def _started(feed: AlpacaFeed) -> MarketBatch:
    first = feed.next_batch()
    _await(feed, "subscribed", 1)
    return first


def _await(feed: AlpacaFeed, name: str, count: int) -> None:
    def met(counts: Any) -> bool:
        return bool(counts[name] >= count)

    assert feed.coins.arrivals.wait(met, 10.0)


def _of_coin(batches: list[MarketBatch]) -> tuple[list[TradeBatch], list[QuoteBatch]]:
    trades = [item for batch in batches for item in batch.trades if item.symbol == COIN]
    return trades, [item for batch in batches for item in batch.quotes if item.symbol == COIN]


def _rows(batches: list[MarketBatch]) -> tuple[list[Any], list[Any]]:
    """Return the coin's trades and quotes, each as sorted rows."""
    trades, quotes = _of_coin(batches)
    names = ("ts_ns", "contract", "trade_id", "price", "size", "aggressor")
    told = [zip(*(getattr(item, name).tolist() for name in names), strict=True) for item in trades]
    sides = ("ts_ns", "contract", "bid", "ask", "bid_size", "ask_size")
    shown = [zip(*(getattr(item, name).tolist() for name in sides), strict=True) for item in quotes]
    return sorted(row for rows in told for row in rows), sorted(row for rows in shown for row in rows)


def _n_rows(batches: list[MarketBatch]) -> int:
    return sum(map(len, _rows(batches)))


def test_a_coin_comes_under_its_own_name(coin_venue: EmulatedServer, feed: AlpacaFeed) -> None:
    """Quotes, and trades with number and taker's side, of the underlying, with no contracts; the index is untouched."""
    _started(feed)
    played = coin_venue.step(5)
    _await(feed, "messages", _n_rows(played))
    batch = feed.next_batch()
    trades, quotes = _of_coin([batch])
    assert _rows([batch]) == _rows(played)
    assert set(trades[0].aggressor.tolist()) == {-1, 0, 1}
    assert (trades[0].contracts.n_contracts, set(quotes[0].contract.tolist())) == (0, {UNDERLYING})
    assert trades[0].provenance.simulated
    assert {item.symbol for item in batch.trades} == {item.symbol for item in batch.quotes} == {COIN, SYMBOL}
    assert feed.symbols == (SYMBOL,)


def test_a_cut_is_filled_and_nothing_comes_twice(coin_venue: EmulatedServer, feed: AlpacaFeed) -> None:
    """What came while the stream was down is asked for; what comes of it again counts once."""
    delivered, played = [_started(feed)], coin_venue.step(3)
    _await(feed, "messages", _n_rows(played))
    delivered.append(feed.next_batch())
    before = feed.counts["backfilled_rows"]
    coin_venue.cut_streams()
    missed = coin_venue.step(3)
    _await(feed, "reconnects", 1)
    delivered.append(feed.next_batch())
    assert feed.counts["backfilled_rows"] > before
    later = coin_venue.step(2)
    coin_venue.cut_streams()  # what of the last step has not arrived is asked for, too
    _await(feed, "reconnects", 2)
    delivered += [feed.next_batch(), feed.next_batch()]
    assert _rows(delivered) == _rows(played + missed + later)


def test_a_venue_that_does_not_answer_loses_nothing(coin_venue: EmulatedServer, feed: AlpacaFeed) -> None:
    """The back-fill fails and can be tried again: rows and bars wait for it."""
    delivered = [_started(feed)]
    coin_venue.cut_streams()
    played = coin_venue.step(60)
    _await(feed, "reconnects", 1)
    coin_venue.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="/v1beta3/crypto/us/quotes"))
    with pytest.raises(VenueError) as failed:
        feed.next_batch()
    assert failed.value.retryable
    delivered += [feed.next_batch(), feed.next_batch()]
    assert _rows(delivered) == _rows(played)
    bars = [item for batch in delivered for item in batch.context if isinstance(item, BarBatch)]
    assert [(item.symbol, item.start_ns.shape[0]) for item in bars] == [(COIN, 1)]


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE, FaultKind.OUT_OF_ORDER])
def test_repeated_and_disordered_messages_change_nothing(
    coin_venue: EmulatedServer, feed: AlpacaFeed, kind: FaultKind
) -> None:
    """The batch is the one that an orderly stream makes; repetitions are counted."""
    _started(feed)
    coin_venue.faults.add(Fault(kind=kind, where=Where.MESSAGE, path=_PATH, times=0))
    played = coin_venue.step(4)
    _await(feed, "messages", _n_rows(played) * (2 if kind is FaultKind.DUPLICATE else 1))
    batch = feed.next_batch()
    assert _rows([batch]) == _rows(played)
    assert all((np.diff(item.ts_ns) >= 0).all() for part in _of_coin([batch]) for item in part)
    assert (feed.counts["duplicates"] > 0) == (kind is FaultKind.DUPLICATE)


def test_a_feed_that_continues_another_asks_for_what_it_missed(coin_venue: EmulatedServer, feed: AlpacaFeed) -> None:
    """The first batch after a rewind brings the coin's rows of the time before."""
    feed.rewind(7)
    trades, quotes = _rows([feed.next_batch()])
    expected = coin_venue.desk.market.trades(COIN)
    assert expected is not None
    assert [row[0] for row in trades] == sorted(expected.ts_ns.tolist())
    assert quotes


def test_the_client_asks_for_a_span(
    coin_venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any]
) -> None:
    """Both ends count, the side is +1, -1 or 0, and a coin that nobody trades has no rows."""
    found = coin_venue.desk.market.trades(COIN)
    assert found is not None
    first_ns, last_ns = (int(found.ts_ns[place]) for place in (0, -1))
    with AlpacaClient(config_of(coin_venue), credentials, clock=coin_venue.desk.clock) as client:
        rows = client.coin_trades(COIN, first_ns, last_ns)
        quotes = client.coin_quotes(COIN, first_ns // 1_000_000_000 * 1_000_000_000, last_ns)
        assert client.coin_trades("ETH/USD", first_ns) == []
    inside = found.ts_ns <= last_ns // 1_000 * 1_000  # the vendor's client cuts an instant to microseconds
    told = [(row.ts_ns, row.number, row.aggressor) for row in rows]
    expected = zip(found.ts_ns.tolist(), found.trade_id.tolist(), found.aggressor.tolist(), strict=True)
    assert set(told) >= {row for row, good in zip(expected, inside.tolist(), strict=True) if good}
    assert {row.name for row in quotes} == {COIN}
