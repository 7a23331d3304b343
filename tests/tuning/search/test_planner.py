"""A sweep from its first proposal to the choices on days that they did not see."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from market.errors import ConfigError, DataError
from tests.tuning.search.planted import Market, cube, lattice, planner_of, sweep_of, varied
from tuning.search.inline import run_inline
from tuning.search.planner import Planner
from tuning.search.proposals import BASE
from tuning.search.records import Candidates, ChoiceRecord, Phase, TrialState
from tuning.space.scales import Choice, Stepped, Uniform
from tuning.space.space import Space
from tuning.work import BlockOutcome, Item, ItemOutcome, Point

SAMPLERS = ("random", "grid", "tpe", "cma_es", "nsga2")
PRUNING = {"first_blocks": 1, "reduction": 2}


def run(space: Space, market: Any = None, **tables: Any) -> Planner:
    """Return the plan of a sweep that is done."""
    planner = planner_of(sweep_of(**tables), space)
    run_inline(planner, market or Market())
    return planner


def _choice(planner: Planner, split: int | None) -> ChoiceRecord:
    return next(choice for choice in planner.choices if choice.split == split)


@pytest.mark.parametrize("scheme", ["anchored", "rolling"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_choice_does_not_see_its_test_days(sampler: str, scheme: str) -> None:
    """Other prices in a test block change what the choice gives there, and not the choice."""
    tables = {"sampler": sampler, "trials": 25, "startup": 6, "pruning": PRUNING, "validation": {"scheme": scheme}}
    space = lattice(5) if sampler == "grid" else cube()
    market = Market((1.0, 3.0), noise=0.02) if sampler == "grid" else Market()
    calm, wild = run(space, market, **tables), run(space, replace(market, shocks={4: 0.05}), **tables)
    before, after = _choice(calm, 1), _choice(wild, 1)
    assert calm.choices[0] == wild.choices[0]
    assert (before.number, before.point) == (after.number, after.point)
    assert before.blocks != after.blocks
    assert [block.block for block in after.blocks] == [4]


class Shaken(Market):
    """The market with other last days in the block before the first test."""

    def block(self, point: Point, at: int) -> BlockOutcome:
        """Return the block of the market, and in one of them three other days."""
        found = super().block(point, at)
        if at == 2:
            found.returns[-3:] += 0.05 * float(int(point.key[:2], 16) - 128)
        return found


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_choice_sees_no_day_that_is_purged(sampler: str) -> None:
    """Days before a test are left out of the scores that its choice is made from."""
    seen: list[Candidates] = []

    def choose(candidates: Candidates) -> int | None:
        seen.append(candidates)
        return 0

    for purge, market in ((3, Market()), (3, Shaken()), (2, Shaken())):
        sweep = sweep_of(sampler=sampler, trials=6, startup=2, validation={"purge_days": purge})
        run_inline(planner_of(sweep, cube(), choose), market)
    calm, shaken, late = ([trial.scores for trial in each.trials] for each in seen if each.split == 0)
    assert calm == shaken
    assert all(map(np.isfinite, np.ravel(calm)))
    assert calm != late


def test_a_later_stop_is_no_reason_against_a_point_before() -> None:
    """A point that stops in the last block is a candidate of the splits before, and of no choice that saw it."""

    class Stopping(Market):
        def block(self, point: Point, at: int) -> BlockOutcome:
            found = super().block(point, at)
            return replace(found, stopped="out of money") if at == 4 and point.values else found

    told: dict[int | None, Candidates] = {}

    def choose(candidates: Candidates) -> int | None:
        told[candidates.split] = candidates
        return 1 if candidates.trials[1].is_feasible else 0

    planner = planner_of(sweep_of(sampler="random", trials=5), cube(held=None), choose)
    run_inline(planner, Stopping())
    assert [trial.state for trial in planner.parts[0].trials] == [TrialState.COMPLETE] + [TrialState.FAILED] * 4
    assert {trial.state for trial in told[1].trials} == {TrialState.COMPLETE}
    assert "out of money" in _choice(planner, 1).reason
    assert _choice(planner, 0).reason == ""


def test_without_a_choice_the_defaults_stand() -> None:
    """Where the rule chooses nothing, the base is run on the test blocks, and no trial is named."""
    planner = planner_of(sweep_of(sampler="tpe", trials=6, startup=2), cube(), lambda _candidates: None)
    run_inline(planner, Market())
    assert [choice.number for choice in planner.choices] == [None] * 3
    assert {choice.point for choice in planner.choices} == {cube().default}
    assert [[block.block for block in choice.blocks] for choice in planner.choices] == [[3], [4], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_trial_0_is_the_base_even_outside_the_space(sampler: str) -> None:
    """What all others are compared with is run to its end, and no constraint, pruning or bound keeps it out."""
    space = lattice(4, held=None)
    planner = run(space, Market((1, 2)), sampler=sampler, trials=16, startup=4, pruning=PRUNING)
    for part in planner.parts:
        assert part.trials[0].point == BASE
        assert part.trials[0].state is TrialState.COMPLETE
        assert [block.block for block in part.trials[0].blocks] == list(part.train)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_small_space_is_looked_through_once(sampler: str) -> None:
    """Every point is a trial once, and the search ends although more trials were allowed."""
    planner = run(lattice(3), Market((1, 2)), sampler=sampler, trials=40, startup=4)
    part = planner.parts[-1]
    assert len({trial.point for trial in part.trials}) == len(part.trials) == 9
    assert part.ended == ("all trials were run" if sampler == "grid" else "every point of the space was proposed")
    assert planner.progress.n_trials == planner.progress.n_trials_most == 9 * len(planner.parts)


def test_choices_and_steps_are_learned_from() -> None:
    """A space of a choice, a step and a number is searched by each sampler that learns, without a warning."""
    kinds = Choice(values=("a", "b"), tells=("a", "b"))
    steps = Stepped(low=Decimal("0.1"), high=Decimal("0.9"), step=Decimal("0.1"), is_exact=True)
    space = Space(
        (varied("k", kinds, "a"), varied("s", steps, "0.3"), varied("u", Uniform(low=0.1, high=9.0, log=True), 1.0))
    )

    class Mixed(Market):
        def mean(self, point: Point) -> float:
            held = point.as_dict()
            return 0.001 * (held["k"] == "b") - 0.002 * abs(float(held["s"]) - 0.7)

    for sampler in ("tpe", "cma_es", "nsga2"):
        part = run(space, Mixed(), sampler=sampler, trials=40, startup=8).parts[-1]
        best = max(part.trials, key=lambda trial: trial.scores[0]).point.as_dict()
        assert (best["k"], best["s"]) in {("b", "0.7"), ("b", "0.6"), ("b", "0.8")}


def test_a_refused_point_is_a_trial_with_its_reason() -> None:
    """It has no blocks and no score, and the sweep goes on."""

    def evaluate(item: Item) -> ItemOutcome:
        low = float(item.point.as_dict()["x0"]) < 0.5
        return ItemOutcome(number=item.number, blocks=(), refused="fast above slow") if low else market(item)

    market, planner = Market(), planner_of(sweep_of(sampler="tpe", startup=6), cube())
    run_inline(planner, evaluate)
    refused = [trial for trial in planner.parts[-1].trials if trial.state is TrialState.REFUSED]
    assert refused
    assert {(trial.reason, trial.blocks) for trial in refused} == {("fast above slow", ())}
    assert all(float(trial.point.as_dict()["x0"]) < 0.5 for trial in refused)
    assert planner.progress.n_refused >= len(refused)


def test_an_item_that_no_worker_can_run_ends_its_trial_alone() -> None:
    """The trial fails with the reason, and the others are as if nothing had been."""
    market, planner, calm = Market(), planner_of(sweep_of(sampler="random"), cube()), run(cube(), sampler="random")
    while not planner.is_done:
        for item in planner.ready(3):
            if item.number == 7:
                planner.fail(item.number, "the worker died twice")
            else:
                planner.tell(market(item))
    trials = planner.parts[0].trials
    assert trials[7].state is TrialState.FAILED
    assert trials[7].reason == "sharpe: the run stopped: the worker died twice"
    assert trials[:7] + trials[8:] == calm.parts[0].trials[:7] + calm.parts[0].trials[8:]
    assert planner.progress.phase is Phase.DONE


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sweep_whose_every_trial_fails_ends_with_the_commonest_reason(sampler: str) -> None:
    """The error names it, and what was run can still be read."""

    class Idle(Market):
        def block(self, point: Point, at: int) -> BlockOutcome:
            found = super().block(point, at)
            return replace(found, returns=0.0 * found.returns, measures=dict.fromkeys(found.measures, 0.0))

    planner = planner_of(sweep_of(sampler=sampler, trials=12, startup=4), lattice(3))
    with pytest.raises(DataError, match=r"no trial of the sweep has a score.*: sharpe: nothing was traded"):
        run_inline(planner, Idle())
    assert len(planner.parts[-1].trials) == 9
    assert not planner.is_done


@pytest.mark.parametrize(
    ("tables", "space", "said"),
    [
        ({"sampler": "grid"}, cube(), "a grid has no end"),
        ({"sampler": "grid", "trials": 8}, lattice(3), "the grid is too large"),
        ({"sampler": "cma_es"}, cube(1), "take the sampler tpe"),
    ],
)
def test_a_sampler_that_cannot_work_is_refused(tables: dict[str, Any], space: Space, said: str) -> None:
    """The error says what to take instead."""
    with pytest.raises(ConfigError, match=said):
        planner_of(sweep_of(**tables), space)


def test_an_outcome_that_belongs_to_nothing_is_refused_and_a_second_one_is_not_counted() -> None:
    """Answers are checked against what was asked; a lost answer may come again."""
    planner, market = planner_of(sweep_of(sampler="random"), cube()), Market()
    (item,) = planner.ready(1)
    outcome = market(item)
    with pytest.raises(DataError, match="belongs to no item"):
        planner.tell(replace(outcome, number=99))
    with pytest.raises(DataError, match="other blocks"):
        planner.tell(replace(outcome, blocks=outcome.blocks[1:]))
    planner.tell(outcome)
    planner.tell(outcome)
    planner.fail(item.number, "lost")
    assert planner.progress.n_blocks_run == 5
    assert planner.progress.n_complete == 1


@pytest.mark.parametrize("number", [2, 40])
def test_only_a_complete_trial_can_be_chosen(number: int) -> None:
    """A rule that names a trial without a score, or none at all, is an error and not a result."""
    planner = planner_of(sweep_of(sampler="random", trials=4), cube(), lambda _candidates: number)
    market = Market()

    def run_but_the_third() -> None:
        while not planner.is_done:
            for item in planner.ready(1):
                if item.number == 2:
                    planner.fail(2, "out of memory")
                else:
                    planner.tell(market(item))

    with pytest.raises(DataError, match="no complete trial"):
        run_but_the_third()


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_progress_counts_what_the_records_hold(sampler: str) -> None:
    """Best, baseline and counts are those of the trials; nothing is out at the end."""
    bounds = {"max_drawdown": 0.07}
    planner = run(cube(), Market(noise=0.01), sampler=sampler, startup=6, pruning=PRUNING, constraints=bounds)
    told, trials = planner.progress, planner.parts[-1].trials
    best = max((trial for trial in trials if trial.is_feasible), key=lambda trial: trial.scores[0])
    assert 0 < sum(trial.is_feasible for trial in trials) < sum(trial.state is TrialState.COMPLETE for trial in trials)
    assert (told.best, told.best_number, told.baseline) == (best.scores[0], best.number, trials[0].scores[0])
    states = [trial.state for part in planner.parts for trial in part.trials]
    assert told.n_complete == states.count(TrialState.COMPLETE)
    assert told.n_pruned == states.count(TrialState.PRUNED) > 0
    assert told.n_trials == told.n_trials_most == len(states)
    assert told.n_points == len({trial.point for part in planner.parts for trial in part.trials})
    assert (told.n_items_out, told.phase, told.n_parts_done) == (0, Phase.DONE, len(planner.parts))
