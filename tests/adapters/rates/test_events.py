"""Announced events: what was known of them, and when."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.rates import read_events
from market.clock import ns_of_datetime
from market.errors import DataError
from market.series import EventKind

_COLUMNS = ("event_id", "kind", "symbol", "name", "event_ns", "available_ns", "forecast", "actual")
_NEW_YORK = ZoneInfo("America/New_York")
_CALENDAR = """event_id,event_time,kind,symbol,name,known_time,forecast,actual
aapl-q2,2023-05-04 16:30,earnings,AAPL,Q2,2023-04-01 08:00,1.43,
cpi,2023-05-10 08:30,economic,,CPI,2023-01-03 10:00,5.0,
fomc-may,2023-05-03 14:00,fomc,,Rate decision,2022-06-01 12:00,,
aapl-q2,2023-05-05 16:30,earnings,AAPL,Q2 moved,2023-04-20 08:00,1.43,
cpi,2023-05-10 08:30,economic,,CPI,,5.0,4.9
"""


def _at(*parts: int) -> int:
    return ns_of_datetime(datetime(*parts, tzinfo=_NEW_YORK))  # type: ignore[misc,arg-type]  # year to minute


def _calendar(folder: Path, text: str = _CALENDAR) -> Path:
    path = folder / "calendar.csv"
    path.write_text(text)
    return path


def test_an_event_lies_ahead_once_it_was_announced_and_until_it_happens(tmp_path: Path) -> None:
    """The calendar of an instant holds what had been announced and had not happened."""
    events = read_events(_calendar(tmp_path))
    assert events.ahead(_at(2022, 12, 1, 0, 0)).event_id == ("fomc-may",)
    assert set(events.ahead(_at(2023, 4, 10, 0, 0)).event_id) == {"fomc-may", "cpi", "aapl-q2"}
    assert set(events.ahead(_at(2023, 5, 3, 14, 0)).event_id) == {"cpi", "aapl-q2"}


def test_a_moved_date_replaces_the_first_one_when_it_is_announced(tmp_path: Path) -> None:
    """Before the announcement the old date stands."""
    events = read_events(_calendar(tmp_path))
    for day, expected in ((19, _at(2023, 5, 4, 16, 30)), (21, _at(2023, 5, 5, 16, 30))):
        known = events.known_at(_at(2023, 4, day, 12, 0))
        assert known.event_ns[known.event_id.index("aapl-q2")] == expected


def test_an_outcome_is_unknown_until_the_release(tmp_path: Path) -> None:
    """The printed number appears at the instant of the event, whatever else the row says."""
    events = read_events(_calendar(tmp_path))
    before, after = (events.known_at(_at(2023, 5, 10, 8, minute)) for minute in (29, 30))
    assert math.isnan(before.actual[before.event_id.index("cpi")])
    assert after.actual[after.event_id.index("cpi")] == 4.9


def test_an_event_without_a_stamp_is_known_when_it_happens(tmp_path: Path) -> None:
    """Who knows that it was announced earlier says so."""
    path = _calendar(tmp_path, "event_time,kind\n2023-05-03T14:00:00-04:00,fomc\n")
    assert read_events(path).ahead(_at(2023, 5, 3, 13, 59)).n_events == 0
    told = read_events(path, announced_ahead=timedelta(days=30))
    assert told.ahead(_at(2023, 5, 3, 13, 59)).kind == (EventKind.FOMC,)


@pytest.mark.parametrize("text", ["event_time,kind\nsoon,fomc\n", "event_time,kind\n2023-05-03,party\n", "day\n1\n"])
def test_a_calendar_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    """A time, a kind and both columns are needed."""
    with pytest.raises(DataError, match=r"calendar\.csv"):
        read_events(_calendar(tmp_path, text))


@pytest.mark.parametrize("month", range(1, 7))
def test_removing_the_future_changes_no_past_calendar(tmp_path: Path, month: int) -> None:
    """What was known at an instant depends on no row that was published later."""
    whole = read_events(_calendar(tmp_path))
    instant = _at(2023, month, 15, 12, 0)
    cut = replace(
        whole,
        **{name: getattr(whole, name)[: int((whole.available_ns <= instant).sum())] for name in _COLUMNS},
    )
    assert repr(whole.known_at(instant)) == repr(cut.known_at(instant))
    assert repr(whole.ahead(instant)) == repr(cut.ahead(instant))
