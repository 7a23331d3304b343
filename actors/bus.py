"""The bus: bounded topics that any number of readers poll at their own pace.

Readers (gateway, ledger writer, tests) hold a position and ask for what came after it; a slow reader costs nothing,
because a topic keeps the newest message of each key (``field_snapshots``) or a ring of fixed length, and tells each
reader how many messages it did not see.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

import ray

from actors.messages import BusBatch, BusMessage, Outgoing
from market.ports import Stream

__all__ = ["BusActor", "BusState", "TopicCounts"]

_RING: Final = 4096
# Snapshots are state: only the newest of a symbol is worth reading. Health is the same by component.
_COALESCED: Final = frozenset({Stream.FIELD_SNAPSHOTS, Stream.HEALTH})


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicCounts:
    """Counts of one topic since the bus started.

    Parameters
    ----------
    published : int
        Messages taken.
    kept : int
        Messages that can be read now.
    coalesced : int
        Messages that a newer one of the same key replaced.
    dropped : int
        Messages that fell out of a full ring.
    """

    published: int
    kept: int
    coalesced: int
    dropped: int


@dataclass(slots=True)
class _Topic:
    last: int = 0
    coalesced: int = 0
    dropped: int = 0
    latest: dict[str, BusMessage] = field(default_factory=dict)  # rises in sequence: a replaced key moves to the end
    ring: deque[BusMessage] = field(default_factory=lambda: deque(maxlen=_RING))


@final
class BusState:
    """Topics without a process around them.

    Parameters
    ----------
    epoch_ns : int
        Start of the bus, ns since the epoch, UTC.
    max_keys : int, optional
        Most keys that a coalescing topic holds; the oldest key is dropped, and counted, beyond it.
    """

    def __init__(self, *, epoch_ns: int, max_keys: int = 20_000) -> None:
        self._epoch_ns = epoch_ns
        self._max_keys = max_keys
        self._topics = {topic: _Topic() for topic in Stream}

    def publish(self, topic: Stream, messages: Sequence[Outgoing]) -> int:
        """Take messages and return the sequence of the newest message of the topic."""
        state = self._topics[topic]
        for message in messages:
            state.last += 1
            stored = BusMessage(
                sequence=state.last, key=message.key, ts_event_ns=message.ts_event_ns, payload=message.payload
            )
            if topic in _COALESCED:
                self._coalesce(state, stored)
            else:
                state.dropped += len(state.ring) == _RING
                state.ring.append(stored)
        return state.last

    def _coalesce(self, state: _Topic, message: BusMessage) -> None:
        state.coalesced += state.latest.pop(message.key, None) is not None
        state.latest[message.key] = message
        if len(state.latest) > self._max_keys:
            state.latest.pop(next(iter(state.latest)))
            state.dropped += 1

    def read(self, topic: Stream, after: int, limit: int) -> BusBatch:
        """Return up to `limit` messages after a position; see `BusActor.poll`."""
        state = self._topics[topic]
        after = after if 0 <= after <= state.last else 0  # a position of an earlier incarnation reads all
        found: list[BusMessage] = []
        kept = state.latest.values() if topic in _COALESCED else state.ring
        for message in reversed(kept):
            if message.sequence <= after:
                break
            found.append(message)
        found.reverse()
        whole = len(found) <= limit
        found = found[:limit]
        position = state.last if whole else (found[-1].sequence if found else after)
        return BusBatch(
            topic=topic,
            epoch_ns=self._epoch_ns,
            next=position,
            messages=tuple(found),
            missed=position - after - len(found),
        )

    def has_after(self, topic: Stream, after: int) -> bool:
        """Return whether a reader at a position has something to read."""
        last = self._topics[topic].last
        return last > 0 and last != after

    def latest(self, topic: Stream, key: str) -> BusMessage | None:
        """Return the newest message of a key of a coalescing topic, or None."""
        return self._topics[topic].latest.get(key)

    def counts(self) -> dict[Stream, TopicCounts]:
        """Return the counts of each topic."""
        return {
            topic: TopicCounts(
                published=state.last,
                kept=len(state.latest) + len(state.ring),
                coalesced=state.coalesced,
                dropped=state.dropped,
            )
            for topic, state in self._topics.items()
        }


@final
class BusActor:
    """Async actor around `BusState`; one per system, named ``bus``.

    Parameters
    ----------
    max_keys : int, optional
        See `BusState`.
    """

    def __init__(self, max_keys: int = 20_000) -> None:
        self._state = BusState(epoch_ns=time.time_ns(), max_keys=max_keys)
        self._arrived: dict[Stream, asyncio.Event] = {}

    @ray.method
    async def publish(self, topic: Stream, messages: Sequence[Outgoing]) -> int:
        """Take messages, wake the readers, and return the newest sequence of the topic."""
        last = self._state.publish(topic, messages)
        self._arrived.pop(topic, asyncio.Event()).set()
        return last

    @ray.method
    async def poll(self, topic: Stream, after: int, limit: int, timeout_s: float) -> BusBatch:
        """Return messages after a position, waiting for the first one.

        Parameters
        ----------
        topic : Stream
            Topic.
        after : int
            `BusBatch.next` of the reader's last poll; 0 to read all that is kept.
        limit : int
            Most messages to return.
        timeout_s : float
            How long to wait where nothing has come, seconds; then the answer holds no messages.

        Returns
        -------
        BusBatch
            Messages and the next position.
        """
        if not self._state.has_after(topic, after):
            event = self._arrived.setdefault(topic, asyncio.Event())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), timeout_s)
        return self._state.read(topic, after, limit)

    @ray.method
    async def latest(self, topic: Stream, key: str) -> BusMessage | None:
        """Return the newest message of a key, or None."""
        return self._state.latest(topic, key)

    @ray.method
    async def counts(self) -> dict[Stream, TopicCounts]:
        """Return the counts of each topic."""
        return self._state.counts()
