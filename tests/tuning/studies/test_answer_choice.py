"""The rule of choice: deterministic, feasible, complete, and robust rather than best."""

from __future__ import annotations

from math import nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.chains import FloatArray
from tuning.configuration.settings import Objective, Rule, SelectionSettings
from tuning.search.records import Candidates, TrialRecord, TrialState
from tuning.space.dimensions import Varied
from tuning.space.scales import Uniform
from tuning.space.space import Space
from tuning.studies.choice import Choice, choice, chooser, pareto_optimal
from tuning.work import Point

_SPACE = Space(
    tuple(
        Varied(name=name, targets=(("strategies", 0, name),), scale=Uniform(low=0.0, high=1.0), held=0.5)
        for name in ("a", "b")
    )
)
_SHARPE = (Objective.SHARPE,)


def _trial(
    number: int, a: float, b: float, *scores: float, state: TrialState = TrialState.COMPLETE, excess: float = -1.0
) -> TrialRecord:
    return TrialRecord(number=number, point=Point.of({"a": a, "b": b}), state=state, scores=scores, excesses=(excess,))


def _chosen(
    trials: tuple[TrialRecord, ...], rule: Rule, objectives: tuple[Objective, ...] = _SHARPE, neighbours: int = 4
) -> Choice:
    selection = SelectionSettings.model_validate({"rule": rule, "neighbours": neighbours})
    return choice(Candidates(split=0, train=(0,), trials=trials), _SPACE, objectives, selection)


def _plateau_and_spike() -> tuple[TrialRecord, ...]:
    """Return a grid with a plateau of 2 at the lower left and one spike of 9 elsewhere."""
    places = [(i / 9, j / 9) for i in range(10) for j in range(10)]
    return tuple(
        _trial(n, a, b, 9.0 if (a, b) == (8 / 9, 8 / 9) else 2.0 if max(a, b) < 0.4 else 0.1 * ((n * 7) % 5))
        for n, (a, b) in enumerate(places)
    )


def test_a_region_is_chosen_rather_than_a_spike() -> None:
    """The peak rule takes the spike; the region rule the middle of the plateau, whose neighbours are good too."""
    trials = _plateau_and_spike()
    assert _chosen(trials, Rule.PEAK).number == 88
    found = _chosen(trials, Rule.REGION)
    assert found.number is not None
    assert max(float(value) for value in trials[found.number].point.as_dict().values()) < 0.4
    assert found.number in found.members


def test_where_nothing_stands_out_the_defaults_stand() -> None:
    """The middle of a region that is the whole space is no finding; a plateau that the defaults lie outside of is."""
    draws = np.random.default_rng(5)
    places = [(0.9, 0.9), *((i / 9, j / 9) for i in range(10) for j in range(10))]
    flat = tuple(_trial(n, a, b, float(draws.normal())) for n, (a, b) in enumerate(places))
    assert _chosen(flat, Rule.REGION).number == 0
    assert "defaults" in _chosen(flat, Rule.REGION).reason
    hill = tuple(_trial(n, a, b, 5.0 if max(a, b) < 0.4 else float(draws.normal())) for n, (a, b) in enumerate(places))
    assert _chosen(hill, Rule.REGION).number not in {0, None}


@given(st.permutations(_plateau_and_spike()), st.sampled_from(Rule))
def test_the_order_of_trials_plays_no_part(trials: list[TrialRecord], rule: Rule) -> None:
    """Whatever the order in which trials came back, the choice is the same."""
    assert _chosen(tuple(trials), rule) == _chosen(_plateau_and_spike(), rule)


def test_infeasible_pruned_and_unscored_trials_are_never_chosen() -> None:
    """Each of them looks best here, and none may be taken."""
    bad = (
        _trial(20, 0.1, 0.1, 9.0, excess=0.5),
        _trial(21, 0.2, 0.1, 9.0, state=TrialState.PRUNED),
        _trial(22, 0.3, 0.1, nan),
        _trial(23, 0.4, 0.1, 9.0, excess=nan),
    )
    good = tuple(_trial(n, n / 10, 0.5, 1.0) for n in range(10))
    for rule in Rule:
        assert _chosen(good + bad, rule).number in range(10)
        assert _chosen(bad, rule).number is None
    assert _chosen(bad[:1], Rule.PEAK).reason == "none of 1 complete trials with a score keeps the constraints"
    assert _chosen(bad[1:2], Rule.PEAK).reason == "none of 1 trials ran on all its blocks"
    assert _chosen(bad[2:3], Rule.PEAK).reason == "none of 1 complete trials has a score in every objective"


def test_ties_go_to_the_lower_number() -> None:
    """Two trials that score the same are told apart by their number alone."""
    assert _chosen((_trial(7, 0.1, 0.1, 1.0), _trial(3, 0.9, 0.9, 1.0)), Rule.PEAK).number == 3


def test_less_is_better_where_the_objective_says_so() -> None:
    """The smallest drawdown is the peak."""
    trials = (_trial(0, 0.1, 0.1, 0.3), _trial(1, 0.2, 0.2, 0.1), _trial(2, 0.3, 0.3, 0.2))
    assert _chosen(trials, Rule.PEAK, (Objective.MAX_DRAWDOWN,)).number == 1


def test_with_several_objectives_the_choice_is_pareto_optimal() -> None:
    """What is chosen is dominated by no trial, under both rules; the front is told."""
    rng = np.random.default_rng(5)
    trials = tuple(_trial(n, *rng.random(2), *rng.normal(size=2)) for n in range(60))
    objectives = (Objective.SHARPE, Objective.MAX_DRAWDOWN)
    for rule in Rule:
        found = _chosen(trials, rule, objectives)
        assert found.number in found.front
        assert 1 < len(found.front) < 60


def test_defaults_outside_the_space_are_no_part_of_a_region() -> None:
    """A base without a place in the cube has no neighbours; it can only be the peak, and then the defaults stand."""
    outside = TrialRecord(number=0, point=Point(()), state=TrialState.COMPLETE, scores=(9.0,))
    trials = (outside, *(_trial(n, n / 20, 0.5, 1.0) for n in range(1, 20)))
    assert _chosen(trials, Rule.PEAK).number == 0
    assert _chosen(trials, Rule.REGION).number in range(1, 20)


def test_too_few_trials_make_no_region() -> None:
    """A neighbourhood that is not there is no reason to fall back on the peak."""
    found = _chosen(tuple(_trial(n, n / 4, 0.5, 1.0) for n in range(3)), Rule.REGION)
    assert found.number is None
    assert "3 trials can be chosen" in found.reason


def test_a_planner_gets_the_number_alone() -> None:
    """What the planner calls gives what the rule gives."""
    rule = chooser(_SPACE, _SHARPE, SelectionSettings.model_validate({"rule": Rule.PEAK}))
    assert rule(Candidates(split=None, train=(0,), trials=_plateau_and_spike())) == 88


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_the_front_is_what_nothing_dominates(rows: list[tuple[int, int, int]]) -> None:
    """By the definition, row against row."""
    gains: FloatArray = np.array(rows, dtype=np.float64)
    expected = [not any((other >= row).all() and (other > row).any() for other in gains) for row in gains]
    assert pareto_optimal(gains).tolist() == expected
