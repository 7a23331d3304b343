"""Ten times more than a shard can take: what coalesces, what is bounded, what is lost, and that all of it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.delivery import Delivery, FeedConfig
from actors.state import ShardConfig, ShardState
from adapters.simulated import SimulatedFeed, demo_config
from fields.config import FieldConfig, PositionSource
from fields.live.config import LiveConfig
from fields.live.state import SymbolCheckpoint, SymbolState
from fields.signing.config import SigningConfig
from fields.signing.steps import SigningRule
from market.errors import ConfigError
from tests.actors.samples import ManualClock

_HYBRID = LiveConfig(fields=FieldConfig(position_source=PositionSource.HYBRID))
_SECOND_NS = 1_000_000_000


def _opened(_symbol: str, config: LiveConfig, saved: SymbolCheckpoint | None) -> SymbolState:
    return SymbolState(config, saved)


def _run(max_rows: int, steps: int, slowness: int) -> tuple[Delivery, ShardState, ManualClock]:
    """Feed a shard that answers once in `slowness` batches, and answer what is left at the end."""
    feed = SimulatedFeed(replace(demo_config(), step_s=20.0))
    clock = ManualClock()
    config = ShardConfig(name="shard-0", run_id="run", live=_HYBRID, stale_after_s=3.0)
    delivery, state = Delivery(("shard-0",), FeedConfig(max_in_flight=1, max_rows=max_rows)), None
    state = ShardState(config, _opened, clock)
    on_its_way = None
    for step in range(steps):
        clock.instant_ns += _SECOND_NS
        delivery.hand_over(feed.next_batch(), clock.now_ns())
        if step % slowness == 0:
            if on_its_way is not None:
                state.on_batch(on_its_way)
                delivery.returned("shard-0")
            on_its_way = delivery.take("shard-0")
    return delivery, state, clock


def test_overload_coalesces_chains_bounds_rows_and_takes_confidence() -> None:
    """A shard ten times too slow keeps up with chains; the flow that found no room is counted and no longer trusted."""
    delivery, state, clock = _run(max_rows=20_000, steps=45, slowness=10)
    health = delivery.health(ts_ns=clock.now_ns(), symbols=(), ended=False, late_s=0.0, error="")
    assert health.coalesced > 100
    assert health.queued <= 4
    assert 0 < health.rows_lost < health.rows
    assert state.counts.updates > 0
    assert all(found.live.stream.rows_lost > 0 for found in state.publications)
    assert all(found.live.confidence == 0.0 for found in state.publications)
    assert all("hole" in found.live.confidence_reason for found in state.publications)
    assert all(status.stale for status in state.status(clock.now_ns()))


def test_a_shard_that_keeps_up_loses_nothing() -> None:
    """With room for what waits, the same slowness costs freshness and no trade."""
    delivery, state, clock = _run(max_rows=10_000_000, steps=25, slowness=5)
    health = delivery.health(ts_ns=clock.now_ns(), symbols=(), ended=False, late_s=0.0, error="")
    assert health.rows_lost == 0
    assert all(found.live.stream.rows_lost == 0 for found in state.publications)
    assert all(found.live.confidence > 0.5 for found in state.publications)


def test_a_live_state_refuses_a_rule_that_needs_the_future() -> None:
    """The reverse tick waits for later prices; what has not come yet cannot move a book now."""
    with pytest.raises(ConfigError, match="later trades"):
        LiveConfig(signing=SigningConfig(rule=SigningRule.STACKED))
