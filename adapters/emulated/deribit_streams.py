"""Deribit's public JSON-RPC subscriptions over a websocket, over an emulated desk: trades, books and quotes."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.emulated.coin_records import MS, CoinMarket, CoinRecords
from adapters.emulated.coin_streams import BookChange, BookTape, Frames, accepted, rows_of
from adapters.emulated.server import Desk
from adapters.emulated.streams import ClientMessage
from market.ports import MarketBatch
from market.trades import TradeBatch

__all__ = ["deribit_streams", "trade_record"]

_DIGITS: Final = 6


def deribit_streams(desk: Desk, records: CoinRecords, tape: BookTape) -> list[BaseRoute]:
    """Return the route of the websocket.

    Parameters
    ----------
    desk : Desk
        Market, clock and fault script.
    records : CoinRecords
        Perpetuals.
    tape : BookTape
        Books with their numbers.
    """

    async def stream(websocket: WebSocket) -> None:
        async with accepted(desk, websocket) as session:
            if session is None:
                return
            frames = Frames(desk, websocket, session)
            channels: dict[str, int] = {}
            async for event in session.events():
                if not isinstance(event, ClientMessage):
                    for channel, known in channels.items():
                        rows = _messages(records, tape, event, channel, known)
                        await frames.tell(channel, [_notice(channel, row) for row in rows])
                    continue
                told: dict[str, Any] = json.loads(event.data)
                fresh = told["params"]["channels"] if told["method"] == "public/subscribe" else []
                channels.update(dict.fromkeys(fresh, -1))
                await session.send(json.dumps({"jsonrpc": "2.0", "id": told.get("id"), "result": fresh}))
                for channel in fresh:
                    whole = _first(records, tape, channel)
                    channels[channel] = max((row["change_id"] for row in whole), default=-1)
                    await frames.tell(channel, [_notice(channel, row) for row in whole])

    return [WebSocketRoute("/ws/api/v2", stream)]


def trade_record(trades: TradeBatch, row: int, market: CoinMarket) -> dict[str, Any]:
    """Return a trade as Deribit tells it: the amount of an inverse perpetual in USD.

    Parameters
    ----------
    trades : TradeBatch
        Trades.
    row : int
        Which one.
    market : CoinMarket
        Whose it is.
    """
    return {
        "trade_id": str(int(trades.trade_id[row])),
        "trade_seq": int(trades.trade_id[row]),
        "timestamp": int(trades.ts_ns[row]) // MS,
        "instrument_name": market.name,
        "direction": "buy" if trades.aggressor[row] > 0 else "sell",
        "price": float(trades.price[row]),
        "amount": round(float(trades.size[row] * trades.price[row]), _DIGITS),
    }


def _notice(channel: str, data: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


def _market(records: CoinRecords, channel: str) -> CoinMarket | None:
    return records.market(channel.split(".")[1], is_perpetual=True)


def _first(records: CoinRecords, tape: BookTape, channel: str) -> list[dict[str, Any]]:
    market = _market(records, channel)
    book = None if market is None else tape.book(market.symbol)
    return (
        [] if market is None or book is None or not channel.startswith("book.") else [_book(market, book, whole=True)]
    )


def _messages(records: CoinRecords, tape: BookTape, batch: MarketBatch, channel: str, known: int) -> list[Any]:
    market = _market(records, channel)
    if market is None:
        return []
    kind = channel.partition(".")[0]
    if kind == "trades":
        rows = [trade_record(trades, row, market) for trades, row in rows_of(batch.trades, market.symbol)]
        return [rows] if rows else []
    if kind == "quote":
        return [_quote(quotes, row, market) for quotes, row in rows_of(batch.quotes, market.symbol)]
    change = tape.change(batch, market.symbol, after=known)
    return [] if change is None or kind != "book" else [_book(market, change, whole=not change.before)]


def _quote(quotes: Any, row: int, market: CoinMarket) -> dict[str, Any]:
    bid, ask = float(quotes.bid[row]), float(quotes.ask[row])
    return {
        "instrument_name": market.name,
        "timestamp": int(quotes.ts_ns[row]) // MS,
        "best_bid_price": bid,
        "best_bid_amount": round(float(quotes.bid_size[row]) * bid, _DIGITS),
        "best_ask_price": ask,
        "best_ask_amount": round(float(quotes.ask_size[row]) * ask, _DIGITS),
    }


def _book(market: CoinMarket, book: BookChange, *, whole: bool) -> dict[str, Any]:
    sides = {
        name: [
            ["new" if whole else "change" if size else "delete", price, round(size * price, _DIGITS)]
            for price, size in side.items()
        ]
        for name, side in (("bids", book.bids), ("asks", book.asks))
    }
    before = {} if whole else {"prev_change_id": book.before}
    head = {"type": "snapshot" if whole else "change", "timestamp": book.ts_ns // MS, "instrument_name": market.name}
    return {**head, **before, "change_id": book.last, **sides}
