"""One order book kept from snapshots and numbered changes; a hole in the numbers makes it unknown."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np

from market.books import BookSnapshot
from market.provenance import Provenance

__all__ = ["BookBuilder", "DepthChange"]

_UNKNOWN = -1
_MOST_EARLY = 100_000  # changes that wait for a snapshot; one comes within seconds, or never


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthChange:
    """Levels of a book that changed at once.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    first, last : int
        Numbers of the first and last update in it; `first` is -1 where the source does not tell it.
    before : int
        Number of the last update before it; -1 where the source does not tell it.
    bids, asks : tuple of (float, float)
        Prices and new sizes; size 0 takes a level away.
    """

    ts_ns: int
    first: int
    last: int
    before: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


@final
class BookBuilder:
    """Keeps the book of one market.

    Parameters
    ----------
    symbol, market : str
        Whose book, as `BookSnapshot` has them.
    provenance : Provenance
        Of its source.
    depth : int
        Levels of a side in what is returned, > 0; all are kept.

    Attributes
    ----------
    gaps : int
        How often a number was missing: from there to the next snapshot the book is not known.
    """

    def __init__(self, symbol: str, market: str, provenance: Provenance, *, depth: int) -> None:
        self._symbol, self._market, self._provenance, self._depth = symbol, market, provenance, depth
        self._bids, self._asks = _Side(sign=-1.0), _Side(sign=1.0)
        self._number, self._is_fresh = _UNKNOWN, False
        self._early: deque[DepthChange] = deque(maxlen=_MOST_EARLY)
        self.gaps = 0

    @property
    def number(self) -> int:
        """Number of the newest update in the book; -1 while it is not known."""
        return self._number

    def snapshot(self, whole: DepthChange) -> None:
        """Take a whole book, and on top of it the changes that came before it but are newer."""
        self._bids.reset(whole.bids)
        self._asks.reset(whole.asks)
        self._number, self._is_fresh = whole.last, True
        early = tuple(self._early)
        self._early.clear()
        for change in early:
            self.change(change)

    def change(self, change: DepthChange) -> bool:
        """Take a change and return whether the book is known after it."""
        if self._number == _UNKNOWN:
            self._early.append(change)
            return False
        if change.last < self._number or (change.last == self._number and self._is_fresh):
            return True  # older than the snapshot
        if not self._follows(change):
            self.gaps += 1
            self._number = _UNKNOWN
            self._early.append(change)
            return False
        self._bids.update(change.bids)
        self._asks.update(change.asks)
        self._number, self._is_fresh = change.last, False
        return True

    def at(self, ts_ns: int) -> BookSnapshot:
        """Return the book as it stands, stamped with an instant."""
        bids, asks = self._bids.top(self._depth), self._asks.top(self._depth)
        return BookSnapshot(
            symbol=self._symbol,
            market=self._market,
            ts_event_ns=ts_ns,
            cause_id=f"{self._provenance.origin}:{self._number}",
            provenance=self._provenance,
            bid_price=bids[0],
            bid_size=bids[1],
            ask_price=asks[0],
            ask_size=asks[1],
        )

    def _follows(self, change: DepthChange) -> bool:
        if change.before != _UNKNOWN:
            # Perpetuals: each change names the one before it; the first after a snapshot spans its number.
            return change.before == self._number or (self._is_fresh and change.first <= self._number <= change.last)
        if change.first == _UNKNOWN:
            return True
        return change.first <= self._number + 1 if self._is_fresh else change.first == self._number + 1


class _Side:
    """Levels of one side, the best one first; prices are kept with a sign so that both sides rise."""

    def __init__(self, *, sign: float) -> None:
        self._sign = sign
        self._keys: list[float] = []
        self._sizes: dict[float, float] = {}

    def reset(self, levels: Iterable[tuple[float, float]]) -> None:
        self._sizes = {self._sign * price: size for price, size in levels if size > 0.0}
        self._keys = sorted(self._sizes)

    def update(self, levels: Iterable[tuple[float, float]]) -> None:
        for price, size in levels:
            key = self._sign * price
            if size > 0.0:
                if key not in self._sizes:
                    insort(self._keys, key)
                self._sizes[key] = size
            elif self._sizes.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def top(self, depth: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
        keys = self._keys[:depth]
        return self._sign * np.array(keys, dtype=np.float64), np.array([self._sizes[key] for key in keys])
