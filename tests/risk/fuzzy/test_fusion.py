"""A fused score is a mean of what is present."""

from __future__ import annotations

from math import isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.fuzzy.config import FusionConfig, FusionRule
from risk.fuzzy.fusion import fused

_SHARES = st.floats(0.0, 1.0)


@pytest.mark.parametrize("network", [0.0, 0.2, 5.0])
def test_the_roadmaps_weights_cannot_pass_one(network: float) -> None:
    """0.60 G + 0.40 F + w p reaches 1 + w as written (EQ4); divided by its weights it ends at 1, unclipped."""
    config = FusionConfig(fuzzy=0.4, gaussian=0.6, confidence=network)
    assert fused(config, 1.0, 1.0, 1.0).value == pytest.approx(1.0, abs=1e-15)
    expected = (0.4 * 0.5 + 0.6 * 0.9 + network * 0.2) / (1.0 + network)
    assert fused(config, 0.5, 0.9, 0.2).value == pytest.approx(expected, abs=1e-15)


@settings(deadline=None)
@given(_SHARES, _SHARES, _SHARES, st.sampled_from(FusionRule))
def test_a_fused_score_lies_between_its_voices(fuzzy: float, gaussian: float, model: float, rule: FusionRule) -> None:
    """Neither rule says more than the loudest or less than the softest."""
    config = FusionConfig(rule=rule, fuzzy=0.4, gaussian=0.6, confidence=0.2)
    found = fused(config, fuzzy, gaussian, model)
    held = config.logit_floor if rule is FusionRule.LOGIT else 0.0
    low, high = min(fuzzy, gaussian, model, 1.0 - held), max(fuzzy, gaussian, model, held)
    assert low - 1e-12 <= found.value <= high + 1e-12
    assert found.coverage == 1.0


@pytest.mark.parametrize("rule", list(FusionRule))
@pytest.mark.parametrize("absent", [nan, -0.1, 1.1])
def test_a_voice_that_is_absent_drops_out(rule: FusionRule, absent: float) -> None:
    """A confidence that is missing or is no probability leaves the fuzzy score, with its weight as coverage."""
    found = fused(FusionConfig(rule=rule, fuzzy=0.75, confidence=0.25), 0.6, nan, absent)
    assert (found.value, found.coverage) == (0.6, 0.75)
    assert bool(found.reason) is (rule is FusionRule.LOGIT)


def test_nothing_stands_in_for_the_fuzzy_score() -> None:
    """A model alone sizes nothing."""
    assert isnan(fused(FusionConfig(confidence=1.0), nan, nan, 0.9).value)


def test_pooled_log_odds_let_a_clear_voice_count_more() -> None:
    """0.5 says nothing and 0.9 much: pooling keeps more of it than the mean of equal weights by a softened no."""
    config = FusionConfig(rule=FusionRule.LOGIT, fuzzy=1.0, confidence=1.0)
    assert fused(config, 0.5, nan, 0.9).value == pytest.approx(0.75, abs=1e-12)
    assert fused(config, 0.9, nan, 0.1).value == pytest.approx(0.5, abs=1e-12)
    assert fused(config, 0.99, nan, 0.5).value > fused(FusionConfig(confidence=1.0), 0.99, nan, 0.5).value
