"""Values of one number over time, and events that are announced: each with the instant from which it was known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np

from market.chains import FloatArray
from market.errors import DataError
from market.packing import PackedColumn, pack_columns, unpack_columns
from market.provenance import Provenance
from market.publication import newest_known, published_rows
from market.trades import Int64Array

__all__ = ["WEEK_S", "EventBatch", "EventKind", "SeriesBatch", "SeriesPoint", "SeriesUnit", "joined_events"]


WEEK_S: Final = 604_800.0
"""Oldest level of a daily index that is one of now, seconds."""

_NS_PER_S: Final = 1e9
_NAN: Final = float("nan")


class SeriesUnit(StrEnum):
    """What a value of a series counts."""

    FRACTION_PER_YEAR = "fraction_per_year"  # 0.05 = 5 % per year
    INDEX_POINTS = "index_points"
    RATIO = "ratio"


class EventKind(StrEnum):
    """What an announced event is about."""

    FOMC = "fomc"
    ECONOMIC = "economic"
    EARNINGS = "earnings"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """The value of a series as it was known at an instant.

    Parameters
    ----------
    series : str
        Name, such as ``DFF`` or ``VIX``.
    unit : SeriesUnit
        What `value` counts.
    event_ns : int
        Instant that the value speaks of, ns since the epoch, UTC; -1 where there is none.
    available_ns : int
        Instant from which it was known; -1 where there is none.
    value : float
        NaN where nothing was known.
    reason : str
        Why `value` is missing; empty where it is not.
    """

    series: str
    unit: SeriesUnit
    event_ns: int
    available_ns: int
    value: float
    reason: str = ""

    def level(self, now_ns: int, max_age_s: float = WEEK_S) -> float:
        """Return the value while it still speaks of now.

        Parameters
        ----------
        now_ns : int
            Instant, ns since the epoch, UTC.
        max_age_s : float, optional
            Longest time since the instant that it speaks of, seconds; a week bridges the longest closure of New York.

        Returns
        -------
        float
            NaN where it is missing, older, or of later than now: a source that has fallen silent tells no level.
        """
        return self.value if 0 <= now_ns - self.event_ns <= max_age_s * _NS_PER_S else _NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesBatch:
    """Values of one series in order of `event_ns`, then `available_ns`; arrays of shape ``(n_points,)``.

    A value that is revised has several rows of the same `event_ns`, each known from its own instant.

    Parameters
    ----------
    series : str
        Name, such as ``DFF`` or ``VIX``.
    unit : SeriesUnit
        What `value` counts.
    ts_event_ns : int
        Instant of the batch, ns since the epoch, UTC: that at which its newest row was known.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    event_ns : ndarray of int64
        Instant that each value speaks of, ns since the epoch, UTC.
    available_ns : ndarray of int64
        Instant from which each value was known, ns since the epoch, UTC; never before `event_ns`.
    value : ndarray
        Finite; a value that the source lacks has no row.
    n_missing : int
        Rows of the source that held no value.
    """

    series: str
    unit: SeriesUnit
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    event_ns: Int64Array
    available_ns: Int64Array
    value: FloatArray
    n_missing: int = 0

    def __post_init__(self) -> None:
        n = self.value.shape[0]
        if self.event_ns.shape != (n,) or self.available_ns.shape != (n,):
            raise _broken("lengths", f"{self.event_ns.shape}, {self.available_ns.shape}, {self.value.shape}", "one")
        if not np.isfinite(self.value).all():
            raise _broken("value", "a value that is not finite", "finite values; leave missing ones out")
        if n and int((self.available_ns - self.event_ns).min()) < 0:
            raise _broken("available_ns", "a value known before its event", "available_ns >= event_ns")
        order = np.lexsort((self.available_ns, self.event_ns))
        if not np.array_equal(order, np.arange(n)):
            raise _broken("order", "rows out of order", "rising event_ns, then available_ns")

    def __reduce__(self) -> tuple[Any, ...]:
        forms, block = pack_columns([getattr(self, name) for name in _COLUMNS])
        return _unpacked, (tuple(getattr(self, name) for name in _HEAD), forms, block)

    @property
    def n_points(self) -> int:
        """Number of rows."""
        return int(self.value.shape[0])

    def known_at(self, instant_ns: int) -> SeriesBatch:
        """Return what was known at an instant: of each event the newest row, nothing that came later.

        Parameters
        ----------
        instant_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        SeriesBatch
            One row per event.
        """
        known = np.flatnonzero(self.available_ns <= instant_ns)
        events = self.event_ns[known]
        newest = np.ones(known.size, dtype=np.bool_)
        newest[:-1] = events[1:] != events[:-1]
        rows = known[newest]
        return replace(
            self,
            ts_event_ns=int(self.available_ns[rows].max()) if rows.size else 0,
            event_ns=self.event_ns[rows],
            available_ns=self.available_ns[rows],
            value=self.value[rows],
        )

    def as_of(self, instant_ns: int, *, oldest_ns: int | None = None) -> SeriesPoint:
        """Return the value of the newest event that was known at an instant.

        Parameters
        ----------
        instant_ns : int
            ns since the epoch, UTC.
        oldest_ns : int, optional
            The longest time since the event for which its value still counts, ns; any by default.

        Returns
        -------
        SeriesPoint
            With NaN and a reason where nothing was known, or only what is too old.
        """
        known = np.flatnonzero(self.available_ns <= instant_ns)
        if not known.size:
            return self._missing("nothing was published by then")
        row = int(known[-1])
        if oldest_ns is not None and instant_ns - int(self.event_ns[row]) > oldest_ns:
            return self._missing("the newest value is too old")
        return SeriesPoint(
            series=self.series,
            unit=self.unit,
            event_ns=int(self.event_ns[row]),
            available_ns=int(self.available_ns[row]),
            value=float(self.value[row]),
        )

    def _missing(self, reason: str) -> SeriesPoint:
        return SeriesPoint(
            series=self.series, unit=self.unit, event_ns=-1, available_ns=-1, value=float("nan"), reason=reason
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """Announced events in order of `available_ns`; arrays and tuples of length ``n_events``.

    An event that is moved, or whose outcome is printed, has several rows of one `event_id`.

    Parameters
    ----------
    ts_event_ns : int
        Instant of the batch, ns since the epoch, UTC: that at which its newest row was known.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    event_id : tuple of str
        Tells the events apart.
    kind : tuple of EventKind
        What each is about.
    symbol : tuple of str
        Whom it concerns; empty for the whole market.
    name : tuple of str
        As the source prints it.
    event_ns : ndarray of int64
        Instant for which each is, or was, set, ns since the epoch, UTC.
    available_ns : ndarray of int64
        Instant from which the row was known, ns since the epoch, UTC.
    forecast, actual : ndarray
        What is expected and what came, in the source's unit; NaN where not told.
    """

    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    event_id: tuple[str, ...]
    kind: tuple[EventKind, ...]
    symbol: tuple[str, ...]
    name: tuple[str, ...]
    event_ns: Int64Array
    available_ns: Int64Array
    forecast: FloatArray
    actual: FloatArray

    def __post_init__(self) -> None:
        n = len(self.event_id)
        lengths = {len(getattr(self, column)) for column in _EVENT_COLUMNS}
        if lengths != {n}:
            raise _broken("lengths", str(sorted(lengths)), f"{n} everywhere")
        if n and (np.diff(self.available_ns) < 0).any():
            raise _broken("order", "rows out of order", "rising available_ns")
        if (np.isfinite(self.actual) & (self.available_ns < self.event_ns)).any():
            raise _broken("actual", "an outcome that was known before its event", "available_ns >= event_ns")

    @property
    def n_events(self) -> int:
        """Number of rows."""
        return len(self.event_id)

    def known_at(self, instant_ns: int) -> EventBatch:
        """Return what was known at an instant: of each event the newest row, in order of `available_ns`.

        Parameters
        ----------
        instant_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        EventBatch
            One row per event.
        """
        rows = newest_known(self.event_id, self.available_ns, instant_ns)
        return published_rows(self, _EVENT_COLUMNS, rows)

    def ahead(self, instant_ns: int) -> EventBatch:
        """Return the events that were known at an instant and still lay ahead of it.

        Parameters
        ----------
        instant_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        EventBatch
            One row per event, in order of `available_ns`.
        """
        known = self.known_at(instant_ns)
        return published_rows(known, _EVENT_COLUMNS, np.flatnonzero(known.event_ns > instant_ns))


def joined_events(batches: Sequence[EventBatch]) -> EventBatch:
    """Return announced events of several sources as one batch.

    Parameters
    ----------
    batches : sequence of EventBatch
        At least one; ids must not clash between sources.

    Returns
    -------
    EventBatch
        In order of `available_ns`, then of the batches; cause and provenance of the last, simulated where any is.
    """
    available = np.concatenate([batch.available_ns for batch in batches])
    order = np.argsort(available, kind="stable")
    columns: dict[str, Any] = {}
    for name in _EVENT_COLUMNS:
        parts = [getattr(batch, name) for batch in batches]
        if isinstance(parts[0], np.ndarray):
            columns[name] = np.concatenate(parts)[order]
        else:
            rows = [row for part in parts for row in part]
            columns[name] = tuple(rows[place] for place in order.tolist())
    last = batches[-1]
    simulated = any(batch.provenance.simulated for batch in batches)
    return replace(
        last,
        ts_event_ns=max(batch.ts_event_ns for batch in batches),
        provenance=replace(last.provenance, simulated=simulated),
        **columns,
    )


_COLUMNS: Final = ("event_ns", "available_ns", "value")
_HEAD: Final = tuple(item.name for item in fields(SeriesBatch) if item.name not in _COLUMNS)
_EVENT_COLUMNS: Final = ("event_id", "kind", "symbol", "name", "event_ns", "available_ns", "forecast", "actual")


def _unpacked(head: tuple[Any, ...], forms: tuple[PackedColumn, ...], block: bytes) -> SeriesBatch:
    values: dict[str, Any] = dict(zip((*_HEAD, *_COLUMNS), (*head, *unpack_columns(forms, block)), strict=True))
    return SeriesBatch(**values)


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} breaks the series", found=found, expected=expected)
