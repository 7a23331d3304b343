"""Recorded sessions as rows of flow: minute bars of options with Greeks as of each minute, and order-book messages.

A bar is known at its end, so its rows carry the last nanosecond of its minute.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq

from fields.flow.batch import Arrivals
from fields.flow.config import MINUTE_NS
from fields.flow.messages import FieldLevels, GreeksTable, OptionTrades, UnderlyingQuotes, UnderlyingTrades
from fields.greeks import exposure_greeks
from fields.implied_vol import implied_volatility
from market.calendars import expiry_series, session_on
from market.clock import ns_of_datetime
from market.contracts import ContractIndex
from market.instruments import product_of
from market.trades import ContractTable
from tests.fields.flow.streams import Day

_YEAR_NS = 365 * 86_400e9
NO_LEVELS = FieldLevels.missing("this test computes no field")
# Share of minute bars that close within the minute's quotes; an assumption, the truth is not known.
_PROBABILITY = 0.75


def new_york_ns(text: str) -> int:
    """Return a New York wall-clock text in ns."""
    return ns_of_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")))


def wall_ns(times: Any, day: str) -> np.ndarray:
    """Return New York wall-clock times of one day in ns."""
    since = (times.to_numpy() - np.datetime64(day)).astype("timedelta64[ns]").astype(np.int64)
    return np.asarray(since + new_york_ns(f"{day}T00:00:00"), dtype=np.int64)


def table_of_day(path: Path, day: str, **chosen: str) -> Any:
    """Return a day's rows as a frame."""
    table = pq.read_table(path).to_pandas()
    time = "time" if "time" in table else "time_et"
    keep = table[time].dt.strftime("%Y-%m-%d") == day
    for column, value in chosen.items():
        keep &= table[column] == value
    # Files keep each instrument's rows together; a feed delivers them by time.
    return table[keep].sort_values(time, kind="stable")


def filled(columns: np.ndarray) -> np.ndarray:
    """Return each column with its last known value carried on."""
    place = np.where(np.isnan(columns), -1, np.arange(columns.shape[0])[:, None])
    last = np.maximum.accumulate(place, axis=0)
    return np.where(last >= 0, np.take_along_axis(columns, np.maximum(last, 0), axis=0), np.nan)


def underlying(root: Path, symbol: str, day: str) -> tuple[UnderlyingTrades, UnderlyingQuotes, np.ndarray]:
    """Return the underlying's bars as trades and quotes, and the end of each minute that has a price, with it."""
    if symbol == "SPX":
        bars = table_of_day(root / "underlying" / "spx_1min_lean.parquet", day)
        ends = wall_ns(bars["time_et"], day) + MINUTE_NS
        none, no_ns = np.zeros(0), np.zeros(0, dtype=np.int64)
        trades = UnderlyingTrades(ts_ns=no_ns, price=none, size=none, aggressor=none.astype(np.int8), probability=none)
        quotes = UnderlyingQuotes(ts_ns=no_ns, bid=none, ask=none, bid_size=none, ask_size=none)
        return trades, quotes, np.stack((ends, bars["close"].to_numpy()), axis=1)
    bars = table_of_day(root / "option_intraday" / "underlying_minute_trade.parquet", day, symbol=symbol)
    books = table_of_day(root / "option_intraday" / "underlying_minute_quote.parquet", day, symbol=symbol)
    price = bars["close"].to_numpy(float)
    trades = UnderlyingTrades(
        ts_ns=wall_ns(bars["time"], day) + MINUTE_NS - 1,
        price=price,
        size=bars["volume"].to_numpy(float),
        aggressor=np.sign(np.diff(price, prepend=price[0])).astype(np.int8),
        probability=np.full(price.shape[0], _PROBABILITY),
    )
    quotes = UnderlyingQuotes(
        ts_ns=wall_ns(books["time"], day) + MINUTE_NS - 1,
        bid=books["close_bid"].to_numpy(float),
        ask=books["close_ask"].to_numpy(float),
        bid_size=books["bid_size"].to_numpy(float),
        ask_size=books["ask_size"].to_numpy(float),
    )
    mid = 0.5 * (quotes.bid + quotes.ask)
    return trades, quotes, np.stack((quotes.ts_ns + 1, mid), axis=1)


