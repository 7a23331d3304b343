"""Polygon's REST interface over any feed: pages that lead to the next, Greeks missing where they are in truth."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final, final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.chains.occ import parse_occ
from adapters.emulated.faults import Fault, FaultKind
from adapters.emulated.polygon_streams import stream_route
from adapters.emulated.server import Desk, view_of
from adapters.ticks.tables import eastern_midnight_ns
from market.calendars import is_open
from market.chains import OptionChain
from market.clock import datetime_of_ns
from market.instruments import product_of
from market.trades import UNDERLYING, ContractTable, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["PolygonFront"]

_HOST: Final = "https://api.massive.com"  # a client that follows it leaves the emulator
_STATUS: Final = {FaultKind.RATE_LIMITED: 429, FaultKind.REVOKED_KEY: 401}
_LENGTH_NS: Final = {"minute": 60_000_000_000, "hour": 3_600_000_000_000}
_CODES: Final = {
    TradeFlag.CANCELLED: 201,
    TradeFlag.OUT_OF_SEQUENCE: 202,
    TradeFlag.COMPLEX: 232,
    TradeFlag.AUCTION: 227,
}
_FOREVER_NS: Final = 1 << 62
_NEW_YORK: Final = ZoneInfo("America/New_York")

_Row = dict[str, Any]
_Rows = Callable[[Request, dict[str, str]], list[_Row]]


@final
class PolygonFront:
    """Serves aggregates, chain snapshots, trades, quotes and streams of them, to one key.

    Parameters
    ----------
    key : str
        The key that is known; any other is refused with 401.
    deep_delta : float
        There are no Greeks where the size of delta is as close as this to 0 or 1.
    """

    def __init__(self, key: str = "emulated-key", *, deep_delta: float = 0.02) -> None:
        self._key, self._deep_delta = key, deep_delta

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the endpoints and the streams."""
        found: tuple[tuple[str, _Rows, int, int], ...] = (
            (
                "/v2/aggs/ticker/{ticker}/range/{mult}/{span}/{first}/{last}",
                lambda r, q: _bars(desk, r, q),
                5_000,
                50_000,
            ),
            ("/v3/snapshot/options/{ticker}", lambda r, q: _snapshots(desk, r, q, self._deep_delta), 10, 250),
            ("/v3/trades/{ticker}", lambda r, q: _trades(desk, r, q), 1_000, 50_000),
            ("/v3/quotes/{ticker}", lambda r, q: _quotes(desk, r, q), 1_000, 50_000),
        )
        pages = [Route(path, self._paged(rows, usual, most)) for path, rows, usual, most in found]
        return [*pages, Route("/v1/marketstatus/now", self._status), stream_route(desk, self._key)]

    def refusal(self, fault: Fault) -> Response:
        """Return the vendor's error."""
        status = _STATUS.get(fault.kind, fault.status)
        return JSONResponse(
            {"status": "ERROR", "error": fault.kind.value}, status, headers={"Retry-After": f"{fault.delay_s:g}"}
        )

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return nothing: the vendor tells no limits."""
        del desk
        return {}

    def _status(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self._key}":
            return JSONResponse({"status": "ERROR", "error": "Unknown API Key"}, 401)
        now_ns = view_of(request).now_ns
        local = datetime_of_ns(now_ns).astimezone(_NEW_YORK)
        state = "open" if is_open("NYSE", now_ns) else "closed"
        return JSONResponse({"market": state, "serverTime": local.isoformat(timespec="seconds")})

    def _paged(self, rows: _Rows, usual: int, most: int) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self._key}":
                return JSONResponse({"status": "ERROR", "error": "Unknown API Key"}, 401)
            query = dict(request.query_params)
            offset = 0
            if "cursor" in query:
                query, offset = json.loads(base64.urlsafe_b64decode(query["cursor"]))
            found = rows(request, query)
            limit = min(int(query.get("limit", usual)), most)
            page: _Row = {"status": "OK", "request_id": "emulated", "results": found[offset : offset + limit]}
            if offset + limit < len(found):
                cursor = base64.urlsafe_b64encode(json.dumps([query, offset + limit]).encode()).decode()
                page["next_url"] = f"{_HOST}{request.url.path}?cursor={cursor}"
            return JSONResponse(page)

        return answer


def _named(ticker: str) -> tuple[str, tuple[float, bool, str] | None]:
    """Return the underlying that a ticker speaks of, and its strike, right and expiration."""
    if not ticker.startswith("O:"):
        return ticker.removeprefix("I:"), None
    found = parse_occ(np.array([ticker.encode()]))
    root = bytes(found.root[0]).decode()
    return product_of(root).underlying, (float(found.strike[0]), bool(found.right[0] == 1), str(found.expiration[0]))


def _ticker(contracts: OptionChain | ContractTable, place: int) -> str:
    series = contracts.series[int(contracts.series_index[place])]
    right = "C" if contracts.is_call[place] else "P"
    thousandths = round(float(contracts.strike[place]) * 1000)
    return f"O:{series.product.root}{series.expiration:%y%m%d}{right}{thousandths:08d}"


def _bars(desk: Desk, request: Request, _query: dict[str, str]) -> list[_Row]:
    asked = request.path_params
    symbol, contract = _named(asked["ticker"])
    first, last = (date.fromisoformat(asked[name]) for name in ("first", "last"))
    is_day = asked["span"] == "day"
    length = 86_400_000_000_000 if is_day else _LENGTH_NS[asked["span"]] * int(asked["mult"])
    bars = desk.market.bars(symbol, length, contract)
    begin, end = eastern_midnight_ns(first), eastern_midnight_ns(last + timedelta(days=1))
    inside = np.flatnonzero((bars.start_ns + length > begin) & (bars.start_ns < end))
    found = []
    for i in inside:
        stamp = begin if is_day else int(bars.start_ns[i])
        values = {"o": bars.open, "h": bars.high, "l": bars.low, "c": bars.close, "v": bars.volume, "vw": bars.vwap}
        found.append(
            {**{name: float(v[i]) for name, v in values.items()}, "t": stamp // 10**6, "n": int(bars.n_trades[i])}
        )
    return found


def _snapshots(desk: Desk, request: Request, query: dict[str, str], deep: float) -> list[_Row]:
    symbol, _ = _named(request.path_params["ticker"])
    chain = desk.market.chain(symbol, view_of(request).as_of_ns)
    if chain is None:
        return []
    rows = (_snapshot(chain, place, deep) for place in range(chain.n_contracts))
    return [row for row in rows if _asked_for(row["details"], query)]


def _asked_for(details: _Row, query: dict[str, str]) -> bool:
    day, strike = str(details["expiration_date"]), float(details["strike_price"])
    return (
        query.get("expiration_date.gte", "") <= day <= query.get("expiration_date.lte", "9")
        and float(query.get("strike_price.gte", 0)) <= strike <= float(query.get("strike_price.lte", "inf"))
        and query.get("contract_type") in {None, str(details["contract_type"])}
    )


def _snapshot(chain: OptionChain, place: int, deep: float) -> _Row:
    series = chain.series[int(chain.series_index[place])]
    delta, gamma = float(chain.vendor_delta[place]), float(chain.vendor_gamma[place])
    told = np.isfinite(delta) and deep < abs(delta) < 1.0 - deep
    greeks = {"delta": delta, "theta": 0.0, "vega": 0.0, **({"gamma": gamma} if np.isfinite(gamma) else {})}
    quote = {name: _plain(getattr(chain, name)[place]) for name in ("bid", "ask", "bid_size", "ask_size")}
    return {
        "details": {
            "contract_type": "call" if chain.is_call[place] else "put",
            "exercise_style": series.product.exercise.value,
            "expiration_date": series.expiration.isoformat(),
            "shares_per_contract": series.product.multiplier,
            "strike_price": float(chain.strike[place]),
            "ticker": _ticker(chain, place),
        },
        "day": {"volume": _plain(chain.volume[place])},
        "greeks": greeks if told else {},
        **({"implied_volatility": float(chain.vendor_iv[place])} if told else {}),
        "last_quote": {**quote, "last_updated": int(chain.quote_ts_ns[place]), "timeframe": "REAL-TIME"},
        "last_trade": {"price": _plain(chain.last[place])},
        "open_interest": _plain(chain.open_interest[place]),
        "underlying_asset": {
            "price": chain.spot_last,
            "last_updated": int(chain.spot_ts_ns),
            "ticker": chain.symbol,
            "timeframe": "REAL-TIME",
        },
    }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _span(request: Request, query: dict[str, str]) -> tuple[int, int]:
    start = max(int(query.get("timestamp.gte", 0)), int(query.get("timestamp.gt", -1)) + 1)
    end = min(int(query.get("timestamp.lt", _FOREVER_NS)), int(query.get("timestamp.lte", _FOREVER_NS)) + 1)
    return start, min(end, view_of(request).as_of_ns + 1)


def _rows_of(ticks: TradeBatch | QuoteBatch, contract: tuple[float, bool, str] | None) -> NDArray[np.int64]:
    if contract is None:
        return np.flatnonzero(ticks.contract == UNDERLYING)
    table = ticks.contracts
    days = np.array([series.expiration.isoformat() for series in table.series])
    same = (table.strike == contract[0]) & (table.is_call == contract[1]) & (days[table.series_index] == contract[2])
    return np.flatnonzero(np.append(same, False)[ticks.contract])  # the underlying's -1 points at the last


def _trades(desk: Desk, request: Request, query: dict[str, str]) -> list[_Row]:
    symbol, contract = _named(request.path_params["ticker"])
    trades = desk.market.trades(symbol, *_span(request, query))
    if trades is None:
        return []
    rows = _rows_of(trades, contract)
    rows = rows[np.argsort(trades.ts_ns[rows], kind="stable")]
    return [
        {
            "sip_timestamp": int(trades.ts_ns[i]),
            "participant_timestamp": int(trades.ts_ns[i]),
            "price": float(trades.price[i]),
            "size": float(trades.size[i]),
            "sequence_number": int(trades.trade_id[i]),
            "exchange": max(int(trades.venue[i]), 0),
            "conditions": [code for flag, code in _CODES.items() if int(trades.flags[i]) & flag],
        }
        for i in rows.tolist()
    ]


def _quotes(desk: Desk, request: Request, query: dict[str, str]) -> list[_Row]:
    symbol, contract = _named(request.path_params["ticker"])
    quotes = desk.market.quotes(symbol, *_span(request, query))
    if quotes is None:
        return []
    rows = _rows_of(quotes, contract)
    rows = rows[np.argsort(quotes.ts_ns[rows], kind="stable")]
    names = {"bid_price": quotes.bid, "ask_price": quotes.ask, "bid_size": quotes.bid_size, "ask_size": quotes.ask_size}
    return [
        {
            "sip_timestamp": int(quotes.ts_ns[i]),
            "sequence_number": place,
            **{name: _plain(values[i]) for name, values in names.items()},
        }
        for place, i in enumerate(rows.tolist())
    ]
