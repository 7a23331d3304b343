"""The answers of Alpaca's REST interface for market data, from an emulated market."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, final
from zoneinfo import ZoneInfo

import numpy as np
from starlette.requests import Request

from adapters.chains.occ import parse_occ
from adapters.emulated.alpaca_records import (
    bar_records,
    coin_quote_records,
    coin_trade_records,
    contract_records,
    occ_symbols,
    quote_records,
    rfc3339,
    snapshot_records,
    trade_records,
)
from adapters.emulated.market import EmulatedMarket
from adapters.emulated.server import view_of
from market.calendars import latest_session, sessions_between
from market.clock import datetime_of_ns, ns_of_datetime
from market.instruments import product_of
from market.trades import QuoteBatch, TradeBatch, select

__all__ = ["AlpacaRest", "BadRequestError", "rfc3339"]

_NEW_YORK = ZoneInfo("America/New_York")
_UNITS_NS = {"Min": 60_000_000_000, "Hour": 3_600_000_000_000, "Day": 86_400_000_000_000}
_Rows = Iterable[tuple[str, dict[str, Any]]]
_Ticks = TypeVar("_Ticks", TradeBatch, QuoteBatch)


class BadRequestError(Exception):
    """A request that the venue refuses; the text is the venue's message.

    Parameters
    ----------
    message : str
        What is told.
    status : int
        HTTP status.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@final
