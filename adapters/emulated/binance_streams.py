"""Binance's public streams over an emulated desk: aggregated trades, best quotes and changes of the book."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.emulated.coin_records import MS, CoinMarket, CoinRecords, price_text
from adapters.emulated.coin_streams import BookTape, Frames, accepted, levels_text, rows_of
from adapters.emulated.server import Desk
from adapters.emulated.streams import ClientMessage
from market.ports import MarketBatch

__all__ = ["binance_streams"]


def binance_streams(desk: Desk, records: CoinRecords, tape: BookTape) -> list[BaseRoute]:
    """Return the routes of spot (``/ws``, ``/stream``) and USD-margined perpetuals (``/public``, ``/market``).

    Parameters
    ----------
    desk : Desk
        Market, clock and fault script.
    records : CoinRecords
        What is listed.
    tape : BookTape
        Books with their numbers.
    """

    def route(path: str, *, perpetual: bool | None) -> WebSocketRoute:
        async def stream(websocket: WebSocket) -> None:
            of_host = websocket.headers.get("host", "").startswith("fstream")
            await _stream(desk, records, tape, websocket, perpetual=of_host if perpetual is None else perpetual)

        return WebSocketRoute(path, stream)

    plain = [route(path, perpetual=None) for path in ("/ws", "/ws/{rest:path}", "/stream")]
    split = [
        route(f"/{kind}/{path}", perpetual=True)
        for kind in ("public", "market")
        for path in ("ws", "ws/{rest:path}", "stream")
    ]
    return [*plain, *split]


async def _stream(desk: Desk, records: CoinRecords, tape: BookTape, websocket: WebSocket, *, perpetual: bool) -> None:
    async with accepted(desk, websocket) as session:
        if session is None:
            return
        frames = Frames(desk, websocket, session)
        is_combined = websocket.url.path.endswith("/stream")
        channels = dict.fromkeys(name for name in websocket.query_params.get("streams", "").split("/") if name)
        async for event in session.events():
            if isinstance(event, ClientMessage):
                await session.send(_answer(event, channels))
                continue
            for channel in channels:
                told = _messages(records, tape, event, channel, perpetual=perpetual)
                await frames.tell(channel, [_frame(item, channel if is_combined else "") for item in told])


def _answer(message: ClientMessage, channels: dict[str, None]) -> str:
    told: dict[str, Any] = json.loads(message.data)
    if told.get("method") == "SUBSCRIBE":
        channels.update(dict.fromkeys(told["params"]))
    elif told.get("method") == "UNSUBSCRIBE":
        for name in told["params"]:
            channels.pop(name, None)
    return json.dumps({"result": None, "id": told.get("id")})


def _frame(content: dict[str, Any], channel: str) -> str:
    return json.dumps({"stream": channel, "data": content} if channel else content)


def _messages(
    records: CoinRecords, tape: BookTape, batch: MarketBatch, channel: str, *, perpetual: bool
) -> Iterable[dict[str, Any]]:
    name, _, kind = channel.partition("@")
    market = records.market(name.upper(), is_perpetual=perpetual)
    if market is None:
        return []
    return _KINDS.get(kind.partition("@")[0], _nothing)(tape, batch, market)


def _trades(_tape: BookTape, batch: MarketBatch, market: CoinMarket) -> list[dict[str, Any]]:
    return [
        {
            "e": "aggTrade",
            "E": batch.ts_event_ns // MS,
            "s": market.name,
            "a": int(trades.trade_id[row]),
            "p": price_text(float(trades.price[row])),
            "q": price_text(float(trades.size[row])),
            "f": int(trades.trade_id[row]),
            "l": int(trades.trade_id[row]),
            "T": int(trades.ts_ns[row]) // MS,
            "m": bool(trades.aggressor[row] < 0),
        }
        for trades, row in rows_of(batch.trades, market.symbol)
    ]


def _quotes(_tape: BookTape, batch: MarketBatch, market: CoinMarket) -> list[dict[str, Any]]:
    found = []
    for quotes, row in rows_of(batch.quotes, market.symbol):
        stamp = int(quotes.ts_ns[row]) // MS
        # Spot tells no instant.
        head = {"e": "bookTicker", "E": stamp, "T": stamp} if market.is_perpetual else {}
        names = {"b": "bid", "B": "bid_size", "a": "ask", "A": "ask_size"}
        told = {name: price_text(float(getattr(quotes, own)[row])) for name, own in names.items()}
        found.append({**head, "u": batch.sequence + 1, "s": market.name, **told})
    return found


def _depth(tape: BookTape, batch: MarketBatch, market: CoinMarket) -> list[dict[str, Any]]:
    change = tape.change(batch, market.symbol)
    if change is None:
        return []
    stamp = change.ts_ns // MS
    numbers = {"U": change.first, "u": change.last}
    more = {"T": stamp, "pu": change.before} if market.is_perpetual else {}
    sides = {"b": levels_text(change.bids), "a": levels_text(change.asks)}
    return [{"e": "depthUpdate", "E": stamp, "s": market.name, **numbers, **more, **sides}]


def _nothing(_tape: BookTape, _batch: MarketBatch, _market: CoinMarket) -> list[dict[str, Any]]:
    return []


_KINDS: Final[dict[str, Callable[[BookTape, MarketBatch, CoinMarket], list[dict[str, Any]]]]] = {
    "aggTrade": _trades,
    "bookTicker": _quotes,
    "depth": _depth,
}
