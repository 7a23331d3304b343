"""Errors as problem+json (RFC 9457): what went wrong, what was found, what was expected and what to do."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import final

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from market.errors import TradingError

__all__ = ["AnsweredErrors", "Problem", "ProblemDocument", "install"]

_LOG = structlog.get_logger("serve")
_ANSWERED = "hedgefield.answered"
_MEDIA_TYPE = "application/problem+json"


class ProblemDocument(BaseModel):
    """An error, for the documentation of the interface.

    Parameters
    ----------
    type : str
        Name of the kind of problem; a reference relative to the documentation.
    title : str
        The kind in words.
    status : int
        HTTP status.
    detail : str
        What went wrong here.
    found, expected, action : str or None
        What was found, what was expected instead, and what the caller can do.
    """

    type: str = Field(examples=["/docs#unknown-symbol"])
    title: str = Field(examples=["Unknown symbol"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no such symbol: SPQ"])
    found: str | None = Field(default=None, examples=["SPQ"])
    expected: str | None = Field(default=None, examples=["a symbol of GET /v1/symbols"])
    action: str | None = Field(default=None, examples=["ask for one of: SPY, SPX"])


@final
@dataclass(eq=False, kw_only=True)  # not frozen: Python writes the traceback into an exception
class Problem(Exception):  # noqa: N818  # RFC 9457's own name
    """An error to answer with.

    Parameters
    ----------
    status : int
        HTTP status.
    kind : str
        Name of the kind, such as ``unknown-symbol``.
    detail : str
        What went wrong here.
    found, expected, action : str, optional
        See `ProblemDocument`.
    headers : mapping of str to str, optional
        Extra response headers.
    extra : mapping, optional
        Further members of the document, JSON-able.
    """

    status: int
    kind: str
    detail: str
    found: str = ""
    expected: str = ""
    action: str = ""
    headers: Mapping[str, str] | None = None
    extra: Mapping[str, object] | None = None

    def response(self) -> Response:
        """Return the answer."""
        title = self.kind.replace("-", " ").capitalize()
        parts = {"found": self.found, "expected": self.expected, "action": self.action}
        document = {"type": f"/docs#{self.kind}", "title": title, "status": self.status, "detail": self.detail}
        document |= {name: text for name, text in parts.items() if text} | dict(self.extra or {})
        headers = {"cache-control": "no-store", **(self.headers or {})}
        return Response(msgspec.json.encode(document), self.status, headers, _MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of an application as problem+json."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unforeseen)


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # registered for this class
    return error.response()


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return Problem(status=error.status_code, kind=kind, detail=str(error.detail), headers=error.headers).response()


async def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class
    faults = error.errors()
    first = faults[0]
    place = ".".join(str(part) for part in first["loc"])
    return Problem(
        status=422,
        kind="invalid-request",
        detail=f"{place}: {first['msg']}",
        found=repr(first.get("input"))[:200],
        expected=str(first.get("ctx", {}).get("expected", "")),
        action="see GET /docs",
        extra={"errors": [{"place": ".".join(map(str, f["loc"])), "message": f["msg"]} for f in faults]},
    ).response()


async def _unforeseen(request: Request, error: Exception) -> Response:
    # The path only, and no local variables: a query and a header may hold the token.
    _LOG.error("request failed", path=request.url.path, cause="".join(traceback.format_exception(error)))
    request.scope[_ANSWERED] = True
    return _internal(error).response()


@final
class AnsweredErrors:
    """Outermost layer: keeps an error that was answered and logged from being raised and logged again.

    Parameters
    ----------
    app : ASGI application
        What it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        try:
            await self._app(scope, receive, send)
        except Exception:
            if _ANSWERED not in scope:
                raise


def _internal(error: Exception) -> Problem:
    action = "report it with the time of the request; the log of the gateway holds the cause"
    if not isinstance(error, TradingError):
        return Problem(status=500, kind="internal-error", detail="the gateway failed to answer", action=action)
    return Problem(
        status=500,
        kind="internal-error",
        detail=error.what,
        found=error.found,
        expected=error.expected,
        action=error.action or action,
    )
