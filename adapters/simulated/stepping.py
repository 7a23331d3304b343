"""Batch after batch of a simulated market, and back to any of them by checkpoints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar, final

__all__ = ["Stepper"]

_CHECKPOINT_EVERY: Final = 64
_CHECKPOINTS: Final = 4


class _Market(Protocol):
    @property
    def sequence(self) -> int: ...

    def step(self) -> None: ...

    def checkpoint(self) -> Any: ...

    def restore(self, state: Any) -> None: ...


_M = TypeVar("_M", bound=_Market)


@final
class Stepper(Generic[_M]):
    """A market that is stepped from batch to batch; its first batch is the state in which it opens.

    Parameters
    ----------
    opened : callable
        Opens the market anew, always the same.
    """

    def __init__(self, opened: Callable[[], _M]) -> None:
        self._opened = opened
        self.market = opened()
        """The market behind the newest batch."""
        self.started = False
        """Whether there was a batch."""
        self._checkpoints: OrderedDict[int, Any] = OrderedDict()

    def advance(self) -> None:
        """Move to the next batch."""
        if self.started:
            self.market.step()
        self.started = True
        sequence = self.market.sequence
        if sequence % _CHECKPOINT_EVERY == 0 and sequence not in self._checkpoints:
            self._checkpoints[sequence] = self.market.checkpoint()
            while len(self._checkpoints) > _CHECKPOINTS:
                self._checkpoints.pop(min(self._checkpoints))

    def rewind(self, sequence: int) -> None:
        """Stand where the batch with this number was the newest; -1 for none.

        Parameters
        ----------
        sequence : int
            From the nearest checkpoint before it, else simulated again from the start.
        """
        near = [number for number in self._checkpoints if number <= sequence]
        ahead = self.started and self.market.sequence <= sequence
        if near and not (ahead and self.market.sequence >= max(near)):
            self.market.restore(self._checkpoints[max(near)])
            self.started = True
        elif not ahead:
            self.market = self._opened()
            self.started = False
        while sequence >= 0 and (not self.started or self.market.sequence < sequence):
            self.advance()
