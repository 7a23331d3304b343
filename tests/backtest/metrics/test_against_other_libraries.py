"""Our definitions against the numbers of quantstats, skfolio and arch, recorded in other_libraries.json.

The file says which versions it comes from and how to record it again; the name of each row is the library's function,
apart from `sharpe_over_rf_day` (``qs.sharpe(s, rf=0.04, periods=252)``), `cvar_93` (``sk.cvar(r, beta=0.93)``),
`probabilistic_sharpe` (``sk.probabilistic_sharpe_ratio(r, 0.01, 0.0001)``) and `deflated_sharpe`
(``sk.deflated_sharpe_ratio(r, trials)``). quantstats takes `total_return` from ``comp``.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtest.metrics import performance
from backtest.metrics.days import wealth_of_days
from backtest.metrics.drawdown import deepest_spells, drawdown_spells, max_drawdown
from backtest.metrics.resampling import block_length
from backtest.metrics.sharpe_inference import deflated_sharpe, probabilistic_sharpe
from backtest.metrics.trade_statistics import trade_statistics_of

_SAMPLES = ("normal", "short_premium", "autocorrelated")


@cache
def _recorded() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(__file__).with_name("other_libraries.json").read_text(encoding="utf-8"))
    return content


def _exact(expected: float) -> Any:
    return pytest.approx(expected, rel=1e-10, abs=1e-13)


@pytest.fixture(params=_SAMPLES)
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One recorded sample with the numbers of the libraries."""
    sample: dict[str, Any] = _recorded()["samples"][request.param]
    return sample


def test_returns_and_ratios_equal_those_of_quantstats(recorded: dict[str, Any]) -> None:
    """Return, growth, volatility, Sharpe with and without a rate, Sortino, Calmar and drawdown agree."""
    returns, theirs = np.array(recorded["returns"]), recorded["quantstats"]
    year = {"periods_per_year": 252.0}
    ours = {
        "total_return": performance.total_return(returns),
        "cagr": performance.compound_growth(returns, **year),
        "volatility": performance.volatility(returns, **year),
        "sharpe": performance.sharpe_ratio(returns, **year),
        "sharpe_over_rf_day": performance.sharpe_ratio(returns, risk_free=theirs["rf_day"], **year),
        "sortino": performance.sortino_ratio(returns, **year),
        "calmar": performance.calmar_ratio(returns, **year),
        "max_drawdown": max_drawdown(wealth_of_days(returns)),
    }
    for name, found in ours.items():
        assert found.value == _exact(theirs[name]), name


def test_spells_under_water_are_those_of_quantstats(recorded: dict[str, Any]) -> None:
    """There are as many spells, and the deepest is as deep."""
    returns, theirs = np.array(recorded["returns"]), recorded["quantstats"]
    index = wealth_of_days(returns)
    ts_ns = np.arange(index.size, dtype=np.int64) * 86_400_000_000_000
    assert len(drawdown_spells(ts_ns, index)) == theirs["n_spells"]
    assert deepest_spells(ts_ns, index, 1)[0].depth == pytest.approx(theirs["deepest_spell"], rel=1e-9)


def test_pay_off_and_profit_factor_are_those_of_quantstats(recorded: dict[str, Any]) -> None:
    """The library takes daily returns for trades; on the same numbers both agree."""
    found, theirs = trade_statistics_of(np.array(recorded["returns"])), recorded["quantstats"]
    assert found.payoff_ratio == _exact(theirs["payoff_ratio"])
    assert found.profit_factor == _exact(theirs["profit_factor"])


def test_moments_and_tails_equal_those_of_skfolio(recorded: dict[str, Any]) -> None:
    """Skewness, kurtosis, value at risk and expected shortfall have the same definitions, also at an uneven level."""
    returns, theirs = np.array(recorded["returns"]), recorded["skfolio"]
    assert performance.volatility(returns, periods_per_year=1.0).value == _exact(theirs["std"])
    assert performance.skewness(returns).value == _exact(theirs["skew"])
    assert performance.excess_kurtosis(returns).value + 3.0 == _exact(theirs["kurtosis"])
    assert performance.value_at_risk(returns).value == _exact(theirs["var_95"])
    assert performance.expected_shortfall(returns).value == _exact(theirs["cvar_95"])
    assert performance.expected_shortfall(returns, level=0.93).value == _exact(theirs["cvar_93"])


def test_probabilistic_and_deflated_sharpe_equal_those_of_skfolio(recorded: dict[str, Any]) -> None:
    """The same probability over a benchmark, and over the best of forty trials."""
    returns, theirs = np.array(recorded["returns"]), recorded["skfolio"]
    trials = np.array(_recorded()["trials"])
    found = probabilistic_sharpe(returns - 0.0001, benchmark=0.01)
    assert found.value == _exact(theirs["probabilistic_sharpe"])
    deflated = deflated_sharpe(returns, n_trials=trials.size, trial_sharpes=trials)
    assert deflated.value == _exact(theirs["deflated_sharpe"])


def test_probabilistic_sharpe_is_near_that_of_quantstats(recorded: dict[str, Any]) -> None:
    """quantstats corrects its moments for the sample's size; on a year of days that changes little."""
    theirs = recorded["quantstats"]["probabilistic_sharpe_bias_corrected_moments"]
    assert probabilistic_sharpe(np.array(recorded["returns"])).value == pytest.approx(theirs, abs=2e-3)


def test_block_length_is_that_of_arch(recorded: dict[str, Any]) -> None:
    """The recorded optimal length of the stationary bootstrap comes back, also from a newer arch."""
    found = block_length(np.array(recorded["returns"])).value
    assert found == pytest.approx(recorded["arch"]["optimal_block_length"], rel=1e-9)
