"""Binance's public REST interface, spot and USD-margined perpetuals, over an emulated desk."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.emulated.binance_options import option_routes
from adapters.emulated.binance_streams import binance_streams
from adapters.emulated.coin_records import (
    HOUR_NS,
    MS,
    CoinMarket,
    CoinRecords,
    as_json,
    bar_rows,
    newest_quote,
    newest_trades,
    price_text,
    trades_from,
)
from adapters.emulated.coin_streams import BookTape, levels_text
from adapters.emulated.faults import Fault, FaultKind
from adapters.emulated.server import Desk, view_of

__all__ = ["BinanceFront"]

_FOREVER_MS: Final = 2**52
_UNIT_NS: Final = {"m": 60 * 10**9, "h": HOUR_NS, "d": 24 * HOUR_NS, "w": 7 * 24 * HOUR_NS}
# Requests after a 429 in the same minute that the exchange still answers with 429; the next one is barred.
_PATIENCE: Final = 3
_RECV_WINDOW_MS: Final = 10_000


@final
class BinanceFront:
    """Answers as api.binance.com (``/api``, ``/sapi``), fapi.binance.com (``/fapi``) and their streams do.

    Parameters
    ----------
    records : CoinRecords
        Markets, bars and funding; quotes, trades and books come from the feed, under the markets' symbols, option
        chains under the coin's.
    weight_per_minute : int
        Request weight that the exchange allows in a minute of its clock; beyond it come 429, then 418.
    ban_s : float
        How long a 418 lasts, seconds of the exchange's clock.
    """

    def __init__(self, records: CoinRecords, *, weight_per_minute: int = 2400, ban_s: float = 120.0) -> None:
        self._records, self._tape = records, BookTape()
        self._limit, self._ban_ns = weight_per_minute, int(ban_s * 1e9)
        self._minute, self._used, self._over, self._barred_until_ns = 0, 0, 0, 0

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the routes of requests and streams."""
        desk.market.listen(self._tape.on_batch)

        def route(path: str, answer: Callable[..., Response], weight: int, **bound: Any) -> Route:
            async def endpoint(request: Request) -> Response:
                found = self._limited(desk, weight) or answer(desk, request, **bound)
                found.headers["X-MBX-USED-WEIGHT-1M"] = str(self._used)
                return found

            return Route(path, endpoint, methods=["GET"])

        both = [
            route(f"{root}/{name}", answer, weight, perpetual=perpetual)
            for root, perpetual in (("/api/v3", False), ("/fapi/v1", True))
            for name, answer, weight in (
                ("time", self._time, 1),
                ("exchangeInfo", self._info, 20),
                ("klines", self._klines, 2),
                ("depth", self._depth, 5),
                ("aggTrades", self._trades, 4),
                ("ticker/bookTicker", self._tickers, 4),
            )
        ]
        return [
            *both,
            route("/fapi/v1/premiumIndex", self._premium, 1),
            route("/fapi/v1/fundingRate", self._funding, 1),
            route("/fapi/v1/fundingInfo", self._funding_info, 1),
            route("/dapi/v1/exchangeInfo", self._no_info, 1),
            route("/sapi/v1/capital/config/getall", self._coins, 10),
            route("/sapi/v1/margin/allPairs", self._no_pairs, 1),
            route("/sapi/v1/margin/isolated/allPairs", self._no_pairs, 10),
            *binance_streams(desk, self._records, self._tape),
            *option_routes(desk, lambda: self._limited(desk, 5)),
        ]

    def refusal(self, fault: Fault) -> Response:
        """Return Binance's form of a refused, limited or failed request."""
        if fault.kind is FaultKind.RATE_LIMITED:
            return _error(429, -1003, "Too many requests.", {"Retry-After": f"{fault.delay_s:g}"})
        if fault.kind is FaultKind.REVOKED_KEY:
            return _error(401, -2015, "Invalid API-key, IP, or permissions for action.")
        return _error(fault.status, -1001, "Internal error; unable to process your request. Please try again.")

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return no more headers: each answer tells the weight with its own request in it."""
        del desk
        return {}

    def _limited(self, desk: Desk, weight: int) -> Response | None:
        now_ns = desk.clock.now_ns()
        if now_ns < self._barred_until_ns:
            left_s = -(-(self._barred_until_ns - now_ns) // 10**9)
            return _error(418, -1003, "Way too many requests; IP banned.", {"Retry-After": str(left_s)})
        minute = now_ns // (60 * 10**9)
        if minute != self._minute:
            self._minute, self._used, self._over = minute, 0, 0
        self._used += weight
        if self._used <= self._limit:
            return None
        self._over += 1
        if self._over > _PATIENCE:
            self._barred_until_ns = now_ns + self._ban_ns
            return self._limited(desk, 0)
        left_s = -(-((minute + 1) * 60 * 10**9 - now_ns) // 10**9)
        return _error(429, -1003, "Too many requests; current limit is exceeded.", {"Retry-After": str(left_s)})

    def _time(self, _desk: Desk, request: Request, *, perpetual: bool) -> Response:
        del perpetual
        return as_json({"serverTime": view_of(request).now_ns // MS})

    def _info(self, _desk: Desk, _request: Request, *, perpetual: bool) -> Response:
        listed = [m for m in self._records.markets if m.is_perpetual == perpetual and not m.is_inverse]
        return as_json({"timezone": "UTC", "rateLimits": [], "symbols": [_listing(market) for market in listed]})

    def _no_info(self, _desk: Desk, _request: Request) -> Response:
        return as_json({"timezone": "UTC", "rateLimits": [], "symbols": []})

    def _found(self, request: Request, *, perpetual: bool) -> CoinMarket | None:
        return self._records.market(request.query_params.get("symbol", ""), is_perpetual=perpetual)

    def _klines(self, _desk: Desk, request: Request, *, perpetual: bool) -> Response:
        market, query = self._found(request, perpetual=perpetual), request.query_params
        text = query.get("interval", "")
        if market is None or not text[:-1].isdigit() or text[-1] not in _UNIT_NS:
            return _no_symbol()
        length_ns = int(text[:-1]) * _UNIT_NS[text[-1]]
        start, end = int(query.get("startTime", 0)), int(query.get("endTime", _FOREVER_MS))
        limit = min(int(query.get("limit", 500)), 1000)
        rows = bar_rows(self._records, market.symbol, length_ns, start * MS, end * MS, view_of(request).as_of_ns)
        rows = rows[:limit] if "startTime" in query else rows[-limit:]
        tail = ["0", 0, "0", "0", "0"]
        length_ms = length_ns // MS
        return as_json([[row[0], *map(price_text, row[1:]), row[0] + length_ms - 1, *tail] for row in rows])

    def _quote(self, desk: Desk, request: Request, market: CoinMarket) -> dict[str, Any] | None:
        quotes, as_of_ns = desk.market.quotes(market.symbol), view_of(request).as_of_ns
        row = newest_quote(quotes, as_of_ns)
        if quotes is None or row < 0:
            return None
        names = {"bidPrice": "bid", "bidQty": "bid_size", "askPrice": "ask", "askQty": "ask_size"}
        told = {name: price_text(float(getattr(quotes, own)[row])) for name, own in names.items()}
        stamp = {"time": int(quotes.ts_ns[row]) // MS} if market.is_perpetual else {}
        return {"symbol": market.name, **told, **stamp}

    def _tickers(self, desk: Desk, request: Request, *, perpetual: bool) -> Response:
        query = request.query_params
        asked = json.loads(query["symbols"]) if "symbols" in query else [query["symbol"]] if "symbol" in query else None
        markets = [m for m in self._records.markets if m.is_perpetual == perpetual and (not asked or m.name in asked)]
        if asked and len(markets) < len(asked):
            return _no_symbol()
        found = [quote for market in markets if (quote := self._quote(desk, request, market)) is not None]
        return as_json(found[0] if "symbol" in query and found else found)

    def _depth(self, desk: Desk, request: Request, *, perpetual: bool) -> Response:
        market = self._found(request, perpetual=perpetual)
        if market is None:
            return _no_symbol()
        book = self._tape.book(market.symbol)
        if book is not None:
            told = {"T": book.ts_ns // MS, "E": book.ts_ns // MS} if perpetual else {}
            levels = {"bids": levels_text(book.bids), "asks": levels_text(book.asks)}
            return as_json({"lastUpdateId": book.last, **told, **levels})
        quote = self._quote(desk, request, market)
        sides: dict[str, Any] = {"bids": [], "asks": []}
        if quote is not None:
            sides = {f"{side}s": [[quote[f"{side}Price"], quote[f"{side}Qty"]]] for side in ("bid", "ask")}
        stamp = {"T": quote["time"], "E": quote["time"]} if quote is not None and perpetual else {}
        return as_json({"lastUpdateId": 1, **stamp, **sides})

    def _trades(self, desk: Desk, request: Request, *, perpetual: bool) -> Response:
        market = self._found(request, perpetual=perpetual)
        if market is None:
            return _no_symbol()
        query, as_of_ns = request.query_params, view_of(request).as_of_ns
        limit = min(int(query.get("limit", 500)), 1000)
        trades = desk.market.trades(market.symbol)
        if "fromId" in query or "startTime" in query:
            until_ns = min(as_of_ns, (int(query.get("endTime", _FOREVER_MS)) + 1) * MS - 1)
            start = {"first_ns": int(query.get("startTime", 0)) * MS, "first_id": int(query.get("fromId", -1))}
            rows = trades_from(trades, limit, until_ns, **start)
        else:
            rows = newest_trades(trades, limit, as_of_ns)
        spot = {} if perpetual else {"M": True}
        found = [
            {
                "a": int(trades.trade_id[row]),
                "p": price_text(float(trades.price[row])),
                "q": price_text(float(trades.size[row])),
                "T": int(trades.ts_ns[row]) // MS,
                "m": bool(trades.aggressor[row] < 0),
                **spot,
            }
            for row in rows
            if trades is not None
        ]
        return as_json(found)

    def _premium(self, _desk: Desk, request: Request) -> Response:
        market, as_of_ns = self._found(request, perpetual=True), view_of(request).as_of_ns
        if market is None:
            return _no_symbol()
        batch = self._records.funding.get(market.symbol)
        if batch is None or not (batch.ts_ns > as_of_ns).any():
            return _no_symbol()
        row = int((batch.ts_ns > as_of_ns).argmax())
        price = {name: price_text(float(getattr(batch, name)[row])) for name in ("mark", "index")}
        return as_json(
            {
                "symbol": market.name,
                "markPrice": price["mark"],
                "indexPrice": price["index"],
                "lastFundingRate": price_text(float(batch.rate[row])),
                "nextFundingTime": int(batch.ts_ns[row]) // MS,
                "time": as_of_ns // MS,
            }
        )

    def _funding(self, _desk: Desk, request: Request) -> Response:
        market, query = self._found(request, perpetual=True), request.query_params
        if market is None:
            return _no_symbol()
        start, end = int(query.get("startTime", 0)) * MS, int(query.get("endTime", _FOREVER_MS)) * MS
        batch, rows = self._records.payments(market.symbol, start, end, view_of(request).as_of_ns)
        limit = min(int(query.get("limit", 100)), 1000)
        rows = rows[:limit] if "startTime" in query else rows[-limit:]
        found = [
            {
                "symbol": market.name,
                "fundingRate": price_text(float(batch.rate[row])),
                "fundingTime": int(batch.ts_ns[row]) // MS,
                "markPrice": "" if batch.mark[row] != batch.mark[row] else price_text(float(batch.mark[row])),
            }
            for row in rows.tolist()
            if batch is not None
        ]
        return as_json(found)

    def _funding_info(self, _desk: Desk, request: Request) -> Response:
        as_of_ns = view_of(request).as_of_ns
        told = {m.name: self._records.interval_ns(m, as_of_ns) for m in self._records.markets if m.is_perpetual}
        other = {name: interval_ns for name, interval_ns in told.items() if interval_ns != 8 * HOUR_NS}
        return as_json([{"symbol": name, "fundingIntervalHours": ns // HOUR_NS} for name, ns in other.items()])

    def _coins(self, _desk: Desk, request: Request) -> Response:
        coins = sorted({coin for m in self._records.markets for coin in (m.base, m.quote)})
        return self._unsigned(request) or as_json([{"coin": coin, "name": coin, "networkList": []} for coin in coins])

    def _no_pairs(self, _desk: Desk, request: Request) -> Response:
        return self._unsigned(request) or as_json([])

    def _unsigned(self, request: Request) -> Response | None:
        query = request.url.query
        signed, _, signature = query.rpartition("&signature=")
        secret = self._records.keys.get(request.headers.get("X-MBX-APIKEY", ""))
        if secret is None:
            return _error(401, -2015, "Invalid API-key, IP, or permissions for action.")
        if hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest() != signature:
            return _error(400, -1022, "Signature for this request is not valid.")
        late_ms = view_of(request).now_ns // MS - int(request.query_params["timestamp"])
        if not -1000 <= late_ms <= int(request.query_params.get("recvWindow", _RECV_WINDOW_MS)):
            return _error(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        return None


def _listing(market: CoinMarket) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "1000000", "tickSize": price_text(market.tick)},
        {
            "filterType": "LOT_SIZE",
            "minQty": price_text(market.lot),
            "maxQty": "9000",
            "stepSize": price_text(market.lot),
        },
        {"filterType": "NOTIONAL", "minNotional": "5"},
    ]
    row: dict[str, Any] = {
        "symbol": market.name,
        "status": "TRADING" if market.is_active else "BREAK",
        "baseAsset": market.base,
        "quoteAsset": market.quote,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "filters": filters,
    }
    if market.is_perpetual:
        perpetual = {"contractType": "PERPETUAL", "deliveryDate": 4133404800000, "marginAsset": market.settle}
        return {**row, **perpetual, "pair": market.name}
    return {**row, "isMarginTradingAllowed": True, "permissions": ["SPOT"]}


def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return as_json({"code": code, "msg": message}, status, headers)


def _no_symbol() -> Response:
    return _error(400, -1121, "Invalid symbol.")
