"""Streams of emulated coin exchanges as they are on the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.emulated import EmulatedServer, Fault, FaultKind, Where
from tests.adapters.ccxt_markets.coins import PERPETUAL, SPOT
from tests.adapters.ccxt_markets.live import PER_STEP, served, tape

client = pytest.importorskip("websockets.sync.client")


def _read(stream: Any, n: int) -> list[dict[str, Any]]:
    return [json.loads(stream.recv(timeout=5)) for _ in range(n)]


def _connected(server: EmulatedServer, path: str) -> Any:
    return client.connect(server.ws_url + path, compression=None)


def test_combined_streams_of_binance_name_each_message() -> None:
    """One connection for several streams: trades, the quote and the change of the book of each instant."""
    path = "/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker"
    with served(tape(PERPETUAL.symbol, 2)) as server, _connected(server, path) as stream:
        assert server.desk.streams.wait_sessions(1)
        server.step(2)
        found = _read(stream, 4)
    assert [item["stream"] for item in found] == ["btcusdt@depth@100ms", "btcusdt@bookTicker"] * 2
    first, second = (item["data"] for item in found[::2])
    assert (first["U"], first["pu"]) == (1, 0)
    assert (second["U"], second["pu"]) == (first["u"] + 1, first["u"])


def test_the_snapshot_of_a_book_and_its_changes_share_their_numbers() -> None:
    """Spot as documented: the first change to apply spans the number behind the snapshot's."""
    requests = pytest.importorskip("requests")
    with served(tape(SPOT.symbol, 3)) as server, _connected(server, "/ws") as stream:
        stream.send(json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 7}))
        assert _read(stream, 1) == [{"result": None, "id": 7}]
        server.step(2)
        book = requests.get(f"{server.url}/api/v3/depth?symbol=BTCUSDT", timeout=5).json()
        server.step()
        changes = _read(stream, 3)
    assert changes[1]["u"] == book["lastUpdateId"]
    assert changes[2]["U"] == book["lastUpdateId"] + 1
    assert len(book["bids"]) == 5


def test_a_subscription_of_bybit_begins_with_the_whole_book() -> None:
    """A snapshot, then deltas; and an answer to a ping."""
    with served(tape(PERPETUAL.symbol, 3), "bybit") as server:
        server.step()
        with _connected(server, "/v5/public/linear") as stream:
            stream.send(json.dumps({"op": "ping"}))
            stream.send(json.dumps({"op": "subscribe", "args": ["orderbook.50.BTCUSDT", "publicTrade.BTCUSDT"]}))
            pong, answer, first = _read(stream, 3)
            server.step()
            told = _read(stream, 1 + PER_STEP)
    assert (pong["ret_msg"], answer["op"], answer["success"]) == ("pong", "subscribe", True)
    assert [item["type"] for item in (first, told[0])] == ["snapshot", "delta"]
    assert {item["topic"] for item in told[1:]} == {"publicTrade.BTCUSDT"}


def test_a_frame_of_one_stream_is_spoilt_and_no_other() -> None:
    """The fault script names a stream behind its path."""
    with served(tape(SPOT.symbol, 2)) as server:
        server.faults.add(Fault(kind=FaultKind.DUPLICATE, where=Where.MESSAGE, path="/stream/*aggTrade"))
        with _connected(server, "/stream?streams=btcusdt@aggTrade/btcusdt@bookTicker") as stream:
            assert server.desk.streams.wait_sessions(1)
            server.step()
            found = _read(stream, 2 * PER_STEP + 1)
    assert [item["data"]["a"] for item in found[:-1]] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert found[-1]["stream"] == "btcusdt@bookTicker"
