"""Tables of vendors and publishers as tables of the store: which column is the instant, whose rows, known from when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.store.gaps import calendar_of
from adapters.store.kinds import DataKind
from adapters.store.published import INTERVAL
from adapters.ticks.tables import eastern_ns, words
from market.calendars import sessions_between
from market.clock import datetime_of_ns
from market.errors import DataError
from market.funding import payment_intervals
from market.trades import Int64Array

if TYPE_CHECKING:
    from adapters.rates.publication import PublicationRule

__all__ = ["TableLayout", "layout_of", "rows_by_symbol"]

_DAY_NS: Final = 86_400_000_000_000
_MINUTE_NS: Final = 60_000_000_000
_TIMES: Final = ("ts_start_utc", "time_et", "snapshot_et", "funding_time", "local_ts_ns", "timestamp", "time", "date")
_DATES: Final = ("session_date", "session")
_UTC: Final = frozenset({"ts_start_utc", "funding_time", "local_ts_ns"})
_SHORT: Final = {"o": "open", "h": "high", "l": "low", "c": "close"}
_SYMBOLS: Final = ("symbol", "underlying", "index", "pair", "asset")
_VENUES: Final = ("exchange", "venue")
_NO_SYMBOLS: Final = frozenset(
    {
        *("binance", "bybit", "okx", "deribit", "spot", "usdm", "perp", "lean", "cboe", "fred", "fed", "polygon"),
        *("option", "options", "minute", "hour", "daily", "quote", "trade", "funding", "multi", "underlying"),
        *("history", "historical", "put", "call", "ratios", "vol", "indices", "factor", "file", "snapshot", "chain"),
    }
)
# Whose printing day is not known: rates wait for the afternoon release, levels for the close of the index options.
_LATEST_RULE: Final = {DataKind.RATES: "dff", DataKind.INDEX_LEVELS: "vix"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """How a table is read.

    Parameters
    ----------
    kind : DataKind
        What it holds.
    time : str
        Column of the instants.
    eastern : bool
        Whether they are wall clock of New York; UTC otherwise.
    symbol : str
        Whose rows, where no column says it.
    symbol_columns : tuple of str
        Columns that say it: venue, name and contract.
    length_ns : int or None
        Length of the bars; None where there are none, or where a column holds their end.
    renamed : tuple of (str, str)
        Columns that get another name.
    """

    kind: DataKind
    time: str
    eastern: bool
    symbol: str
    symbol_columns: tuple[str, ...]
    length_ns: int | None
    renamed: tuple[tuple[str, str], ...] = ()


def layout_of(sample: pa.Table, path: Path, *, symbol: str | None = None, eastern: bool | None = None) -> TableLayout:
    """Recognise a table by its columns.

    Parameters
    ----------
    sample : pyarrow.Table
        Its first rows.
    path : Path
        Its name tells the symbol where no column does.
    symbol : str, optional
        Whose rows; overrules the name of the file.
    eastern : bool, optional
        Zone of its instants; without it and where the column has no zone of its own, a column of that name, an option
        contract or a share says New York.

    Returns
    -------
    TableLayout
        A table that has an instant and is none of the known kinds is kept as it is (`DataKind.TABLES`).
    """
    names = set(sample.column_names)
    time = next((name for name in (*_TIMES, *_DATES) if name in names), None)
    if time is None:
        raise DataError(
            "the table has no instant",
            path=str(path),
            found=", ".join(sample.column_names),
            expected=f"one of {', '.join((*_TIMES, *_DATES))}",
            action="name the column of the instants so",
        )
    kind, renamed = _kind(names)
    name = symbol or _file_symbol(path, kind, sample.column_names)
    columns = _symbol_columns(names)
    options = "strike" in names or ("ticker" in names and kind is DataKind.BARS)
    if options and kind in {DataKind.BARS, DataKind.QUOTE_BARS, DataKind.OPEN_INTEREST} and not columns:
        name = f"{name}-OPTIONS"
    first = name if not columns else str(_symbols(sample, columns)[0]) if sample.num_rows else name
    # What a column says of its own zone is not doubted.
    is_told = time in _UTC or bool(getattr(sample[time].type, "tz", None))
    zone = eastern if eastern is not None else not is_told and (options or calendar_of(first) != "24/7")
    length = None
    if kind in {DataKind.BARS, DataKind.QUOTE_BARS} and "ts_end_utc" not in names:
        length = _length(_wall(sample[time]).astype(np.int64), _symbols(sample, columns) if columns else None, path)
    if kind is DataKind.RATES:
        rate = next(name for name in sample.column_names if name.endswith("_pct"))
        renamed = ((rate, "rate_pct"),)
    return TableLayout(
        kind=kind,
        time=time,
        eastern=zone,
        symbol=name,
        symbol_columns=columns,
        length_ns=length,
        renamed=renamed,
    )


def _kind(names: set[str]) -> tuple[DataKind, tuple[tuple[str, str], ...]]:
    rate = "date" in names and any(name.endswith("_pct") for name in names) and len(names) <= 4
    rules = (
        ({"close_bid", "close_ask"} <= names, DataKind.QUOTE_BARS),
        ({"open", "high", "low", "close", "index"} <= names, DataKind.INDEX_LEVELS),
        ({"open", "high", "low", "close"} <= names or set(_SHORT) <= names, DataKind.BARS),
        ("funding_rate" in names, DataKind.FUNDING),
        ({"open_interest", "strike"} <= names, DataKind.OPEN_INTEREST),
        (rate, DataKind.RATES),
    )
    kind = next((kind for holds, kind in rules if holds), DataKind.TABLES)
    return kind, tuple(_SHORT.items()) if kind is DataKind.BARS and "open" not in names else ()


def _file_symbol(path: Path, kind: DataKind, names: list[str]) -> str:
    if kind is DataKind.RATES:
        return next(name for name in names if name.endswith("_pct")).removesuffix("_pct").upper()
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", path.name.split(".", maxsplit=1)[0]) if part]
    chosen = [p for p in parts if p.lower() not in _NO_SYMBOLS and not p[0].isdigit()]
    if kind is DataKind.TABLES:
        return "-".join(parts).upper()
    market = next((f"-{p.upper()}" for p in parts if p.lower() in {"spot", "perp", "usdm"}), "")
    return f"{(chosen or parts or [path.stem])[0].upper()}{market}"


def _symbol_columns(names: set[str]) -> tuple[str, ...]:
    venue = next((name for name in _VENUES if name in names), None)
    symbol = next((name for name in _SYMBOLS if name in names), None)
    if symbol is None:
        return ()
    contract = "contract" if "contract" in names else None
    return tuple(name for name in (venue, symbol, contract) if name is not None)


def _symbols(table: pa.Table, columns: tuple[str, ...]) -> NDArray[np.str_]:
    found = words(table, columns[0])
    for place, name in enumerate(columns[1:], start=1):
        mark = ":" if columns[0] in _VENUES and place == 1 else "-"
        found = np.char.add(np.char.add(found, mark), words(table, name))
    return np.asarray(found)


def _wall(column: pa.ChunkedArray) -> NDArray[np.datetime64]:
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy().astype("datetime64[ns]"))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.timestamp("ns"))
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp("ns", tz="UTC")).cast(pa.timestamp("ns"))
    return np.asarray(column.cast(pa.timestamp("ns"), safe=False).to_numpy().astype("datetime64[ns]"))


def _length(wall_ns: Int64Array, symbols: NDArray[np.str_] | None, path: Path) -> int:
    """Return the most frequent distance of neighbours."""
    groups = [wall_ns] if symbols is None else [wall_ns[symbols == name] for name in np.unique(symbols)]
    steps = np.concatenate([wall_ns[:0], *(np.diff(np.unique(group)) for group in groups)])
    if not steps.size:
        raise DataError(
            "the length of the bars cannot be told",
            path=str(path),
            found="bars at one instant only" if wall_ns.size else "heads without a row",
            expected="two instants or more",
            action="import more bars at once",
        )
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def rows_by_symbol(layout: TableLayout, piece: pa.Table, path: Path) -> dict[str, pa.Table]:
    """Return the rows of a piece as tables of the store, by symbol.

    Parameters
    ----------
    layout : TableLayout
        How to read them.
    piece : pyarrow.Table
        Rows of the source.
    path : Path
        For errors.

    Returns
    -------
    dict of str to pyarrow.Table
        All columns of the source, in its order, with ``event_ns`` and ``known_ns``, ``length_ns`` for bars, and for
        funding ``interval_ns``, the time that each payment is for.
    """
    wall = _wall(piece[layout.time])
    missing = np.flatnonzero(np.isnat(wall))
    if missing.size:
        raise DataError(
            "a row has no instant",
            path=str(path),
            row=int(missing[0]) + 1,
            found="an empty cell",
            expected=f"a time in the column {layout.time}",
            action="remove the row or complete it",
        )
    names = _symbols(piece, layout.symbol_columns) if layout.symbol_columns else np.full(wall.size, layout.symbol)
    event = _event(layout, wall)
    table = piece.rename_columns([dict(layout.renamed).get(name, name) for name in piece.column_names])
    table = table.append_column("event_ns", pa.array(event))
    lengths = _lengths(layout, piece, event)
    if lengths is not None:
        table = table.append_column("length_ns", pa.array(lengths))
    found: dict[str, pa.Table] = {}
    for name in np.unique(names).tolist():
        rows = names == name
        known = _known(layout, name, event[rows], None if lengths is None else lengths[rows])
        part = table if rows.all() else table.filter(pa.array(rows))
        if layout.kind is DataKind.FUNDING and INTERVAL not in part.column_names:
            part = part.append_column(INTERVAL, _intervals(event[rows]))
        found[name] = part.append_column("known_ns", pa.array(known))
    return found


def _intervals(event: Int64Array) -> pa.Array:
    """Return for each payment the time since the one before; empty where there is only one."""
    paid = np.unique(event)
    if paid.size < 2:
        return pa.nulls(event.size, pa.int64())
    # Payments are stamped some milliseconds late.
    steps, counts = np.unique((np.diff(paid) + _MINUTE_NS // 2) // _MINUTE_NS * _MINUTE_NS, return_counts=True)
    found = payment_intervals(paid, before_ns=0, declared_ns=int(steps[np.argmax(counts)]))
    return pa.array(found[np.searchsorted(paid, event)])


def _event(layout: TableLayout, wall: NDArray[np.datetime64]) -> Int64Array:
    stamps: Int64Array = wall.astype("datetime64[ns]").astype(np.int64)
    # A date is a label, not an instant: it stays the midnight that every reader will print as this date.
    if not layout.eastern or _dated(layout, stamps):
        return stamps
    return eastern_ns(wall)


def _dated(layout: TableLayout, stamps: Int64Array) -> bool:
    if layout.length_ns is not None:
        return layout.length_ns % _DAY_NS == 0
    return layout.time not in _UTC and bool((stamps % _DAY_NS == 0).all())


def _lengths(layout: TableLayout, piece: pa.Table, event: Int64Array) -> Int64Array | None:
    if layout.length_ns is not None:
        return np.full(event.size, layout.length_ns, dtype=np.int64)
    if layout.kind is DataKind.BARS:
        return np.asarray(np.maximum(_wall(piece["ts_end_utc"]).astype(np.int64) - event, 0))
    return None


def _known(layout: TableLayout, symbol: str, event: Int64Array, lengths: Int64Array | None) -> Int64Array:
    ends = event if lengths is None else event + lengths
    if not _dated(layout, event):
        return ends
    rule = _rule(layout, symbol)
    if rule is not None:
        days, codes = np.unique(event // _DAY_NS, return_inverse=True)
        printed = [rule.available_ns(datetime_of_ns(int(day) * _DAY_NS).date()) for day in days]
        return np.array(printed, dtype=np.int64)[codes.reshape(-1)]
    if calendar_of(symbol) == "24/7":
        return event + _DAY_NS if lengths is None else ends  # what bears a date can change until its day is over
    # A line of a date is published after that day; the morning after is the earliest that all vendors have it.
    return _after_session(event, opens=layout.kind is DataKind.TABLES)


def _rule(layout: TableLayout, symbol: str) -> PublicationRule | None:
    """Return when the publisher of a dated rate or level prints it; None for all else."""
    latest = _LATEST_RULE.get(layout.kind)
    if latest is None:
        return None
    from adapters.rates.publication import PUBLISHED  # its calendar imports pandas, half a second at the start

    column = next((old for old, new in layout.renamed if new == "rate_pct"), symbol)
    return PUBLISHED.get(column.lower(), PUBLISHED[latest]).rule


def _after_session(event: Int64Array, *, opens: bool) -> Int64Array:
    """Return for dates the close of their session, or the open of the next one; at a holiday always the latter."""
    days, codes = np.unique(event // _DAY_NS, return_inverse=True)
    first, last = (datetime_of_ns(int(day) * _DAY_NS).date() for day in (days[0], days[-1]))
    sessions: tuple[Any, ...] = sessions_between("NYSE", first, min(last, datetime_of_ns(2**62).date()) + timedelta(14))
    starts = np.array([np.datetime64(s.day).astype(np.int64) for s in sessions], dtype=np.int64)
    place = np.searchsorted(starts, days, side="right" if opens else "left")
    held = starts[np.minimum(place, starts.size - 1)] == days
    instants = [
        s.close_ns if same and not opens else s.open_ns
        for s, same in ((sessions[p], h) for p, h in zip(place, held, strict=True))
    ]
    return np.array(instants, dtype=np.int64)[codes.reshape(-1)]
