"""The one table: weights on the simplex, families that exist, and the page that is made of it."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from market.errors import ConfigError
from risk.fuzzy.config import FACTORS, FusionConfig, FuzzyConfig, SigmaConfig
from risk.fuzzy.memberships import Family

_ROADMAP = {
    "consensus": (0.18, "trapezoid"),
    "iv_rank": (0.14, "linear"),
    "regime_stability": (0.11, "linear"),
    "rsi": (0.10, "gaussian"),
    "adx": (0.10, "linear"),
    "bollinger": (0.09, "gaussian"),
    "stochastic": (0.08, "gaussian"),
    "volume": (0.07, "linear"),
    "sma_distance": (0.06, "linear"),
    "parabolic_sar": (0.07, "crossover"),
}
_README = (0.10, 0.10, 0.08, 0.05, 0.05, 0.15, 0.15, 0.12, 0.10, 0.10)
"""The second set of weights of the original's page; with its 0.10 for a network the sum is 1.1."""


def test_the_defaults_are_the_roadmaps_weights_and_kinds() -> None:
    """Ten factors with the sum 1 to the last bit (Q59 to Q69)."""
    config = FuzzyConfig()
    assert {n: (getattr(config, n).weight, str(getattr(config, n).family)) for n in FACTORS} == _ROADMAP
    assert sum(config.weights.values()) == 1.0


def test_the_other_published_weights_are_a_choice_and_not_a_mixture() -> None:
    """They pass on their own, of sum 1; beside the network's 0.10 they do not, and no scaling hides it (Q69)."""
    own = dict(zip(FACTORS, _README, strict=True))
    assert FuzzyConfig().with_weights(own).weights == own
    with pytest.raises(ConfigError, match=r"every factor once.*unknown \['neural'\]"):
        FuzzyConfig().with_weights({**own, "neural": 0.10})
    with pytest.raises(ConfigError, match=r"do not add up; found a sum of 1\.1"):
        FuzzyConfig().with_weights({**own, "rsi": own["rsi"] + 0.10})


@pytest.mark.parametrize("change", [1e-11, -1e-11, 0.01])
def test_weights_off_the_simplex_are_refused(change: float) -> None:
    """A sum that misses 1 by more than a million-millionth is a mistake, not a rounding."""
    base = FuzzyConfig()
    with pytest.raises(ConfigError, match="do not add up"):
        replace(base, rsi=replace(base.rsi, weight=base.rsi.weight + change))


def test_a_missing_factor_is_an_error() -> None:
    """A weight that is left out is not 0."""
    weights = dict(FuzzyConfig().weights)
    del weights["adx"]
    with pytest.raises(ConfigError, match="missing \\['adx'\\]"):
        FuzzyConfig().with_weights(weights)
    with pytest.raises(ConfigError, match="missing \\['adx'\\]"):
        FuzzyConfig().with_logits(weights)


def test_equal_logits_weigh_alike_and_only_differences_count() -> None:
    """Softmax: the same weights whatever is added to all."""
    base = FuzzyConfig()
    assert base.with_logits(dict.fromkeys(FACTORS, 3.0)).weights == pytest.approx(dict.fromkeys(FACTORS, 0.1))
    logits = {name: 0.3 * place for place, name in enumerate(FACTORS)}
    moved = {name: value + 700.0 for name, value in logits.items()}
    assert base.with_logits(moved).weights == pytest.approx(base.with_logits(logits).weights)
    with pytest.raises(ConfigError, match="logits"):
        base.with_logits({**logits, "rsi": nan})


def test_what_cannot_be_is_refused() -> None:
    """Families that a factor lacks, shares, discounts and weights of fusion outside their ranges."""
    base = FuzzyConfig()
    for make in (
        lambda: replace(base.rsi, family=Family.CROSSOVER),
        lambda: replace(base.rsi, weight=-0.1),
        lambda: replace(base.vix, share=1.1),
        lambda: replace(base, min_coverage=0.0),
        lambda: SigmaConfig(low=0.35, high=0.1),
        lambda: FusionConfig(fuzzy=0.0),
        lambda: FusionConfig(confidence=-0.1),
        lambda: FusionConfig(logit_floor=0.5),
        lambda: replace(base, volatility_guard=True, coverage_cuts_size=False),
    ):
        with pytest.raises(ConfigError):
            make()


def test_the_terms_of_a_factor_share_its_weight() -> None:
    """A factor with two numbers has two addends, which together weigh what it weighs."""
    config = FuzzyConfig()
    for name, weight in config.weights.items():
        assert sum(term.weight for term in config.terms if term.factor == name) == pytest.approx(weight)
    assert not [t for t in replace(config, volatility_guard=True).terms if t.factor == "iv_rank"]
