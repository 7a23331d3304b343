"""A sweep in one process, one item after the other: what workers do side by side must give the same."""

from __future__ import annotations

from collections.abc import Callable

from tuning.search.planner import Planner
from tuning.work import Item, ItemOutcome

__all__ = ["run_inline"]


def run_inline(planner: Planner, evaluate: Callable[[Item], ItemOutcome]) -> None:
    """Run a sweep to its end.

    Parameters
    ----------
    planner : Planner
        Fresh, or with outcomes told already.
    evaluate : callable
        From an item to its outcome.

    Raises
    ------
    DataError
        No trial has a score.
    """
    while not planner.is_done:
        for item in planner.ready(1):
            planner.tell(evaluate(item))
