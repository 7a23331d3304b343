"""AUC, its errors, its comparison and its power against brute force and published figures."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from fields.evidence import (
    auc_of_correlation,
    auc_standard_error,
    block_bootstrap_auc,
    compare_auc,
    estimate_auc,
    minimum_detectable_auc,
)
from market.errors import DataError

SAMPLES = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=4, max_size=40).filter(
    lambda rows: 2 <= sum(outcome for _, outcome in rows) <= len(rows) - 2
)


def pairs(score: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return the comparison of every positive with every negative: 1, a half, or 0."""
    high, low = score[positive][:, None], score[~positive][None, :]
    return np.where(high == low, 0.5, high > low)


@given(SAMPLES)
def test_auc_counts_every_pair_with_ties_half(rows: list[tuple[int, bool]]) -> None:
    """The rank formula equals the count over all pairs, and DeLong's variance that of its row and column means."""
    score = np.array([float(value) for value, _ in rows])
    positive = np.array([outcome for _, outcome in rows])
    table = pairs(score, positive)
    found = estimate_auc(score, positive)
    assert found.auc == pytest.approx(table.mean(), abs=1e-12)
    by_row, by_column = table.mean(axis=1), table.mean(axis=0)
    variance = by_row.var(ddof=1) / by_row.size + by_column.var(ddof=1) / by_column.size
    assert found.standard_error == pytest.approx(sqrt(variance), abs=1e-9)


@given(SAMPLES)
def test_reversed_score_has_the_complementary_auc(rows: list[tuple[int, bool]]) -> None:
    """Sign-flipped dealers score one minus what the others score, exactly."""
    score = np.array([float(value) for value, _ in rows])
    positive = np.array([outcome for _, outcome in rows])
    assert estimate_auc(-score, positive).auc == pytest.approx(1.0 - estimate_auc(score, positive).auc, abs=1e-12)


def test_one_class_has_no_auc_but_a_reason() -> None:
    """Nothing to rank gives NaN and says why."""
    found = estimate_auc(np.arange(4.0), np.ones(4, dtype=np.bool_))
    assert isnan(found.auc)
    assert "one class" in found.reason


def test_missing_score_is_refused() -> None:
    """A NaN score would rank somewhere by accident."""
    with pytest.raises(DataError, match="missing"):
        estimate_auc(np.array([1.0, np.nan]), np.array([True, False]))


def test_delong_error_is_the_spread_over_samples() -> None:
    """The stated errors of an AUC and of a difference equal the standard deviation over many drawn samples."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(250):
        positive = rng.random(300) < 0.4
        first = positive + 1.2 * rng.standard_normal(300)
        found.append(compare_auc(first, first + 0.8 * rng.standard_normal(300), positive))
    for value, error in (("first", "auc"), ("delta", "delta")):
        drawn = [c.first.auc if value == "first" else c.delta for c in found]
        stated = [c.first.standard_error if error == "auc" else c.standard_error for c in found]
        assert np.mean(stated) == pytest.approx(np.std(drawn, ddof=1), rel=0.15)


def test_delong_test_holds_its_level() -> None:
    """Two equally noisy scores differ at 5 % in about one of twenty samples."""
    rng = np.random.default_rng(2)
    rejected = 0
    for _ in range(400):
        positive = rng.random(200) < 0.5
        shared = positive + rng.standard_normal(200)
        one, two = (shared + rng.standard_normal(200) for _ in range(2))
        rejected += compare_auc(one, two, positive).p_value < 0.05
    assert abs(rejected / 400 - 0.05) < 3.0 * sqrt(0.05 * 0.95 / 400)


def test_bootstrap_of_single_rows_gives_delongs_error() -> None:
    """With every row a block the spread of the draws is the analytic one, for tied scores too."""
    rng = np.random.default_rng(3)
    positive = rng.random(800) < 0.5
    score = np.round(positive + rng.standard_normal(800), 1)
    drawn = block_bootstrap_auc(score[None], positive, np.arange(800), n_draws=1_500, rng=rng)[:, 0]
    found = estimate_auc(score, positive)
    assert drawn.std() == pytest.approx(found.standard_error, rel=0.1)
    assert drawn.mean() == pytest.approx(found.auc, abs=0.003)


def test_bootstrap_draws_equal_the_auc_of_the_repeated_rows() -> None:
    """A draw is the plain AUC of the rows of the drawn blocks, each as often as it was drawn."""
    rng = np.random.default_rng(4)
    positive, score = rng.random(60) < 0.5, np.round(rng.standard_normal(60), 1)
    block = np.arange(60) // 6
    drawn = block_bootstrap_auc(score[None], positive, block, n_draws=5, rng=np.random.default_rng(9), run=2)[:, 0]
    first = np.random.default_rng(9).integers(10, size=(5, 5, 1))
    for draw in range(5):
        chosen = ((first[draw] + np.arange(2)) % 10).ravel()
        rows = np.concatenate([np.flatnonzero(block == number) for number in chosen])
        assert drawn[draw] == pytest.approx(estimate_auc(score[rows], positive[rows]).auc, abs=1e-12)


def test_days_that_share_their_luck_widen_the_block_interval() -> None:
    """Rows of a day that carry one common shock count as one: the day-block error is several times DeLong's."""
    rng = np.random.default_rng(5)
    day = np.repeat(np.arange(60), 20)
    score = np.repeat(rng.standard_normal(60), 20)
    positive = np.repeat(rng.random(60) < 0.5, 20)
    drawn = block_bootstrap_auc(score[None], positive, day, n_draws=500, rng=rng)[:, 0]
    assert np.nanstd(drawn) > 3.0 * estimate_auc(score, positive).standard_error


@pytest.mark.parametrize(("n", "error"), [(250, 0.033), (500, 0.023), (1_000, 0.016), (2_500, 0.010)])
def test_errors_before_the_data_are_the_published_ones(n: int, error: float) -> None:
    """At an AUC of 0.7 with balanced classes the standard error is that of the specification."""
    assert auc_standard_error(0.7, n // 2, n // 2) == pytest.approx(error, abs=6e-4)


@pytest.mark.parametrize(
    ("correlation", "auc"), [(0.0, 0.5), (0.1, 0.545), (0.2, 0.590), (0.3, 0.636), (0.437, 0.70), (0.5, 0.73)]
)
def test_auc_of_a_correlation_is_the_specified_one(correlation: float, auc: float) -> None:
    """The closed form reproduces the table of the specification."""
    assert auc_of_correlation(correlation) == pytest.approx(auc, abs=5e-4)


def test_detectable_auc_is_detected_as_often_as_promised() -> None:
    """Samples at the stated smallest AUC are told from chance in about four of five."""
    target = minimum_detectable_auc(100, 100)
    # A normal score with unit variances has AUC Phi(d / sqrt 2).
    shift = sqrt(2.0) * float(norm.ppf(target))
    rng, found = np.random.default_rng(6), 0
    positive = np.arange(200) < 100
    for _ in range(500):
        estimate = estimate_auc(shift * positive + rng.standard_normal(200), positive)
        found += abs(estimate.auc - 0.5) > 1.96 * auc_standard_error(0.5, 100, 100)
    assert found / 500 == pytest.approx(0.8, abs=0.06)
