"""A shard's state: order, isolation of faults, staleness and catching up."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import Any

import pytest

from actors.checkpoint import Checkpoint, from_bytes, to_bytes
from actors.messages import ShardBatch
from actors.state import Impact, ShardConfig, ShardState
from fields.live.config import LiveConfig
from fields.live.state import SymbolCheckpoint, SymbolState
from market.ports import ContextMessage
from tests.actors.samples import AS_OF_NS, ManualClock, book_of, broken_chain, message_of, series_of, small_chain

_CONFIG = ShardConfig(
    name="shard-0",
    run_id="run",
    impacts={"AAA": Impact(return_per_usd=1e-12, source="settings")},
    stale_after_s=10.0,
)


def _opened(_symbol: str, config: LiveConfig, saved: SymbolCheckpoint | None) -> SymbolState:
    return SymbolState(config, saved)


def _state(clock: ManualClock, **restored: Any) -> ShardState:
    return ShardState(_CONFIG, _opened, clock, **restored)


def test_each_chain_of_a_batch_gives_a_field() -> None:
    """A batch of two symbols is answered by both their fields, in the batch's order."""
    published = _state(ManualClock()).on_batch(message_of(4, small_chain("AAA"), small_chain("BBB")))
    assert [p.snapshot.symbol for p in published] == ["AAA", "BBB"]
    assert [p.batch_sequence for p in published] == [4, 4]


def test_the_impact_of_the_symbol_is_used() -> None:
    """A listed symbol has an amplification, one that is not listed says that its impact is unknown."""
    listed, other = _state(ManualClock()).on_batch(message_of(0, small_chain("AAA"), small_chain("BBB")))
    assert listed.snapshot.regime.impact_source == "settings"
    assert other.snapshot.regime.feedback == "UNKNOWN"


@pytest.mark.parametrize("sequence", [3, 5])
def test_a_chain_that_is_not_newer_is_dropped_and_counted(sequence: int) -> None:
    """Neither a duplicate nor an older chain replaces what is known."""
    state = _state(ManualClock())
    state.on_batch(message_of(5, small_chain("AAA")))
    assert state.on_batch(message_of(sequence, small_chain("AAA"))) == []
    assert state.counts.out_of_order == 1
    assert state.sequence == 5


def test_one_bad_symbol_does_not_stop_the_others() -> None:
    """A chain without a field is recorded with its reason and counted; its neighbours are computed."""
    state = _state(ManualClock())
    published = state.on_batch(message_of(0, small_chain("AAA"), broken_chain("BAD"), small_chain("CCC")))
    assert [p.snapshot.symbol for p in published] == ["AAA", "CCC"]
    assert list(state.reasons) == ["BAD"]
    assert state.reasons["BAD"]
    assert (state.counts.updates, state.counts.failed) == (2, 1)


def test_an_unexpected_fault_is_isolated_too() -> None:
    """Even an error that nobody foresaw stays with its symbol."""

    def fragile(symbol: str, config: LiveConfig, saved: SymbolCheckpoint | None) -> SymbolState:
        return SymbolState(config, saved) if 1 / (symbol != "BAD") else SymbolState(config)

    state = ShardState(_CONFIG, fragile, ManualClock())
    assert len(state.on_batch(message_of(0, small_chain("BAD"), small_chain("CCC")))) == 1
    assert "ZeroDivisionError" in state.reasons["BAD"]


def test_a_recovered_symbol_loses_its_reason() -> None:
    """The reason of a failure goes with the next good chain."""
    state = _state(ManualClock())
    state.on_batch(message_of(0, broken_chain("AAA")))
    state.on_batch(message_of(1, small_chain("AAA")))
    assert not state.reasons


def test_a_field_grows_stale_with_age() -> None:
    """Age counts from the feed's receipt; beyond the limit the status says stale, and why."""
    state = _state(ManualClock())
    state.on_batch(message_of(0, small_chain("AAA"), received_ns=1_000_000_000))
    (fresh,) = state.status(2_000_000_000)
    (old,) = state.status(12_000_000_000)
    assert (fresh.age_s, fresh.stale, fresh.reason) == (1.0, False, "")
    assert (old.age_s, old.stale) == (11.0, True)
    assert "10 s" in old.reason


def test_the_field_of_a_closed_market_is_old_and_not_stale() -> None:
    """By the feed's own time; a failure makes it stale whatever the hour."""
    state = _state(ManualClock())
    state.on_batch(message_of(0, small_chain("AAA")))
    (night,), (monday,) = state.status(10 * 3_600 * 10**9), state.status(67 * 3_600 * 10**9)
    assert (night.stale, night.market_closed, night.reason) == (False, True, "the market is closed")
    assert (monday.stale, monday.market_closed) == (True, False)
    state.on_batch(message_of(1, broken_chain("AAA")))
    (failed,) = state.status(10 * 3_600 * 10**9)
    assert (failed.stale, failed.market_closed) == (True, True)


def test_a_market_that_is_closed_is_known_after_a_restart() -> None:
    """Before any chain has come: by the calendar of the one in the checkpoint."""
    first = _state(ManualClock())
    first.on_batch(message_of(0, small_chain("AAA")))
    again = _state(ManualClock(), sequence=0, publications=first.publications, symbols=first.symbols)
    (night,), (monday,) = again.status(10 * 3_600 * 10**9), again.status(67 * 3_600 * 10**9)
    assert (night.market_closed, monday.market_closed) == (True, False)
    assert (night.catching_up, night.stale) == (True, True)


