"""A venue as a real local server: HTTP and websockets on a port of the loopback interface, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self, final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.emulated.clock import VirtualClock
from adapters.emulated.faults import Fault, FaultKind, FaultScript, Where
from adapters.emulated.market import EmulatedMarket
from adapters.emulated.record import Record, RequestLog
from adapters.emulated.streams import StreamHub, StreamSession
from market.errors import ConfigError, VenueError
from market.ports import MarketBatch, MarketFeed

__all__ = ["Desk", "EmulatedServer", "FrontEnd", "View", "view_of"]

_LOOPBACK = "127.0.0.1"
_HTML = b"<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one request may see: as of when, and what the venue believes the time is; ns since the epoch, UTC."""

    as_of_ns: int
    now_ns: int


def view_of(request: Request) -> View:
    """Return what a request may see; a front end asks the market with it, so that stale answers are wholly so."""
    view: View = request.state.view
    return view


class FrontEnd(Protocol):
    """One venue's protocol over a desk."""

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the HTTP and websocket routes."""

    def refusal(self, fault: Fault) -> Response:
        """Return the venue's own form of a refused, limited or failed request."""

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return headers that every answer has, such as what is left of a rate limit."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a front end works with.

    Parameters
    ----------
    market : EmulatedMarket
        The market behind it.
    clock : VirtualClock
        The venue's clock.
    faults : FaultScript
        What goes wrong.
    requests : RequestLog
        What was asked.
    streams : StreamHub
        Open streams.
    transports : dict
        Open connections by the client's port.
    started_s : float
        Reading of the monotonic clock when the desk was made, seconds.
    """

    market: EmulatedMarket
    clock: VirtualClock
    faults: FaultScript
    requests: RequestLog
    streams: StreamHub = field(default_factory=StreamHub)
    transports: dict[int, asyncio.Transport] = field(default_factory=dict)
    started_s: float = field(default_factory=time.monotonic)

    def note(self, where: Where, connection: HTTPConnection, **known: Any) -> None:
        """Record what a client did."""
        self.requests.add(
            Record(
                where=where,
                path=connection.url.path,
                query=dict(connection.query_params),
                headers=dict(connection.headers),
                ts_ns=self.clock.now_ns(),
                elapsed_s=time.monotonic() - self.started_s,
                **known,
            )
        )

    def abort(self, scope: Scope) -> None:
        """Reset the connection of a request or stream."""
        transport = self.transports.get(scope["client"][1])
        if transport is not None:
            transport.abort()

    @contextlib.asynccontextmanager
    async def stream(self, websocket: WebSocket) -> AsyncIterator[StreamSession | None]:
        """Accept a stream and yield its session, or None where the fault script resets the connection.

        A `FaultKind.REVOKED_KEY` or `FaultKind.RATE_LIMITED` of the connection stands in
        ``websocket.state.refused`` for the front end, which tells it in its own words.
        """
        fault = self.faults.due(Where.CONNECT, websocket.url.path)
        self.note(Where.CONNECT, websocket, fault=fault)
        if fault is not None and fault.kind is FaultKind.DISCONNECT:
            self.abort(websocket.scope)
            yield None
            return
        websocket.state.refused = None if fault is None else fault.kind
        await websocket.accept()
        session = StreamSession(
            websocket,
            self.faults,
            lambda: self.abort(websocket.scope),
            lambda data: self.note(Where.MESSAGE, websocket, body=data),
        )
        self.streams.enter(session)
        try:
            yield session
        finally:
            self.streams.leave(session)


@final
class EmulatedServer:
    """Runs a front end over a feed; a context manager.

    Parameters
    ----------
    front : FrontEnd
        The venue's protocol.
    feed : MarketFeed
        The market behind it.
    faults : sequence of Fault
        What goes wrong from the start; more by ``server.faults.add``.
    port : int
        Port of the loopback interface; 0 for any that is free.
    paced : bool
        Play the feed by itself, at its own pace; otherwise it moves only with `step`.
    keep : int
        How many of the newest batches can be asked for.
    """

    def __init__(
        self,
        front: FrontEnd,
        feed: MarketFeed,
        *,
        faults: Sequence[Fault] = (),
        port: int = 0,
        paced: bool = False,
        keep: int = 10_000,
    ) -> None:
        clock = VirtualClock()
        self.desk = Desk(
            market=EmulatedMarket(feed, clock, keep=keep),
            clock=clock,
            faults=FaultScript(faults),
            requests=RequestLog(),
        )
        self._front, self._wanted_port, self._paced = front, port, paced
        self._ready, self._stop = threading.Event(), threading.Event()
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """Port that the server listens on."""
        if self._socket is None:
            raise ConfigError("the server has not been started", action="enter it with `with`")
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Address for HTTP, without a slash at its end."""
        return f"http://{_LOOPBACK}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Address for websockets, without a slash at its end."""
        return f"ws://{_LOOPBACK}:{self.port}"

    @property
    def faults(self) -> FaultScript:
        """The fault script."""
        return self.desk.faults

    @property
    def requests(self) -> RequestLog:
        """What clients have asked."""
        return self.desk.requests

    def step(self, batches: int = 1) -> list[MarketBatch]:
        """Play batches and wait until the streams have sent them; fewer come back where the feed has ended."""
        found = [batch for _ in range(batches) if (batch := self.desk.market.step()) is not None]
        self.desk.streams.wait_drained()
        return found

    def cut_streams(self) -> None:
        """Reset every open stream."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort_streams)

    def __enter__(self) -> Self:
        self._socket = socket.create_server((_LOOPBACK, self._wanted_port), backlog=512)
        app = _Guard(Starlette(routes=list(self._front.routes(self.desk))), self._front, self.desk)
        config = uvicorn.Config(
            app,
            http=_protocol(self.desk.transports),
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # it saves bytes, of which this machine has enough, and costs time
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            ws_ping_interval=None,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._start(self._serve)
        if not self._ready.wait(10.0):
            raise VenueError("the emulated venue did not start", retryable=True)
        self.desk.market.listen(self.desk.streams.publish)
        if self._paced:
            self._start(self._pace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._server is not None and self._loop is not None:
            self._server.should_exit = True
            self._loop.call_soon_threadsafe(self._abort_all)
        for thread in self._threads:
            thread.join(10.0)
        if self._socket is not None:
            self._socket.close()

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name="emulated-venue", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        asyncio.run(self._served())

    async def _served(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.desk.streams.bind(self._loop)
        self._ready.set()
        if self._server is not None and self._socket is not None:
            await self._server.serve(sockets=[self._socket])

    def _pace(self) -> None:
        while not self._stop.wait(self.desk.market.delay_s()):
            if self.desk.market.step() is None:
                return

    def _abort_streams(self) -> None:
        for session in self.desk.streams.sessions():
            self.desk.abort(session.socket.scope)

    def _abort_all(self) -> None:
        for transport in list(self.desk.transports.values()):
            transport.abort()


def _protocol(transports: dict[int, asyncio.Transport]) -> type[H11Protocol]:
    """Return uvicorn's protocol with its transports within reach: a reset needs the connection itself."""

    class Reachable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
            transports[transport.get_extra_info("peername")[1]] = transport
            super().connection_made(transport)

    return Reachable


