"""ThetaData's terminal, version 3, over any feed: plain HTTP tables as comma-separated text or JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from adapters.emulated.faults import Fault, FaultKind
from adapters.emulated.server import Desk, view_of
from adapters.ticks.tables import eastern_midnight_ns
from market.chains import BoolArray, FloatArray, OptionChain
from market.contracts import ContractIndex
from market.instruments import product_of
from market.trades import UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeFlag, select

__all__ = ["ThetaDataFront"]

_MS: Final = 1_000_000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_MORNING_MS: Final = 6 * 3_600_000 + 30 * 60_000  # open interest is stamped 06:30
_NO_DATA: Final = 472
_STATUS: Final = {FaultKind.RATE_LIMITED: 429, FaultKind.REVOKED_KEY: 471}
_CODES: Final = {TradeFlag.AUCTION: 125, TradeFlag.COMPLEX: 130, TradeFlag.CANCELLED: 40, TradeFlag.OUT_OF_SEQUENCE: 2}
_NO_CONDITION: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One request: what it may see, and the span in milliseconds of the New York day, its end included."""

    root: str
    underlying: str
    midnight_ns: int
    first_ms: int
    last_ms: int
    as_of_ns: int
    query: dict[str, str]

    @property
    def start_ns(self) -> int:
        return self.midnight_ns + self.first_ms * _MS

    @property
    def end_ns(self) -> int:
        return min(self.midnight_ns + (self.last_ms + 1) * _MS, self.as_of_ns + 1)


