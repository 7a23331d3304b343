"""What a store holds, series by series: sessions, rows, bytes, span, gaps, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

import numpy as np

from adapters.downloads.tasks import DownloadTask
from adapters.quality import quality_of
from adapters.store import DataKind, PointInTimeStore, Segment
from adapters.store.asof import standing
from adapters.store.gaps import Gap, missing_sessions
from adapters.store.segments import open_segment
from market.calendars import sessions_between
from market.trades import Int64Array

__all__ = ["SeriesSummary", "days_of", "days_without_rows", "list_store", "store_gaps"]

_FOREVER: Final = np.iinfo(np.int64).max
_DAY_NS: Final = 86_400_000_000_000
# Rows of these have no calendar: a rate that does not change is not printed.
_WITHOUT_SESSIONS: Final = frozenset({DataKind.RATES, DataKind.TABLES})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSummary:
    """The rows of one symbol from one source in one data set.

    Parameters
    ----------
    kind : DataKind
        Data set.
    symbol, source : str
        Whose rows, and who says so.
    n_sessions : int
        Days with rows.
    n_rows, n_bytes, n_files : int
        Size.
    first_event_ns, last_event_ns : int
        Span of the event times, ns since the epoch, UTC.
    quality : float or None
        Mean score over the rows that were checked; None where none was.
    checked_share : float
        Part of the rows that were checked, in [0, 1].
    simulated : bool
        Whether any row is simulated.
    version : int
        Newest commit of the data set.
    gaps : tuple of Gap
        Runs of sessions without rows between the first and the last.
    """

    kind: DataKind
    symbol: str
    source: str
    n_sessions: int
    n_rows: int
    n_bytes: int
    n_files: int
    first_event_ns: int
    last_event_ns: int
    quality: float | None
    checked_share: float
    simulated: bool
    version: int
    gaps: tuple[Gap, ...]


def list_store(
    store: PointInTimeStore, *, kinds: Sequence[DataKind] = tuple(DataKind), symbol: str | None = None
) -> Iterator[SeriesSummary]:
    """Describe the series of a store; only manifests, notes of quality and columns of instants are read.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    kinds : sequence of DataKind, optional
        Data sets.
    symbol : str, optional
        One symbol only.

    Yields
    ------
    SeriesSummary
        In order of kind, symbol and source.
    """
    for kind in kinds:
        version = store.state(kind).sequence
        found = sorted(standing(store.segments(kind, symbol), _FOREVER, -_FOREVER, _FOREVER), key=_series_of)
        for _, group in groupby(found, key=_series_of):
            yield _summary(store, kind, list(group), version)


def _series_of(segment: Segment) -> tuple[str, str]:
    return segment.symbol, segment.source


def _summary(store: PointInTimeStore, kind: DataKind, segments: list[Segment], version: int) -> SeriesSummary:
    scored = [(quality.score, quality.n_rows) for s in segments if (quality := quality_of(store, s)) is not None]
    n_scored, n_rows = sum(rows for _, rows in scored), sum(s.n_rows for s in segments)
    days, symbol = days_of(store, segments), segments[0].symbol
    return SeriesSummary(
        kind=kind,
        symbol=symbol,
        source=segments[0].source,
        n_sessions=days.size,
        n_rows=n_rows,
        n_bytes=sum(s.n_bytes for s in segments),
        n_files=len(segments),
        first_event_ns=min(s.first_event_ns for s in segments),
        last_event_ns=max(s.last_event_ns for s in segments),
        quality=sum(score * rows for score, rows in scored) / n_scored if n_scored else None,
        checked_share=n_scored / n_rows if n_rows else 0.0,
        simulated=any(s.simulated for s in segments),
        version=version,
        gaps=() if kind in _WITHOUT_SESSIONS else missing_sessions(symbol, days * _DAY_NS),
    )


def days_of(store: PointInTimeStore, segments: Sequence[Segment]) -> Int64Array:
    """Return the days on which segments have rows, rising, counted from the epoch; of a chain the day of its session.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    segments : sequence of Segment
        Files of one symbol. Of a partition of a year the column of instants is read.

    Returns
    -------
    ndarray of int64
        UTC days.
    """
    found: set[int] = set()
    for segment in segments:
        grain, _, label = segment.period.partition("=")
        if grain == "day":
            found.add(int(np.datetime64(label, "D").astype(np.int64)))
        else:
            with open_segment(store.files, segment) as opened:
                for batch in opened.batches(opened.groups(), ["event_ns"]):
                    found |= set(np.unique(batch["event_ns"].to_numpy() // _DAY_NS).tolist())
    return np.array(sorted(found), dtype=np.int64)


def days_without_rows(store: PointInTimeStore, tasks: Sequence[DownloadTask]) -> dict[str, tuple[date, ...]]:
    """Return the sessions that tasks were to bring and for which the store has no row of theirs.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    tasks : sequence of DownloadTask
        Of any kinds and symbols; those for what stands now, and for news, have no sessions to fill.

    Returns
    -------
    dict of str to tuple of date
        By kind and symbol as the vendor names it; only those with a gap, in order of time.
    """
    found: dict[str, tuple[date, ...]] = {}
    planned = [task for task in tasks if not task.is_snapshot and task.kind is not DataKind.NEWS]
    for (kind, symbol), group in groupby(sorted(planned, key=_wanted), key=_wanted):
        wanted = list(group)
        known = {identity for task in wanted for identity in (task.identity, task.identity_of_part)}
        brought = [s for c in store.state(kind).commits if c.source_sha256 in known for s in c.segments]
        have = set(days_of(store, brought).tolist())
        days = [s.day for task in wanted for s in sessions_between(task.calendar, task.first, task.last)]
        missing = tuple(day for day in days if int(np.datetime64(day).astype(np.int64)) not in have)
        if missing:
            found[f"{kind} {symbol}"] = missing
    return found


def _wanted(task: DownloadTask) -> tuple[DataKind, str]:
    return task.kind, task.symbol


def store_gaps(
    store: PointInTimeStore, kinds: Sequence[DataKind], symbols: Sequence[str]
) -> dict[str, tuple[Gap, ...]]:
    """Return the sessions that symbols lack in a store, whatever the file that would have had them.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    kinds : sequence of DataKind
        Data sets.
    symbols : sequence of str
        Whose.

    Returns
    -------
    dict of str to tuple of Gap
        By kind and symbol, such as ``chains SPX``, over all sources; only those with a gap.
    """
    found: dict[str, tuple[Gap, ...]] = {}
    for kind in (k for k in kinds if k not in _WITHOUT_SESSIONS):
        wanted = set(symbols) & set(store.symbols(kind))
        for symbol in sorted(wanted):
            gaps = missing_sessions(symbol, days_of(store, store.segments(kind, symbol)) * _DAY_NS)
            if gaps:
                found[f"{kind} {symbol}"] = gaps
    return found
