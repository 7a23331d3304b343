"""Batches when they are due, and batches again for a shard that must catch up; asyncio, no Ray."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, final

from actors.mailbox import Backlog
from market.errors import VenueError
from market.ports import FeedFactory, MarketBatch, MarketFeed

__all__ = ["ReplaySource", "open_feed", "paced"]

_LONGEST_RETRY_S: Final = 30.0


async def open_feed(factory: FeedFactory, after: int) -> MarketFeed:
    """Open a feed that continues after a sequence; -1 for its start."""
    feed = await asyncio.to_thread(factory)
    if after >= 0:
        await asyncio.to_thread(feed.rewind, after)
    return feed


async def paced(feed: MarketFeed, tell: Callable[[str], None]) -> AsyncIterator[tuple[MarketBatch, float]]:
    """Yield the batches of a feed when they are due.

    Parameters
    ----------
    feed : MarketFeed
        The feed.
    tell : callable
        Gets the reason of a failure that is being waited out, and an empty text when it is over.

    Yields
    ------
    tuple of MarketBatch and float
        The batch, and how late it is, seconds.
    """
    due = time.monotonic()
    while True:
        delay_s = feed.delay_s()
        batch = await _pull(feed, tell)  # while the previous one is still fresh: the next is then on time
        if batch is None:
            return
        due += delay_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        late_s = max(0.0, time.monotonic() - due)
        due = max(due, time.monotonic() - delay_s)  # after a stall continue at the old pace, without a burst
        yield batch, late_s


async def _pull(feed: MarketFeed, tell: Callable[[str], None]) -> MarketBatch | None:
    pause_s = 1.0
    while True:
        try:
            batch = await asyncio.to_thread(feed.next_batch)
        except VenueError as error:
            if not error.retryable:
                raise
            tell(str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, _LONGEST_RETRY_S)
        else:
            if pause_s > 1.0:
                tell("")
            return batch


@final
class ReplaySource:
    """Batches after a position: from the backlog where it reaches, else from a feed of its own.

    Parameters
    ----------
    open_after : callable
        Opens a feed that continues after a sequence.
    backlog : Backlog
        The newest batches.
    """

    def __init__(self, open_after: Callable[[int], Awaitable[MarketFeed]], backlog: Backlog) -> None:
        self._open, self._backlog = open_after, backlog
        self._feed: MarketFeed | None = None
        self._position = -1

    async def next_after(self, position: int) -> MarketBatch | None:
        """Return the batch that follows a sequence, or None at the feed's end."""
        kept = self._backlog.next_after(position)
        if kept is not None:
            return kept
        if self._feed is None or self._position != position:
            self._feed = await self._open(position)
        batch = await asyncio.to_thread(self._feed.next_batch)
        self._position = position if batch is None else batch.sequence
        return batch
