"""Checks of order books: sides, order and silences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity, found
from adapters.store.gaps import calendar_of
from market.books import BookSnapshot
from market.calendars import is_open
from market.chains import BoolArray, FloatArray
from market.clock import iso_of_ns
from market.trades import Int64Array

__all__ = ["check_books"]

_STALE_NS: Final = 60_000_000_000  # a field takes no liquidity from an older book
_USUAL_STEPS: Final = 20.0
_SAME: Final = 15  # books in a row that do not differ


def check_books(books: Sequence[BookSnapshot]) -> list[Finding]:
    """Return what is wrong with the books of one symbol and day.

    Parameters
    ----------
    books : sequence of BookSnapshot
        In order of arrival.

    Returns
    -------
    list of Finding
        Crossed and locked books, empty sides, order, silences, and books that stand still.
    """
    ts = np.array([book.ts_event_ns for book in books], dtype=np.int64)
    bid, ask = _best([book.bid_price for book in books]), _best([book.ask_price for book in books])

    def words(row: int) -> str:
        return f"{iso_of_ns(int(ts[row]))}: {bid[row]:g} / {ask[row]:g}"

    back: BoolArray = np.append(False, np.diff(ts) < 0)[: ts.size]
    return [
        *found(Check.CROSSED, Severity.ERROR, bid > ask, "the best bid is above the best ask", words),
        *found(Check.LOCKED, Severity.INFO, bid == ask, "the best bid is the best ask", words),
        *found(Check.ONE_SIDED, Severity.WARNING, np.isnan(bid) | np.isnan(ask), "a side is empty", words),
        *found(Check.ORDER, Severity.WARNING, back, "earlier than the book before", words),
        *_silences(books, ts),
        *found(Check.STALE, Severity.WARNING, _frozen(books), f"the same for {_SAME} books or more", words),
    ]


def _best(sides: Sequence[FloatArray]) -> FloatArray:
    return np.array([side[0] if side.size else np.nan for side in sides], dtype=np.float64)


def _silences(books: Sequence[BookSnapshot], ts: Int64Array) -> list[Finding]:
    times = np.unique(ts)
    steps = np.diff(times)
    if not steps.size:
        return []
    limit, calendar = max(float(_STALE_NS), _USUAL_STEPS * float(np.median(steps))), calendar_of(books[0].symbol)
    quiet = np.zeros(times.shape, dtype=np.bool_)
    for row in np.flatnonzero(steps > limit).tolist():
        quiet[row] = is_open(calendar, int(times[row])) and is_open(calendar, int(times[row + 1]) - 1)

    def words(row: int) -> str:
        return f"{iso_of_ns(int(times[row]))}: no book for {steps[row] / 1e9:.0f} s"

    return found(Check.STALE, Severity.WARNING, quiet, "no book comes while the market is open", words)


def _frozen(books: Sequence[BookSnapshot]) -> BoolArray:
    rows, run = np.zeros(len(books), dtype=np.bool_), 1
    for place in range(1, len(books)):
        run = run + 1 if _equal(books[place - 1], books[place]) else 1
        rows[place] = run >= _SAME
    return rows


def _equal(left: BookSnapshot, right: BookSnapshot) -> bool:
    names = ("bid_price", "bid_size", "ask_price", "ask_size")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in names)
