"""Tables of whole sessions: Cboe snapshots, iVolatility, a vendor's equity end of day, Lean, 0DTE midpoints."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from adapters.chains.assemble import Contracts, SnapshotKey, Spot
from adapters.chains.columns import ColumnReader
from adapters.chains.lean_universe import published_interest
from adapters.chains.occ import parse_occ
from adapters.chains.optionsdx import root_without_symbol
from adapters.chains.table import (
    Layout,
    Stamp,
    at_session_close,
    day_of,
    label_column,
    label_constant,
    label_file_name,
    label_occ,
    utc_instant,
)
from market.calendars import latest_session
from market.chains import FloatArray
from market.clock import ns_of_datetime
from market.errors import DataError
from market.instruments import product_of
from market.provenance import AsOfSource

__all__ = ["LAYOUTS"]

_EASTERN = ZoneInfo("America/New_York")
# The vendor's code of ordinary contracts, and of weekly and quarterly ones on the same 100 shares.
_STANDARD_CODES = (0.0, 103.0, 104.0)


def _first(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known[0]) if known.size else float("nan")


def _cboe(table: pa.Table, _key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    symbols = reader.text("option_symbol")
    occ = parse_occ(symbols)
    strike = reader.number("strike")
    names = ("bid", "ask", "last", "volume", "open_interest", "iv", "delta", "gamma")
    columns: dict[str, Any] = {name: reader.number(name) for name in names}
    mismatch = occ.valid & (np.abs(strike - occ.strike) > 5e-4)
    return Contracts(
        root=occ.root,
        expiration=occ.expiration,
        right=occ.right,
        strike=strike,
        bad=reader.bad | ~occ.valid | mismatch,
        **columns,
        symbols=symbols,
    )


def _cboe_json(table: pa.Table, _key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    symbols = reader.text("option")
    occ = parse_occ(symbols)
    names = ("bid", "ask", "bid_size", "ask_size", "volume", "open_interest", "iv", "delta", "gamma")
    columns: dict[str, Any] = {name: reader.number(name) for name in names}
    spot = Spot(
        last=_first(reader.number("underlying_price")),
        bid=_first(reader.number("underlying_bid")),
        ask=_first(reader.number("underlying_ask")),
    )
    last = reader.number("last_trade_price")
    return Contracts(
        root=occ.root,
        expiration=occ.expiration,
        right=occ.right,
        strike=occ.strike,
        bad=reader.bad | ~occ.valid,
        **columns,
        last=last,
        symbols=symbols,
        spot=spot,
    )


def _stamped_utc(value: object, _rows: pa.Table, symbol: str, path: Path) -> Stamp:
    instant = utc_instant(value, path)
    session = latest_session(product_of(symbol).calendar, instant)
    return Stamp(session=session.day, ts_event_ns=instant, as_of_source=AsOfSource.STAMPED)


def _ivolatility(table: pa.Table, _key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    names = ("bid", "ask", "volume", "open_interest", "iv", "delta", "gamma")
    columns: dict[str, Any] = {name: reader.number(name) for name in names}
    return Contracts(
        root=np.strings.strip(reader.text("root")),
        expiration=reader.day("option_expiration"),
        right=reader.right("right"),
        strike=reader.number("strike"),
        **columns,
        forward=reader.number("forward_price"),
        symbols=reader.text("option_symbol"),
        spot=Spot(last=_first(reader.number("stock_price_close"))),
        bad=reader.bad,
    )


def _vendor_eod(table: pa.Table, _key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    symbols = reader.text("symbol")
    occ = parse_occ(symbols)
    columns: dict[str, Any] = {
        name: reader.number(name) for name in ("bid", "ask", "volume", "open_interest", "delta", "gamma")
    }
    last, iv, strike = reader.number("price"), reader.number("implied_vol"), reader.number("strike")
    return Contracts(
        root=occ.root,
        expiration=occ.expiration,
        right=occ.right,
        strike=strike,
        non_standard=~np.isin(reader.number("nonstd"), _STANDARD_CODES),
        **columns,
        last=last,
        iv=iv,
        symbols=symbols,
        bad=reader.bad | ~occ.valid | (occ.valid & (np.abs(strike - occ.strike) > 5e-4)),
    )


def _lean(table: pa.Table, key: SnapshotKey) -> Contracts:
    """Read a Lean universe; its bars are of the mid, which therefore stands on both sides."""
    reader = ColumnReader(table)
    mid = reader.number("close")
    columns: dict[str, Any] = {name: reader.number(name) for name in ("volume", "delta", "gamma")}
    return Contracts(
        root=np.full(reader.n_rows, root_without_symbol(key.symbol).encode()),
        expiration=reader.day("expiry"),
        right=reader.right("right"),
        strike=reader.number("strike"),
        bid=mid,
        ask=mid,
        iv=reader.number("implied_volatility"),
        open_interest=published_interest(reader.number("open_interest")),
        **columns,
        spot=Spot(last=_first(reader.number("underlying_close"))),
        bad=reader.bad,
    )


def _midpoints(table: pa.Table, _key: SnapshotKey) -> Contracts:
    """Read call and put mids of contracts that expire the same day; a mid stands on both sides."""
    reader = ColumnReader(table)
    n = reader.n_rows
    strike, expiration = reader.number("strike"), reader.day("date")
    mid = np.concatenate([reader.number("call_mid"), reader.number("put_mid")])
    return Contracts(
        root=np.full(2 * n, b"SPXW"),
        expiration=np.concatenate([expiration, expiration]),
        right=np.repeat(np.array([1, 0], dtype=np.int8), n),
        strike=np.concatenate([strike, strike]),
        bid=mid,
        ask=mid,
        spot=Spot(last=_first(reader.number("spx"))),
        bad=np.concatenate([reader.bad, reader.bad]),
    )


def _at_eastern_minute(value: object, _rows: pa.Table, _symbol: str, path: Path) -> Stamp:
    day_text, _, clock_text = str(value).partition("|")
    day = day_of(day_text, path)
    try:
        clock = time.fromisoformat(clock_text.strip())
    except ValueError as error:
        raise DataError(
            "a snapshot has no usable time",
            path=str(path),
            found=repr(clock_text)[:40],
            expected="a US Eastern time such as 09:35",
            action="check the column time_et",
        ) from error
    instant = ns_of_datetime(datetime.combine(day, clock.replace(tzinfo=None), tzinfo=_EASTERN))
    return Stamp(session=day, ts_event_ns=instant, as_of_source=AsOfSource.STAMPED)


LAYOUTS = (
    Layout(
        name="cboe-snapshot-table",
        required=frozenset(
            {"session_date", "underlying", "option_symbol", "strike", "bid", "ask", "iv", "open_interest"}
        ),
        time="session_date",
        label=label_column("underlying"),
        label_columns=("underlying",),
        stamp=at_session_close,
        contracts=_cboe,
    ),
    Layout(
        name="cboe-delayed-quotes-table",
        required=frozenset({"option", "bid", "ask", "bid_size", "ask_size", "iv", "open_interest", "snapshot_utc"}),
        time="snapshot_utc",
        label=label_occ("option"),
        label_columns=("option",),
        stamp=_stamped_utc,
        contracts=_cboe_json,
    ),
    Layout(
        name="ivolatility",
        required=frozenset(
            {"symbol", "root", "date", "option_expiration", "strike", "right", "bid", "ask", "iv", "forward_price"}
        ),
        time="date",
        label=label_column("symbol"),
        label_columns=("symbol",),
        stamp=at_session_close,
        contracts=_ivolatility,
    ),
    Layout(
        name="equity-eod",
        required=frozenset(
            {"date", "symbol", "under", "expiration", "strike", "put_call", "price", "implied_vol", "nonstd"}
        ),
        time="date",
        label=label_column("under"),
        label_columns=("under",),
        stamp=at_session_close,
        contracts=_vendor_eod,
    ),
    Layout(
        name="lean-universe-mid",
        required=frozenset(
            {"date", "expiry", "strike", "right", "close", "open_interest", "implied_volatility", "underlying_close"}
        ),
        time="date",
        label=label_file_name,
        stamp=at_session_close,
        contracts=_lean,
    ),
    Layout(
        name="0dte-midpoints",
        required=frozenset({"date", "time_et", "spx", "strike", "call_mid", "put_mid"}),
        time="date",
        time_of_day="time_et",
        label=label_constant("SPX"),
        stamp=_at_eastern_minute,
        contracts=_midpoints,
        contracts_per_row=2,
    ),
)
