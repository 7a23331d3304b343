"""Crisis days: the simulated session meets the published facts of the real one, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.simulated import (
    FactKind,
    Scenario,
    ScenarioName,
    SimulatedFeed,
    SimulatedMarket,
    Waypoint,
    scenario_config,
    session_outcome,
)
from market.errors import ConfigError

_SYMBOL = "SIM.SPX"
_DATED = (ScenarioName.VOLATILITY_EXPLOSION, ScenarioName.PANDEMIC, ScenarioName.FLASH_CRASH)
# Long steps, for speed, that end at the minute of the low.
_STEPS_S = {
    ScenarioName.VOLATILITY_EXPLOSION: 186.0,
    ScenarioName.PANDEMIC: 180.0,
    ScenarioName.FLASH_CRASH: 190.2,
    ScenarioName.SAME_DAY_SQUEEZE: 180.0,
}
_INDICES = {
    FactKind.VOLATILITY_9D: ("VIX9D", "close"),
    FactKind.VOLATILITY_30D: ("VIX", "close"),
    FactKind.VOLATILITY_93D: ("VIX3M", "close"),
    FactKind.VOLATILITY_30D_OPEN: ("VIX", "open"),
}


def _scenario(name: ScenarioName) -> Scenario:
    found = scenario_config(name).scenario
    assert found is not None
    return found


@pytest.mark.parametrize("name", list(ScenarioName))
def test_the_day_meets_its_facts(name: ScenarioName) -> None:
    """Open, high, low, close, the minute of the low and the volatility indices, each within its tolerance."""
    config, scenario = scenario_config(name, seed=11, step_s=_STEPS_S[name]), _scenario(name)
    found = session_outcome(SimulatedMarket(config), _SYMBOL, scenario.previous_close)
    assert scenario.facts
    for fact in scenario.facts:
        assert found[fact.kind] == pytest.approx(fact.value, abs=fact.tolerance), fact.kind


@pytest.mark.data
@pytest.mark.parametrize("name", _DATED)
def test_facts_of_prices_are_those_of_the_index_history(name: ScenarioName, data_root: Path) -> None:
    """Returns from the previous close, recomputed from the recorded daily bars."""
    scenario = _scenario(name)
    daily = pd.read_parquet(data_root / "daily" / "spx_spy_qqq_daily.parquet").query("symbol == 'SPX'")
    daily = daily.set_index(pd.to_datetime(daily["date"])).sort_index()
    before = float(daily.loc[: pd.Timestamp(scenario.day), "close"].iloc[-2])
    assert scenario.previous_close == pytest.approx(before, abs=0.01)
    for fact in scenario.facts:
        if fact.kind in {FactKind.OPEN, FactKind.HIGH, FactKind.LOW, FactKind.CLOSE}:
            price = float(daily[fact.kind.value].to_numpy()[daily.index == pd.Timestamp(scenario.day)][0])
            assert fact.value == pytest.approx(price / before - 1.0, abs=1e-5)


@pytest.mark.data
@pytest.mark.parametrize("name", _DATED)
def test_facts_of_volatility_are_those_of_the_index_history(name: ScenarioName, data_root: Path) -> None:
    """Levels of VIX9D, VIX and VIX3M on the day, as recorded."""
    scenario = _scenario(name)
    table = pd.read_parquet(data_root / "daily" / "cboe_vol_indices.parquet")
    table = table[pd.to_datetime(table["date"]) == pd.Timestamp(scenario.day)].set_index("index")
    facts = [fact for fact in scenario.facts if fact.kind in _INDICES]
    assert facts
    for fact in facts:
        index, column = _INDICES[fact.kind]
        assert fact.value == pytest.approx(float(table.loc[[index], column].to_numpy()[0]) / 100.0, abs=1e-6)


def test_everything_that_a_scenario_emits_bears_its_name() -> None:
    """Chains, quotes and trades are marked as simulated, and their origin names the scenario."""
    feed = SimulatedFeed(scenario_config(ScenarioName.FLASH_CRASH, step_s=600.0))
    batches = [feed.next_batch() for _ in range(3)]
    marks = [item.provenance for batch in batches for item in batch.chains]
    marks += [item.provenance for batch in batches for item in batch.quotes]
    marks += [item.provenance for batch in batches for item in batch.trades]
    assert len(marks) > 6
    for mark in marks:
        assert mark.simulated
        assert mark.origin == "scenario flash-crash-2010-05-06, seed 7"


def test_seeds_differ_between_the_waypoints() -> None:
    """Two seeds share the published figures and take their own ways to them."""
    paths = []
    for seed in (1, 2):
        market = SimulatedMarket(scenario_config(ScenarioName.PANDEMIC, seed=seed, step_s=300.0))
        path = []
        for _ in range(28):
            market.step()
            path.append(market.truth(_SYMBOL).value)
        paths.append(path)
    first, second = np.array(paths)
    assert np.abs(np.log(first / second)).max() > 0.002
    assert first[27] == pytest.approx(second[27], rel=1e-9)  # minute 140 is a waypoint


def test_the_squeeze_turns_the_dealers_short_and_the_planted_amplification_rises() -> None:
    """The surge adds to the dealers' short gamma, and in the last hour they amplify more, as the truth says."""
    market = SimulatedMarket(scenario_config(ScenarioName.SAME_DAY_SQUEEZE, seed=4, step_s=600.0))
    for _ in range(17):
        market.step()
    before = market.truth(_SYMBOL)
    for _ in range(20):
        market.step()
    after = market.truth(_SYMBOL)
    assert after.dealer_gamma_usd < before.dealer_gamma_usd
    assert after.amplification > max(1.4, 1.1 * before.amplification)
    feedback = after.impact_return_per_usd * after.dealer_gamma_usd
    assert after.amplification == pytest.approx(1.0 / (1.0 + max(feedback, -0.8)))


def test_the_night_after_a_scenario_is_left_to_chance() -> None:
    """The next session trades on from the close, and its variance reverts."""
    market = SimulatedMarket(scenario_config(ScenarioName.VOLATILITY_EXPLOSION, step_s=3_600.0))
    for _ in range(7):
        market.step()
    truth = market.truth(_SYMBOL)
    assert str(market.chains()[0].session) == "2018-02-06"
    assert 2_400.0 < truth.spot < 2_950.0


def test_a_path_that_cannot_be_led_is_refused() -> None:
    """Minutes rise, returns keep between floor and ceiling."""
    scenario = _scenario(ScenarioName.FLASH_CRASH)
    with pytest.raises(ConfigError, match="path"):
        replace(scenario, waypoints=tuple(reversed(scenario.waypoints)))
    with pytest.raises(ConfigError, match="path"):
        replace(scenario, waypoints=(Waypoint(minute=0.0, price_return=-0.5, variance=0.1),))
