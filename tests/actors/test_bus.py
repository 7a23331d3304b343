"""The bus: order, coalescing, bounds, and what a slow reader is told."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.bus import BusActor, BusState
from actors.messages import Outgoing
from market.ports import Stream

_SNAPSHOTS = Stream.FIELD_SNAPSHOTS


def _out(key: str, payload: bytes = b"") -> Outgoing:
    return Outgoing(key=key, ts_event_ns=0, payload=payload)


def test_a_reader_gets_each_new_message_once() -> None:
    """Reading on from the returned position neither repeats nor skips."""
    bus = BusState(epoch_ns=1)
    bus.publish(_SNAPSHOTS, [_out("A"), _out("B")])
    first = bus.read(_SNAPSHOTS, 0, 10)
    bus.publish(_SNAPSHOTS, [_out("C")])
    second = bus.read(_SNAPSHOTS, first.next, 10)
    assert [m.key for m in first.messages] == ["A", "B"]
    assert [m.key for m in second.messages] == ["C"]
    assert first.missed == second.missed == 0


def test_the_newest_message_of_a_key_replaces_the_older_and_the_reader_is_told() -> None:
    """Snapshots are state: a late reader sees the newest, and how many it did not see."""
    bus = BusState(epoch_ns=1)
    bus.publish(_SNAPSHOTS, [_out("A", b"1"), _out("B", b"2"), _out("A", b"3")])
    batch = bus.read(_SNAPSHOTS, 0, 10)
    assert [(m.key, m.payload) for m in batch.messages] == [("B", b"2"), ("A", b"3")]
    assert batch.missed == 1
    assert bus.counts()[_SNAPSHOTS].coalesced == 1


def test_a_ring_keeps_the_newest_and_counts_what_fell_out() -> None:
    """A topic of events is bounded; its losses are counted, for the bus and for the reader."""
    bus = BusState(epoch_ns=1)
    bus.publish(Stream.MARKET_DATA, [_out("A", str(n).encode()) for n in range(5_000)])
    batch = bus.read(Stream.MARKET_DATA, 0, 10_000)
    assert len(batch.messages) == 4_096
    assert batch.missed == bus.counts()[Stream.MARKET_DATA].dropped == 5_000 - 4_096
    assert batch.messages[-1].payload == b"4999"


def test_keys_are_bounded() -> None:
    """A runaway producer of keys cannot fill the memory: the oldest key goes, and is counted."""
    bus = BusState(epoch_ns=1, max_keys=3)
    bus.publish(_SNAPSHOTS, [_out(str(n)) for n in range(10)])
    assert [m.key for m in bus.read(_SNAPSHOTS, 0, 99).messages] == ["7", "8", "9"]
    assert bus.counts()[_SNAPSHOTS].dropped == 7


def test_a_position_of_an_earlier_incarnation_reads_from_the_start() -> None:
    """After a restart of the bus a reader with a high position is not left waiting."""
    bus = BusState(epoch_ns=2)
    bus.publish(_SNAPSHOTS, [_out("A")])
    assert bus.has_after(_SNAPSHOTS, 900)
    assert [m.key for m in bus.read(_SNAPSHOTS, 900, 10).messages] == ["A"]


@given(st.lists(st.sampled_from("ABCDE"), max_size=60), st.integers(1, 7), st.integers(1, 9))
def test_seen_and_missed_add_up_for_any_reader(keys: list[str], limit: int, stride: int) -> None:
    """However slowly a reader reads, what it saw and what it was told to have missed is all that was published."""
    bus, position, seen, missed = BusState(epoch_ns=1), 0, 0, 0
    for start in range(0, len(keys), stride):
        bus.publish(_SNAPSHOTS, [_out(key) for key in keys[start : start + stride]])
        batch = bus.read(_SNAPSHOTS, position, limit)
        position, seen, missed = batch.next, seen + len(batch.messages), missed + batch.missed
    while (batch := bus.read(_SNAPSHOTS, position, limit)).next != position:
        position, seen, missed = batch.next, seen + len(batch.messages), missed + batch.missed
    assert seen + missed == len(keys)
    assert {key: m.sequence for key in keys if (m := bus.latest(_SNAPSHOTS, key))} == {
        key: place + 1 for place, key in enumerate(keys)
    }


async def test_a_poll_waits_for_the_first_message() -> None:
    """A reader that waits is woken by what it waits for, and by nothing else."""
    bus: Any = BusActor()  # as a plain object; Ray's typing knows its methods only behind a handle
    reader = asyncio.create_task(bus.poll(_SNAPSHOTS, 0, 10, 30.0))
    await asyncio.sleep(0)
    await bus.publish(Stream.HEALTH, [_out("feed")])
    await asyncio.sleep(0)
    assert not reader.done()
    await bus.publish(_SNAPSHOTS, [_out("A")])
    batch = await asyncio.wait_for(reader, 5.0)
    assert [m.key for m in batch.messages] == ["A"]


async def test_a_poll_ends_empty_when_nothing_comes() -> None:
    """The time limit is kept, and the position stays."""
    bus: Any = BusActor()
    batch = await bus.poll(_SNAPSHOTS, 0, 10, 0.01)
    assert (batch.messages, batch.next, batch.missed) == ((), 0, 0)