class AlpacaRest:
    """Answers requests, each as of the instant that the request may see.

    Parameters
    ----------
    market : EmulatedMarket
        What is told.
    snapshot_page : int
        Most option snapshots on one page.
    """

    def __init__(self, market: EmulatedMarket, snapshot_page: int) -> None:
        self._market, self._snapshot_page = market, snapshot_page

    def stock_bars(self, request: Request) -> dict[str, Any]:
        """Return bars by symbol, paged."""
        return self._bars(request, {symbol: (symbol, None) for symbol in _symbols(request)})

    def option_bars(self, request: Request) -> dict[str, Any]:
        """Return bars by contract, paged."""
        return self._bars(request, {symbol: _contract(symbol) for symbol in _symbols(request)})

    def stock_trades(self, request: Request) -> dict[str, Any]:
        """Return trades by symbol, paged."""
        return self._ticks(request, "trades")

    def stock_quotes(self, request: Request) -> dict[str, Any]:
        """Return quotes by symbol, paged."""
        return self._ticks(request, "quotes")

    def coin_trades(self, request: Request) -> dict[str, Any]:
        """Return trades by coin, paged."""
        names, (start_ns, end_ns) = _symbols(request), _span(request)
        found = (self._market.trades(name, start_ns, end_ns) for name in names)
        return _by_symbol(
            "trades", [row for item in found if item for row in coin_trade_records(item, rfc3339)], request
        )

    def coin_quotes(self, request: Request) -> dict[str, Any]:
        """Return quotes by coin, paged."""
        names, (start_ns, end_ns) = _symbols(request), _span(request)
        found = (self._market.quotes(name, start_ns, end_ns) for name in names)
        return _by_symbol(
            "quotes", [row for item in found if item for row in coin_quote_records(item, rfc3339)], request
        )

    def option_trades(self, request: Request) -> dict[str, Any]:
        """Return trades by contract, paged."""
        return self._ticks(request, "trades")

    def latest_trades(self, request: Request) -> dict[str, Any]:
        """Return the newest trade by symbol."""
        names = _symbols(request)
        return {"trades": _newest(self._trades(names, 0, view_of(request).as_of_ns + 1))}

    def latest_quotes(self, request: Request) -> dict[str, Any]:
        """Return the newest quote by symbol; of a contract it is that of its snapshot."""
        as_of_ns, names = view_of(request).as_of_ns, _symbols(request)
        found = _newest(self._quotes([name for name in names if name in self._market.symbols], 0, as_of_ns + 1))
        contracts = _underlyings([name for name in names if name not in self._market.symbols])
        for underlying in sorted(set(contracts.values())):
            snapshots = self._snapshots(underlying, as_of_ns)
            found |= {name: snapshots[name]["latestQuote"] for name in contracts if name in snapshots}
        return {"quotes": found}

    def stock_snapshots(self, request: Request) -> dict[str, Any]:
        """Return newest trade and quote, and the newest bars of a minute and of the day, by symbol."""
        trades, quotes = self.latest_trades(request)["trades"], self.latest_quotes(request)["quotes"]
        found = {}
        for symbol in _symbols(request):
            minute, day = (bar_records(self._market.bars(symbol, _UNITS_NS[unit]), rfc3339) for unit in ("Min", "Day"))
            found[symbol] = {
                "latestTrade": trades.get(symbol),
                "latestQuote": quotes.get(symbol),
                "minuteBar": minute[-1] if minute else None,
                "dailyBar": day[-1] if day else None,
                "prevDailyBar": day[-2] if len(day) > 1 else None,
            }
        return found

    def option_snapshots(self, request: Request) -> dict[str, Any]:
        """Return snapshots of named contracts, paged."""
        names, as_of_ns = _symbols(request), view_of(request).as_of_ns
        known: dict[str, Any] = {}
        for underlying in sorted({_contract(symbol)[0] for symbol in names}):
            known |= self._snapshots(underlying, as_of_ns)
        return self._snapshot_page_of(request, {symbol: known[symbol] for symbol in names if symbol in known})

    def chain(self, request: Request) -> dict[str, Any]:
        """Return snapshots of an underlying's contracts, filtered and paged."""
        as_of_ns, underlying = view_of(request).as_of_ns, request.path_params["underlying"]
        chain = self._market.chain(underlying, as_of_ns)
        listed = {} if chain is None else contract_records(chain)
        snapshots = {} if chain is None else snapshot_records(chain, rfc3339)
        return self._snapshot_page_of(
            request, {symbol: snapshots[symbol] for symbol in sorted(listed) if _wanted(listed[symbol], request)}
        )

    def contracts(self, request: Request) -> dict[str, Any]:
        """Return listed contracts with the open interest of the session before, paged."""
        view, names = view_of(request), request.query_params.get("underlying_symbols")
        rows = []
        for underlying in names.split(",") if names else self._market.symbols:
            chain = self._market.chain(underlying, view.as_of_ns)
            for symbol, record in sorted(({} if chain is None else contract_records(chain)).items()):
                if _wanted(record, request):
                    dated = {"open_interest_date": self._session_before(chain.session)} if chain is not None else {}
                    rows.append((symbol, record | (dated if "open_interest" in record else {})))
        page, token = _page(rows, request, 100, 10_000)
        return {"option_contracts": [record for _, record in page], "next_page_token": token}

    def clock(self, request: Request) -> dict[str, Any]:
        """Return the venue's time and the next open and close."""
        now_ns = view_of(request).now_ns
        today = datetime_of_ns(now_ns).date()
        ahead = sessions_between("NYSE", today - timedelta(days=1), today + timedelta(days=14))
        return {
            "timestamp": rfc3339(now_ns),
            "is_open": latest_session("NYSE", now_ns).close_ns > now_ns,
            "next_open": rfc3339(min(item.open_ns for item in ahead if item.open_ns > now_ns)),
            "next_close": rfc3339(min(item.close_ns for item in ahead if item.close_ns > now_ns)),
        }

    def calendar(self, request: Request) -> list[dict[str, Any]]:
        """Return sessions with open and close in New York."""
        today = datetime_of_ns(view_of(request).now_ns).date()
        first = date.fromisoformat(request.query_params.get("start", today.isoformat())[:10])
        last = date.fromisoformat(request.query_params.get("end", (first + timedelta(days=30)).isoformat())[:10])
        return [
            {"date": item.day.isoformat(), "open": _local(item.open_ns), "close": _local(item.close_ns)}
            for item in sessions_between("NYSE", first, last)
        ]

    def news(self, request: Request, articles: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Return articles about any of the asked symbols, newest first, paged."""
        names = set(_symbols(request)) if request.query_params.get("symbols") else None
        rows = [(item["updated_at"], item) for item in articles if names is None or names & set(item["symbols"])]
        page, token = _page(rows, request, 10, 50)
        return {"news": [item for _, item in page], "next_page_token": token}

    def _bars(self, request: Request, names: dict[str, tuple[str, Any]]) -> dict[str, Any]:
        length_ns = _length_ns(request.query_params.get("timeframe", "1Min"))
        start_ns, end_ns = _span(request)
        rows = []
        for symbol, (underlying, contract) in sorted(names.items()):
            bars = self._market.bars(underlying, length_ns, contract)
            inside = (bars.start_ns >= start_ns) & (bars.start_ns < end_ns)
            records = np.array(bar_records(bars, rfc3339), dtype=object)[inside]
            rows += [(symbol, record) for record in records.tolist()]
        return _by_symbol("bars", rows, request)

    def _ticks(self, request: Request, kind: str) -> dict[str, Any]:
        names = _symbols(request)
        start_ns, end_ns = _span(request)
        rows = list((self._trades if kind == "trades" else self._quotes)(names, start_ns, end_ns))
        rows.sort(key=lambda row: (row[0], row[1]["t"]))
        return _by_symbol(kind, rows, request)

    def _trades(self, names: list[str], start_ns: int, end_ns: int) -> _Rows:
        for underlying in self._market.symbols if names else ():
            trades = self._market.trades(underlying, start_ns, end_ns)
            if trades is not None:
                yield from trade_records(_of_names(trades, names), rfc3339)

    def _quotes(self, names: list[str], start_ns: int, end_ns: int) -> _Rows:
        for underlying in self._market.symbols if names else ():
            quotes = self._market.quotes(underlying, start_ns, end_ns)
            if quotes is not None:
                yield from quote_records(_of_names(quotes, names), rfc3339)

    def _snapshots(self, underlying: str, as_of_ns: int) -> dict[str, dict[str, Any]]:
        chain = self._market.chain(underlying, as_of_ns)
        return {} if chain is None else snapshot_records(chain, rfc3339)

    def _snapshot_page_of(self, request: Request, found: dict[str, Any]) -> dict[str, Any]:
        page, token = _page(list(found.items()), request, 100, self._snapshot_page)
        return {"snapshots": dict(page), "next_page_token": token}

    @staticmethod
    def _session_before(session: date) -> str:
        return sessions_between("NYSE", session - timedelta(days=10), session - timedelta(days=1))[-1].day.isoformat()


def _symbols(request: Request) -> list[str]:
    text = request.query_params.get("symbols", "")
    if not text:
        raise BadRequestError("symbols is required")
    return text.split(",")


def _of_names(ticks: _Ticks, names: list[str]) -> _Ticks:
    """Return the rows that some names speak of, before any of them is written out."""
    wanted = set(names)
    known = [symbol in wanted for symbol in (*occ_symbols(ticks.contracts), ticks.symbol)]
    return select(ticks, np.array(known, dtype=np.bool_)[ticks.contract])  # the underlying's -1 points at the last


def _underlyings(symbols: list[str]) -> dict[str, str]:
    parsed = parse_occ(np.array([symbol.encode() for symbol in symbols], dtype=np.bytes_).reshape(len(symbols)))
    if not parsed.valid.all():
        raise BadRequestError(f"invalid symbol: {symbols[int(np.argmin(parsed.valid))]}")
    return {
        symbol: product_of(root.decode()).underlying for symbol, root in zip(symbols, parsed.root.tolist(), strict=True)
    }


def _contract(symbol: str) -> tuple[str, tuple[float, bool, str]]:
    parsed = parse_occ(np.array([symbol.encode()]))
    if not parsed.valid[0]:
        raise BadRequestError(f"invalid symbol: {symbol}")
    underlying = product_of(parsed.root[0].decode()).underlying
    return underlying, (float(parsed.strike[0]), bool(parsed.right[0] == 1), str(parsed.expiration[0]))


def _span(request: Request) -> tuple[int, int]:
    """Return start and end; both are part of the venue's span, and the future is not."""
    as_of_ns = _told_before(request)[1]
    start, end = (request.query_params.get(name) for name in ("start", "end"))
    start_ns = _instant_ns(start) if start else as_of_ns // _UNITS_NS["Day"] * _UNITS_NS["Day"]
    return start_ns, min(_instant_ns(end) if end else as_of_ns, as_of_ns) + 1


def _instant_ns(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequestError(f"invalid time: {text}") from None
    return ns_of_datetime(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _length_ns(timeframe: str) -> int:
    for unit, length_ns in _UNITS_NS.items():
        if timeframe.endswith(unit) and timeframe.removesuffix(unit).isdigit():
            return int(timeframe.removesuffix(unit)) * length_ns
    raise BadRequestError(f"invalid timeframe: {timeframe}")


def _wanted(record: dict[str, Any], request: Request) -> bool:
    asked, expiration, strike = request.query_params, record["expiration_date"], float(record["strike_price"])
    return (
        asked.get("type", record["type"]) == record["type"]
        and asked.get("root_symbol", record["root_symbol"]) == record["root_symbol"]
        and asked.get("expiration_date", expiration) == expiration
        and asked.get("expiration_date_gte", expiration) <= expiration <= asked.get("expiration_date_lte", expiration)
        and float(asked.get("strike_price_gte", strike)) <= strike <= float(asked.get("strike_price_lte", strike))
    )


def _newest(rows: _Rows) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for symbol, record in rows:
        if symbol not in found or record["t"] >= found[symbol]["t"]:
            found[symbol] = record
    return found


def _by_symbol(kind: str, rows: list[tuple[str, dict[str, Any]]], request: Request) -> dict[str, Any]:
    page, token = _page(rows, request, 1_000, 10_000)
    grouped: dict[str, list[dict[str, Any]]] = {}
    for symbol, record in page:
        grouped.setdefault(symbol, []).append(record)
    return {kind: grouped, "next_page_token": token}


def _page(
    rows: list[tuple[str, Any]], request: Request, usual: int, most: int
) -> tuple[list[tuple[str, Any]], str | None]:
    """Return the asked page and the token of the next."""
    start, as_of_ns = _told_before(request)
    try:
        size = min(int(request.query_params.get("limit", usual)), most)
    except ValueError:
        raise BadRequestError("invalid limit", 422) from None
    end = start + max(size, 1)
    following = base64.urlsafe_b64encode(json.dumps([end, as_of_ns]).encode()).decode()
    return rows[start:end], following if end < len(rows) else None


def _told_before(request: Request) -> tuple[int, int]:
    """Return how many rows were told before, and as of when: the market may go on between two pages."""
    token = request.query_params.get("page_token")
    if not token:
        return 0, view_of(request).as_of_ns
    try:
        told, as_of_ns = json.loads(base64.urlsafe_b64decode(token))
        return int(told), int(as_of_ns)
    except (ValueError, TypeError, binascii.Error):
        raise BadRequestError("invalid page_token", 422) from None


def _local(instant_ns: int) -> str:
    return f"{datetime_of_ns(instant_ns).astimezone(_NEW_YORK):%H:%M}"
