"""The ledger writer: reads the bus and appends what happened to the event log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, final

import ray
from ray.exceptions import RayError

from actors.addresses import ActorAddress, connect
from actors.bus import BusActor
from actors.ledger_state import LedgerConfig, LedgerCounts, LedgerState
from market.ports import EventLog, Stream

if TYPE_CHECKING:
    from ray.actor import ActorProxy

__all__ = ["LedgerActor"]

_POLL_S: Final = 5.0
_PAUSE_S: Final = 1.0
_MOST_MESSAGES: Final = 200  # fields of 61 kB: what bus and ledger hold of one answer, each twice


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
        batch = await self._bus.poll.remote(topic, self._positions[topic], _MOST_MESSAGES, timeout_s)
        records = self._state.records(batch)
        if records:
            async with self._lock:
                self._last_id = await asyncio.to_thread(self._log.append, records)
            self._appended += len(records)
        self._positions[topic], self._missed, self._error = batch.next, self._missed + batch.missed, ""
