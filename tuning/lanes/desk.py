"""The desk of a sweep: hands items out in batches, keeps what comes back, forgives lost workers; without Ray."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import ceil, nan
from typing import Final, Protocol, final

import numpy as np

from market.errors import DataError, TradingError, VenueError
from tuning.lanes.messages import DeskStatus, LaneReport, LaneStatus
from tuning.search.records import Progress
from tuning.work import Batch, BlockOutcome, Item, ItemOutcome

__all__ = ["Desk", "DeskTerms", "Keeping", "Plan"]

# A worker that dies on its node was most likely killed by its item; one that went with its node was not.
_WORKER_WEIGHT: Final = 2
_NODE_WEIGHT: Final = 1
_MOST_WEIGHT: Final = 4
_MOST_STARTS: Final = 5  # in a row without a batch given back: a worker that cannot even begin
_MEMORY_OF_COST: Final = 0.7  # of the older measurements, at each new one
_LATE_TIMES: Final = 3.0


class Plan(Protocol):
    """What shall be run, as `tuning.search.planner.Planner` decides it."""

    def ready(self, most: int) -> tuple[Item, ...]:
        """Return new items that may run now."""

    def tell(self, outcome: ItemOutcome) -> None:
        """Take an outcome, in any order."""

    def fail(self, number: int, reason: str) -> None:
        """Take note that no worker could run an item."""

    @property
    def is_done(self) -> bool:
        """Whether no item will follow."""

    @property
    def progress(self) -> Progress:
        """How far it has come."""


class Keeping(Protocol):
    """Outcomes that last, as `tuning.studies.keeping` holds them."""

    def found(self, items: Sequence[Item]) -> Mapping[int, tuple[BlockOutcome, ...]]:
        """Return blocks whose outcomes are known already, by number of the item."""

    def keep(self, outcomes: Sequence[tuple[Item, ItemOutcome]]) -> None:
        """Make outcomes durable before it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTerms:
    """How work is handed out.

    Parameters
    ----------
    n_lanes : int
        Lanes that are expected.
    batch_s : float
        Work of a batch, seconds; a batch has one item at least.
    copy_after_s : float
        An idle lane runs a copy of a batch that has been out so long, and three times as long as it should take.
    """

    n_lanes: int
    batch_s: float = 1.0
    copy_after_s: float = 10.0

    def __post_init__(self) -> None:
        if self.n_lanes < 1 or not self.batch_s > 0.0 or not self.copy_after_s >= 0.0:
            raise DataError("terms of a desk that cannot be", found=str(self), expected="lanes and times above 0")


@dataclass(slots=True, kw_only=True)
class _Open:
    """An item whose outcome is not known."""

    item: Item
    known: Mapping[int, BlockOutcome]
    weight: int = 0

    @property
    def to_run(self) -> Item:
        missing = tuple(block for block in self.item.blocks if block not in self.known)
        return Item(number=self.item.number, point=self.item.point, blocks=missing)


@dataclass(slots=True, kw_only=True)
class _Lane:
    node: str
    is_alive: bool = True
    batch: Batch | None = None
    since_s: float = 0.0
    starts: int = 1
    starts_in_a_row: int = 1
    private_mb: float = nan


@dataclass(slots=True)
class _Counts:
    run: int = 0
    kept: int = 0
    lost: int = 0
    copied: int = 0
    work_s: float = 0.0
    copied_batches: set[int] = field(default_factory=set)


