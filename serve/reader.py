"""Brings the bus to the board: two long polls that survive a restarted bus and say so while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, final

import structlog

from actors.codec import decode
from actors.messages import BusBatch, BusMessage, FeedHealth, Publication, ShardHealth
from market.errors import DataError
from market.ports import Stream
from serve.board import SnapshotBoard

__all__ = ["FEED_KEY", "BoardFeeder", "BusClient"]

_LOG = structlog.get_logger("serve")
FEED_KEY = "feed"
"""Key under which the feed reports its health; every other key of that topic is a shard."""
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_POLL_TIMEOUT_S = 5.0
_POLL_LIMIT = 200
_SWEEP_S = 0.5


class BusClient(Protocol):
    """A bus as its readers see it."""

    async def poll(self, topic: Stream, after: int, limit: int, timeout_s: float) -> BusBatch:
        """Return messages after a position, waiting for the first one."""


@final
class BoardFeeder:
    """Applies what the bus says to a board, until it is cancelled.

    Parameters
    ----------
    board : SnapshotBoard
        What is filled.
    connect : callable
        Returns a bus client; called again after every failure, because a bus that was restarted elsewhere has a new
        address.

    Notes
    -----
    A failing bus is an expected outcome here: the board keeps the fields that it has, they grow old and are marked
    stale, and the poll begins again after a pause that doubles up to five seconds.
    """

    def __init__(self, board: SnapshotBoard, connect: Callable[[], Awaitable[BusClient]]) -> None:
        self._board = board
        self._connect = connect
        self._broken: set[Stream] = set()
        self.failures = 0
        """Polls that failed."""
        self.undecodable = 0
        """Messages that could not be read."""

    async def run(self) -> None:
        """Feed the board for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(Stream.FIELD_SNAPSHOTS, self._take_field))
            group.create_task(self._follow(Stream.HEALTH, self._take_health))
            group.create_task(self._sweep())

    async def _follow(self, topic: Stream, take: Callable[[BusMessage], None]) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._poll(topic, take, await self._connect())
            except Exception as error:  # noqa: BLE001  # the supervision loop: any failure of the bus means "again"
                pause_s = _FIRST_PAUSE_S if topic not in self._broken else min(2.0 * pause_s, _LONGEST_PAUSE_S)
                self._lost(topic, error)
                await asyncio.sleep(pause_s)

    async def _poll(self, topic: Stream, take: Callable[[BusMessage], None], bus: BusClient) -> None:
        position, epoch_ns = 0, 0
        while True:
            batch = await bus.poll(topic, position, _POLL_LIMIT, _POLL_TIMEOUT_S)
            self._found(topic)
            if epoch_ns not in {0, batch.epoch_ns}:
                # A restarted bus counts anew: a position in the old one would skip what it has published since.
                position, epoch_ns = 0, batch.epoch_ns
                continue
            position, epoch_ns = batch.next, batch.epoch_ns
            for message in batch.messages:
                try:
                    take(message)
                except DataError as error:
                    self.undecodable += 1
                    _LOG.warning("message is unreadable", topic=topic.value, key=message.key, error=str(error))
                # a long batch must not hold up requests
                await asyncio.sleep(0)

    def _take_field(self, message: BusMessage) -> None:
        self._board.apply(decode(Publication, message.payload))

    def _take_health(self, message: BusMessage) -> None:
        if message.key == FEED_KEY:
            self._board.apply_feed(decode(FeedHealth, message.payload))
        else:
            self._board.apply_shard(decode(ShardHealth, message.payload))

    def _lost(self, topic: Stream, error: Exception) -> None:
        self.failures += 1
        self._broken.add(topic)
        self._board.connected = False
        _LOG.warning("bus does not answer", topic=topic.value, error=type(error).__name__)

    def _found(self, topic: Stream) -> None:
        self._broken.discard(topic)
        self._board.connected = not self._broken

    async def _sweep(self) -> None:
        while True:
            self._board.sweep()
            await asyncio.sleep(_SWEEP_S)
