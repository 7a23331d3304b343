"""What is downloaded at once: one kind of data of one symbol for one session, or for one month of sparse rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final, Protocol

import pyarrow as pa

from adapters.encoded.messages import Message
from adapters.store import DataKind
from adapters.ticks.tables import eastern_midnight_ns
from market.calendars import sessions_between
from market.clock import ns_of_utc_midnight
from market.errors import ConfigError

__all__ = [
    "Connection",
    "DownloadTask",
    "Downloader",
    "FetchedRows",
    "Timeframe",
    "bars_by_length",
    "by_month",
    "by_session",
    "now_task",
    "timeframe_of",
]

_ALWAYS: Final = "24/7"
_ONE_DAY: Final = timedelta(days=1)
_SPARSE_MINUTES: Final = 60  # bars of an hour and more are few: a month at once
_MINUTES: Final = MappingProxyType({"m": 1, "h": 60, "d": 1440})


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadTask:
    """One request for history, or for what stands now.

    Parameters
    ----------
    venue : str
        Whom to ask, with the address where it is not the vendor's own.
    kind : DataKind
        What.
    symbol : str
        As the vendor names it.
    first, last : datetime.date
        Days, both included, of New York or UTC as the calendar has them.
    start_ns, end_ns : int
        From `start_ns` up to, but not at, `end_ns`, ns since the epoch, UTC.
    calendar : str
        Whose sessions it plans.
    options : tuple of (str, str)
        What else changes the answer, such as the length of bars.
    is_snapshot : bool
        Whether the vendor tells only what stands now: each answer is another, and none is there already.
    """

    venue: str
    kind: DataKind
    symbol: str
    first: date
    last: date
    start_ns: int
    end_ns: int
    calendar: str
    options: tuple[tuple[str, str], ...] = ()
    is_snapshot: bool = False

    @property
    def identity(self) -> str:
        """SHA-256 by which a store knows that this task was done."""
        return self._digest("whole")

    @property
    def identity_of_part(self) -> str:
        """SHA-256 by which a store knows rows of this task that were taken while its days were under way."""
        return self._digest("part")

    def is_over(self, now_ns: int) -> bool:
        """Return whether nothing can be added any more: its last day has ended."""
        return not self.is_snapshot and now_ns >= self.end_ns

    def describe(self) -> str:
        """Return it as a user reads it."""
        days = self.first.isoformat() if self.first == self.last else f"{self.first} to {self.last}"
        return f"{self.venue} {self.kind} {self.symbol} {'now' if self.is_snapshot else days}"

    def _digest(self, part: str) -> str:
        days = (self.first.isoformat(), self.last.isoformat())
        words = ("hedgefield-download", 1, self.venue, self.kind, self.symbol, *days, sorted(self.options), part)
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedRows:
    """Rows that no message of `market` holds.

    Parameters
    ----------
    kind : DataKind
        Data set.
    symbol, source : str
        Whose rows, and who says so.
    rows : pyarrow.Table
        With ``event_ns`` and ``known_ns``.
    """

    kind: DataKind
    symbol: str
    source: str
    rows: pa.Table


class Connection(Protocol):
    """An open connection to a vendor; one thread uses it."""

    @property
    def requests(self) -> int:
        """Requests sent so far, tries again included."""

    def fetch(self, task: DownloadTask) -> Iterator[Message | FetchedRows]:
        """Yield what the vendor has for a task; nothing where it has nothing."""

    def close(self) -> None:
        """Release connections and budgets."""


class Downloader(Protocol):
    """Knows what a vendor offers and how it is cut into tasks."""

    @property
    def kinds(self) -> tuple[DataKind, ...]:
        """What can be asked for."""

    @property
    def threads(self) -> int:
        """Connections that may be used at once."""

    @property
    def simulated(self) -> bool:
        """Whether what comes is to be marked as simulated."""

    def tasks(self, kind: DataKind, symbol: str, first: date, last: date) -> tuple[DownloadTask, ...]:
        """Return the tasks for days, both included, on which the symbol's market has a session."""

    def today(self) -> date:
        """Return the date at the venue."""

    def connect(self) -> Connection:
        """Open a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeframe:
    """Length of bars: how many minutes (``m``), hours (``h``) or days (``d``)."""

    count: int
    unit: str

    @property
    def minutes(self) -> int:
        """The length in minutes; a day has 1440."""
        return self.count * _MINUTES[self.unit]

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


def timeframe_of(text: str) -> Timeframe:
    """Return the length of bars that a text names, such as ``1m``, ``4h`` or ``1d``.

    Raises
    ------
    ConfigError
        It names none.
    """
    found = re.fullmatch(r"([1-9]\d{0,3})([mhd])", text)
    if found is None:
        raise ConfigError(
            "there are no bars of this length",
            found=text,
            expected="a number and m, h or d, such as 1m, 4h or 1d",
            action="correct --timeframe",
        )
    return Timeframe(count=int(found[1]), unit=found[2])


def by_session(
    venue: str, kind: DataKind, symbol: str, first: date, last: date, *, calendar: str, options: dict[str, str]
) -> tuple[DownloadTask, ...]:
    """Return one task per session: its whole day, because trades come before the open and after the close too.

    Parameters
    ----------
    venue : str
        As in `DownloadTask`.
    kind : DataKind
        What.
    symbol : str
        As in `DownloadTask`.
    first, last : datetime.date
        Days, both included.
    calendar : str
        As in `market.calendars.sessions_between`.
    options : dict of str to str
        What else changes the answer.

    Returns
    -------
    tuple of DownloadTask
        In order of time; none for weekends and holidays.
    """
    days = [session.day for session in sessions_between(calendar, first, last)]
    return tuple(_task(venue, kind, symbol, day, day, calendar, options) for day in days)


def by_month(
    venue: str, kind: DataKind, symbol: str, first: date, last: date, *, calendar: str, options: dict[str, str]
) -> tuple[DownloadTask, ...]:
    """Return one task per calendar month, cut at the ends; the parameters are those of `by_session`."""
    found = []
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(following - _ONE_DAY, last)
        if sessions_between(calendar, first, end):
            found.append(_task(venue, kind, symbol, first, end, calendar, options))
        first = following
    return tuple(found)


def bars_by_length(
    venue: str, symbol: str, first: date, last: date, *, calendar: str, timeframe: str
) -> tuple[DownloadTask, ...]:
    """Return the tasks of bars: by session, from a length of an hour on by month; see `by_session`, `timeframe_of`."""
    frame = timeframe_of(timeframe)
    cut = by_session if frame.minutes < _SPARSE_MINUTES else by_month
    return cut(venue, DataKind.BARS, symbol, first, last, calendar=calendar, options={"timeframe": str(frame)})


def now_task(
    venue: str, kind: DataKind, symbol: str, first: date, last: date, *, calendar: str, today: date
) -> tuple[DownloadTask, ...]:
    """Return the task for what stands now.

    Parameters
    ----------
    venue : str
        As in `DownloadTask`.
    kind : DataKind
        What.
    symbol : str
        As in `DownloadTask`.
    first, last : datetime.date
        Days that were asked for.
    calendar : str
        Of the symbol.
    today : datetime.date
        Today there.

    Returns
    -------
    tuple of DownloadTask
        One.

    Raises
    ------
    ConfigError
        Other days than today were asked for.
    """
    if (first, last) != (today, today):
        raise ConfigError(
            f"{venue} keeps no history of {kind}",
            found=f"{first} to {last}",
            expected=f"today, {today}",
            action="leave --from and --to out, or import files of the past",
        )
    return (replace(_task(venue, kind, symbol, today, today, calendar, {}), is_snapshot=True),)


def _task(
    venue: str, kind: DataKind, symbol: str, first: date, last: date, calendar: str, options: dict[str, str]
) -> DownloadTask:
    midnight = ns_of_utc_midnight if calendar == _ALWAYS else eastern_midnight_ns
    return DownloadTask(
        venue=venue,
        kind=kind,
        symbol=symbol,
        first=first,
        last=last,
        start_ns=midnight(first),
        end_ns=midnight(last + _ONE_DAY),
        calendar=calendar,
        options=tuple(sorted(options.items())),
    )
