"""Any feed with context: what became known between two of its batches comes with the later one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import final

from adapters.inputs.files import read_inputs
from adapters.inputs.fomc import announced_meetings
from adapters.inputs.stored import StoredInputs
from adapters.inputs.timeline import Timeline, ToldRows
from market.ports import FeedFactory, MarketBatch, MarketFeed, close_feed, counts_of

__all__ = ["ContextFactory", "ContextFeed"]


@final
class ContextFeed:
    """A feed whose batches carry context; a `market.ports.MarketFeed`.

    A row comes with the first batch at or after the instant from which it was known, on the clock of the feed. The
    first batch brings all that was known before it, and so does the first after a rewind: rows that come twice change
    nothing downstream. A feed that begins again at an earlier instant, as a replay in a loop, is told nothing twice.

    Parameters
    ----------
    feed : MarketFeed
        The other feed.
    timeline : Timeline
        What there is to tell.
    """

    def __init__(self, feed: MarketFeed, timeline: Timeline) -> None:
        self.feed = feed
        self._timeline = timeline
        self._reached_ns: int | None = None
        self._told = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self.feed.symbols

    @property
    def counts(self) -> dict[str, int]:
        """Messages of context told so far, as ``context.messages``, beside the counts of the feed itself."""
        return {**counts_of(self.feed), "context.messages": self._told}

    def next_batch(self) -> MarketBatch | None:
        """Return the feed's next batch with what became known by its instant, or None where the feed has ended."""
        batch = self.feed.next_batch()
        if batch is None:
            return None
        found = self._timeline.between(self._reached_ns, batch.ts_event_ns)
        self._reached_ns = max(batch.ts_event_ns, self._reached_ns or 0)
        self._told += len(found)
        return replace(batch, context=(*batch.context, *found)) if found else batch

    def delay_s(self) -> float:
        """Return how long after the previous batch the next one is due, as the feed says."""
        return self.feed.delay_s()

    def rewind(self, sequence: int) -> None:
        """Continue after a batch; the next one brings all context that was known by its instant.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none.
        """
        self.feed.rewind(sequence)
        self._reached_ns = None

    def close(self) -> None:
        """Close the feed."""
        close_feed(self.feed)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFactory:
    """A picklable recipe for a feed with context around another recipe; a `market.ports.FeedFactory`.

    Parameters
    ----------
    factory : FeedFactory
        The other recipe.
    paths : tuple of Path
        Files of inputs, see `adapters.inputs.files.read_inputs`; they are read once, when the feed is opened.
    stored : StoredInputs, optional
        What is read from a point-in-time store.
    announced_ahead : datetime.timedelta
        For events of files without ``known_time``: how long before the event it was known.
    fomc : bool
        Whether the meetings that press releases announced are told, see `adapters.inputs.fomc`.
    """

    factory: FeedFactory
    paths: tuple[Path, ...] = ()
    stored: StoredInputs | None = None
    announced_ahead: timedelta = timedelta(0)
    fomc: bool = True

    def __call__(self) -> ContextFeed:
        """Read what there is to tell, open the other feed, and return it with context."""
        told = [ToldRows.of(announced_meetings())] if self.fomc else []
        for path in self.paths:
            told += read_inputs(path, announced_ahead=self.announced_ahead)
        if self.stored is not None:
            told += self.stored.read()
        return ContextFeed(self.factory(), Timeline(told))
