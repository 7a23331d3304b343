"""Polygon's streams over any feed: trades, quotes and minutes of the tickers that a client asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.emulated.faults import FaultKind
from adapters.emulated.server import Desk
from adapters.emulated.streams import ClientMessage, StreamSession
from market.ports import MarketBatch
from market.trades import UNDERLYING, ContractTable, QuoteBatch, TradeBatch

__all__ = ["option_ticker", "stream_route"]

_MS: Final = 1_000_000
_MINUTE_NS: Final = 60_000_000_000
_MINUTES: Final = "AM."


def option_ticker(contracts: ContractTable, place: int) -> str:
    """Return the vendor's name of a contract."""
    series = contracts.series[int(contracts.series_index[place])]
    right = "C" if contracts.is_call[place] else "P"
    thousandths = round(float(contracts.strike[place]) * 1000)
    return f"O:{series.product.root}{series.expiration:%y%m%d}{right}{thousandths:08d}"


def stream_route(desk: Desk, key: str) -> BaseRoute:
    """Return the route of the streams: one path per market, for one key."""

    async def stream(websocket: WebSocket) -> None:
        async with desk.stream(websocket) as session:
            if session is None:
                return
            await session.send(_status("connected", "Connected Successfully"))
            if websocket.state.refused is FaultKind.RATE_LIMITED:
                await session.send(_status("max_connections", "Maximum number of connections exceeded"))
                await websocket.close(1008)
                return
            known = key if websocket.state.refused is None else None
            await _talk(session, desk, known)

    return WebSocketRoute("/{market}", stream)


async def _talk(session: StreamSession, desk: Desk, key: str | None) -> None:
    admitted, wanted, minutes = False, set[str](), dict[str, int]()
    async for event in session.events():
        if isinstance(event, MarketBatch):
            records = [*_records(event, wanted), *_bars(desk, event.ts_event_ns, wanted, minutes)] if wanted else []
            await session.publish(records, json.dumps)
            continue
        admitted = await _answer(session, event, key, wanted, admitted=admitted)


async def _answer(
    session: StreamSession, message: ClientMessage, key: str | None, wanted: set[str], *, admitted: bool
) -> bool:
    told: dict[str, Any] = json.loads(message.data)
    if told["action"] == "auth":
        right = key is not None and told["params"] == key
        await session.send(_status("auth_success" if right else "auth_failed", "authenticated" if right else "refused"))
        return right
    channels = told["params"].split(",")
    if admitted and told["action"] == "subscribe":
        wanted.update(channels)
        for channel in channels:
            await session.send(_status("success", f"subscribed to: {channel}"))
    elif told["action"] == "unsubscribe":
        wanted.difference_update(channels)
    return admitted


def _status(status: str, message: str) -> str:
    return json.dumps([{"ev": "status", "status": status, "message": message}])


def _records(batch: MarketBatch, wanted: set[str]) -> Iterator[dict[str, Any]]:
    # Quotes before the trades that meet them, as the feed's own batches mean it.
    for quotes in batch.quotes:
        yield from _quote_records(quotes, wanted)
    for trades in batch.trades:
        yield from _trade_records(trades, wanted)


def _names(ticks: TradeBatch | QuoteBatch) -> dict[int, str]:
    names = {place: option_ticker(ticks.contracts, place) for place in set(ticks.contract.tolist()) - {UNDERLYING}}
    return names | {UNDERLYING: ticks.symbol}


def _trade_records(trades: TradeBatch, wanted: set[str]) -> Iterator[dict[str, Any]]:
    names = _names(trades)
    for row, place in enumerate(trades.contract.tolist()):
        if f"T.{names[place]}" in wanted:
            yield {
                "ev": "T",
                "sym": names[place],
                "x": max(int(trades.venue[row]), 0),
                "p": float(trades.price[row]),
                "s": float(trades.size[row]),
                "c": [],
                "t": int(trades.ts_ns[row]) // _MS,
                "q": int(trades.trade_id[row]),
            }


def _quote_records(quotes: QuoteBatch, wanted: set[str]) -> Iterator[dict[str, Any]]:
    names = _names(quotes)
    sides = {"bp": quotes.bid, "ap": quotes.ask, "bs": quotes.bid_size, "as": quotes.ask_size}
    for row, place in enumerate(quotes.contract.tolist()):
        if f"Q.{names[place]}" in wanted:
            told = {name: float(values[row]) for name, values in sides.items() if values[row] > 0.0}
            yield {"ev": "Q", "sym": names[place], "t": int(quotes.ts_ns[row]) // _MS, "q": row, **told}


def _bars(desk: Desk, now_ns: int, wanted: set[str], minutes: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Yield the minutes of each wanted underlying that have ended, each once."""
    begun_ns = now_ns // _MINUTE_NS * _MINUTE_NS
    for channel in sorted(name for name in wanted if name.startswith(_MINUTES)):
        symbol = channel.removeprefix(_MINUTES)
        before = minutes.setdefault(symbol, begun_ns)
        minutes[symbol] = begun_ns
        if begun_ns == before:
            continue
        bars = desk.market.bars(symbol, _MINUTE_NS)
        values = {"o": bars.open, "h": bars.high, "l": bars.low, "c": bars.close, "v": bars.volume, "vw": bars.vwap}
        for row in np.flatnonzero((bars.start_ns >= before) & (bars.start_ns < begun_ns)).tolist():
            start = int(bars.start_ns[row])
            span = {"s": start // _MS, "e": (start + _MINUTE_NS) // _MS}
            yield {"ev": "AM", "sym": symbol, **span, **{name: float(value[row]) for name, value in values.items()}}
