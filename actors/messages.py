"""What the actors say to each other and to the gateway: frozen, typed, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fields.live.readings import LiveReadings
from fields.snapshot import FieldSnapshot
from market.ports import MarketBatch, Stream

__all__ = [
    "BusBatch",
    "BusMessage",
    "FeedHealth",
    "Outgoing",
    "Publication",
    "Receipt",
    "ShardBatch",
    "ShardHealth",
    "StreamHealth",
    "StreamKind",
    "SymbolStatus",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardBatch:
    """What waited for one shard, on its way there.

    Parameters
    ----------
    parts : tuple of MarketBatch
        What the feed delivered for this shard's symbols, in the order of the feed's sequence, and the context, which
        goes to every shard. A chain or a book that a newer one replaced while it waited is not among them; quotes,
        trades and context are.
    sequence : int
        The feed's sequence up to which nothing is missing but what `lost` counts.
    live_sequence : int
        The feed's newest sequence at sending time; a shard behind it is catching up.
    received_ns : int
        Instant at which the feed actor had the oldest part, machine clock, ns since the epoch, UTC.
    queued : int
        Chains of this shard that still wait in the feed.
    lost : mapping of str to int
        Quotes and trades that found no room while they waited, by symbol: the flow of these symbols has a hole.
    context_lost : int
        Context messages that found no room while they waited.
    skipped : int
        Batches that nobody can tell this shard again: every one of its symbols may have lost quotes and trades.
    """

    parts: tuple[MarketBatch, ...]
    sequence: int
    live_sequence: int
    received_ns: int
    queued: int
    lost: Mapping[str, int] = field(default_factory=dict)
    context_lost: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a shard did with a batch.

    Parameters
    ----------
    sequence : int
        Sequence of the batch.
    published : int
        Snapshots that went to the bus.
    failed : int
        Symbols whose field could not be computed; see `ShardHealth.reasons`.
    out_of_order : int
        Chains that were dropped because a newer or equal one had been seen.
    compute_ns : int
        Time spent in the field computation, ns.
    """

    sequence: int
    published: int
    failed: int
    out_of_order: int
    compute_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A field snapshot as it travels over the bus; payload of the topic ``field_snapshots``.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.
    live : LiveReadings
        What the symbol's history adds to it.
    batch_sequence : int
        Sequence of the newest batch that is in it.
    received_ns : int
        Instant at which the feed actor had the chain, machine clock, ns since the epoch, UTC; the data's age counts
        from here, because a replayed chain's own instant lies years back.
    published_ns : int
        Instant of publication, machine clock, ns since the epoch, UTC.
    catching_up : bool
        True where the shard knows that it is behind the feed, so the field is stale.
    shard : str
        Name of the shard.
    """

    snapshot: FieldSnapshot
    live: LiveReadings
    batch_sequence: int
    received_ns: int
    published_ns: int
    catching_up: bool
    shard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolStatus:
    """How fresh one symbol's field is.

    Parameters
    ----------
    symbol : str
        Underlying.
    sequence : int
        Newest batch whose chain is in the field; -1 for none.
    age_s : float
        Seconds since the feed had that chain; NaN before the first.
    stale : bool
        Whether a consumer must be told that the field is old; that of a closed market is as new as it can be.
    market_closed : bool
        Whether its market is closed, by the calendar of its options.
    catching_up : bool
        Whether the shard is behind the feed after a restart.
    reason : str
        Why the field is stale or could not be computed; empty when all is well.
    """

    symbol: str
    sequence: int
    age_s: float
    stale: bool
    market_closed: bool
    catching_up: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardHealth:
    """State of one shard; payload of the topic ``health`` under the shard's name.

    Parameters
    ----------
    shard : str
        Name.
    epoch_ns : int
        Start of this incarnation, ns since the epoch, UTC; it changes when the process is restarted.
    pid : int
        Process.
    ts_ns : int
        Instant of the report, ns since the epoch, UTC.
    sequence : int
        Newest batch processed; -1 for none.
    catching_up : bool
        Whether the shard is behind the feed.
    restored : int
        Symbols restored from the checkpoint at start.
    symbols, stale : int
        Symbols known, and how many of them are stale.
    updates, failed, out_of_order, unpublished : int
        Counts since start: snapshots computed, fields that failed, chains dropped as old, snapshots that the bus did
        not take in time.
    reasons : mapping of str to str
        By symbol, why its last chain gave no field.
    note : str
        Why the checkpoint was not used, or empty.
    """

    shard: str
    epoch_ns: int
    pid: int
    ts_ns: int
    sequence: int
    catching_up: bool
    restored: int
    symbols: int
    stale: int
    updates: int
    failed: int
    out_of_order: int
    unpublished: int
    reasons: Mapping[str, str]
    note: str


class StreamKind(StrEnum):
    """What a stream tells."""

    QUOTES = "quotes"
    TRADES = "trades"
    CHAINS = "chains"
    BOOKS = "books"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth:
    """State of one symbol's stream of one kind.

    Parameters
    ----------
    symbol : str
        Underlying.
    kind : StreamKind
        What it tells.
    rows : int
        Rows since the start; contracts, of chains.
    newest_ns : int
        Newest event instant, ns since the epoch, UTC.
    lag_s : float
        How old the newest row was when the feed had it, by the venue's clock as far as the feed knows it, seconds.
    silent_s : float
        Time since the newest row came, seconds.
    market_closed : bool
        Whether nothing is to be expected, by the calendar of the symbol's options.
    """

    symbol: str
    kind: StreamKind
    rows: int
    newest_ns: int
    lag_s: float
    silent_s: float
    market_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """State of the feed; payload of the topic ``health`` under the key ``feed``.

    Parameters
    ----------
    ts_ns : int
        Instant of the report, ns since the epoch, UTC.
    sequence : int
        Newest batch pulled; -1 for none.
    symbols : tuple of str
        What the feed delivers.
    ended : bool
        Whether the feed has no more batches.
    batches, chains, coalesced, undelivered : int
        Counts since start: batches and chains pulled, chains and books replaced by a newer one before their shard
        took them, and chains lost with a shard that died (it catches up on them).
    rows, rows_lost : int
        Counts since start: quotes and trades pulled, and those that found no room while their shard was slow.
    context, context_lost : int
        Counts since start: context messages pulled, and those that found no room while a shard was slow, once for each
        shard.
    queued : int
        Chains that wait for a shard now.
    late_s : float
        How far the newest batch was pulled after it was due, seconds.
    shards_down, shards_catching_up : tuple of str
        Shards that get nothing now, and shards that are being replayed to.
    error : str
        Why the feed stopped; empty while it runs.
    streams : tuple of StreamHealth
        State of each symbol's streams; of very many those that need a look first.
    counts : mapping of str to int
        What the feed itself has counted up to its newest batch, such as ``reconnects``, ``backfilled_rows`` and
        ``lost_stretches``.
    """

    ts_ns: int
    sequence: int
    symbols: tuple[str, ...]
    ended: bool
    batches: int
    chains: int
    coalesced: int
    undelivered: int
    rows: int
    rows_lost: int
    queued: int
    late_s: float
    shards_down: tuple[str, ...]
    shards_catching_up: tuple[str, ...]
    error: str
    streams: tuple[StreamHealth, ...] = ()
    context: int = 0
    context_lost: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message for the bus.

    Parameters
    ----------
    key : str
        Symbol or component.
    ts_event_ns : int
        Event instant, ns since the epoch, UTC.
    payload : bytes
        An encoded message, as `actors.codec.encode` gives it.
    """

    key: str
    ts_event_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BusMessage:
    """A message as the bus hands it out.

    Parameters
    ----------
    sequence : int
        Rises by one with each message published on the topic.
    key : str
        Symbol or component.
    ts_event_ns : int
        Event instant, ns since the epoch, UTC.
    payload : bytes
        Encoded `Publication` on ``field_snapshots``; encoded `ShardHealth` or `FeedHealth` on ``health``; decode with
        `actors.codec`.
    """

    sequence: int
    key: str
    ts_event_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BusBatch:
    """Answer to a poll.

    Parameters
    ----------
    topic : Stream
        Topic.
    epoch_ns : int
        Start of this incarnation of the bus; sequences of different epochs are not comparable.
    next : int
        What to pass as `after` in the next poll.
    messages : tuple of BusMessage
        In the order of `sequence`.
    missed : int
        Messages between `after` and `next` that are not among `messages`, because a newer one of the same key
        replaced them or the ring had no room.
    """

    topic: Stream
    epoch_ns: int
    next: int
    messages: tuple[BusMessage, ...]
    missed: int
