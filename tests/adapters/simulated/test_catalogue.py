"""Simulated markets by name, at any pace, and under listed names."""

from __future__ import annotations

import pytest

from adapters.simulated import SimulatedFeed
from adapters.simulated.catalogue import MARKET_NAMES, listed_as, named_market
from market.errors import ConfigError
from market.instruments import ExerciseStyle


@pytest.mark.parametrize("name", MARKET_NAMES)
def test_each_name_is_a_market_that_plays_at_the_pace_that_is_asked_for(name: str) -> None:
    """Half a minute of trading between two batches."""
    market = named_market(name, interval_s=0.5, speed=60.0)
    assert (market.step_s, market.interval_s) == (30.0, 0.5)
    feed = SimulatedFeed(market)
    first, second = feed.next_batch(), feed.next_batch()
    assert second.ts_event_ns - first.ts_event_ns == 30_000_000_000
    assert all(chain.provenance.simulated for chain in first.chains)


def test_without_a_speed_the_market_keeps_its_own() -> None:
    """The demo plays five seconds in one, a scenario a minute."""
    assert named_market("demo").step_s == 5.0
    assert named_market("feb-2018", interval_s=0.0).step_s == 60.0


def test_listed_names_are_lent_the_settings_of_the_simulated_ones() -> None:
    """SPX is SIM.SPX under the root that settles at the close; chains say so, and stay simulated."""
    market = listed_as(named_market("demo"), ("SPX", "QQQ", "ABC", "SPX"))
    assert [item.symbol for item in market.symbols] == ["SPX", "QQQ", "ABC"]
    assert [item.spot for item in market.symbols] == [5_900.0, 520.0, 520.0]
    chain = SimulatedFeed(market).next_batch().chains[0]
    assert {(s.product.root, s.product.underlying, s.product.exercise) for s in chain.series} == {
        ("SPXW", "SPX", ExerciseStyle.EUROPEAN)
    }
    assert chain.provenance.simulated


def test_what_cannot_be_simulated_is_refused() -> None:
    """An unknown name, a speed without time, and options that settle in the morning."""
    with pytest.raises(ConfigError, match="no such simulated market"):
        named_market("boredom")
    with pytest.raises(ConfigError, match="speed"):
        named_market("calm", interval_s=0.0, speed=2.0)
    with pytest.raises(ConfigError, match="VIX"):
        listed_as(named_market("demo"), ("VIX",))
