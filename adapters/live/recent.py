"""The newest batches of a live feed: a venue tells nothing twice, so what it told is kept for a consumer that fell."""

from __future__ import annotations

from collections import deque
from typing import Final, final

from market.errors import DataError
from market.ports import MarketBatch

__all__ = ["RecentBatches"]

_MOST_BATCHES: Final = 4_096


@final
class RecentBatches:
    """Numbers the batches of a feed, and tells the newest again after a rewind.

    Parameters
    ----------
    interval_s : float
        Seconds between batches.
    most_rows : int
        Contracts, quotes and trades that are kept in all; the newest batch is kept whatever it holds.
    """

    def __init__(self, interval_s: float, *, most_rows: int = 500_000) -> None:
        self._interval_s, self._most_rows = interval_s, most_rows
        self._kept: deque[tuple[MarketBatch, int]] = deque()  # with their rows
        self._n_rows = 0
        self._again: deque[MarketBatch] = deque()
        self._sequence = 0

    @property
    def sequence(self) -> int:
        """Number of the next new batch."""
        return self._sequence

    @property
    def has_told(self) -> bool:
        """Whether there has been a batch."""
        return bool(self._kept)

    def delay_s(self) -> float:
        """Return the seconds between batches; 0 before the first and while old ones are told again."""
        return self._interval_s if self._kept and not self._again else 0.0

    def again(self) -> MarketBatch | None:
        """Return the next batch that is told again as it was; None where new ones are due."""
        return self._again.popleft() if self._again else None

    def keep(self, batch: MarketBatch) -> MarketBatch:
        """Keep a new batch, which bears the number `sequence`, and return it."""
        self._kept.append((batch, _n_rows(batch)))
        self._n_rows += self._kept[-1][1]
        self._sequence = batch.sequence + 1
        while len(self._kept) > _MOST_BATCHES or (self._n_rows > self._most_rows and len(self._kept) > 1):
            self._n_rows -= self._kept.popleft()[1]
        return batch

    def rewind(self, sequence: int) -> bool:
        """Continue after a batch: tell again what is kept of it, or take up the count of another feed.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none.

        Returns
        -------
        bool
            Whether batches that were told are kept. Where there are none, the feed itself must ask for what the
            consumer missed. Raises DataError where the batches after `sequence` are not kept any more.
        """
        if not self._kept:
            self._sequence = sequence + 1
            return False
        first = self._kept[0][0].sequence
        if not first - 1 <= sequence < self._sequence:
            raise DataError(
                "a live feed keeps its newest batches only",
                found=f"sequence {sequence}",
                expected=f"{first - 1} to {self._sequence - 1}",
                action="read what lies before from the store",
            )
        self._again = deque(batch for batch, _ in self._kept if batch.sequence > sequence)
        return True


def _n_rows(batch: MarketBatch) -> int:
    quotes, trades = (sum(item.n_quotes for item in batch.quotes), sum(item.n_trades for item in batch.trades))
    return quotes + trades + sum(chain.n_contracts for chain in batch.chains)
