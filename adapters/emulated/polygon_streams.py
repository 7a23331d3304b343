"""Polygon's stream over any feed: the trades of the tickers that a client asks for."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.emulated.faults import FaultKind
from adapters.emulated.server import Desk
from adapters.emulated.streams import ClientMessage, StreamSession
from market.ports import MarketBatch
from market.trades import UNDERLYING, ContractTable, TradeBatch

__all__ = ["option_ticker", "stream_route"]

_MS: Final = 1_000_000


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
            await _talk(session, known)

    return WebSocketRoute("/{market}", stream)


async def _talk(session: StreamSession, key: str | None) -> None:
    admitted, wanted = False, set[str]()
    async for event in session.events():
        if isinstance(event, MarketBatch):
            records = [record for trades in event.trades for record in _records(trades, wanted)] if wanted else []
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


def _records(trades: TradeBatch, wanted: set[str]) -> list[dict[str, Any]]:
    names = {place: option_ticker(trades.contracts, place) for place in range(trades.contracts.n_contracts)}
    names[UNDERLYING] = trades.symbol
    found = []
    for row, place in enumerate(trades.contract.tolist()):
        if f"T.{names[place]}" in wanted:
            found.append(
                {
                    "ev": "T",
                    "sym": names[place],
                    "x": max(int(trades.venue[row]), 0),
                    "p": float(trades.price[row]),
                    "s": float(trades.size[row]),
                    "c": [],
                    "t": int(trades.ts_ns[row]) // _MS,
                    "q": int(trades.trade_id[row]),
                }
            )
    return found
