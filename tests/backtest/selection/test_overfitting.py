"""Probability of overfitting: against the definition by hand, on noise, on skill, and where nothing can be said."""

from __future__ import annotations

from itertools import combinations
from math import comb, log

import numpy as np
import pytest

from backtest.metrics.performance import calmar_ratio
from backtest.selection.overfitting import overfitting, slices_for
from backtest.selection.slice_scores import MEAN_RETURN, SHARPE, SORTINO, TOTAL_RETURN, AdditiveScore, DirectScore
from market.chains import FloatArray
from market.errors import ConfigError, DataError


def _noise(seed: int, n_days: int = 320, n_trials: int = 40) -> FloatArray:
    return 0.01 * np.random.default_rng(seed).standard_normal((n_days, n_trials))


def _by_hand(returns: FloatArray, n_slices: int) -> list[float]:
    """Logits by the paper's steps, one combination at a time."""
    slices, logits = np.array_split(returns, n_slices), []
    for half in combinations(range(n_slices), n_slices // 2):
        inside = np.concatenate([slices[k] for k in half])
        outside = np.concatenate([slices[k] for k in range(n_slices) if k not in half])
        best = int(np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1)))
        scores = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        share = (1 + int((scores < scores[best]).sum())) / (scores.size + 1)
        logits.append(log(share / (1.0 - share)))
    return logits


@pytest.mark.parametrize("n_days", [320, 323])
def test_logits_are_those_of_the_definition(n_days: int) -> None:
    """Sums of slices give what the paper's loop gives, slices of unequal length included."""
    found = overfitting(_noise(1, n_days), n_slices=8)
    by_hand = _by_hand(_noise(1, n_days), 8)
    assert found.n_combinations == comb(8, 4)
    np.testing.assert_allclose(np.sort(found.logits), np.sort(by_hand), rtol=1e-12)
    assert found.pbo.value == np.mean(np.array(by_hand) <= 0.0)


@pytest.mark.parametrize("score", [SHARPE, SORTINO, MEAN_RETURN, TOTAL_RETURN])
def test_an_additive_score_is_the_same_from_sums_and_from_days(score: AdditiveScore) -> None:
    """A score of sums of slices equals the same score of the joined days."""
    returns = _noise(2, 200, 7)
    slices = np.array_split(returns, 4)
    members = np.array([[True, False, True, True]])
    joined = np.concatenate([slices[0], slices[2], slices[3]])
    direct = score.value(score.terms(joined).sum(axis=1)[:, np.newaxis], np.array([[float(len(joined))]]))
    np.testing.assert_allclose(score.prepared(slices)(members), direct, rtol=1e-10)


def test_a_path_dependent_score_is_taken_from_the_days() -> None:
    """A Calmar ratio has no sums; the direct score ranks by it and the result differs from that of the Sharpe ratio."""
    score = DirectScore(lambda r: np.array([calmar_ratio(c, periods_per_year=252.0).value for c in r.T]))
    found = overfitting(_noise(3, 240, 6), n_slices=4, score=score)
    half = np.array_split(_noise(3, 240, 6), 4)
    best = score.function(np.concatenate(half[:2]))
    assert found.chosen[0] == int(np.argmax(best))
    assert found.inside[0] == best.max()


def test_noise_has_a_probability_of_one_half_on_average() -> None:
    """Over 60 worlds of noise the mean probability is a half within its error, and few fall below a fifth."""
    found = np.array([overfitting(_noise(seed), n_slices=8).pbo.value for seed in range(60)])
    assert abs(found.mean() - 0.5) < 3.0 * found.std() / np.sqrt(60)
    assert (found <= 0.2).mean() <= 0.1


def test_a_trial_with_skill_has_a_low_probability_and_dominates() -> None:
    """One trial with an annual Sharpe ratio of 6 is chosen in nearly every half and stays above the others."""
    returns = _noise(4)
    returns[:, 11] += 0.01 * 6.0 / np.sqrt(252.0)
    found = overfitting(returns)
    assert found.pbo.value < 0.05
    assert found.loss_probability.value < 0.05
    assert (found.chosen == 11).mean() > 0.95
    assert found.dominates_second is True
    assert overfitting(_noise(5)).dominates_first is False


