"""The harness on a world whose truth is known: what is planted is found, what is not is not, and nothing leaks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from fields.evidence import (
    HarWorld,
    Horizon,
    Hypothesis,
    StudyPlan,
    StudyResult,
    StudySample,
    Target,
    auc_of_correlation,
    block_bootstrap_auc,
    estimate_auc,
    holm_adjusted,
    rank_readings,
    run_study,
    shuffled_outcomes,
    simulate_world,
    walk_forward,
)
from market.errors import ConfigError, DataError

PLAN = StudyPlan(
    name="world",
    target=Target.ABOVE_CONDITIONAL_MEDIAN,
    horizon=Horizon.NEXT_DAY,
    baseline=("daily", "weekly", "monthly"),
    hypotheses=(Hypothesis(name="gamma", sign=-1), Hypothesis(name="noise", sign=1)),
    first_train_sessions=800,
    refit_sessions=800,
    n_draws=200,
)


@cache
def world(effect: float, *, n: int = 4_000, seed: int = 3, entanglement: float = 0.196) -> StudySample:
    """Return a drawn world."""
    drawn = HarWorld(n_sessions=n, effect=effect, entanglement=entanglement)
    return simulate_world(drawn, np.random.default_rng(seed))


@cache
def studied(effect: float, target: Target = Target.ABOVE_CONDITIONAL_MEDIAN) -> StudyResult:
    """Return the study of a world."""
    return run_study(replace(PLAN, target=target), world(effect))


def test_lagged_volatility_alone_looks_skilful_where_nothing_is_planted() -> None:
    """In the null world it has the specified AUC of 0.785 for the unconditional median, and gamma 0.554."""
    sample = world(0.0, n=12_000)
    above = sample.outcome > np.median(sample.outcome)
    scores = np.stack([sample.baseline[:, 3], -sample.field[:, 0]])
    # A regime of volatility lasts months: only runs of days show how far a level can stray.
    drawn = block_bootstrap_auc(scores, above, sample.block, n_draws=100, rng=np.random.default_rng(1), run=250)
    for column, expected in enumerate((0.785, 0.554)):
        assert estimate_auc(scores[column], above).auc == pytest.approx(expected, abs=2.0 * drawn[:, column].std())


def test_nothing_is_found_where_nothing_is_planted() -> None:
    """Against the conditional median all scores lie within two errors of one half, and Holm rejects none."""
    p_values = []
    for target in (Target.ABOVE_CONDITIONAL_MEDIAN, Target.UPPER_TERCILE):
        for item in studied(0.0, target).findings:
            p_values.append(item.adds_p_value)
            if target is Target.ABOVE_CONDITIONAL_MEDIAN:
                p_values.append(item.score.p_value)
                assert item.score.value == pytest.approx(0.5, abs=2.0 * item.score.standard_error)
    assert holm_adjusted(np.array(p_values)).min() > 0.05


def test_gamma_that_moves_with_volatility_passes_the_wrong_test_only() -> None:
    """In the null world gamma ranks the unconditional tercile, yet adds nothing to the baseline there."""
    gamma = studied(0.0, Target.UPPER_TERCILE).findings[0]
    assert gamma.score.low > 0.5
    assert gamma.delta.high < 0.01


@pytest.mark.parametrize("effect", [0.1, 0.2, 0.3, 0.437, 0.5])
def test_planted_correlation_is_measured_as_theory_says(effect: float) -> None:
    """The AUC for the conditional median is that of the closed form, within two errors."""
    found = run_study(PLAN, world(effect, entanglement=0.0)).findings[0].score
    assert found.value == pytest.approx(auc_of_correlation(effect), abs=2.0 * found.standard_error)


def test_planted_effect_is_recovered_and_noise_is_not() -> None:
    """A correlation of 0.3 gives a gain whose interval excludes zero on both targets; noise beside it gives none."""
    for target in (Target.ABOVE_CONDITIONAL_MEDIAN, Target.UPPER_TERCILE):
        gamma, noise = studied(0.3, target).findings
        assert gamma.delta.low > 0.0
        assert gamma.adds_p_value < 1e-4
        assert noise.adds_p_value > 0.05
        assert gamma.combined.log_loss < studied(0.3, target).baseline.log_loss  # type: ignore[union-attr]  # it ran


def test_shuffled_outcomes_score_one_half() -> None:
    """The canary: without any order in the labels no model beats chance."""
    sample = shuffled_outcomes(world(0.5), np.random.default_rng(8))
    for target in (Target.ABOVE_CONDITIONAL_MEDIAN, Target.UPPER_TERCILE):
        result = run_study(replace(PLAN, target=target), sample)
        for item in result.findings:
            assert item.combined.auc.auc == pytest.approx(0.5, abs=3.0 * item.combined.auc.standard_error)


def test_harness_would_show_a_leak() -> None:
    """A reading that is the outcome itself ranks perfectly: the canary is able to sing."""
    sample = world(0.0)
    leaked = replace(sample, field=np.column_stack([-sample.outcome, sample.field[:, 1]]))
    assert run_study(replace(PLAN, target=Target.UPPER_TERCILE), leaked).findings[0].score.value > 0.99


def test_planted_reading_is_worthless_a_day_late_and_a_day_early() -> None:
    """Shifted by a session either way the planted reading no longer foretells: rows are aligned as stated."""
    sample = world(0.5, entanglement=0.0)
    for shift in (-1, 1):
        moved = replace(sample, field=np.roll(sample.field, shift, axis=0))
        found = run_study(PLAN, moved).findings[0].score
        assert found.value == pytest.approx(0.5, abs=3.0 * found.standard_error)


def test_predictions_do_not_change_when_the_future_is_cut() -> None:
    """Labels and probabilities of the rows that remain are the same bits without the rest of the sample."""
    sample, cut = world(0.3), 2_400
    short = StudySample(
        session=sample.session[:cut],
        known_ns=sample.known_ns[:cut],
        outcome_ns=sample.outcome_ns[:cut],
        block=sample.block[:cut],
        outcome=sample.outcome[:cut],
        baseline=sample.baseline[:cut],
        baseline_names=sample.baseline_names,
        field=sample.field[:cut],
        field_names=sample.field_names,
    )
    for target in Target:
        plan = replace(PLAN, target=target, n_draws=2)
        whole, part = run_study(plan, sample), run_study(plan, short)
        n = part.n_predicted
        assert n == 1_600
        np.testing.assert_array_equal(part.row, whole.row[:n])
        np.testing.assert_array_equal(part.positive, whole.positive[:n])
        np.testing.assert_array_equal(part.baseline_probability, whole.baseline_probability[:n])


def test_future_values_do_not_reach_past_predictions() -> None:
    """Garbage in every column of later sessions leaves earlier predictions as they were."""
    sample, cut = world(0.3), 2_400
    rows = np.arange(sample.outcome.size) >= cut
    spoilt = replace(
        sample,
        outcome=np.where(rows, 50.0, sample.outcome),
        baseline=np.where(rows[:, None], -7.0, sample.baseline),
        field=np.where(rows[:, None], 9.0, sample.field),
    )
    plan = replace(PLAN, n_draws=2)
    before, after = run_study(plan, sample), run_study(plan, spoilt)
    n = int((before.row < cut).sum())
    np.testing.assert_array_equal(before.positive[:n], after.positive[:n])
    np.testing.assert_array_equal(before.baseline_probability[:n], after.baseline_probability[:n])


@pytest.mark.parametrize("horizon_days", [1, 5, 20])
def test_folds_are_purged_and_embargoed(horizon_days: int) -> None:
    """No train outcome is known after the first prediction, and the sessions between are left out."""
    sample = world(0.0)
    day_ns = 86_400_000_000_000
    sample = replace(sample, outcome_ns=sample.known_ns + horizon_days * day_ns)
    plan = replace(PLAN, embargo_sessions=3)
    folds = list(walk_forward(plan, sample, np.ones(sample.outcome.size, dtype=np.bool_)))
    assert len(folds) == 4
    for fold in folds:
        first = sample.known_ns[fold.test].min()
        assert sample.outcome_ns[fold.train].max() <= first
        assert sample.session[fold.train].max() == sample.session[fold.test].min() - max(4, horizon_days)


def test_same_plan_and_sample_give_the_same_result() -> None:
    """Bootstrap and all: a study is a function."""
    one, two = (run_study(PLAN, world(0.2)) for _ in range(2))
    assert [item.delta for item in one.findings] == [item.delta for item in two.findings]


def test_ranking_without_a_fit_agrees_with_the_study() -> None:
    """Where every row has a reading, the unfitted ranking is the study's own score."""
    ranked, found = rank_readings(PLAN, world(0.3)), studied(0.3)
    assert [item.score.value for item in ranked] == [item.score.value for item in found.findings]