@cache
def lean_day(root: Path, symbol: str, day: str) -> tuple[Day, tuple[int, int]]:
    """Return a session of option bars with Greeks at one volatility a minute, and its open and close."""
    name = "goog_minute_{}_20151224" if symbol == "GOOG" else "spx_minute_{}_202101"
    bars, books = (
        table_of_day(root / "option_intraday" / f"{name.format(kind)}.parquet", day) for kind in ("trade", "quote")
    )
    # Options on shares close with the shares on half days.
    session = session_on("NYSE" if symbol == "GOOG" else product_of(symbol).calendar, date.fromisoformat(day))
    assert session is not None
    open_ns, close_ns = session.open_ns, session.close_ns
    index = ContractIndex()
    contracts = contracts_of(books, symbol), contracts_of(bars, symbol)
    quoted, numbers = (index.register(table) for table in contracts)
    interest = np.full(len(index), np.nan)
    if symbol == "GOOG":
        held = table_of_day(root / "option_intraday" / f"{name.format('openinterest')}.parquet", day)
        place = index.find(contracts_of(held, symbol))
        interest[place[place >= 0]] = held["open_interest"].to_numpy(float)[place >= 0]
    known = (*_by_number(contracts, (quoted, numbers), len(index)), interest)
    n_minutes = (close_ns - open_ns) // MINUTE_NS
    bid, ask = books["close_bid"].to_numpy(float), books["close_ask"].to_numpy(float)
    at = (wall_ns(books["time"], day) - open_ns) // MINUTE_NS
    inside = (at >= 0) & (at < n_minutes) & (bid > 0.0) & (ask >= bid)
    mids = np.full((n_minutes, len(index)), np.nan)
    mids[at[inside], quoted[inside]] = 0.5 * (bid + ask)[inside]
    mids = filled(mids)
    trades, quotes, prices = underlying(root, symbol, day)
    options = _option_trades(bars, numbers, day, open_ns, mids)
    found = Day(
        options=options,
        trades=trades,
        quotes=quotes,
        arrivals=Arrivals.in_time(options, trades, quotes),
        greeks=tuple(greeks_at(known, mids[k], prices, open_ns + (k + 1) * MINUTE_NS) for k in range(n_minutes)),
        levels=(NO_LEVELS,) * n_minutes,
    )
    return found, (open_ns, close_ns)


