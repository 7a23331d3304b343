"""Columns against the scalar path, and tables of memberships against columns."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from market.errors import ConfigError, DataError
from risk.fuzzy.config import FACTORS, FusionConfig, FusionRule, FuzzyConfig, SigmaConfig, SigmaRule
from risk.fuzzy.memberships import Crossover, Family
from risk.fuzzy.score import FuzzyInputs, fuzzy_reading
from risk.fuzzy.vectors import FuzzyColumns, fuzzy_scores, membership_table

_SPANS = {
    "consensus": (-1.0, 1.0),
    "iv_rank": (0.0, 1.0),
    "change_probability": (0.0, 1.0),
    "vix": (8.0, 45.0),
    "rsi": (0.0, 100.0),
    "adx": (0.0, 60.0),
    "band_position": (-0.5, 1.5),
    "band_width": (0.0, 0.1),
    "stochastic": (0.0, 100.0),
    "volume_ratio": (0.0, 3.0),
    "sma_distance": (-0.05, 0.05),
    "sar_clearance": (-3.0, 3.0),
    "vol_percentile": (0.0, 1.0),
    "realised_vol": (0.0, 0.5),
    "confidence": (0.0, 1.0),
}


def _columns(n_bars: int, *, missing: float) -> FuzzyColumns:
    rng = np.random.default_rng(20261121)
    made = {}
    for name, (low, high) in _SPANS.items():
        made[name] = rng.uniform(low, high, n_bars)
        made[name][rng.random(n_bars) < missing] = np.nan
    return FuzzyColumns(**made)


def _family(family: Family) -> FuzzyConfig:
    base = FuzzyConfig()
    return replace(
        base,
        **{name: replace(getattr(base, name), family=family) for name in FACTORS},
        vix=replace(base.vix, family=family),
        band_width=replace(base.band_width, family=family, share=0.3),
    )


_CONFIGS = {
    "default": FuzzyConfig(),
    "trapezoid": _family(Family.TRAPEZOID),
    "gaussian": _family(Family.GAUSSIAN),
    "linear": replace(_family(Family.LINEAR), sigma_star=SigmaConfig(rule=SigmaRule.CLIP)),
    "guarded": replace(FuzzyConfig(), volatility_guard=True),
    "uncut": replace(FuzzyConfig(), coverage_cuts_size=False),
    "convex": replace(FuzzyConfig(), fusion=FusionConfig(fuzzy=0.4, gaussian=0.6, confidence=0.2)),
    "logit": replace(
        FuzzyConfig(), fusion=FusionConfig(rule=FusionRule.LOGIT, fuzzy=1.0, confidence=0.5), coverage_cuts_size=False
    ),
    "strict logit": replace(FuzzyConfig(), fusion=FusionConfig(rule=FusionRule.LOGIT, fuzzy=1.0, gaussian=0.5)),
    "hard crossover": replace(
        FuzzyConfig(),
        parabolic_sar=replace(FuzzyConfig().parabolic_sar, crossover=Crossover(at=0.0, steepness=float("inf"))),
    ),
}


@pytest.mark.parametrize("name", sorted(_CONFIGS))
def test_columns_equal_the_scalar_path(name: str) -> None:
    """10,000 random bars with holes: score, coverage, discount, share and size, to 1e-15."""
    config, columns = _CONFIGS[name], _columns(10_000, missing=0.04)
    found = fuzzy_scores(config, columns)
    rows = zip(*(getattr(columns, item.name).tolist() for item in fields(FuzzyInputs)), strict=True)
    names = [item.name for item in fields(FuzzyInputs)]
    alone = [fuzzy_reading(config, FuzzyInputs(**dict(zip(names, row, strict=True))), 5.0) for row in rows]
    for what in ("score", "fused_score", "coverage", "sigma_star", "g"):
        expected = np.array([getattr(each, what) for each in alone])
        np.testing.assert_allclose(getattr(found, what), expected, rtol=0.0, atol=1e-15, err_msg=what)
    assert found.quantity(5.0).tolist() == [each.quantity for each in alone]
    assert 0.02 < np.mean(found.g == 0.0) < 0.6  # both the sized and the refused are there


def test_one_product_gives_the_shares_of_many_weights() -> None:
    """A sweep makes the memberships once; each set of weights is then the same as its own configuration."""
    columns = _columns(3_000, missing=0.04)
    config = replace(
        FuzzyConfig(), band_width=replace(FuzzyConfig().band_width, share=0.3), fusion=FusionConfig(confidence=0.5)
    )
    sets = np.random.default_rng(7).dirichlet(np.ones(len(FACTORS)), 5)
    sets[:, -1] = 1.0 - sets[:, :-1].sum(axis=1)
    found = membership_table(config, columns).g(sets)
    for place, weights in enumerate(sets.tolist()):
        own = fuzzy_scores(config.with_weights(dict(zip(FACTORS, weights, strict=True))), columns)
        np.testing.assert_allclose(found[:, place], own.g, rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("guard", [False, True])
def test_a_table_without_holes_needs_no_second_product(guard: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Where nothing is missing the weights are the denominators; the guard leaves its factor out here too."""
    columns, config = _columns(2_000, missing=0.0), replace(FuzzyConfig(), volatility_guard=guard)
    table = membership_table(config, columns)
    found = table.g(np.array([list(config.weights.values())]))
    assert table.present is None
    np.testing.assert_allclose(found[:, 0], fuzzy_scores(config, columns).g, rtol=0.0, atol=1e-15)


def test_a_column_that_nobody_has_is_missing_at_every_bar() -> None:
    """It lowers the coverage as a hole at each bar would."""
    columns = _columns(100, missing=0.0)
    without = fuzzy_scores(FuzzyConfig(), replace(columns, adx=None))
    holes = fuzzy_scores(FuzzyConfig(), replace(columns, adx=np.full(100, np.nan)))
    assert without.g.tolist() == holes.g.tolist()
    assert without.coverage == pytest.approx(np.full(100, 0.9))
    assert not fuzzy_scores(FuzzyConfig(), replace(columns, vol_percentile=None)).g.any()


def test_columns_must_fit_each_other() -> None:
    """Columns of unlike length, or none, are refused."""
    with pytest.raises(DataError, match="do not fit"):
        FuzzyColumns(rsi=np.zeros(3), adx=np.zeros(4))
    with pytest.raises(DataError, match="no column"):
        FuzzyColumns()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.full((1, 10), 0.2), "no point of the simplex"),
        (np.array([[1.5, -0.5] + [0.0] * 8]), "no point of the simplex"),
        (np.full((1, 9), 1 / 9), "cannot be"),
    ],
)
def test_sets_of_weights_must_lie_on_the_simplex(weights: np.ndarray, message: str) -> None:
    """What no configuration would take, no table takes."""
    table = membership_table(FuzzyConfig(), _columns(10, missing=0.0))
    with pytest.raises(ConfigError, match=message):
        table.g(weights)