@final
class Desk:
    """Hands out what a plan wants run, one batch a lane at a time.

    Parameters
    ----------
    plan : Plan
        What shall be run.
    keeping : Keeping
        Where outcomes last. Each is durable before the plan hears of it, so a driver that is killed loses nothing
        that anything was built on.
    terms : DeskTerms
        How work is handed out.
    clock_s : callable
        Seconds that only rise.

    Notes
    -----
    Neither the number of lanes nor their speed or loss changes what the plan is told: an outcome depends on its
    item alone, the first one counts, and the plan puts them in order.
    """

    def __init__(self, plan: Plan, keeping: Keeping, terms: DeskTerms, clock_s: Callable[[], float]) -> None:
        self._plan, self._keeping, self._terms, self._clock_s = plan, keeping, terms, clock_s
        self._open: dict[int, _Open] = {}
        self._queue: deque[int] = deque()
        self._lanes: dict[int, _Lane] = {}
        self._numbers = count()
        self._counts = _Counts()
        self._block_s = self._item_s = nan
        self._error: TradingError | None = None

    @property
    def is_over(self) -> bool:
        """Whether lanes may end: the plan is done, or the sweep cannot go on."""
        return self._error is not None or self._plan.is_done

    def fail(self, error: TradingError) -> None:
        """End the sweep; the first reason stands."""
        self._error = self._error or error

    def join(self, lane: int, node: str) -> int:
        """Take a lane in that begins, or begins again after its process was lost.

        Parameters
        ----------
        lane : int
            Its number.
        node : str
            Where it runs.

        Returns
        -------
        int
            Which of its starts this is, from 1.
        """
        known = self._lanes.get(lane)
        if known is None:
            self._lanes[lane] = _Lane(node=node)
            return 1
        self._put_back(known, _WORKER_WEIGHT if known.node == node else _NODE_WEIGHT)
        known.node, known.is_alive = node, True
        known.starts += 1
        known.starts_in_a_row += 1
        if known.starts_in_a_row > _MOST_STARTS:
            self.fail(
                VenueError(
                    "workers die before they give anything back",
                    retryable=False,
                    found=f"lane {lane} began {known.starts_in_a_row} times",
                    action="raise [resources] memory_mb, or look into the logs of the cluster",
                )
            )
        return known.starts

    def is_current(self, report: LaneReport) -> bool:
        """Return whether a report is of the process that holds the lane now."""
        return self._lanes[report.lane].starts == report.start

    def lose_node(self, node: str) -> None:
        """Put back what the lanes of a node held that is gone."""
        for lane in self._lanes.values():
            if lane.node == node and lane.is_alive:
                lane.is_alive = False
                self._put_back(lane, _NODE_WEIGHT)

    def take(self, report: LaneReport) -> None:
        """Take in what a lane gives back.

        Parameters
        ----------
        report : LaneReport
            A batch that was taken away from the lane meanwhile is welcome too, as far as nobody else has run it.
        """
        lane = self._lanes[report.lane]
        lane.private_mb = report.private_mb
        if report.outcome is None:
            return
        lane.starts_in_a_row, lane.batch = 0, None
        self._learn_cost(report.outcome.items)
        fresh = [(self._open[each.number], each) for each in report.outcome.items if each.number in self._open]
        whole = [(opened.item, _merged(opened, each)) for opened, each in fresh]
        if fresh:
            self._keeping.keep([(opened.to_run, each) for opened, each in fresh])
        for item, outcome in whole:
            self._counts.run += 0 if outcome.refused else len(self._open[item.number].to_run.blocks)
            self._close(outcome)
        for number, reason in report.failed.items():
            self._again(number, _WORKER_WEIGHT, reason)

    def give(self, lane: int) -> Batch | None:
        """Return the next batch of a lane, or None where there is nothing for it now.

        Parameters
        ----------
        lane : int
            Number of a lane that has joined.

        Returns
        -------
        Batch or None
            A copy of another lane's batch where nothing else is ready and that one is late.
        """
        state = self._lanes[lane]
        state.is_alive = True  # one that speaks was not lost, whatever was said of its node
        chosen = self._from_queue() or self._late_ones()
        if not chosen:
            return None
        batch = Batch(number=next(self._numbers), items=tuple(self._open[number].to_run for number in chosen))
        state.batch, state.since_s = batch, self._clock_s()
        return batch

    def fill(self, most_s: float = 0.25) -> bool:
        """Draw new items from the plan, and answer at once those whose outcomes are kept.

        Parameters
        ----------
        most_s : float
            About how long it may take, seconds.

        Returns
        -------
        bool
            Whether it ended for want of time, and shall be called again.
        """
        until = self._clock_s() + most_s
        while not self.is_over and len(self._queue) < self._wanted():
            items = self._plan.ready(self._wanted() - len(self._queue))
            if not items:
                return False
            found = self._keeping.found(items)
            for item in items:
                self._enter(item, found.get(item.number, ()))
            if self._clock_s() >= until:
                return True
        return False

    def status(self) -> DeskStatus:
        """Return how the sweep stands."""
        counts = self._counts
        lanes = (
            LaneStatus(
                lane=number,
                node=lane.node,
                is_alive=lane.is_alive,
                is_busy=lane.batch is not None,
                starts=lane.starts,
                private_mb=lane.private_mb,
            )
            for number, lane in sorted(self._lanes.items())
        )
        return DeskStatus(
            progress=self._plan.progress,
            lanes=tuple(lanes),
            n_run=counts.run,
            n_kept=counts.kept,
            n_lost=counts.lost,
            n_copied=counts.copied,
            work_s=counts.work_s,
            is_done=self._plan.is_done,
            error=self._error,
        )

    def _enter(self, item: Item, found: Sequence[BlockOutcome]) -> None:
        opened = _Open(item=item, known={outcome.block: outcome for outcome in found})
        self._open[item.number] = opened
        self._counts.kept += len(opened.known)
        if opened.to_run.blocks:
            self._queue.append(item.number)
        else:
            self._close(_merged(opened, ItemOutcome(number=item.number, blocks=())))

    def _close(self, outcome: ItemOutcome) -> None:
        del self._open[outcome.number]  # it may stand in the queue still, where its lane had been given up
        self._plan.tell(outcome)

    def _put_back(self, lane: _Lane, weight: int) -> None:
        batch, lane.batch = lane.batch, None
        if batch is None:
            return
        self._counts.lost += 1
        for item in reversed(batch.items):
            self._again(item.number, weight, "")

    def _again(self, number: int, weight: int, reason: str) -> None:
        """Queue an item again at the front, or give it up where it has taken its workers down twice."""
        opened = self._open.get(number)
        if opened is None or number in self._queue:
            return
        opened.weight += weight
        if opened.weight < _MOST_WEIGHT:
            if not any(self._holds(lane, number) for lane in self._lanes.values()):
                self._queue.appendleft(number)
            return
        told = reason or "the worker died twice while it ran this point; see [resources] memory_mb"
        del self._open[number]
        self._plan.fail(number, told)

    @staticmethod
    def _holds(lane: _Lane, number: int) -> bool:
        return lane.batch is not None and any(item.number == number for item in lane.batch.items)

    def _learn_cost(self, outcomes: Sequence[ItemOutcome]) -> None:
        spent = sum(each.seconds for each in outcomes)
        n_blocks = sum(len(each.blocks) for each in outcomes)
        self._counts.work_s += spent
        if n_blocks and spent > 0.0:
            self._block_s = _smoothed(self._block_s, spent / n_blocks)
            self._item_s = _smoothed(self._item_s, spent / len(outcomes))

    def _cost_s(self, number: int) -> float:
        """Return what an item should take; a whole batch while nothing has been measured."""
        if np.isnan(self._block_s):
            return self._terms.batch_s
        return self._block_s * len(self._open[number].to_run.blocks)

    def _wanted(self) -> int:
        """Return how many items the queue should hold: enough for a batch of every lane."""
        if not self._item_s > 0.0:
            return self._terms.n_lanes
        return self._terms.n_lanes * max(1, ceil(self._terms.batch_s / self._item_s))

    def _from_queue(self) -> list[int]:
        """Take a batch from the queue: no more than a fair share, and alone what has taken a worker down."""
        most = ceil(len(self._queue) / max(self._terms.n_lanes, 1))
        chosen: list[int] = []
        cost_s = 0.0
        while self._queue and len(chosen) < most and cost_s < self._terms.batch_s:
            if self._queue[0] not in self._open:
                self._queue.popleft()
                continue
            is_suspect = self._open[self._queue[0]].weight > 0
            if is_suspect and chosen:
                break
            chosen.append(self._queue.popleft())
            cost_s += self._cost_s(chosen[-1])
            if is_suspect:
                break
        return chosen

    def _late_ones(self) -> list[int]:
        """Return the items of the batch that is out longest, where it is late and has no copy."""
        copied = self._counts.copied_batches
        held = [(lane.since_s, lane.batch) for lane in self._lanes.values() if lane.batch]
        held = [(since_s, batch) for since_s, batch in held if batch.number not in copied]
        if not held:
            return []
        since_s, batch = min(held, key=lambda each: each[0])
        numbers = [item.number for item in batch.items if item.number in self._open]
        patience_s = max(self._terms.copy_after_s, _LATE_TIMES * sum(map(self._cost_s, numbers)))
        if not numbers or self._clock_s() - since_s < patience_s:
            return []
        copied.add(batch.number)
        self._counts.copied += 1
        return numbers


def _smoothed(before: float, found: float) -> float:
    return found if np.isnan(before) else _MEMORY_OF_COST * before + (1.0 - _MEMORY_OF_COST) * found


def _merged(opened: _Open, ran: ItemOutcome) -> ItemOutcome:
    """Return the outcome of a whole item from what was known and what was run."""
    if ran.refused:
        return ran
    by_block = {**opened.known, **{outcome.block: outcome for outcome in ran.blocks}}
    blocks = tuple(by_block[block] for block in opened.item.blocks)
    return ItemOutcome(number=opened.item.number, blocks=blocks, seconds=ran.seconds)
