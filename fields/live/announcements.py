"""Announced events and news articles: rows of several messages as one, and what they say at an instant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar, final

import numpy as np

from market.news import NewsBatch
from market.series import EventBatch, EventKind

__all__ = ["NO_EVENTS", "EventTimes", "NewsTimes", "joined"]

_HEAD: Final = ("ts_event_ns", "cause_id", "provenance")
_KEYS: Final = {EventBatch: ("event_id", "event_ns"), NewsBatch: ("article_id", "published_ns")}
_Batch = TypeVar("_Batch", EventBatch, NewsBatch)


def joined(held: _Batch | None, told: _Batch, most: int) -> _Batch:
    """Return rows with others among them, in whatever order they were told.

    Parameters
    ----------
    held : EventBatch or NewsBatch, or None
        Told before.
    told : EventBatch or NewsBatch
        Rows that may be known already: of two with one id and one instant of publication the later told counts.
    most : int
        Of too many, those go whose event, or publication, lies furthest back.

    Returns
    -------
    EventBatch or NewsBatch
        In order of `available_ns`; its head is that of `told`.
    """
    ids, times = _KEYS[type(told)]
    names = [item.name for item in fields(told) if item.name not in _HEAD]
    rows: dict[tuple[str, int], tuple[Any, ...]] = {}
    for batch in (told,) if held is None else (held, told):
        columns = [_plain(getattr(batch, name)) for name in names]
        keys = zip(getattr(batch, ids), batch.available_ns.tolist(), strict=True)
        rows |= dict(zip(keys, zip(*columns, strict=True), strict=True))
    place = names.index(times)
    newest = sorted(rows, key=lambda key: (rows[key][place], key))[-most:]
    kept = [rows[key] for key in sorted(newest, key=lambda key: (key[1], key[0]))]
    found: dict[str, Any] = {}
    for position, name in enumerate(names):
        values, old = tuple(row[position] for row in kept), getattr(told, name)
        found[name] = np.array(values, dtype=old.dtype) if isinstance(old, np.ndarray) else values
    return replace(told, **found)


def _plain(column: Any) -> Iterable[Any]:
    plain: Iterable[Any] = column.tolist() if isinstance(column, np.ndarray) else column
    return plain


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EventTimes:
    """When events of one sort are, or were; rising, ns since the epoch, UTC.

    Parameters
    ----------
    instants_ns : list of int
        Of all that were known.
    """

    instants_ns: list[int]

    @classmethod
    def of(cls, known: EventBatch, kind: EventKind) -> dict[str, EventTimes]:
        """Return the times of the events of a kind, by symbol, and of all of them under an empty one.

        Parameters
        ----------
        known : EventBatch
            What was known, one row per event.
        kind : EventKind
            The kind.

        Returns
        -------
        dict of str to EventTimes
            Symbols without an event are not in it.
        """
        found: dict[str, list[int]] = {}
        for place, this in enumerate(known.kind):
            if this is kind:
                for symbol in {"", known.symbol[place]}:
                    found.setdefault(symbol, []).append(int(known.event_ns[place]))
        return {symbol: cls(instants_ns=sorted(times)) for symbol, times in found.items()}

    def next_after(self, now_ns: int) -> int | None:
        """Return the first event that lies ahead; None without one."""
        place = bisect_right(self.instants_ns, now_ns)
        return self.instants_ns[place] if place < len(self.instants_ns) else None

    def last_by(self, now_ns: int) -> int | None:
        """Return the last event that has begun; None without one."""
        place = bisect_right(self.instants_ns, now_ns)
        return self.instants_ns[place - 1] if place else None


NO_EVENTS: Final = EventTimes(instants_ns=[])
"""Nothing announced."""


@final
class NewsTimes:
    """When articles were published, for one symbol each and for all.

    Parameters
    ----------
    known : NewsBatch
        What was known, one row per article.
    """

    def __init__(self, known: NewsBatch) -> None:
        self._times: dict[str, list[int]] = {"": sorted(known.published_ns.tolist())}
        for symbols, published in zip(known.symbols, known.published_ns.tolist(), strict=True):
            for symbol in set(symbols):
                self._times.setdefault(symbol, []).append(published)
        for times in self._times.values():
            times.sort()

    def read(self, symbol: str, now_ns: int, span_ns: int) -> tuple[int, int | None]:
        """Return how many articles were published within a span, and when the newest was.

        Parameters
        ----------
        symbol : str
            Whom they concern; empty for all articles.
        now_ns : int
            End of the span, ns since the epoch, UTC.
        span_ns : int
            Its length, ns.

        Returns
        -------
        count : int
            Articles published after ``now_ns - span_ns``.
        newest_ns : int or None
            Publication of the newest of any age; None without one.
        """
        times = self._times.get(symbol, [])
        end = bisect_right(times, now_ns)
        return end - bisect_left(times, now_ns - span_ns + 1), times[end - 1] if end else None
