"""Headers that tell a browser what an answer may load, run and be framed by."""

from __future__ import annotations

import re
import secrets
from typing import final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SecurityHeaders"]

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_LOCKED = "default-src 'none'; frame-ancestors 'none'"
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
        headers = MutableHeaders(scope=message)
        for name, text in _ALWAYS.items():
            headers.setdefault(name, text)
        if headers.get("content-type", "").startswith("text/html"):
            self._held = message
            return
        headers.setdefault("content-security-policy", _LOCKED)
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
