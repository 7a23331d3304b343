"""Imported tables as messages of the vocabulary, so that one call reads what a vendor told and what a file held."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from adapters.chains.occ import parse_occ
from adapters.store.gaps import calendar_of
from adapters.store.kinds import DataKind
from adapters.store.manifest import Segment
from market.bars import BarBatch
from market.calendars import expiry_series, session_on
from market.chains import BoolArray, FloatArray, IntArray
from market.clock import datetime_of_ns
from market.errors import DataError
from market.funding import FundingBatch
from market.instruments import ExpirySeries, product_of
from market.provenance import AsOfSource, Provenance
from market.series import SeriesBatch, SeriesUnit
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, Int64Array

__all__ = ["INTERVAL", "OPTIONS_SUFFIX", "READABLE", "published", "usable"]

OPTIONS_SUFFIX: Final = "-OPTIONS"
"""What the symbol of a table of option bars ends in."""

INTERVAL: Final = "interval_ns"
"""Column of a table of funding: the time that each payment is for."""

READABLE: Final = frozenset({DataKind.BARS, DataKind.FUNDING, DataKind.RATES, DataKind.INDEX_LEVELS})
"""Kinds whose imported tables can be told as messages."""

_DAY_NS: Final = 86_400_000_000_000
_SERIES: Final[dict[DataKind, tuple[str, float, SeriesUnit]]] = {
    DataKind.RATES: ("rate_pct", 0.01, SeriesUnit.FRACTION_PER_YEAR),
    DataKind.INDEX_LEVELS: ("close", 1.0, SeriesUnit.INDEX_POINTS),
}
_CALL_WORDS: Final = ("c", "call")


def published(kind: DataKind, segment: Segment, table: pa.Table) -> Any:
    """Return rows of an imported table as a message.

    Parameters
    ----------
    kind : DataKind
        One of `READABLE`.
    segment : Segment
        The file that holds the rows: whose they are, and where they come from.
    table : pyarrow.Table
        Rows, at least one.

    Returns
    -------
    BarBatch, FundingBatch or SeriesBatch
        Bars of a listed share's day open and close with its session; of all else a bar begins at ``event_ns`` and
        lasts ``length_ns``. Rates are fractions per year, levels index points; a row without a value is counted in
        `n_missing`.
    """
    if kind is DataKind.BARS:
        return _bars(segment, table)
    if kind is DataKind.FUNDING:
        return _funding(segment, table)
    return _series(kind, segment, table)


def _head(segment: Segment, table: pa.Table) -> dict[str, Any]:
    return {
        "ts_event_ns": int(pc.max(table["known_ns"]).as_py()),
        "cause_id": segment.origin,
        "provenance": Provenance(
            source=segment.source,
            origin=segment.origin,
            simulated=segment.simulated,
            as_of_source=AsOfSource.STAMPED,
        ),
    }


def _numbers(table: pa.Table, *names: str) -> FloatArray:
    name = next((name for name in names if name in table.column_names), None)
    if name is None:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _whole(table: pa.Table, name: str) -> Int64Array:
    return np.asarray(table[name].to_numpy(), dtype=np.int64)


def _bars(segment: Segment, table: pa.Table) -> BarBatch:
    symbol = segment.symbol.removesuffix(OPTIONS_SUFFIX)
    start, end = _spans(symbol, _whole(table, "event_ns"), _whole(table, "length_ns"))
    contracts, contract = _contracts(symbol, table)
    return BarBatch(
        symbol=symbol,
        **_head(segment, table),
        contracts=contracts,
        contract=contract,
        start_ns=start,
        end_ns=end,
        open=_numbers(table, "open"),
        high=_numbers(table, "high"),
        low=_numbers(table, "low"),
        close=_numbers(table, "close"),
        volume=_numbers(table, "volume", "v"),
        vwap=_numbers(table, "vwap"),
        n_trades=_numbers(table, "transactions", "n_trades"),
    )


def _spans(symbol: str, event: Int64Array, length: Int64Array) -> tuple[Int64Array, Int64Array]:
    start, end = event.copy(), event + np.maximum(length, 1)  # a bar by volume may begin and end in one instant
    if calendar_of(symbol) == "24/7":
        return start, end
    for row in np.flatnonzero((length == _DAY_NS) & (event % _DAY_NS == 0)).tolist():
        session = session_on("NYSE", datetime_of_ns(int(event[row])).date())
        if session is not None:
            start[row], end[row] = session.open_ns, session.close_ns
    return start, end


def _contracts(symbol: str, table: pa.Table) -> tuple[ContractTable, IntArray]:
    if "ticker" in table.column_names:
        names = np.asarray(table["ticker"].cast(pa.string()).to_pylist(), dtype=np.bytes_)
        parsed = parse_occ(names)
        roots, days, strike, is_call = parsed.root.astype(np.str_), parsed.expiration, parsed.strike, parsed.right == 1
        if not parsed.valid.all():
            raise _unreadable(symbol, f"{names[~parsed.valid][0]!r}")
    elif {"expiration", "strike", "right"} <= set(table.column_names):
        column = table["expiration"].cast(pa.string()).to_pylist()
        days = np.array([str(day)[:10] for day in column], dtype="datetime64[D]")
        strike = _numbers(table, "strike")
        is_call = np.array([str(word).lower() in _CALL_WORDS for word in table["right"].to_pylist()])
        roots = np.array(table["root"].to_pylist() if "root" in table.column_names else [symbol] * table.num_rows)
    else:
        return ContractTable.empty(), np.full(table.num_rows, UNDERLYING, dtype=np.int32)
    return _numbered(roots, days, strike, is_call)


def _numbered(
    roots: NDArray[np.str_], days: NDArray[np.datetime64], strike: FloatArray, is_call: BoolArray
) -> tuple[ContractTable, IntArray]:
    names, code = np.unique(roots, return_inverse=True)
    key = np.stack([code.reshape(-1).astype(np.float64), days.astype(np.int64).astype(np.float64), strike, is_call])
    found, contract = np.unique(key, axis=1, return_inverse=True)
    place: dict[ExpirySeries, int] = {}
    index = []
    for root, day in zip(found[0].astype(np.int64).tolist(), found[1].astype(np.int64).tolist(), strict=True):
        series = expiry_series(product_of(str(names[root])), date.fromordinal(day + date(1970, 1, 1).toordinal()))
        index.append(place.setdefault(series, len(place)))
    table = ContractTable(
        series=tuple(place),
        series_index=np.array(index, dtype=np.int32),
        strike=found[2].copy(),
        is_call=found[3] == 1.0,
    )
    return table, contract.reshape(-1).astype(np.int32)


def _funding(segment: Segment, table: pa.Table) -> FundingBatch:
    interval = _numbers(table, INTERVAL)
    if not np.isfinite(interval).all():
        raise DataError(
            f"the funding interval of {segment.symbol} cannot be told",
            path=segment.path,
            found="one payment",
            expected="two payments or more in a file",
            action="import more payments at once",
        )
    event = _whole(table, "event_ns")
    return FundingBatch(
        symbol=segment.symbol,
        **_head(segment, table),
        ts_ns=event,
        funding_ns=event,
        interval_ns=interval.astype(np.int64),
        rate=_numbers(table, "funding_rate"),
        is_settled=np.ones(event.size, dtype=np.bool_),
        mark=_numbers(table, "mark_price", "mark"),
        index=_numbers(table, "index_price", "index"),
        venue=np.full(event.size, CONSOLIDATED, dtype=np.int16),
    )


def _series(kind: DataKind, segment: Segment, table: pa.Table) -> SeriesBatch:
    name, scale, unit = _SERIES[kind]
    value = _numbers(table, name) * scale
    rows = usable(kind, table)
    return SeriesBatch(
        series=segment.symbol,
        unit=unit,
        **_head(segment, table),
        event_ns=_whole(table, "event_ns")[rows],
        available_ns=_whole(table, "known_ns")[rows],
        value=value[rows],
        n_missing=value.size - rows.size,
    )


def usable(kind: DataKind, table: pa.Table) -> Int64Array:
    """Return which rows of an imported table the message has, in its order; a series leaves out what has no value."""
    if kind not in _SERIES:
        return np.arange(table.num_rows)
    rows = np.flatnonzero(np.isfinite(_numbers(table, _SERIES[kind][0])))
    event, known = _whole(table, "event_ns")[rows], _whole(table, "known_ns")[rows]
    return np.asarray(rows[np.lexsort((known, event))])


def _unreadable(symbol: str, found: str) -> DataError:
    return DataError(
        f"the contracts of the bars of {symbol} cannot be read",
        found=found,
        expected="contract symbols such as O:SPY250829C00640000",
        action="correct the table and import it again",
    )
