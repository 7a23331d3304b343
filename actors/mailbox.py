"""What waits for one shard: at most one chain and one book per symbol, and a fixed number of batches on the way."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, final

from actors.messages import ShardBatch
from market.bars import BarBatch
from market.books import BookSnapshot
from market.chains import OptionChain
from market.funding import FundingBatch
from market.ports import ContextMessage, MarketBatch
from market.series import EventBatch, SeriesBatch

__all__ = ["Backlog", "ShardMailbox", "is_empty", "rows_of", "weigh"]

_RECEIPTS: Final = 100_000  # a day of one batch a second, 14 MB
_MAX_ROWS: Final = 500_000  # quotes and trades that may wait for one shard, about 45 MB
_MESSAGE_ROWS: Final = 24  # a message of one row holds as much memory as so many rows: eight arrays and their heads


def rows_of(batch: MarketBatch) -> int:
    """Return the quotes and trades of a batch."""
    return sum(q.n_quotes for q in batch.quotes) + sum(t.n_trades for t in batch.trades)


def is_empty(batch: MarketBatch) -> bool:
    """Return whether a batch tells nothing but its sequence."""
    return not (batch.chains or batch.quotes or batch.trades or batch.books or batch.context)


def _room_of(batch: MarketBatch) -> int:
    """Return the room that a batch's quotes and trades take, in rows."""
    return rows_of(batch) + _MESSAGE_ROWS * (len(batch.quotes) + len(batch.trades))


def _context_room_of(batch: MarketBatch) -> int:
    """Return the room that a batch's context takes, in rows."""
    return sum(_context_rows(message) + _MESSAGE_ROWS for message in batch.context)


def _context_rows(message: ContextMessage) -> int:
    if isinstance(message, BarBatch):
        return message.n_bars
    if isinstance(message, FundingBatch):
        return message.n_rows
    if isinstance(message, SeriesBatch):
        return message.n_points
    return message.n_events if isinstance(message, EventBatch) else message.n_articles


def weigh(batch: MarketBatch) -> int:
    """Return the bytes of a batch's arrays, near enough to bound a backlog."""
    per_contract = 130  # twelve float64, two int64, one int32, one bool and the symbol of about 21 bytes
    per_row = 90  # a quote, a trade or a bar with its share of the contract table
    per_level = 16
    levels = sum(book.bid_price.size + book.ask_price.size for book in batch.books)
    rows = _room_of(batch) + _context_room_of(batch) + _MESSAGE_ROWS * len(batch.books)
    return sum(chain.n_contracts for chain in batch.chains) * per_contract + rows * per_row + levels * per_level


@dataclass(slots=True)
class _Waiting:
    """A part of a batch that waits; its chains and books shrink as newer ones replace them."""

    batch: MarketBatch
    received_ns: int
    chains: dict[str, OptionChain]
    books: dict[str, BookSnapshot]

    def is_empty(self) -> bool:
        return is_empty(self.as_batch())

    def as_batch(self) -> MarketBatch:
        return replace(self.batch, chains=tuple(self.chains.values()), books=tuple(self.books.values()))