def test_a_failed_symbol_is_stale_at_any_age() -> None:
    """The old field of a symbol whose newest chain failed must not pass as current."""
    state = _state(ManualClock())
    state.on_batch(message_of(0, small_chain("AAA")))
    state.on_batch(message_of(1, broken_chain("AAA")))
    (status,) = state.status(0)
    assert status.stale
    assert status.sequence == 0


def test_a_restored_shard_is_stale_until_it_reaches_the_feed() -> None:
    """Restored fields say that they catch up; the batch that reaches the feed's newest ends it."""
    first = _state(ManualClock())
    first.on_batch(message_of(7, small_chain("AAA"), small_chain("BBB")))
    state = _state(ManualClock(), sequence=first.sequence, publications=first.publications, symbols=first.symbols)
    assert state.catching_up
    assert all(p.catching_up for p in state.publications)
    (behind,) = state.on_batch(message_of(8, small_chain("AAA"), live=9))
    assert behind.catching_up
    current = state.on_batch(message_of(9, small_chain("AAA"), live=9))
    assert not state.catching_up
    assert {p.snapshot.symbol: p.catching_up for p in current} == {"AAA": False, "BBB": False}


def test_an_empty_batch_can_end_the_catch_up() -> None:
    """Where nothing new came for the shard's symbols, an empty batch at the feed's sequence frees them."""
    first = _state(ManualClock())
    first.on_batch(message_of(7, small_chain("AAA")))
    state = _state(ManualClock(), sequence=7, publications=first.publications, symbols=first.symbols)
    (released,) = state.on_batch(message_of(9))
    assert not released.catching_up
    assert released.batch_sequence == 7


def test_a_restored_shard_drops_what_it_had_seen() -> None:
    """The replay may begin too early without doing harm."""
    first = _state(ManualClock())
    first.on_batch(message_of(7, small_chain("AAA")))
    state = _state(ManualClock(), sequence=7, publications=first.publications, symbols=first.symbols)
    assert state.on_batch(message_of(7, small_chain("AAA"), live=8)) == []
    assert state.counts.out_of_order == 1


def _telling(sequence: int, *context: ContextMessage, symbol: str = "AAA") -> ShardBatch:
    """Return a chain with context beside it."""
    message = message_of(sequence, replace(small_chain(symbol), ts_event_ns=AS_OF_NS + sequence))
    return replace(message, parts=(replace(message.parts[0], context=context),))


def test_context_is_known_to_every_symbol_before_its_field() -> None:
    """The field of the batch that brought an index already knows it, and so does the next field of another symbol."""
    state = _state(ManualClock())
    (first,) = state.on_batch(_telling(0, series_of("VIX", 40.0), series_of("VIX9D", 50.0)))
    (other,) = state.on_batch(_telling(1, symbol="BBB"))
    assert (first.live.market.vix, other.live.market.vix) == (40.0, 40.0)
    assert {reading.axis.value: reading.state for reading in first.live.regimes}["term_structure"] == "INVERTED"
    assert isnan(first.live.market.vvix)
    assert first.live.market.reasons["vvix"]
    assert state.counts.context == 2


def test_what_is_known_only_later_is_not_in_a_field() -> None:
    """Context that a feed tells too early waits for its own instant."""
    state = _state(ManualClock())
    (early,) = state.on_batch(_telling(0, series_of("VIX", 40.0, AS_OF_NS + 1)))
    (later,) = state.on_batch(_telling(1))
    assert isnan(early.live.market.vix)
    assert later.live.market.vix == 40.0


def test_context_outlives_a_restart_and_a_loss_takes_it() -> None:
    """A restored shard knows what the one before it knew; one that lost messages says so rather than guess."""
    first = _state(ManualClock())
    first.on_batch(_telling(0, series_of("VIX", 40.0)))
    saved = from_bytes(
        to_bytes(
            Checkpoint(
                run_id="run",
                shard="shard-0",
                sequence=first.sequence,
                publications=first.publications,
                symbols=first.symbols,
                context=first.context,
            )
        )
    )
    again = _state(ManualClock(), sequence=0, symbols=saved.symbols, context=saved.context)
    (found,) = again.on_batch(_telling(1))
    assert found.live.market.vix == 40.0
    (after,) = again.on_batch(replace(_telling(2), context_lost=1))
    assert "lost on its way" in after.live.market.reasons["vix"]


def test_batches_that_nobody_can_tell_again_leave_a_hole_in_every_symbol() -> None:
    """A shard that caught up with a live venue only in part says of each symbol that trades may be missing."""
    state = _state(ManualClock())
    for symbol in ("AAA", "BBB"):
        state.on_batch(message_of(0, small_chain(symbol)))
    hole = ShardBatch(parts=(), sequence=5, live_sequence=6, received_ns=0, queued=0, skipped=4)
    assert state.on_batch(hole) == []
    assert state.sequence == 5
    found = [state.on_batch(message_of(n, small_chain(s)))[-1] for n, s in ((6, "AAA"), (7, "BBB"))]
    assert [publication.live.stream.rows_lost for publication in found] == [4, 4]


def test_a_book_reaches_its_symbol_before_the_chain() -> None:
    """The field of the batch that brought a book stands on it."""
    message = message_of(0, small_chain("AAA"))
    part = replace(message.parts[0], books=(book_of("AAA", ts_ns=small_chain("AAA").ts_event_ns),))
    (found,) = _state(ManualClock()).on_batch(replace(message, parts=(part,)))
    assert found.live.book is not None
    assert found.live.book.is_used
