"""Alpaca's stream protocol for stocks, options and coins: hello, authentication, subscriptions, msgpack frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final
from weakref import WeakKeyDictionary

from starlette.websockets import WebSocket

from adapters.emulated.alpaca_frames import FrameWriter
from adapters.emulated.alpaca_records import Tape, bar_records, decoded, encoded, wire_stamp
from adapters.emulated.faults import FaultKind
from adapters.emulated.server import Desk
from adapters.emulated.streams import ClientMessage, StreamSession
from market.ports import MarketBatch

__all__ = ["AlpacaStreams"]

_ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    410: "invalid subscribe action for this feed",
}
_CHANNELS = ("trades", "quotes", "bars")
_MINUTE_NS = 60_000_000_000
_FRAME_RECORDS = 5_000  # the client refuses a message of more than 1 MiB


@final
class AlpacaStreams:
    """Serves one feed's stream; every connection is a conversation of its own.

    Parameters
    ----------
    desk : Desk
        The market and the record.
    known : callable
        Whether a key and its secret are.
    tape : Tape
        What the feed tells.
    symbol_limit : int
        Most symbols that one channel may hold.
    connection_limit : int
        Most authenticated connections at once.
    """

    def __init__(
        self,
        desk: Desk,
        known: Callable[[str, str], bool],
        *,
        tape: Tape,
        symbol_limit: int,
        connection_limit: int,
    ) -> None:
        self._desk, self._known, self._tape = desk, known, tape
        self._symbol_limit, self._connection_limit = symbol_limit, connection_limit
        self._writer = FrameWriter(tape)
        self._told_until: WeakKeyDictionary[StreamSession, int] = WeakKeyDictionary()
        self._n_authenticated = 0

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection until it ends."""
        async with self._desk.stream(websocket) as session:
            if session is None:
                return
            await session.send(encoded([{"T": "success", "msg": "connected"}]))
            wanted: dict[str, set[str]] | None = None
            try:
                async for event in session.events():
                    if isinstance(event, MarketBatch):
                        if wanted is not None:
                            await self._publish(session, event, wanted)
                    elif wanted is None:
                        wanted = await self._authenticate(session, event, websocket.state.refused)
                    else:
                        await self._subscribe(session, event, wanted)
            finally:
                self._n_authenticated -= wanted is not None

    async def _authenticate(
        self, session: StreamSession, event: ClientMessage, refused: FaultKind | None
    ) -> dict[str, set[str]] | None:
        message = decoded(event.data)
        if message is None or message.get("action") != "auth":
            await _tell(session, 400 if message is None else 401)
            return None
        key, secret = str(message.get("key")), str(message.get("secret"))
        if refused is FaultKind.REVOKED_KEY or not self._known(key, secret):
            await _tell(session, 402)
            return None
        if refused is FaultKind.RATE_LIMITED or self._n_authenticated >= self._connection_limit:
            await _tell(session, 406)
            return None
        self._n_authenticated += 1
        await session.send(encoded([{"T": "success", "msg": "authenticated"}]))
        return {channel: set() for channel in _CHANNELS}

    async def _subscribe(self, session: StreamSession, event: ClientMessage, wanted: dict[str, set[str]]) -> None:
        message = decoded(event.data)
        action = None if message is None else message.get("action")
        if message is None or action not in {"subscribe", "unsubscribe"}:
            await _tell(session, 400 if message is None else 403 if action == "auth" else 410)
            return
        asked = {channel: set(message.get(channel, ())) for channel in _CHANNELS}
        after = {
            name: wanted[name] | asked[name] if action == "subscribe" else wanted[name] - asked[name] for name in wanted
        }
        if any(len(names) > self._symbol_limit for names in after.values()):
            await _tell(session, 405)
            return
        wanted.update(after)
        await session.send(encoded([{"T": "subscription", **{name: sorted(after[name]) for name in _CHANNELS}}]))

    async def _publish(self, session: StreamSession, batch: MarketBatch, wanted: dict[str, set[str]]) -> None:
        records = self._writer.write(batch, wanted)
        for first in range(0, len(records), _FRAME_RECORDS):
            await session.publish(range(first, min(first + _FRAME_RECORDS, len(records))), records.frame)
        if wanted["bars"] and self._tape is not Tape.OPTIONS:
            await session.publish(self._bars(batch.ts_event_ns, session, wanted["bars"]), encoded)

    def _bars(self, now_ns: int, session: StreamSession, names: set[str]) -> list[dict[str, Any]]:
        """Return the bars of the minutes that have ended since the batch before."""
        end_ns = now_ns // _MINUTE_NS * _MINUTE_NS
        since_ns = self._told_until.setdefault(session, end_ns)
        self._told_until[session] = end_ns
        if since_ns == end_ns:
            return []
        found = []
        for symbol in self._desk.market.symbols:
            bars = self._desk.market.bars(symbol, _MINUTE_NS) if names & {symbol, "*"} else None
            told = bar_records(bars, wire_stamp) if bars is not None else []
            starts = bars.start_ns.tolist() if bars is not None else []
            ended = zip(starts, told, strict=True)
            found += [{"T": "b", "S": symbol, **bar} for start_ns, bar in ended if since_ns <= start_ns < end_ns]
        return found


async def _tell(session: StreamSession, code: int) -> None:
    await session.send(encoded([{"T": "error", "code": code, "msg": _ERRORS[code]}]))
