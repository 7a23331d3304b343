"""The stream side of an emulated venue: sessions that get every batch, and frames that can go wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from starlette.websockets import WebSocket, WebSocketState

from adapters.emulated.faults import Fault, FaultKind, FaultScript, Where
from market.ports import MarketBatch

__all__ = ["ClientMessage", "StreamHub", "StreamSession"]

_Record = TypeVar("_Record")
_MOST_WAITING = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMessage:
    """What a client sent on a stream: the message's bytes, or UTF-8 of its text."""

    data: bytes


@final
class StreamSession:
    """One client's stream; it lives in the server's event loop.

    Parameters
    ----------
    socket : WebSocket
        The accepted connection.
    faults : FaultScript
        What goes wrong with its frames.
    abort : callable
        Resets the connection.
    tell : callable
        Gets every message of the client, for the record.
    """

    def __init__(
        self, socket: WebSocket, faults: FaultScript, abort: Callable[[], None], tell: Callable[[bytes], None]
    ) -> None:
        self.socket = socket
        self._faults, self._abort, self._tell = faults, abort, tell
        self._events: asyncio.Queue[ClientMessage | MarketBatch | None] = asyncio.Queue(maxsize=_MOST_WAITING)
        self._last: bytes | str | None = None

    def put(self, event: ClientMessage | MarketBatch | None) -> None:
        """Append an event, None for the end; a session whose client is too slow is reset, as venues do."""
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self._abort()

    async def drained(self) -> None:
        """Wait until every event so far has been worked off."""
        await self._events.join()

    async def events(self) -> AsyncIterator[ClientMessage | MarketBatch]:
        """Yield the client's messages and the market's batches in the order of arrival until the stream ends."""
        reader = asyncio.create_task(self._read())
        try:
            while (event := await self._events.get()) is not None:
                try:
                    yield event
                finally:
                    self._events.task_done()
            self._events.task_done()
        finally:
            reader.cancel()
            self._finish()

    async def send(self, frame: bytes | str) -> None:
        """Send a frame as it is; a closed stream takes it silently, as a socket's buffer does."""
        if self.socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await (self.socket.send_bytes(frame) if isinstance(frame, bytes) else self.socket.send_text(frame))
        except (RuntimeError, OSError):
            self.put(None)

    async def publish(
        self, records: Sequence[_Record], encode: Callable[[Sequence[_Record]], bytes | str], path: str = ""
    ) -> None:
        """Send market data in one frame, with what the fault script says.

        Parameters
        ----------
        records : sequence
            The records; none sends nothing.
        encode : callable
            Makes a frame of records.
        path : str, optional
            Path for the fault script, if not that of the socket.
        """
        if not records:
            return
        fault = self._faults.due(Where.MESSAGE, path or self.socket.url.path)
        frame = encode(records)
        if fault is not None:
            await self._spoilt(fault, records, encode, frame)
        else:
            await self.send(frame)
        self._last = frame

    async def _spoilt(
        self,
        fault: Fault,
        records: Sequence[_Record],
        encode: Callable[[Sequence[_Record]], bytes | str],
        frame: bytes | str,
    ) -> None:
        match fault.kind:
            case FaultKind.DUPLICATE:
                await self.send(encode([record for record in records for _ in range(2)]))
            case FaultKind.OUT_OF_ORDER:
                await self.send(encode(list(reversed(records))))
            case FaultKind.SLOW:
                await asyncio.sleep(fault.delay_s)
                await self.send(frame)
            case FaultKind.STALE:
                await self.send(self._last if self._last is not None else frame)
            case FaultKind.DISCONNECT:
                if len(records) > 1:
                    await self.send(encode(records[: len(records) // 2]))
                self._abort()
                self.put(None)
            case _:  # FaultKind.MUTE
                return

    async def _read(self) -> None:
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                self.put(None)
                return
            data = message.get("bytes") or (message.get("text") or "").encode()
            self._tell(data)
            self.put(ClientMessage(data=data))

    def _finish(self) -> None:
        # Who waits for a session to be drained must not wait for one that has ended.
        while not self._events.empty():
            self._events.get_nowait()
            self._events.task_done()


@final
class StreamHub:
    """All open sessions; `publish` and `wait_drained` may be called from any thread."""

    def __init__(self) -> None:
        self._sessions: set[StreamSession] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = threading.Condition()

    @property
    def n_sessions(self) -> int:
        """Number of open streams."""
        return len(self._sessions)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say in which event loop the sessions live."""
        self._loop = loop

    def enter(self, session: StreamSession) -> None:
        """Take a session in; called in the event loop."""
        with self._changed:
            self._sessions.add(session)
            self._changed.notify_all()

    def leave(self, session: StreamSession) -> None:
        """Take a session out; called in the event loop."""
        with self._changed:
            self._sessions.discard(session)
            self._changed.notify_all()

    def publish(self, batch: MarketBatch) -> None:
        """Give a batch to every session."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._give, batch)

    def sessions(self) -> tuple[StreamSession, ...]:
        """Return the open sessions."""
        return tuple(self._sessions)

    def wait_sessions(self, count: int, timeout_s: float = 10.0) -> bool:
        """Wait until so many streams are open; return whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._sessions) == count, timeout_s)

    def wait_drained(self, timeout_s: float = 10.0) -> None:
        """Wait until every session has sent what it was given."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._drained(), self._loop).result(timeout_s)

    def _give(self, batch: MarketBatch) -> None:
        for session in tuple(self._sessions):
            session.put(batch)

    async def _drained(self) -> None:
        for session in tuple(self._sessions):
            await session.drained()
