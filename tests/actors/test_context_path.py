"""Context on its whole way: feed, mailbox, shard, checkpoint, replay; a shard that dies loses no knowledge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.checkpoint import Checkpoint, from_bytes, to_bytes
from actors.codec import encode
from actors.delivery import Delivery, FeedConfig
from actors.messages import Publication, ShardBatch
from actors.state import ShardConfig, ShardState
from adapters.inputs import ContextFeed, Timeline, ToldRows
from fields.live.config import LiveConfig
from fields.live.context_config import ContextConfig
from fields.live.market import MarketInputs
from fields.live.state import SymbolCheckpoint, SymbolState
from market.ports import ContextMessage, MarketBatch
from market.series import EventKind, SeriesUnit
from tests.actors.samples import AS_OF_NS, ManualClock, small_chain
from tests.fields.live.context_samples import announced, articles, bar_batch, points

_SECOND_NS = 1_000_000_000
_STEPS = 8
_CONFIG = ShardConfig(
    name="one", run_id="run", live=LiveConfig(context=ContextConfig(cross=("TLT",), sma_bars=3, adx_bars=2))
)


def _at(step: int) -> int:
    return AS_OF_NS + step * _SECOND_NS


@dataclass
class _Chains:
    """A feed of one chain a step, whose instant is that of its batch."""

    symbols: tuple[str, ...] = ("AAA",)
    step: int = field(default=0)

    def next_batch(self) -> MarketBatch | None:
        if self.step >= _STEPS:
            return None
        self.step += 1
        chain = replace(small_chain("AAA"), ts_event_ns=_at(self.step - 1), cause_id=f"c{self.step}")
        return MarketBatch(sequence=self.step - 1, ts_event_ns=_at(self.step - 1), chains=(chain,))

    def delay_s(self) -> float:
        return 0.0

    def rewind(self, sequence: int) -> None:
        self.step = sequence + 1


def _messages() -> list[ContextMessage]:
    """Return rows that become known while the chains play, one of them revised."""
    day_ns, steps = 86_400 * _SECOND_NS, range(_STEPS)
    vix = [(_at(step) - 1, _at(step), 15.0 + step) for step in steps]
    ends = [_at(0) - (4 - place) * day_ns for place in range(5)]
    rate = [(_at(0) - 9, _at(0), 0.05), (_at(0) - 9, _at(3), 0.04)]
    return [
        points("VIX", vix),
        points("DFF", rate, SeriesUnit.FRACTION_PER_YEAR),
        bar_batch("AAA", ends, np.linspace(4_000.0, 4_040.0, 5).tolist()),
        bar_batch("TLT", [_at(step) for step in steps], np.linspace(90.0, 91.0, _STEPS).tolist(), _SECOND_NS),
        announced([("m", EventKind.FOMC, "", _at(60), _at(2)), ("m", EventKind.FOMC, "", _at(120), _at(5))]),
        articles([(f"n{step}", ("AAA",), _at(step), _at(step)) for step in steps]),
    ]


def _feed() -> ContextFeed:
    return ContextFeed(_Chains(), Timeline([ToldRows.of(message) for message in _messages()]))


def _opened(_symbol: str, config: LiveConfig, saved: SymbolCheckpoint | None) -> SymbolState:
    return SymbolState(config, saved)


def _state(saved: Checkpoint | None = None) -> ShardState:
    if saved is None:
        return ShardState(_CONFIG, _opened, ManualClock())
    return ShardState(
        _CONFIG,
        _opened,
        ManualClock(),
        sequence=saved.sequence,
        publications=saved.publications,
        symbols=saved.symbols,
        context=saved.context,
    )


def _saved(state: ShardState) -> Checkpoint:
    return from_bytes(
        to_bytes(
            Checkpoint(
                run_id="run",
                shard="one",
                sequence=state.sequence,
                publications=state.publications,
                symbols=state.symbols,
                context=state.context,
            )
        )
    )


def _played(state: ShardState, feed: ContextFeed, slowness: int = 1, stop: int = _STEPS) -> Iterator[Publication]:
    """Play a feed through a mailbox into a shard that answers once in so many batches, and at the end."""
    delivery = Delivery(("one",), FeedConfig(max_in_flight=1))
    while (batch := feed.next_batch()) is not None and batch.sequence < stop:
        delivery.hand_over(batch, 0)
        if batch.sequence % slowness == slowness - 1:
            yield from _answered(state, delivery)
    yield from _answered(state, delivery)


def _answered(state: ShardState, delivery: Delivery) -> list[Publication]:
    message: ShardBatch | None = delivery.take("one")
    if message is None:
        return []
    delivery.returned("one")
    return state.on_batch(message)


def _inputs(publications: Iterator[Publication]) -> dict[int, MarketInputs]:
    return {found.snapshot.ts_event_ns: found.live.market for found in publications}


def test_each_field_knows_what_was_known_at_its_instant() -> None:
    """Values, revisions and moved events change at the field of their own instant."""
    found = _inputs(_played(_state(), _feed()))
    assert [found[_at(step)].vix for step in range(_STEPS)] == [15.0 + step for step in range(_STEPS)]
    assert [found[_at(step)].rate for step in (2, 3)] == [0.05, 0.04]
    assert found[_at(1)].reasons["minutes_to_fomc"] == "none is announced"
    assert [found[_at(step)].minutes_to_fomc * 60.0 for step in (2, 5)] == pytest.approx([58.0, 115.0])
    assert found[_at(4)].news_24h == 5.0
    assert found[_at(0)].sma == pytest.approx(4_030.0)


@settings(max_examples=12, deadline=None)
@given(st.integers(1, _STEPS - 1), st.integers(1, 3))
def test_a_shard_that_dies_knows_afterwards_what_it_would_have_known(cut: int, slowness: int) -> None:
    """From its checkpoint and a feed rewound to it, however slow the shard is, its last field has the same inputs."""
    whole = _inputs(_played(_state(), _feed()))
    first = _state()
    list(_played(first, _feed(), slowness, stop=cut))
    again, feed = _state(_saved(first)), _feed()
    feed.rewind(first.sequence)
    found = _inputs(_played(again, feed, slowness))
    assert encode(found[_at(_STEPS - 1)]) == encode(whole[_at(_STEPS - 1)])


def test_a_shard_without_a_checkpoint_learns_all_from_a_rewound_feed() -> None:
    """A damaged checkpoint costs the time of a replay and no knowledge."""
    whole = _inputs(_played(_state(), _feed()))
    feed = _feed()
    list(_played(_state(), feed, stop=5))
    feed.rewind(-1)
    found = _inputs(_played(_state(), feed))
    assert {at: encode(inputs) for at, inputs in found.items()} == {at: encode(inputs) for at, inputs in whole.items()}