def test_the_order_and_the_scale_of_trials_do_not_matter() -> None:
    """Sharpe ratios know no scale, and a permutation of columns changes only their names."""
    returns = _noise(6)
    order = np.random.default_rng(0).permutation(40)
    changed = overfitting(returns[:, order] * np.linspace(0.5, 20.0, 40), n_slices=8)
    np.testing.assert_allclose(changed.logits, overfitting(returns, n_slices=8).logits, rtol=1e-9)


def test_days_backwards_in_whole_slices_change_nothing() -> None:
    """Halves are symmetric: the slices in another order give the same probability."""
    returns = _noise(7)
    turned = np.concatenate(np.array_split(returns, 8)[::-1])
    assert overfitting(turned, n_slices=8).pbo.value == overfitting(returns, n_slices=8).pbo.value


def test_trials_without_a_score_are_left_out_and_told() -> None:
    """A constant trial and one with a day that is not finite are not ranked; names of columns stay."""
    returns = _noise(8)
    returns[:, 0], returns[5, 1] = 0.0, np.nan
    found = overfitting(returns, n_slices=8)
    assert (found.n_trials, found.n_left_out) == (38, 2)
    assert not np.isin(found.chosen, [0, 1]).any()
    np.testing.assert_array_equal(found.logits, overfitting(returns[:, 2:], n_slices=8).logits)


def test_where_the_chosen_does_not_trade_outside_there_is_no_probability() -> None:
    """A trial that earned in one slice alone is best inside half of the time and has no score outside then."""
    returns = _noise(9, n_trials=5) - 0.005
    returns[:, 0] = 0.0
    returns[:40, 0] = 0.01 + 1e-4 * np.random.default_rng(1).standard_normal(40)
    found = overfitting(returns, n_slices=8)
    assert "have no figure" in found.reason
    assert np.isnan(found.pbo.value)
    assert found.dominates_first is None


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        (np.zeros((300, 5)), "differ from each other"),
        (np.repeat(_noise(1)[:, :1], 4, axis=1), "differ from each other"),
        (_noise(1)[:, :1], "differ from each other"),
        (_noise(1, 50), "50 days do not make 6 slices"),
        (np.empty((0, 3)), "differ from each other"),
    ],
)
def test_what_says_nothing_has_a_reason(returns: FloatArray, reason: str) -> None:
    """Equal, constant, single or short trials give no figure but say why."""
    found = overfitting(returns)
    assert reason in found.reason
    assert np.isnan([found.pbo.value, found.slope.value, found.loss_probability.value]).all()


def test_equal_trials_tie_at_the_middle_of_their_ranks() -> None:
    """A trial that stands twice is ranked at the mean of both places."""
    returns = np.concatenate([_noise(10, n_trials=3), _noise(10, n_trials=3)], axis=1)
    once, twice = overfitting(returns[:, :3], n_slices=6), overfitting(returns, n_slices=6)
    rank = 4.0 / (1.0 + np.exp(-once.logits))
    np.testing.assert_allclose(7.0 / (1.0 + np.exp(-twice.logits)), 2.0 * rank - 0.5, rtol=1e-9)


def test_slices_follow_the_days() -> None:
    """Sixteen where 160 days are there, fewer below, and none where six do not fit."""
    assert [slices_for(n) for n in (2_000, 160, 159, 100, 60, 59, 0)] == [16, 16, 14, 10, 6, 0, 0]


def test_a_wrong_number_of_slices_or_shape_is_refused() -> None:
    """Odd numbers cannot be halved, and one series is no table of trials."""
    with pytest.raises(ConfigError, match="even number"):
        overfitting(_noise(1), n_slices=7)
    with pytest.raises(DataError, match="shape"):
        overfitting(_noise(1)[:, 0])


def test_the_jackknife_holds_the_probability_of_noise_in_most_worlds() -> None:
    """The interval of 95 % covers one half in at least four of five worlds of noise."""
    found = [overfitting(_noise(seed), n_slices=12).pbo for seed in range(40)]
    assert np.mean([each.low <= 0.5 <= each.high for each in found]) >= 0.8
