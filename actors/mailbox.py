"""What waits for one shard: at most one chain per symbol, and a fixed number of batches on the way."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from typing import Final, final

from actors.messages import ShardBatch
from market.chains import OptionChain
from market.ports import MarketBatch

__all__ = ["Backlog", "ShardMailbox", "weigh"]

_RECEIPTS: Final = 100_000  # a day of one batch a second, 14 MB


def weigh(batch: MarketBatch) -> int:
    """Return the bytes of a batch's arrays, near enough to bound a backlog."""
    per_contract = 130  # twelve float64, two int64, one int32, one bool and the symbol of about 21 bytes
    return sum(chain.n_contracts for chain in batch.chains) * per_contract


@final
class ShardMailbox:
    """Bounded hand-over from the feed to one shard.

    While fewer than `max_in_flight` batches are on the way, what is offered goes out at once. After that, chains wait;
    a newer chain of a symbol replaces the one that waits, and the replacement is counted.

    Parameters
    ----------
    max_in_flight : int
        Batches that may be on the way; 2 keeps the shard busy while an answer travels back.
    """

    def __init__(self, max_in_flight: int = 2) -> None:
        self._max_in_flight = max_in_flight
        self._waiting: dict[str, tuple[OptionChain, int]] = {}
        self._sequence = -1
        self._ts_event_ns = 0
        self._received_ns = 0
        self._announce = False
        self.in_flight = 0
        """Batches on the way."""
        self.coalesced = 0
        """Chains that a newer one replaced before the shard took them."""

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, batch: MarketBatch, received_ns: int, *, announce: bool = False) -> None:
        """Add a batch.

        Parameters
        ----------
        batch : MarketBatch
            Chains of this shard's symbols.
        received_ns : int
            Instant at which the feed actor had it, machine clock, ns since the epoch, UTC.
        announce : bool, optional
            Send it even if it holds no chain, to tell the shard that it has caught up.
        """
        for chain in batch.chains:
            self.coalesced += self._waiting.pop(chain.symbol, None) is not None
            self._waiting[chain.symbol] = chain, received_ns
        self._announce |= announce
        self._sequence, self._ts_event_ns, self._received_ns = batch.sequence, batch.ts_event_ns, received_ns

    def take(self) -> ShardBatch | None:
        """Return what waits, as one batch, or None where nothing waits or enough is on the way."""
        if not (self._waiting or self._announce) or self.in_flight >= self._max_in_flight:
            return None
        waiting, self._waiting, self._announce = tuple(self._waiting.values()), {}, False
        chains = tuple(chain for chain, _ in waiting)
        # A chain that waited through later batches must not look as fresh as they are.
        received_ns = min((since for _, since in waiting), default=self._received_ns)
        self.in_flight += 1
        batch = MarketBatch(sequence=self._sequence, ts_event_ns=self._ts_event_ns, chains=chains)
        return ShardBatch(batch=batch, live_sequence=self._sequence, received_ns=received_ns, queued=0)

    def returned(self) -> None:
        """Note that one batch has been answered, or has failed."""
        self.in_flight -= 1

    def clear(self) -> int:
        """Forget what waits and return how many chains that was."""
        lost, self._waiting, self._announce = len(self._waiting), {}, False
        return lost


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
