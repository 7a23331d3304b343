"""The machine of every axis: bands, dwell, UNKNOWN, emergencies, and a clock that is set back."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.regime import AxisMachine, AxisMemory, Edge, Ltv, TermStructure, place_on_line

LOW, FLAT, HIGH, NONE = TermStructure.CONTANGO, TermStructure.FLAT, TermStructure.INVERTED, TermStructure.UNKNOWN
RANK = (LOW, FLAT, HIGH)
DWELL = 100
LINE = (Edge(level=1.0, rise=0.1, fall=0.1), Edge(level=2.0, fall=0.2), Edge(level=3.0, rise=0.3, is_upper_owner=False))


def never(_old: object, _new: object) -> bool:
    """Nothing is urgent."""
    return False


def machine(memory: AxisMemory | None = None) -> AxisMachine:
    """Return a machine without emergencies."""
    return AxisMachine(DWELL, never, NONE, memory)


@pytest.mark.parametrize(
    ("value", "previous", "position"),
    [
        (1.0, None, 1),
        (0.999, None, 0),
        (3.0, None, 2),
        (3.0001, None, 3),
        (1.05, 0, 0),
        (1.1, 0, 1),
        (0.95, 1, 1),
        (0.9, 1, 1),
        (0.8999, 1, 0),
        (2.0, 1, 2),
        (1.8, 2, 2),
        (1.79, 2, 1),
        (3.3, 2, 2),
        (3.31, 2, 3),
        (3.0, 3, 2),
        (9.0, 0, 3),
        (-9.0, 3, 0),
    ],
)
def test_a_border_is_passed_beyond_its_band_only(value: float, previous: int | None, position: int) -> None:
    """Up at level + rise, down below level - fall; the owner of the border decides equality."""
    assert place_on_line(LINE, value, previous).position == position


@given(st.floats(-1.0, 5.0), st.none() | st.integers(0, 3))
def test_the_margin_is_the_distance_to_where_the_position_changes(value: float, previous: int | None) -> None:
    """Just inside the margin nothing changes; just outside it the neighbour stands."""
    place = place_on_line(LINE, value, previous)
    sign = -1.0 if place.neighbour < place.position else 1.0
    assert place_on_line(LINE, value + sign * (place.margin - 1e-9), place.position).position == place.position
    beyond = place_on_line(LINE, value + sign * (place.margin + 1e-9), place.position).position
    assert beyond == place.neighbour


@given(st.floats(-1.0, 5.0), st.floats(0.0, 2.0), st.none() | st.integers(0, 3))
def test_more_is_never_a_lower_position(value: float, more: float, previous: int | None) -> None:
    """Bands are monotone: from the same past a larger value stands as high or higher."""
    assert place_on_line(LINE, value + more, previous).position >= place_on_line(LINE, value, previous).position


@given(st.lists(st.floats(1.8, 1.999999), min_size=1, max_size=50))
def test_within_a_band_nothing_flaps(values: list[float]) -> None:
    """Once above, any path inside the band stays above; once below, it stays below."""
    for start, stays in ((2.0, 2), (1.5, 1)):
        position = place_on_line(LINE, start, None).position
        for value in values:
            position = place_on_line(LINE, value, position).position
            assert position == stays


def test_a_line_without_borders_has_one_place() -> None:
    """And no neighbour."""
    place = place_on_line((), 5.0, None)
    assert (place.position, place.neighbour, place.margin) == (0, -1, inf)


def test_a_state_stays_for_its_dwell() -> None:
    """One instant less than the dwell holds it; at the dwell it goes."""
    axis = machine()
    assert axis.step(LOW, 0).state is LOW
    assert axis.step(HIGH, DWELL - 1).state is LOW
    assert axis.step(HIGH, DWELL) == AxisMemory(state=HIGH, since_ns=DWELL, known=HIGH, known_since_ns=DWELL)
    assert axis.step(LOW, 2 * DWELL - 1).state is HIGH


def test_a_missing_input_is_unknown_at_once_and_does_not_shorten_the_dwell() -> None:
    """UNKNOWN waits for nothing; when inputs come back, the state before them still has its time to serve."""
    axis = machine()
    axis.step(LOW, 0)
    assert axis.step(NONE, 10).state is NONE
    assert axis.step(HIGH, 20).state is LOW
    assert axis.step(NONE, 30).since_ns == 30
    assert axis.step(HIGH, DWELL).state is HIGH


def test_an_emergency_waits_for_nothing() -> None:
    """Urgent changes pass the dwell, at the very next reading."""
    axis = AxisMachine(DWELL, lambda old, new: list(Ltv).index(new) > list(Ltv).index(old), Ltv.UNKNOWN)  # type: ignore[arg-type]  # all are of LTV here
    axis.step(Ltv.SAFE, 0)
    assert axis.step(Ltv.EMERGENCY, 1).state is Ltv.EMERGENCY
    assert axis.step(Ltv.SAFE, 2).state is Ltv.EMERGENCY


def test_a_clock_that_is_set_back_restarts_the_dwell() -> None:
    """The stay counts from the earlier instant: no state is frozen until the clock has caught up."""
    axis = machine()
    axis.step(LOW, 1_000_000)
    assert axis.step(HIGH, 500).state is LOW
    assert axis.memory.since_ns == 500
    assert axis.step(HIGH, 500 + DWELL).state is HIGH


@given(st.lists(st.tuples(st.sampled_from((*RANK, NONE)), st.integers(-50, 150)), max_size=60))
def test_two_known_states_are_never_closer_than_the_dwell(steps: list[tuple[TermStructure, int]]) -> None:
    """Over any sequence, with gaps and with clocks set back, since is never in the future and changes are spaced."""
    axis, now, changed = machine(), 1000, -(10**9)
    known: object = None
    for state, step in steps:
        now = max(0, now + step)
        changed = min(changed, now)
        memory = axis.step(state, now)
        assert memory.since_ns <= now
        assert (memory.state is NONE) == (state is NONE)
        if memory.known is not known:
            assert known is None or now - changed >= DWELL
            known, changed = memory.known, now


@given(st.lists(st.tuples(st.sampled_from((*RANK, NONE)), st.integers(0, 150)), min_size=2, max_size=30))
def test_a_machine_goes_on_from_its_memory(steps: list[tuple[TermStructure, int]]) -> None:
    """Stopped and restored after every step it reads the same."""
    axis, now = machine(), 0
    memory = AxisMemory()
    for state, step in steps:
        now += step
        restored = machine(memory)
        memory = restored.step(state, now)
        assert memory == axis.step(state, now)
