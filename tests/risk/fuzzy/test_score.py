"""The score and the size that it leaves."""

from __future__ import annotations

from dataclasses import fields, replace
from math import inf, isnan, nan

import pytest

from market.errors import ConfigError
from risk.fuzzy.config import FACTORS, FuzzyConfig, SigmaConfig, SigmaRule
from risk.fuzzy.memberships import Linear
from risk.fuzzy.score import FuzzyInputs, fuzzy_reading, sigma_star
from tests.risk.fuzzy.inputs import CALM

_RAMP = Linear(zero_low=0.0, one=1.0, zero_high=inf)
_RANK_ALONE = replace(FuzzyConfig(), iv_rank=replace(FuzzyConfig().iv_rank, linear=_RAMP)).with_weights(
    {name: float(name == "iv_rank") for name in FACTORS}
)
"""A score that is its one number."""


def test_the_roadmaps_example_leaves_two_lots() -> None:
    """F = 0.65, sigma* = 0.30 and Q0 = 5 give 2.275, which is two lots and not three (Q58)."""
    found = fuzzy_reading(_RANK_ALONE, FuzzyInputs(iv_rank=0.65, vol_percentile=0.30), 5.0)
    assert found.score == 0.65
    assert found.g == pytest.approx(0.455, abs=1e-15)
    assert found.allowed == pytest.approx(2.275, abs=1e-12)
    assert found.quantity == 2


def test_full_membership_leaves_the_whole_size() -> None:
    """A score of 1 without a discount is exactly 1: rounding down loses no lot to the last digit of a sum."""
    best = replace(
        CALM,
        consensus=0.0,
        iv_rank=1.0,
        change_probability=0.0,
        vix=10.0,
        rsi=50.0,
        adx=5.0,
        band_position=0.5,
        stochastic=50.0,
        volume_ratio=2.0,
        sma_distance=0.0,
        sar_clearance=1e6,
        vol_percentile=0.0,
    )
    found = fuzzy_reading(FuzzyConfig(), best, 7.0)
    assert (found.score, found.g, found.quantity) == (1.0, 1.0, 7)


def test_a_whole_discount_leaves_nothing_whatever_the_score() -> None:
    """At sigma* = 1 the size is 0 even with F = 1 (EQ3): stated, not hidden."""
    found = fuzzy_reading(_RANK_ALONE, FuzzyInputs(iv_rank=1.0, vol_percentile=1.0), 5.0)
    assert (found.score, found.quantity, found.reason) == (1.0, 0, "")


def test_the_size_is_rounded_down_once() -> None:
    """The ceiling of a plan is the number before rounding; 0 is legal."""
    found = fuzzy_reading(_RANK_ALONE, FuzzyInputs(iv_rank=0.99, vol_percentile=0.0), 1.0)
    assert (found.allowed, found.quantity) == (0.99, 0)


def test_what_is_missing_drops_out_and_is_named() -> None:
    """The others keep their proportions in the score; the coverage is what they weigh."""
    whole, part = fuzzy_reading(FuzzyConfig(), CALM, 5.0), fuzzy_reading(FuzzyConfig(), replace(CALM, rsi=nan), 5.0)
    rsi = dict(whole.memberships)["rsi"]
    assert part.missing == ("rsi",)
    assert part.coverage == pytest.approx(0.9, abs=1e-12)
    assert part.score == pytest.approx((whole.score - 0.1 * rsi) / 0.9, abs=1e-12)
    assert isnan(dict(part.memberships)["rsi"])


def test_below_the_least_coverage_the_size_is_zero_with_a_reason() -> None:
    """A few factors do not speak for all; exactly at the bound they do."""
    some = FuzzyInputs(consensus=0.0, iv_rank=0.6, rsi=50.0, adx=10.0, vol_percentile=0.0)  # .18 + .14 + .1 + .1
    found = fuzzy_reading(FuzzyConfig(), some, 5.0)
    assert (found.quantity, found.g) == (0, 0.0)
    assert found.reason == "coverage 0.52 is below 0.60"
    enough = replace(FuzzyConfig(), min_coverage=fuzzy_reading(FuzzyConfig(), some, 5.0).coverage)
    assert fuzzy_reading(enough, some, 5.0).quantity == 2


@pytest.mark.parametrize("value", [nan, inf, -0.01, 1.01])
def test_a_discount_that_is_not_known_closes(value: float) -> None:
    """Without sigma*, or with one that is no percentile, nothing is sized."""
    found = fuzzy_reading(FuzzyConfig(), replace(CALM, vol_percentile=value), 5.0)
    assert (found.quantity, found.reason) == (0, "the volatility discount is not known")


def test_no_input_at_all_gives_a_reason_and_no_size() -> None:
    """An empty market is no market of halves."""
    found = fuzzy_reading(FuzzyConfig(), FuzzyInputs(), 5.0)
    assert (found.quantity, found.coverage, isnan(found.score)) == (0, 0.0, True)
    assert found.reason.startswith("coverage 0.00")


@pytest.mark.parametrize(
    ("level", "found"), [(0.0, 0.0), (0.10, 0.0), (0.225, 0.5), (0.35, 1.0), (9.0, 1.0), (-0.1, nan), (nan, nan)]
)
def test_the_clip_of_the_level_rises_between_its_bounds(level: float, found: float) -> None:
    """The linear clip from 10 % to 35 % stands as an option (Q56)."""
    config = SigmaConfig(rule=SigmaRule.CLIP)
    assert sigma_star(config, FuzzyInputs(realised_vol=level)) == pytest.approx(found, nan_ok=True)


@pytest.mark.parametrize("size", [nan, inf, -1.0])
def test_a_base_size_must_be_a_size(size: float) -> None:
    """What cannot be is refused, not sized."""
    with pytest.raises(ConfigError, match="base size"):
        fuzzy_reading(FuzzyConfig(), CALM, size)


def test_every_number_of_the_test_market_is_given() -> None:
    """The quiet market leaves nothing missing, so that each test removes what it means to."""
    assert not [item.name for item in fields(CALM) if isnan(getattr(CALM, item.name))]
