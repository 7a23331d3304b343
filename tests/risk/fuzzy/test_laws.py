"""What holds of fuzzy sizing whatever the market says."""

from __future__ import annotations

from dataclasses import fields, replace
from math import inf, isfinite, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.fuzzy.config import FusionConfig, FusionRule, FuzzyConfig, SigmaConfig, SigmaRule
from risk.fuzzy.factors import Factor
from risk.fuzzy.score import FuzzyInputs, fuzzy_reading
from tests.risk.fuzzy.inputs import CALM, SPANS, markets, weights

_DUST = 1e-12
_FACTORS_ALONE = ("iv_rank", "volume", "adx", "sma_distance", "rsi", "bollinger", "stochastic", "consensus")
_CONFIGS = (
    FuzzyConfig(),
    FuzzyConfig(sigma_star=SigmaConfig(rule=SigmaRule.CLIP)),
    FuzzyConfig(volatility_guard=True),
    FuzzyConfig(fusion=FusionConfig(fuzzy=0.4, gaussian=0.6, confidence=0.2)),
    FuzzyConfig(fusion=FusionConfig(rule=FusionRule.LOGIT, fuzzy=1.0, confidence=0.5)),
    FuzzyConfig(bollinger=FuzzyConfig().bollinger, band_width=replace(FuzzyConfig().band_width, share=0.3)),
)
configs = st.sampled_from(_CONFIGS)


@settings(deadline=None)
@given(markets(), configs, st.floats(0.0, 1e6))
def test_the_share_lies_between_none_and_all(inputs: FuzzyInputs, config: FuzzyConfig, base: float) -> None:
    """g is in [0, 1], the size in [0, Q0] and whole, with any holes, under any fusion: never above 1 (EQ4)."""
    found = fuzzy_reading(config, inputs, base)
    assert 0.0 <= found.g <= 1.0
    assert 0 <= found.quantity <= found.allowed <= base
    assert found.reason == "" or found.quantity == 0
    assert all(0.0 <= value <= 1.0 for _, value in found.memberships if isfinite(value))


@settings(deadline=None)
@given(markets(holes=False), st.sampled_from(sorted(SPANS)), st.sampled_from([nan, inf, -inf, 1e9, -1e9]))
def test_no_number_whatever_breaks_the_share(inputs: FuzzyInputs, name: str, value: float) -> None:
    """Far outside its range a number is judged or missing, and never makes a share outside 0 to 1."""
    found = fuzzy_reading(FuzzyConfig(), replace(inputs, **{name: value}), 5.0)
    assert 0.0 <= found.g <= 1.0


@settings(deadline=None)
@given(markets(), st.sampled_from(sorted(SPANS)), configs)
def test_worse_data_never_raise_the_size(inputs: FuzzyInputs, lost: str, config: FuzzyConfig) -> None:
    """Whatever falls away, the share falls or stays: what is missing counts as nothing (requirements 4.4)."""
    whole, part = fuzzy_reading(config, inputs, 1e3), fuzzy_reading(config, replace(inputs, **{lost: nan}), 1e3)
    assert part.g <= whole.g + _DUST


def test_pooled_log_odds_need_every_factor() -> None:
    """Their mean is no sum: a score of the other factors may pool to more than it is cut by, so there is no size."""
    config = FuzzyConfig(fusion=FusionConfig(rule=FusionRule.LOGIT, fuzzy=0.5, confidence=0.5))
    found = fuzzy_reading(config, CALM, 5.0)
    assert (found.g > 0.0, found.reason) == (True, "")
    part = fuzzy_reading(config, replace(CALM, stochastic=nan), 5.0)
    assert (part.g, part.reason) == (0.0, "pooled log-odds lack a factor")
    alone = replace(config, fusion=FusionConfig(rule=FusionRule.LOGIT))
    assert fuzzy_reading(alone, replace(CALM, stochastic=nan), 5.0).reason == ""


def test_without_the_cut_a_lost_factor_can_raise_the_size() -> None:
    """The option that lets the rest speak for what is missing has this price, and it is bounded by the coverage."""
    config = FuzzyConfig(coverage_cuts_size=False)
    against = replace(CALM, consensus=1.0)
    whole, part = (fuzzy_reading(config, each, 5.0) for each in (against, replace(against, consensus=nan)))
    assert whole.g < part.g <= whole.g / part.coverage + _DUST


@settings(deadline=None)
@given(markets(), st.floats(0.0, 1.0), configs)
def test_a_higher_percentile_never_raises_the_size(inputs: FuzzyInputs, rise: float, config: FuzzyConfig) -> None:
    """The discount falls on everything."""
    higher = replace(inputs, vol_percentile=inputs.vol_percentile + rise * (1.0 - inputs.vol_percentile))
    assert fuzzy_reading(config, higher, 1e3).g <= fuzzy_reading(config, inputs, 1e3).g + _DUST


