"""Requests to an exchange carried to another address, with the exchange's own host names left in ccxt."""

from __future__ import annotations

from typing import Any, final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import requests
import requests.adapters

__all__ = ["Redirect", "redirected_session"]


@final
class Redirect(requests.adapters.HTTPAdapter):
    """Sends every request to one server, such as an emulator; mounted on the session of a ccxt exchange.

    Rewriting ``exchange.urls`` instead would lose error classes: ccxt chooses some of them by the real host name.

    Parameters
    ----------
    base_url : str
        Scheme, host and port, such as ``http://127.0.0.1:8100``.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base = urlsplit(base_url)

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        """Send a request to the server instead."""
        parts = urlsplit(request.url or "")
        request.url = urlunsplit((self._base.scheme, self._base.netloc, parts.path, parts.query, ""))
        return super().send(request, *arguments, **named)


def redirected_session(base_url: str) -> aiohttp.ClientSession:
    """Return a session whose requests and websockets all go to one server; called in the event loop that uses it.

    The header ``Host`` stays that of the exchange: by it a server knows which of the exchange's hosts is meant.

    Parameters
    ----------
    base_url : str
        Scheme, host and port, such as ``http://127.0.0.1:8100``.
    """
    base = urlsplit(base_url)

    async def elsewhere(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        # Both protocols begin as HTTP on this port; only the connection is looked up by the address.
        request.url = request.url.with_scheme(base.scheme).with_host(str(base.hostname)).with_port(base.port)
        return await send(request)

    return aiohttp.ClientSession(middlewares=(elsewhere,))
