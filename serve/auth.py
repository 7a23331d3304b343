"""One token for everything: bearer header for programs, a session cookie for the page; compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
from http.cookies import CookieError, SimpleCookie
from typing import final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serve.problems import Problem

__all__ = ["TokenGate"]

_OPEN = frozenset({"/healthz", "/readyz"})
_SESSION_PATH = "/session"
_MAX_FORM_BYTES = 4096
_SESSION_S = 30 * 24 * 3600
_POLICY_CLOSE = 1008
_SIGN_IN = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Hedgefield: sign in</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:18vh auto;padding:0 1rem}
h1{font-size:1.2rem;margin:0 0 .4rem}p{margin:.4rem 0 1rem;opacity:.8}
input,button{font:inherit;width:100%;box-sizing:border-box;padding:.6rem .7rem;border-radius:.4rem}
input{border:1px solid #8886}
button{margin-top:.7rem;background:#2b6fb3;color:#fff;border:0;cursor:pointer}.bad{color:#c4480e;opacity:1}
</style>
<h1>Hedgefield</h1><p class="NOTE_CLASS">NOTE</p>
<form method="post" action="/session">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>
<button>Open the page</button></form></html>"""


@final
class TokenGate:
    """Lets a connection through only if it shows the token.

    Parameters
    ----------
    app : ASGI application
        What it guards.
    token : str
        The token.

    Notes
    -----
    ``?token=`` is accepted once, on a GET: the answer sets the cookie and redirects to the same address without it, so
    that the token does not stay in the address bar. The cookie holds a keyed hash of the token, never the token; it is
    HttpOnly and SameSite=Strict. A browser treats other ports of this host as the same site; therefore an ``Origin``
    that comes with the cookie must be this very host and port.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._bearer = hashlib.sha256(token.encode()).digest()
        self._session = _keyed(token, "session")
        # One cookie per token: cookies are shared by all ports of a host.
        self._cookie = f"hedgefield_{_keyed(token, 'name')[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in _OPEN):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._admits(headers):
            target = self._app if b"token=" not in scope["query_string"] else self._signed_in(scope)
        elif scope["type"] == "websocket":
            target = _refuse_websocket
        else:
            target = await self._answer(scope, receive, headers)
        await target(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(shown.strip()):
            return True
        return self._has_session(headers.get("cookie", "")) and _same_origin(headers)

    def _is_token(self, shown: str) -> bool:
        # Hashing first: compare_digest takes non-ASCII text badly and would tell the length.
        return hmac.compare_digest(hashlib.sha256(shown.encode()).digest(), self._bearer)

    def _has_session(self, cookies: str) -> bool:
        if self._cookie not in cookies:
            return False
        try:
            morsel = SimpleCookie(cookies).get(self._cookie)
        except CookieError:
            return False
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self._session.encode())

    async def _answer(self, scope: Scope, receive: Receive, headers: Headers) -> ASGIApp:
        if scope["method"] == "POST" and scope["path"] == _SESSION_PATH:
            form = parse_qs((await _body(receive)).decode("utf-8", "replace"))
            shown = form.get("token", [""])[0].strip()
            return self._open_session("/") if self._is_token(shown) else _sign_in("That is not the token.", bad=True)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["method"] == "GET" and self._is_token(query.get("token", "")):
            return self._signed_in(scope)
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            note = (
                "That is not the token." if "token" in query else "`hedgefield up` prints the token with the address."
            )
            return _sign_in(note, bad="token" in query)
        return _unauthorised(headers)

    def _signed_in(self, scope: Scope) -> Response:
        query = [(name, text) for name, text in parse_qsl(scope["query_string"].decode("latin-1")) if name != "token"]
        # One leading slash: two would be an address on another host.
        path = "/" + re.sub(r"^[/\\]+", "", scope["path"])
        return self._open_session(path + (f"?{urlencode(query)}" if query else ""))

    def _open_session(self, location: str) -> Response:
        response = RedirectResponse(location, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
        response.set_cookie(self._cookie, self._session, max_age=_SESSION_S, httponly=True, samesite="strict")
        return response


def _keyed(token: str, purpose: str) -> str:
    return hmac.new(token.encode(), f"hedgefield {purpose}".encode(), hashlib.sha256).hexdigest()


def _same_origin(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _sign_in(note: str, *, bad: bool) -> Response:
    page = _SIGN_IN.replace("NOTE_CLASS", "bad" if bad else "").replace("NOTE", note)
    headers = {"www-authenticate": 'Bearer realm="hedgefield"', "cache-control": "no-store"}
    return HTMLResponse(page, 401, headers)


def _unauthorised(headers: Headers) -> Response:
    return Problem(
        status=401,
        kind="unauthorised",
        detail="this address needs the token of the gateway",
        found="a token that is not the gateway's" if "authorization" in headers else "no token",
        expected="Authorization: Bearer <token>",
        action="use the token that `hedgefield up` prints",
        headers={"www-authenticate": 'Bearer realm="hedgefield"'},
    ).response()


async def _refuse_websocket(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": _POLICY_CLOSE, "reason": "no token"})


async def _body(receive: Receive) -> bytes:
    body = b""
    while len(body) <= _MAX_FORM_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            break
    return body[:_MAX_FORM_BYTES]
