"""Standard output for the answer alone, where a program reads it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["answer_alone"]

_OUT, _ERR = 1, 2


@contextmanager
def answer_alone(*, is_asked: bool = True) -> Iterator[None]:
    """Send to standard error what anybody writes to standard output meanwhile, libraries in C among them.

    Parameters
    ----------
    is_asked : bool, optional
        False changes nothing, so that the caller needs no second path.

    Yields
    ------
    None
        The streams are as before afterwards, also after an error.

    Notes
    -----
    A solver or a codec may print past Python, and one line of it is enough to make JSON unreadable. What C has
    buffered is written before the streams change back, or it would come behind the answer.
    """
    if not is_asked:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(_OUT)
    os.dup2(_ERR, _OUT)
    try:
        yield
    finally:
        sys.stdout.flush()
        if os.name == "posix":
            ctypes.CDLL(None).fflush(None)
        os.dup2(kept, _OUT)
        os.close(kept)
