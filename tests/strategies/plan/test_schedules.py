"""When an entry is looked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from market.errors import ConfigError
from strategies.plan.schedules import DaysOut, EntryWindows, FixedTime, FrontBack, RandomTime
from strategies.structures.zero_dte_condor import ZeroDteCondor
from tests.strategies.chains import view_at
from tests.strategies.plan.plans import CONDOR, opened, scene, three_expiries
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


def test_front_and_back_follow_each_other() -> None:
    """Five and ten weeks; where the later one is not listed there is nothing to trade."""
    view = three_expiries()
    front, back = DaysOut(days=35, shortest=30, longest=45), DaysOut(days=70, shortest=30, longest=80)
    assert FrontBack(front=front, back=back).series(view) == (1, 2)
    assert FrontBack(front=front, back=replace(back, longest=70, days=69)).series(view) == (1, 2)
    assert FrontBack(front=front, back=replace(back, shortest=75, days=76)).series(view) == ()
    assert FrontBack(front=front, back=replace(back, days=36, longest=40)).series(view) == ()
    with pytest.raises(ConfigError, match="rising days"):
        FrontBack(front=back, back=front)


def test_a_fixed_time_may_trade_other_expirations() -> None:
    """The flyagonal enters at a time of day, a week and two weeks out."""
    later = DaysOut(days=35, shortest=30, longest=45)
    assert FixedTime(at=time(15, 0), expirations=later).series(three_expiries()) == (1,)


def test_windows_give_one_entry_each_and_so_many_a_day() -> None:
    """At 15:10 the window of 15:00 has begun: one entry since then, two since the open."""
    times = (FixedTime(at=time(11, 30)), FixedTime(at=time(15, 0)))
    windows, view = EntryWindows(times=times, most=2), view_at()
    assert [windows.is_candidate(view, NOW_NS + after * _S) for after in (-1, 0, 899, 900)] == [
        False,
        True,
        True,
        False,
    ]
    assert windows.period_start_ns(view, NOW_NS + 600 * _S) == NOW_NS
    assert windows.period_start_ns(view, NOW_NS - _S) == NOW_NS - 12_600 * _S
    assert windows.period_start_ns(view, NOW_NS - 16_000 * _S) == windows.session_start_ns(view)


@pytest.mark.parametrize(
    ("times", "most"), [((), 2), (((10, 0), (10, 5)), 2), (((11, 0), (10, 0)), 2), (((10, 0),), 0), (((10, 0),), 65)]
)
def test_windows_that_cannot_be_are_refused(times: tuple[tuple[int, int], ...], most: int) -> None:
    """None, overlapping, in another order than the day's, or counts that are not kept."""
    with pytest.raises(ConfigError, match="schedule"):
        EntryWindows(times=tuple(FixedTime(at=time(*each)) for each in times), most=most)


def test_a_window_in_a_zone_that_does_not_exist_is_refused() -> None:
    """Before a run, and not at its first view."""
    with pytest.raises(ConfigError, match="zone cannot be; found New York"):
        FixedTime(at=time(10), zone="New York")


def test_a_plan_stops_at_so_many_entries_a_day() -> None:
    """One in this window stops it, and so do two in the session; one in an earlier window does not (Z5)."""
    times = (FixedTime(at=time(11, 30)), FixedTime(at=time(15, 0)))
    plan = replace(ZeroDteCondor(underlying="SPX").plan, schedule=EntryWindows(times=times, most=2))
    plan = replace(plan, entry=replace(plan.entry, reenters=True, cool_down_s=0.0))
    hour = 3_600 * _S
    for entries, gate in (((), "entry"), ((NOW_NS - 3 * hour,), "entry"), ((NOW_NS - 3 * hour,) * 2, "entries_left")):
        assert plan.decide(scene(entries_ns={"zero_dte_condor": entries})).reason == gate
    own = opened(CONDOR, three_expiries(), strategy="zero_dte_condor", opened_ns=NOW_NS)
    again = replace(plan, entry=replace(plan.entry, max_open=2))
    assert again.decide(scene(packages=(own,))).reason == "one_a_session"
