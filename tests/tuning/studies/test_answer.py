"""What a study answers: outer days, never the peak, and no figure without its reason."""

from __future__ import annotations

from math import isfinite

import numpy as np
import pytest

from backtest.metrics.performance import sharpe_ratio
from tests.tuning.search.planted import Market
from tests.tuning.studies.planted import Noise, Stopping, hill, noise, study_of
from tuning.configuration.settings import Objective
from tuning.studies.answer import StudyAnswer


def test_a_planted_hill_is_found_and_accepted() -> None:
    """The choice lies near the optimum of (0.3, 0.6), every check holds, and the defaults are worse outside."""
    answer = hill()
    assert answer.candidate_point is not None
    values = [float(value) for _, value in answer.candidate_point.values]
    assert np.hypot(values[0] - 0.3, values[1] - 0.6) < 0.3
    assert answer.verdict.accepted, answer.verdict.reasons
    assert answer.outer.sharpe.baseline is not None
    assert answer.outer.sharpe.value.value > answer.outer.sharpe.baseline.value
    assert all(item.outer.value > item.defaults_outer.value for item in answer.splits)


def test_noise_is_refused() -> None:
    """Sixty trials without any skill show a fine best one in sample, and the study stands behind none."""
    answer = noise()
    assert max(item.scores[0] for item in answer.trials) > 1.5
    assert not answer.verdict.accepted
    assert answer.deflation is not None
    assert answer.deflation.resampled.value < 0.95
    assert answer.superiority.spa_consistent_p > 0.05


def test_the_outer_days_are_those_of_the_choices_on_their_tests() -> None:
    """Day by day the outcome of each split's choice, in order of time, and the defaults on the same days."""
    answer = hill()
    told = [block for item in answer.splits for block in item.choice.blocks]
    assert [block.block for block in told] == [4, 5, 6, 7]
    assert np.array_equal(answer.outer.returns[0], np.concatenate([block.returns for block in told]))
    assert np.array_equal(answer.outer.end_ns, np.concatenate([block.end_ns for block in told]))
    defaults = {block.block: block.returns for block in answer.default_blocks}
    assert np.array_equal(answer.outer.defaults, np.concatenate([defaults[at] for at in (4, 5, 6, 7)]))
    expected = sharpe_ratio(answer.outer.returns[0], periods_per_year=365)
    assert answer.outer.sharpe.value.value == pytest.approx(expected.value)
    assert answer.outer.sharpe.value.low < expected.value < answer.outer.sharpe.value.high


def test_optimism_is_inner_less_outer() -> None:
    """The mean over the splits of what was seen in training less what came of it."""
    answer = hill()
    expected = np.mean([item.inner.value - item.outer.value for item in answer.splits])
    assert answer.optimism.value == pytest.approx(expected)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_records_give_the_same_answer(sampler: str) -> None:
    """Nothing hangs on more than records and generator."""
    first, second = (study_of(Market(noise=0.004), sampler=sampler, trials=25) for _ in range(2))
    assert first.verdict == second.verdict
    assert first.outer.objective == second.outer.objective
    assert [item.importance for item in first.dimensions] == [item.importance for item in second.dimensions]
    assert first.stability == second.stability


def test_more_trials_on_the_data_make_the_choice_less_credible() -> None:
    """Who looked a thousand times before is asked for more."""
    few, many = (study_of(Market(noise=0.004), n_ledger=n).deflation for n in (60, 60_000))
    assert few is not None
    assert many is not None
    assert many.resampled.value < few.resampled.value
    assert many.n_told == 60_000


def test_a_combinatorial_scheme_has_paths_that_cover_all_days() -> None:
    """Each path takes every block once; its scores are told beside each other."""
    answer = study_of(Market(noise=0.004), validation={"scheme": "combinatorial", "train_blocks": 6, "test_blocks": 2})
    n_paths, n_days = answer.outer.returns.shape
    assert (n_paths, n_days) == (7, 8 * 21)
    assert np.isfinite(answer.outer.path_scores).all()
    assert len(answer.splits) == 28


def test_a_choice_that_stops_on_its_test_leaves_no_estimate() -> None:
    """The rest of the days would flatter it, so there is no figure, and the choice is refused with the reason."""
    answer = study_of(Stopping(noise=0.002))
    assert "stopped: out of money" in answer.outer.reason
    assert not isfinite(answer.outer.sharpe.value.value)
    assert not answer.verdict.accepted
    assert any("out of money" in reason for reason in answer.verdict.reasons)


def test_constraints_that_nobody_keeps_leave_no_choice() -> None:
    """The defaults stand, with the reason, and every figure of the choice is missing rather than 0."""
    answer = study_of(Market(noise=0.002), constraints={"min_trades": 10_000})
    assert answer.candidate.number is None
    assert "keeps the constraints" in answer.candidate.reason
    assert answer.deflation is None
    assert not answer.verdict.accepted
    assert answer.counts["infeasible"] == answer.counts["complete"] == 60


def test_a_drawdown_asks_the_sharpe_ratio_for_its_sign() -> None:
    """No interval of a drawdown can exclude 0 on the good side, so the outer Sharpe ratio is asked."""
    answer = study_of(Market(noise=0.002), objectives=["max_drawdown"])
    assert answer.objectives == (Objective.MAX_DRAWDOWN,)
    assert answer.verdict.checks[-1].name == "lower end of the outer sharpe"
    assert answer.overfitting_score == "sharpe"


def test_choices_agree_where_there_is_a_hill_and_not_in_noise() -> None:
    """Splits of a clear market choose one region; the distance is told beside that of trials at random."""
    clear = hill().stability
    assert clear.distance.value < 0.7 * clear.random_distance.value
    assert clear.rank.value < 0.2


def test_every_dimension_tells_its_plateau() -> None:
    """The smoothed score is highest near the optimum, and the importances are shares."""
    answer = hill()
    for item, best in zip(answer.dimensions, (0.3, 0.6), strict=True):
        assert abs(item.grid[np.nanargmax(item.smoothed)] - best) < 0.2
        assert item.default == pytest.approx(0.9)
    assert sum(item.importance.value for item in answer.dimensions) == pytest.approx(1.0)


def test_defaults_outside_the_space_are_counted_and_compared() -> None:
    """They have no place in the cube, and are still the benchmark."""
    answer: StudyAnswer = study_of(Market(noise=0.002), held=None)
    assert answer.trials[0].shown == {}
    assert np.isnan(answer.trials[0].unit).all()
    assert answer.verdict.checks[0].found == 2.0
    assert answer.outer.defaults.size == answer.outer.n_days


def test_days_that_few_trials_saw_are_told_as_missing() -> None:
    """With three trials nothing is clustered, smoothed or judged, and the study refuses without failing."""
    answer = study_of(Noise(noise=0.01), trials=3)
    assert not answer.verdict.accepted
    assert answer.candidate.number is None
    assert all(item.importance.reason for item in answer.dimensions)


def test_defaults_that_stood_in_for_a_choice_speak_for_none() -> None:
    """Only all blocks together have the trades that are asked for: the days outside are the defaults', and refuse."""
    market = Market(noise=0.002)
    whole = sum(item.measures["n_trades"] for item in hill().default_blocks)
    answer = study_of(market, constraints={"min_trades": int(whole)})
    assert answer.candidate.number is not None
    assert all(item.choice.number is None for item in answer.splits)
    assert np.array_equal(answer.outer.returns[0], answer.outer.defaults)
    assert "outer splits without a choice: 4, asked for <= 0" in answer.verdict.reasons
