"""Cboe's delayed-quote JSON: the richest public form of a US chain."""

from __future__ import annotations

import codecs
import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from adapters.chains.assemble import Contracts, SnapshotKey, Spot, assemble
from adapters.chains.occ import parse_occ
from adapters.chains.source import SourceFile, foreign_errors
from adapters.chains.table import SingleSource
from market.calendars import latest_session
from market.chains import FloatArray
from market.clock import ns_of_datetime
from market.errors import DataError
from market.instruments import product_of
from market.provenance import AsOfSource

__all__ = ["read_delayed_quotes"]

_EASTERN = ZoneInfo("America/New_York")


class _Option(msgspec.Struct):
    option: str
    bid: float | None = None
    bid_size: float | None = None
    ask: float | None = None
    ask_size: float | None = None
    iv: float | None = None
    open_interest: float | None = None
    volume: float | None = None
    delta: float | None = None
    gamma: float | None = None
    last_trade_price: float | None = None


class _Data(msgspec.Struct):
    options: list[_Option]
    symbol: str | None = None
    current_price: float | None = None
    bid: float | None = None
    ask: float | None = None
    last_trade_time: str | None = None


class _Document(msgspec.Struct):
    timestamp: str
    data: _Data
    symbol: str | None = None


def read_delayed_quotes(source: SourceFile) -> SingleSource:
    """Read a Cboe delayed-quote document.

    Parameters
    ----------
    source : SourceFile
        The file.

    Returns
    -------
    SingleSource
        Its one snapshot.
    """
    content = source.read()
    with foreign_errors(source.path, what="the JSON is not a Cboe delayed-quote document"):
        document = msgspec.json.decode(content.removeprefix(codecs.BOM_UTF8), type=_Document, strict=True)
        key = _key(document, source)
        contracts = _contracts(document.data)
        chain = assemble(contracts, key, source="cboe-delayed-quotes", path=source.path)
    return SingleSource(path=source.path, chain=chain)


def _key(document: _Document, source: SourceFile) -> SnapshotKey:
    symbol = (document.data.symbol or document.symbol or "").lstrip("^_").upper()
    if not symbol or not document.data.options:
        raise DataError(
            "the document has no symbol or no options",
            path=str(source.path),
            found=f"symbol {symbol!r}, {len(document.data.options)} options",
            expected="data.symbol and data.options",
            action="fetch the document again",
        )
    instant = ns_of_datetime(datetime.fromisoformat(document.timestamp).replace(tzinfo=UTC))
    session = latest_session(product_of(symbol).calendar, instant)
    return SnapshotKey(
        symbol=symbol,
        session=session.day,
        ts_event_ns=instant,
        as_of_source=AsOfSource.STAMPED,
        n_contracts=len(document.data.options),
    )


def _contracts(data: _Data) -> Contracts:
    options = data.options

    def column(name: str) -> FloatArray:
        return np.array([getattr(option, name) for option in options], dtype=np.float64)

    symbols = np.array([option.option.encode("ascii", "replace") for option in options], dtype=np.bytes_)
    occ = parse_occ(symbols)
    plain = ("bid", "ask", "bid_size", "ask_size", "iv", "open_interest", "volume", "delta", "gamma")
    columns: dict[str, Any] = {name: column(name) for name in plain}
    return Contracts(
        root=occ.root,
        expiration=occ.expiration,
        right=occ.right,
        strike=occ.strike,
        bad=~occ.valid,
        **columns,
        last=column("last_trade_price"),
        symbols=symbols,
        spot=Spot(
            last=_or_nan(data.current_price),
            bid=_or_nan(data.bid),
            ask=_or_nan(data.ask),
            ts_ns=_spot_instant(data.last_trade_time),
        ),
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _spot_instant(text: str | None) -> int | None:
    return None if text is None else ns_of_datetime(datetime.fromisoformat(text).replace(tzinfo=_EASTERN))
