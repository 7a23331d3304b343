"""The ledger writer: reads the bus and appends what happened to the event log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

import ray
from ray.exceptions import RayError

from actors.addresses import ActorAddress, connect
from actors.bus import BusActor
from actors.codec import decode
from actors.messages import BusBatch, BusMessage, FeedHealth, Publication, ShardHealth
from market.ports import EventLog, LogRecord, Stream

if TYPE_CHECKING:
    from ray.actor import ActorProxy

__all__ = ["LedgerActor", "LedgerConfig", "LedgerCounts", "LedgerState"]

_NS_PER_S: Final = 1_000_000_000
_POLL_S: Final = 5.0
_PAUSE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerConfig:
    """Settings of the ledger writer.

    Parameters
    ----------
    snapshot_period_s : float
        Shortest time between two recorded snapshots of one symbol, seconds; 0 records every one.
    health_period_s : float
        The same for health records of one component, seconds; a change of state is recorded at once.
    """

    snapshot_period_s: float = 1.0
    health_period_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """What the ledger writer did since it started.

    Parameters
    ----------
    appended : int
        Records made durable.
    skipped : int
        Messages within the period of the one before.
    missed : int
        Messages that the bus had replaced before they were read.
    errors : int
        Appends that failed and were tried again.
    last_id : int
        Id of the newest record; 0 for none.
    error : str
        Latest reason of a failed append; empty when all is well.
    """

    appended: int
    skipped: int
    missed: int
    errors: int
    last_id: int
    error: str


@dataclass(slots=True)
class LedgerState:
    """Which messages become records; no process, no store.

    Parameters
    ----------
    config : LedgerConfig
        Settings.
    """

    config: LedgerConfig
    skipped: int = 0
    _last_ns: dict[tuple[Stream, str], int] = field(default_factory=dict)
    _states: dict[str, object] = field(default_factory=dict)

    def records(self, batch: BusBatch) -> list[LogRecord]:
        """Return the records of a poll's answer.

        Parameters
        ----------
        batch : BusBatch
            Messages of ``field_snapshots`` or ``health``.

        Returns
        -------
        list of LogRecord
            In the order of the messages; those within the period of the one before are left out and counted.
        """
        make = self._snapshot if batch.topic is Stream.FIELD_SNAPSHOTS else self._health
        made = [make(message) for message in batch.messages]
        kept = [record for record in made if record is not None]
        self.skipped += len(made) - len(kept)
        return kept

    def _is_due(self, topic: Stream, key: str, now_ns: int, period_s: float) -> bool:
        last = self._last_ns.get((topic, key))
        due = last is None or now_ns - last >= period_s * _NS_PER_S
        if due:
            self._last_ns[topic, key] = now_ns
        return due

    def _snapshot(self, message: BusMessage) -> LogRecord | None:
        from fields.summary import summarize

        published = decode(Publication, message.payload)
        if not self._is_due(Stream.FIELD_SNAPSHOTS, message.key, published.published_ns, self.config.snapshot_period_s):
            return None
        snapshot = published.snapshot
        payload: dict[str, object] = dict(summarize(snapshot))
        payload |= {
            "batch_sequence": published.batch_sequence,
            "published_ns": published.published_ns,
            "catching_up": published.catching_up,
            "shard": published.shard,
        }
        return LogRecord(
            stream=Stream.FIELD_SNAPSHOTS,
            key=message.key,
            ts_event_ns=snapshot.ts_event_ns,
            cause_id=snapshot.cause_id,
            simulated=snapshot.provenance.simulated,
            payload=payload,
        )

    def _health(self, message: BusMessage) -> LogRecord | None:
        payload, state = _describe_health(message)
        changed = self._states.get(message.key) != state
        self._states[message.key] = state
        due = self._is_due(Stream.HEALTH, message.key, message.ts_event_ns, self.config.health_period_s)
        if not (due or changed):
            return None
        return LogRecord(
            stream=Stream.HEALTH,
            key=message.key,
            ts_event_ns=message.ts_event_ns,
            cause_id=f"health:{message.key}:{message.sequence}",
            simulated=False,
            payload=payload,
        )


def _describe_health(message: BusMessage) -> tuple[Mapping[str, object], object]:
    """Return the content of a health message, and the part of it whose change is an event."""
    import msgspec

    if message.key == "feed":
        feed = decode(FeedHealth, message.payload)
        state: object = (feed.ended, feed.error, feed.shards_down, feed.shards_catching_up)
        return _plain(msgspec.to_builtins(feed)), state
    shard = decode(ShardHealth, message.payload)
    return _plain(msgspec.to_builtins(shard)), (shard.epoch_ns, shard.catching_up, shard.note, dict(shard.reasons))


def _plain(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"a health message is a mapping; found {type(value).__name__}")
    return value


@final
class LedgerActor:
    """Async actor around `LedgerState` and an `EventLog`; one per system, the only writer of its store.

    Parameters
    ----------
    open_log : callable
        Picklable recipe of the event log.
    bus : ActorAddress
        The `BusActor`, where events come from.
    config : LedgerConfig
        Settings.
    """

    def __init__(self, open_log: Callable[[], EventLog], bus: ActorAddress, config: LedgerConfig) -> None:
        self._log, self._state = open_log(), LedgerState(config)
        self._bus: ActorProxy[BusActor] = connect(bus)
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._positions = {Stream.FIELD_SNAPSHOTS: 0, Stream.HEALTH: 0}
        self._appended, self._missed, self._errors, self._last_id, self._error = 0, 0, 0, 0, ""

    @ray.method
    async def start(self) -> bool:
        """Begin to read the bus; return False where that runs already."""
        if self._tasks:
            return False
        self._tasks = [asyncio.create_task(self._follow(topic)) for topic in self._positions]
        return True

    @ray.method
    async def is_started(self) -> bool:
        """Return whether `start` was called on this incarnation."""
        return bool(self._tasks)

    @ray.method
    async def counts(self) -> LedgerCounts:
        """Return what was done so far."""
        return self._counts()

    def _counts(self) -> LedgerCounts:
        return LedgerCounts(
            appended=self._appended,
            skipped=self._state.skipped,
            missed=self._missed,
            errors=self._errors,
            last_id=self._last_id,
            error=self._error,
        )

    @ray.method
    async def stop(self) -> LedgerCounts:
        """Write what the bus still holds, close the log and return the final counts."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for topic in self._positions:
            await self._read_once(topic, 0.0)
        async with self._lock:
            await asyncio.to_thread(self._log.close)
        return self._counts()

    async def _follow(self, topic: Stream) -> None:
        while True:
            try:
                await self._read_once(topic, _POLL_S)
            except RayError as error:
                self._error = f"bus: {type(error).__name__}"  # it is being restarted
                await asyncio.sleep(_PAUSE_S)
            except Exception as error:  # noqa: BLE001  # supervision: the position stays, so the append is tried again
                self._errors, self._error = self._errors + 1, str(error)
                await asyncio.sleep(_PAUSE_S)

    async def _read_once(self, topic: Stream, timeout_s: float) -> None:
        batch = await self._bus.poll.remote(topic, self._positions[topic], 1000, timeout_s)
        records = self._state.records(batch)
        if records:
            async with self._lock:
                self._last_id = await asyncio.to_thread(self._log.append, records)
            self._appended += len(records)
        self._positions[topic], self._missed, self._error = batch.next, self._missed + batch.missed, ""
