"""The entry score: edges from both sides, least points, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan, nan, nextafter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from risk.entry_score import EntryScoreConfig, EntryScoreInputs, entry_score

_BEST = EntryScoreInputs(confidence=0.9, probability_of_profit=0.9, rule_signal=0.9, direction=0.0)
_NO_MINIMA = EntryScoreConfig(min_confidence=0.0, min_probability=0.0, min_rule=0.0)


def _points(name: str, value: float) -> float:
    inputs = replace(_BEST, **{name: value})
    return dict(entry_score(EntryScoreConfig(), inputs).points)[name]


@pytest.mark.parametrize(
    ("name", "edge", "at", "beyond"),
    [
        ("confidence", 0.3, 0.0, 10.0),
        ("confidence", 0.5, 10.0, 20.0),
        ("confidence", 0.7, 20.0, 30.0),
        ("probability_of_profit", 0.3, 0.0, 10.0),
        ("probability_of_profit", 0.45, 10.0, 20.0),
        ("probability_of_profit", 0.6, 20.0, 30.0),
        ("rule_signal", 0.5, 15.0, 30.0),
    ],
)
def test_an_edge_belongs_to_the_fewer_points(name: str, edge: float, at: float, beyond: float) -> None:
    """Strictly above counts (Q97 to Q99): the edge itself, and the number just below it, do not."""
    assert _points(name, nextafter(edge, -inf)) == at
    assert _points(name, edge) == at
    assert _points(name, nextafter(edge, inf)) == beyond


def test_a_neutral_rule_signal_counts_half() -> None:
    """At 0 there are 15 points, just below none (Q99)."""
    assert [_points("rule_signal", x) for x in (0.0, -0.0, -1e-12)] == [15.0, 15.0, 0.0]


def test_direction_counts_strictly_below_its_edge() -> None:
    """On both sides of 0, and not on the edge (Q100)."""
    inside = nextafter(0.5, 0.0)
    assert [_points("direction", x) for x in (inside, -inside, 0.5, -0.5)] == [10.0, 10.0, 0.0, 0.0]


def test_the_best_is_a_hundred() -> None:
    """30 + 30 + 30 + 10 (Q96)."""
    found = entry_score(EntryScoreConfig(), _BEST)
    assert (found.score, found.is_passed, found.reason) == (100.0, True, "")


@pytest.mark.parametrize(("threshold", "passed"), [(39.9, True), (40.0, True), (40.1, False)])
def test_the_threshold_itself_is_enough(threshold: float, passed: bool) -> None:  # noqa: FBT001  # expected
    """At or above passes (Q101): 10 + 10 + 15 + ... a score of 40 against bounds around it."""
    forty = EntryScoreInputs(confidence=0.0, probability_of_profit=0.0, rule_signal=0.9, direction=0.0)
    found = entry_score(replace(_NO_MINIMA, threshold=threshold), forty)
    assert (found.score, found.is_passed) == (40.0, passed)


def test_nothing_is_entered_without_confidence_and_probability() -> None:
    """Rules and direction alone reach 40 (EQ5); the least points of each component stand against it."""
    alone = EntryScoreInputs(confidence=0.3, probability_of_profit=0.3, rule_signal=1.0, direction=0.0)
    assert entry_score(_NO_MINIMA, alone).is_passed
    found = entry_score(EntryScoreConfig(), alone)
    assert not found.is_passed
    assert found.reason == "confidence has 0 of 10 points; probability_of_profit has 0 of 10 points"


def test_the_first_bound_that_fails_is_told_with_its_numbers() -> None:
    """A score that is too low is told with what was needed."""
    low = EntryScoreInputs(confidence=0.4, probability_of_profit=0.4, rule_signal=0.2, direction=0.9)
    assert entry_score(EntryScoreConfig(), low).reason == "35 of 40 points"


@pytest.mark.parametrize("name", ["confidence", "probability_of_profit", "rule_signal", "direction"])
@pytest.mark.parametrize("value", [nan, inf, -1.5, 1.5])
def test_what_is_missing_or_impossible_does_not_pass(name: str, value: float) -> None:
    """A component without a number, or with one that it cannot have, has no points and stops the entry by its name."""
    found = entry_score(EntryScoreConfig(threshold=0.0), replace(_BEST, **{name: value}))
    assert not found.is_passed
    assert found.reason == f"missing: {name}"
    assert isnan(dict(found.points)[name])
    assert isnan(found.score)


@settings(deadline=None)
@given(
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
    st.sampled_from(["confidence", "probability_of_profit", "rule_signal"]),
    st.floats(0.0, 1.0),
)
def test_better_inputs_never_lower_the_score(
    confidence: float, probability: float, rule: float, direction: float, name: str, rise: float
) -> None:
    """Monotone in each component, and between 0 and 100."""
    inputs = EntryScoreInputs(
        confidence=confidence, probability_of_profit=probability, rule_signal=rule, direction=direction
    )
    better = replace(inputs, **{name: min(getattr(inputs, name) + rise, 1.0)})
    before, after = (entry_score(EntryScoreConfig(), each) for each in (inputs, better))
    assert 0.0 <= before.score <= after.score <= 100.0
    assert after.is_passed >= before.is_passed


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence_edges": (0.5, 0.3, 0.7)},
        {"probability_edges": (0.3, 0.45, 1.1)},
        {"threshold": 101.0},
        {"rule_edge": nan},
        {"min_direction": 11.0},
    ],
)
def test_bounds_that_cannot_be_are_refused(changes: dict[str, object]) -> None:
    """Edges must rise and lie in range, minima must be reachable."""
    with pytest.raises(ConfigError):
        replace(EntryScoreConfig(), **changes)  # type: ignore[arg-type]  # as a table gives them
