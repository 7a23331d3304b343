"""When the value of a day is printed: one rule per series, on the late side where the publisher's hour varies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from pandas.tseries.holiday import USFederalHolidayCalendar

from market.calendars import session_on
from market.clock import ns_of_datetime
from market.errors import ConfigError
from market.series import SeriesUnit

__all__ = ["PUBLISHED", "BusinessDays", "PublicationRule", "SeriesTerms"]

_MAX_LAG_DAYS: Final = 60


class BusinessDays(StrEnum):
    """The days on which a publisher prints."""

    FEDERAL = "federal"  # Monday to Friday without the federal holidays of the United States
    NYSE = "nyse"
    EVERY = "every"


@lru_cache(maxsize=256)
def _federal_holidays(year: int) -> frozenset[date]:
    # A holiday on a Saturday is observed on Friday here and by few banks: one day late, never early.
    days = USFederalHolidayCalendar().holidays(start=f"{year}-01-01", end=f"{year}-12-31")
    return frozenset(day.date() for day in days)


def _prints(days: BusinessDays, day: date) -> bool:
    if days is BusinessDays.NYSE:
        return session_on("NYSE", day) is not None
    return days is BusinessDays.EVERY or (day.weekday() < 5 and day not in _federal_holidays(day.year))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRule:
    """When the value of a day is known.

    Parameters
    ----------
    event_at : datetime.time
        Clock time of the observed day that the value speaks of.
    lag_days : int
        How many printing days after the observed day; 0 for the day itself, or the next printing day where it is
        none.
    published_at : datetime.time
        Clock time of the printing day.
    days : BusinessDays
        On which days the publisher prints.
    zone : str
        Time zone of both clock times.
    """

    event_at: time
    lag_days: int
    published_at: time
    days: BusinessDays
    zone: str = "America/New_York"

    def __post_init__(self) -> None:
        if not 0 <= self.lag_days <= _MAX_LAG_DAYS:
            raise ConfigError(
                "the lag of a publication cannot be used",
                found=f"{self.lag_days} days",
                expected=f"0 to {_MAX_LAG_DAYS}",
                action="give the printing days after the observed day",
            )
        if self.lag_days == 0 and self.published_at < self.event_at:
            raise ConfigError(
                "a value would be printed before its event",
                found=f"printed at {self.published_at}, event at {self.event_at}",
                expected="a later hour or a lag of a day",
                action="set published_at or lag_days",
            )

    def event_ns(self, day: date) -> int:
        """Return the instant that the value of a day speaks of, ns since the epoch, UTC."""
        return self._instant(day, self.event_at)

    def available_ns(self, day: date) -> int:
        """Return the instant from which the value of a day is known, ns since the epoch, UTC."""
        printed, left = day, self.lag_days
        while left or not _prints(self.days, printed):
            printed += timedelta(days=1)
            left -= int(left > 0 and _prints(self.days, printed))
        return self.printed_ns(printed)

    def printed_ns(self, day: date) -> int:
        """Return the hour of printing on a day that is known to be the printing day, ns since the epoch, UTC."""
        return self._instant(day, self.published_at)

    def _instant(self, day: date, clock: time) -> int:
        return ns_of_datetime(datetime.combine(day, clock, tzinfo=ZoneInfo(self.zone)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTerms:
    """What a column of a file means.

    Parameters
    ----------
    series : str
        Name of the series.
    unit : SeriesUnit
        Unit of its values once read.
    scale : float
        Factor from the printed number to that unit, such as 0.01 for per cents.
    rule : PublicationRule
        When its values are known.
    """

    series: str
    unit: SeriesUnit
    scale: float
    rule: PublicationRule


# The Federal Reserve's daily release of a day's rates comes out on the next business day in the afternoon.
_RELEASE: Final = PublicationRule(
    event_at=time(18, 30), lag_days=1, published_at=time(16, 15), days=BusinessDays.FEDERAL
)
# Cuts of the discount rate were announced on the morning of the day itself (August 2007, January and October 2008).
_DISCOUNT: Final = PublicationRule(
    event_at=time(0, 0), lag_days=0, published_at=time(16, 15), days=BusinessDays.FEDERAL
)
_BILLS: Final = PublicationRule(event_at=time(15, 0), lag_days=0, published_at=time(18, 0), days=BusinessDays.NYSE)
_INDEX: Final = PublicationRule(event_at=time(16, 15), lag_days=0, published_at=time(16, 30), days=BusinessDays.NYSE)
_NEXT_MORNING: Final = PublicationRule(
    event_at=time(16, 15), lag_days=1, published_at=time(9, 0), days=BusinessDays.NYSE
)
# Day averages of venues that never close.
_COIN: Final = PublicationRule(
    event_at=time(0, 0), lag_days=1, published_at=time(0, 0), days=BusinessDays.EVERY, zone="UTC"
)


def _rate(series: str, rule: PublicationRule) -> SeriesTerms:
    return SeriesTerms(series=series, unit=SeriesUnit.FRACTION_PER_YEAR, scale=0.01, rule=rule)


def _index(series: str, rule: PublicationRule = _INDEX) -> SeriesTerms:
    return SeriesTerms(series=series, unit=SeriesUnit.INDEX_POINTS, scale=1.0, rule=rule)


def _ratio(series: str) -> SeriesTerms:
    return SeriesTerms(series=series, unit=SeriesUnit.RATIO, scale=1.0, rule=_NEXT_MORNING)


PUBLISHED: Final[Mapping[str, SeriesTerms]] = MappingProxyType(
    {
        "dff": _rate("DFF", _RELEASE),
        "dff_pct": _rate("DFF", _RELEASE),
        "irx_13w_tbill_pct": _rate("IRX", _BILLS),
        "dpcredit": _rate("PRIMARY_CREDIT", _DISCOUNT),
        "primary_credit_rate_pct": _rate("PRIMARY_CREDIT", _DISCOUNT),
        "annualised_rate_pct": _rate("BORROW", _COIN),
        **{name.lower(): _index(name) for name in ("VIX", "VIX9D", "VIX3M", "VIX6M", "VVIX")},
        "skew": _index("SKEW", _NEXT_MORNING),
        **{
            f"{name}_put_call_ratio": _ratio(f"PUT_CALL_{name.upper()}")
            for name in ("total", "index", "etp", "equity", "vix", "spx_spxw")
        },
    }
)
"""Terms by the name of a column, or of an index, in lower case."""
