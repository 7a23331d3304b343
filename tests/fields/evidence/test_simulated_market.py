"""The harness on the simulated market: dealers who hedge are found, dealers who do not are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.evidence_studies import run_all
from cluster.studies.catalogue import simulated_studies
from cluster.studies.report import deflated, markdown, trials_of
from cluster.studies.simulated import MarketRun, simulated_config, simulated_sample
from fields.evidence import StudyResult, Target, holm_adjusted


def test_rows_are_known_before_their_outcome_and_complete() -> None:
    """A short run has one row per symbol and half hour; only the first session lacks a full past."""
    sample, momentum = simulated_sample(MarketRun(n_symbols=3, n_sessions=2, hedge_ratio=1.0))
    assert sample.outcome.size == 3 * 2 * 12
    assert np.isfinite(sample.baseline[sample.session == 1]).all()
    assert np.isnan(sample.baseline[sample.session == 0, 2]).all()
    assert np.isfinite(sample.field[:, :4]).all()
    np.testing.assert_array_equal(sample.outcome_ns - sample.known_ns, 30 * 60_000_000_000)
    # The half hour before a row is the outcome of the row before it, of the same symbol.
    np.testing.assert_allclose(sample.baseline[3:, 0], sample.outcome[:-3])
    assert momentum.outcome.size == sample.outcome.size


def test_both_sides_of_the_market_are_played() -> None:
    """Even symbols have dealers long gamma, odd ones short: the reading has both signs."""
    sample, _ = simulated_sample(MarketRun(n_symbols=4, n_sessions=1, hedge_ratio=0.0))
    true_book = sample.field[:, 0].reshape(12, 4)
    assert (true_book[:, ::2] > 0.0).all()
    assert np.median(true_book[:, 1::2]) < 0.0
    run = MarketRun(n_symbols=4, n_sessions=1, hedge_ratio=0.0)
    assert simulated_config(run) != simulated_config(replace(run, hedge_ratio=1.0))


@pytest.mark.slow
def test_hedging_dealers_are_found_and_idle_ones_are_not() -> None:
    """Planted: the gain on t1 has an interval above zero; null: every score is chance and Holm rejects nothing."""
    outcomes = run_all(simulated_studies(n_symbols=40, n_sessions=16))
    found = {plan.name: result for plan, result in outcomes if isinstance(result, StudyResult)}
    planted = {item.hypothesis.name: item for item in found["planted/t1"].findings}
    for name in ("true_book", "oi_naive"):
        assert planted[name].delta.low > 0.05
    adjusted = {
        trial.hypothesis.name: trial.p_value * 15.0  # Bonferroni, which is stricter than Holm
        for trial in trials_of(outcomes)
        if trial.study == "planted/t1" and trial.kind == "delta"
    }
    assert max(adjusted["true_book"], adjusted["oi_naive"]) < 0.05
    assert planted["true_book"].combined.log_loss < planted["oi_naive"].combined.log_loss
    null = [trial for trial in trials_of(outcomes) if trial.study.startswith("null") and not trial.hypothesis.placebo]
    assert len(null) == 15
    assert holm_adjusted(np.array([trial.p_value for trial in null])).min() > 0.05
    for item in found["null/t1"].findings:
        assert item.score.value == pytest.approx(0.5, abs=2.0 * item.score.standard_error)
    assert deflated([trial for trial in trials_of(outcomes) if trial.study == "planted/t1"])[3] > 0.95  # type: ignore[index]
    assert found["planted/t1"].plan.target is Target.ABOVE_CONDITIONAL_MEDIAN
    assert "Rejected at 5 % after Holm: none." in markdown((), outcomes, (), "").partition("### Null")[2]
