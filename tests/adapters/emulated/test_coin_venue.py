"""Simulated coins behind the protocols of exchanges, read by the unmodified client through the real adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ccxt")

from adapters.ccxt_markets import CcxtVenue, Redirect, VenueConfig
from adapters.emulated import EmulatedServer
from adapters.emulated.coin_venue import CoinVenue
from adapters.simulated import CoinMarketConfig, exchange_config
from market.bars import BarBatch
from market.funding import FundingBatch
from market.ports import MarketBatch
from tests.adapters.ccxt_markets.live import FRONTS, SECOND_NS, START_NS, opened, run_until

_HOUR_NS = 3_600 * 10**9
_TYPES = {"deribit": (), "bybit": ("linear", "option"), "binance": ("linear", "option")}
_MARKET = {"deribit": "BTC/USD:BTC", "bybit": "BTC/USDT:USDT", "binance": "BTC/USDT:USDT"}
_STREAMS = {"deribit": 1, "bybit": 1, "binance": 3}
_EXCHANGES = list(_MARKET)
_PARTS = ("trades", "quotes", "books", "chains", "context")


def _config(exchange: str, **settings: Any) -> CoinMarketConfig:
    return replace(exchange_config(exchange, ("BTC",)), step_s=10.0, history_s=10 * 3_600.0, **settings)


@contextmanager
def _serving(exchange: str, config: CoinMarketConfig) -> Iterator[tuple[EmulatedServer, CcxtVenue]]:
    """Run the exchange, and a venue on a machine with the same clock."""
    market = CoinVenue(config)
    with EmulatedServer(FRONTS[exchange](market.records), market) as server:
        server.step(3)
        yield (
            server,
            CcxtVenue(
                exchange,
                config=VenueConfig(is_paced=False, market_types=_TYPES[exchange]),
                simulated=True,
                transport=Redirect(server.url),
                clock_ns=server.desk.clock.now_ns,
            ),
        )


@pytest.mark.parametrize("exchange", _EXCHANGES)
def test_a_chain_comes_back_as_the_exchange_of_coins_tells_it(exchange: str) -> None:
    """Contracts, quotes in dollars per coin to a tick of the coin, live open interest; marked as simulated."""
    with _serving(exchange, _config(exchange)) as (server, venue):
        found, told = venue.option_chain("BTC"), server.desk.market.chain("BTC")
    assert told is not None
    assert found.provenance.simulated
    assert {item.product for item in found.series} == {item.product for item in told.series}
    order, own = (
        np.lexsort((chain.is_call, chain.strike, chain.expiry_ns[chain.series_index])) for chain in (found, told)
    )
    for column, tolerance in (("strike", 0.0), ("bid", 0.01), ("ask", 0.01), ("open_interest", 1e-9)):
        np.testing.assert_allclose(getattr(found, column)[order], getattr(told, column)[own], atol=tolerance, rtol=1e-6)
    assert found.n_contracts == told.n_contracts > 900
    assert (found.vendor_iv > 0.2).all()


@pytest.mark.parametrize("exchange", _EXCHANGES)
def test_what_is_on_record_grows_with_the_market(exchange: str) -> None:
    """Minutes without a gap from before the start to now, payments at the exchange's interval, and a forecast."""
    symbol = _MARKET[exchange]
    with _serving(exchange, _config(exchange)) as (server, venue):
        server.step(13)
        now_ns = server.desk.clock.now_ns()
        bars = venue.bars(symbol, "1m", now_ns - _HOUR_NS, now_ns)
        paid = venue.funding_history(symbol, now_ns - 9 * _HOUR_NS, now_ns)
        forecast = venue.funding(symbol)
    assert (np.diff(bars.start_ns) == 60 * 10**9).all()
    assert now_ns - int(bars.end_ns[-1]) < 60 * 10**9
    assert ((bars.high >= bars.low) & (bars.volume > 0.0)).all()
    every = 1 if exchange == "deribit" else 8
    assert set((paid.interval_ns // _HOUR_NS).tolist()) == {every}
    assert (paid.ts_ns % (every * _HOUR_NS) == 0).all()
    assert np.isfinite(forecast.rate).all()


@pytest.mark.parametrize("exchange", _EXCHANGES)
def test_expirations_that_are_listed_at_eight_reach_a_client_that_was_there_before(exchange: str) -> None:
    """The exchange's list is read again when it tells of contracts that nobody has listed."""
    start_ns = exchange_config(exchange, ("BTC",)).start_ns + 20 * _HOUR_NS - 60 * 10**9
    with _serving(exchange, _config(exchange, start_ns=start_ns)) as (server, venue):
        before = venue.option_chain("BTC")
        server.step(6)
        after = venue.option_chain("BTC")
        told = server.desk.market.chain("BTC")
    assert told is not None
    assert before.series[0].expiry_ns < told.ts_event_ns < after.series[0].expiry_ns
    assert [item.expiration for item in after.series] == [item.expiration for item in told.series]
    assert after.n_contracts == told.n_contracts
    assert sum(after.dropped.values()) == 0


@pytest.mark.parametrize("exchange", _EXCHANGES)
def test_a_live_feed_tells_what_the_market_told(exchange: str) -> None:
    """Each trade once, with its side; quotes, books, chains, bars, funding; none is dated by a clock that is off."""
    market = CoinVenue(_config(exchange, start_ns=START_NS - 10 * SECOND_NS))
    server = EmulatedServer(FRONTS[exchange](market.records), market)
    config: dict[str, Any] = {"timeframe": "1m", "funding_every_s": 60.0, "market_types": _TYPES[exchange]}
    found: list[MarketBatch] = []
    with server:
        server.step(1)
        with opened(
            server, exchange, _MARKET[exchange], streams=_STREAMS[exchange], ahead_ns=2 * _HOUR_NS, **config
        ) as feed:
            run_until(server, feed, "trades", "quotes", "books", "chains")
            while not all(any(getattr(batch, name) for batch in found) for name in _PARTS):
                run_until(server, feed, "trades")
                found.append(feed.next_batch())
                assert len(found) < 200
    told = server.desk.market.trades(_MARKET[exchange])
    assert told is not None
    sides = dict(zip(told.trade_id.tolist(), told.aggressor.tolist(), strict=True))
    numbers = [number for batch in found for trades in batch.trades for number in trades.trade_id.tolist()]
    assert len(set(numbers)) == len(numbers) > 0
    assert max(batch.ts_event_ns for batch in found) <= server.desk.clock.now_ns()
    parts = [part for batch in found for name in _PARTS for part in getattr(batch, name)]
    assert all(part.provenance.simulated for part in parts)
    assert {part.symbol for part in parts if not isinstance(part, BarBatch | FundingBatch)} == {"BTC"}
    for trades in (item for batch in found for item in batch.trades):
        assert trades.aggressor.tolist() == [sides[number] for number in trades.trade_id.tolist()]
