"""The layered score as a gate: volumes of the chain, the curve of volatility, and what is too old."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from market.errors import ConfigError
from market.forecasts import Forecast
from market.series import SeriesPoint, SeriesUnit
from strategies.catalogue import strategy_of
from strategies.chain_lookup import ChainLookup
from strategies.decisions import Decision
from strategies.plan.layers import LayerRules
from strategies.structures.iron_butterfly import IronButterfly
from strategies.views import ChainView
from tests.strategies.chains import chain_at
from tests.strategies.scene import NOW_NS, Scene

_S = 1_000_000_000
_RULES = LayerRules(underlying="SPX")


def _point(name: str, level: float) -> SeriesPoint:
    return SeriesPoint(
        series=name, unit=SeriesUnit.INDEX_POINTS, event_ns=NOW_NS, available_ns=NOW_NS, value=level, reason=""
    )


def _chain(puts: float, calls: float, *, age_s: int = 0) -> ChainView:
    chain = chain_at(as_of_ns=NOW_NS - age_s * _S)
    return ChainLookup().view(replace(chain, volume=np.where(chain.is_call, calls, puts)))


_FEATURES = {"SPX rsi 14": 50.0, "SPX vwap": 0.0, "SPX return 12": 0.0, "SPX volume 20": 1.0}
_CALM = Scene(
    features=_FEATURES,
    points={"VIX": _point("VIX", 20.0), "VIX9D": _point("VIX9D", 20.0)},
    chains={"SPX": _chain(100.0, 100.0)},
)


def test_puts_over_calls_count_contracts_and_premium() -> None:
    """Volumes of the chain, by contracts and by what was paid: the same volume of dearer puts weighs more."""
    found = _RULES.inputs(replace(_CALM, chains={"SPX": _chain(300.0, 200.0)}))
    assert found.put_call_volume == pytest.approx(1.5)
    chain = _chain(300.0, 200.0).chain
    mid = 0.5 * (chain.bid + chain.ask)
    premium = 1.5 * mid[~chain.is_call].sum() / mid[chain.is_call].sum()
    assert found.put_call_premium == pytest.approx(premium)


@pytest.mark.parametrize(
    "chain", [_chain(nan, 200.0), _chain(200.0, nan), _chain(5.0, 0.0), _chain(1.0, 1.0, age_s=301)]
)
def test_volumes_that_are_not_told_make_no_ratio(chain: ChainView) -> None:
    """One side missing, no call traded, or a chain that is too old: no puts over calls."""
    found = _RULES.inputs(replace(_CALM, chains={"SPX": chain}))
    assert isnan(found.put_call_volume)
    assert isnan(found.put_call_premium)


def test_a_market_without_direction_lets_a_neutral_package_through() -> None:
    """The size of the score is held against its bound; the value is told."""
    gate = _RULES.gate(_RULES.reading(_CALM))
    assert (gate.name, gate.passed, gate.bound) == ("layers", True, 0.3)
    falling = replace(_CALM, features={**_FEATURES, "SPX return 12": -0.02, "SPX volume 20": 3.0, "SPX vwap": -0.01})
    refused = _RULES.gate(_RULES.reading(replace(falling, chains={"SPX": _chain(300.0, 100.0)})))
    assert (refused.passed, refused.reason) == (False, "the layers have a direction")


@pytest.mark.parametrize(("side", "passed"), [(1, False), (-1, True)])
def test_a_package_that_leans_wants_agreement(side: int, passed: bool) -> None:  # noqa: FBT001  # expected
    """Much put volume speaks for a fall: the bearish package passes, the bullish does not."""
    scene = replace(_CALM, chains={"SPX": _chain(300.0, 100.0)})
    rules = replace(_RULES, side=side, min_agreement=0.1)
    assert rules.gate(rules.reading(scene)).passed is passed


def test_a_confidence_that_is_asked_for_needs_dealer_gamma() -> None:
    """Without a field there is no multiplier, so a bound on the confidence does not pass."""
    scene = replace(_CALM, chains={"SPX": _chain(300.0, 100.0)})
    rules = replace(_RULES, side=-1, min_agreement=0.1, min_confidence=0.1)
    gate = rules.gate(rules.reading(scene))
    assert (gate.passed, gate.reason) == (False, "dealer gamma is not known")


def test_nothing_known_does_not_pass() -> None:
    """An empty view has no score and a reason."""
    gate = _RULES.gate(_RULES.reading(Scene()))
    assert not gate.passed
    assert gate.reason == "coverage 0.00 is below 0.60"


@pytest.mark.parametrize(("confidence", "direction"), [(0.6, 0.4), (nan, nan)])
def test_only_a_calibrated_model_has_a_layer(confidence: float, direction: float) -> None:
    """A direction without a calibrated confidence is no number to add."""
    forecast = Forecast(
        symbol="SPX",
        ts_event_ns=NOW_NS,
        cause_id="c",
        model="m",
        horizon_ns=600 * _S,
        prob_bull=0.6,
        prob_bear=0.2,
        prob_neutral=0.2,
        confidence=confidence,
    )
    found = _RULES.inputs(replace(_CALM, forecasts={"SPX": forecast})).forecast_direction
    assert found == pytest.approx(direction, nan_ok=True)


@pytest.mark.parametrize(
    "changes", [{"side": 2}, {"min_agreement": 2.0}, {"max_direction": -0.1}, {"max_chain_age_s": 0.0}]
)
def test_rules_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    """Sides, bounds and ages."""
    with pytest.raises(ConfigError):
        replace(_RULES, **changes)


_BUTTERFLY = {"underlying": "SPX", "schedule": {"days": 35}, "layers": {"underlying": "SPX"}}


def _decided(scene: Scene, **layers: object) -> Decision:
    made = strategy_of("iron_butterfly", {**_BUTTERFLY, "layers": {"underlying": "SPX", **layers}}, None)
    return made.decide(scene)


def test_a_plan_opens_only_where_its_layers_let_it() -> None:
    """A table in a configuration makes the gate; what the layers said stays with the trade as factors."""
    opened = _decided(_CALM)
    assert [each.structure for each in opened.proposals] == ["iron_butterfly"]
    factors = dict(opened.factors)
    assert factors["layers"] == pytest.approx(_RULES.reading(_CALM).score)
    assert "layers_confidence" in factors
    falling = replace(_CALM, features={**_FEATURES, "SPX return 12": -0.02, "SPX volume 20": 3.0, "SPX vwap": -0.01})
    refused = _decided(replace(falling, chains={"SPX": _chain(300.0, 100.0)}))
    assert (refused.reason, refused.proposals, refused.gates[-1].passed) == ("layers", (), False)
    assert dict(refused.factors)["layers"] < -0.3


def test_a_plan_declares_the_indicators_of_its_layers() -> None:
    """The run makes them for it, and each once where fuzzy sizing reads the same."""
    made = strategy_of("iron_butterfly", {**_BUTTERFLY, "fuzzy": {"underlying": "SPX"}}, None)
    assert isinstance(made, IronButterfly)
    names = [each.name for each in made.features]
    assert set(_FEATURES) <= set(names)
    assert len(set(names)) == len(names)
