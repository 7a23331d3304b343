"""The emulated Alpaca as alpaca-py sees it: every answer fits the vendor's own models, every refusal its own words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

pytest.importorskip("alpaca")

from adapters.emulated import EmulatedServer
from adapters.emulated.alpaca import AlpacaFrontEnd
from market.chains import OptionChain
from tests.adapters.alpaca.conftest import KEY, SECRET, GreekFeed
from tests.adapters.emulated.toy import SYMBOL, small_feed

sockets = pytest.importorskip("websockets.sync.client")

_HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}


@pytest.fixture
def venue() -> Iterator[EmulatedServer]:
    """An emulated Alpaca with small limits."""
    front = AlpacaFrontEnd(KEY, SECRET, requests_per_min=12, symbol_limit=3, snapshot_page=70)
    with EmulatedServer(front, GreekFeed(small_feed())) as server:
        server.step(5)
        yield server


def _chain(venue: EmulatedServer) -> OptionChain:
    chain = venue.desk.market.chain(SYMBOL)
    assert chain is not None
    return chain


def test_stock_answers_fit_the_vendors_models(venue: EmulatedServer) -> None:
    """Bars, quotes, trades and snapshots are parsed by the client's own classes."""
    from adapters.alpaca import vendor

    client = vendor.StockHistoricalDataClient(KEY, SECRET, url_override=venue.url)
    span: dict[str, Any] = {"symbol_or_symbols": SYMBOL, "start": datetime(2025, 6, 2, tzinfo=UTC)}
    minute = vendor.TimeFrame(1, vendor.TimeFrameUnit.Minute)
    bars: Any = client.get_stock_bars(vendor.StockBarsRequest(timeframe=minute, **span))
    trades: Any = client.get_stock_trades(vendor.StockTradesRequest(**span))
    quotes: Any = client.get_stock_quotes(vendor.StockQuotesRequest(**span))
    snapshot: Any = client.get_stock_snapshot(vendor.StockSnapshotRequest(symbol_or_symbols=SYMBOL))
    assert bars[SYMBOL][0].volume == sum(trade.size for trade in trades[SYMBOL])
    assert quotes[SYMBOL][-1].bid_price == _chain(venue).spot_bid
    assert snapshot[SYMBOL].latest_trade.price == trades[SYMBOL][-1].price
    assert snapshot[SYMBOL].daily_bar.close == trades[SYMBOL][-1].price


def test_option_answers_fit_the_vendors_models(venue: EmulatedServer) -> None:
    """Greeks are whole or absent, pages are followed, listings carry open interest as text."""
    from adapters.alpaca import vendor

    chain = _chain(venue)
    client = vendor.OptionHistoricalDataClient(KEY, SECRET, url_override=venue.url)
    found: Any = client.get_option_chain(vendor.OptionChainRequest(underlying_symbol=SYMBOL))
    assert len(found) == chain.n_contracts > 70
    greeks = [item.greeks for name, item in found.items() if name[-9] == "C"]
    assert all(item.vega > 0.0 > item.theta and item.rho >= 0.0 for item in greeks)
    assert [item.greeks for name, item in found.items() if name[-9] == "P"] == [None] * (len(found) - len(greeks))
    account = vendor.TradingClient(KEY, SECRET, url_override=venue.url)
    listed: Any = account.get_option_contracts(
        vendor.GetOptionContractsRequest(underlying_symbols=[SYMBOL], strike_price_gte="600", limit=10_000)
    )
    assert len(listed.option_contracts) == int((chain.strike >= 600.0).sum())
    assert listed.option_contracts[0].open_interest_date == date(2025, 5, 30)
    assert float(listed.option_contracts[0].open_interest) >= 0.0


def test_clock_and_calendar_fit_the_vendors_models(venue: EmulatedServer) -> None:
    """The clock is the virtual one; the half day before Independence Day closes at one."""
    from adapters.alpaca import vendor

    account = vendor.TradingClient(KEY, SECRET, url_override=venue.url)
    clock: Any = account.get_clock()
    assert clock.is_open
    assert clock.next_close - clock.timestamp < timedelta(hours=6.5)
    half: Any = account.get_calendar(vendor.GetCalendarRequest(start=date(2025, 7, 3), end=date(2025, 7, 4)))
    assert [(item.open.hour, item.close.hour) for item in half] == [(9, 13)]


def test_requests_beyond_the_limit_are_refused_with_true_headers(venue: EmulatedServer) -> None:
    """Twelve a minute, the thirteenth is told when to come back."""
    answers = [httpx.get(f"{venue.url}/v2/clock", headers=_HEADERS, timeout=5.0) for _ in range(13)]
    assert [answer.status_code for answer in answers] == [200] * 12 + [429]
    assert [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers] == [*range(11, -1, -1), 0]
    assert 0.0 < float(answers[-1].headers["Retry-After"]) <= 60.0


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v2/stocks/trades", 400, "symbols is required"),
        ("/v2/stocks/trades?symbols=XSP&page_token=nonsense", 422, "page_token"),
        ("/v2/stocks/bars?symbols=XSP&timeframe=fortnight", 400, "timeframe"),
        ("/v2/stocks/trades?symbols=XSP&start=yesterday", 400, "time"),
        ("/v1beta1/options/bars?symbols=XSP", 400, "invalid symbol"),
    ],
)
def test_a_wrong_request_is_refused_in_the_venues_words(
    venue: EmulatedServer, path: str, status: int, message: str
) -> None:
    """An error is JSON with code and message."""
    answer = httpx.get(venue.url + path, headers=_HEADERS, timeout=5.0)
    assert (answer.status_code, message in answer.json()["message"]) == (status, True)
    assert httpx.get(venue.url + path, timeout=5.0).status_code == 403


def test_stream_refuses_in_order(venue: EmulatedServer) -> None:
    """Nothing before authentication, no wrong key, no unknown action, no symbol too many."""

    def told(stream: Any, message: dict[str, Any] | bytes) -> Any:
        stream.send(message if isinstance(message, bytes) else msgspec.msgpack.encode(message))
        answer = msgspec.msgpack.decode(stream.recv(timeout=5.0))[0]
        return answer.get("code", answer.get("msg", answer["T"]))

    with sockets.connect(f"{venue.ws_url}/v2/iex") as stream:
        assert msgspec.msgpack.decode(stream.recv())[0]["msg"] == "connected"
        assert told(stream, {"action": "subscribe", "trades": [SYMBOL]}) == 401
        assert told(stream, b"\xc1") == 400
        assert told(stream, {"action": "auth", "key": KEY, "secret": "wrong"}) == 402  # pragma: allowlist secret
        auth = {"action": "auth", "key": KEY, "secret": SECRET}
        assert told(stream, auth) == "authenticated"
        assert told(stream, auth) == 403
        assert told(stream, {"action": "listen"}) == 410
        assert told(stream, {"action": "subscribe", "trades": ["A", "B", "C", "D"]}) == 405
        with sockets.connect(f"{venue.ws_url}/v2/iex") as second:
            second.recv()
            assert told(second, auth) == 406
        assert told(stream, {"action": "subscribe", "trades": [SYMBOL]}) == "subscription"
        venue.step()
        records = msgspec.msgpack.decode(stream.recv(timeout=5.0))
        assert {record["T"] for record in records} == {"t"}
        assert np.isfinite([record["p"] for record in records]).all()
