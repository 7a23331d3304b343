"""The HTTP interface: health, symbols, fields and the event stream."""

from __future__ import annotations

from typing import Annotated, Any, final

import msgspec
from fastapi import FastAPI, Header, Query, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from serve.board import Detail, SnapshotBoard
from serve.config import GatewayConfig
from serve.documents import Alive, FieldDocument, Ready, SymbolList
from serve.problems import Problem, ProblemDocument
from serve.query import require_known_query
from serve.stream import EventStream, parse_event_id

__all__ = ["StreamCounts", "mount"]

_JSON = "application/json"
_FRESH = {"cache-control": "no-store"}
_ERRORS = {
    401: "No token, or not the gateway's.",
    404: "No such symbol; near matches are listed.",
    422: "A parameter has a value that it cannot have, is not known, or stands twice.",
    503: "Not available yet; says what is missing and when to ask again.",
}


@final
class StreamCounts:
    """How the event streams fare.

    Parameters
    ----------
    limit : int
        Most streams at a time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0
        self.coalesced = 0

    def begin(self) -> None:
        """Count a stream in, or refuse it."""
        if self.open >= self.limit:
            raise Problem(
                status=503,
                kind="too-many-streams",
                detail="no further event stream can be opened",
                found=f"{self.open} open streams",
                expected=f"at most {self.limit}",
                action="close one, or raise max_streams",
                headers={"retry-after": "5"},
            )
        self.open += 1

    def end(self, coalesced: int) -> None:
        """Count a stream out, with the changes that it did not see one by one."""
        self.open -= 1
        self.coalesced += coalesced


@final
class _StreamResponse(Response):
    """Lets FastAPI hand the connection to an `EventStream`."""

    def __init__(self, stream: EventStream) -> None:
        self.stream = stream
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream(scope, receive, send)


def mount(app: FastAPI, board: SnapshotBoard, config: GatewayConfig) -> StreamCounts:
    """Add all routes to an application.

    Parameters
    ----------
    app : FastAPI
        The application.
    board : SnapshotBoard
        Where the fields are.
    config : GatewayConfig
        Limits.

    Returns
    -------
    StreamCounts
        Counts of the event streams, which the routes keep.
    """
    counts = StreamCounts(config.max_streams)
    _fields(app, board, config)
    _stream(app, board, config, counts)
    _health(app, board)
    _unknown(app)
    return counts


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": ProblemDocument.model_json_schema()}}
    return {status: {"description": _ERRORS[status], "content": content} for status in statuses}


def _health(app: FastAPI, board: SnapshotBoard) -> None:
    @app.get("/healthz", tags=["health"], response_model=Alive, summary="Is the process alive?")
    async def healthz() -> Response:
        """Answer 200 as long as the process answers at all; needs no token."""
        return Response(b'{"status":"alive"}', headers=_FRESH, media_type=_JSON)

    @app.get(
        "/readyz",
        tags=["health"],
        response_model=Ready,
        responses=_errors(503),
        summary="Does every symbol have a field?",
    )
    async def readyz() -> Response:
        """Answer 200 once every expected symbol has a field, or a reason why not, else 503 with what is missing.

        It needs no token.
        """
        bus = "connected" if board.connected else "reconnecting"
        if not board.ready:
            raise _not_ready(board, bus)
        body = msgspec.json.encode({"ready": True, "symbols": len(board.symbols), "failed": board.failed, "bus": bus})
        return Response(body, headers=_FRESH, media_type=_JSON)


def _not_ready(board: SnapshotBoard, bus: str) -> Problem:
    missing = board.missing
    return Problem(
        status=503,
        kind="not-ready",
        detail="some symbols have no field yet" if missing else "the feed has not said what it delivers yet",
        found=f"{len(board.symbols) - len(missing)} of {len(board.symbols)} symbols with a field",
        expected="a field for each",
        action="ask again in a second; see the log of the shards if this lasts",
        headers={"retry-after": "1"},
        extra={"missing": missing[:100], "bus": bus},
    )


def _fields(app: FastAPI, board: SnapshotBoard, config: GatewayConfig) -> None:
    @app.get(
        "/v1/symbols", tags=["fields"], response_model=SymbolList, responses=_errors(401, 422), summary="All symbols"
    )
    async def symbols(request: Request) -> Response:
        """List every symbol with its key numbers, age and state."""
        require_known_query(request)
        body = msgspec.json.encode({"symbols": board.overview(), "stale_after_s": config.stale_after_s})
        return Response(body, headers=_FRESH, media_type=_JSON)

    @app.get(
        "/v1/fields/{symbol}",
        tags=["fields"],
        response_model=FieldDocument,
        responses=_errors(401, 404, 422, 503),
        summary="The field of a symbol",
    )
    async def field(request: Request, symbol: str, detail: Annotated[Detail, Query()] = Detail.SUMMARY) -> Response:
        """Return every reading of one symbol; ``detail=full`` adds the arrays, and all that history adds to the field.

        A field that is old is still returned, with ``stale: true``, its ``age_s`` and the reason.
        """
        require_known_query(request, "detail")
        entry = board.get(symbol)
        if entry is None:
            raise _unknown_symbol(board, symbol)
        if entry.publication is None:
            raise _no_field(board, symbol)
        return Response(board.body(entry, detail), headers=_FRESH, media_type=_JSON)


def _unknown_symbol(board: SnapshotBoard, symbol: str) -> Problem:
    near = board.similar(symbol)
    return Problem(
        status=404,
        kind="unknown-symbol",
        detail=f"no such symbol: {symbol[:64]}",
        found=symbol[:64],
        expected="a symbol of GET /v1/symbols",
        action=f"ask for one of: {', '.join(near)}" if near else "see GET /v1/symbols",
        extra={"near_matches": near},
    )


def _no_field(board: SnapshotBoard, symbol: str) -> Problem:
    entry = board.get(symbol)
    return Problem(
        status=503,
        kind="no-field-yet",
        detail=f"{symbol} has no field yet",
        found=(board.stale_reason(entry) or "") if entry is not None else "",
        expected="a field after its first chain",
        action="ask again in a second",
        headers={"retry-after": "1"},
    )


def _stream(app: FastAPI, board: SnapshotBoard, config: GatewayConfig, counts: StreamCounts) -> None:
    responses = _errors(401, 404, 422, 503)
    responses[200] = {"description": "Events `field`, each a summary.", "content": {"text/event-stream": {}}}

    @app.get("/v1/stream", tags=["stream"], response_class=Response, responses=responses, summary="Live fields")
    async def stream(
        request: Request,
        symbols: Annotated[str, Query(description="Symbols, separated by commas; all where it is empty.")] = "",
        last_event_id: Annotated[str | None, Header(description="Where an interrupted listener resumes.")] = None,
    ) -> Response:
        """Send each new field as a server-sent event, starting with the newest of every symbol.

        A listener that is too slow gets the newest field of each symbol: what was replaced meanwhile is counted in the
        comment line that breaks a silence. The id of an event, sent back as ``Last-Event-ID``, resumes after it.
        """
        require_known_query(request, "symbols")
        wanted = [symbol for symbol in (part.strip() for part in symbols.split(",")) if symbol]
        for symbol in wanted:
            if board.get(symbol) is None:
                raise _unknown_symbol(board, symbol)
        counts.begin()
        after = parse_event_id(last_event_id, board.epoch)
        return _StreamResponse(EventStream(board, wanted, after, config.heartbeat_s, counts.end))


def _unknown(app: FastAPI) -> None:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

    @app.api_route("/v1/{rest:path}", methods=methods, include_in_schema=False)
    async def unknown(request: Request) -> Response:
        """Answer what no route of the interface takes; the page would answer in HTML."""
        allowed = _allowed_methods(app, request.url.path)
        if allowed:
            raise Problem(
                status=405,
                kind="method-not-allowed",
                detail="this address does not take this method",
                found=request.method,
                expected=", ".join(allowed),
                action="see GET /docs",
                headers={"allow": ", ".join(allowed)},
            )
        raise Problem(
            status=404,
            kind="unknown-address",
            detail="no such address",
            found=request.url.path[:200],
            expected="an address of GET /docs",
            action="see GET /docs",
        )


def _allowed_methods(app: FastAPI, path: str) -> list[str]:
    verbs = (verbs for template, verbs in app.openapi()["paths"].items() if compile_path(template)[0].match(path))
    return sorted(verb.upper() for found in verbs for verb in found)
