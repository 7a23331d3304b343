"""Aggregates as bars."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, Final

import numpy as np

from adapters.polygon.client import PolygonClient
from adapters.polygon.tickers import SOURCE, contract_of
from market.bars import BarBatch
from market.calendars import session_on
from market.chains import FloatArray
from market.clock import datetime_of_ns, ns_of_utc_midnight
from market.errors import ConfigError
from market.instruments import product_of
from market.provenance import AsOfSource, Provenance
from market.trades import Int64Array

__all__ = ["BarSpan", "fetch_bars"]

_LIMIT: Final = 50_000
_MS_NS: Final = 1_000_000


class BarSpan(StrEnum):
    """The unit of a bar's length."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


_LENGTH_NS: Final = {BarSpan.MINUTE: 60_000_000_000, BarSpan.HOUR: 3_600_000_000_000}


def fetch_bars(
    client: PolygonClient,
    symbol: str,
    first: date,
    last: date,
    *,
    as_of_ns: int,
    span: BarSpan = BarSpan.MINUTE,
    multiplier: int = 1,
    ticker: str | None = None,
) -> BarBatch:
    """Fetch bars as they were printed, without adjustment for later splits.

    Parameters
    ----------
    client : PolygonClient
        The client.
    symbol : str
        Underlying.
    first, last : datetime.date
        Days, both included.
    as_of_ns : int
        Now, ns since the epoch, UTC: a bar that ends later is still under way and is left out.
    span : BarSpan
        Unit of a bar's length.
    multiplier : int
        How many units, > 0; 1 for days.
    ticker : str, optional
        The vendor's name, such as ``I:SPX`` or ``O:SPY251231C00600000``; the symbol by default.

    Returns
    -------
    BarBatch
        In order of time. A daily bar spans its session.

    Raises
    ------
    VenueError
        The vendor refused, or failed in every try.
    """
    if multiplier < 1 or (span is BarSpan.DAY and multiplier != 1):
        raise ConfigError("bars cannot be that long", found=f"{multiplier} {span}", expected="1 day, or n >= 1 units")
    name = ticker or symbol
    contracts, place = contract_of(name, ns_of_utc_midnight(first))
    found = client.rows(
        "list_aggs", name, multiplier, span.value, first, last, adjusted=False, sort="asc", limit=_LIMIT
    )
    rows = [row for row in found if row.timestamp is not None]
    stamps = np.array([row.timestamp for row in rows], dtype=np.int64) * _MS_NS
    start, end = (
        _session_spans(stamps, symbol) if span is BarSpan.DAY else _spans(stamps, _LENGTH_NS[span] * multiplier)
    )
    keep = np.flatnonzero((end > start) & (end <= as_of_ns))
    keep = keep[np.argsort(start[keep], kind="stable")]
    return BarBatch(
        symbol=symbol,
        ts_event_ns=int(end[keep].max()) if keep.size else 0,
        cause_id=f"{SOURCE}:aggs:{name}:{first}:{last}",
        provenance=Provenance(source=f"{SOURCE}-aggs", origin=name, simulated=False, as_of_source=AsOfSource.STAMPED),
        contracts=contracts,
        contract=np.full(keep.size, place, dtype=np.int32),
        start_ns=start[keep],
        end_ns=end[keep],
        **{name: _numbers(rows, name)[keep] for name in ("open", "high", "low", "close", "volume", "vwap")},
        n_trades=_numbers(rows, "transactions")[keep],
    )


def _numbers(rows: list[Any], name: str) -> FloatArray:
    return np.array([np.nan if getattr(row, name) is None else getattr(row, name) for row in rows], dtype=np.float64)


def _spans(stamps: Int64Array, length_ns: int) -> tuple[Int64Array, Int64Array]:
    return stamps, stamps + length_ns


def _session_spans(stamps: Int64Array, symbol: str) -> tuple[Int64Array, Int64Array]:
    # A daily bar is stamped with the midnight of New York; where the calendar knows no session it is no bar.
    calendar = product_of(symbol).calendar
    sessions = [session_on(calendar, datetime_of_ns(int(stamp)).date()) for stamp in stamps]
    start = np.array([0 if session is None else session.open_ns for session in sessions], dtype=np.int64)
    end = np.array([0 if session is None else session.close_ns for session in sessions], dtype=np.int64)
    return start, end
