"""The clock of an emulated venue: it moves only when it is told to."""

from __future__ import annotations

import threading
from typing import final

__all__ = ["VirtualClock"]


@final
class VirtualClock:
    """An instant that a test or a feed moves; a `market.clock.Clock` that may be read from any thread.

    Parameters
    ----------
    start_ns : int
        First instant, ns since the epoch, UTC.
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns, self._lock = start_ns, threading.Lock()

    def now_ns(self) -> int:
        """Return the current instant, ns since the epoch, UTC."""
        return self._now_ns

    def move_to(self, instant_ns: int) -> None:
        """Move forward to an instant; one that is past leaves the clock where it is."""
        with self._lock:
            self._now_ns = max(self._now_ns, instant_ns)

    def advance(self, span_ns: int) -> None:
        """Move forward by a span, ns, >= 0."""
        with self._lock:
            self._now_ns += max(span_ns, 0)
