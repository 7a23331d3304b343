"""What a lane needs to begin, and where it finds its desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tuning.work import Item, ItemOutcome

__all__ = ["DESK", "DESK_NAMESPACE", "LANE", "LaneKit", "Runs"]

LANE: Final = "lane"
"""Key of the lane's number in the configuration of a Tune trial."""

DESK: Final = "desk"
"""Key of the name of the desk's actor."""

DESK_NAMESPACE: Final = "namespace"
"""Key of the namespace that the desk is found in."""


class Runs(Protocol):
    """Runs items, as `tuning.evaluation.evaluator.Evaluator` does."""

    def run_many(self, items: Sequence[Item]) -> Sequence[ItemOutcome]:
        """Return what points gave on the blocks of their items, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneKit:
    """What a lane needs to begin; it lies once in the object store of each node, and its arrays are read in place.

    Parameters
    ----------
    make : callable
        Makes what runs items, from `parts`.
    parts : tuple
        Its arguments, the history among them.
    memory_mb : float
        Private memory of the worker beyond what it starts with, MB.
    item_s : float
        Longest time of an item, seconds.
    """

    make: Callable[..., Runs]
    parts: tuple[Any, ...]
    memory_mb: float
    item_s: float = 3_600.0
