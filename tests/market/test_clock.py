"""Instants as integer nanoseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.clock import SystemClock, datetime_of_ns, iso_of_ns, ns_of_datetime, ns_of_utc_midnight


@given(st.integers(-69 * 365 * 86_400_000_000, 230 * 365 * 86_400_000_000))
def test_instants_survive_the_way_to_nanoseconds_and_back(since_epoch_us: int) -> None:
    """Exact to the microsecond, before the epoch too: from 1901 to 2199."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since_epoch_us)  # cheaper than drawing a date
    assert datetime_of_ns(ns_of_datetime(instant)) == instant


@given(st.integers(-(2**62), 2**62))
def test_nanoseconds_are_truncated_to_the_microsecond(instant_ns: int) -> None:
    """Never rounded up into the future."""
    assert 0 <= instant_ns - ns_of_datetime(datetime_of_ns(instant_ns)) < 1_000


def test_zones_are_converted() -> None:
    """An instant is the same in each zone."""
    east = timezone(timedelta(hours=-4))
    assert ns_of_datetime(datetime(2023, 5, 23, 20, tzinfo=east)) == ns_of_utc_midnight(date(2023, 5, 24))


def test_a_zone_is_required() -> None:
    """A wall clock without a zone is no instant."""
    with pytest.raises(ValueError, match="time zone"):
        ns_of_datetime(datetime(2023, 5, 23))  # noqa: DTZ001  # the slip itself


def test_text_is_iso_with_z() -> None:
    """As the API prints it."""
    assert iso_of_ns(ns_of_utc_midnight(date(2024, 2, 29)) + 1_500_000) == "2024-02-29T00:00:00.001500Z"


def test_the_system_clock_does_not_run_backwards_here() -> None:
    """Two readings in a row, both after this test was written."""
    clock = SystemClock()
    first = clock.now_ns()
    assert ns_of_utc_midnight(date(2025, 1, 1)) < first <= clock.now_ns()