@settings(deadline=None)
@given(markets(), st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6), configs, st.floats(-1.0, 1.0))
def test_a_rise_of_volatility_never_raises_the_size(
    inputs: FuzzyInputs, rises: list[float], config: FuzzyConfig, rank: float
) -> None:
    """Level, discount, doubt, width and trend together, with the rank held, or guarded and moved at will."""
    names = ("vix", "vol_percentile", "realised_vol", "change_probability", "band_width", "adx")
    moved = {n: getattr(inputs, n) + r * (SPANS[n][1] - getattr(inputs, n)) for n, r in zip(names, rises, strict=True)}
    if config.volatility_guard:
        moved["iv_rank"] = min(max(inputs.iv_rank + rank, 0.0), 1.0)
    assert fuzzy_reading(config, replace(inputs, **moved), 1e3).g <= fuzzy_reading(config, inputs, 1e3).g + _DUST


@settings(deadline=None)
@given(markets())
def test_the_guard_can_only_lower_a_size(inputs: FuzzyInputs) -> None:
    """It counts the rank as missing; the other factors do not take its place."""
    guarded, open_ = (fuzzy_reading(FuzzyConfig(volatility_guard=on), inputs, 1e3) for on in (True, False))
    assert guarded.g <= open_.g + _DUST
    assert "iv_rank" not in guarded.missing


def test_the_rank_of_implied_volatility_raises_the_size_by_intent() -> None:
    """The one way in which volatility adds (EQ3): a higher rank pays more; the guard takes it out."""
    rich = replace(CALM, iv_rank=0.9)
    assert fuzzy_reading(FuzzyConfig(), rich, 1.0).g > fuzzy_reading(FuzzyConfig(), CALM, 1.0).g
    guarded = FuzzyConfig(volatility_guard=True)
    assert fuzzy_reading(guarded, rich, 1.0).g == fuzzy_reading(guarded, CALM, 1.0).g


@settings(deadline=None)
@given(st.sampled_from(_FACTORS_ALONE), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_memberships_point_one_way(name: str, one: float, other: float) -> None:
    """Rank and volume never fall, trend never rises, and the rest fall with the distance from their centre."""
    low, high = sorted((one, other))
    factor: Factor = getattr(FuzzyConfig(), name)
    for shape in (factor.trapezoid, factor.gaussian, factor.linear):
        if name in {"iv_rank", "volume"}:
            assert shape.value(low) <= shape.value(high)
        elif name == "adx":
            assert shape.value(low) >= shape.value(high)
        else:
            centre = factor.linear.one
            near, far = sorted((one, other), key=lambda x: abs(x - centre))
            assert shape.value(near) >= shape.value(far) - _DUST


@settings(deadline=None)
@given(st.floats(0.0, 1e9), st.sampled_from(["rsi", "stochastic", "bollinger", "consensus", "sma_distance"]))
def test_a_gaussian_is_symmetric_about_its_centre(distance: float, name: str) -> None:
    """Left and right of the plateau count alike."""
    shape = getattr(FuzzyConfig(), name).gaussian
    above, below = shape.high + distance, shape.low - distance
    assert shape.value(above) == pytest.approx(shape.value(below), abs=1e-9)


@pytest.mark.parametrize(("name", "centre"), [("rsi", 50.0), ("stochastic", 50.0), ("bollinger", 0.5)])
def test_the_families_share_one_plateau(name: str, centre: float) -> None:
    """Whichever family is read, the centre belongs wholly: RSI 50, %K 50, %B 0.5 (requirements 2.9)."""
    factor = getattr(FuzzyConfig(), name)
    assert [shape.value(centre) for shape in (factor.trapezoid, factor.gaussian, factor.linear)] == [1.0, 1.0, 1.0]


@settings(deadline=None)
@given(weights(), markets(holes=False))
def test_any_logits_give_a_point_of_the_simplex(config: FuzzyConfig, inputs: FuzzyInputs) -> None:
    """Sweeps move freely: the weights are at or above 0 and have the sum 1, and the score stays a mean."""
    assert abs(sum(config.weights.values()) - 1.0) <= 1e-12
    found = fuzzy_reading(config, inputs, 1.0)
    values = [value for _, value in found.memberships]
    assert min(values) - _DUST <= found.score <= max(values) + _DUST


def test_every_number_has_its_range() -> None:
    """A number that is added takes part in these laws."""
    assert set(SPANS) == {item.name for item in fields(FuzzyInputs)}