def test_ranking_uses_the_history_without_readings() -> None:
    """With a reading on 300 scattered days the labels still come from all days."""
    sample = world(0.5)
    rare = np.where((np.arange(4_000) % 13 == 0)[:, None], sample.field, np.nan)
    gamma = rank_readings(PLAN, replace(sample, field=rare))[0]
    assert gamma.n == int((np.arange(4_000) % 13 == 0)[800:].sum())
    assert gamma.score.value == pytest.approx(auc_of_correlation(0.5), abs=0.09)
    assert run_study(PLAN, replace(sample, field=np.full_like(rare, np.nan))).reason


def test_few_blocks_give_no_interval() -> None:
    """Two days cannot be resampled: the AUC stands with a reason instead of a p-value."""
    sample = world(0.0)
    two_days = replace(sample, block=(np.arange(4_000) // 2_000).astype(np.int64))
    figure = run_study(PLAN, two_days).findings[0].score
    assert np.isfinite(figure.value)
    assert np.isnan(figure.p_value)
    assert "blocks" in figure.reason


def test_digest_of_a_plan_changes_with_every_choice() -> None:
    """A plan cannot be altered after registration without showing it."""
    digests = {PLAN.digest()} | {
        replace(PLAN, target=Target.MOMENTUM).digest(),
        replace(PLAN, embargo_sessions=2).digest(),
        replace(PLAN, hypotheses=(Hypothesis(name="gamma", sign=1),)).digest(),
        replace(PLAN, seed=1).digest(),
    }
    assert len(digests) == 5
    assert replace(PLAN).digest() == PLAN.digest()


def test_outcome_known_at_prediction_is_refused() -> None:
    """The target lies strictly in the future, or the sample is not accepted."""
    sample = world(0.0)
    with pytest.raises(DataError, match="strictly in the future"):
        replace(sample, outcome_ns=sample.known_ns)
    with pytest.raises(ConfigError, match="lacks a column"):
        sample.columns(("nothing",))
