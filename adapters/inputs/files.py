"""Files of inputs, recognised by their columns: bars, funding, rates, indices, calendars and news."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from adapters.chains.source import foreign_errors
from adapters.encoded.messages import known_ns_of
from adapters.inputs.news import LINES, read_news
from adapters.inputs.timeline import ToldRows
from adapters.rates import PUBLISHED, read_events, read_series
from adapters.store.kinds import DataKind
from adapters.store.layouts import layout_of, rows_by_symbol
from adapters.store.manifest import Segment
from adapters.store.published import published
from market.errors import DataError
from market.ports import ContextMessage
from market.trades import Int64Array

__all__ = ["read_inputs"]

_TABLES: Final = frozenset({DataKind.BARS, DataKind.FUNDING})


def read_inputs(path: Path, *, announced_ahead: timedelta = timedelta(0)) -> tuple[ToldRows, ...]:
    """Read a file of inputs.

    Parameters
    ----------
    path : Path
        A calendar has ``event_time`` and ``kind`` (`adapters.rates.read_events`), news have ``headline``
        (`adapters.inputs.news.read_news`), bars and funding are tables that the store imports as well, and everything
        else is read by `adapters.rates.read_series`.
    announced_ahead : datetime.timedelta
        For events without ``known_time``: how long before the event it was known.

    Returns
    -------
    tuple of ToldRows
        One per series, symbol, calendar or news file.
    """
    if path.suffix in LINES:
        return (ToldRows.of(read_news(path)),)
    names = _names(path)
    if {"event_time", "kind"} <= names:
        return (ToldRows.of(read_events(path, announced_ahead=announced_ahead)),)
    if "headline" in names:
        return (ToldRows.of(read_news(path)),)
    return tuple(ToldRows.of(series) for series in read_series(path)) if _is_series(path, names) else _tables(path)


def _is_series(path: Path, names: set[str]) -> bool:
    """Return whether a file holds series: bars have a high and a low, but so does an index's own history."""
    stem = path.name.split(".")[0].lower().removesuffix("_history")
    is_bars = {"high", "low"} <= names or {"h", "l"} <= names
    return "index" in names or stem in PUBLISHED or not (is_bars or "funding_rate" in names)


def _names(path: Path) -> set[str]:
    with foreign_errors(path, what="the columns cannot be read"):
        if path.suffix == ".parquet":
            found = pq.read_schema(path).names
        else:
            with pc.open_csv(path) as reader:
                found = reader.schema.names
    return {name.strip().lower() for name in found}


def _tables(path: Path) -> tuple[ToldRows, ...]:
    with foreign_errors(path, what="the rows cannot be read"):
        table = pq.read_table(path) if path.suffix == ".parquet" else pc.read_csv(path)
    table = table.rename_columns([name.strip().lower() for name in table.column_names])
    layout = layout_of(table, path)
    if layout.kind not in _TABLES:
        raise DataError(
            "the file feeds no input",
            path=str(path),
            found=layout.kind.value,
            expected="bars, funding, a series, a calendar or news",
            action="leave it out, or import it into a store",
        )
    with foreign_errors(path, what="the rows cannot be read"):  # a word where a number belongs
        by_symbol = rows_by_symbol(layout, table, path)
        return tuple(_told(layout.kind, symbol, rows, path) for symbol, rows in by_symbol.items())


def _told(kind: DataKind, symbol: str, rows: pa.Table, path: Path) -> ToldRows:
    rows = rows.take(pa.array(np.argsort(rows["event_ns"].to_numpy(), kind="stable")))
    known: Int64Array = rows["known_ns"].to_numpy().astype(np.int64)
    message = cast("ContextMessage", published(kind, _segment(symbol, path, rows), rows))
    return ToldRows(message=message, known_ns=np.maximum(known, known_ns_of(message)))


def _segment(symbol: str, path: Path, rows: pa.Table) -> Segment:
    event, known = rows["event_ns"].to_numpy(), rows["known_ns"].to_numpy()
    return Segment(
        path=str(path),
        symbol=symbol,
        period="",
        source="inputs-file",
        sha256="",
        n_rows=rows.num_rows,
        n_bytes=rows.nbytes,
        first_event_ns=int(event.min()),
        last_event_ns=int(event.max()),
        first_known_ns=int(known.min()),
        last_known_ns=int(known.max()),
        revises=False,
        simulated=False,
        origin=path.name,
    )
