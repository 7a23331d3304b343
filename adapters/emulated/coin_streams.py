"""What the streams of emulated crypto exchanges share: order books with numbers, and frames that can go wrong."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, final

from starlette.websockets import WebSocket

from adapters.emulated.coin_records import price_text
from adapters.emulated.faults import FaultKind, Where
from adapters.emulated.server import Desk
from adapters.emulated.streams import StreamSession
from market.books import BookSnapshot
from market.ports import MarketBatch
from market.trades import UNDERLYING, QuoteBatch, TradeBatch

__all__ = ["BookChange", "BookTape", "Frames", "accepted", "levels_text", "rows_of"]

_TOO_MANY: Final = 1008
_REFUSED: Final = 1002
_MOST_KEPT: Final = 10_000

Side = Mapping[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChange:
    """How one book became the next.

    Parameters
    ----------
    first, last : int
        Numbers of its updates; `before` is the last number of the change before.
    before : int
        See `first`.
    ts_ns : int
        Instant of the new book, ns since the epoch, UTC.
    bids, asks : mapping of float to float
        Sizes by price of what changed; 0 where a level is gone.
    """

    first: int
    last: int
    before: int
    ts_ns: int
    bids: Side
    asks: Side


@final
class BookTape:
    """Numbers the books of a feed and keeps the newest of each market; may be read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._books: dict[str, tuple[int, int, Side, Side]] = {}
        self._changes: OrderedDict[tuple[int, str], BookChange] = OrderedDict()

    def on_batch(self, batch: MarketBatch) -> None:
        """Take the books of a batch."""
        for book in batch.books:
            with self._lock:
                self._take(batch.sequence, book)

    def change(self, batch: MarketBatch, market: str, *, after: int = -1) -> BookChange | None:
        """Return how a batch changed the book of a market.

        Parameters
        ----------
        batch : MarketBatch
            Which one.
        market : str
            Whose book.
        after : int, optional
            Number up to which a client knows the book, as from a snapshot.

        Returns
        -------
        BookChange or None
            None where it did not change, or the client knows it.
        """
        with self._lock:
            found = self._changes.get((batch.sequence, market))
        return None if found is None or found.last <= after else found

    def book(self, market: str) -> BookChange | None:
        """Return the newest book of a market as a change from nothing; None where there was none yet."""
        with self._lock:
            found = self._books.get(market)
        if found is None:
            return None
        number, ts_ns, bids, asks = found
        return BookChange(first=number, last=number, before=number - 1, ts_ns=ts_ns, bids=bids, asks=asks)

    def _take(self, sequence: int, book: BookSnapshot) -> None:
        number, _, old_bids, old_asks = self._books.get(book.market, (0, 0, {}, {}))
        bids = dict(zip(book.bid_price.tolist(), book.bid_size.tolist(), strict=True))
        asks = dict(zip(book.ask_price.tolist(), book.ask_size.tolist(), strict=True))
        changed = [_difference(old, new) for old, new in ((old_bids, bids), (old_asks, asks))]
        last = number + max(len(changed[0]) + len(changed[1]), 1)
        self._books[book.market] = (last, book.ts_event_ns, bids, asks)
        self._changes[sequence, book.market] = BookChange(
            first=number + 1, last=last, before=number, ts_ns=book.ts_event_ns, bids=changed[0], asks=changed[1]
        )
        if len(self._changes) > _MOST_KEPT:
            self._changes.popitem(last=False)


@final
class Frames:
    """Sends one message per frame on a stream, with what the fault script says.

    Parameters
    ----------
    desk : Desk
        With the fault script.
    websocket : WebSocket
        The connection, for resets.
    session : StreamSession
        The stream.
    """

    def __init__(self, desk: Desk, websocket: WebSocket, session: StreamSession) -> None:
        self._desk, self._websocket, self._session = desk, websocket, session
        self._last: dict[str, str] = {}

    async def tell(self, channel: str, frames: Sequence[str]) -> None:
        """Send the messages of one channel that belong to one instant; none sends nothing.

        Parameters
        ----------
        channel : str
            As the exchange calls it; the fault script sees it behind the path, such as ``/ws/1/btcusdt@aggTrade``.
        frames : sequence of str
            Messages.
        """
        if not frames:
            return
        fault = self._desk.faults.due(Where.MESSAGE, f"{self._websocket.url.path}/{channel}")
        kind = None if fault is None else fault.kind
        told = list(frames)
        if kind is FaultKind.DUPLICATE:
            told = [frame for frame in frames for _ in range(2)]
        elif kind is FaultKind.OUT_OF_ORDER:
            told.reverse()
        elif kind is FaultKind.SLOW and fault is not None:
            await asyncio.sleep(fault.delay_s)
        elif kind is FaultKind.STALE:
            told = [self._last.get(channel, frames[0])]
        elif kind is FaultKind.MUTE:
            told = []
        elif kind is FaultKind.DISCONNECT:
            told = told[: len(told) // 2]
        for frame in told:
            await self._session.send(frame)
        self._last[channel] = frames[-1]
        if kind is FaultKind.DISCONNECT:
            self._desk.abort(self._websocket.scope)
            self._session.put(None)


@asynccontextmanager
async def accepted(desk: Desk, websocket: WebSocket) -> AsyncIterator[StreamSession | None]:
    """Open a stream.

    Parameters
    ----------
    desk : Desk
        With the fault script.
    websocket : WebSocket
        The connection.

    Yields
    ------
    StreamSession or None
        None where the fault script refuses it; it is closed then.
    """
    async with desk.stream(websocket) as session:
        refused = None if session is None else websocket.state.refused
        if refused is not None:
            await websocket.close(_TOO_MANY if refused is FaultKind.RATE_LIMITED else _REFUSED)
        yield session if refused is None else None


def levels_text(side: Side) -> list[list[str]]:
    """Return the levels of a side as exchanges print them: pairs of price and size."""
    return [[price_text(price), price_text(size)] for price, size in side.items()]


def rows_of(batches: Sequence[TradeBatch] | Sequence[QuoteBatch], market: str) -> list[tuple[Any, int]]:
    """Return the rows of one market itself in the batches of an instant, each with the batch that it stands in."""
    return [
        (batch, row)
        for batch in batches
        if batch.symbol == market
        for row, contract in enumerate(batch.contract.tolist())
        if contract == UNDERLYING
    ]


def _difference(old: Side, new: Side) -> dict[float, float]:
    gone = {price: 0.0 for price in old if price not in new}
    return gone | {price: size for price, size in new.items() if old.get(price) != size}