@final
class _Guard:
    """Records every request and does to it what the fault script says."""

    def __init__(self, app: ASGIApp, front: FrontEnd, desk: Desk) -> None:
        self._app, self._front, self._desk = app, front, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        fault = self._desk.faults.due(Where.REQUEST, request.url.path)
        body = await request.body()
        self._desk.note(Where.REQUEST, request, method=request.method, body=body, fault=fault)
        now_ns = self._desk.clock.now_ns()
        kind, shift_ns = (fault.kind, fault.shift_ns) if fault else (None, 0)
        request.state.view = View(
            as_of_ns=now_ns - shift_ns if kind is FaultKind.STALE else now_ns,
            now_ns=now_ns + shift_ns if kind is FaultKind.WRONG_CLOCK else now_ns,
        )
        replay = _again(body)
        match kind:
            case FaultKind.DISCONNECT:
                self._desk.abort(scope)
            case FaultKind.RATE_LIMITED | FaultKind.SERVER_ERROR | FaultKind.REVOKED_KEY if fault is not None:
                await self._front.refusal(fault)(scope, replay, send)
            case FaultKind.HTML_ERROR if fault is not None:
                await Response(_HTML, fault.status, media_type="text/html")(scope, replay, send)
            case _:
                if kind is FaultKind.SLOW and fault is not None:
                    await asyncio.sleep(fault.delay_s)
                answer = _Answer(send, lambda: self._front.headers(self._desk), cut=kind is FaultKind.TRUNCATED)
                await self._app(scope, replay, answer)


@final
class _Answer:
    """Holds an answer back until it is whole, to add headers or to cut it."""

    def __init__(self, send: Send, headers: Callable[[], dict[str, str]], *, cut: bool) -> None:
        self._send, self._headers, self._cut = send, headers, cut
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        body = self._body[: len(self._body) // 2] if self._cut else self._body
        kept = [(name, value) for name, value in self._start.get("headers", []) if name != b"content-length"]
        added = [(name.lower().encode(), value.encode()) for name, value in self._headers().items()]
        length = [(b"content-length", str(len(body)).encode())]
        await self._send({**self._start, "headers": [*kept, *added, *length]})
        await self._send({"type": "http.response.body", "body": body})


def _again(body: bytes) -> Receive:
    messages: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive
