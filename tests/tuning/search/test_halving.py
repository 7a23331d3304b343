"""Pruning: what it saves, and what it never takes."""

from __future__ import annotations

from math import ceil, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.search.planted import Market, cube, planner_of, sweep_of
from tuning.configuration.settings import PruningSettings
from tuning.search.halving import Ladder, looks_of
from tuning.search.inline import run_inline
from tuning.search.records import PartRecord, TrialRecord, TrialState

PRUNING = {"first_blocks": 1, "reduction": 3}
VALIDATION = {"blocks": 10, "train_blocks": 8}


def pruned(sampler: str, *, lag: int = 4, trials: int = 60) -> PartRecord:
    """Return the search over all blocks of a sweep with pruning."""
    told = {"sampler": sampler, "lag": lag, "trials": trials, "pruning": PRUNING, "validation": VALIDATION}
    planner = planner_of(sweep_of(**told), cube())
    run_inline(planner, Market())
    assert planner.progress.n_blocks_saved == sum(
        len(part.train) - len(trial.blocks)
        for part in planner.parts
        for trial in part.trials
        if trial.state is TrialState.PRUNED
    )
    return planner.parts[-1]


def test_looks_lie_at_powers_of_the_reduction() -> None:
    """The end of all blocks is no look."""
    assert looks_of(PruningSettings(first_blocks=2, reduction=3), 18) == (2, 6)
    assert looks_of(PruningSettings(first_blocks=2, reduction=3), 2) == ()
    assert looks_of(None, 18) == ()


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", "cma_es"])
@pytest.mark.parametrize("lag", [1, 4])
def test_nothing_is_pruned_that_was_among_the_best_at_its_look(sampler: str, lag: int) -> None:
    """Of those that were told when it began, a pruned trial was outside the best third, and one that went on within."""
    trials = pruned(sampler, lag=lag).trials
    assert any(trial.state is TrialState.PRUNED for trial in trials)
    for trial in trials[1:]:
        for look, score in enumerate(trial.looks):
            told = [each.looks[look] for each in trials[: max(trial.number - lag + 1, 0)] if len(each.looks) > look]
            is_best = sum(each > score for each in told) < ceil((len(told) + 1) / 3)
            assert is_best == (trial.pruned_at != look)


def test_pruning_saves_blocks_and_keeps_the_best() -> None:
    """Less than half of the blocks are run, and the best random point is the one that is found without pruning."""
    full = planner_of(sweep_of(sampler="random", trials=60, validation=VALIDATION), cube())
    run_inline(full, Market())
    complete = {trial.number: trial for trial in full.parts[0].trials}
    trials = pruned("random").trials
    n_run = sum(len(trial.blocks) for trial in trials)
    assert n_run < 0.5 * 10 * 60
    assert all(_is_head(trial, complete[trial.number]) for trial in trials)

    def best(found: tuple[TrialRecord, ...]) -> int:
        return max(found, key=lambda trial: trial.scores[0] if trial.is_feasible else -100.0).number

    assert best(trials) == best(full.parts[0].trials)


def _is_head(trial: TrialRecord, whole: TrialRecord) -> bool:
    return trial.point == whole.point and trial.blocks == whole.blocks[: len(trial.blocks)]


def test_a_pruned_trial_says_where_and_has_no_score() -> None:
    """It names the look and holds the blocks up to it."""
    found = [trial for trial in pruned("random").trials if trial.state is TrialState.PRUNED]
    for trial in found:
        assert trial.pruned_at == len(trial.looks) - 1
        assert len(trial.blocks) == 3**trial.pruned_at
        assert trial.reason == f"not among the best at look {trial.pruned_at + 1}, after {len(trial.blocks)} blocks"
        assert isnan(trial.scores[0])
        assert not trial.is_feasible


@given(st.lists(st.floats(-3, 3) | st.just(nan), max_size=20), st.floats(-3, 3), st.integers(2, 5), st.booleans())
def test_the_best_so_far_always_goes_on(scores: list[float], score: float, reduction: int, is_maximised: bool) -> None:  # noqa: FBT001  # drawn
    """Whatever the sign of the objective, a trial that nothing beats goes on, and so does one without a score."""
    ladder = Ladder(n_looks=1, reduction=reduction, is_maximised=is_maximised)
    for number, each in enumerate(scores):
        ladder.tell(number, (each,))
    known = [each for each in scores if not isnan(each)]
    best = max([score, *known]) if is_maximised else min([score, *known])
    assert ladder.goes_on(0, best, len(scores))
    assert ladder.goes_on(0, nan, len(scores))
    worst = -10.0 if is_maximised else 10.0
    assert ladder.goes_on(0, worst, len(scores)) == (len(known) < ceil((len(known) + 1) / reduction))
    assert ladder.goes_on(0, worst, -1)
