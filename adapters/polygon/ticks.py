"""Trades and quotes of one ticker as batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.polygon.client import PolygonClient
from adapters.polygon.tickers import SOURCE, contract_of, flag_of
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TradeRows
from market.chains import FloatArray
from market.errors import ConfigError
from market.trades import CONSOLIDATED, UNDERLYING, Int64Array, QuoteBatch, TradeBatch

__all__ = ["fetch_quotes", "fetch_trades"]

_LIMIT: Final = 50_000


def fetch_trades(
    client: PolygonClient,
    symbol: str,
    start_ns: int,
    end_ns: int,
    *,
    ticker: str | None = None,
    tally: Tally | None = None,
) -> Iterator[TradeBatch]:
    """Fetch trades from `start_ns` up to, but not at, `end_ns`.

    Parameters
    ----------
    client : PolygonClient
        The client.
    symbol : str
        Underlying.
    start_ns, end_ns : int
        By the tape's own stamps, ns since the epoch, UTC.
    ticker : str, optional
        The vendor's name, such as ``O:SPY251231C00600000``; the symbol by default.
    tally : Tally, optional
        Counts the rows.

    Yields
    ------
    TradeBatch
        At most 50,000 trades each, in order of time and, within an instant, of the tape's sequence.

    Raises
    ------
    VenueError
        The vendor refused, or failed in every try.
    """
    name, counts = ticker or symbol, Tally() if tally is None else tally
    contracts, place = contract_of(name, start_ns)
    writer = RowWriter(symbol=symbol, source=f"{SOURCE}-trades", path=Path(name.replace(":", "_")))
    for rows in _pieces(client, "list_trades", name, start_ns, end_ns):
        columns = TradeRows(
            contract=np.full(len(rows), place, dtype=np.int32),
            ts_ns=_whole(rows, "sip_timestamp", 0),
            price=_numbers(rows, "price"),
            size=_numbers(rows, "size"),
            trade_id=_whole(rows, "sequence_number", -1),
            flags=np.array([_flag(row, is_option=place != UNDERLYING) for row in rows], dtype=np.uint8),
            venue=_whole(rows, "exchange", CONSOLIDATED).astype(np.int16),
        )
        yield writer.trades(columns, contracts, counts, {})


def fetch_quotes(
    client: PolygonClient,
    symbol: str,
    start_ns: int,
    end_ns: int,
    *,
    ticker: str | None = None,
    tally: Tally | None = None,
) -> Iterator[QuoteBatch]:
    """Fetch best quotes from `start_ns` up to, but not at, `end_ns`.

    Parameters
    ----------
    client : PolygonClient
        The client.
    symbol : str
        Underlying.
    start_ns, end_ns : int
        By the tape's own stamps, ns since the epoch, UTC.
    ticker : str, optional
        The vendor's name, such as ``O:SPY251231C00600000``; the symbol by default.
    tally : Tally, optional
        Counts the rows.

    Yields
    ------
    QuoteBatch
        At most 50,000 quotes each, in order of time and, within an instant, of the tape's sequence.

    Raises
    ------
    VenueError
        The vendor refused, or failed in every try.
    """
    name, counts = ticker or symbol, Tally() if tally is None else tally
    contracts, place = contract_of(name, start_ns)
    writer = RowWriter(symbol=symbol, source=f"{SOURCE}-quotes", path=Path(name.replace(":", "_")))
    for rows in _pieces(client, "list_quotes", name, start_ns, end_ns):
        columns = QuoteRows(
            contract=np.full(len(rows), place, dtype=np.int32),
            ts_ns=_whole(rows, "sip_timestamp", 0),
            bid=_numbers(rows, "bid_price"),
            ask=_numbers(rows, "ask_price"),
            bid_size=_numbers(rows, "bid_size"),
            ask_size=_numbers(rows, "ask_size"),
        )
        yield writer.quotes(columns, contracts, counts, {})


def _pieces(client: PolygonClient, method: str, ticker: str, start_ns: int, end_ns: int) -> Iterator[list[Any]]:
    if not start_ns < end_ns:
        raise ConfigError(
            "the span of time is empty", found=f"{start_ns} to {end_ns}", expected="a start before the end"
        )
    query = {"timestamp_gte": start_ns, "timestamp_lt": end_ns, "order": "asc", "sort": "timestamp", "limit": _LIMIT}
    found = client.rows(method, ticker, **query)
    while piece := list(islice(found, _LIMIT)):
        yield sorted(piece, key=lambda row: (row.sip_timestamp or 0, row.sequence_number or 0))


def _numbers(rows: list[Any], name: str) -> FloatArray:
    return np.array([np.nan if getattr(row, name) is None else getattr(row, name) for row in rows], dtype=np.float64)


def _whole(rows: list[Any], name: str, default: int) -> Int64Array:
    values = (getattr(row, name) for row in rows)
    return np.array([default if value is None else int(value) for value in values], dtype=np.int64)


def _flag(row: Any, *, is_option: bool) -> int:
    return flag_of(row.conditions, is_option=is_option, exchange=row.exchange, correction=row.correction)
