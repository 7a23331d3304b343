"""Ten times more than a shard can take: what coalesces, what is bounded, what is lost, and that all of it shows."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
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
from market.ports import MarketBatch
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch
from tests.actors.samples import AS_OF_NS, ManualClock, small_chain

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


def _stream(n_rows: int, sequence: int) -> MarketBatch:
    """Return quotes of one underlying in arrays of their own, as a stream brings them."""
    ts_ns = np.full(n_rows, AS_OF_NS + sequence)
    quotes = QuoteBatch(
        symbol="AAA",
        ts_event_ns=AS_OF_NS + sequence,
        cause_id="test",
        provenance=small_chain("AAA").provenance,
        contracts=ContractTable.empty(),
        contract=np.full(n_rows, UNDERLYING, dtype=np.int32),
        ts_ns=ts_ns,
        bid=np.full(n_rows, 3_999.0),
        ask=np.full(n_rows, 4_001.0),
        bid_size=np.ones(n_rows),
        ask_size=np.ones(n_rows),
        venue=np.full(n_rows, CONSOLIDATED, dtype=np.int16),
    )
    return MarketBatch(sequence=sequence, ts_event_ns=AS_OF_NS + sequence, chains=(), quotes=(quotes,))


def test_streams_of_a_shard_that_never_answers_take_no_more_memory() -> None:
    """Twenty seconds of 50,000 quotes a second: what waits is bounded by its rows, and the rest is counted as lost."""
    delivery = Delivery(("shard-0",), FeedConfig(max_in_flight=1, max_rows=100_000, backlog_bytes=8_000_000))
    delivery.hand_over(_stream(2_500, 0), 0)
    assert delivery.take("shard-0") is not None
    traced = []
    tracemalloc.start()
    for sequence in range(1, 401):
        delivery.hand_over(_stream(2_500, sequence), sequence)
        traced.append(tracemalloc.get_traced_memory()[0])
        assert delivery.take("shard-0") is None
    tracemalloc.stop()
    health = delivery.health(ts_ns=0, symbols=(), ended=False, late_s=0.0, error="")
    assert max(traced) < 1.1 * traced[50] < 20_000_000
    delivery.returned("shard-0")
    message = delivery.take("shard-0")
    assert message is not None
    waited = sum(part.quotes[0].n_quotes for part in message.parts if part.quotes)
    assert 90_000 < waited <= 100_000
    assert message.lost == {"AAA": health.rows_lost}
    assert health.rows == 2_500 + waited + health.rows_lost


def test_a_live_state_refuses_a_rule_that_needs_the_future() -> None:
    """The reverse tick waits for later prices; what has not come yet cannot move a book now."""
    with pytest.raises(ConfigError, match="later trades"):
        LiveConfig(signing=SigningConfig(rule=SigningRule.STACKED))
