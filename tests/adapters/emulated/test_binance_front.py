"""Binance's front end as plain HTTP: limits, bans and stale answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import requests

from adapters.emulated import EmulatedServer, Fault, FaultKind
from adapters.emulated.binance import BinanceFront
from adapters.emulated.coin_records import CoinRecords, RecordedFeed
from tests.adapters.ccxt_markets.coins import HOUR_NS, SPOT, bars_of, ns

START = "2024-01-01"


@pytest.fixture
def server() -> Iterator[EmulatedServer]:
    """Ten hours of a spot market; at most 10 units of weight a minute."""
    start = ns(START) + HOUR_NS * np.arange(10, dtype=np.int64)
    columns = dict.fromkeys(("open", "high", "low", "close", "volume"), np.arange(1.0, 11.0))
    records = CoinRecords(markets=(SPOT,), bars={SPOT.symbol: bars_of(SPOT.symbol, start, columns)})
    with EmulatedServer(BinanceFront(records, weight_per_minute=10), RecordedFeed(())) as running:
        running.desk.clock.move_to(ns(START) + 5 * HOUR_NS)
        yield running


def _get(server: EmulatedServer, path: str) -> requests.Response:
    return requests.get(server.url + path, timeout=10)


def test_weight_is_counted_per_minute_and_told(server: EmulatedServer) -> None:
    """Two requests of weight 1 and 2 make 3; a minute later the count begins anew."""
    assert _get(server, "/api/v3/time").headers["X-MBX-USED-WEIGHT-1M"] == "1"
    used = _get(server, "/api/v3/klines?symbol=BTCUSDT&interval=1h").headers["X-MBX-USED-WEIGHT-1M"]
    assert used == "3"
    server.desk.clock.advance(60_000_000_000)
    assert _get(server, "/api/v3/time").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_who_asks_on_after_429_is_barred_with_418(server: EmulatedServer) -> None:
    """Three times 429 with the rest of the minute, then 418 for two minutes, whatever the minute."""
    answers = [_get(server, "/api/v3/time") for _ in range(14)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 3 + [418]
    assert [answer.headers["Retry-After"] for answer in answers[10:]] == ["60", "60", "60", "120"]
    server.desk.clock.advance(100_000_000_000)
    assert _get(server, "/api/v3/time").status_code == 418
    server.desk.clock.advance(21_000_000_000)
    assert _get(server, "/api/v3/time").status_code == 200


def test_only_what_was_known_is_told(server: EmulatedServer) -> None:
    """At five o'clock five bars have ended and the sixth shows its open; a stale answer is an hour older."""
    path = "/api/v3/klines?symbol=BTCUSDT&interval=1h"
    rows = _get(server, path).json()
    assert [row[1] for row in rows] == ["1.0", "2.0", "3.0", "4.0", "5.0", "6.0"]
    assert rows[-1][5] == "0.0"
    server.faults.add(Fault(kind=FaultKind.STALE, path="/api/*", shift_ns=HOUR_NS))
    assert _get(server, path).json()[-1][0] == (ns(START) + 4 * HOUR_NS) // 1_000_000


def test_an_unknown_symbol_is_refused_as_binance_does(server: EmulatedServer) -> None:
    """Status 400 and code -1121."""
    answer = _get(server, "/api/v3/klines?symbol=NOPE&interval=1h")
    assert (answer.status_code, answer.json()["code"]) == (400, -1121)
