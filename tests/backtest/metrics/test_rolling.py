"""Moving ratios: each window is the ratio of its own days, and nothing is told before the first is whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backtest.metrics.days import DailyReturns
from backtest.metrics.performance import sharpe_ratio, volatility
from backtest.metrics.rolling import rolling_sharpe, rolling_volatility
from market.chains import FloatArray


def _daily(returns: FloatArray) -> DailyReturns:
    n_days = returns.shape[0]
    return DailyReturns(
        day=np.datetime64("2024-01-01") + np.arange(n_days),
        end_ns=np.arange(n_days, dtype=np.int64),
        returns=returns,
        elapsed_years=np.full(n_days, 1.0 / 252.0),
        profit=returns,
        n_missing=0,
        is_ruined=False,
    )


@given(st.integers(20, 40), st.integers(0, 2**31), st.floats(0.0, 0.1))
def test_a_window_is_the_ratio_of_its_days(window: int, seed: int, rate: float) -> None:
    """The last value is the figure of the last days alone, with the same rate."""
    returns = np.random.default_rng(seed).normal(0.001, 0.01, 60)
    found = rolling_sharpe(_daily(returns), window, periods_per_year=252, risk_free=rate)
    last = returns[-window:]
    alone = sharpe_ratio(last, periods_per_year=252, risk_free=rate / 252.0).value
    np.testing.assert_allclose(found[-1], alone, rtol=1e-9)
    moved = rolling_volatility(_daily(returns), window, periods_per_year=252)
    np.testing.assert_allclose(moved[-1], volatility(last, periods_per_year=252).value, rtol=1e-9)
    assert np.isnan(found[: window - 1]).all()
    assert np.isfinite(found[window - 1 :]).all()


def test_too_few_days_tell_nothing() -> None:
    """A window that is never whole is missing, and days that never vary have no ratio."""
    short = _daily(np.full(5, 0.01))
    assert np.isnan(rolling_sharpe(short, 6, periods_per_year=252)).all()
    assert np.isnan(rolling_sharpe(short, 3, periods_per_year=252)).all()
    assert rolling_volatility(short, 3, periods_per_year=252)[-1] == 0.0