def contracts_of(frame: Any, symbol: str) -> ContractTable:
    """Return the contracts that the rows of a frame speak of."""
    roots = frame["root"].astype(str).to_numpy() if "root" in frame else np.full(len(frame), symbol)
    names, root = np.unique(roots.astype(str), return_inverse=True)
    days, day = np.unique(frame["expiration"].to_numpy(), return_inverse=True)
    pairs, place = np.unique(day * names.shape[0] + root, return_inverse=True)
    n = names.shape[0]
    terms = [(product_of(str(names[pair % n])), days[pair // n].astype("O").date()) for pair in pairs]
    return ContractTable(
        series=tuple(expiry_series(product, expiration) for product, expiration in terms),
        series_index=place.astype(np.int32),
        strike=frame["strike"].to_numpy(float),
        is_call=(frame["right"] == "C").to_numpy(bool),
    )


def _by_number(
    tables: tuple[ContractTable, ...], numbers: tuple[np.ndarray, ...], n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return expiry instant, strike and right by contract number."""
    expiry, strike, is_call = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n, dtype=np.bool_)
    for table, number in zip(tables, numbers, strict=True):
        instants = np.array([series.expiry_ns for series in table.series], dtype=np.int64)
        expiry[number], strike[number] = instants[table.series_index], table.strike
        is_call[number] = table.is_call
    return expiry, strike, is_call


def _option_trades(bars: Any, numbers: np.ndarray, day: str, open_ns: int, mids: np.ndarray) -> OptionTrades:
    start = wall_ns(bars["time"], day)
    minute = (start - open_ns) // MINUTE_NS
    # The side by the quote of the minute before: strictly earlier than the bar.
    usable = (minute > 0) & (minute < mids.shape[0])
    before = np.where(usable, mids[np.clip(minute - 1, 0, mids.shape[0] - 1), numbers], np.nan)
    price = bars["close"].to_numpy(float)
    n = price.shape[0]
    return OptionTrades(
        number=numbers,
        is_call=(bars["right"] == "C").to_numpy(bool),
        multiplier=np.full(n, 100.0),
        ts_ns=start + MINUTE_NS - 1,
        price=price,
        size=bars["volume"].to_numpy(float),
        aggressor=np.nan_to_num(np.sign(price - before)).astype(np.int8),
        probability=np.full(n, _PROBABILITY),
    )


def greeks_at(
    known: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], mids: np.ndarray, prices: np.ndarray, end_ns: int
) -> GreeksTable | None:
    """Return Greeks at the median volatility of the quotes out of the money within 5 % of spot, None before any."""
    expiry, strike, is_call, interest = known
    past = np.flatnonzero(prices[:, 0] <= end_ns)
    if not past.shape[0]:
        return None
    spot, tau = float(prices[past[-1], 1]), (expiry - end_ns) / _YEAR_NS
    near = (np.abs(strike / spot - 1.0) < 0.05) & (is_call == (strike > spot)) & (tau > 0.0)
    found = implied_volatility(mids[near], spot, strike[near], tau[near], 1.0, is_call[near]).volatility
    flat = float(np.median(found[np.isfinite(found)])) if np.isfinite(found).any() else float("nan")
    greeks = exposure_greeks(spot, strike, tau, 0.0, 0.0, flat, is_call)
    n = strike.shape[0]
    return GreeksTable(
        number=np.arange(n, dtype=np.int64),
        delta=greeks.delta,
        gamma=greeks.gamma,
        multiplier=np.full(n, 100.0),
        strike=strike,
        is_call=is_call,
        open_interest=interest,
        spot=spot,
    )


def lobster_day(root: Path) -> Day:
    """Return a day of Apple's order book: the best quotes, and every execution with its true aggressor."""
    table = pq.read_table(root / "microstructure" / "lobster_aapl_20120621_level1.parquet").to_pandas()
    ts_ns = new_york_ns("2012-06-21T00:00:00") + (table["time_s"].to_numpy() * 1e9).astype(np.int64)
    fills = table["event_type"].isin([4, 5]).to_numpy()
    n = int(fills.sum())
    quotes = UnderlyingQuotes(
        ts_ns=ts_ns,
        bid=table["bid_price_1"].to_numpy(float),
        ask=table["ask_price_1"].to_numpy(float),
        bid_size=table["bid_size_1"].to_numpy(float),
        ask_size=table["ask_size_1"].to_numpy(float),
    )
    trades = UnderlyingTrades(
        ts_ns=ts_ns[fills],
        price=table["price"].to_numpy(float)[fills],
        size=table["size"].to_numpy(float)[fills],
        aggressor=-table["direction"].to_numpy()[fills].astype(np.int8),
        probability=np.ones(n),
    )
    options = no_options()
    return Day(
        options=options,
        trades=trades,
        quotes=quotes,
        arrivals=Arrivals.in_time(options, trades, quotes),
        greeks=(None,) * 390,
        levels=(NO_LEVELS,) * 390,
    )


def no_options() -> OptionTrades:
    """Return no option trade."""
    none, no_number = np.zeros(0), np.zeros(0, dtype=np.int64)
    return OptionTrades(
        number=no_number,
        is_call=none.astype(np.bool_),
        multiplier=none,
        ts_ns=no_number,
        price=none,
        size=none,
        aggressor=none.astype(np.int8),
        probability=none,
    )
