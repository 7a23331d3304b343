"""When an entry is looked for."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from market.errors import ConfigError
from strategies.plan.schedules import DaysOut, FixedTime, RandomTime
from tests.strategies.chains import view_at
from tests.strategies.scene import NOW_NS

_S = 1_000_000_000


def test_the_window_opens_at_its_wall_time() -> None:
    """15:00 in New York is 19:00 UTC in June, and the window ends a quarter of an hour later."""
    schedule, view = FixedTime(at=time(15, 0), window_s=900.0), view_at()
    inside = [schedule.is_candidate(view, NOW_NS + after * _S) for after in (-1, 0, 899, 900)]
    assert inside == [False, True, True, False]


def test_it_takes_the_series_of_the_day_and_stops_half_an_hour_before_its_end() -> None:
    """An hour before the close half an hour is left for entries."""
    schedule, view = FixedTime(at=time(15, 0)), view_at()
    assert schedule.series(view) == (0,)
    assert schedule.last_entry_ns(view, 0) - NOW_NS == 1800 * _S
    assert NOW_NS - schedule.session_start_ns(view) == 5.5 * 3600 * _S


def test_days_out_takes_the_nearest_within_its_bounds() -> None:
    """Of 0 and 35 days, 45 are nearest to 35 where 30 to 45 are accepted; nothing lies within 40 to 50."""
    view = view_at()
    assert DaysOut(days=45, shortest=30, longest=45).series(view) == (1,)
    assert DaysOut(days=45, shortest=40, longest=50).series(view) == ()


@pytest.mark.parametrize(("days", "shortest", "longest"), [(45, 45, 45), (45, 50, 30), (29, 30, 45), (46, 30, 45)])
def test_bounds_in_days_rise(days: int, shortest: int, longest: int) -> None:
    """The least lies below the most, and what is wanted between them (Q4)."""
    with pytest.raises(ConfigError, match="shortest < longest"):
        DaysOut(days=days, shortest=shortest, longest=longest)


def test_a_lot_is_decided_by_seed_and_date_alone() -> None:
    """Two objects of one seed draw alike, other seeds and dates draw evenly among all times."""
    times = tuple(FixedTime(at=time(hour, 0)) for hour in (10, 11, 12))
    days = [date(2023, 1, 2) + timedelta(days=n) for n in range(900)]
    lots = [RandomTime(times=times, seed=5).drawn(day) for day in days]
    assert lots == [RandomTime(times=times, seed=5).drawn(day) for day in reversed(days)][::-1]
    assert lots != [RandomTime(times=times, seed=6).drawn(day) for day in days]
    assert all(240 < lots.count(each) < 360 for each in times)


def test_a_lot_trades_in_its_own_window() -> None:
    """At 15:00 it is a candidate where 15:00 was drawn, and nowhere else."""
    times = (FixedTime(at=time(10, 0)), FixedTime(at=time(15, 0)))
    view = view_at()
    found = {RandomTime(times=times, seed=seed).is_candidate(view, NOW_NS) for seed in range(20)}
    assert found == {True, False}
    for seed in range(20):
        drawn = RandomTime(times=times, seed=seed)
        assert drawn.is_candidate(view, NOW_NS) == (drawn.drawn(date(2023, 6, 2)).at == time(15, 0))


def test_lots_are_of_one_calendar() -> None:
    """Without times, or with times of two exchanges, there is nothing to draw from."""
    for times in ((), (FixedTime(at=time(10, 0)), FixedTime(at=time(10, 0), calendar="24/7"))):
        with pytest.raises(ConfigError, match="of one calendar"):
            RandomTime(times=times, seed=1)
