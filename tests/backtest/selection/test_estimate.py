"""The outer estimate: the same figures as the metrics, paired with the baseline, and honest about its error."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.metrics.performance import total_return
from backtest.metrics.resampling import bootstrap_intervals, daily_statistics
from backtest.selection.estimate import outer_estimate
from market.errors import DataError


def test_the_estimate_is_the_metric_with_the_interval_of_the_metrics() -> None:
    """The default is the Sharpe ratio, on the same draws as the headline's interval."""
    returns = 0.01 * np.random.default_rng(1).standard_normal(300)
    found = outer_estimate(returns, periods_per_year=252.0, rng=np.random.default_rng(2), n_draws=200)
    (usual,) = bootstrap_intervals(
        returns, {"sharpe": daily_statistics(252.0)["sharpe"]}, rng=np.random.default_rng(2), n_draws=200
    )
    assert found.value == usual
    assert found.baseline is found.difference is None


def test_a_common_fate_leaves_the_difference() -> None:
    """Two series that share nearly every move differ by less than either is known."""
    rng = np.random.default_rng(3)
    common = 0.01 * rng.standard_normal(400)
    chosen = common + 0.0004 + 0.0005 * rng.standard_normal(400)
    found = outer_estimate(chosen, periods_per_year=252.0, rng=rng, baseline=common, n_draws=300)
    assert found.difference is not None
    assert found.baseline is not None
    assert found.difference.low > 0.0
    assert found.difference.value == pytest.approx(found.value.value - found.baseline.value)
    assert found.difference.standard_error < 0.3 * found.value.standard_error


def test_any_metric_can_be_estimated() -> None:
    """A metric is a function of the daily returns, under its own name."""
    returns = 0.01 * np.random.default_rng(4).standard_normal(100)
    found = outer_estimate(
        returns, periods_per_year=252.0, rng=np.random.default_rng(0), metric=total_return, name="total_return"
    )
    assert (found.value.name, found.value.value) == ("total_return", total_return(returns).value)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 80 worlds with an annual ratio of 1, between 85 and 100 % have it in their interval of 95 %."""
    hits = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        returns = 0.01 * (rng.standard_normal(250) + 1.0 / np.sqrt(252.0))
        value = outer_estimate(returns, periods_per_year=252.0, rng=rng, n_draws=200).value
        hits.append(value.low <= 1.0 <= value.high)
    assert 0.85 <= np.mean(hits) <= 1.0


def test_what_is_missing_stays_missing() -> None:
    """Few days, or days without spread, give a reason; series that do not fit are refused."""
    rng = np.random.default_rng(0)
    assert "at least 20" in outer_estimate(np.zeros(5), periods_per_year=252.0, rng=rng).value.reason
    flat = outer_estimate(np.zeros(50), periods_per_year=252.0, rng=rng, baseline=np.ones(50))
    assert flat.difference is not None
    assert flat.difference.reason
    with pytest.raises(DataError, match="same days"):
        outer_estimate(np.zeros(50), periods_per_year=252.0, rng=rng, baseline=np.zeros(49))
