"""Checks of events and news: when each was known, and whether it is told twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity, found
from market.chains import BoolArray
from market.clock import iso_of_ns
from market.news import NewsBatch
from market.series import EventBatch
from market.trades import Int64Array

__all__ = ["check_events", "check_news"]

_EARLIEST_NS: Final = 0
_LATEST_NS: Final = 4_102_444_800_000_000_000  # 2100
_DAY_NS: Final = 86_400_000_000_000


def check_events(batches: Sequence[EventBatch]) -> list[Finding]:
    """Return what is wrong with the events of one file.

    Parameters
    ----------
    batches : sequence of EventBatch
        In order of arrival.

    Returns
    -------
    list of Finding
        Events without an instant, told first after they happened, told twice, or under two ids; order.
    """
    ids = [name for batch in batches for name in batch.event_id]
    names = [name for batch in batches for name in batch.name]
    event, available = _joined([b.event_ns for b in batches]), _joined([b.available_ns for b in batches])
    about = [(k, s, n) for b in batches for k, s, n in zip(b.kind, b.symbol, b.name, strict=True)]

    def words(row: int) -> str:
        return f"{names[row] or ids[row]}, known {iso_of_ns(int(available[row]))}"

    timed = (event > _EARLIEST_NS) & (event < _LATEST_NS)
    again = _repeats(zip(ids, available.tolist(), strict=True))
    first = ~_repeats(ids)
    # One meeting under two ids would be counted twice by whoever counts the events ahead.
    twin = _under_other_ids(ids, list(zip(about, event.tolist(), strict=True)))
    return [
        *found(Check.INSTANT, Severity.ERROR, ~timed, "without an instant of this century or the last", words),
        *found(
            Check.LATE, Severity.WARNING, first & timed & (available > event), "first told after it happened", words
        ),
        *found(Check.DUPLICATE, Severity.WARNING, again, "the row of this event and instant stands before", words),
        *found(Check.DUPLICATE, Severity.WARNING, twin & ~again, "the same event under another id", words),
        *_backwards(available, words),
    ]


def check_news(batches: Sequence[NewsBatch]) -> list[Finding]:
    """Return what is wrong with the articles of one file.

    Parameters
    ----------
    batches : sequence of NewsBatch
        In order of arrival.

    Returns
    -------
    list of Finding
        Articles without an instant or a headline, known long after their publication, or told twice; order.
    """
    ids = [name for batch in batches for name in batch.article_id]
    lines = [line for batch in batches for line in batch.headline]
    published = _joined([b.published_ns for b in batches])
    available = _joined([b.available_ns for b in batches])

    def words(row: int) -> str:
        return f"{lines[row][:60] or ids[row]}, known {iso_of_ns(int(available[row]))}"

    timed = (published > _EARLIEST_NS) & (published < _LATEST_NS)
    again = _repeats(zip(ids, available.tolist(), strict=True))
    first = ~_repeats(ids)
    late = first & timed & (available - published > _DAY_NS)
    blank = np.array([not line.strip() for line in lines], dtype=np.bool_)
    return [
        *found(Check.INSTANT, Severity.ERROR, ~timed, "without an instant of this century or the last", words),
        *found(Check.LATE, Severity.INFO, late, "first known a day or more after its publication", words),
        *found(Check.DUPLICATE, Severity.WARNING, again, "the row of this article and instant stands before", words),
        *found(Check.LEFT_OUT, Severity.WARNING, blank, "without a headline", words),
        *_backwards(available, words),
    ]


def _joined(parts: Sequence[Int64Array]) -> Int64Array:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _repeats(keys: Iterable[Hashable]) -> BoolArray:
    seen: set[Hashable] = set()
    rows = []
    for key in keys:
        rows.append(key in seen)
        seen.add(key)
    return np.array(rows, dtype=np.bool_)


def _under_other_ids(ids: Sequence[str], told: Sequence[Hashable]) -> BoolArray:
    owner: dict[Hashable, str] = {}
    return np.array(
        [owner.setdefault(what, name) != name for name, what in zip(ids, told, strict=True)], dtype=np.bool_
    )


def _backwards(available: Int64Array, words: Callable[[int], str]) -> list[Finding]:
    back: BoolArray = np.append(False, np.diff(available) < 0)[: available.size]
    return found(Check.ORDER, Severity.WARNING, back, "known earlier than the row before", words)
