"""The numbers of the one table, held against those of the requirements and not against the page that it makes."""

from __future__ import annotations

from math import exp

import pytest

from risk.fuzzy.config import FuzzyConfig, SigmaRule
from risk.fuzzy.memberships import Crossover

_HALF_DEVIATION = exp(-0.5)


@pytest.mark.parametrize(
    ("name", "x", "found"),
    [
        ("iv_rank", 0.30, 0.5),  # Q60: IVR / 60
        ("iv_rank", 0.60, 1.0),
        ("rsi", 20.0, 0.5),  # Q62: 1 from 40 to 60, RSI / 40 below, (100 - RSI) / 40 above
        ("rsi", 40.0, 1.0),
        ("rsi", 60.0, 1.0),
        ("rsi", 80.0, 0.5),
        ("adx", 25.0, 1.0),  # Q63: 1 to 25, 0 at 40
        ("adx", 32.5, 0.5),
        ("adx", 40.0, 0.0),
        ("stochastic", 15.0, 0.5),  # Q65: 1 from 30 to 70, K / 30, (100 - K) / 30
        ("stochastic", 30.0, 1.0),
        ("stochastic", 70.0, 1.0),
        ("stochastic", 85.0, 0.5),
        ("volume", 0.4, 0.5),  # Q66: the ratio / 0.8
        ("volume", 0.8, 1.0),
        ("sma_distance", 0.01, 0.5),  # Q67: 1 - |d| / 2 %
        ("sma_distance", -0.02, 0.0),
        ("consensus", 0.30, 1.0),  # models 6.2: 0, 0, 0.3, 0.8 of the size of the mean sign
        ("consensus", -0.55, 0.5),
        ("consensus", 0.80, 0.0),
    ],
)
def test_the_trapezoids_are_those_of_the_original(name: str, x: float, found: float) -> None:
    """What the described system took for each factor stands as the trapezoid of that factor."""
    assert getattr(FuzzyConfig(), name).trapezoid.value(x) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "x", "found"),
    [
        ("iv_rank", 0.2, 0.0),  # models 6.2: 20 to 60
        ("iv_rank", 0.4, 0.5),
        ("iv_rank", 0.6, 1.0),
        ("regime_stability", 0.25, 0.75),  # 0 to 1
        ("vix", 12.0, 1.0),  # Q61: 1 to 12, 1 - (VIX - 12) / 18, 0 at 30
        ("vix", 21.0, 0.5),
        ("vix", 30.0, 0.0),
        ("adx", 15.0, 1.0),  # 15 to 40
        ("adx", 27.5, 0.5),
        ("volume", 0.5, 0.0),  # 0.5 to 1.5
        ("volume", 1.0, 0.5),
        ("volume", 1.5, 1.0),
        ("sma_distance", 0.015, 0.5),  # 0 to 0.03
        ("sma_distance", 0.03, 0.0),
    ],
)
def test_the_lines_are_those_of_the_table_of_factors(name: str, x: float, found: float) -> None:
    """Linear and linear decay between the two numbers of each factor."""
    assert getattr(FuzzyConfig(), name).linear.value(x) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "centre", "deviation"), [("rsi", 50.0, 15.0), ("bollinger", 0.5, 0.25), ("stochastic", 50.0, 20.0)]
)
def test_the_gaussians_are_those_of_the_table_of_factors(name: str, centre: float, deviation: float) -> None:
    """One deviation beside the centre the membership is exp(-1/2)."""
    shape = getattr(FuzzyConfig(), name).gaussian
    assert shape.value(centre) == 1.0
    assert [shape.value(centre + side * deviation) for side in (-1, 1)] == pytest.approx([_HALF_DEVIATION] * 2)


def test_the_rest_of_the_table() -> None:
    """Cross-over of the parabolic stop, discount by percentile, its clip from 10 % to 35 %, and the least coverage."""
    config = FuzzyConfig()
    assert config.parabolic_sar.crossover == Crossover(at=0.0, steepness=6.0)
    sigma = config.sigma_star
    assert (sigma.rule, sigma.low, sigma.high) == (SigmaRule.PERCENTILE, 0.10, 0.35)
    assert (config.min_coverage, config.coverage_cuts_size, config.volatility_guard) == (0.6, True, False)