@final
class ShardMailbox:
    """Bounded hand-over from the feed to one shard.

    While fewer than `max_in_flight` batches are on the way, what is offered goes out at once. After that it waits. A
    newer chain or book of a symbol replaces the one that waits. Quotes and trades are events and cannot be replaced:
    they wait up to `max_rows`, then the oldest are given up. Context has a room of its own of the same size, so that no
    flood of trades costs a rate or an event. All of it is counted.

    Parameters
    ----------
    max_in_flight : int
        Batches that may be on the way; 2 keeps the shard busy while an answer travels back.
    max_rows : int
        Quotes and trades that may wait; each message takes the room of some rows besides its own.
    """

    def __init__(self, max_in_flight: int = 2, max_rows: int = _MAX_ROWS) -> None:
        self._max_in_flight, self._max_rows = max_in_flight, max_rows
        self._parts: dict[int, _Waiting] = {}
        self._part_of: dict[str, int] = {}  # where the chain of a symbol waits
        self._book_of: dict[str, int] = {}
        self._room = self._context_room = self._context_lost = 0
        self._lost: dict[str, int] = {}
        self._sequence = -1
        self._ts_event_ns = 0
        self._received_ns = 0
        self._announce = False
        self.in_flight = 0
        """Batches on the way."""
        self.coalesced = 0
        """Chains and books that a newer one replaced before the shard took them."""
        self.rows_lost = 0
        """Quotes and trades that found no room."""
        self.context_lost = 0
        """Context messages that found no room."""

    def __len__(self) -> int:
        return len(self._part_of)

    def offer(self, batch: MarketBatch, received_ns: int, *, announce: bool = False) -> None:
        """Add a batch.

        Parameters
        ----------
        batch : MarketBatch
            What belongs to this shard's symbols.
        received_ns : int
            Instant at which the feed actor had it, machine clock, ns since the epoch, UTC.
        announce : bool, optional
            Send it even if it holds nothing, to tell the shard that it has caught up.
        """
        for chain in batch.chains:
            self._replace(chain.symbol, self._part_of, is_book=False)
            self._part_of[chain.symbol] = batch.sequence
        for book in batch.books:
            self._replace(book.symbol, self._book_of, is_book=True)
            self._book_of[book.symbol] = batch.sequence
        chains, books = {item.symbol: item for item in batch.chains}, {item.symbol: item for item in batch.books}
        if not is_empty(batch):
            self._parts[batch.sequence] = _Waiting(replace(batch, chains=(), books=()), received_ns, chains, books)
            self._room += _room_of(batch)
            self._context_room += _context_room_of(batch)
            self._shed()
        self._announce |= announce
        self._sequence, self._ts_event_ns, self._received_ns = batch.sequence, batch.ts_event_ns, received_ns

    def _replace(self, symbol: str, places: dict[str, int], *, is_book: bool) -> None:
        sequence = places.pop(symbol, None)
        if sequence is None:
            return
        self.coalesced += 1
        part = self._parts[sequence]
        if is_book:
            del part.books[symbol]
        else:
            del part.chains[symbol]
        self._drop_if_empty(sequence)

    def _drop_if_empty(self, sequence: int) -> None:
        if self._parts[sequence].is_empty():
            del self._parts[sequence]

    def _shed(self) -> None:
        newest = next(reversed(self._parts))
        for sequence in list(self._parts):
            if sequence == newest or max(self._room, self._context_room) <= self._max_rows:
                return
            if self._room > self._max_rows:
                self._shed_rows(self._parts[sequence])
            if self._context_room > self._max_rows:
                self._shed_context(self._parts[sequence])
            self._drop_if_empty(sequence)

    def _shed_rows(self, part: _Waiting) -> None:
        for quotes in part.batch.quotes:
            self._lost[quotes.symbol] = self._lost.get(quotes.symbol, 0) + quotes.n_quotes
        for trades in part.batch.trades:
            self._lost[trades.symbol] = self._lost.get(trades.symbol, 0) + trades.n_trades
        self._room -= _room_of(part.batch)
        self.rows_lost += rows_of(part.batch)
        part.batch = replace(part.batch, quotes=(), trades=())

    def _shed_context(self, part: _Waiting) -> None:
        self._context_room -= _context_room_of(part.batch)
        self._context_lost += len(part.batch.context)
        self.context_lost += len(part.batch.context)
        part.batch = replace(part.batch, context=())

    def take(self) -> ShardBatch | None:
        """Return what waits, as one message, or None where nothing waits or enough is on the way."""
        if not (self._parts or self._announce) or self.in_flight >= self._max_in_flight:
            return None
        parts = list(self._parts.values())
        # What waited through later batches must not look as fresh as they are.
        received_ns = min((part.received_ns for part in parts), default=self._received_ns)
        message = ShardBatch(
            parts=tuple(part.as_batch() for part in parts),
            sequence=self._sequence,
            live_sequence=self._sequence,
            received_ns=received_ns,
            queued=0,
            lost=self._lost,
            context_lost=self._context_lost,
        )
        self._forget()
        self.in_flight += 1
        return message

    def returned(self) -> None:
        """Note that one batch has been answered, or has failed."""
        self.in_flight -= 1

    def clear(self) -> int:
        """Forget what waits and return how many chains that was."""
        lost = len(self._part_of)
        self._forget()
        return lost

    def _forget(self) -> None:
        self._parts, self._part_of, self._book_of, self._lost, self._announce = {}, {}, {}, {}, False
        self._room = self._context_room = self._context_lost = 0


@final
class Backlog:
    """The newest batches, so that a restarted shard catches up without a second feed where they reach far enough.

    The instants of receipt reach further back than the batches: what is replayed is as old as when it first came.

    Parameters
    ----------
    max_bytes : int
        Room for arrays, bytes; the oldest batches go first.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._batches: deque[MarketBatch] = deque()
        self._bytes = 0
        self._receipts: deque[tuple[int, int]] = deque(maxlen=_RECEIPTS)

    def __len__(self) -> int:
        return len(self._batches)

    def append(self, batch: MarketBatch, received_ns: int) -> None:
        """Add the newest batch and the instant at which the feed had it, ns since the epoch, UTC."""
        self._batches.append(batch)
        self._receipts.append((batch.sequence, received_ns))
        self._bytes += weigh(batch)
        while self._bytes > self._max_bytes and len(self._batches) > 1:
            self._bytes -= weigh(self._batches.popleft())

    def next_after(self, sequence: int) -> MarketBatch | None:
        """Return the batch that follows a sequence, or None where it is not here (any more)."""
        place = bisect_right(self._batches, sequence, key=lambda b: b.sequence)
        found = self._batches[place] if place < len(self._batches) else None
        return found if found is not None and found.sequence == sequence + 1 else None

    def first_after(self, sequence: int) -> int | None:
        """Return the oldest sequence after one that is still here, or None where there is none."""
        place = bisect_right(self._batches, sequence, key=lambda b: b.sequence)
        return self._batches[place].sequence if place < len(self._batches) else None

    def received_ns(self, sequence: int, default_ns: int) -> int:
        """Return when the feed first had a batch, ns since the epoch, UTC.

        Parameters
        ----------
        sequence : int
            The batch.
        default_ns : int
            Returned where this feed never had it, because it was restarted since.

        Returns
        -------
        int
            For a batch that is older than all that are remembered, the oldest instant that is.
        """
        if not self._receipts or sequence > self._receipts[-1][0]:
            return default_ns
        place = bisect_left(self._receipts, sequence, key=lambda r: r[0])
        return self._receipts[place][1]
