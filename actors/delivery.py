"""Who gets which part of a batch, what waits, and what was lost: the feed actor's book-keeping, without Ray."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final, final

from actors.mailbox import Backlog, ShardMailbox, is_empty, rows_of
from actors.messages import FeedHealth, ShardBatch, StreamHealth
from actors.placement import owner
from market.ports import MarketBatch

__all__ = ["Delivery", "FeedConfig"]

_CONTEXT_KEPT: Final = 100_000  # batches that carried context: a year of minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """Settings of the feed actor.

    Parameters
    ----------
    max_in_flight : int
        Batches on the way to one shard.
    max_rows : int
        Quotes and trades that may wait for one shard.
    backlog_bytes : int
        Newest batches that are kept for shards that must catch up, bytes.
    replays : bool
        Whether a second feed can tell again what the backlog no longer holds. A live venue cannot, and often refuses a
        second connection: its shards are told that they have a hole.
    """

    max_in_flight: int = 2
    max_rows: int = 500_000
    backlog_bytes: int = 64_000_000
    replays: bool = True


@final
class Delivery:
    """Mailboxes, backlog and counts of one feed.

    Parameters
    ----------
    shards : tuple of str
        Names of all shards.
    config : FeedConfig
        Settings.
    """

    def __init__(self, shards: tuple[str, ...], config: FeedConfig) -> None:
        self._names = shards
        self.replays = config.replays
        """Whether a second feed can tell again what the backlog no longer holds."""
        self._context_from: deque[tuple[int, int]] = deque(maxlen=_CONTEXT_KEPT)
        self._owners: dict[str, str] = {}
        self._mail = {name: ShardMailbox(config.max_in_flight, config.max_rows) for name in shards}
        self._batches, self._chains, self._rows, self._context, self._undelivered = 0, 0, 0, 0, 0
        self.backlog = Backlog(config.backlog_bytes)
        """Newest batches."""
        self.newest = MarketBatch(sequence=-1, ts_event_ns=0, chains=())
        """The newest batch, without its content."""
        self.down: set[str] = set()
        """Shards that get nothing, because they do not answer."""
        self.catching_up: set[str] = set()
        """Shards that are being replayed to; live batches are held back from them."""

    def hand_over(self, batch: MarketBatch, received_ns: int) -> list[str]:
        """Put a batch into the mailboxes and return the shards that have mail."""
        self.newest = replace(batch, chains=(), quotes=(), trades=(), books=(), context=())
        self.backlog.append(batch, received_ns)
        self._batches += 1
        self._chains += len(batch.chains)
        self._rows += rows_of(batch)
        if batch.context:
            self._context += len(batch.context)
            self._context_from.append((batch.sequence, len(batch.context)))
        reached = []
        for name in self._names:
            part = self.part(batch, name)
            if self.is_live(name):
                self._mail[name].offer(part, received_ns)
                reached.append(name)
            else:
                self._undelivered += len(part.chains)
        return reached

    def is_live(self, shard: str) -> bool:
        """Return whether a shard gets live batches now."""
        return shard not in self.down and shard not in self.catching_up

    def part(self, batch: MarketBatch, shard: str) -> MarketBatch:
        """Return what of a batch belongs to a shard, without contract symbols, which no field needs.

        Chains, quotes, trades and books go to the owner of their symbol; context goes to every shard.
        """
        owned = (chain for chain in batch.chains if self._owner(chain.symbol) == shard)
        return replace(
            batch,
            chains=tuple(chain.without_symbols() for chain in owned),
            quotes=tuple(quotes for quotes in batch.quotes if self._owner(quotes.symbol) == shard),
            trades=tuple(trades for trades in batch.trades if self._owner(trades.symbol) == shard),
            books=tuple(book for book in batch.books if self._owner(book.symbol) == shard),
        )

    def _owner(self, symbol: str) -> str:
        known = self._owners.get(symbol)
        if known is None:
            known = self._owners[symbol] = owner(symbol, self._names)
        return known

    def take(self, shard: str) -> ShardBatch | None:
        """Return the next message for a shard, or None where nothing waits or enough is on the way."""
        message = self._mail[shard].take()
        return None if message is None else replace(message, queued=len(self._mail[shard]))

    def returned(self, shard: str) -> None:
        """Note that a message has been answered, or has failed."""
        self._mail[shard].returned()

    def lost(self, shard: str, message: ShardBatch) -> None:
        """Note that a shard died with a message; its replay brings the chains again."""
        self._undelivered += sum(len(part.chains) for part in message.parts)
        if shard not in self.catching_up:  # a message sent before the death may fail after the replay began
            self._undelivered += self._mail[shard].clear()
            self.down.add(shard)

    def begin_catch_up(self, shard: str) -> bool:
        """Hold live batches back from a shard; return False where that is so already."""
        if shard in self.catching_up:
            return False
        self._undelivered += self._mail[shard].clear()
        self.down.discard(shard)
        self.catching_up.add(shard)
        return True

    def replayed(self, batch: MarketBatch, shard: str, received_ns: int) -> ShardBatch | None:
        """Return an old batch as a message for a shard that catches up; None where it holds nothing for it.

        Parameters
        ----------
        batch : MarketBatch
            The batch.
        shard : str
            The shard's name.
        received_ns : int
            Instant to count its age from where it never came live, ns since the epoch, UTC.

        Returns
        -------
        ShardBatch or None
            With the feed's newest sequence as `live_sequence`.
        """
        part = self.part(batch, shard)
        if is_empty(part):
            return None
        return ShardBatch(
            parts=(part,),
            sequence=batch.sequence,
            live_sequence=max(self.newest.sequence, batch.sequence),
            received_ns=self.backlog.received_ns(batch.sequence, received_ns),
            queued=len(part.chains),
        )

    def hole(self, after: int, received_ns: int) -> ShardBatch | None:
        """Return what to tell a shard that cannot have the batches after a sequence again.

        Parameters
        ----------
        after : int
            The newest batch that it has.
        received_ns : int
            Now, ns since the epoch, UTC.

        Returns
        -------
        ShardBatch or None
            That reaches up to where the backlog begins; None where a second feed could tell it all again.
        """
        if self.replays:
            return None
        first = self.backlog.first_after(after)
        until = self.newest.sequence if first is None else first - 1
        return ShardBatch(
            parts=(),
            sequence=until,
            live_sequence=max(self.newest.sequence, until),
            received_ns=received_ns,
            queued=0,
            skipped=until - after,
            context_lost=sum(count for sequence, count in self._context_from if after < sequence <= until),
        )

    def end_catch_up(self, shard: str, received_ns: int) -> None:
        """Let live batches through again, and tell the shard where the feed stands."""
        self.catching_up.discard(shard)
        if shard not in self.down and self.newest.sequence >= 0:
            self._mail[shard].offer(self.newest, received_ns, announce=True)

    def health(
        self,
        *,
        ts_ns: int,
        symbols: tuple[str, ...],
        ended: bool,
        late_s: float,
        error: str,
        streams: tuple[StreamHealth, ...] = (),
    ) -> FeedHealth:
        """Return the state of the feed, with what the caller knows besides."""
        return FeedHealth(
            ts_ns=ts_ns,
            sequence=self.newest.sequence,
            symbols=symbols,
            ended=ended,
            batches=self._batches,
            chains=self._chains,
            coalesced=sum(m.coalesced for m in self._mail.values()),
            undelivered=self._undelivered,
            rows=self._rows,
            rows_lost=sum(m.rows_lost for m in self._mail.values()),
            queued=sum(len(m) for m in self._mail.values()),
            late_s=late_s,
            shards_down=tuple(sorted(self.down)),
            shards_catching_up=tuple(sorted(self.catching_up)),
            error=error,
            streams=streams,
            context=self._context,
            context_lost=sum(m.context_lost for m in self._mail.values()),
        )
