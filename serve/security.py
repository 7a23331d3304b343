"""Headers that tell a browser what an answer may load, run and be framed by."""

from __future__ import annotations

import re
import secrets
from typing import final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SecurityHeaders"]

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_POLICY = b"content-security-policy"
_LOCKED = b"default-src 'none'; frame-ancestors 'none'"
# The page's framework evaluates the handlers that the server sends, which takes 'unsafe-eval', and sets styles by
# attribute, which takes inline styles. Scripts in the document run by a nonce of that very answer only.
_PAGE = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_SCRIPT_TAG = re.compile(rb"<(script|link)(?=[\s>])")


@final
class SecurityHeaders:
    """Adds the headers to every answer, and a nonce to the scripts of HTML documents.

    Parameters
    ----------
    app : ASGI application
        What it wraps.

    Notes
    -----
    HTML answers are held back until they are whole, as the nonce is written into them. Everything else passes through
    as it comes. The framework escapes ``<`` in all it puts into a document, so no tag can come from data.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Outgoing(send))


@final
class _Outgoing:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._held is not None and message["type"] == "http.response.body":
            await self._hold(self._held, message)
        else:
            await self._send(message)

    async def _begin(self, message: Message) -> None:
        given = {name.lower(): value for name, value in message.get("headers", ())}
        message["headers"] = [*message.get("headers", ()), *(pair for pair in _ALWAYS if pair[0] not in given)]
        if given.get(b"content-type", b"").startswith(b"text/html"):
            self._held = message
            return
        if _POLICY not in given:
            message["headers"].append((_POLICY, _LOCKED))
        await self._send(message)

    async def _hold(self, start: Message, message: Message) -> None:
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        nonce = secrets.token_urlsafe(16)
        headers = MutableHeaders(scope=start)
        headers["content-security-policy"] = _PAGE.format(nonce=nonce)
        body = _SCRIPT_TAG.sub(rb'<\1 nonce="%b"' % nonce.encode(), bytes(self._body))
        if "content-length" in headers and self._body:  # an answer to HEAD has a length and no body
            headers["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})
