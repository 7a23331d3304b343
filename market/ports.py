"""What the core and the actors need from the outside, named for the need and not for the vendor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from market.bars import BarBatch
from market.books import BookSnapshot
from market.chains import OptionChain
from market.funding import FundingBatch
from market.news import NewsBatch
from market.series import EventBatch, SeriesBatch
from market.trades import QuoteBatch, TradeBatch

__all__ = [
    "BlobStore",
    "ContextMessage",
    "EventLog",
    "FeedFactory",
    "LogRecord",
    "MarketBatch",
    "MarketFeed",
    "Stream",
    "close_feed",
    "counts_of",
]


ContextMessage = BarBatch | FundingBatch | SeriesBatch | EventBatch | NewsBatch
"""What is known beside the options of a symbol: any symbol may read it, so it goes to all."""


class Stream(StrEnum):
    """Names of the message streams."""

    MARKET_DATA = "market_data"
    FIELD_SNAPSHOTS = "field_snapshots"
    HEALTH = "health"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBatch:
    """What a feed delivers at one instant.

    Parameters
    ----------
    sequence : int
        Rises by one from batch to batch of a feed; a gap means loss.
    ts_event_ns : int
        Instant of the batch on the feed's own clock (recorded or simulated), ns since the epoch, UTC.
    chains : tuple of OptionChain
        At most one per symbol: every contract as it stands.
    quotes : tuple of QuoteBatch
        At most one per symbol: what changed since the batch before; applied before `trades`.
    trades : tuple of TradeBatch
        At most one per symbol.
    books : tuple of BookSnapshot
        At most one per symbol: the order book of the underlying as it stands.
    context : tuple of ContextMessage
        Bars, funding, series, events and news of which a row became known at this instant; applied before the rest.
        Rows that are known only later must not be in it.
    """

    sequence: int
    ts_event_ns: int
    chains: tuple[OptionChain, ...]
    quotes: tuple[QuoteBatch, ...] = ()
    trades: tuple[TradeBatch, ...] = ()
    books: tuple[BookSnapshot, ...] = ()
    context: tuple[ContextMessage, ...] = ()


class MarketFeed(Protocol):
    """A source of market data over time."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch, or None where the feed has ended.

        The feed does not wait: pacing is the caller's work, from `delay_s`.
        """

    def delay_s(self) -> float:
        """Return how long after the previous batch the next one is due, seconds of the machine's clock, >= 0."""

    def rewind(self, sequence: int) -> None:
        """Continue after the batch with this sequence number, so that a consumer can catch up.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none.
        """


def close_feed(feed: MarketFeed) -> None:
    """Close a feed that holds connections, files or rows to be written; a feed that holds nothing has no ``close``.

    Parameters
    ----------
    feed : MarketFeed
        The feed; a wrapper closes what it wraps.
    """
    close: Callable[[], None] | None = getattr(feed, "close", None)
    if close is not None:
        close()


def counts_of(feed: MarketFeed) -> Mapping[str, int]:
    """Return what a feed has counted so far by name, such as ``reconnects``; one that counts nothing has no ``counts``.

    Parameters
    ----------
    feed : MarketFeed
        The feed; a wrapper adds its own to those of what it wraps.
    """
    counts: Mapping[str, int] = getattr(feed, "counts", {})
    return counts


class FeedFactory(Protocol):
    """A picklable recipe for a feed: it crosses a process, the feed does not."""

    def __call__(self) -> MarketFeed:
        """Open the feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One event of the ledger.

    Parameters
    ----------
    stream : Stream
        Which stream it belongs to.
    key : str
        Symbol or component.
    ts_event_ns : int
        Event instant, ns since the epoch, UTC.
    cause_id : str
        Id of the cause.
    simulated : bool
        Whether any input was simulated.
    payload : mapping
        JSON-able content.
    """

    stream: Stream
    key: str
    ts_event_ns: int
    cause_id: str
    simulated: bool
    payload: Mapping[str, object]


class EventLog(Protocol):
    """An append-only log of events."""

    def append(self, records: Iterable[LogRecord]) -> int:
        """Make records durable and return the id of the last one."""

    def close(self) -> None:
        """Release the store."""


class BlobStore(Protocol):
    """Bytes by key that may be forgotten: what is missing is computed anew."""

    def get(self, key: str) -> bytes | memoryview | None:
        """Return the bytes of a key; None where there are none, or where they are damaged."""

    def put(self, key: str, content: bytes) -> None:
        """Keep the bytes of a key; several processes may put one key at once, if they put the same bytes."""
