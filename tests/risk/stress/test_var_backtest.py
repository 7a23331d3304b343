"""Tests of exceptions against published regions, by hand, and by their size under the null."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from scipy.stats import chi2

from market.chains import FloatArray
from market.errors import DataError
from risk.stress.var_backtest import backtest_var


def _with_exceptions(n: int, places: list[int]) -> tuple[FloatArray, FloatArray]:
    pnl = np.zeros(n)
    pnl[places] = -2.0
    return pnl, np.ones(n)


@pytest.mark.parametrize(
    ("confidence", "n", "first", "last"),
    [(0.99, 255, 1, 6), (0.99, 510, 2, 10), (0.99, 1000, 5, 16), (0.95, 255, 7, 20), (0.95, 1000, 38, 64)],
)
def test_counts_that_pass_are_those_of_the_published_regions(confidence: float, n: int, first: int, last: int) -> None:
    """Kupiec's table of counts that are not rejected at 5 % (1 % and 5 % tails; 255, 510 and 1000 days).

    It writes N < 7 for the first, although no exception at all has a ratio of 5.13, beyond 3.84.
    """
    passed = [x for x in range(80) if backtest_var(*_with_exceptions(n, list(range(x))), confidence).coverage_p > 0.05]
    assert (passed[0], passed[-1]) == (first, last)


def test_independence_is_the_likelihood_ratio_by_hand() -> None:
    """Two exceptions side by side among ten days: the four counts of changes, put into the formula."""
    found = backtest_var(*_with_exceptions(10, [4, 5]), 0.95)
    alike = 7 * log(7 / 9) + 2 * log(2 / 9)
    apart = 6 * log(6 / 7) + 1 * log(1 / 7) + 1 * log(1 / 2) + 1 * log(1 / 2)
    assert found.independence_statistic == pytest.approx(-2.0 * (alike - apart))
    assert found.independence_p == pytest.approx(chi2.sf(found.independence_statistic, 1))
    assert found.joint_statistic == pytest.approx(found.coverage_statistic + found.independence_statistic)


def test_clusters_are_rejected_and_spread_exceptions_are_not() -> None:
    """The same number of exceptions in one run speaks against the figure; spread out it does not."""
    clustered = backtest_var(*_with_exceptions(1000, list(range(500, 550))), 0.95)
    spread = backtest_var(*_with_exceptions(1000, list(range(0, 1000, 20))), 0.95)
    assert clustered.coverage_p == spread.coverage_p > 0.9
    assert clustered.independence_p < 1e-6
    assert spread.joint_p < clustered.coverage_p
    assert clustered.joint_p < 1e-6


def test_a_true_figure_is_rejected_as_often_as_the_level_says() -> None:
    """Of 400 samples of independent days about one in twenty fails the test of coverage at 5 %."""
    rng = np.random.default_rng(8)
    figures = np.full(1000, 1.6448536)
    failed = [backtest_var(rng.standard_normal(1000), figures, 0.95).coverage_p < 0.05 for _ in range(400)]
    assert 0.02 <= np.mean(failed) <= 0.09


def test_what_cannot_be_tested_is_refused() -> None:
    """No day, other days, NaN."""
    with pytest.raises(DataError, match="same days"):
        backtest_var(np.zeros(0), np.zeros(0), 0.99)
    with pytest.raises(DataError, match="cannot be tested"):
        backtest_var(np.array([np.nan, 0.0]), np.ones(2), 0.99)
