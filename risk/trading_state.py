"""What may be traded at all, and how many orders may go: two values that a restart keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["TokenBucket", "TradingState", "most_restrictive"]

_NS_PER_S: Final = 1e9


class TradingState(StrEnum):
    """What the risk service allows."""

    ACTIVE = "active"
    REDUCING = "reducing"  # only what makes a position smaller
    HALTED = "halted"  # strategies are not asked; reductions by the operator


_ORDER: Final = tuple(TradingState)


def most_restrictive(states: Iterable[TradingState]) -> TradingState:
    """Return the most restrictive of some states; ACTIVE where there is none."""
    return max(states, key=_ORDER.index, default=TradingState.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBucket:
    """How many orders may go now: a value, so that a replay counts the same.

    Parameters
    ----------
    capacity : float
        Orders that may go at once, >= 1.
    per_second : float
        Orders that come back per second, > 0.
    tokens : float
        Orders left at `ts_ns`.
    ts_ns : int
        Instant of the last order, ns since the epoch, UTC.
    """

    capacity: float
    per_second: float
    tokens: float
    ts_ns: int

    @staticmethod
    def full(*, capacity: float, per_second: float, now_ns: int) -> TokenBucket:
        """Return a bucket from which nothing was taken."""
        return TokenBucket(capacity=capacity, per_second=per_second, tokens=capacity, ts_ns=now_ns)

    def left(self, now_ns: int) -> float:
        """Return the orders that may go at an instant; a clock that runs backwards gives nothing back."""
        waited = max(now_ns - self.ts_ns, 0) / _NS_PER_S
        return min(self.capacity, self.tokens + waited * self.per_second)

    def taken(self, now_ns: int) -> TokenBucket:
        """Return the bucket after one order; a reduction may empty it and takes nothing that is not there."""
        left = max(self.left(now_ns) - 1.0, 0.0)
        return TokenBucket(
            capacity=self.capacity, per_second=self.per_second, tokens=left, ts_ns=max(now_ns, self.ts_ns)
        )
