"""When strategies are asked: at bars, chains or quotes, or at fixed times of an exchange's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from market.calendars import sessions_between
from market.clock import datetime_of_ns, ns_of_datetime
from market.errors import ConfigError
from market.trades import Int64Array

__all__ = ["AtTimes", "OnBars", "OnChains", "OnQuotes", "Trigger", "timer_instants"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBars:
    """At the close of each bar.

    Parameters
    ----------
    name : str
        Symbol, or symbol and width as ``SPX@5m`` (`strategies.bar_history.bar_name`); empty for all.
    """

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChains:
    """At each chain.

    Parameters
    ----------
    symbol : str
        Underlying; empty for all.
    """

    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnQuotes:
    """At each quote of a share, perpetual or future.

    Parameters
    ----------
    symbol : str
        Symbol; empty for all.
    """

    symbol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtTimes:
    """At fixed times of each session, also where no data come at that instant.

    Parameters
    ----------
    calendar : str
        Exchange calendar; times outside of a session are left out, as after an early close.
    times : tuple of datetime.time
        Wall clock of the zone.
    zone : str
        Time zone of the exchange.
    """

    calendar: str
    times: tuple[time, ...]
    zone: str = "America/New_York"

    def __post_init__(self) -> None:
        if not self.times or any(each.tzinfo is not None for each in self.times):
            raise ConfigError("fixed times cannot be", found=str(self.times), expected="one or more, without a zone")


Trigger = OnBars | OnChains | OnQuotes | AtTimes


def timer_instants(trigger: AtTimes, first_ns: int, last_ns: int) -> Int64Array:
    """Return the instants at which fixed times fall.

    Parameters
    ----------
    trigger : AtTimes
        Times.
    first_ns, last_ns : int
        Span, ns since the epoch, UTC, both included.

    Returns
    -------
    ndarray of int64
        Rising.
    """
    zone = ZoneInfo(trigger.zone)
    first, last = (datetime_of_ns(instant).astimezone(zone).date() for instant in (first_ns, last_ns))
    found = {
        instant
        for session in sessions_between(trigger.calendar, first, last)
        for each in trigger.times
        if session.open_ns <= (instant := ns_of_datetime(datetime.combine(session.day, each, zone))) <= session.close_ns
    }
    return np.array(sorted(instant for instant in found if first_ns <= instant <= last_ns), dtype=np.int64)
