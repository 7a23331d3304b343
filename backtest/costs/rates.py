"""Rates by date: a table knows from which day each rate held, until when it was checked, and where it is printed."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from market.clock import datetime_of_ns
from market.errors import ConfigError, DataError

__all__ = ["DatedRate", "OutsideTable", "RateTable", "exchange_day"]

_EXCHANGE: Final = ZoneInfo("America/New_York")
_QUARTER_NS: Final = 900 * 1_000_000_000


class OutsideTable(StrEnum):
    """What to do on days that a table does not cover."""

    REFUSE = "refuse"
    CARRY = "carry"  # the nearest rate, and the run says so


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRate:
    """One rate and the first day on which it held.

    Parameters
    ----------
    since : datetime.date
        First trade date.
    rate : Decimal
        What the table counts: per unit, or a fraction of the value.
    most : Decimal or None
        Largest charge of one order; None where there is no such bound.
    source : str
        Key of docs/references.bib, or of the user's own configuration.
    """

    since: date
    rate: Decimal
    most: Decimal | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable:
    """A rate over time.

    Parameters
    ----------
    name : str
        What is charged.
    rows : tuple of DatedRate
        In order of `since`, one or more.
    checked_until : datetime.date
        Last day for which the rows were compared with a source; later days are outside of the table.

    Raises
    ------
    ConfigError
        No rows, rows out of order, a rate or bound that is negative, or a check before the last row.
    """

    name: str
    rows: tuple[DatedRate, ...]
    checked_until: date

    def __post_init__(self) -> None:
        days = [row.since for row in self.rows]
        if not days or days != sorted(set(days)) or days[-1] > self.checked_until:
            raise ConfigError(
                f"the table of {self.name} cannot be",
                found=f"days {[str(day) for day in days]}, checked until {self.checked_until}",
                expected="one row or more, days rising, the last at or before the check",
            )
        for row in self.rows:
            for value in (row.rate, row.most if row.most is not None else row.rate):
                if not value.is_finite() or value < 0:
                    raise ConfigError(f"a rate of {self.name} cannot be", found=str(value), expected=">= 0")

    def covers(self, day: date) -> bool:
        """Whether a day lies between the first row and the last check."""
        return self.rows[0].since <= day <= self.checked_until

    def gaps(self, first: date, last: date) -> tuple[tuple[date, date], ...]:
        """Return the parts of a span of days that the table does not cover.

        Parameters
        ----------
        first, last : datetime.date
            Span, both ends in it.

        Returns
        -------
        tuple of (datetime.date, datetime.date)
            None, one or two spans, both ends in them.
        """
        one = timedelta(days=1)
        before = (first, min(last, self.rows[0].since - one))
        after = (max(first, self.checked_until + one), last)
        return tuple(span for span in (before, after) if span[0] <= span[1])

    def on(self, day: date, outside: OutsideTable = OutsideTable.REFUSE) -> DatedRate:
        """Return the rate of a day.

        Parameters
        ----------
        day : datetime.date
            Trade date at the exchange.
        outside : OutsideTable
            What to do where the table does not cover the day.

        Returns
        -------
        DatedRate
            The row that held, or the nearest one where it is carried.

        Raises
        ------
        DataError
            The day is outside of the table, and is not to be carried.
        """
        if outside is OutsideTable.REFUSE and not self.covers(day):
            raise DataError(
                f"{self.name} is not known for a day",
                found=str(day),
                expected=f"{self.rows[0].since} to {self.checked_until}",
                action="give the rate in the configuration, or allow the nearest one to be carried",
            )
        return self.rows[max(bisect_right(self.rows, day, key=_since) - 1, 0)]


def _since(row: DatedRate) -> date:
    return row.since


@lru_cache(maxsize=4096)
def _day_of_quarter(quarter: int) -> date:
    return datetime_of_ns(quarter * _QUARTER_NS).astimezone(_EXCHANGE).date()


def exchange_day(ts_ns: int) -> date:
    """Return the date in New York of an instant.

    Parameters
    ----------
    ts_ns : int
        ns since the epoch, UTC.

    Returns
    -------
    datetime.date
        Calendar date. New York's midnight falls on a full hour of UTC, so that a quarter of an hour decides.
    """
    return _day_of_quarter(ts_ns // _QUARTER_NS)