@final
class ThetaDataFront:
    """Serves trades with quotes, minute Greeks of the first order, open interest and contracts below ``/v3``.

    The end of a span of time is included, so that a client which does not look counts a border twice.
    """

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the endpoints."""

        def answer(request: Request) -> Response:
            asked = _asked(request)
            if asked is None:
                return PlainTextResponse("invalid parameters", 473)
            columns = _TABLES[request.url.path](desk, asked)
            if columns is None or not len(next(iter(columns.values()))):
                return PlainTextResponse("no data found for the request", _NO_DATA)
            return _written(columns, asked.query.get("format", "csv"))

        return [Route(path, answer) for path in _TABLES]

    def refusal(self, fault: Fault) -> Response:
        """Return the terminal's status with a line of text."""
        return PlainTextResponse(
            fault.kind.value, _STATUS.get(fault.kind, fault.status), headers={"Retry-After": f"{fault.delay_s:g}"}
        )

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return nothing: the terminal tells no limits."""
        del desk
        return {}


def _asked(request: Request) -> _Asked | None:
    query = dict(request.query_params)
    try:
        day = datetime.strptime(query["date"], "%Y%m%d").date()  # noqa: DTZ007  # a date has no zone
        first, last = (_clock_ms(query.get(name, other)) for name, other in _SPAN)
        root = query["symbol"]
    except (KeyError, ValueError):
        return None
    return _Asked(
        root=root,
        underlying=product_of(root).underlying,
        midnight_ns=eastern_midnight_ns(day),
        first_ms=first,
        last_ms=last,
        as_of_ns=view_of(request).as_of_ns,
        query=query,
    )


_SPAN: Final = (("start_time", "09:30:00"), ("end_time", "16:00:00"))


def _clock_ms(text: str) -> int:
    clock = datetime.strptime(text if "." in text else f"{text}.0", "%H:%M:%S.%f")  # noqa: DTZ007  # a clock time
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1000 + clock.microsecond // 1000


def _stamps(ms: NDArray[np.int64], asked: _Asked) -> list[str]:
    day = np.datetime64(date.fromisoformat(_iso(asked.query["date"])), "ms")
    texts: list[str] = np.datetime_as_string(day + ms.astype("timedelta64[ms]"), unit="ms").tolist()
    return texts


def _iso(digits: str) -> str:
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _wanted(contracts: OptionChain | ContractTable, asked: _Asked) -> BoolArray:
    """Return which contracts a request names by root, expiration, strike and right."""
    query = asked.query
    expiration, strike, right = (query.get(name, "*") for name in ("expiration", "strike", "right"))
    series = np.array(
        [
            item.product.root == asked.root and expiration in {"*", f"{item.expiration:%Y%m%d}"}
            for item in contracts.series
        ],
        dtype=np.bool_,
    )
    found: BoolArray = series[contracts.series_index] if len(series) else np.zeros(0, dtype=np.bool_)
    found = found if strike == "*" else found & (contracts.strike == float(strike))
    return found if right in {"*", "both"} else found & (contracts.is_call == (right == "call"))


def _named(contracts: OptionChain | ContractTable, rows: NDArray[np.integer[Any]]) -> dict[str, list[Any]]:
    days = [item.expiration.isoformat() for item in contracts.series]
    roots = [item.product.root for item in contracts.series]
    places = contracts.series_index[rows].tolist()
    return {
        "symbol": [roots[place] for place in places],
        "expiration": [days[place] for place in places],
        "strike": contracts.strike[rows].tolist(),
        "right": ["CALL" if call else "PUT" for call in contracts.is_call[rows]],
    }


def _greeks(desk: Desk, asked: _Asked) -> dict[str, list[Any]] | None:
    begin = -(-asked.first_ms // _MINUTE_MS) * _MINUTE_MS
    columns: dict[str, list[Any]] = {}
    for minute in range(begin, asked.last_ms + 1, _MINUTE_MS):
        instant = asked.midnight_ns + minute * _MS
        chain = desk.market.chain(asked.underlying, instant) if instant <= asked.as_of_ns else None
        if chain is None:
            continue
        rows = np.flatnonzero(_wanted(chain, asked))
        at = _stamps(np.full(rows.size, minute, dtype=np.int64), asked)
        spot_ms = np.full(rows.size, (chain.spot_ts_ns - asked.midnight_ns) // _MS, dtype=np.int64)
        part = {
            **_named(chain, rows),
            "timestamp": at,
            **{name: _numbers(getattr(chain, name)[rows]) for name in ("bid", "ask")},
            "delta": _numbers(chain.vendor_delta[rows]),
            "implied_vol": _numbers(chain.vendor_iv[rows]),
            "iv_error": [0.0] * rows.size,
            "underlying_timestamp": _stamps(spot_ms, asked),
            "underlying_price": [chain.spot_last] * rows.size,
        }
        for name, values in part.items():
            columns.setdefault(name, []).extend(values)
    return columns or None


def _numbers(values: FloatArray) -> list[float]:
    # The terminal prints 0 where it has no number.
    found: list[float] = np.nan_to_num(values).tolist()
    return found


def _interest(desk: Desk, asked: _Asked) -> dict[str, list[Any]] | None:
    chain = desk.market.chain(asked.underlying, asked.as_of_ns)
    if chain is None or asked.midnight_ns + _MORNING_MS * _MS > asked.as_of_ns:
        return None
    if not asked.midnight_ns <= chain.ts_event_ns < asked.midnight_ns + _DAY_MS * _MS:
        return None
    rows = np.flatnonzero(_wanted(chain, asked) & np.isfinite(chain.open_interest))
    morning = _stamps(np.full(rows.size, _MORNING_MS, dtype=np.int64), asked)
    return {**_named(chain, rows), "timestamp": morning, "open_interest": chain.open_interest[rows].tolist()}


def _contracts(desk: Desk, asked: _Asked) -> dict[str, list[Any]] | None:
    chain = desk.market.chain(asked.underlying, asked.as_of_ns)
    return None if chain is None else _named(chain, np.flatnonzero(_wanted(chain, asked)))


def _trade_quotes(desk: Desk, asked: _Asked) -> dict[str, list[Any]] | None:
    trades = desk.market.trades(asked.underlying, asked.start_ns, asked.end_ns)
    if trades is None:
        return None
    wanted = np.append(_wanted(trades.contracts, asked), False)  # the underlying's -1 points at the last
    trades = select(trades, wanted[trades.contract])
    trade_ms = (trades.ts_ns - asked.midnight_ns) // _MS
    quotes = desk.market.quotes(asked.underlying, 0, asked.end_ns)
    index = ContractIndex()
    number = index.register(trades.contracts)[trades.contract]
    before = _prevailing(quotes, index, number, trade_ms, asked)
    return {
        **_named(trades.contracts, trades.contract),
        "trade_timestamp": _stamps(trade_ms, asked),
        "quote_timestamp": _stamps(before["ms"].astype(np.int64), asked),
        "sequence": trades.trade_id.tolist(),
        **{f"ext_condition{i}": [_NO_CONDITION] * trades.n_trades for i in range(1, 5)},
        "condition": [_condition(int(flag)) for flag in trades.flags],
        "size": trades.size.tolist(),
        "exchange": np.maximum(trades.venue, 0).tolist(),
        "price": trades.price.tolist(),
        **{f"bid{part}": before[f"bid{part}"].tolist() for part in ("_size", "")},
        **{f"ask{part}": before[f"ask{part}"].tolist() for part in ("_size", "")},
        **{f"{side}_{what}": [0] * trades.n_trades for side in ("bid", "ask") for what in ("exchange", "condition")},
    }


def _condition(flags: int) -> int:
    return next((code for flag, code in _CODES.items() if flags & flag), 18)


def _prevailing(
    quotes: QuoteBatch | None, index: ContractIndex, number: Int64Array, trade_ms: Int64Array, asked: _Asked
) -> dict[str, FloatArray]:
    """Return the newest quote of an earlier millisecond per trade; zeros at midnight where there is none."""
    names = ("bid", "ask", "bid_size", "ask_size")
    found = {name: np.zeros(number.size) for name in (*names, "ms")}
    if quotes is None:
        return found
    known = np.append(index.find(quotes.contracts), np.int64(UNDERLYING))[quotes.contract]
    rows = np.flatnonzero(known >= 0)
    ms = (quotes.ts_ns[rows] - asked.midnight_ns) // _MS
    own = ms >= 0
    rows, ms = rows[own], ms[own]
    key = known[rows] * _DAY_MS + ms
    order = np.argsort(key, kind="stable")
    place = np.searchsorted(key[order], number * _DAY_MS + trade_ms, side="left") - 1
    newest = order[np.maximum(place, 0)] if order.size else np.zeros(number.size, dtype=np.int64)
    hit = (place >= 0) & (known[rows][newest] == number) if order.size else np.zeros(number.size, dtype=np.bool_)
    for name in names:
        found[name][hit] = np.nan_to_num(getattr(quotes, name)[rows][newest[hit]])
    found["ms"][hit] = ms[newest[hit]]
    return found


def _written(columns: dict[str, list[Any]], form: str) -> Response:
    if form == "ndjson":
        lines = (json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True))
        return Response("".join(f"{line}\n" for line in lines), media_type="application/x-ndjson")
    out = io.BytesIO()
    pc.write_csv(pa.table(columns), out, pc.WriteOptions(quoting_style="none", include_header=True))
    return Response(out.getvalue().replace(b'"', b""), media_type="text/csv")


_TABLES: Final = {
    "/v3/option/history/trade_quote": _trade_quotes,
    "/v3/option/history/greeks/first_order": _greeks,
    "/v3/option/history/open_interest": _interest,
    "/v3/option/list/contracts/quote": _contracts,
}
