"""What is known of points on blocks: each pair is run once, whoever asks for it, and shared by all who do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from market.errors import DataError
from market.trades import Int64Array
from tuning.work import BlockOutcome, Item, ItemOutcome, Point

__all__ = ["Known"]


class Known:
    """Outcomes by point and block, and what was handed out.

    Notes
    -----
    An outcome is a function of its point and its block, so nothing here depends on who asked first.
    """

    def __init__(self) -> None:
        self._outcomes: dict[Point, dict[int, BlockOutcome]] = {}
        self._refusals: dict[Point, str] = {}
        self._out: dict[int, Item] = {}
        self._days: dict[int, Int64Array] = {}
        self._in_flight: dict[Point, set[int]] = {}
        self._n_items = 0
        self._n_blocks = 0

    @property
    def n_items_out(self) -> int:
        """Items that were handed out and are not back."""
        return len(self._out)

    @property
    def n_points(self) -> int:
        """Distinct points of which something is known."""
        return len(self._outcomes) + len(self._refusals)

    @property
    def n_blocks(self) -> int:
        """Outcomes of blocks that are known."""
        return self._n_blocks

    def refusal(self, point: Point) -> str:
        """Return why no account can be run there; empty where one can, as far as is known."""
        return self._refusals.get(point, "")

    def outcomes(self, point: Point, blocks: Iterable[int]) -> tuple[BlockOutcome, ...]:
        """Return what is known of these blocks, in their order."""
        found = self._outcomes.get(point, {})
        return tuple(found[block] for block in blocks if block in found)

    def hand_out(self, point: Point, blocks: Sequence[int]) -> Item | None:
        """Return an item of those blocks that are neither known nor handed out; None where there are none."""
        found, flying = self._outcomes.get(point, {}), self._in_flight.get(point, set())
        lacking = tuple(block for block in blocks if block not in found and block not in flying)
        if not lacking:
            return None
        item = Item(number=self._n_items, point=point, blocks=lacking)
        self._n_items += 1
        self._out[item.number] = item
        self._in_flight.setdefault(point, set()).update(lacking)
        return item

    def take(self, outcome: ItemOutcome) -> Point | None:
        """Keep an outcome and return its point; None where the item came back before, as after a lost answer.

        Raises
        ------
        DataError
            The item was never handed out, or its blocks are others.
        """
        item = self._out.get(outcome.number)
        if item is None:
            _check_number(outcome.number, self._n_items)
            return None
        if outcome.refused:
            self._refusals[item.point] = outcome.refused
        else:
            _check_blocks(item, outcome)
            kept = self._outcomes.setdefault(item.point, {})
            kept.update((block.block, self._own(block)) for block in outcome.blocks)
            self._n_blocks += len(outcome.blocks)
        del self._out[outcome.number]
        self._land(item)
        return item.point

    def failed(self, number: int, reason: str) -> ItemOutcome:
        """Return the outcome of an item that no worker could run: each block stopped for this reason."""
        item = self._out.get(number)
        if item is None:
            _check_number(number, self._n_items)
            return ItemOutcome(number=number, blocks=())
        none_ns, none = np.empty(0, dtype=np.int64), np.empty(0)
        blocks = tuple(BlockOutcome(block=at, end_ns=none_ns, returns=none, stopped=reason) for at in item.blocks)
        return ItemOutcome(number=number, blocks=blocks)

    def _own(self, outcome: BlockOutcome) -> BlockOutcome:
        # All points share the days of a block, and a view would hold the whole answer that it came in.
        days = self._days.get(outcome.block)
        if days is None or not np.array_equal(days, outcome.end_ns):
            days = outcome.end_ns.copy()
            if days.size:
                self._days.setdefault(outcome.block, days)
        return replace(outcome, end_ns=days, returns=outcome.returns.copy())

    def _land(self, item: Item) -> None:
        flying = self._in_flight[item.point]
        flying.difference_update(item.blocks)
        if not flying:
            del self._in_flight[item.point]


def _check_number(number: int, n_items: int) -> None:
    if not 0 <= number < n_items:
        raise DataError(
            "an outcome belongs to no item of this sweep",
            found=f"item {number}",
            expected=f"one of the {n_items} that were handed out",
        )


def _check_blocks(item: Item, outcome: ItemOutcome) -> None:
    found = tuple(block.block for block in outcome.blocks)
    if found != item.blocks:
        raise DataError(
            f"the outcome of item {item.number} has other blocks than the item",
            found=str(found),
            expected=str(item.blocks),
        )
