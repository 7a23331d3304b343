"""Checks that need more than one partition: missing sessions, splits, and clocks that are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity
from adapters.store.gaps import calendar_of, missing_sessions
from market.calendars import sessions_between
from market.chains import FloatArray
from market.clock import datetime_of_ns, iso_of_ns
from market.trades import Int64Array

__all__ = ["SessionFacts", "check_series"]

_HOUR_NS: Final = 3_600_000_000_000
_DAY_NS: Final = 24 * _HOUR_NS
_RATIOS: Final = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 50.0])
_SPLIT_TOLERANCE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """What is left of one UTC day of a series for the checks of the whole; arrays of shape (n_days,).

    Parameters
    ----------
    first_ns, last_ns : ndarray of int64
        First and last instant of the day.
    level : ndarray
        Median price, or median strike where the rows are option contracts; NaN where there is none.
    length_ns : int
        Length of a bar; 0 where the rows are none.
    """

    first_ns: Int64Array
    last_ns: Int64Array
    level: FloatArray
    length_ns: int


def check_series(symbol: str, days: SessionFacts) -> list[Finding]:
    """Return what is wrong with a series as a whole.

    Parameters
    ----------
    symbol : str
        Whose series.
    days : SessionFacts
        One row per day, in order.

    Returns
    -------
    list of Finding
        None where there are no days.
    """
    if not days.first_ns.size:
        return []
    findings = [*_missing(symbol, days), *_splits(days)]
    if calendar_of(symbol) != "24/7" and 0 < days.length_ns < _DAY_NS:
        findings += _clock(days)
    return findings


def _missing(symbol: str, days: SessionFacts) -> list[Finding]:
    gaps = missing_sessions(symbol, days.first_ns)
    n_missing = sum(gap.n_missing for gap in gaps)
    if not n_missing:
        return []
    longest = sorted(gaps, key=lambda gap: -gap.n_missing)[:5]
    return [
        Finding(
            check=Check.GAP,
            severity=Severity.INFO,
            count=n_missing,
            n_checked=n_missing + int(days.first_ns.size),
            reason=f"sessions without data, in {len(gaps)} places",
            examples=tuple(f"from {datetime_of_ns(gap.first_ns).date()}: {gap.n_missing}" for gap in longest),
        )
    ]


def _splits(days: SessionFacts) -> list[Finding]:
    before, after = days.level[:-1], days.level[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.maximum(before / after, after / before)
        off = np.abs(ratio[:, None] / _RATIOS - 1.0).min(axis=1)
    near = np.flatnonzero((ratio > 1.9) & (off < _SPLIT_TOLERANCE))
    if not near.size:
        return []
    words = [
        f"{datetime_of_ns(int(days.first_ns[row + 1])).date()}: {before[row]:g} became {after[row]:g}" for row in near
    ]
    return [
        Finding(
            check=Check.SPLIT,
            severity=Severity.WARNING,
            count=int(near.size),
            n_checked=int(before.size),
            reason="the scale changes from one session to the next by the ratio of a split",
            examples=tuple(words[:5]),
        )
    ]


def _clock(days: SessionFacts) -> list[Finding]:
    """Compare the first bar of each day with the exchange's open."""
    first, last = (datetime_of_ns(int(edge)).date() for edge in (days.first_ns[0], days.first_ns[-1]))
    opens = {s.day: s.open_ns for s in sessions_between("NYSE", first, last)}
    told = [
        (row, int(days.first_ns[row]) - opens[day])
        for row in range(days.first_ns.size)
        if (day := datetime_of_ns(int(days.first_ns[row])).date()) in opens
    ]
    if not told:
        return []
    offsets = np.array([offset for _, offset in told], dtype=np.int64)
    values, counts = np.unique(offsets, return_counts=True)
    usual = int(values[np.argmax(counts)])
    if counts.max() < 0.6 * offsets.size:
        return []  # the first trade of a day comes when it comes: no grid to compare
    findings = []
    at_end = 0 < usual == days.length_ns < _HOUR_NS
    whole_hours = usual != 0 and usual % _HOUR_NS == 0 and abs(usual) < 5 * _HOUR_NS
    if at_end or whole_hours:
        reason = "bars are stamped with their end" if at_end else f"instants lie {usual / _HOUR_NS:+.0f} h off the open"
        findings.append(_offset(Check.LOCAL_TIME, reason, int(counts.max()), offsets.size, days, told[0][0]))
    shifted = [row for (row, offset) in told if abs(offset - usual) == _HOUR_NS]
    if shifted:
        reason = "the distance to the open changes by an hour: the clock was not set with the exchange's"
        findings.append(
            _offset(
                Check.DAYLIGHT_SAVING, reason, len(shifted), offsets.size, days, shifted[0], warning=len(shifted) > 1
            )
        )
    return findings


def _offset(
    check: Check, reason: str, count: int, n: int, days: SessionFacts, row: int, *, warning: bool = True
) -> Finding:
    return Finding(
        check=check,
        severity=Severity.WARNING if warning else Severity.INFO,
        count=count,
        n_checked=n,
        reason=reason,
        examples=(f"first bar at {iso_of_ns(int(days.first_ns[row]))}",),
    )
