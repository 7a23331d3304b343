"""A small venue and a small market for tests of the emulators' core."""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from adapters.emulated import ClientMessage, Desk, Fault, FaultKind, view_of
from adapters.simulated import SimulatedFactory, SimulatedMarketConfig, SimulatedSymbol
from market.instruments import product_of
from market.ports import MarketFeed

SYMBOL = "XSP"


def small_feed(*, seed: int = 7, step_s: float = 1.0, chain_every: int = 1) -> MarketFeed:
    """Return a simulated market of one index with 60 to 120 contracts."""
    symbol = SimulatedSymbol(
        symbol=SYMBOL,
        product=product_of(SYMBOL),
        spot=590.0,
        strikes_each=20,
        n_daily=1,
        n_weekly=1,
        n_monthly=1,
    )
    config = SimulatedMarketConfig(symbols=(symbol,), seed=seed, step_s=step_s, interval_s=0.0, chain_every=chain_every)
    return SimulatedFactory(config=config)()


class ToyVenue:
    """Tells the last price, the time and, on a stream, the sizes of the trades."""

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return /price, /time and /stream."""

        async def price(request: Request) -> Response:
            chain = desk.market.chain(SYMBOL, view_of(request).as_of_ns)
            return JSONResponse({"price": None if chain is None else chain.spot_last})

        async def now(request: Request) -> Response:
            return JSONResponse({"now_ns": view_of(request).now_ns})

        async def stream(websocket: WebSocket) -> None:
            async with desk.stream(websocket) as session:
                if session is None:
                    return
                async for event in session.events():
                    if isinstance(event, ClientMessage):
                        await session.send(event.data)
                        continue
                    for trades in event.trades:
                        await session.publish(trades.size.tolist(), json.dumps)

        return [Route("/price", price), Route("/time", now), WebSocketRoute("/stream", stream)]

    def refusal(self, fault: Fault) -> Response:
        """Return a JSON error."""
        status = {FaultKind.RATE_LIMITED: 429, FaultKind.REVOKED_KEY: 401}.get(fault.kind, fault.status)
        return JSONResponse({"error": fault.kind}, status, headers={"Retry-After": f"{fault.delay_s:g}"})

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return how many streams are open."""
        return {"X-Streams": str(desk.streams.n_sessions)}
