"""The feed actor: pulls batches at the feed's own pace and hands each shard its part, without an unbounded queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

import ray
from ray.exceptions import RayError
from ray.util.metrics import Counter, Gauge

from actors.addresses import ActorAddress, connect
from actors.bus import BusActor
from actors.codec import encode
from actors.mailbox import Backlog, ShardMailbox
from actors.messages import FeedHealth, Outgoing, ShardBatch
from actors.placement import owner
from actors.shard import SymbolActor
from market.errors import TradingError, VenueError
from market.ports import ChainBatch, ChainFeed, FeedFactory, Stream

if TYPE_CHECKING:
    from ray.actor import ActorProxy

__all__ = ["FeedActor", "FeedConfig"]

_NS_PER_S: Final = 1_000_000_000
_HEALTH_PERIOD_S: Final = 1.0
_LONGEST_RETRY_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """Settings of the feed actor.

    Parameters
    ----------
    max_in_flight : int
        Batches on the way to one shard.
    backlog_bytes : int
        Newest batches that are kept for shards that must catch up, bytes.
    """

    max_in_flight: int = 2
    backlog_bytes: int = 64_000_000


@final
class FeedActor:
    """Async actor around a `ChainFeed`; one per system.

    Parameters
    ----------
    factory : FeedFactory
        Opens the feed, and a second one of it for each shard that must catch up.
    shards : mapping of str to ActorAddress
        All shards by the name that placement uses.
    bus : ActorAddress
        The `BusActor`, where health goes.
    config : FeedConfig
        Settings.
    """

    def __init__(
        self,
        factory: FeedFactory,
        shards: Mapping[str, ActorAddress],
        bus: ActorAddress,
        config: FeedConfig,
    ) -> None:
        self._factory, self._config = factory, config
        self._bus: ActorProxy[BusActor] = connect(bus)
        self._shards: dict[str, ActorProxy[SymbolActor]] = {name: connect(shards[name]) for name in shards}
        self._names = tuple(shards)
        self._owners: dict[str, str] = {}
        self._mail = {name: ShardMailbox(config.max_in_flight) for name in self._names}
        self._backlog = Backlog(config.backlog_bytes)
        self._down: set[str] = set()
        self._replays: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sequence, self._ts_event_ns, self._batches, self._chains, self._undelivered = -1, 0, 0, 0, 0
        self._symbols: tuple[str, ...] = ()
        self._ended, self._error, self._late_s = False, "", 0.0
        self._started = False
        self._rate = Counter("hedgefield_feed_chains", "Chains pulled from the feed")
        self._waits = Gauge("hedgefield_feed_queued", "Chains that wait for a shard")
        self._merged = Gauge("hedgefield_feed_coalesced", "Chains replaced by a newer one before delivery, so far")

    @ray.method
    async def start(self, after: int) -> bool:
        """Begin to deliver the batches after a sequence (-1: all); return False where the feed runs already."""
        if self._started:
            return False
        self._started, self._sequence = True, after
        self._spawn(self._run(after))
        self._spawn(self._report())
        return True

    @ray.method
    async def health(self) -> FeedHealth:
        """Return the state of the feed."""
        return self._health()

    def _health(self) -> FeedHealth:
        return FeedHealth(
            ts_ns=time.time_ns(),
            sequence=self._sequence,
            symbols=self._symbols,
            ended=self._ended,
            batches=self._batches,
            chains=self._chains,
            coalesced=sum(m.coalesced for m in self._mail.values()),
            undelivered=self._undelivered,
            queued=sum(len(m) for m in self._mail.values()),
            late_s=self._late_s,
            shards_down=tuple(sorted(self._down)),
            shards_catching_up=tuple(sorted(self._replays)),
            error=self._error,
        )

    @ray.method
    async def is_started(self) -> bool:
        """Return whether `start` was called on this incarnation."""
        return self._started

    @ray.method
    async def catch_up(self, shard: str, after: int) -> bool:
        """Replay to a restarted shard what came after a sequence; return False where that is under way."""
        if shard in self._replays:
            return False
        self._undelivered += self._mail[shard].clear()  # the replay brings them again
        self._down.discard(shard)
        self._replays[shard] = asyncio.create_task(self._replay(shard, after))
        return True

    @ray.method
    async def stop(self) -> None:
        """Stop delivering; batches on the way are not recalled."""
        tasks = [*self._tasks, *self._replays.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, after: int) -> ChainFeed:
        feed = await asyncio.to_thread(self._factory)
        if after >= 0:
            await asyncio.to_thread(feed.rewind, after)
        return feed

    async def _run(self, after: int) -> None:
        try:
            feed = await self._open(after)
            self._symbols = tuple(feed.symbols)
            await self._deliver(feed)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # supervision: the reason must reach health whatever it is
            known = isinstance(error, TradingError)
            self._error = str(error) if known else f"unexpected {type(error).__name__}: {error}"
        self._ended = True

    async def _deliver(self, feed: ChainFeed) -> None:
        due = time.monotonic()
        while True:
            delay_s = feed.delay_s()
            batch = await self._pull(feed)  # while the previous one is still fresh: the next is then on time
            if batch is None:
                return
            due += delay_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._late_s = max(0.0, time.monotonic() - due)
            due = max(due, time.monotonic() - delay_s)  # after a stall continue at the old pace, without a burst
            self._hand_over(batch)

    async def _pull(self, feed: ChainFeed) -> ChainBatch | None:
        pause_s = 1.0
        while True:
            try:
                return await asyncio.to_thread(feed.next_batch)
            except VenueError as error:
                if not error.retryable:
                    raise
                self._error = str(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2.0 * pause_s, _LONGEST_RETRY_S)
            else:
                self._error = ""

    def _hand_over(self, batch: ChainBatch) -> None:
        received_ns = time.time_ns()
        self._sequence, self._ts_event_ns = batch.sequence, batch.ts_event_ns
        self._backlog.append(batch)
        self._batches += 1
        self._chains += len(batch.chains)
        self._rate.inc(max(len(batch.chains), 1))
        for name in self._names:
            if name not in self._down and name not in self._replays:
                part = self._part(batch, name)
                self._mail[name].offer(part, received_ns)
                self._pump(name)
            else:
                self._undelivered += len(self._part(batch, name).chains)

    def _part(self, batch: ChainBatch, shard: str) -> ChainBatch:
        return replace(batch, chains=tuple(c for c in batch.chains if self._owner(c.symbol) == shard))

    def _owner(self, symbol: str) -> str:
        known = self._owners.get(symbol)
        if known is None:
            known = self._owners[symbol] = owner(symbol, self._names)
        return known

    def _pump(self, shard: str) -> None:
        mail = self._mail[shard]
        while (message := mail.take()) is not None:
            self._spawn(self._send_live(shard, replace(message, queued=len(mail))))

    async def _send_live(self, shard: str, message: ShardBatch) -> None:
        try:
            await self._send(shard, message)
        except RayError:
            self._lost(shard, message)
        finally:
            self._mail[shard].returned()
        if shard not in self._down and shard not in self._replays:
            self._pump(shard)

    def _lost(self, shard: str, message: ShardBatch) -> None:
        # A batch sent before the shard died may fail after its replay began: the replay brings it again.
        self._undelivered += len(message.batch.chains)
        if shard not in self._replays:
            self._undelivered += self._mail[shard].clear()
            self._down.add(shard)

    async def _send(self, shard: str, message: ShardBatch) -> None:
        # By value: a part has one reader, and an own `ray.put` was measured slower, by one round trip to the store.
        await self._shards[shard].on_batch.remote(message)

    async def _replay(self, shard: str, after: int) -> None:
        try:
            await self._replay_until_live(shard, after)
        except RayError:
            self._down.add(shard)
        except Exception as error:  # noqa: BLE001  # supervision: the shard stays down, with its reason in health
            self._error, self._down = f"replay to {shard} failed: {error}", self._down | {shard}
        finally:
            self._replays.pop(shard, None)
        if shard not in self._down and self._sequence >= 0:
            current = ChainBatch(sequence=self._sequence, ts_event_ns=self._ts_event_ns, chains=())
            self._mail[shard].offer(current, time.time_ns(), announce=True)
            self._pump(shard)

    async def _replay_until_live(self, shard: str, after: int) -> None:
        source, position = _ReplaySource(self._open, self._backlog), after
        while position < self._sequence:  # no await between this test and `_replay` freeing the shard
            batch = await source.next_after(position)
            if batch is None:
                return
            position = batch.sequence
            part = self._part(batch, shard)
            if part.chains:
                message = ShardBatch(
                    batch=part, live_sequence=self._sequence, received_ns=time.time_ns(), queued=len(part.chains)
                )
                await self._send(shard, message)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_HEALTH_PERIOD_S)
            health = self._health()
            self._waits.set(health.queued)
            self._merged.set(health.coalesced)
            message = Outgoing(key="feed", ts_event_ns=health.ts_ns, payload=encode(health))
            try:
                await self._bus.publish.remote(Stream.HEALTH, [message])
            except RayError:
                continue  # the bus is being restarted; the next report is a second away


@final
class _ReplaySource:
    """Batches after a position: from the backlog where it reaches, else from a feed of its own."""

    def __init__(self, open_feed: Callable[[int], Awaitable[ChainFeed]], backlog: Backlog) -> None:
        self._open, self._backlog = open_feed, backlog
        self._feed: ChainFeed | None = None
        self._position = -1

    async def next_after(self, position: int) -> ChainBatch | None:
        kept = self._backlog.next_after(position)
        if kept is not None:
            return kept
        if self._feed is None or self._position != position:
            self._feed = await self._open(position)
        batch = await asyncio.to_thread(self._feed.next_batch)
        self._position = position if batch is None else batch.sequence
        return batch
