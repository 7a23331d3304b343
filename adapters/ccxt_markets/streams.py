"""Trades, quotes and books of an exchange through ccxt.pro, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, final

import aiohttp
import ccxt
import ccxt.pro

from adapters.ccxt_markets.arrivals import Arrivals
from adapters.ccxt_markets.book_rows import guard_changes
from adapters.ccxt_markets.feed_config import CcxtFeedConfig
from adapters.ccxt_markets.history import NUMBERED
from adapters.ccxt_markets.redirect import redirected_session
from adapters.ccxt_markets.rows import best_of
from market.errors import VenueError

__all__ = ["StreamThread"]

Ask = Callable[[], Awaitable[Any]]
Put = Callable[[Any], None]

_LONGEST_WAIT_S: Final = 30.0
_TRADES_KEPT: Final = 10_000  # ccxt keeps a thousand between two looks, which a liquidation fills
_WIRE: Final = logging.getLogger("adapters.ccxt_markets.wire")
# Only a person can help with these.
_LASTING: Final = (ccxt.AuthenticationError, ccxt.BadSymbol, ccxt.NotSupported, ccxt.ArgumentsRequired)


@final
class StreamThread:
    """Runs ccxt.pro for the markets of a feed until it is closed or refused.

    Parameters
    ----------
    config : CcxtFeedConfig
        Markets, waits and address.
    markets, currencies : mapping
        As a loaded ccxt exchange holds them, so that they are not asked for twice.
    arrivals : Arrivals
        Gets what comes.
    clock_ns : callable
        This machine's clock, ns since the epoch, UTC.
    """

    def __init__(
        self,
        config: CcxtFeedConfig,
        markets: Mapping[str, Any],
        currencies: Mapping[str, Any],
        arrivals: Arrivals,
        clock_ns: Callable[[], int],
    ) -> None:
        self._config, self._arrivals, self._clock_ns = config, arrivals, clock_ns
        self._markets, self._currencies = markets, currencies
        # ccxt keeps one book per market of Bybit, and its best quotes would cut it down to one level.
        self._has_quotes_of_book = config.depth > 0 and config.exchange_id == "bybit"
        self._known_urls: set[str] = set()
        self._mended_s = -math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ccxt-{config.exchange_id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the streams and wait for their thread."""
        self._is_closed.set()
        if self._loop is not None and self._stop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.ident is not None:
            self._thread.join(10.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._forever())
        except Exception as error:  # noqa: BLE001  # a thread's failure must reach the feed, whatever it is
            self._fail(error)

    async def _forever(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        session = None if self._config.url is None else redirected_session(self._config.url)
        exchange = self._opened({} if session is None else {"session": session})
        tasks = [asyncio.create_task(self._watch(*work)) for work in self._work(exchange)]
        try:
            if not self._is_closed.is_set():
                stopping = asyncio.create_task(self._stop.wait())
                await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            await exchange.close()
            if session is not None:
                await session.close()
        for error in found:
            if isinstance(error, Exception):
                raise error

    def _opened(self, options: dict[str, Any]) -> Any:
        exchange = getattr(ccxt.pro, self._config.exchange_id)(
            {
                **options,
                "timeout": int(self._config.timeout_s * 1e3),
                "newUpdates": True,
                "enableRateLimit": self._config.url is None,
            }
        )
        exchange.logger = _WIRE
        exchange.options["tradesLimit"] = _TRADES_KEPT
        if self._config.url is not None:
            exchange.timeout_on_exit = 0  # only an encrypted connection needs time to close
        exchange.streaming = {**exchange.streaming, "keepAlive": int(self._config.silent_s * 500)}
        exchange.set_markets(list(self._markets.values()), dict(self._currencies))
        inner = exchange.on_connected

        def on_connected(client: Any, message: Any = None) -> None:
            inner(client, message)
            self._connected(client.url)

        exchange.on_connected = on_connected
        if self._config.exchange_id == "deribit":
            guard_changes(exchange, lambda symbol: self._mend(exchange, symbol, "has a gap"))
        return exchange

    def _connected(self, url: str) -> None:
        if url in self._known_urls:
            # A watcher that was busy when the connection was lost gets no error of it: only this is sure.
            self._arrivals.count("reconnects")
            self._arrivals.lose()
        self._known_urls.add(url)

    def _work(self, exchange: Any) -> list[tuple[Ask, Put]]:
        found: list[tuple[Ask, Put]] = []
        for market in self._config.markets:
            found.append(self._trades_of(exchange, market))
            if not self._has_quotes_of_book:
                found += self._quotes_of(exchange, market)
            if self._config.depth and exchange.has.get("watchOrderBook"):
                found.append(self._book_of(exchange, market))
        return found

    def _trades_of(self, exchange: Any, market: str) -> tuple[Ask, Put]:
        # Aggregated trades: their numbers have no holes, and Binance's history is asked for by them.
        params = {"name": "aggTrade"} if self._config.exchange_id in NUMBERED else {}
        return (
            lambda: exchange.watch_trades(market, None, None, dict(params)),
            lambda rows: self._arrivals.put_trades(market, list(rows)),
        )

    def _quotes_of(self, exchange: Any, market: str) -> list[tuple[Ask, Put]]:
        def put(found: Any) -> None:
            self._arrivals.put_quote(market, self._clock_ns(), dict(found.get(market, found)))

        if exchange.has.get("watchBidsAsks"):
            return [(lambda: exchange.watch_bids_asks([market]), put)]
        if exchange.has.get("watchTicker"):
            return [(lambda: exchange.watch_ticker(market), put)]
        return []

    def _book_of(self, exchange: Any, market: str) -> tuple[Ask, Put]:
        depth = self._config.depth

        def put(book: Any) -> None:
            bids, asks = (tuple(tuple(level[:2]) for level in book[side][:depth]) for side in ("bids", "asks"))
            if self._is_crossed(exchange, market, bids, asks):
                return
            stamp = book.get("timestamp")
            told = {"timestamp": stamp, "bids": bids, "asks": asks}
            self._arrivals.put_book(market, self._clock_ns(), told)
            if self._has_quotes_of_book:
                self._arrivals.put_quote(market, self._clock_ns(), best_of(told))

        return (lambda: exchange.watch_order_book(market)), put

    def _mend(self, exchange: Any, market: str, reason: str) -> None:
        """Open the streams anew, for the snapshots they begin with: a message is missing that ccxt has not missed."""
        self._arrivals.count("book_resyncs")
        for client in list(exchange.clients.values()):
            client.on_error(ccxt.NetworkError(f"the book of {market} {reason}"))

    def _is_crossed(self, exchange: Any, market: str, bids: Any, asks: Any) -> bool:
        if not (bids and asks and bids[0][0] >= asks[0][0]):
            return False
        self._arrivals.count("crossed_books")
        # Soon after the last time it stands so at the exchange, as in an auction.
        if time.monotonic() >= self._mended_s + _LONGEST_WAIT_S:
            self._mended_s = time.monotonic()
            self._mend(exchange, market, "is crossed")
        return True

    async def _watch(self, ask: Ask, put: Put) -> None:
        wait_s = 0.0
        while True:
            try:
                put(await ask())
                wait_s = 0.0
            except _LASTING as error:
                self._fail(error)
                return
            except (ccxt.BaseError, aiohttp.ClientError, OSError) as error:
                is_gap = isinstance(error, ccxt.ChecksumError)
                self._arrivals.count("book_resyncs" if is_gap else "stream_errors")
                await asyncio.sleep(wait_s)
                wait_s = min(max(2.0 * wait_s, self._config.first_wait_s), _LONGEST_WAIT_S)

    def _fail(self, error: Exception) -> None:
        self._arrivals.fail(
            VenueError(
                f"{self._config.exchange_id}'s stream ended",
                retryable=False,
                found=f"{type(error).__name__}: {error}"[:300],
                action="check the markets of the feed, and that the installed ccxt.pro knows the exchange",
            )
        )
