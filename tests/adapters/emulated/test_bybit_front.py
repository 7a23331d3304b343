"""Bybit's front end as plain HTTP: codes in the body, limits in the headers, the newest page first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import requests

from adapters.emulated import EmulatedServer, Fault, FaultKind
from adapters.emulated.bybit import BybitFront
from adapters.emulated.coin_records import CoinRecords, RecordedFeed
from tests.adapters.ccxt_markets.coins import HOUR_NS, PERPETUAL, funding_of, ns

START = "2024-01-01"


@pytest.fixture
def server() -> Iterator[EmulatedServer]:
    """Three hundred payments of a perpetual."""
    ts_ns = ns(START) + 8 * HOUR_NS * np.arange(300, dtype=np.int64)
    funding = funding_of(PERPETUAL.symbol, ts_ns, np.linspace(-1e-4, 1e-4, 300))
    records = CoinRecords(markets=(PERPETUAL,), funding={PERPETUAL.symbol: funding})
    with EmulatedServer(BybitFront(records), RecordedFeed(())) as running:
        running.desk.clock.move_to(int(ts_ns[-1]))
        yield running


def _get(server: EmulatedServer, path: str) -> requests.Response:
    return requests.get(server.url + path, timeout=10)


def test_errors_come_with_status_200_and_a_code(server: EmulatedServer) -> None:
    """An unknown symbol, a limit and a failure of the system are told in the body alone."""
    answers = [_get(server, "/v5/market/kline?category=linear&symbol=NOPE&interval=60")]
    for kind in (FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.REVOKED_KEY):
        server.faults.add(Fault(kind=kind))
        answers.append(_get(server, "/v5/market/time"))
        server.faults.clear()
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["retCode"] for answer in answers] == [10001, 10006, 10016, 10003]


def test_what_is_left_of_the_limit_is_told(server: EmulatedServer) -> None:
    """The count falls with each request of a second of the exchange's clock, and then begins anew."""
    left = [int(_get(server, "/v5/market/time").headers["X-Bapi-Limit-Status"]) for _ in range(2)]
    server.desk.clock.advance(1_000_000_000)
    left.append(int(_get(server, "/v5/market/time").headers["X-Bapi-Limit-Status"]))
    assert left == [599, 598, 599]


def test_a_page_of_funding_is_the_newest_of_its_span(server: EmulatedServer) -> None:
    """At most 200 rows, the newest first, cut at the old end; a span without an end is refused."""
    path = f"/v5/market/funding/history?category=linear&symbol=BTCUSDT&startTime={ns(START) // 1_000_000}"
    assert _get(server, path).json()["retCode"] == 10001
    rows = _get(server, f"{path}&endTime={(ns(START) + 300 * 8 * HOUR_NS) // 1_000_000}").json()["result"]["list"]
    stamps = [int(row["fundingRateTimestamp"]) for row in rows]
    assert len(rows) == 200
    assert stamps == sorted(stamps, reverse=True)
    assert stamps[0] == (ns(START) + 299 * 8 * HOUR_NS) // 1_000_000
