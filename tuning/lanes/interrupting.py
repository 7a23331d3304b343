"""Ctrl-C and SIGTERM: the first stops a sweep in order, the second at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, final

__all__ = ["Interrupted", "handlers_kept", "interruptible"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_BASE: Final = 128  # a shell tells of a signal so


@final
class Interrupted(KeyboardInterrupt):
    """A signal asked the sweep to stop.

    Parameters
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = _BASE + number
        """As a shell tells of it: 130 for Ctrl-C, 143 for SIGTERM."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` in the main thread at the first signal; the second ends the process where it is.

    Yields
    ------
    None
        Handlers are as before afterwards. What was acknowledged is on disk at every instant, so nothing is lost even
        by the second signal.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    asked: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if asked:
            sys.stderr.write("forced\n")
            os._exit(_BASE + number)
        asked.append(number)
        sys.stderr.write("\nstopping; what is done is kept\n")
        raise Interrupted(number)

    for number in _SIGNALS:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Put the handlers of both signals back afterwards: `ray.init` takes SIGTERM for itself, and exits with 15.

    Yields
    ------
    None
        For the start of Ray, in the main thread.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
