"""Batches when they are due, and batches again for a shard that must catch up; asyncio, no Ray."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, final

from actors.mailbox import Backlog
from market.errors import VenueError
from market.ports import FeedFactory, MarketBatch, MarketFeed, close_feed

__all__ = ["Beat", "ReplaySource", "open_feed", "paced"]

_LONGEST_RETRY_S: Final = 30.0
_FORGET: Final = 0.9  # by batch: every tenth of a simulated market is a whole chain, and takes longest


async def open_feed(factory: FeedFactory, after: int) -> MarketFeed:
    """Open a feed that continues after a sequence; -1 for its start."""
    feed = await asyncio.to_thread(factory)
    if after >= 0:
        await asyncio.to_thread(feed.rewind, after)
    return feed


@final
class Beat:
    """When to pull a batch so that it is there when it is due, and fresh: what a live feed has gathered must not wait.

    It is told the time and knows none.

    Parameters
    ----------
    now_s : float
        Reading of a monotonic clock, seconds.
    """

    def __init__(self, now_s: float) -> None:
        self._due_s, self._delay_s, self._lead_s = now_s, 0.0, 0.0

    @property
    def due_s(self) -> float:
        """When the batch of the last `pull_s` is due, seconds."""
        return self._due_s

    def pull_s(self, delay_s: float) -> float:
        """Return when to begin to pull the next batch, seconds.

        Parameters
        ----------
        delay_s : float
            How long after the batch before it is due, seconds.

        Returns
        -------
        float
            As long before it is due as pulling has taken lately, and not before the batch before it was due.
        """
        self._delay_s = delay_s
        self._due_s += delay_s
        return self._due_s - min(self._lead_s, delay_s)

    def pulled(self, took_s: float) -> None:
        """Note how long it took, seconds."""
        self._lead_s = max(min(took_s, self._delay_s), _FORGET * self._lead_s)

    def delivered(self, now_s: float) -> float:
        """Note when the batch went on, and return how late that was, seconds."""
        late_s = max(0.0, now_s - self._due_s)
        self._due_s = max(self._due_s, now_s - self._delay_s)  # after a stall at the old pace, without a burst
        return late_s


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
    beat = Beat(time.monotonic())
    while True:
        await _sleep_until(beat.pull_s(feed.delay_s()))
        begun_s = time.monotonic()
        batch = await _pull(feed, tell)
        if batch is None:
            return
        beat.pulled(time.monotonic() - begun_s)
        await _sleep_until(beat.due_s)
        yield batch, beat.delivered(time.monotonic())


async def _sleep_until(instant_s: float) -> None:
    await asyncio.sleep(max(0.0, instant_s - time.monotonic()))


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
    open_after : callable or None
        Opens a feed that continues after a sequence; None where what is past cannot be told again.
    backlog : Backlog
        The newest batches.
    """

    def __init__(self, open_after: Callable[[int], Awaitable[MarketFeed]] | None, backlog: Backlog) -> None:
        self._open, self._backlog = open_after, backlog
        self._feed: MarketFeed | None = None
        self._position = -1

    async def next_after(self, position: int) -> MarketBatch | None:
        """Return the batch that follows a sequence, or None at the feed's end and where it cannot be told again."""
        kept = self._backlog.next_after(position)
        if kept is not None or self._open is None:
            return kept
        if self._feed is None or self._position != position:
            await self.close()
            self._feed = await self._open(position)
        batch = await asyncio.to_thread(self._feed.next_batch)
        self._position = position if batch is None else batch.sequence
        return batch

    async def close(self) -> None:
        """Close the feed of its own, if there is one."""
        if self._feed is not None:
            await asyncio.to_thread(close_feed, self._feed)
            self._feed = None
