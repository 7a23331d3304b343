"""How far a Sharpe ratio can be believed: laws and closed forms."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from backtest.metrics.performance import sharpe_ratio
from backtest.metrics.sharpe_inference import (
    deflated_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_standard_error,
    years_to_exclude_zero,
)
from market.chains import FloatArray


def _normal(n: int, sharpe: float) -> FloatArray:
    """Return exact quantiles of a normal, so that moments are those of the distribution."""
    shape = norm.ppf((np.arange(n) + 0.5) / n)
    return np.asarray(0.01 * (shape / shape.std(ddof=1) + sharpe))


@given(first=st.floats(-0.3, 0.3), second=st.floats(-0.3, 0.3))
def test_a_higher_benchmark_is_less_probably_beaten(first: float, second: float) -> None:
    """The probability falls as the benchmark rises."""
    returns = _normal(100, 0.05)
    low, high = sorted((first, second))
    assert probabilistic_sharpe(returns, benchmark=low).value >= probabilistic_sharpe(returns, benchmark=high).value


@given(sharpe=st.floats(0.02, 0.2), n=st.integers(30, 200))
def test_a_longer_record_of_the_same_ratio_is_more_probably_skill(sharpe: float, n: int) -> None:
    """The same ratio over twice the days has the higher probability; under 0 it is the other way round."""
    short, long = probabilistic_sharpe(_normal(n, sharpe)), probabilistic_sharpe(_normal(2 * n, sharpe))
    assert long.value > short.value
    assert probabilistic_sharpe(_normal(2 * n, -sharpe)).value < probabilistic_sharpe(_normal(n, -sharpe)).value


@given(a=st.integers(1, 500), b=st.integers(1, 500))
def test_more_trials_never_raise_the_deflated_ratio(a: int, b: int) -> None:
    """Luck alone shows more in more trials."""
    returns = _normal(120, 0.1)
    few, many = sorted((a, b))
    assert deflated_sharpe(returns, n_trials=few).value >= deflated_sharpe(returns, n_trials=many).value


def test_the_error_of_a_normal_ratio_has_its_closed_form() -> None:
    """Lo: sqrt((1 + S^2 / 2) / (n - 1)) for normal returns."""
    returns = _normal(40_000, 0.08)
    expected = sqrt((1.0 + 0.08**2 / 2.0) / (returns.size - 1))
    assert sharpe_standard_error(returns).value == pytest.approx(expected, rel=1e-3)


def test_negative_skew_lowers_the_belief_in_the_same_ratio() -> None:
    """Many small wins and a rare large loss: the same ratio is worth less than its mirror image's."""
    rng = np.random.default_rng(2)
    short: FloatArray = np.where(rng.random(500) < 0.04, -0.028, 0.002)
    mirrored: FloatArray = 2.0 * float(short.mean()) - short
    assert sharpe_ratio(short, periods_per_year=1).value == pytest.approx(
        sharpe_ratio(mirrored, periods_per_year=1).value
    )
    assert probabilistic_sharpe(short).value < probabilistic_sharpe(mirrored).value


def test_at_the_minimum_track_record_the_probability_reaches_the_level() -> None:
    """The two figures invert each other: a record just as long has a probability of 95 %."""
    returns = _normal(400, 0.05)
    needed = minimum_track_record(returns).value
    spread = sharpe_standard_error(returns).value * sqrt(returns.size - 1)
    assert norm.cdf(0.05 * sqrt(needed - 1.0) / spread) == pytest.approx(0.95, abs=1e-9)


def test_a_ratio_that_is_not_above_its_benchmark_has_no_track_record() -> None:
    """However long it runs, it proves nothing."""
    found = minimum_track_record(_normal(100, -0.02))
    assert isnan(found.value)
    assert found.reason == "the Sharpe ratio does not exceed the benchmark"


def test_a_ratio_of_one_and_a_half_needs_1_7_years() -> None:
    """The figure of the requirements: (1.96 / 1.5)^2."""
    assert years_to_exclude_zero(1.5).value == pytest.approx(1.707, abs=1e-3)
    assert isnan(years_to_exclude_zero(0.0).value)


def test_the_best_of_many_lucky_trials_is_deflated_to_about_a_half() -> None:
    """Two hundred strategies without skill: the best one looks significant, and deflation sees through it."""
    rng = np.random.default_rng(8)
    runs = rng.normal(0.0, 0.01, (200, 500))
    ratios = runs.mean(axis=1) / runs.std(axis=1, ddof=1)
    best = runs[int(ratios.argmax())]
    assert probabilistic_sharpe(best).value > 0.99
    assert 0.2 < deflated_sharpe(best, n_trials=200, trial_sharpes=ratios).value < 0.8
    assert deflated_sharpe(best, n_trials=200).value == pytest.approx(
        deflated_sharpe(best, n_trials=200, trial_sharpes=ratios).value, abs=0.15
    )


def test_trials_whose_spread_is_unknown_give_no_deflated_ratio() -> None:
    """One known trial of many has no spread."""
    found = deflated_sharpe(_normal(100, 0.1), n_trials=10, trial_sharpes=np.array([0.1]))
    assert found.reason == "the spread of the trials' Sharpe ratios is not known"


def test_a_short_sample_is_neither_probable_nor_improbable() -> None:
    """Nineteen days, one day or none: NaN with the reason."""
    for n in (0, 1, 19):
        returns = np.linspace(0.0, 0.01, n)
        for found in (probabilistic_sharpe(returns), deflated_sharpe(returns, n_trials=5)):
            assert isnan(found.value)
            assert "at least 20" in found.reason
