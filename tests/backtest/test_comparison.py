"""Two runs paired by day: what differs, how sure it is, and when they may not be compared."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from scipy.stats import binomtest

from backtest.comparison import compare, fixed_horizon_test, sequential_test
from backtest.history import DataSource
from backtest.results import RunResult
from market.chains import FloatArray
from market.errors import ConfigError, DataError
from market.provenance import AsOfSource, Provenance
from tests.backtest.metrics.samples import DESCRIPTION, run_of_returns

_MARKET = np.random.default_rng(1).normal(0.0005, 0.01, 250)
_EDGE = np.random.default_rng(2).normal(0.0008, 0.003, 250)
_DAYS = np.arange(2_000).astype("datetime64[D]")


def _run(returns: FloatArray, name: str, **changes: object) -> RunResult:
    run = run_of_returns(returns)
    return replace(run, description=replace(DESCRIPTION, name=name, **changes))  # type: ignore[arg-type]  # the caller's


def _source(digest: str) -> DataSource:
    provenance = Provenance(source="test", origin="by hand", as_of_source=AsOfSource.STAMPED, simulated=True)
    return DataSource(name="SPX chains", provenance=provenance, digest=digest, rows=1, first_ns=0, last_ns=1)


def test_exchanging_the_runs_turns_the_sign_of_everything() -> None:
    """Second less first, in returns, money, tests and bounds."""
    a, b = _run(_MARKET, "plain"), _run(_MARKET + _EDGE, "better")
    there, back = (compare(x, y, rng=np.random.default_rng(3), n_draws=200) for x, y in ((a, b), (b, a)))
    assert np.array_equal(there.difference, -back.difference)
    assert there.fixed.mean == -back.fixed.mean
    assert there.fixed.p_value == pytest.approx(back.fixed.p_value)
    assert (there.fixed.n_better, there.fixed.n_worse) == (back.fixed.n_worse, back.fixed.n_better)
    assert there.sequential.low == pytest.approx(-back.sequential.high, nan_ok=True)
    assert there.sequential.decided_day == back.sequential.decided_day


def test_a_real_edge_is_found_although_the_market_moves_both() -> None:
    """Paired by day the noise of the market falls out: all three intervals exclude 0."""
    found = compare(_run(_MARKET, "plain"), _run(_MARKET + _EDGE, "better"), rng=np.random.default_rng(3), n_draws=400)
    assert (found.first, found.second, found.n_days) == ("plain", "better", 250)
    assert [item.name for item in found.intervals] == [
        "mean_difference_annual",
        "sharpe_difference",
        "total_profit_difference",
    ]
    assert all(item.low > 0.0 for item in found.intervals)
    assert found.intervals[1].value == pytest.approx(found.second_sharpe.value - found.first_sharpe.value)
    assert found.fixed.p_value < 0.01
    assert found.fixed.sign_p_value < 0.05
    assert found.sequential.decided_day


def test_a_run_against_itself_differs_in_nothing_and_proves_nothing() -> None:
    """No difference has no interval and no p-value, only reasons."""
    run = _run(_MARKET, "plain")
    found = compare(run, run, rng=np.random.default_rng(1))
    assert not found.difference.any()
    assert isnan(found.fixed.p_value)
    assert found.sequential.reason == "the returns do not vary"
    assert all(item.reason for item in found.intervals)


def test_runs_over_other_data_are_not_compared() -> None:
    """The same name with another digest is other data."""
    a, b = _run(_MARKET, "a", sources=(_source("1"),)), _run(_MARKET, "b", sources=(_source("2"),))
    with pytest.raises(DataError, match="differ in SPX chains"):
        compare(a, b, rng=np.random.default_rng(1))


def test_runs_over_other_days_or_in_other_units_are_not_compared() -> None:
    """A run that stopped early is no pair, nor is one in another currency."""
    whole = _run(_MARKET, "a")
    with pytest.raises(DataError, match="5 in one run only"):
        compare(whole, _run(_MARKET[:-5], "b"), rng=np.random.default_rng(1))
    with pytest.raises(DataError, match="count in other units"):
        compare(whole, _run(_MARKET, "b", currency="EUR"), rng=np.random.default_rng(1))


def test_the_sign_test_is_the_binomial_test() -> None:
    """Exact, with days of no difference left out."""
    difference = np.concatenate([np.linspace(0.1, 1.0, 31), np.linspace(-1.0, -0.1, 15), np.zeros(9)])
    found = fixed_horizon_test(difference)
    assert (found.n_better, found.n_worse) == (31, 15)
    assert found.sign_p_value == pytest.approx(binomtest(31, 46).pvalue)


def test_autocorrelated_differences_are_less_sure() -> None:
    """The same mean with dependent days has the wider interval."""
    shocks = np.random.default_rng(4).normal(0.0, 1.0, 500)
    dependent = np.convolve(shocks, np.ones(5) / 5**0.5, mode="same")
    shuffled = np.random.default_rng(5).permutation(dependent)
    wide, narrow = fixed_horizon_test(dependent), fixed_horizon_test(shuffled)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_sequence_uses_no_later_day_and_its_p_value_never_rises() -> None:
    """Bounds of a cut series are those of the whole up to the cut; more days can only lower the p-value."""
    values = np.random.default_rng(6).normal(0.1, 1.0, 300)
    whole, cut = sequential_test(values, _DAYS[:300]), sequential_test(values[:150], _DAYS[:150])
    assert np.array_equal(whole.low[:150], cut.low, equal_nan=True)
    assert whole.p_value <= cut.p_value


def test_the_sequence_decides_exactly_when_its_p_value_reaches_the_level() -> None:
    """Bounds and always-valid p-value are two sides of one test."""
    for seed in range(20):
        values = np.random.default_rng(seed).normal(0.12, 1.0, 252)
        found = sequential_test(values, _DAYS[:252])
        assert bool(found.decided_day) == (found.p_value < 0.05)


def test_looking_every_day_the_fixed_test_errs_often_and_the_sequence_does_not() -> None:
    """Of 150 runs without any difference, daily looks at the fixed test reject far more than 5 %, the sequence not."""
    rng = np.random.default_rng(7)
    by_sequence, by_peeking = 0, 0
    for _ in range(150):
        values = rng.normal(0.0, 1.0, 252)
        by_sequence += bool(sequential_test(values, _DAYS[:252]).decided_day)
        by_peeking += any(fixed_horizon_test(values[:t]).p_value < 0.05 for t in range(20, 253, 8))
    assert by_sequence <= 15
    assert by_peeking >= 25


def test_an_impossible_sequence_is_refused() -> None:
    """Tuned for fewer days than its first look."""
    with pytest.raises(ConfigError, match="a sequential test cannot be"):
        sequential_test(np.zeros(30), _DAYS[:30], tuned_for_days=5)
