"""Analytic slopes against finite differences, and the ways in which volatility enters."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, isnan, nan

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from risk.fuzzy.config import FACTORS, FusionConfig, FusionRule, FuzzyConfig, SigmaConfig, SigmaRule
from risk.fuzzy.score import FuzzyInputs, fuzzy_reading
from risk.fuzzy.sensitivity import has_kink, sensitivity, volatility_channels
from tests.risk.fuzzy.inputs import CALM, SPANS, markets, weights

_CONFIGS = (
    FuzzyConfig(),
    FuzzyConfig(coverage_cuts_size=False),
    FuzzyConfig(volatility_guard=True),
    FuzzyConfig(sigma_star=SigmaConfig(rule=SigmaRule.CLIP)),
    FuzzyConfig(fusion=FusionConfig(fuzzy=1.0, confidence=0.5)),
    FuzzyConfig(band_width=replace(FuzzyConfig().band_width, share=0.3)),
)


def _moved(inputs: FuzzyInputs, name: str, step: float) -> FuzzyInputs:
    return replace(inputs, **{name: getattr(inputs, name) + step})


@settings(deadline=None)
@given(markets(), st.sampled_from(_CONFIGS), st.sampled_from(sorted(SPANS)))
def test_slopes_by_input_equal_finite_differences(inputs: FuzzyInputs, config: FuzzyConfig, name: str) -> None:
    """Away from kinks the analytic slope is what a small step finds."""
    low, high = SPANS[name]
    step = 1e-6 * (high - low)
    sides = [_moved(inputs, name, way * step) for way in (-1.0, 0.0, 1.0)]
    found = sensitivity(config, inputs, 5.0)
    if not isfinite(getattr(inputs, name)):
        assert isnan(found.by_input[name])
        return
    assume(all(low <= getattr(each, name) <= high for each in sides))
    # Left and right slopes differ where a kink lies within the step.
    below, here, above = (fuzzy_reading(config, each, 1.0).g for each in sides)
    assume(abs((above - here) - (here - below)) <= 1e-4 * step / (high - low))
    slope = (above - below) / (2.0 * step)
    assert found.by_input[name] * (high - low) == pytest.approx(slope * (high - low), abs=2e-4)
    assert found.of_size()[name] == pytest.approx(5.0 * found.by_input[name])


@settings(deadline=None)
@given(markets(), st.sampled_from(_CONFIGS), st.sampled_from(FACTORS), weights())
def test_slopes_by_weight_equal_finite_differences(
    inputs: FuzzyInputs, config: FuzzyConfig, name: str, drawn: FuzzyConfig
) -> None:
    """One weight grows, all others shrink in proportion, and the slope is what a small step along that line finds."""
    config = config.with_weights(drawn.weights)
    here = fuzzy_reading(config, inputs, 1.0)
    assume(not here.reason and abs(here.coverage - config.min_coverage) > 1e-3)
    own, step = config.weights[name], 1e-7
    assume(2 * step < own < 0.9)

    def share(change: float) -> float:
        others = {k: w * (1.0 - own - change) / (1.0 - own) for k, w in config.weights.items()}
        return fuzzy_reading(config.with_weights({**others, name: own + change}), inputs, 1.0).g

    slope = (share(step) - share(-step)) / (2.0 * step)
    assert sensitivity(config, inputs, 1.0).by_weight[name] == pytest.approx(slope, abs=1e-5, rel=1e-5)


def test_at_a_kink_the_slope_is_the_sub_gradient_zero() -> None:
    """A corner has no slope; between those of both sides lies 0, and it is told that it is a corner."""
    corner = replace(CALM, iv_rank=0.6)
    assert has_kink(FuzzyConfig(), corner)
    assert not has_kink(FuzzyConfig(), CALM)
    assert sensitivity(FuzzyConfig(), corner, 1.0).by_input["iv_rank"] == 0.0


def test_on_a_plateau_there_is_no_slope_to_follow() -> None:
    """A gradient cannot tune a trapezoid from its plateau (EQ9): sweeps search, they do not descend."""
    found = sensitivity(FuzzyConfig(), CALM, 1.0)
    assert found.by_input["consensus"] == 0.0
    assert found.by_input["rsi"] < 0.0


def test_where_the_size_is_zero_for_want_of_data_nothing_moves_it() -> None:
    """Below the least coverage all slopes are 0."""
    found = sensitivity(FuzzyConfig(), FuzzyInputs(rsi=40.0, vol_percentile=0.2), 5.0)
    assert found.reading.reason
    assert not any(slope for slope in found.by_input.values() if isfinite(slope))
    assert not any(found.by_weight.values())


def _path(levels: list[float]) -> list[tuple[float, FuzzyInputs]]:
    """Return a market whose rank, percentile, doubt, trend and width rise with the level."""
    return [
        (
            level,
            replace(
                CALM,
                vix=level,
                iv_rank=min((level - 10.0) / 40.0, 1.0),
                vol_percentile=min((level - 10.0) / 35.0, 1.0),
                change_probability=min((level - 10.0) / 60.0, 1.0),
                adx=15.0 + (level - 10.0) / 2.0,
            ),
        )
        for level in levels
    ]


def test_volatility_enters_in_four_ways_whose_signs_are_known() -> None:
    """The rank adds, the three others take away, their sum is the slope of the whole path, and it is negative (EQ3)."""
    step, levels = 0.01, [14.0, 19.0, 23.0, 27.0]
    for level in levels:
        below, here, above = volatility_channels(FuzzyConfig(), _path([level - step, level, level + step]))
        assert here.iv_rank >= 0.0
        assert here.regime_stability < 0.0
        assert here.sigma_star < 0.0
        assert here.trend_and_width <= 0.0
        assert here.net == pytest.approx((above.g - below.g) / (2.0 * step), abs=1e-5)
        assert here.net < 0.0


def test_a_high_rank_alone_can_outweigh_the_rest() -> None:
    """Where the discount stands still, the rank gains more than the level costs: the triple count has no one sign."""
    path = [(v, replace(CALM, vix=v, iv_rank=(v - 10.0) / 20.0)) for v in (15.0, 16.0, 17.0)]
    assert volatility_channels(FuzzyConfig(), path)[1].net > 0.0
    assert volatility_channels(FuzzyConfig(volatility_guard=True), path)[1].net < 0.0


@pytest.mark.parametrize("levels", [[15.0], [15.0, 15.0], [20.0, 15.0]])
def test_a_path_must_rise(levels: list[float]) -> None:
    """Slopes along it need rising levels."""
    with pytest.raises(ConfigError, match="rising levels"):
        volatility_channels(FuzzyConfig(), _path(levels))


@pytest.mark.parametrize("fusion", [FusionConfig(rule=FusionRule.LOGIT), FusionConfig(gaussian=0.5)])
def test_slopes_that_are_not_known_are_refused(fusion: FusionConfig) -> None:
    """No slope of another formula is handed out."""
    with pytest.raises(ConfigError, match="slopes are known"):
        sensitivity(FuzzyConfig(fusion=fusion), replace(CALM, confidence=nan), 1.0)
