"""Weights of strategies: bounds that hold whatever the past was, optima that no choice beats, honest ignorance."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio.moments import LedoitWolf, ShrunkMu

from market.chains import FloatArray
from market.errors import ConfigError, DataError
from strategies.allocation import Allocation, AllocationConfig, AllocationMethod, allocate

_NAMES = ("condor", "straddle", "momentum")
_ESTIMATED = tuple(method for method in AllocationMethod if method is not AllocationMethod.EQUAL_WEIGHT)


def _returns(seed: int, n_days: int = 126, volatility: tuple[float, ...] = (0.01, 0.02, 0.04)) -> FloatArray:
    draws = np.random.default_rng(seed)
    common = draws.standard_normal((n_days, 1))
    own = draws.standard_normal((n_days, len(volatility)))
    found: FloatArray = (0.05 + 0.5 * common + own) * np.array(volatility)
    return found


def _weights(found: Allocation) -> FloatArray:
    return np.array([found.weights[name] for name in _NAMES])


@pytest.mark.parametrize("method", AllocationMethod)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cap=st.floats(0.05, 1.0), total=st.floats(0.1, 1.0))
def test_no_weight_exceeds_its_cap_and_no_sum_the_total(
    method: AllocationMethod, seed: int, cap: float, total: float
) -> None:
    """Whatever the past was: bounds are bounds."""
    config = AllocationConfig(method=method, max_weight=cap, total=total)
    weights = _weights(allocate(config, _NAMES, _returns(seed)))
    assert (weights >= 0.0).all()
    assert (weights <= cap * (1.0 + 1e-5)).all()
    assert weights.sum() <= total * (1.0 + 1e-5)


def test_equal_risk_is_one_over_volatility() -> None:
    """The definition, over the whole of the money."""
    returns = _returns(1)
    config = AllocationConfig(method=AllocationMethod.EQUAL_RISK, window_days=126, max_weight=1.0)
    found = _weights(allocate(config, _NAMES, returns))
    inverse = 1.0 / returns.std(axis=0, ddof=1)
    assert found == pytest.approx(inverse / inverse.sum(), rel=1e-12)


@pytest.mark.parametrize("budgets", [(), (("condor", 0.5), ("straddle", 0.3), ("momentum", 0.2))])
def test_risk_parity_gives_each_strategy_its_budget_of_the_variance(budgets: tuple[tuple[str, float], ...]) -> None:
    """By the shrunk covariance that it is estimated with; also where strategies move together."""
    returns = _returns(2)
    config = AllocationConfig(
        method=AllocationMethod.RISK_PARITY, window_days=126, max_weight=1.0, risk_budgets=budgets
    )
    weights = _weights(allocate(config, _NAMES, returns))
    deviation = returns.std(axis=0, ddof=1)
    covariance = LedoitWolf().fit(returns / deviation).covariance_ * np.outer(deviation, deviation)
    parts = weights * (covariance @ weights)
    wanted = np.array([dict(budgets).get(name, 1.0) for name in _NAMES])
    assert parts / parts.sum() == pytest.approx(wanted / wanted.sum(), abs=2e-3)


@pytest.mark.parametrize("method", [AllocationMethod.MEAN_VARIANCE, AllocationMethod.KELLY])
def test_no_other_choice_within_the_bounds_has_a_higher_utility(method: AllocationMethod) -> None:
    """Ten thousand draws, and the money left idle, are all worse or equal."""
    returns = _returns(3, volatility=(0.1, 0.2, 0.4))
    config = AllocationConfig(method=method, window_days=126, max_weight=0.6, risk_aversion=5.0, kelly_fraction=0.2)
    weights = _weights(allocate(config, _NAMES, returns))
    deviation = returns.std(axis=0, ddof=1)
    mean = ShrunkMu().fit(returns / deviation).mu_ * deviation
    covariance = LedoitWolf().fit(returns / deviation).covariance_ * np.outer(deviation, deviation)
    others = np.random.default_rng(0).uniform(0.0, 0.6, (10_000, 3))
    others = others[others.sum(axis=1) <= 1.0]
    utility = others @ mean - 2.5 * np.einsum("ij,jk,ik->i", others, covariance, others)
    assert weights @ mean - 2.5 * weights @ covariance @ weights >= utility.max() - 1e-8
    assert weights.sum() > 0.0


def test_what_is_not_expected_to_earn_gets_nothing() -> None:
    """Zero is a legal weight, and for all of them."""
    losing = -np.abs(_returns(4))
    for method in (AllocationMethod.MEAN_VARIANCE, AllocationMethod.KELLY):
        assert set(allocate(AllocationConfig(method=method), _NAMES, losing).weights.values()) == {0.0}


def test_a_smaller_fraction_of_growth_never_spends_more() -> None:
    """Kelly's fraction is a brake."""
    returns = _returns(5, volatility=(0.1, 0.2, 0.4))
    sums = [
        sum(
            allocate(
                AllocationConfig(method=AllocationMethod.KELLY, kelly_fraction=fraction), _NAMES, returns
            ).weights.values()
        )
        for fraction in (0.02, 0.1, 0.5, 1.0)
    ]
    assert sums == sorted(sums)


@pytest.mark.parametrize("method", _ESTIMATED)
def test_a_strategy_without_a_past_keeps_its_initial_weight_and_says_so(method: AllocationMethod) -> None:
    """The others share the rest; nothing is made up for it."""
    returns = _returns(6)
    returns[:, 1] = nan
    found = allocate(AllocationConfig(method=method, max_weight=1.0), _NAMES, returns)
    assert found.weights["straddle"] == pytest.approx(1.0 / 3.0)
    assert found.reasons == {"straddle": "0 sessions of 21"}
    assert np.isnan(list(found.risk_shares.values())).all()
    assert sum(found.weights.values()) <= 1.0 + 1e-6


def test_a_strategy_that_hardly_traded_has_no_volatility() -> None:
    """Sixty sessions of nothing are no proof of calm."""
    returns = _returns(7)
    returns[:, 0] = 0.0
    returns[5, 0] = 0.001
    found = allocate(AllocationConfig(), _NAMES, returns)
    assert "0 sessions with a profit or loss" in found.reasons["condor"]
    assert found.weights["condor"] == pytest.approx(1.0 / 3.0)


@pytest.mark.parametrize("method", AllocationMethod)
def test_the_order_of_strategies_does_not_matter(method: AllocationMethod) -> None:
    """Each keeps its weight when the columns are turned round."""
    returns = _returns(8)
    config = AllocationConfig(method=method, max_weight=0.7)
    there = allocate(config, _NAMES, returns).weights
    back = allocate(config, _NAMES[::-1], returns[:, ::-1]).weights
    assert dict(back) == pytest.approx(dict(there), abs=1e-4)


def test_returns_that_do_not_fit_are_refused() -> None:
    """Too few columns, or infinity."""
    with pytest.raises(DataError, match="do not fit"):
        allocate(AllocationConfig(), _NAMES, np.zeros((5, 2)))
    with pytest.raises(DataError, match="infinite"):
        allocate(AllocationConfig(), _NAMES, np.full((5, 3), np.inf))


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_days": 10, "min_days": 11},
        {"total": 0.0},
        {"max_weight": 1.1},
        {"kelly_fraction": 0.0},
        {"risk_budgets": (("a", 0.5), ("a", 0.5))},
        {"risk_budgets": (("a", 0.0),)},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    """Each outside its range, or twice."""
    with pytest.raises(ConfigError):
        AllocationConfig(**wrong)  # type: ignore[arg-type]  # that is the test
