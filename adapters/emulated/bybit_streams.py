"""Bybit's public v5 streams over an emulated desk: trades, books as snapshot and deltas, and tickers."""

from __future__ import annotations

import json
from typing import Any

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.emulated.coin_records import MS, CoinMarket, CoinRecords, price_text
from adapters.emulated.coin_streams import BookChange, BookTape, Frames, accepted, levels_text, rows_of
from adapters.emulated.server import Desk
from adapters.emulated.streams import ClientMessage
from market.ports import MarketBatch

__all__ = ["bybit_streams"]


def bybit_streams(desk: Desk, records: CoinRecords, tape: BookTape) -> list[BaseRoute]:
    """Return the routes of spot and linear markets.

    Parameters
    ----------
    desk : Desk
        Market, clock and fault script.
    records : CoinRecords
        What is listed.
    tape : BookTape
        Books with their numbers.
    """

    def route(category: str) -> WebSocketRoute:
        async def stream(websocket: WebSocket) -> None:
            await _stream(desk, records, tape, websocket, perpetual=category == "linear")

        return WebSocketRoute(f"/v5/public/{category}", stream)

    return [route(category) for category in ("spot", "linear")]


async def _stream(desk: Desk, records: CoinRecords, tape: BookTape, websocket: WebSocket, *, perpetual: bool) -> None:
    async with accepted(desk, websocket) as session:
        if session is None:
            return
        frames = Frames(desk, websocket, session)
        topics: dict[str, int] = {}
        async for event in session.events():
            if isinstance(event, ClientMessage):
                told: dict[str, Any] = json.loads(event.data)
                fresh = told.get("args", []) if told.get("op") == "subscribe" else []
                topics.update(dict.fromkeys(fresh, -1))
                message = "pong" if told.get("op") == "ping" else told.get("op")
                answer = {"success": True, "ret_msg": message, "conn_id": "1", "req_id": told.get("req_id", "")}
                await session.send(json.dumps({**answer, "op": told.get("op")}))
                for topic in fresh:
                    rows = _first(records, tape, topic, perpetual=perpetual)
                    topics[topic] = max((row["data"]["u"] for row in rows), default=-1)
                    await frames.tell(topic, [json.dumps(row) for row in rows])
                continue
            for topic, known in topics.items():
                rows = _messages(records, tape, event, topic, perpetual=perpetual, known=known)
                await frames.tell(topic, [json.dumps(row) for row in rows])


def _market(records: CoinRecords, topic: str, *, perpetual: bool) -> CoinMarket | None:
    return records.market(topic.rpartition(".")[2], is_perpetual=perpetual)


def _first(records: CoinRecords, tape: BookTape, topic: str, *, perpetual: bool) -> list[dict[str, Any]]:
    market = _market(records, topic, perpetual=perpetual)
    book = None if market is None else tape.book(market.symbol)
    if market is None or book is None or not topic.startswith("orderbook.") or topic.startswith("orderbook.1."):
        return []
    return [_book(topic, market, book, "snapshot")]


def _messages(
    records: CoinRecords, tape: BookTape, batch: MarketBatch, topic: str, *, perpetual: bool, known: int
) -> list[dict[str, Any]]:
    market = _market(records, topic, perpetual=perpetual)
    if market is None:
        return []
    if topic.startswith("publicTrade."):
        return _trades(batch, topic, market)
    if topic.startswith(("tickers.", "orderbook.1.")):
        return _quotes(batch, topic, market)
    change = tape.change(batch, market.symbol, after=known)
    if change is None or not topic.startswith("orderbook."):
        return []
    return [_book(topic, market, change, "delta" if change.before else "snapshot")]


def _trades(batch: MarketBatch, topic: str, market: CoinMarket) -> list[dict[str, Any]]:
    rows = [
        {
            "T": int(trades.ts_ns[row]) // MS,
            "s": market.name,
            "S": "Buy" if trades.aggressor[row] > 0 else "Sell",
            "v": price_text(float(trades.size[row])),
            "p": price_text(float(trades.price[row])),
            "L": "ZeroPlusTick",
            "i": str(int(trades.trade_id[row])),
            "BT": False,
        }
        for trades, row in rows_of(batch.trades, market.symbol)
    ]
    return [_told(topic, batch.ts_event_ns, [row], "snapshot") for row in rows]


def _quotes(batch: MarketBatch, topic: str, market: CoinMarket) -> list[dict[str, Any]]:
    found = []
    for quotes, row in rows_of(batch.quotes, market.symbol):
        bid, bid_size, ask, ask_size = (
            price_text(float(getattr(quotes, name)[row])) for name in ("bid", "bid_size", "ask", "ask_size")
        )
        data: dict[str, Any] = {"symbol": market.name, "bid1Price": bid, "bid1Size": bid_size}
        data |= {"ask1Price": ask, "ask1Size": ask_size}
        if topic.startswith("orderbook."):
            number = {"u": batch.sequence + 1, "seq": batch.sequence + 1}
            data = {"s": market.name, "b": [[bid, bid_size]], "a": [[ask, ask_size]], **number}
        found.append(_told(topic, int(quotes.ts_ns[row]), data, "snapshot"))
    return found


def _book(topic: str, market: CoinMarket, book: BookChange, kind: str) -> dict[str, Any]:
    sides = {"b": levels_text(book.bids), "a": levels_text(book.asks)}
    return _told(topic, book.ts_ns, {"s": market.name, **sides, "u": book.last, "seq": book.last}, kind)


def _told(topic: str, ts_ns: int, data: Any, kind: str) -> dict[str, Any]:
    return {"topic": topic, "type": kind, "ts": ts_ns // MS, "data": data}
