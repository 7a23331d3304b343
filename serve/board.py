"""The latest field of every symbol, encoded once and answered many times; no Ray, no web framework."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import final

import msgspec

from actors.messages import FeedHealth, Publication, ShardHealth
from fields.live.summary import describe_live
from fields.snapshot import FieldSnapshot
from fields.summary import describe, summarize
from market.clock import Clock
from serve.live_summary import summarize_live

__all__ = ["Detail", "Entry", "SnapshotBoard"]

_ENCODER = msgspec.json.Encoder()
_NS_PER_S = 1_000_000_000


class Detail(StrEnum):
    """How much of a field an answer holds."""

    SUMMARY = "summary"  # every reading of the chain, and the state of what history adds; about 5 kB
    FULL = "full"  # and the arrays: ladder, profile by strike, curves, slices, heat map; and all that history adds


def _described(publication: Publication, detail: Detail) -> dict[str, object]:
    if detail is Detail.FULL:
        return describe(publication.snapshot) | {"live": describe_live(publication.live)}
    return summarize(publication.snapshot) | {"live": summarize_live(publication.live)}


@final
@dataclass(slots=True)
class Entry:
    """What the board knows of one symbol.

    Parameters
    ----------
    symbol : str
        Underlying.
    publication : Publication or None
        Newest field as published; None until the first one.
    failure : str
        Why the newest chain gave no field; empty when it did.
    sequence : int
        Change number on the whole board; rises with each new field and each change of state.
    told_stale : bool
        The state that listeners were last told.
    """

    symbol: str
    publication: Publication | None = None
    failure: str = ""
    sequence: int = 0
    told_stale: bool = True
    _encoded: dict[Detail, bytes] = field(default_factory=dict)

    @property
    def snapshot(self) -> FieldSnapshot | None:
        """Newest field; None until the first one."""
        return None if self.publication is None else self.publication.snapshot

    def rest(self, detail: Detail) -> bytes:
        """Return the encoded field without its opening brace, made on first use and kept until the next field."""
        found = self._encoded.get(detail)
        if found is None:
            if self.publication is None:
                raise LookupError(f"{self.symbol} has no field yet")
            found = _ENCODER.encode(_described(self.publication, detail))[1:]
            self._encoded[detail] = found
        return found

    def replace(self, publication: Publication) -> None:
        """Take a newer field and forget what was encoded."""
        self.publication, self.failure = publication, ""
        self._encoded.clear()


@final
class SnapshotBoard:
    """The newest field of each symbol, with its age and state.

    Parameters
    ----------
    expected : iterable of str
        Symbols that must have a field before the gateway is ready; what the feed says it delivers is added.
    clock : Clock
        The machine's clock; ages are measured on it.
    stale_after_s : float
        A field whose chain arrived longer ago is marked stale, seconds.

    Notes
    -----
    ``age_s`` counts from the instant at which the feed had the chain, on the machine's clock. The as-of instant of a
    recorded or simulated feed lies on that feed's own clock and says nothing about whether data still flows.
    """

    def __init__(self, expected: Iterable[str], clock: Clock, stale_after_s: float) -> None:
        self._entries = {symbol: Entry(symbol) for symbol in expected}
        self._expected = set(self._entries)
        self._clock = clock
        self._stale_after_ns = int(stale_after_s * _NS_PER_S)
        self._sequence = 0
        self._listeners: list[Callable[[Entry], None]] = []
        self._shards_down: frozenset[str] = frozenset()
        self._shards_behind: frozenset[str] = frozenset()
        self._closed: frozenset[str] = frozenset()
        self.feed: FeedHealth | None = None
        """The feed's newest report; None until the first one."""
        self.connected = True
        """Whether the bus answers."""
        self.epoch = uuid.uuid4().hex[:8]
        """Names this board's life: sequence numbers of another one mean nothing here."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols that are expected or were seen, in alphabetical order."""
        return tuple(sorted(self._entries))

    @property
    def sequence(self) -> int:
        """Number of the newest change."""
        return self._sequence

    @property
    def missing(self) -> tuple[str, ...]:
        """Expected symbols that have neither a field nor a reason why not, in alphabetical order."""
        awaited = (self._entries[symbol] for symbol in self._expected)
        return tuple(sorted(e.symbol for e in awaited if e.publication is None and not e.failure))

    @property
    def failed(self) -> dict[str, str]:
        """Symbols whose chains give no field, and why."""
        return {e.symbol: e.failure for e in self._entries.values() if e.publication is None and e.failure}

    @property
    def ready(self) -> bool:
        """Whether symbols are expected and each of them has a field, or a reason why it cannot have one."""
        return bool(self._expected) and not self.missing

    def get(self, symbol: str) -> Entry | None:
        """Return what is known of a symbol, or None where it is unknown."""
        return self._entries.get(symbol)

    def similar(self, symbol: str) -> tuple[str, ...]:
        """Return known symbols that resemble one, best first; at most five."""
        folded = {known.casefold(): known for known in self._entries}
        return tuple(folded[match] for match in get_close_matches(symbol.casefold(), folded, n=5, cutoff=0.5))

    def subscribe(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call a function with each entry that changes, and return the function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def apply(self, publication: Publication) -> None:
        """Take a symbol's newer field; an older one than the board has is ignored."""
        symbol = publication.snapshot.symbol
        entry = self._entries.setdefault(symbol, Entry(symbol))
        if entry.publication is not None and publication.published_ns < entry.publication.published_ns:
            return
        entry.replace(publication)
        self._changed(entry)

    def apply_feed(self, health: FeedHealth) -> None:
        """Take the feed's report: what it delivers, whether it ended, and which shards are down or behind."""
        self.feed = health
        for symbol in health.symbols:
            self._entries.setdefault(symbol, Entry(symbol))
        self._expected.update(health.symbols)
        self._shards_down = frozenset(health.shards_down)
        self._shards_behind = frozenset(health.shards_catching_up)
        self._closed = frozenset(stream.symbol for stream in health.streams if stream.market_closed)
        self.sweep()

    def apply_shard(self, health: ShardHealth) -> None:
        """Take a shard's report: which symbols gave no field, and why."""
        for symbol, reason in health.reasons.items():
            self._entries.setdefault(symbol, Entry(symbol)).failure = reason

    def sweep(self) -> None:
        """Tell listeners of fields whose state changed without a new field: by time, or by a report."""
        for entry in self._entries.values():
            if entry.publication is not None and entry.told_stale != self.is_stale(entry):
                self._changed(entry)

    def age_s(self, entry: Entry) -> float:
        """Return the time since the feed had the chain, seconds; NaN where there is no field."""
        if entry.publication is None:
            return float("nan")
        return max(0.0, (self._clock.now_ns() - entry.publication.received_ns) / _NS_PER_S)

    def is_catching_up(self, entry: Entry) -> bool:
        """Return whether a symbol's shard is down or replays what it missed."""
        found = entry.publication
        return found is not None and (
            found.catching_up or found.shard in self._shards_down or found.shard in self._shards_behind
        )

    def is_stale(self, entry: Entry) -> bool:
        """Return whether a field is older than the limit, is being caught up, or does not exist."""
        found = entry.publication
        if found is None or self.is_catching_up(entry):
            return True
        return self._clock.now_ns() - found.received_ns > self._stale_after_ns

    def stale_reason(self, entry: Entry) -> str | None:
        """Return why a field is stale, in a clause; None where it is not."""
        if not self.is_stale(entry):
            return None
        found = entry.publication
        if found is None:
            return entry.failure or "no field yet"
        return self._shard_reason(found.shard, behind=found.catching_up) or self._flow_reason(entry)

    def _shard_reason(self, shard: str, *, behind: bool) -> str:
        if shard in self._shards_down:
            return f"{shard} is down and is being restarted"
        return f"{shard} is catching up with the feed" if behind or shard in self._shards_behind else ""

    def _flow_reason(self, entry: Entry) -> str:
        if not self.connected:
            return "the gateway has lost the bus and is reconnecting"
        if entry.failure:
            return f"the newest chain gave no field: {entry.failure}"
        if self.feed is not None and self.feed.error:
            return f"the feed stopped: {self.feed.error}"
        if self.feed is not None and self.feed.ended:
            return "the feed has ended"
        if entry.symbol in self._closed:
            return "the market is closed"  # the field is as new as it can be, and still too old to act on
        return f"no chain for more than {self._stale_after_ns / _NS_PER_S:g} s"

    def body(self, entry: Entry, detail: Detail = Detail.SUMMARY) -> bytes:
        """Return the JSON of a symbol's field: its age and state now, then the field as encoded once.

        Parameters
        ----------
        entry : Entry
            From `get`; it must hold a field.
        detail : Detail, optional
            How much of the field.

        Returns
        -------
        bytes
            One JSON object; NaN is null, with a reason in ``reasons``.
        """
        rest = entry.rest(detail)
        if not self.is_stale(entry):
            return b'{"age_s":%.3f,"stale":false,"stale_reason":null,"catching_up":false,%b' % (self.age_s(entry), rest)
        catching_up = b"true" if self.is_catching_up(entry) else b"false"
        parts = (self.age_s(entry), _ENCODER.encode(self.stale_reason(entry)), catching_up, rest)
        return b'{"age_s":%.3f,"stale":true,"stale_reason":%b,"catching_up":%b,%b' % parts

    def overview(self) -> list[dict[str, object]]:
        """Return one short JSON-able mapping per symbol, in alphabetical order."""
        return [self._row(self._entries[symbol]) for symbol in self.symbols]

    def _row(self, entry: Entry) -> dict[str, object]:
        row: dict[str, object] = {"symbol": entry.symbol, "ready": entry.publication is not None}
        if entry.publication is not None:
            found = entry.publication.snapshot
            row |= {
                "spot": found.spot,
                "gamma_usd_per_pct": found.totals.gamma_usd_per_pct,
                "zero_gamma_nearest": found.zero_gamma[0].level if found.zero_gamma else None,
                "amplification": found.regime.amplification,
                "feedback": found.regime.feedback.value,
                "confidence": entry.publication.live.confidence,
                "simulated": found.provenance.simulated,
                "age_s": round(self.age_s(entry), 3),
            }
        stale = {"stale": self.is_stale(entry), "stale_reason": self.stale_reason(entry)}
        return row | stale | {"catching_up": self.is_catching_up(entry)}

    def _changed(self, entry: Entry) -> None:
        self._sequence += 1
        entry.sequence = self._sequence
        entry.told_stale = self.is_stale(entry)
        for listener in tuple(self._listeners):
            listener(entry)
