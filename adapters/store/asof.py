"""What was known at an instant: the newest version of each key, and no version that came later."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa

from adapters.encoded.messages import Head
from adapters.store.joining import joined
from adapters.store.kinds import KINDS, DataKind
from adapters.store.manifest import Segment
from adapters.store.segments import key_codes
from market.chains import BoolArray

__all__ = ["as_known", "needs_merge", "newest_heads", "standing", "visible"]


def standing(segments: Sequence[Segment], known_ns: int, first_ns: int, last_ns: int) -> list[Segment]:
    """Return the segments that may hold something known at an instant and were not replaced by then.

    Parameters
    ----------
    segments : sequence of Segment
        All of a symbol: one that replaces another may lie at other event times.
    known_ns : int
        The instant, ns since the epoch, UTC.
    first_ns, last_ns : int
        Range of event times, both included.

    Returns
    -------
    list of Segment
        In the order in which they came.
    """
    begun = [segment for segment in segments if segment.first_known_ns <= known_ns]
    gone = {path for segment in begun for path in segment.replaces}
    left = [segment for segment in begun if segment.path not in gone]
    return [s for s in left if s.last_event_ns >= first_ns and s.first_event_ns <= last_ns]


def needs_merge(kind: DataKind, segments: Sequence[Segment]) -> bool:
    """Return whether the rows of a partition must be compared by key: several versions may stand side by side."""
    if any(segment.revises for segment in segments):
        return True
    if not KINDS[kind].keys:
        return False
    spans = sorted((segment.first_event_ns, segment.last_event_ns) for segment in segments)
    reached = accumulate((last for _, last in spans), max)
    return any(first <= last for (first, _), last in zip(spans[1:], reached, strict=False))


def as_known(kind: DataKind, tables: Sequence[pa.Table], known_ns: int) -> pa.Table:
    """Return the rows of one partition as they were known at an instant.

    Parameters
    ----------
    kind : DataKind
        Kind.
    tables : sequence of pyarrow.Table
        Rows of its segments, in the order in which they came.
    known_ns : int
        The instant, ns since the epoch, UTC.

    Returns
    -------
    pyarrow.Table
        Rows known by then, in order of event time and, within one, of their coming. Of a key with several versions
        the newest stands; rows that share key and version all stay, because only a check may judge them.
    """
    whole = joined(tables)
    rows = np.flatnonzero(visible(kind, tables, known_ns))
    order = np.argsort(whole["event_ns"].to_numpy()[rows], kind="stable")
    return whole.take(pa.array(rows[order]))


def visible(kind: DataKind, tables: Sequence[pa.Table], known_ns: int) -> BoolArray:
    """Return which rows of one partition stood at an instant: known by then, and no newer version of their key was.

    Parameters
    ----------
    kind : DataKind
        Kind.
    tables : sequence of pyarrow.Table
        Rows of its segments, or their keys and ``known_ns``, in the order in which they came.
    known_ns : int
        The instant, ns since the epoch, UTC.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
        For the rows of all tables, one after the other.
    """
    codes = key_codes(kind, list(tables))
    known = np.concatenate([table["known_ns"].to_numpy() for table in tables])
    keep: BoolArray = known <= known_ns
    if codes:
        keep &= _newest(np.concatenate(codes), known, np.repeat(range(len(tables)), [t.num_rows for t in tables]), keep)
    return keep


def _newest(
    codes: np.ndarray[tuple[int], np.dtype[np.int64]],
    known: np.ndarray[tuple[int], np.dtype[np.int64]],
    came: np.ndarray[tuple[int], np.dtype[np.int64]],
    visible: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    rows = np.flatnonzero(visible)
    order = rows[np.lexsort((came[rows], known[rows], codes[rows]))]
    last = np.append(codes[order][1:] != codes[order][:-1], True) if order.size else np.zeros(0, dtype=np.bool_)
    ends = order[last]
    best_known, best_came = np.full(int(codes.max(initial=-1)) + 1, -1), np.full(int(codes.max(initial=-1)) + 1, -1)
    best_known[codes[ends]], best_came[codes[ends]] = known[ends], came[ends]
    return np.asarray((known == best_known[codes]) & (came == best_came[codes]))


def newest_heads(heads: Sequence[tuple[Segment, Head]], known_ns: int) -> list[tuple[Segment, Head]]:
    """Return of each event instant the newest message that was known at an instant, in order of event time.

    Parameters
    ----------
    heads : sequence of (Segment, Head)
        In the order in which they came.
    known_ns : int
        The instant, ns since the epoch, UTC.

    Returns
    -------
    list of (Segment, Head)
        One per event instant.
    """
    best: dict[int, tuple[Segment, Head]] = {}
    for segment, head in heads:
        if head.known_ns <= known_ns:
            held = best.get(head.event_ns)
            if held is None or head.known_ns >= held[1].known_ns:
                best[head.event_ns] = segment, head
    return [best[event] for event in sorted(best)]
