"""The least confidence of a forecast as a gate of an entry (Z53b): what is not known never passes."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from market.errors import ConfigError
from market.forecasts import Forecast
from strategies.catalogue import strategy_of
from strategies.decisions import Decision
from tests.strategies.chains import view_at
from tests.strategies.scene import NOW_NS, Scene

_S = 1_000_000_000
_FORECAST = Forecast(
    symbol="SPX",
    ts_event_ns=NOW_NS,
    cause_id="chain",
    model="any",
    horizon_ns=3_600 * _S,
    prob_bull=0.05,
    prob_bear=0.05,
    prob_neutral=0.9,
    confidence=0.9,
)


def decided(*forecasts: Forecast, least: float = 0.85) -> Decision:
    """Return what a butterfly that asks for confidence does beside a forecast."""
    parameters = {"underlying": "SPX", "schedule": {"days": 35}, "entry": {"min_confidence": least}}
    scene = Scene(chains={"SPX": view_at()}, forecasts={each.symbol: each for each in forecasts})
    return strategy_of("iron_butterfly", parameters).decide(scene)


def test_a_confident_forecast_lets_an_entry_through() -> None:
    """At the bound and above; without the gate no forecast is needed."""
    assert decided(_FORECAST).proposals
    assert decided(replace(_FORECAST, confidence=0.85)).proposals
    assert decided(least=0.0).proposals


@pytest.mark.parametrize(
    "forecasts",
    [
        (),
        (replace(_FORECAST, confidence=0.84),),
        (replace(_FORECAST, confidence=nan),),
        (replace(_FORECAST, ts_event_ns=NOW_NS - 301 * _S),),
        (replace(_FORECAST, symbol="NDX"),),
    ],
)
def test_what_is_not_known_or_too_low_opens_nothing(forecasts: tuple[Forecast, ...]) -> None:
    """No model, too little of it, no calibration, an old answer, or that of another underlying."""
    refused = decided(*forecasts)
    assert not refused.proposals
    assert (refused.reason, refused.gates[-1].passed, refused.gates[-1].bound) == ("confidence", False, 0.85)


def test_a_confidence_is_a_share() -> None:
    """85 is refused, not taken for 0.85."""
    with pytest.raises(ConfigError, match="min_confidence"):
        decided(least=85.0)
