"""Whole spans of history out of pages whose size and order the venue chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["pages"]

Row = TypeVar("Row")


def pages(
    fetch: Callable[[int, int], list[Row]],
    stamp: Callable[[Row], int],
    *,
    start_ms: int,
    end_ms: int,
    span_ms: int,
    step_ms: int,
) -> Iterator[list[Row]]:
    """Yield the rows of consecutive spans, in order of time, each once.

    Venues cap a page at a size of their own, some at its old end and some at its new end. So wherever rows could be
    missing at an end of a page, that part is asked for again: it is empty only where the venue has nothing.

    Parameters
    ----------
    fetch : callable
        Rows of ``[first, last]``, both instants in ms and included; more or fewer may come.
    stamp : callable
        Instant of a row, ms.
    start_ms, end_ms : int
        The history wanted, without `end_ms`.
    span_ms : int
        How much to ask for at once, > 0.
    step_ms : int
        Distance between rows, > 0; the smallest there can be.

    Yields
    ------
    list
        Rows of one span; empty spans are left out.
    """
    first = start_ms
    while first < end_ms:
        last = min(first + span_ms, end_ms)
        rows = _whole(fetch, stamp, first, last, step_ms)
        if rows:
            yield rows
        first = last


def _whole(
    fetch: Callable[[int, int], list[Row]], stamp: Callable[[Row], int], first: int, last: int, step_ms: int
) -> list[Row]:
    found = {stamp(row): row for row in fetch(first, last - 1) if first <= stamp(row) < last}
    if not found:
        return []
    oldest, newest = min(found), max(found)
    rows = [found[instant] for instant in sorted(found)]
    if oldest - first >= step_ms:
        rows = _whole(fetch, stamp, first, oldest, step_ms) + rows
    if last - newest > step_ms:
        rows += _whole(fetch, stamp, newest + 1, last, step_ms)
    return rows
