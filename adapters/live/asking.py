"""A question to the venue in a thread of its own, while the streams go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar, final

from market.errors import VenueError

__all__ = ["Asking"]

_Answer = TypeVar("_Answer")


@final
class Asking(Generic[_Answer]):
    """One question at a time; all but the question itself happens in the thread that uses it."""

    def __init__(self) -> None:
        self._answer: Future[_Answer] | None = None
        self.failures = 0
        """Questions that the venue did not answer, though it may if it is asked again."""

    @property
    def is_under_way(self) -> bool:
        """Whether an answer is still to be taken."""
        return self._answer is not None

    def begin(self, ask: Callable[[], _Answer]) -> None:
        """Ask; the answer before has been taken."""
        self._answer = Future()
        threading.Thread(target=_run, args=(ask, self._answer), name="venue-asking", daemon=True).start()

    def take(self) -> _Answer | None:
        """Return the answer; None where there is none yet, nothing was asked, or the venue gave none.

        Returns
        -------
        object or None
            Raises what trying again cannot help.
        """
        if self._answer is None or not self._answer.done():
            return None
        answer, self._answer = self._answer, None
        try:
            return answer.result()
        except VenueError as error:
            if not error.retryable:
                raise
            self.failures += 1
            return None

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is an answer to take, or nothing has been asked; return whether that is so."""
        if self._answer is not None:
            try:
                self._answer.exception(timeout_s)
            except TimeoutError:
                return False
        return True


def _run(ask: Callable[[], _Answer], answer: Future[_Answer]) -> None:
    try:
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001  # a thread's failure must reach the feed, whatever it is
        answer.set_exception(error)
