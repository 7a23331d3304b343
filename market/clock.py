"""Instants as integer nanoseconds, and the clock as an argument."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Protocol, final

__all__ = ["Clock", "SystemClock", "datetime_of_ns", "iso_of_ns", "ns_of_datetime", "ns_of_utc_midnight"]

_NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where the time comes from: the machine, a recording or a simulation."""

    def now_ns(self) -> int:
        """Return the current instant, ns since the epoch, UTC."""


@final
class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Return the current instant, ns since the epoch, UTC."""
        return time.time_ns()


def ns_of_datetime(instant: datetime) -> int:
    """Return an aware instant as ns since the epoch, exact to the microsecond.

    Parameters
    ----------
    instant : datetime.datetime
        Must carry a time zone.

    Returns
    -------
    int
        ns since the epoch, UTC.
    """
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs a time zone; found {instant!r}")
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * _NS_PER_S + delta.microseconds * 1_000


def ns_of_utc_midnight(day: date) -> int:
    """Return 00:00 UTC of a date as ns since the epoch."""
    return (day - _EPOCH.date()).days * 86_400 * _NS_PER_S


def datetime_of_ns(instant_ns: int) -> datetime:
    """Return ns since the epoch as an aware UTC datetime, truncated to the microsecond."""
    return datetime.fromtimestamp(instant_ns // _NS_PER_S, tz=UTC).replace(microsecond=instant_ns % _NS_PER_S // 1_000)


def iso_of_ns(instant_ns: int) -> str:
    """Return ns since the epoch as ISO 8601 with a ``Z``."""
    return datetime_of_ns(instant_ns).isoformat().replace("+00:00", "Z")
