"""OptionsDX tables: one row per expiration and strike, with the call's columns beside the put's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.chains.assemble import Contracts, SnapshotKey, Spot
from adapters.chains.columns import ColumnReader
from adapters.chains.table import Layout, Stamp, label_file_name, utc_instant
from market.calendars import latest_session
from market.chains import FloatArray
from market.instruments import product_of
from market.provenance import AsOfSource

__all__ = ["LAYOUTS", "root_without_symbol"]

# A table without roots cannot tell AM from PM series; nearly all contracts of these indices are PM-settled.
_PM_ROOTS = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW"}


def root_without_symbol(symbol: str) -> str:
    """Return the root to use for a source that shows neither roots nor contract symbols.

    Parameters
    ----------
    symbol : str
        Underlying.
    """
    return _PM_ROOTS.get(symbol, symbol)


def _stamp(value: object, _rows: pa.Table, symbol: str, path: Path) -> Stamp:
    instant = utc_instant(value, path)
    session = latest_session(product_of(symbol).calendar, instant)
    return Stamp(session=session.day, ts_event_ns=instant, as_of_source=AsOfSource.STAMPED)


def _sizes(reader: ColumnReader, name: str) -> tuple[FloatArray, FloatArray]:
    if not reader.has(name):
        return np.full(reader.n_rows, np.nan), np.full(reader.n_rows, np.nan)
    # Few sizes are written on many rows: each is taken apart once.
    words, codes = reader.words(name)
    bid, _, ask = np.strings.partition(words, b"x")
    return _number(bid)[codes], _number(ask)[codes]


def _number(cells: NDArray[np.bytes_]) -> FloatArray:
    stripped = np.strings.strip(cells)
    numeric = np.strings.isdigit(stripped)
    return np.where(numeric, np.where(numeric, stripped, b"0").astype(np.float64), np.nan)


def _contracts(table: pa.Table, key: SnapshotKey) -> Contracts:
    reader = ColumnReader(table)
    n = reader.n_rows

    def both(name: str) -> FloatArray:
        return np.concatenate([reader.number(f"c_{name}"), reader.number(f"p_{name}")])

    call_bid_size, call_ask_size = _sizes(reader, "c_size")
    put_bid_size, put_ask_size = _sizes(reader, "p_size")
    strike, expiration = reader.number("strike"), reader.day("expire_date")
    spot = reader.number("underlying_last")
    wide: dict[str, Any] = {name: both(name) for name in ("bid", "ask", "last", "volume", "iv", "delta", "gamma")}
    return Contracts(
        root=np.full(2 * n, root_without_symbol(key.symbol).encode()),
        expiration=np.concatenate([expiration, expiration]),
        right=np.repeat(np.array([1, 0], dtype=np.int8), n),
        strike=np.concatenate([strike, strike]),
        bad=np.concatenate([reader.bad, reader.bad]),
        **wide,
        bid_size=np.concatenate([call_bid_size, put_bid_size]),
        ask_size=np.concatenate([call_ask_size, put_ask_size]),
        spot=Spot(last=float(spot[0])),
    )


LAYOUTS = (
    Layout(
        name="optionsdx",
        required=frozenset(
            {"quote_unixtime", "underlying_last", "expire_date", "strike", "c_bid", "c_ask", "p_bid", "p_ask"}
        ),
        time="quote_unixtime",
        label=label_file_name,
        stamp=_stamp,
        contracts=_contracts,
        contracts_per_row=2,
    ),
)
