"""Intervals by the stationary bootstrap: blocks as announced, coverage of a known truth, no figure from nothing."""

from __future__ import annotations

from math import isnan
from time import process_time

import numpy as np
import pytest

from backtest.metrics.figures import figure
from backtest.metrics.resampling import (
    block_length,
    bootstrap_intervals,
    daily_statistics,
    headline_intervals,
    stationary_places,
)
from market.chains import FloatArray
from market.errors import ConfigError
from tests.backtest.metrics.samples import run_of_returns

_MEAN = {"mean": lambda returns, _: figure(float(returns.mean()))}


def _autocorrelated(n: int, seed: int, rho: float = 0.5) -> FloatArray:
    shocks = np.random.default_rng(seed).normal(0.0, 0.01, n)
    values = np.empty(n)
    values[0] = shocks[0]
    for k in range(1, n):
        values[k] = rho * values[k - 1] + shocks[k]
    return values


def test_blocks_run_on_and_jump_as_often_as_their_mean_length_says() -> None:
    """A step leads to the next place, circularly, but for one in 4.5; all places are drawn alike."""
    places = stationary_places(50, block=4.5, n_draws=4_000, rng=np.random.default_rng(1))
    jumps = (np.diff(places, axis=1) % 50 != 1).mean()
    assert jumps == pytest.approx(1.0 / 4.5 * 49.0 / 50.0, abs=0.003)
    assert np.bincount(places.ravel(), minlength=50) == pytest.approx(np.full(50, 4_000), rel=0.12)


def test_the_same_generator_gives_the_same_intervals() -> None:
    """Chance is an argument."""
    run = run_of_returns(_autocorrelated(120, 3))
    first = headline_intervals(run, rng=np.random.default_rng(7), n_draws=200)
    again = headline_intervals(run, rng=np.random.default_rng(7), n_draws=200)
    other = headline_intervals(run, rng=np.random.default_rng(8), n_draws=200)
    assert first == again
    assert first != other


def test_intervals_hold_their_figure_and_widen_with_the_level() -> None:
    """Smooth metrics lie within their interval; 99 % is wider than 80 %."""
    returns = np.random.default_rng(4).normal(0.001, 0.01, 250)
    narrow, wide = (
        bootstrap_intervals(returns, daily_statistics(252), rng=np.random.default_rng(1), n_draws=400, level=level)
        for level in (0.8, 0.99)
    )
    for small, large in zip(narrow, wide, strict=True):
        assert large.low <= small.low <= small.high <= large.high
        if small.name in {"mean_annual", "sharpe", "volatility"}:
            assert small.low < small.value < small.high


def test_dependence_between_days_lengthens_blocks_and_widens_the_interval() -> None:
    """With autocorrelation 0.5 the error of the mean is nearly sqrt 3 times that of shuffled days."""
    returns = _autocorrelated(1_000, 5)
    shuffled = np.random.default_rng(6).permutation(returns)
    assert block_length(returns).value > 3.0 * block_length(shuffled).value
    errors = [
        bootstrap_intervals(values, _MEAN, rng=np.random.default_rng(2), n_draws=500)[0].standard_error
        for values in (returns, shuffled)
    ]
    assert 1.3 < errors[0] / errors[1] < 2.1


def test_intervals_of_the_mean_cover_the_truth_about_as_often_as_they_say() -> None:
    """Of 120 dependent samples about 90 % of the 90 % intervals contain the true mean of 0."""
    rng = np.random.default_rng(9)
    hits = 0
    for seed in range(120):
        (found,) = bootstrap_intervals(_autocorrelated(250, seed, 0.3), _MEAN, rng=rng, n_draws=200, level=0.9)
        hits += found.low <= 0.0 <= found.high
    assert 0.8 <= hits / 120 <= 0.97


@pytest.mark.parametrize("returns", [np.zeros(0), np.full(10, 0.01), np.full(100, 0.01)])
def test_a_short_or_constant_sample_has_no_interval(returns: FloatArray) -> None:
    """Nothing is drawn from a sample that says nothing, and each metric says why."""
    for found in bootstrap_intervals(returns, daily_statistics(252), rng=np.random.default_rng(1)):
        assert isnan(found.low)
        assert isnan(found.high)
        assert found.reason


def test_a_metric_that_fails_in_many_draws_has_no_interval() -> None:
    """One losing day of thirty: every third resample has no downside, so the rest would be a biased sample."""
    returns = np.full(30, 0.01) + np.linspace(0.0, 0.001, 30)
    returns[7] = -0.02
    found = {
        item.name: item for item in bootstrap_intervals(returns, daily_statistics(252), rng=np.random.default_rng(1))
    }
    assert isnan(found["sortino"].low)
    assert "of 1000 resamples have no figure" in found["sortino"].reason


def test_an_impossible_bootstrap_is_refused() -> None:
    """Ten draws say nothing about a tail of 2.5 %."""
    with pytest.raises(ConfigError, match="a bootstrap cannot be"):
        bootstrap_intervals(np.zeros(50), {}, rng=np.random.default_rng(1), n_draws=10)


def test_a_thousand_draws_of_all_metrics_take_at_most_half_a_second_of_the_processor() -> None:
    """350 days, nine metrics: the better of two calls stays within its budget."""
    run = run_of_returns(np.random.default_rng(1).normal(0.0005, 0.01, 350))
    headline_intervals(run, rng=np.random.default_rng(1), n_draws=100)
    spent = []
    for _ in range(2):
        start = process_time()
        headline_intervals(run, rng=np.random.default_rng(1))
        spent.append(process_time() - start)
    assert min(spent) <= 0.5
