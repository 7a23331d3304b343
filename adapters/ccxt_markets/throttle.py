"""One pace for all processes that share a key: a locked file holds the instant of the next free request."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import final

__all__ = ["SharedPace"]


@final
class SharedPace:
    """Gives out instants for requests, so that no two processes on this machine exceed the venue's rate together.

    The lock is of the operating system: it ends with the process that holds it, so a killed process blocks nobody.

    Parameters
    ----------
    path : Path
        File that all processes with the same key name; it is made where it is missing, and holds no secret.
    clock_ns : callable
        Instant on a clock that all processes share, ns.
    sleep : callable
        Waits for so many seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._clock_ns, self._sleep = path, clock_ns, sleep

    def wait(self, cost_ns: int) -> int:
        """Wait for the next free instant and take it.

        Parameters
        ----------
        cost_ns : int
            How long the venue asks for after this request, ns.

        Returns
        -------
        int
            The instant taken, ns.
        """
        mine = self._take(cost_ns)
        delay_ns = mine - self._clock_ns()
        if delay_ns > 0:
            self._sleep(delay_ns / 1e9)
        return mine

    def _take(self, cost_ns: int) -> int:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            written = os.read(handle, 32).strip()
            free = int(written) if written.isdigit() else 0
            now = self._clock_ns()
            # A clock that was set back leaves a free instant far ahead; nobody queues for longer than a minute.
            mine = max(now, free) if free < now + _LONGEST_QUEUE_NS else now
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(mine + cost_ns).encode(), 0)
        finally:
            os.close(handle)
        return mine


_LONGEST_QUEUE_NS = 60_000_000_000
