"""Alpaca's market data as a front end of the emulated venue: paths, shapes and limits as alpaca-py expects them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from adapters.emulated import alpaca_rest as rest
from adapters.emulated.alpaca_records import Tape
from adapters.emulated.alpaca_streams import AlpacaStreams
from adapters.emulated.faults import Fault, FaultKind
from adapters.emulated.server import Desk

__all__ = ["AlpacaFrontEnd", "NewsArticle"]

_MINUTE_S = 60.0
_STOCK_FEEDS, _OPTION_FEEDS = ("iex", "sip", "delayed_sip"), ("indicative", "opra")
_COIN_FEEDS = ("us",)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsArticle:
    """One article.

    Parameters
    ----------
    number : int
        The venue's number.
    created_ns, updated_ns : int
        Instants of publication and of the newest change, ns since the epoch, UTC.
    headline, summary, source : str
        Text.
    symbols : tuple of str
        What it is about; may be empty.
    """

    number: int
    created_ns: int
    updated_ns: int
    headline: str
    symbols: tuple[str, ...]
    summary: str = ""
    source: str = "emulated"


@final
class AlpacaFrontEnd:
    """Alpaca's REST and stream protocols for market data; trading is not served.

    Parameters
    ----------
    key, secret : str
        The one key that is known.
    news : sequence of NewsArticle
        Articles, each told from its instant on.
    requests_per_min : int
        Requests in any minute of the machine's clock; more are refused with 429.
    symbol_limit, connection_limit : int
        Most symbols of a stream's channel, and most streams of one kind at once.
    snapshot_page : int
        Most option snapshots on one page.
    """

    def __init__(
        self,
        key: str,
        secret: str,
        *,
        news: Sequence[NewsArticle] = (),
        requests_per_min: int = 200,
        symbol_limit: int = 10_000,
        connection_limit: int = 1,
        snapshot_page: int = 1_000,
    ) -> None:
        self._key, self._secret, self._news = key, secret, tuple(news)
        self._per_min, self._symbol_limit = requests_per_min, symbol_limit
        self._connection_limit, self._snapshot_page = connection_limit, snapshot_page
        self._asked: deque[float] = deque()

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the routes of stocks, options, coins, calendar, news and the streams."""
        data = rest.AlpacaRest(desk.market, self._snapshot_page)
        table: dict[str, Callable[[Request], Any]] = {
            "/v2/stocks/bars": data.stock_bars,
            "/v2/stocks/quotes": data.stock_quotes,
            "/v2/stocks/trades": data.stock_trades,
            "/v2/stocks/quotes/latest": data.latest_quotes,
            "/v2/stocks/trades/latest": data.latest_trades,
            "/v2/stocks/snapshots": data.stock_snapshots,
            "/v2/options/contracts": data.contracts,
            "/v2/clock": data.clock,
            "/v2/calendar": data.calendar,
            "/v1beta1/options/snapshots": data.option_snapshots,
            "/v1beta1/options/snapshots/{underlying}": data.chain,
            "/v1beta1/options/bars": data.option_bars,
            "/v1beta1/options/trades": data.option_trades,
            "/v1beta1/options/quotes/latest": data.latest_quotes,
            "/v1beta1/options/trades/latest": data.latest_trades,
            "/v1beta3/crypto/us/bars": data.stock_bars,
            "/v1beta3/crypto/us/quotes": data.coin_quotes,
            "/v1beta3/crypto/us/trades": data.coin_trades,
            "/v1beta1/news": lambda request: data.news(request, self._articles(desk)),
        }
        plain = [Route(path, self._answering(handler)) for path, handler in table.items()]
        return [*plain, *self._streams(desk)]

    def refusal(self, fault: Fault) -> Response:
        """Return an error as Alpaca words it."""
        if fault.kind is FaultKind.RATE_LIMITED:
            return JSONResponse(
                {"code": 42910000, "message": "too many requests."}, 429, {"Retry-After": f"{fault.delay_s:g}"}
            )
        if fault.kind is FaultKind.REVOKED_KEY:
            return _forbidden()
        return JSONResponse({"code": 50010000, "message": "internal server error occurred"}, fault.status)

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return what is left of the minute's requests."""
        del desk
        left = max(self._per_min - len(self._asked), 0)
        reset = time.time() + (self._asked[0] + _MINUTE_S - time.monotonic() if self._asked else 0.0)
        return {
            "X-RateLimit-Limit": str(self._per_min),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": f"{reset:.0f}",
        }

    def _streams(self, desk: Desk) -> list[BaseRoute]:
        routes: list[BaseRoute] = []
        tapes = (
            (Tape.STOCKS, "/v2/", _STOCK_FEEDS),
            (Tape.OPTIONS, "/v1beta1/", _OPTION_FEEDS),
            (Tape.COINS, "/v1beta3/crypto/", _COIN_FEEDS),
        )
        for tape, prefix, feeds in tapes:
            streams = AlpacaStreams(
                desk,
                self._is_known,
                tape=tape,
                symbol_limit=self._symbol_limit,
                connection_limit=self._connection_limit,
            )
            routes += [WebSocketRoute(prefix + feed, streams.serve) for feed in feeds]
        return routes

    def _answering(self, handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            if not self._is_known(
                request.headers.get("apca-api-key-id", ""), request.headers.get("apca-api-secret-key", "")
            ):
                return _forbidden()
            wait_s = self._wait_s()
            if wait_s > 0.0:
                return self.refusal(Fault(kind=FaultKind.RATE_LIMITED, delay_s=wait_s))
            try:
                # In a thread: a chain takes as long as a hundred frames, and the streams go on meanwhile.
                return JSONResponse(await asyncio.to_thread(handler, request))
            except rest.BadRequestError as error:
                return JSONResponse({"code": 40010001, "message": str(error)}, error.status)

        return answer

    def _wait_s(self) -> float:
        now = time.monotonic()
        while self._asked and self._asked[0] <= now - _MINUTE_S:
            self._asked.popleft()
        if len(self._asked) >= self._per_min:
            return self._asked[0] + _MINUTE_S - now
        self._asked.append(now)
        return 0.0

    def _is_known(self, key: str, secret: str) -> bool:
        return (key, secret) == (self._key, self._secret)

    def _articles(self, desk: Desk) -> Iterable[dict[str, Any]]:
        now_ns = desk.clock.now_ns()
        for item in sorted(self._news, key=lambda article: -article.updated_ns):
            if item.updated_ns <= now_ns:
                yield {
                    "id": item.number,
                    "headline": item.headline,
                    "summary": item.summary,
                    "source": item.source,
                    "author": item.source,
                    "content": "",
                    "url": None,
                    "images": [],
                    "symbols": list(item.symbols),
                    "created_at": rest.rfc3339(item.created_ns),
                    "updated_at": rest.rfc3339(item.updated_ns),
                }


def _forbidden() -> Response:
    return JSONResponse({"code": 40310000, "message": "forbidden."}, 403)
