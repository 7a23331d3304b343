"""The layered score: signs, thresholds, missing parts and the gamma environment."""

from __future__ import annotations

from dataclasses import fields, replace
from math import inf, isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from risk.layers import LayerConfig, LayerInputs, layer_reading

_CONFIG = LayerConfig()
_UP = LayerInputs(
    rsi=30.0,
    vwap_deviation=0.01,
    momentum=0.01,
    vix=14.0,
    vix9d=12.0,
    put_call_volume=0.6,
    put_call_premium=0.6,
    volume_ratio=2.5,
    gamma_usd_per_pct=1e9,
    forecast_direction=1.0,
)


def _part(name: str, **numbers: float) -> float:
    return dict(layer_reading(_CONFIG, replace(_UP, **numbers)).parts)[name]


def test_everything_for_a_rise_is_one() -> None:
    """Each part at its best is 1, the score is 1, the confidence held at 1."""
    found = layer_reading(_CONFIG, _UP)
    assert [value for _, value in found.parts] == [1.0] * 8
    assert (found.score, found.confidence, found.coverage) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize(("ratio", "found"), [(0.9499, 1.0), (0.95, 0.0), (1.0, 0.0), (1.05, 0.0), (1.0501, -1.0)])
def test_an_inverted_curve_is_stress(ratio: float, found: float) -> None:
    """VIX9D above VIX is the stress; the original called the normal curve inverted (EZ4)."""
    assert _part("volatility", vix=10.0, vix9d=10.0 * ratio) == found


@pytest.mark.parametrize(
    ("level", "found"),
    [(15.0, 1.0), (15.01, 0.5), (25.0, 0.5), (25.01, -0.5), (34.99, -0.5), (35.0, -1.0), (60.0, -1.0)],
)
def test_a_calm_curve_does_not_excuse_a_high_level(level: float, found: float) -> None:
    """The worse of both counts, at each border from both sides (Z11)."""
    assert _part("volatility", vix=level, vix9d=0.9 * level) == found


@pytest.mark.parametrize(
    ("deviation", "found"),
    [(0.0, 0.0), (0.0019, 0.0), (0.002, 0.5), (0.0049, 0.5), (0.005, 1.0), (-0.002, -0.5), (-0.005, -1.0)],
)
def test_the_deviation_from_the_mean_price_counts_in_steps(deviation: float, found: float) -> None:
    """0.2 % is mild, 0.5 % strong (Z12)."""
    assert _part("vwap", vwap_deviation=deviation) == found


@pytest.mark.parametrize(
    ("ratio", "found"), [(1.5, -1.0), (1.49, -0.5), (1.2, -0.5), (1.19, 0.0), (0.91, 0.0), (0.9, 0.5), (0.7, 1.0)]
)
def test_puts_over_calls_count_in_steps(ratio: float, found: float) -> None:
    """1.5, 1.2, 0.9 and 0.7 (Z14), by contracts and by premium alike."""
    assert (_part("put_call", put_call_volume=ratio), _part("flow", put_call_premium=ratio)) == (found, found)


def test_volume_bears_out_a_move_and_has_no_direction_of_its_own() -> None:
    """With the move, by how far it stands above its mean; nothing below it."""
    assert [_part("volume", volume_ratio=1.5, momentum=m) for m in (0.01, -0.01, 0.0)] == [0.5, -0.5, 0.0]
    assert _part("volume", volume_ratio=0.5) == 0.0


def test_a_missing_model_is_missing_and_not_fifty() -> None:
    """Its layer drops out of the mean; the original filled it with a constant 50 (Z10)."""
    found = layer_reading(_CONFIG, replace(_UP, forecast_direction=nan))
    assert found.coverage == pytest.approx(0.8)
    assert found.score == pytest.approx(1.0)
    assert isnan(dict(found.parts)["model"])


def test_too_little_gives_no_score() -> None:
    """Below the least coverage there is a reason and no number."""
    found = layer_reading(_CONFIG, LayerInputs(rsi=20.0, gamma_usd_per_pct=1e9))
    assert isnan(found.score)
    assert isnan(found.confidence)
    assert found.reason == "coverage 0.08 is below 0.60"


@pytest.mark.parametrize(
    ("gamma", "multiplier"),
    [(5e9, 0.8), (4.9e9, 0.95), (2e9, 0.95), (1e9, 1.1), (0.5e9, 1.1), (0.4e9, 0.7), (-1e9, 0.7)],
)
def test_dealer_gamma_scales_the_confidence_and_nothing_else(gamma: float, multiplier: float) -> None:
    """The cut-offs of Z13 from both sides; the score stays what it is."""
    half = replace(_UP, forecast_direction=-1.0, put_call_premium=1.0)
    found = layer_reading(_CONFIG, replace(half, gamma_usd_per_pct=gamma))
    assert found.score == pytest.approx(0.3)
    assert found.confidence == pytest.approx(0.3 * multiplier)


def test_unknown_gamma_leaves_the_confidence_unknown() -> None:
    """No multiplier is guessed."""
    found = layer_reading(_CONFIG, replace(_UP, gamma_usd_per_pct=nan))
    assert isnan(found.confidence)
    assert found.reason == "dealer gamma is not known"


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {item.name: st.one_of(st.floats(-1e3, 1e3), st.sampled_from([nan, inf, -inf, 1e9])) for item in fields(_UP)}
    )
)
def test_any_numbers_give_a_score_between_the_ends_or_none(numbers: dict[str, float]) -> None:
    """Whatever comes in: -1 to 1, with its coverage, or missing with its reason."""
    found = layer_reading(_CONFIG, LayerInputs(**numbers))
    assert 0.0 <= found.coverage <= 1.0 + 1e-12
    if isnan(found.score):
        assert found.reason
    else:
        assert -1.0 - 1e-12 <= found.score <= 1.0 + 1e-12
        assert isnan(found.confidence) or 0.0 <= found.confidence <= 1.0


@pytest.mark.parametrize(
    "changes",
    [
        {"technical": 0.3},
        {"rsi": 0.5},
        {"volume": -0.25, "put_call": 0.85},
        {"vix_levels": (25.0, 15.0, 35.0)},
        {"put_call_levels": (0.7, 0.9, 1.2, 1.5)},
        {"gex_multipliers": (0.8,)},
        {"term_low": 1.2},
        {"min_coverage": 0.0},
    ],
)
def test_a_table_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    """Weights off the simplex, thresholds out of order."""
    with pytest.raises(ConfigError):
        replace(_CONFIG, **changes)  # type: ignore[arg-type]  # as a table gives them
