"""Which messages of the bus become records of the ledger; no process, no store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final, cast, final, get_type_hints

import msgspec

from actors.codec import decode
from actors.messages import BusBatch, BusMessage, FeedHealth, ShardHealth
from fields.live.market import MarketInputs
from fields.snapshot import FieldSnapshot
from market.ports import LogRecord, Stream

__all__ = ["LedgerConfig", "LedgerCounts", "LedgerState"]

_NS_PER_S: Final = 1_000_000_000
_UNREAD: Final = frozenset({"ladder", "profile", "heatmap"})  # no summary needs these arrays, most of a field's bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerConfig:
    """Settings of the ledger writer.

    Parameters
    ----------
    snapshot_period_s : float
        Shortest time between two recorded snapshots of one symbol, seconds; 0 records every one.
    health_period_s : float
        The same for health records of one component, seconds; a change of state is recorded at once.
    """

    snapshot_period_s: float = 1.0
    health_period_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCounts:
    """What the ledger writer did since it started.

    Parameters
    ----------
    appended : int
        Records made durable.
    skipped : int
        Messages within the period of the one before.
    missed : int
        Messages that the bus had replaced before they were read.
    errors : int
        Appends that failed and were tried again.
    last_id : int
        Id of the newest record; 0 for none.
    error : str
        Latest reason of a failed append; empty when all is well.
    """

    appended: int
    skipped: int
    missed: int
    errors: int
    last_id: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instant:
    """What of a `Publication` tells whether it is recorded; the rest is passed over, not read."""

    published_ns: int


_Summary = msgspec.defstruct(
    "_Summary",
    [(name, kind) for name, kind in get_type_hints(FieldSnapshot).items() if name not in _UNREAD],
    namespace={"__module__": __name__},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    market: MarketInputs
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """What of a `Publication` is recorded."""

    snapshot: _Summary  # type: ignore[valid-type]  # made of the fields of `FieldSnapshot`
    live: _Live
    batch_sequence: int
    published_ns: int
    catching_up: bool
    shard: str


@final
class LedgerState:
    """Turns messages into records.

    Parameters
    ----------
    config : LedgerConfig
        Settings.
    """

    def __init__(self, config: LedgerConfig) -> None:
        self._config = config
        self._last_ns: dict[tuple[Stream, str], int] = {}
        self._states: dict[str, object] = {}
        self.skipped = 0
        """Messages within the period of the one before."""

    def records(self, batch: BusBatch) -> list[LogRecord]:
        """Return the records of a poll's answer.

        Parameters
        ----------
        batch : BusBatch
            Messages of ``field_snapshots`` or ``health``.

        Returns
        -------
        list of LogRecord
            In the order of the messages; those within the period of the one before are left out and counted.
        """
        make = self._snapshot if batch.topic is Stream.FIELD_SNAPSHOTS else self._health
        made = [make(message) for message in batch.messages]
        kept = [record for record in made if record is not None]
        self.skipped += len(made) - len(kept)
        return kept

    def _is_due(self, topic: Stream, key: str, now_ns: int, period_s: float) -> bool:
        last = self._last_ns.get((topic, key))
        due = last is None or now_ns - last >= period_s * _NS_PER_S
        if due:
            self._last_ns[topic, key] = now_ns
        return due

    def _snapshot(self, message: BusMessage) -> LogRecord | None:
        from fields.summary import summarize

        published_ns = decode(_Instant, message.payload).published_ns
        if not self._is_due(Stream.FIELD_SNAPSHOTS, message.key, published_ns, self._config.snapshot_period_s):
            return None
        published = decode(_Recorded, message.payload)
        snapshot, market = cast("FieldSnapshot", published.snapshot), published.live.market
        payload: dict[str, object] = dict(summarize(snapshot))
        payload |= {
            "batch_sequence": published.batch_sequence,
            "published_ns": published.published_ns,
            "catching_up": published.catching_up,
            "shard": published.shard,
            "confidence": published.live.confidence if isfinite(published.live.confidence) else None,
            "inputs": {name: value for name, value in market.numbers().items() if isfinite(value)},
        }
        return LogRecord(
            stream=Stream.FIELD_SNAPSHOTS,
            key=message.key,
            ts_event_ns=snapshot.ts_event_ns,
            cause_id=snapshot.cause_id,
            simulated=snapshot.provenance.simulated or market.simulated,
            payload=payload,
        )

    def _health(self, message: BusMessage) -> LogRecord | None:
        payload, state = _describe_health(message)
        changed = self._states.get(message.key) != state
        self._states[message.key] = state
        due = self._is_due(Stream.HEALTH, message.key, message.ts_event_ns, self._config.health_period_s)
        if not (due or changed):
            return None
        return LogRecord(
            stream=Stream.HEALTH,
            key=message.key,
            ts_event_ns=message.ts_event_ns,
            cause_id=f"health:{message.key}:{message.sequence}",
            simulated=False,
            payload=payload,
        )


def _describe_health(message: BusMessage) -> tuple[Mapping[str, object], object]:
    """Return the content of a health message, and the part of it whose change is an event."""
    if message.key == "feed":
        feed = decode(FeedHealth, message.payload)
        state: object = (feed.ended, feed.error, feed.shards_down, feed.shards_catching_up)
        return _plain(msgspec.to_builtins(feed)), state
    shard = decode(ShardHealth, message.payload)
    return _plain(msgspec.to_builtins(shard)), (shard.epoch_ns, shard.catching_up, shard.note, dict(shard.reasons))


def _plain(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"a health message is a mapping; found {type(value).__name__}")
    return value
