"""Deribit's public JSON-RPC interface over an emulated desk: options in coin, perpetuals in dollars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.emulated.coin_records import (
    HOUR_NS,
    MS,
    CoinMarket,
    CoinRecords,
    as_json,
    bar_rows,
    newest_quote,
    newest_trades,
    trades_from,
)
from adapters.emulated.coin_streams import BookTape
from adapters.emulated.deribit_streams import deribit_streams, trade_record
from adapters.emulated.faults import Fault, FaultKind
from adapters.emulated.server import Desk, view_of
from market.chains import OptionChain

__all__ = ["DeribitFront"]

_FOREVER_MS: Final = 2**52
_RESOLUTION_NS: Final = {str(m): m * 60 * 10**9 for m in (1, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720)}
_MAX_FUNDING_ROWS: Final = 744
# Premiums step by a ten-thousandth of a coin.
_COIN_DIGITS: Final = 4


@final
class DeribitFront:
    """Answers as www.deribit.com does.

    Parameters
    ----------
    records : CoinRecords
        Perpetuals (inverse, sizes in USD), bars and hourly funding; quotes, trades and books come from the feed under
        the markets' symbols, option chains under the coin's.
    """

    def __init__(self, records: CoinRecords) -> None:
        self._records, self._tape = records, BookTape()

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the routes of requests and streams."""
        desk.market.listen(self._tape.on_batch)
        answers: dict[str, Callable[[Desk, Request], Any]] = {
            "get_time": lambda _desk, request: view_of(request).now_ns // MS,
            "get_currencies": self._currencies,
            "get_instruments": self._instruments,
            "get_book_summary_by_currency": self._summaries,
            "get_tradingview_chart_data": self._chart,
            "get_last_trades_by_instrument": self._trades,
            "get_last_trades_by_instrument_and_time": self._trades,
            "get_funding_rate_history": self._funding,
            "get_funding_rate_value": self._funding_value,
            "get_order_book": self._book,
            "ticker": self._book,
        }

        def route(name: str, answer: Callable[[Desk, Request], Any]) -> Route:
            async def endpoint(request: Request) -> Response:
                result = answer(desk, request)
                now_us = view_of(request).now_ns // 1000
                told = {"jsonrpc": "2.0", "usIn": now_us, "usOut": now_us, "usDiff": 0, "testnet": False}
                if result is None:
                    return _error(400, -32602, "Invalid params")
                return as_json({**told, "result": result})

            return Route(f"/api/v2/public/{name}", endpoint, methods=["GET"])

        requests = [route(name, answer) for name, answer in answers.items()]
        return [*requests, *deribit_streams(desk, self._records, self._tape)]

    def refusal(self, fault: Fault) -> Response:
        """Return Deribit's form of a refused, limited or failed request."""
        if fault.kind is FaultKind.RATE_LIMITED:
            return _error(429, 10028, "too_many_requests")
        if fault.kind is FaultKind.REVOKED_KEY:
            return _error(400, 13004, "invalid_credentials")
        return _error(fault.status, 11094, "internal_server_error")

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return no headers: Deribit tells nothing of its limits there."""
        del desk
        return {}

    def _coins(self, desk: Desk) -> list[str]:
        return sorted({market.base for market in self._records.markets} | set(desk.market.symbols))

    def _market(self, request: Request) -> CoinMarket | None:
        return self._records.market(request.query_params.get("instrument_name", ""), is_perpetual=True)

    def _currencies(self, desk: Desk, _request: Request) -> Any:
        return [{"currency": coin, "currency_long": coin, "withdrawal_fee": 0.0} for coin in self._coins(desk)]

    def _instruments(self, desk: Desk, request: Request) -> Any:
        perpetuals = [
            {
                **_kind(market.name, market.base, "future", "perpetual"),
                "expiration_timestamp": 32503708800000,
                "tick_size": market.tick,
                "min_trade_amount": market.lot,
                "contract_size": market.contract_size,
                "is_active": market.is_active,
            }
            for market in self._records.markets
        ]
        return perpetuals + [row for coin in self._coins(desk) for row in self._options(desk, request, coin)]

    def _options(self, desk: Desk, request: Request, coin: str) -> Iterator[dict[str, Any]]:
        chain = desk.market.chain(coin, view_of(request).as_of_ns)
        if chain is None:
            return
        for row in range(chain.n_contracts):
            series = chain.series[int(chain.series_index[row])]
            yield {
                **_kind(_name(chain, row), coin, "option", "day"),
                "expiration_timestamp": series.expiry_ns // MS,
                "strike": float(chain.strike[row]),
                "option_type": "call" if chain.is_call[row] else "put",
                "tick_size": 0.0001,
                "min_trade_amount": 0.1,
                "contract_size": series.product.multiplier,
                "is_active": series.expiry_ns > view_of(request).now_ns,
            }

    def _summaries(self, desk: Desk, request: Request) -> Any:
        coin = request.query_params.get("currency", "")
        chain = desk.market.chain(coin, view_of(request).as_of_ns)
        if chain is None:
            return []
        forward = chain.vendor_forward[chain.series_index]
        quotes = {"bid_price": chain.bid / forward, "ask_price": chain.ask / forward}
        plain = {"underlying_price": forward, "open_interest": chain.open_interest, "volume": chain.volume}
        return [
            {
                "instrument_name": _name(chain, row),
                "base_currency": coin,
                "quote_currency": coin,
                "creation_timestamp": chain.ts_event_ns // MS,
                "estimated_delivery_price": _told(chain.spot_last),
                "mark_iv": _told(round(float(chain.vendor_iv[row]) * 100.0, 6)),
                **{name: _told(float(values[row])) for name, values in plain.items()},
                **{name: _told(round(float(values[row]), _COIN_DIGITS)) or None for name, values in quotes.items()},
            }
            for row in range(chain.n_contracts)
        ]

    def _chart(self, _desk: Desk, request: Request) -> Any:
        market, query = self._market(request), request.query_params
        length_ns = 24 * HOUR_NS if query.get("resolution") == "1D" else _RESOLUTION_NS.get(query.get("resolution", ""))
        if market is None or length_ns is None:
            return None
        first, last = int(query["start_timestamp"]) * MS, int(query["end_timestamp"]) * MS
        rows = bar_rows(self._records, market.symbol, length_ns, first, last, view_of(request).as_of_ns)
        names = ("ticks", "open", "high", "low", "close", "volume")
        columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        return {**columns, "status": "ok" if rows else "no_data"}

    def _trades(self, desk: Desk, request: Request) -> Any:
        market = self._market(request)
        if market is None:
            return None
        trades, query, as_of_ns = desk.market.trades(market.symbol), request.query_params, view_of(request).as_of_ns
        limit = min(int(query.get("count", 10)), 1000)
        is_rising = query.get("sorting") == "asc"
        if "start_timestamp" in query:
            rows = trades_from(trades, limit, as_of_ns, first_ns=int(query["start_timestamp"]) * MS)
        else:
            rows = newest_trades(trades, limit, as_of_ns)
        found = [trade_record(trades, row, market) for row in rows if trades is not None]
        return {"trades": found if is_rising else found[::-1], "has_more": len(found) == limit}

    def _funding(self, _desk: Desk, request: Request) -> Any:
        market, query = self._market(request), request.query_params
        if market is None:
            return None
        first, last = int(query["start_timestamp"]) * MS, int(query.get("end_timestamp", _FOREVER_MS)) * MS
        batch, rows = self._records.payments(market.symbol, first, last, view_of(request).as_of_ns)
        if batch is None:
            return []
        return [
            {
                "timestamp": int(batch.ts_ns[row]) // MS,
                "interest_1h": float(batch.rate[row]),
                "interest_8h": float(batch.rate[max(row - 7, 0) : row + 1].sum()),
                "index_price": float(batch.index[row]),
            }
            for row in rows[-_MAX_FUNDING_ROWS:].tolist()
        ]

    def _funding_value(self, _desk: Desk, request: Request) -> Any:
        market, query = self._market(request), request.query_params
        if market is None:
            return None
        first, last = int(query["start_timestamp"]) * MS, int(query["end_timestamp"]) * MS
        batch, rows = self._records.payments(market.symbol, first + 1, last, view_of(request).as_of_ns)
        return 0.0 if batch is None else float(batch.rate[rows].sum())

    def _book(self, desk: Desk, request: Request) -> Any:
        market, as_of_ns = self._market(request), view_of(request).as_of_ns
        if market is None:
            return None
        quotes = desk.market.quotes(market.symbol)
        row = newest_quote(quotes, as_of_ns)
        if quotes is None or row < 0:
            return {"instrument_name": market.name, "timestamp": as_of_ns // MS, "bids": [], "asks": []}
        bid, ask = float(quotes.bid[row]), float(quotes.ask[row])
        sizes = [round(float(quotes.bid_size[row]) * bid, 6), round(float(quotes.ask_size[row]) * ask, 6)]
        return {
            "instrument_name": market.name,
            "timestamp": int(quotes.ts_ns[row]) // MS,
            "bids": [[bid, sizes[0]]],
            "asks": [[ask, sizes[1]]],
            "best_bid_price": bid,
            "best_bid_amount": sizes[0],
            "best_ask_price": ask,
            "best_ask_amount": sizes[1],
        }


def _kind(name: str, coin: str, kind: str, period: str) -> dict[str, Any]:
    coins = {"base_currency": coin, "counter_currency": "USD", "settlement_currency": coin, "quote_currency": coin}
    return {"instrument_name": name, "kind": kind, "settlement_period": period, **coins}


def _name(chain: OptionChain, row: int) -> str:
    if chain.symbols.shape[0]:
        return bytes(chain.symbols[row]).decode()
    day = chain.series[int(chain.series_index[row])].expiration
    side = "C" if chain.is_call[row] else "P"
    return f"{chain.symbol}-{day.day}{day:%b%y}-{chain.strike[row]:g}-{side}".upper()


def _told(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _error(status: int, code: int, message: str) -> Response:
    return as_json({"jsonrpc": "2.0", "error": {"code": code, "message": message}}, status)
