"""The way from the bus to the board: what is read, and what survives a bus that dies or comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from actors.bus import BusActor
from actors.codec import encode
from actors.messages import BusBatch, FeedHealth, Outgoing, Publication, ShardHealth
from market.ports import Stream
from serve.board import SnapshotBoard
from serve.reader import FEED_KEY, BoardFeeder, BusClient
from tests.serve.samples import HandClock, feed_report, publication_of, shard_report, snapshot_of


class Line:
    """A connection to a bus that a test cuts, mends and leads to another bus."""

    def __init__(self) -> None:
        self.bus: Any = BusActor()  # a plain object here; its type knows remote calls only
        self.cut = False
        self._waiting: set[asyncio.Task[BusBatch]] = set()

    async def connect(self) -> BusClient:
        return self

    async def poll(self, topic: Stream, after: int, limit: int, timeout_s: float) -> BusBatch:
        if self.cut:
            raise ConnectionError("the bus is gone")
        task: asyncio.Task[BusBatch] = asyncio.create_task(self.bus.poll(topic, after, limit, timeout_s))
        self._waiting.add(task)
        try:
            return await task
        except asyncio.CancelledError as error:
            if self.cut:
                raise ConnectionError("the bus has died") from error
            raise
        finally:
            self._waiting.discard(task)

    def die(self) -> None:
        self.cut = True
        for task in self._waiting:
            task.cancel()

    async def publish(self, topic: Stream, key: str, message: Publication | FeedHealth | ShardHealth | bytes) -> None:
        payload = message if isinstance(message, bytes) else encode(message)
        await self.bus.publish(topic, [Outgoing(key=key, ts_event_ns=0, payload=payload)])


@asynccontextmanager
async def feeding(line: Line) -> AsyncIterator[tuple[SnapshotBoard, BoardFeeder]]:
    board = SnapshotBoard((), HandClock(), 10.0)
    feeder = BoardFeeder(board, line.connect)
    task = asyncio.create_task(feeder.run())
    try:
        yield board, feeder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not condition():  # noqa: ASYNC110  # states of several objects, without an event of their own
            await asyncio.sleep(0.005)


def _step(board: SnapshotBoard, step: int) -> Callable[[], bool]:
    def reached() -> bool:
        entry = board.get("SPX")
        return entry is not None and entry.snapshot is not None and entry.snapshot.cause_id == f"SPX-{step}"

    return reached


async def test_fields_and_reports_reach_the_board() -> None:
    """Publications, the feed's report and a shard's report each take their place."""
    line = Line()
    async with feeding(line) as (board, _):
        await line.publish(Stream.HEALTH, FEED_KEY, feed_report(symbols=("SPX", "QQQ")))
        await line.publish(Stream.HEALTH, "shard-0", shard_report(reasons={"QQQ": "no forward"}))
        await line.publish(Stream.FIELD_SNAPSHOTS, "SPX", publication_of(snapshot_of(step=1)))
        await until(lambda: board.ready)
        assert _step(board, 1)()
        assert board.failed == {"QQQ": "no forward"}


async def test_board_keeps_its_fields_while_the_bus_is_away_and_follows_the_next_one() -> None:
    """A dead bus leaves the last fields; a new one, whose numbers start anew, is read from its beginning."""
    line = Line()
    async with feeding(line) as (board, feeder):
        for step in range(5):
            await line.publish(Stream.FIELD_SNAPSHOTS, "SPX", publication_of(snapshot_of(step=step)))
        await until(_step(board, 4))
        line.die()
        await until(lambda: feeder.failures > 0 and not board.connected)
        assert _step(board, 4)()
        line.bus, line.cut = BusActor(), False
        await line.publish(Stream.FIELD_SNAPSHOTS, "SPX", publication_of(snapshot_of(step=9)))
        await until(_step(board, 9))
        await until(lambda: board.connected)


async def test_bus_that_was_replaced_unnoticed_is_read_from_its_beginning() -> None:
    """A position in the old bus must not skip what the new one holds, however much that is."""
    line = Line()
    async with feeding(line) as (board, _):
        await line.publish(Stream.FIELD_SNAPSHOTS, "SPX", publication_of(snapshot_of(step=1)))
        await until(_step(board, 1))
        old, line.bus = line.bus, BusActor()
        await line.publish(Stream.FIELD_SNAPSHOTS, "QQQ", publication_of(snapshot_of("QQQ")))
        await line.publish(Stream.FIELD_SNAPSHOTS, "IWM", publication_of(snapshot_of("IWM")))
        await old.publish(Stream.FIELD_SNAPSHOTS, [])  # ends the poll that waits there
        await until(lambda: {"QQQ", "IWM"} <= set(board.symbols))


async def test_unreadable_message_is_counted_and_the_next_one_is_read() -> None:
    """One message of another version does not stop the stream."""
    line = Line()
    async with feeding(line) as (board, feeder):
        await line.publish(Stream.FIELD_SNAPSHOTS, "BAD", b"\xc1")
        await line.publish(Stream.FIELD_SNAPSHOTS, "SPX", publication_of(snapshot_of(step=2)))
        await until(_step(board, 2))
        assert feeder.undecodable == 1
