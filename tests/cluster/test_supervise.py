"""What the supervisor does, decided from what it saw; no process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cluster.supervise import Action, Observation, Step, plan
from tests.serve.samples import feed_report, shard_report

_A = replace(shard_report(reasons={}), shard="a", epoch_ns=1, sequence=8)
_B = replace(shard_report(reasons={}), shard="b", epoch_ns=1, sequence=5)
_FEED = feed_report(symbols=("SPX",))
_WELL = Observation(shards={"a": _A, "b": _B}, feed=_FEED, feed_started=True, ledger_started=True, bus_epoch_ns=1)


def _seen(**changes: Any) -> Observation:
    return replace(_WELL, **changes)


def test_a_system_that_is_well_is_left_alone() -> None:
    """Nothing is done without a cause."""
    assert plan(_WELL, _WELL) == []


def test_the_feed_starts_after_the_shard_that_has_the_least() -> None:
    """Nobody misses a batch; a shard that has more drops what it knows."""
    assert plan(None, _seen(feed_started=False)) == [Action(step=Step.START_FEED, after=5)]


def test_the_feed_waits_for_all_shards() -> None:
    """Before every shard has answered, the least sequence is unknown."""
    assert plan(None, _seen(feed_started=False, shards={"a": _A, "b": None})) == []


def test_a_restarted_shard_catches_up_from_its_own_sequence() -> None:
    """A new incarnation is seen by its epoch."""
    reborn = replace(_A, epoch_ns=2, sequence=3)
    now = _seen(shards={"a": reborn, "b": _B})
    assert plan(_WELL, now) == [Action(step=Step.CATCH_UP, shard="a", after=3)]


def test_a_shard_that_the_feed_lost_catches_up() -> None:
    """The feed may notice a death between two rounds; the shard is brought back all the same."""
    now = _seen(feed=replace(_FEED, shards_down=("b",)))
    assert plan(_WELL, now) == [Action(step=Step.CATCH_UP, shard="b", after=5)]


def test_a_catch_up_under_way_is_not_begun_again() -> None:
    """One replay per shard."""
    feed = replace(_FEED, shards_down=("b",), shards_catching_up=("b",))
    assert plan(_WELL, _seen(feed=feed)) == []


def test_a_dead_shard_is_waited_for() -> None:
    """Without an answer there is no sequence to catch up from."""
    now = _seen(shards={"a": None, "b": _B}, feed=replace(_FEED, shards_down=("a",)))
    assert plan(_WELL, now) == []


def test_a_new_bus_is_filled_by_every_shard() -> None:
    """A restarted bus has forgotten all; each shard that answers republishes."""
    actions = plan(_WELL, _seen(bus_epoch_ns=2))
    assert actions == [Action(step=Step.REPUBLISH, shard="a"), Action(step=Step.REPUBLISH, shard="b")]
    assert plan(_WELL, _seen(bus_epoch_ns=None)) == []


def test_a_restarted_ledger_writer_is_started_again() -> None:
    """It reads the bus from the start; what it recorded before is refused by the store."""
    assert plan(_WELL, _seen(ledger_started=False)) == [Action(step=Step.START_LEDGER)]
