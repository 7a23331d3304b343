"""Bybit's public v5 interface over an emulated desk: spot, linear perpetuals and dollar-quoted options."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final, final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.emulated.bybit_streams import bybit_streams
from adapters.emulated.clock import VirtualClock
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
)
from adapters.emulated.coin_streams import BookTape
from adapters.emulated.faults import Fault, FaultKind
from adapters.emulated.server import Desk, view_of
from market.chains import OptionChain

__all__ = ["BybitFront"]

_FOREVER_MS: Final = 2**52
_LIMIT: Final = 600
_MINUTE_NS: Final = 60 * 10**9
_LENGTH_NS: Final = {
    **{str(minutes): minutes * _MINUTE_NS for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": 24 * HOUR_NS,
    "W": 7 * 24 * HOUR_NS,
}
_FUNDING_PAGE: Final = 200
_BARS_PAGE: Final = 1000


@final
class BybitFront:
    """Answers as api.bybit.com does: always with status 200, and what went wrong as ``retCode``.

    Parameters
    ----------
    records : CoinRecords
        Markets, bars and funding; quotes, trades and books come from the feed under the markets' symbols, option chains
        under the coin's, which are shown as contracts settled in USDT.
    """

    def __init__(self, records: CoinRecords) -> None:
        self._records = records
        self._clock, self._tape = VirtualClock(), BookTape()

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the routes of requests and streams."""
        self._clock = desk.clock
        desk.market.listen(self._tape.on_batch)
        answers: dict[str, Callable[[Desk, Request], Any]] = {
            "market/time": _time,
            "market/instruments-info": self._instruments,
            "market/tickers": self._tickers,
            "market/kline": self._klines,
            "market/orderbook": self._book,
            "market/recent-trade": self._trades,
            "market/funding/history": self._funding,
            "asset/coin/query-info": self._coins,
        }

        def route(name: str, answer: Callable[[Desk, Request], Any]) -> Route:
            async def endpoint(request: Request) -> Response:
                found = answer(desk, request)
                now_ms = view_of(request).now_ns // MS
                return found if isinstance(found, Response) else _reply(found, now_ms)

            return Route(f"/v5/{name}", endpoint, methods=["GET"])

        requests = [route(name, answer) for name, answer in answers.items()]
        return [*requests, *bybit_streams(desk, self._records, self._tape)]

    def refusal(self, fault: Fault) -> Response:
        """Return Bybit's form of a refused, limited or failed request."""
        if fault.kind is FaultKind.RATE_LIMITED:
            again_ms = self._clock.now_ns() // MS + int(fault.delay_s * 1e3)
            found = _reply({}, 0, code=10006, message="Too many visits!")
            found.headers.update({"X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(again_ms)})
            return found
        if fault.kind is FaultKind.REVOKED_KEY:
            return _reply({}, 0, code=10003, message="API key is invalid.")
        return _reply({}, 0, code=10016, message="System error. Please try again later.")

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return what is left of the limit of requests in this second of the exchange's clock."""
        second = desk.clock.now_ns() // 10**9
        used = sum(1 for record in desk.requests.of()[-_LIMIT:] if record.ts_ns // 10**9 == second)
        return {
            "X-Bapi-Limit": str(_LIMIT),
            "X-Bapi-Limit-Status": str(max(_LIMIT - used, 0)),
            "X-Bapi-Limit-Reset-Timestamp": str((second + 1) * 1000),
        }

    def _market(self, request: Request) -> CoinMarket | None:
        query = request.query_params
        return self._records.market(query.get("symbol", ""), is_perpetual=query.get("category") == "linear")

    def _instruments(self, desk: Desk, request: Request) -> Any:
        query = request.query_params
        category = query.get("category", "")
        if category == "option":
            chain = desk.market.chain(query.get("baseCoin", ""), view_of(request).as_of_ns)
            rows = [] if chain is None else [_option_terms(chain, row) for row in range(chain.n_contracts)]
        elif query.get("status") == "PreLaunch" or category == "inverse":
            rows = []
        else:
            wanted = category == "linear"
            as_of_ns = view_of(request).as_of_ns
            listed = [market for market in self._records.markets if market.is_perpetual == wanted]
            rows = [_terms(market, self._records.interval_ns(market, as_of_ns)) for market in listed]
        return {"category": category, "list": rows, **({} if category == "spot" else {"nextPageCursor": ""})}

    def _tickers(self, desk: Desk, request: Request) -> Any:
        query, category = request.query_params, request.query_params.get("category", "")
        as_of_ns = view_of(request).as_of_ns
        if category == "option":
            chain = desk.market.chain(query.get("baseCoin", ""), as_of_ns)
            return {"category": category, "list": [] if chain is None else _option_tickers(chain)}
        wanted, name = category == "linear", query.get("symbol")
        markets = [m for m in self._records.markets if m.is_perpetual == wanted and name in {None, m.name}]
        if name is not None and not markets:
            return _no_symbol()
        return {"category": category, "list": [self._ticker(desk, market, as_of_ns) for market in markets]}

    def _ticker(self, desk: Desk, market: CoinMarket, as_of_ns: int) -> dict[str, Any]:
        found: dict[str, Any] = {"symbol": market.name}
        quotes = desk.market.quotes(market.symbol)
        row = newest_quote(quotes, as_of_ns)
        if quotes is not None and row >= 0:
            names = {"bid1Price": "bid", "bid1Size": "bid_size", "ask1Price": "ask", "ask1Size": "ask_size"}
            found |= {name: price_text(float(getattr(quotes, own)[row])) for name, own in names.items()}
        batch = self._records.funding.get(market.symbol)
        if batch is not None and (batch.ts_ns > as_of_ns).any():
            due = int((batch.ts_ns > as_of_ns).argmax())
            found |= {
                "fundingRate": price_text(float(batch.rate[due])),
                "nextFundingTime": str(int(batch.ts_ns[due]) // MS),
                "markPrice": _text(float(batch.mark[due])),
                "indexPrice": _text(float(batch.index[due])),
            }
        return {**found, "openInterestValue": "0"} if market.is_perpetual else found

    def _klines(self, _desk: Desk, request: Request) -> Any:
        market, query = self._market(request), request.query_params
        length_ns = _LENGTH_NS.get(query.get("interval", ""))
        if market is None or length_ns is None:
            return _no_symbol()
        limit = min(int(query.get("limit", 200)), _BARS_PAGE)
        first, last = int(query.get("start", 0)) * MS, int(query.get("end", _FOREVER_MS)) * MS
        rows = bar_rows(self._records, market.symbol, length_ns, first, last, view_of(request).as_of_ns)
        # Newest first; what exceeds the limit is cut at the old end.
        told = [[str(row[0]), *map(price_text, row[1:]), "0"] for row in rows[-limit:][::-1]]
        return {"category": query.get("category"), "symbol": market.name, "list": told}

    def _book(self, desk: Desk, request: Request) -> Any:
        market = self._market(request)
        if market is None:
            return _no_symbol()
        quotes = desk.market.quotes(market.symbol)
        row = newest_quote(quotes, view_of(request).as_of_ns)
        sides: dict[str, Any] = {"b": [], "a": [], "ts": view_of(request).as_of_ns // MS}
        if quotes is not None and row >= 0:
            for name, price, size in (("b", quotes.bid, quotes.bid_size), ("a", quotes.ask, quotes.ask_size)):
                sides[name] = [[price_text(float(price[row])), price_text(float(size[row]))]]
            sides["ts"] = int(quotes.ts_ns[row]) // MS
        return {"s": market.name, **sides, "u": 1, "seq": 1}

    def _trades(self, desk: Desk, request: Request) -> Any:
        market = self._market(request)
        if market is None:
            return _no_symbol()
        trades = desk.market.trades(market.symbol)
        limit = min(int(request.query_params.get("limit", 500)), 1000 if market.is_perpetual else 60)
        found = [
            {
                "execId": str(int(trades.trade_id[row])),
                "symbol": market.name,
                "price": price_text(float(trades.price[row])),
                "size": price_text(float(trades.size[row])),
                "side": "Buy" if trades.aggressor[row] > 0 else "Sell",
                "time": str(int(trades.ts_ns[row]) // MS),
                "isBlockTrade": False,
            }
            for row in newest_trades(trades, limit, view_of(request).as_of_ns)
            if trades is not None
        ]
        return {"category": request.query_params.get("category"), "list": found[::-1]}

    def _funding(self, _desk: Desk, request: Request) -> Any:
        market, query = self._market(request), request.query_params
        if market is None:
            return _no_symbol()
        if "startTime" in query and "endTime" not in query:
            return _reply({}, 0, code=10001, message="endTime is required with startTime")
        first, last = int(query.get("startTime", 0)) * MS, int(query.get("endTime", _FOREVER_MS)) * MS
        batch, rows = self._records.payments(market.symbol, first, last, view_of(request).as_of_ns)
        limit = min(int(query.get("limit", _FUNDING_PAGE)), _FUNDING_PAGE)
        found = [
            {
                "symbol": market.name,
                "fundingRate": price_text(float(batch.rate[row])),
                "fundingRateTimestamp": str(int(batch.ts_ns[row]) // MS),
            }
            for row in rows[-limit:][::-1].tolist()
            if batch is not None
        ]
        return {"category": query.get("category"), "list": found}

    def _coins(self, _desk: Desk, request: Request) -> Any:
        told = {name: request.headers.get(f"X-BAPI-{name}", "") for name in ("API-KEY", "TIMESTAMP", "RECV-WINDOW")}
        secret = self._records.keys.get(told["API-KEY"])
        if secret is None:
            return _reply({}, 0, code=10003, message="API key is invalid.")
        signed = told["TIMESTAMP"] + told["API-KEY"] + told["RECV-WINDOW"] + request.url.query
        if hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest() != request.headers.get("X-BAPI-SIGN"):
            return _reply({}, 0, code=10004, message="Error sign, please check your signature generation algorithm.")
        late_ms = view_of(request).now_ns // MS - int(told["TIMESTAMP"])
        if not -1000 <= late_ms <= int(told["RECV-WINDOW"]):
            return _reply({}, 0, code=10002, message="The request time exceeds the time window range.")
        coins = sorted({coin for market in self._records.markets for coin in (market.base, market.quote)})
        return {"rows": [{"coin": coin, "name": coin, "chains": []} for coin in coins]}


def _time(_desk: Desk, request: Request) -> Any:
    now_ns = view_of(request).now_ns
    return {"timeSecond": str(now_ns // 10**9), "timeNano": str(now_ns)}


def _terms(market: CoinMarket, interval_ns: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "symbol": market.name,
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "status": "Trading" if market.is_active else "Closed",
        "priceFilter": {"tickSize": price_text(market.tick), "minPrice": price_text(market.tick)},
    }
    lot = price_text(market.lot)
    if not market.is_perpetual:
        return {**row, "lotSizeFilter": {"basePrecision": lot, "minOrderQty": lot, "minOrderAmt": "5"}}
    return {
        **row,
        "settleCoin": market.settle,
        "contractType": "LinearPerpetual",
        "deliveryTime": "0",
        "fundingInterval": interval_ns // _MINUTE_NS,
        "lotSizeFilter": {"qtyStep": lot, "minOrderQty": lot, "minNotionalValue": "5"},
    }


def _option_name(chain: OptionChain, row: int) -> str:
    day = chain.series[int(chain.series_index[row])].expiration
    side = "C" if chain.is_call[row] else "P"
    return f"{chain.symbol}-{day.day}{day:%b%y}-{chain.strike[row]:g}-{side}-USDT".upper()


def _option_terms(chain: OptionChain, row: int) -> dict[str, Any]:
    series = chain.series[int(chain.series_index[row])]
    return {
        "symbol": _option_name(chain, row),
        "status": "Trading",
        "baseCoin": chain.symbol,
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "optionsType": "Call" if chain.is_call[row] else "Put",
        "deliveryTime": str(series.expiry_ns // MS),
        "priceFilter": {"tickSize": "5", "minPrice": "5"},
        "lotSizeFilter": {"qtyStep": "0.01", "minOrderQty": "0.01"},
    }


def _option_tickers(chain: OptionChain) -> list[dict[str, Any]]:
    names = {
        "bid1Price": np.nan_to_num(chain.bid),
        "ask1Price": np.nan_to_num(chain.ask),
        "bid1Size": chain.bid_size,
        "ask1Size": chain.ask_size,
        "lastPrice": chain.last,
        "markIv": chain.vendor_iv,
        "delta": chain.vendor_delta,
        "gamma": chain.vendor_gamma,
        "openInterest": chain.open_interest,
        "volume24h": chain.volume,
        "underlyingPrice": chain.vendor_forward[chain.series_index],
        "indexPrice": np.full(chain.n_contracts, chain.spot_last),
    }
    return [
        {"symbol": _option_name(chain, row), **{name: _text(float(column[row])) for name, column in names.items()}}
        for row in range(chain.n_contracts)
    ]


def _text(value: float) -> str:
    return price_text(value) if np.isfinite(value) else ""


def _reply(result: Any, now_ms: int, *, code: int = 0, message: str = "OK") -> Response:
    return as_json({"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms})


def _no_symbol() -> Response:
    return _reply({}, 0, code=10001, message="params error: symbol invalid")
