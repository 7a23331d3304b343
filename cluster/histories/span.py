"""The dates of a run, and whether data reach over them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from market.calendars import sessions_between
from market.clock import datetime_of_ns, ns_of_datetime
from market.errors import ConfigError, DataError

__all__ = ["Span"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Exchange dates from one to another, both included.

    Parameters
    ----------
    first, last : datetime.date
        Dates.
    calendar : str
        Whose sessions they are, as in `market.calendars`; ``24/7`` counts days of UTC.
    """

    first: date
    last: date
    calendar: str = "NYSE"

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ConfigError("a span ends before it begins", found=f"{self.first} to {self.last}")

    @property
    def zone(self) -> ZoneInfo:
        """Whose midnights part the days."""
        return ZoneInfo("UTC" if self.calendar == "24/7" else "America/New_York")

    @property
    def first_ns(self) -> int:
        """First instant, ns since the epoch, UTC."""
        return ns_of_datetime(datetime.combine(self.first, time(), tzinfo=self.zone))

    @property
    def last_ns(self) -> int:
        """Last instant, ns since the epoch, UTC."""
        return ns_of_datetime(datetime.combine(self.last + timedelta(days=1), time(), tzinfo=self.zone)) - 1

    def require(self, what: str, first_ns: int, last_ns: int) -> None:
        """Raise where data do not reach from the first session of the span to its last.

        Parameters
        ----------
        what : str
            What the data are, for the error.
        first_ns, last_ns : int
            First and last instant that they hold, ns since the epoch, UTC.

        Raises
        ------
        DataError
            It says which dates are there.
        """
        sessions = sessions_between(self.calendar, self.first, self.last)
        if not sessions:
            raise ConfigError(
                "a span holds no session", found=f"{self.first} to {self.last}", expected=f"sessions of {self.calendar}"
            )
        first, last = (datetime_of_ns(instant).astimezone(self.zone).date() for instant in (first_ns, last_ns))
        if first > sessions[0].day or last < sessions[-1].day:
            raise DataError(
                f"{what} do not cover the dates of the run",
                found=f"{first} to {last}",
                expected=f"{sessions[0].day} to {sessions[-1].day}",
                action="shorten the run to the dates that are there, or name more data",
            )
