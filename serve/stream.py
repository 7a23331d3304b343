"""Server-sent events: one bounded mailbox per listener, which coalesces and counts instead of growing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import final

from starlette.types import Receive, Scope, Send

from serve.board import Entry, SnapshotBoard

__all__ = ["EventStream", "Mailbox", "parse_event_id"]


def parse_event_id(text: str | None, epoch: str) -> int:
    """Return the change number of an event id, or 0 where it is absent or from another life of the board.

    Parameters
    ----------
    text : str or None
        ``epoch-sequence``, as the browser sends it back in ``Last-Event-ID``.
    epoch : str
        This board's own.

    Returns
    -------
    int
        Changes after this number are new to the listener.
    """
    found, _, sequence = (text or "").rpartition("-")
    return int(sequence) if found == epoch and sequence.isascii() and sequence.isdigit() else 0


@final
class Mailbox:
    """Symbols that a listener has yet to be told of; never more than there are symbols.

    Parameters
    ----------
    board : SnapshotBoard
        Where changes come from.
    symbols : collection of str
        Symbols that the listener wants; empty means all.
    after : int, optional
        Changes after this number, already made, are due at once.
    """

    def __init__(self, board: SnapshotBoard, symbols: Collection[str], after: int = 0) -> None:
        self._board = board
        self._wanted = frozenset(symbols)
        self._pending: dict[str, Entry] = {}
        self._filled = asyncio.Event()
        self.coalesced = 0
        """Changes that a newer one of the same symbol replaced before the listener took them."""
        for entry in sorted(self._known(), key=lambda e: e.sequence):
            if entry.sequence > after:
                self._put(entry)
        self._unsubscribe = board.subscribe(self._put)

    def __len__(self) -> int:
        return len(self._pending)

    async def take(self, timeout_s: float) -> Entry | None:
        """Return the next changed entry, or None when none came in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()
        if not self._pending:
            return None
        entry = self._pending.pop(next(iter(self._pending)))
        if not self._pending:
            self._filled.clear()
        return entry

    def acknowledged(self, taken: Entry) -> int:
        """Return the change number up to which the listener has seen everything, once it has this entry.

        An older change of another symbol may still wait; the entry's own number would make a resumed listener miss it.
        """
        waiting = min((entry.sequence for entry in self._pending.values()), default=taken.sequence + 1)
        return min(taken.sequence, waiting - 1)

    def close(self) -> None:
        """Stop listening."""
        self._unsubscribe()

    def _known(self) -> Iterable[Entry]:
        return (entry for entry in map(self._board.get, self._board.symbols) if entry is not None)

    def _put(self, entry: Entry) -> None:
        if entry.publication is None or (self._wanted and entry.symbol not in self._wanted):
            return
        if entry.symbol in self._pending:
            self.coalesced += 1
        self._pending[entry.symbol] = entry
        self._filled.set()


@final
class EventStream:
    """An answer that writes events until the client leaves.

    Parameters
    ----------
    board : SnapshotBoard
        Where fields come from.
    symbols : collection of str
        Symbols that the client wants; empty means all.
    after : int
        Change number that the client has.
    heartbeat_s : float
        Longest silence, seconds; a comment line breaks it.
    on_close : callable, optional
        Called once, with the number of coalesced changes, when the stream ends.

    Notes
    -----
    Behind Ray Serve a send does not fail after the client has left, so a writer alone would run for ever. A reader
    stands beside it, and the first of the two to end ends the other.
    """

    def __init__(
        self,
        board: SnapshotBoard,
        symbols: Collection[str],
        after: int,
        heartbeat_s: float,
        on_close: Callable[[int], None] | None = None,
    ) -> None:
        self._board = board
        self._symbols = symbols
        self._after = after
        self._heartbeat_s = heartbeat_s
        self._on_close = on_close

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client; an ASGI application."""
        mailbox = Mailbox(self._board, self._symbols, self._after)
        reader = asyncio.create_task(_until_disconnected(receive))
        writer = asyncio.create_task(self._write(mailbox, send))
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            mailbox.close()
            for task in (reader, writer):
                task.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            if self._on_close is not None:
                self._on_close(mailbox.coalesced)

    async def _write(self, mailbox: Mailbox, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send_chunk(send, b"retry: 2000\n\n")
        while True:
            entry = await mailbox.take(self._heartbeat_s)
            await _send_chunk(send, self._event(entry, mailbox) if entry is not None else self._heartbeat(mailbox))

    def _event(self, entry: Entry, mailbox: Mailbox) -> bytes:
        event_id = f"{self._board.epoch}-{mailbox.acknowledged(entry)}".encode()
        return b"id: %b\nevent: field\ndata: %b\n\n" % (event_id, self._board.body(entry))

    def _heartbeat(self, mailbox: Mailbox) -> bytes:
        return b": alive, coalesced %d\n\n" % mailbox.coalesced


async def _send_chunk(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
