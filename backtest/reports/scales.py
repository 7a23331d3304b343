"""Ticks of axes and thinner curves, shared by pages and pictures."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from market.chains import FloatArray
from market.clock import datetime_of_ns, ns_of_datetime
from market.trades import Int64Array

__all__ = ["Ticks", "places_kept", "time_ticks", "value_ticks"]

Ticks = tuple[tuple[float, str], ...]
"""Value and words of each tick."""

_DAY: Final = timedelta(days=1)
_MOST_TICKS: Final = 8


def value_ticks(low: float, high: float, most: int = 5) -> FloatArray:
    """Return round values that span a range.

    Parameters
    ----------
    low, high : float
        Finite; equal ones are spread.
    most : int
        About how many.

    Returns
    -------
    ndarray, shape (n_ticks,)
        Rising multiples of 1, 2 or 5 times a power of ten; the first lies at or below `low`, the last at or above
        `high`.
    """
    if not high > low:
        spread = max(abs(low), 1.0) * 0.01
        low, high = low - spread, high + spread
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.999)
    ticks: FloatArray = step * np.arange(
        math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9) + 1, dtype=np.float64
    )
    return ticks


def time_ticks(first_ns: int, last_ns: int) -> Ticks:
    """Return ticks of a time axis at round dates: hours of a day, days, months or years, as the span asks.

    Parameters
    ----------
    first_ns, last_ns : int
        Span, ns since the epoch, UTC.

    Returns
    -------
    tuple of (float, str)
        Instant in ns and its words, within the span, at most eight.
    """
    first, last = datetime_of_ns(first_ns), datetime_of_ns(last_ns)
    span = last - first
    if span < 2 * _DAY:
        found = _hours(first, last)
    elif span < timedelta(days=70):
        found = _days(first, last)
    else:
        found = _months(first, last)
    every = max(math.ceil(len(found) / _MOST_TICKS), 1)
    return tuple((float(ns_of_datetime(at)), words) for at, words in found[::every])


def _hours(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    at = first.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    found = []
    while at <= last:
        found.append((at, f"{at:%d %b %H:%M}".lstrip("0")))
        at += timedelta(hours=1)
    return found


def _days(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    at = first.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    found = []
    while at <= last:
        found.append((at, f"{at.day} {at:%b}"))
        at += _DAY
    return found


def _months(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    n_months = (last.year - first.year) * 12 + last.month - first.month
    step = next((step for step in (1, 2, 3, 6, 12, 24, 60, 120) if n_months / step <= _MOST_TICKS), 240)
    found, count = [], first.year * 12 + first.month
    while count <= last.year * 12 + last.month - 1:
        at = datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)
        if count % step == 0 and at >= first:
            found.append((at, f"{at:%Y}" if step >= 12 else f"{at:%b %Y}"))
        count += 1
    return found


def places_kept(values: FloatArray, most: int) -> Int64Array:
    """Return the places of a curve that are drawn: of each stretch its first, lowest, highest and last.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The curve; NaN is left out unless a stretch has nothing else.
    most : int
        About how many places, > 8.

    Returns
    -------
    ndarray of int64
        Rising; no peak and no trough is lost, which even steps would lose.
    """
    n = values.size
    if n <= most:
        return np.arange(n)
    edges = np.linspace(0, n, most // 4 + 1).astype(np.int64)
    kept = {0, n - 1}
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[start:end]
        kept |= {start, end - 1}
        if np.isfinite(part).any():
            kept |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
    return np.array(sorted(kept), dtype=np.int64)
