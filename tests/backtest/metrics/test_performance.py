"""Laws of returns, risk and their ratios, and closed forms."""

from __future__ import annotations

from math import exp, isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from backtest.metrics import performance
from market.chains import FloatArray

_YEAR = {"periods_per_year": 252.0}
_RETURNS = arrays(
    np.float64, st.integers(20, 80), elements=st.integers(-3_000, 3_000).map(lambda basis_points: basis_points / 1e4)
)


@given(returns=_RETURNS, scale=st.floats(0.05, 3.0))
def test_ratios_do_not_change_with_the_size_of_the_position(returns: FloatArray, scale: float) -> None:
    """Sharpe and Sortino of scaled excess returns are the same; volatility scales with them."""
    for ratio in (performance.sharpe_ratio, performance.sortino_ratio):
        small, large = ratio(returns, **_YEAR), ratio(scale * returns, **_YEAR)
        assert isnan(small.value) == isnan(large.value)
        assert isnan(small.value) or large.value == pytest.approx(small.value, rel=1e-6, abs=1e-9)
    spread = performance.volatility(returns, **_YEAR).value
    assert performance.volatility(scale * returns, **_YEAR).value == pytest.approx(scale * spread, rel=1e-9, abs=1e-12)


@given(returns=_RETURNS, data=st.data())
def test_ratios_and_moments_do_not_depend_on_the_order_of_days(returns: FloatArray, data: st.DataObject) -> None:
    """Only drawdown knows the path."""
    mixed = returns[data.draw(st.permutations(range(returns.size)))]
    for name in ("skewness", "excess_kurtosis", "value_at_risk", "expected_shortfall", "total_return"):
        metric = getattr(performance, name)
        assert metric(mixed).value == pytest.approx(metric(returns).value, rel=1e-6, abs=1e-9, nan_ok=True)


@given(returns=_RETURNS, level=st.floats(0.9, 0.95))
def test_expected_shortfall_is_at_least_the_value_at_risk(returns: FloatArray, level: float) -> None:
    """The mean beyond the edge is no better than the edge, and no worse than the worst day."""
    edge = performance.value_at_risk(returns, level=level).value
    mean = performance.expected_shortfall(returns, level=level).value
    assert edge - 1e-12 <= mean <= -returns.min() + 1e-12


@given(n=st.integers(0, 19))
def test_a_short_sample_has_no_annual_figure(n: int) -> None:
    """Under twenty returns every annual figure is missing and says how many are needed."""
    returns = np.linspace(-0.01, 0.02, n)
    for metric in (performance.sharpe_ratio, performance.sortino_ratio, performance.compound_growth):
        found = metric(returns, **_YEAR)
        assert isnan(found.value)
        assert "at least 20" in found.reason


@given(value=st.floats(-0.2, 0.2), n=st.integers(20, 60))
def test_a_constant_sample_has_no_ratio_and_no_shape(value: float, n: int) -> None:
    """No spread is no risk measured: NaN with a reason, neither 0 nor infinite."""
    returns = np.full(n, value)
    for found in (
        performance.sharpe_ratio(returns, **_YEAR),
        performance.sortino_ratio(returns, **_YEAR),
        performance.skewness(returns),
        performance.excess_kurtosis(returns),
    ):
        assert isnan(found.value)
        assert found.reason == "the returns do not vary"


def test_growth_of_a_steady_return_is_the_return_of_a_year() -> None:
    """252 days of exp(0.1/252) - 1 make exp(0.1) - 1, over two years as well."""
    steady = np.full(504, exp(0.1 / 252) - 1.0)
    assert performance.compound_growth(steady, **_YEAR).value == pytest.approx(exp(0.1) - 1.0)
    assert performance.total_return(steady).value == pytest.approx(exp(0.2) - 1.0)


def test_a_total_loss_grows_at_minus_one() -> None:
    """Nothing is left after a day of -100 %, whatever came before."""
    returns = np.append(np.full(30, 0.01), -1.0)
    assert performance.compound_growth(returns, **_YEAR).value == -1.0
    assert performance.calmar_ratio(returns, **_YEAR).value == -1.0


def test_normal_returns_have_the_shape_and_the_tail_of_the_normal_distribution() -> None:
    """At exact quantiles of a normal, skew and excess kurtosis vanish and the tail has its closed form."""
    n = 200_001
    returns = 0.01 * norm.ppf((np.arange(n) + 0.5) / n)
    assert performance.skewness(returns).value == pytest.approx(0.0, abs=1e-9)
    assert performance.excess_kurtosis(returns).value == pytest.approx(0.0, abs=1e-3)
    assert performance.value_at_risk(returns).value == pytest.approx(0.01 * norm.ppf(0.95), rel=1e-4)
    tail = 0.01 * norm.pdf(norm.ppf(0.95)) / 0.05
    assert performance.expected_shortfall(returns).value == pytest.approx(tail, rel=1e-4)


def test_a_sharpe_ratio_of_trades_times_root_250_is_not_that_of_days() -> None:
    """EX3: one trade a week of the same profit and loss gives another number when each is taken for a day."""
    trades = np.random.default_rng(1).normal(0.004, 0.02, 104)
    days = np.zeros(520)
    days[4::5] = trades
    wrong = sqrt(250.0) * trades.mean() / trades.std(ddof=1)
    right = performance.sharpe_ratio(days, **_YEAR).value
    by_count = sqrt(52.0 * 252 / 260) * trades.mean() / trades.std(ddof=1)
    assert wrong / right == pytest.approx(sqrt(5.0), rel=0.05)
    assert right == pytest.approx(by_count, rel=0.05)


def test_downside_without_a_loss_is_unknown() -> None:
    """A series that never fell below its target has no Sortino ratio: its downside is not 0 but not seen."""
    found = performance.sortino_ratio(np.linspace(0.001, 0.01, 40), **_YEAR)
    assert found.reason == "no return lies below the target"
