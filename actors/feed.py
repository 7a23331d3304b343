"""The feed actor: pulls batches at the feed's own pace and hands each shard its part, without an unbounded queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, final

import ray
from ray.exceptions import RayError

from actors.addresses import ActorAddress, connect
from actors.bus import BusActor
from actors.codec import encode
from actors.delivery import Delivery, FeedConfig
from actors.lag import StreamLags
from actors.messages import FeedHealth, Outgoing, ShardBatch
from actors.metrics import FeedMetrics
from actors.pacing import ReplaySource, open_feed, paced
from actors.shard import SymbolActor
from market.errors import TradingError
from market.ports import FeedFactory, MarketFeed, Stream, close_feed, counts_of

if TYPE_CHECKING:
    from ray.actor import ActorProxy

__all__ = ["FeedActor"]

_HEALTH_PERIOD_S: Final = 1.0


@final
class FeedActor:
    """Async actor around a `MarketFeed` and a `Delivery`; one per system.

    Parameters
    ----------
    factory : FeedFactory
        Opens the feed, and a second one of it for a shard that must catch up further than the backlog reaches.
    shards : mapping of str to ActorAddress
        All shards by the name that placement uses.
    bus : ActorAddress
        The `BusActor`, where health goes.
    config : FeedConfig
        Settings.
    """

    def __init__(
        self, factory: FeedFactory, shards: Mapping[str, ActorAddress], bus: ActorAddress, config: FeedConfig
    ) -> None:
        self._factory, self._delivery = factory, Delivery(tuple(shards), config)
        self._bus: ActorProxy[BusActor] = connect(bus)
        self._shards: dict[str, ActorProxy[SymbolActor]] = {name: connect(shards[name]) for name in shards}
        self._tasks: set[asyncio.Task[None]] = set()
        self._feed: MarketFeed | None = None
        self._symbols: tuple[str, ...] = ()
        self._started, self._ended, self._error, self._late_s = False, False, "", 0.0
        self._lags, self._metrics = StreamLags(), FeedMetrics()
        self._counts: Mapping[str, int] = {}

    @ray.method
    async def start(self, after: int) -> bool:
        """Begin to deliver the batches after a sequence (-1: all); return False where the feed runs already."""
        if self._started:
            return False
        self._started = True
        self._delivery.newest = replace(self._delivery.newest, sequence=after)
        self._spawn(self._run(after))
        self._spawn(self._report())
        return True

    @ray.method
    async def health(self) -> FeedHealth:
        """Return the state of the feed."""
        return self._health()

    @ray.method
    async def is_started(self) -> bool:
        """Return whether `start` was called on this incarnation."""
        return self._started

    @ray.method
    async def catch_up(self, shard: str, after: int) -> bool:
        """Replay to a restarted shard what came after a sequence; return False where that is under way."""
        begun = self._delivery.begin_catch_up(shard)
        if begun:
            self._spawn(self._replay(shard, after))
        return begun

    @ray.method
    async def stop(self) -> None:
        """Stop delivering and close the feed; batches on the way are not recalled."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._feed is not None:
            await asyncio.to_thread(close_feed, self._feed)

    def _health(self) -> FeedHealth:
        now_ns = time.time_ns()
        found = self._delivery.health(
            ts_ns=now_ns,
            symbols=self._symbols,
            ended=self._ended,
            late_s=self._late_s,
            error=self._error,
            streams=self._lags.health(now_ns),
        )
        return replace(found, counts=self._counts)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, error: str) -> None:
        self._error = error

    async def _run(self, after: int) -> None:
        try:
            feed = self._feed = await open_feed(self._factory, after)
            self._symbols = tuple(feed.symbols)
            async for batch, late_s in paced(feed, self._tell):
                self._late_s = late_s
                self._counts = counts_of(feed)  # now, because from the next pull on the feed is another thread's
                received_ns = time.time_ns()
                for shard in self._delivery.hand_over(batch, received_ns):
                    self._pump(shard)
                self._metrics.on_batch(len(batch.chains))
                self._lags.on_batch(batch, received_ns)
        except Exception as error:  # noqa: BLE001  # supervision: the reason must reach health whatever it is
            known = isinstance(error, TradingError)
            self._error = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        self._ended = True

    def _pump(self, shard: str) -> None:
        while self._delivery.is_live(shard) and (message := self._delivery.take(shard)) is not None:
            self._spawn(self._send_live(shard, message))

    async def _send_live(self, shard: str, message: ShardBatch) -> None:
        try:
            await self._send(shard, message)
        except RayError:
            self._delivery.lost(shard, message)
        finally:
            self._delivery.returned(shard)
        self._pump(shard)

    async def _send(self, shard: str, message: ShardBatch) -> None:
        # By value: a part has one reader, and an own `ray.put` was measured slower, by one round trip to the store.
        await self._shards[shard].on_batch.remote(message)

    async def _replay(self, shard: str, after: int) -> None:
        try:
            await self._replay_until_live(shard, after)
        except RayError:
            self._delivery.down.add(shard)
        except Exception as error:  # noqa: BLE001  # supervision: the shard stays down, with its reason in health
            self._error = f"replay to {shard} failed: {error}"
            self._delivery.down.add(shard)
        finally:
            self._delivery.end_catch_up(shard, time.time_ns())
        self._pump(shard)

    async def _replay_until_live(self, shard: str, after: int) -> None:
        again = partial(open_feed, self._factory) if self._delivery.replays else None
        source = ReplaySource(again, self._delivery.backlog)
        position: int | None = after
        try:
            # There must be no await between this test and the end of the catch-up.
            while position is not None and position < self._delivery.newest.sequence:
                position = await self._replay_next(shard, position, source)
        finally:
            await source.close()

    async def _replay_next(self, shard: str, position: int, source: ReplaySource) -> int | None:
        batch, now_ns = await source.next_after(position), time.time_ns()
        if batch is None:
            message = self._delivery.hole(position, now_ns)
        else:
            message = self._delivery.replayed(batch, shard, now_ns)
        if message is not None:
            await self._send(shard, message)
        found = batch or message
        return None if found is None else found.sequence

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_HEALTH_PERIOD_S)
            health = self._health()
            self._metrics.on_health(health, self._lags.take_samples())
            message = Outgoing(key="feed", ts_event_ns=health.ts_ns, payload=encode(health))
            try:
                await self._bus.publish.remote(Stream.HEALTH, [message])
            except RayError:
                continue  # the bus is being restarted; the next report is a second away
