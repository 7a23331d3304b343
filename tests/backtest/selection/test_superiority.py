"""Reality check and SPA: against another program, against the definition, their size on noise, their power on skill."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import SPA

from backtest.metrics.performance import sharpe_ratio
from backtest.selection.draws import day_weights, shared_block_length
from backtest.selection.superiority import sharpe_contributions, superiority
from market.chains import FloatArray
from market.errors import ConfigError, DataError


def _world(seed: int, n_days: int = 300, n_trials: int = 20) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n_days, 1))
    returns = 0.01 * (common + rng.standard_normal((n_days, n_trials)))
    return returns, 0.01 * (common[:, 0] + rng.standard_normal(n_days))


@pytest.mark.parametrize("seed", range(3))
def test_the_reality_check_equals_that_of_arch(seed: int) -> None:
    """The same seed draws the same days, and White's p-value is the other program's upper one."""
    returns, benchmark = _world(seed)
    returns[:, 3] += 0.0015
    ours = superiority(returns, benchmark, rng=np.random.default_rng(seed), block=4.0, n_draws=400)
    theirs = SPA(-benchmark, -returns, block_size=4, reps=400, seed=np.random.default_rng(seed))
    theirs.compute()
    # The other program does not count the sample itself as a draw.
    assert ours.reality_check_p == pytest.approx((1.0 + 400 * theirs.pvalues["upper"]) / 401.0, abs=1e-12)


def test_differences_over_their_error_follow_hansens_definition() -> None:
    """The three p-values equal those of a loop over resamples and trials."""
    returns, benchmark = _world(5, 120, 6)
    returns[:, 0] -= 0.004
    returns[:, 1] -= 0.0004
    found = superiority(returns, benchmark, rng=np.random.default_rng(9), block=3.0, n_draws=200)
    weights = day_weights(120, block=3.0, n_draws=200, rng=np.random.default_rng(9))
    difference = returns - benchmark[:, np.newaxis]
    mean, spread = difference.mean(axis=0), difference.std(axis=0)
    root, edge = np.sqrt(120), np.sqrt(2.0 * np.log(np.log(120)))
    seen = max(0.0, float((root * mean / spread).max()))
    resampled = (weights @ (difference - mean)).std(axis=0) * root
    kept = {
        "lower": np.maximum(mean, 0.0),
        "consistent": np.where(root * mean / resampled < -edge, 0.0, mean),
        "upper": mean,
    }
    p_values = {}
    for name, centre in kept.items():
        best = [max(0.0, float((root * (row @ difference - centre) / spread).max())) for row in weights]
        p_values[name] = (1 + sum(value >= seen for value in best)) / 201
    assert (found.spa_lower_p, found.spa_consistent_p, found.spa_upper_p) == pytest.approx(tuple(p_values.values()))
    assert found.spa_lower_p <= found.spa_consistent_p <= found.spa_upper_p


def test_noise_is_rejected_about_as_often_as_the_level_says() -> None:
    """Over 200 worlds without skill, a test at 5 % rejects in 1 to 10 % of them."""
    streams = (np.random.default_rng([seed, 1]) for seed in range(200))
    found = [superiority(*_world(seed, 250, 30), rng=rng, block=2.0, n_draws=200) for seed, rng in enumerate(streams)]
    for p_values in ([each.spa_consistent_p for each in found], [each.reality_check_p for each in found]):
        assert 0.01 <= np.mean(np.array(p_values) <= 0.05) <= 0.10


def test_skill_is_found_among_many_bad_trials() -> None:
    """One good trial is found; many that are worse blur the reality check but not the consistent test."""
    returns, benchmark = _world(2, 350, 60)
    returns[:, 7] += 0.0035
    rng = np.random.default_rng(1)
    returns[:, 20:] = 5.0 * returns[:, 20:] - 0.02
    found = superiority(returns, benchmark, rng=rng, block=2.0)
    assert found.best == 7
    assert found.spa_consistent_p <= 0.01
    assert found.reality_check_p > 0.2


def test_no_trial_above_the_benchmark_has_a_p_value_of_one() -> None:
    """Where the best is worse than the benchmark there is nothing to explain by luck."""
    returns, benchmark = _world(3)
    found = superiority(returns - 0.01, benchmark, rng=np.random.default_rng(0), block=2.0)
    assert found.spa_consistent_p == found.spa_lower_p == found.reality_check_p == 1.0


def test_the_benchmark_among_the_trials_is_left_out() -> None:
    """A trial that is the benchmark has no difference; it is told and changes no p-value."""
    returns, benchmark = _world(4)
    both = np.concatenate([benchmark[:, np.newaxis], returns, np.full((300, 1), np.nan)], axis=1)
    one = superiority(returns, benchmark, rng=np.random.default_rng(0), block=2.0)
    two = superiority(both, benchmark, rng=np.random.default_rng(0), block=2.0)
    assert two.n_left_out == 2
    assert two.best == (one.best or 0) + 1
    assert two.spa_consistent_p == one.spa_consistent_p


def test_a_size_of_position_alone_is_no_better_ratio() -> None:
    """Twice the benchmark has twice its mean but not its ratio: of contributions to the ratio nothing is left."""
    _, benchmark = _world(6)
    benchmark = benchmark + 0.003
    doubled = np.stack([2.0 * benchmark, 3.0 * benchmark], axis=1)
    rng = np.random.default_rng(0)
    assert superiority(doubled, benchmark, rng=rng, block=2.0).spa_consistent_p <= 0.01
    ratios = superiority(sharpe_contributions(doubled), sharpe_contributions(benchmark), rng=rng, block=2.0)
    assert "no trial differs" in ratios.reason


def test_contributions_have_the_ratio_as_mean_and_its_error_as_spread() -> None:
    """Their mean is the Sharpe ratio, and their spread predicts the spread of the ratio over samples."""
    rng = np.random.default_rng(3)
    returns = 0.01 * rng.standard_t(6, size=(400, 2_000)) + 0.001
    daily = sharpe_contributions(returns)
    one = sharpe_ratio(returns[:, 0], periods_per_year=1.0).value * np.sqrt(400 / 399)
    assert daily[:, 0].mean() == pytest.approx(one, rel=1e-12)
    ratios = returns.mean(axis=0) / returns.std(axis=0)
    assert ratios.std() == pytest.approx(daily.std(axis=0).mean() / 20.0, rel=0.05)
    assert np.isnan(sharpe_contributions(np.full((30, 1), 0.1))).all()


def test_the_shared_block_grows_with_dependence() -> None:
    """Days that follow each other ask for longer blocks; constant series ask for none."""
    rng = np.random.default_rng(4)
    shocks = rng.standard_normal((600, 30))
    slow = np.cumsum(shocks, axis=0) - np.concatenate([np.zeros((20, 30)), np.cumsum(shocks, axis=0)[:-20]])
    assert shared_block_length(slow).value > 5.0 * shared_block_length(shocks).value
    assert "do not vary" in shared_block_length(np.zeros((100, 2))).reason
    assert shared_block_length(np.empty((100, 0))).reason


def test_what_cannot_be_tested_has_a_reason_or_is_refused() -> None:
    """Short records and broken benchmarks give a reason; wrong shapes and bootstraps are errors."""
    returns, benchmark = _world(1)
    rng = np.random.default_rng(0)
    assert "at least 20" in superiority(returns[:10], benchmark[:10], rng=rng).reason
    assert "benchmark is not finite" in superiority(returns, np.full(300, np.nan), rng=rng).reason
    assert superiority(returns[:, :0], benchmark, rng=rng).best is None
    with pytest.raises(DataError, match="do not fit"):
        superiority(returns, benchmark[:-1], rng=rng)
    with pytest.raises(ConfigError, match="bootstrap"):
        superiority(returns, benchmark, rng=rng, block=0.5)
    with pytest.raises(ConfigError, match="bootstrap"):
        superiority(returns, benchmark, rng=rng, n_draws=10)
