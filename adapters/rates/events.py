"""Files of announced events: meetings, releases, earnings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.rates.tables import instants_of, numbers_of, read_table, words_of
from market.chains import FloatArray
from market.errors import DataError
from market.provenance import AsOfSource, Provenance
from market.series import EventBatch, EventKind

__all__ = ["read_events"]

_REQUIRED: Final = ("event_time", "kind")


def read_events(path: Path, *, zone: str = "America/New_York", announced_ahead: timedelta = timedelta(0)) -> EventBatch:
    """Read a calendar of events.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.csv.gz`` or ``.parquet`` with the columns ``event_time`` (ISO 8601) and ``kind`` (`EventKind`);
        optional are ``known_time`` (when the row was published), ``event_id``, ``symbol``, ``name``, ``forecast`` and
        ``actual``. The rows may stand in any order.
    zone : str
        Time zone of times that name none.
    announced_ahead : datetime.timedelta
        For rows without ``known_time`` and without an outcome: how long before the event it was known, >= 0. By
        default nothing is known before it happens; a source that is announced earlier has to say so.

    Returns
    -------
    EventBatch
        In order of publication. An outcome is known at the event, at the earliest.

    Raises
    ------
    DataError
        A missing column, a time or a kind that cannot be read.
    """
    columns = read_table(path)
    lacking = [name for name in _REQUIRED if name not in columns]
    if lacking or announced_ahead < timedelta(0):
        raise DataError(
            "the events cannot be read",
            path=str(path),
            found=", ".join(columns)[:120] if lacking else f"announced_ahead {announced_ahead}",
            expected="the columns " + ", ".join(_REQUIRED) + " and announced_ahead >= 0",
            action="rename the columns",
        )
    n = len(columns["event_time"])
    event = instants_of(columns["event_time"], zone, path)
    forecast, actual = (_optional(columns, name, n, path) for name in ("forecast", "actual"))
    ahead_ns = announced_ahead // timedelta(microseconds=1) * 1000
    known = np.where(np.isfinite(actual), event, event - ahead_ns)
    if "known_time" in columns:
        printed = instants_of(columns["known_time"], zone, path, empty=-1)
        known = np.where(printed >= 0, printed, known)
    known = np.where(np.isfinite(actual), np.maximum(known, event), known)
    order = np.argsort(known, kind="stable")
    kinds = _kinds(words_of(columns["kind"]), path)
    symbols, names = (words_of(columns.get(name, [""] * n)) for name in ("symbol", "name"))
    given = words_of(columns.get("event_id", [""] * n))
    ids = tuple(given[i] or "|".join((kinds[i].value, symbols[i], names[i], str(int(event[i])))) for i in range(n))
    return EventBatch(
        ts_event_ns=int(known.max()) if n else 0,
        cause_id=path.name,
        provenance=Provenance(
            source="event-calendar", origin=path.name, simulated=False, as_of_source=AsOfSource.STAMPED
        ),
        event_id=tuple(ids[i] for i in order),
        kind=tuple(kinds[i] for i in order),
        symbol=tuple(symbols[i] for i in order),
        name=tuple(names[i] for i in order),
        event_ns=event[order],
        available_ns=known[order],
        forecast=forecast[order],
        actual=actual[order],
    )


def _optional(columns: dict[str, list[Any]], name: str, n: int, path: Path) -> FloatArray:
    return numbers_of(columns[name], path, name) if name in columns else np.full(n, np.nan)


def _kinds(words: tuple[str, ...], path: Path) -> tuple[EventKind, ...]:
    known = {kind.value: kind for kind in EventKind}
    for row, word in enumerate(words):
        if word.lower() not in known:
            raise DataError(
                "an event has an unknown kind",
                path=str(path),
                row=row + 2,
                found=repr(word)[:60],
                expected=", ".join(known),
                action="use other for what fits nothing else",
            )
    return tuple(known[word.lower()] for word in words)
