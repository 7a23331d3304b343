"""Option tables of Deribit and OKX: prices in coin, expiries at 08:00 UTC, contract sizes of the venue.

Prices become USD per coin of the underlying. OKX publishes delta and gamma adjusted for the premium in coin,
``delta - V`` and ``S gamma - 2 (delta - V)`` with V the price in coin; both are turned back to units of the underlying.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.chains.assemble import Contracts, SnapshotKey, Spot, crypto_product
from adapters.chains.columns import ColumnReader
from adapters.chains.table import Layout, Stamp, label_column, label_instrument, utc_instant
from market.chains import FloatArray
from market.clock import datetime_of_ns
from market.provenance import AsOfSource

__all__ = ["LAYOUTS"]


def _stamp(value: object, _rows: pa.Table, _symbol: str, path: Path) -> Stamp:
    instant = utc_instant(value, path)
    return Stamp(session=datetime_of_ns(instant).date(), ts_event_ns=instant, as_of_source=AsOfSource.STAMPED)


def _roots(instruments: NDArray[np.bytes_], key: SnapshotKey, venue: str) -> NDArray[np.bytes_]:
    coin = key.symbol.encode()
    # USDC-settled contracts (BTC_USDC-...) have another multiplier and are quoted in dollars.
    inverse = np.strings.startswith(instruments, coin + b"-") & ~np.strings.startswith(instruments, coin + b"-USDC")
    return np.where(inverse, coin + b"@" + venue.encode(), coin + b"@OTHER")


def _absent_is_zero(prices: FloatArray) -> FloatArray:
    # Both venues send null where nobody quotes that side; 0 is how a chain says so.
    return np.where(np.isnan(prices), 0.0, prices)


def _deribit_daily(table: pa.Table, key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    symbols = reader.text("instrument")
    forward = reader.number("underlying_price")
    return Contracts(
        root=_roots(symbols, key, "DERIBIT"),
        expiration=reader.day("expiry"),
        right=reader.right("right"),
        strike=reader.number("strike"),
        bid=_absent_is_zero(reader.number("bid")) * forward,
        ask=_absent_is_zero(reader.number("ask")) * forward,
        open_interest=reader.number("open_interest"),
        volume=reader.number("volume_24h"),
        iv=reader.number("mark_iv") / 100.0,
        forward=forward,
        symbols=symbols,
        bad=reader.bad,
    )


def _deribit_hourly(table: pa.Table, key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    symbols = reader.text("instrument_name")
    return Contracts(
        root=_roots(symbols, key, "DERIBIT"),
        expiration=reader.day("expiry_date"),
        right=reader.right("right"),
        strike=reader.number("strike"),
        open_interest=reader.number("open_interest"),
        volume=reader.number("volume"),
        iv=reader.number("mark_iv") / 100.0,
        delta=reader.number("delta"),
        gamma=reader.number("gamma"),
        symbols=symbols,
        bad=reader.bad,
    )


def _okx_daily(table: pa.Table, key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    symbols = reader.text("instrument")
    index = reader.number("underlying_price")
    coin_delta, coin_gamma = reader.number("delta"), reader.number("gamma")
    known = index[np.isfinite(index) & (index > 0.0)]
    return Contracts(
        root=_roots(symbols, key, "OKX"),
        expiration=reader.day("expiry"),
        right=reader.right("right"),
        strike=reader.number("strike"),
        bid=_absent_is_zero(reader.number("bid")) * index,
        ask=_absent_is_zero(reader.number("ask")) * index,
        open_interest=reader.number("open_interest"),
        volume=reader.number("volume_24h"),
        iv=reader.number("mark_iv"),
        delta=coin_delta + reader.number("mark_price"),
        gamma=(coin_gamma + 2.0 * coin_delta) / np.where(index > 0.0, index, np.nan),
        symbols=symbols,
        bad=reader.bad,
        spot=Spot(last=float(known[0]) if known.size else np.nan),
    )


_DAILY = frozenset(
    {"snapshot_utc", "underlying", "instrument", "expiry", "strike", "mark_price", "bid", "ask", "mark_iv"}
)

LAYOUTS = (
    Layout(
        name="okx",
        required=_DAILY | {"delta", "gamma", "underlying_price"},
        time="snapshot_utc",
        label=label_column("underlying"),
        label_columns=("underlying",),
        stamp=_stamp,
        contracts=_okx_daily,
        product=crypto_product,
    ),
    Layout(
        name="deribit",
        required=_DAILY | {"underlying_price"},
        time="snapshot_utc",
        label=label_column("underlying"),
        label_columns=("underlying",),
        stamp=_stamp,
        contracts=_deribit_daily,
        product=crypto_product,
    ),
    Layout(
        name="deribit-greeks",
        required=frozenset(
            {"date", "instrument_name", "expiry_date", "strike", "mark_iv", "delta", "open_interest", "right"}
        ),
        time="date",
        label=label_instrument("instrument_name"),
        label_columns=("instrument_name",),
        stamp=_stamp,
        contracts=_deribit_hourly,
        product=crypto_product,
    ),
)
