"""Plans, outcomes and workers whose results are known by arithmetic."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tuning.search.records import Phase, Progress
from tuning.work import BlockOutcome, Item, ItemOutcome, Point

N_BLOCKS = 3


def outcome_of(item: Item, seconds: float = 0.01) -> ItemOutcome:
    """Return what a point gives: returns that tell both the point and the block."""
    x = float(item.point.as_dict()["x"])
    blocks = tuple(
        BlockOutcome(
            block=block,
            end_ns=np.arange(2, dtype=np.int64) + 10 * block,
            returns=np.array([x / 1000.0, float(block)]),
            measures={"n_trades": x},
        )
        for block in item.blocks
    )
    return ItemOutcome(number=item.number, blocks=blocks, seconds=seconds)


class WindowPlan:
    """A plan of numbered points of which few may be out at a time, as a sampler with a lag asks for it."""

    def __init__(self, n_items: int, window: int = 1_000_000) -> None:
        self._items = [Item(number=n, point=Point.of({"x": n}), blocks=tuple(range(N_BLOCKS))) for n in range(n_items)]
        self._window, self._next = window, 0
        self.told: dict[int, ItemOutcome] = {}
        self.failed: dict[int, str] = {}

    def ready(self, most: int) -> tuple[Item, ...]:
        """Return items of which all are told that came a window before."""
        first = self._next
        while self._next < len(self._items) and self._next - first < most:
            if self._next >= self._window and any(n not in self.told for n in range(self._next - self._window + 1)):
                break
            self._next += 1
        return tuple(self._items[first : self._next])

    def tell(self, outcome: ItemOutcome) -> None:
        """Take an outcome; twice would be an error of the desk."""
        assert outcome.number not in self.told
        self.told[outcome.number] = outcome

    def fail(self, number: int, reason: str) -> None:
        """Take note of an item that no worker could run."""
        self.failed[number] = reason
        self.tell(ItemOutcome(number=number, blocks=()))

    @property
    def is_done(self) -> bool:
        """Whether all are told."""
        return len(self.told) == len(self._items)

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        n_failed = len(self.failed)
        return Progress(
            phase=Phase.DONE if self.is_done else Phase.SEARCH,
            n_parts=1,
            n_parts_done=int(self.is_done),
            n_trials=len(self.told),
            n_trials_most=len(self._items),
            n_complete=len(self.told) - n_failed,
            n_pruned=0,
            n_refused=0,
            n_failed=n_failed,
            n_points=len(self.told),
            n_blocks_run=0,
            n_blocks_shared=0,
            n_blocks_saved=0,
            n_items_out=self._next - len(self.told),
            best=float(max(self.told, default=-1)),
            best_number=max(self.told, default=None),
            baseline=0.0 if 0 in self.told else float("nan"),
        )


class KeptInMemory:
    """Outcomes by point and block, and how often each was kept."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], BlockOutcome] = {}
        self.n_keeps = 0

    def found(self, items: Sequence[Item]) -> Mapping[int, tuple[BlockOutcome, ...]]:
        """Return what is known."""
        return {
            item.number: tuple(
                self.rows[item.point.key, block] for block in item.blocks if (item.point.key, block) in self.rows
            )
            for item in items
        }

    def keep(self, outcomes: Sequence[tuple[Item, ItemOutcome]]) -> None:
        """Take outcomes in."""
        for item, outcome in outcomes:
            for block in outcome.blocks:
                self.n_keeps += 1
                self.rows[item.point.key, block.block] = block


class Hand:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now_s


class Spinner:
    """Runs items by spinning; some points end the process, ask for more memory than there is, or never end."""

    def __init__(
        self,
        work_s: float,
        traces: Path,
        deadly: Mapping[int, int],
        huge: Sequence[int] = (),
        endless: Sequence[int] = (),
    ) -> None:
        self._work_s, self._traces, self._deadly = work_s, traces, dict(deadly)
        self._huge, self._endless = frozenset(huge), frozenset(endless)

    def run_many(self, items: Sequence[Item]) -> list[ItemOutcome]:
        """Run one after the other."""
        return [self._run(item) for item in items]

    def _run(self, item: Item) -> ItemOutcome:
        """Leave a trace, spin, and return what the point gives."""
        number = item.number
        with (self._traces / str(number)).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        if len(runs_of(self._traces, number)) <= self._deadly.get(number, 0):
            os._exit(1)
        if number in self._huge:
            np.ones(1 << 30)
        began = time.perf_counter()
        while number in self._endless or time.perf_counter() - began < self._work_s:
            pass
        return outcome_of(item, seconds=time.perf_counter() - began)


def runs_of(traces: Path, number: int) -> list[str]:
    """Return the processes that ran an item, in order."""
    file = traces / str(number)
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def numbers(traces: Path) -> Iterator[int]:
    """Yield the items that were run."""
    yield from sorted(int(file.name) for file in traces.iterdir())
