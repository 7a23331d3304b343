"""The gateway as one ASGI application, without Ray: routes, page, token and errors around one board."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import final

from fastapi import FastAPI
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from serve import api, docs_page, problems
from serve.auth import TokenGate
from serve.board import SnapshotBoard
from serve.config import GatewayConfig
from serve.security import SecurityHeaders

__all__ = ["Gateway", "build_gateway"]

_NORMAL_CLOSE = 1000
_DESCRIPTION = (
    "Dealer-hedging fields of listed options. Send the token as `Authorization: Bearer <token>`; /healthz and /readyz "
    "need none. Errors are problem+json (RFC 9457) with what was found, what was expected and what to do. Units stand "
    "in the names; a missing number is null, with its reason in `reasons`."
)


@final
class Gateway:
    """The whole application: an ASGI callable with its parts in reach.

    Parameters
    ----------
    app : ASGI application
        Routes and page behind the token.
    inner : FastAPI
        The routes, for their OpenAPI document.
    board : SnapshotBoard
        The fields.
    streams : StreamCounts
        Counts of the event streams.
    """

    def __init__(self, app: ASGIApp, inner: FastAPI, board: SnapshotBoard, streams: api.StreamCounts) -> None:
        self._app = app
        self.inner = inner
        self.board = board
        self.streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await self._app(scope, receive, send)


def build_gateway(
    board: SnapshotBoard,
    config: GatewayConfig,
    *,
    background: Iterable[Callable[[], Coroutine[None, None, None]]] = (),
    page: bool = True,
) -> Gateway:
    """Compose the gateway.

    Parameters
    ----------
    board : SnapshotBoard
        What it shows; something else fills it.
    config : GatewayConfig
        Token and limits.
    background : iterable of callable, optional
        What runs beside the requests, such as the reader that fills the board; cancelled at the end.
    page : bool, optional
        Whether to mount the page; one application of a process may have it.

    Returns
    -------
    Gateway
        The application.
    """
    app = FastAPI(
        title="Hedgefield",
        version=_version(),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_beside(tuple(background)),
    )
    problems.install(app)
    streams = api.mount(app, board, config)
    docs_page.mount(app)
    if page:
        from serve.page import mount_page

        mount_page(app, board)
    guarded = TokenGate(app, config.secret())
    return Gateway(SecurityHeaders(problems.AnsweredErrors(CloseCodes(guarded))), app, board, streams)


def _version() -> str:
    try:
        return version("hedgefield")
    except PackageNotFoundError:  # the source tree of a job is on the path, and nothing is installed
        return "uninstalled"


def _beside(jobs: tuple[Callable[[], Coroutine[None, None, None]], ...]) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(job()) for job in jobs]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


@final
class CloseCodes:
    """Gives every WebSocket close its code: socket.io leaves it out, and Ray Serve's proxy needs it.

    Parameters
    ----------
    app : ASGI application
        What it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return

        async def coded(message: Message) -> None:
            if message["type"] == "websocket.close":
                message.setdefault("code", _NORMAL_CLOSE)
            await send(message)

        await self._app(scope, receive, coded)
