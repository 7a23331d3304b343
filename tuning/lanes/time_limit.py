"""The time that a point may take: a strategy that never answers must not hold a worker for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["TookTooLong", "time_limit"]


class TookTooLong(BaseException):  # an interruption, as KeyboardInterrupt is
    """The time is over; no `Exception`, so that nothing that catches errors of a strategy goes on with it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside once a time is over.

    Parameters
    ----------
    seconds : float
        Wall time, > 0.

    Yields
    ------
    None
        Once; `TookTooLong` is raised inside between two steps of the interpreter. A call that never comes back from
        compiled code cannot be interrupted.

    Notes
    -----
    The alarm of a process belongs to its main thread: in another one there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _interrupted)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLong
