"""A sweep as a state machine: which points are run on which blocks next, and what came of those before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import final

from market.errors import DataError
from tuning.configuration.settings import SweepSettings
from tuning.search.choosing import Choices
from tuning.search.known import Known
from tuning.search.part import Part, Worth
from tuning.search.proposals import first_point
from tuning.search.records import (
    ChoiceRecord,
    Choose,
    PartRecord,
    Phase,
    Progress,
    TrialState,
)
from tuning.search.samplers import proposer_of
from tuning.search.windows import Window, training_windows, whole_windows
from tuning.space.space import Space
from tuning.work import Block, Item, ItemOutcome, OuterSplit

__all__ = ["Planner"]


@final
class Planner:
    """Plans a sweep: searches first, then what was chosen on the days that the choice did not see.

    Parameters
    ----------
    sweep : SweepSettings
        The settings.
    space : Space
        Where points lie.
    blocks : sequence of Block
        All blocks, by index.
    splits : sequence of OuterSplit
        By index.
    periods_per_year : int
        Days in a year: 252 for listed markets, 365 for coins.
    choose : Choose
        Makes a choice from the trials of a search.

    Raises
    ------
    ConfigError
        The sampler cannot work in this space.

    Notes
    -----
    Records depend on the settings and on what points give on blocks; not on the order in which outcomes arrive, nor on
    how many are asked for at a time. A grid and random points make one search over all blocks, of which each split sees
    its own training days. A sampler that learns makes one search for each training set and one over all blocks, because
    what it proposes tells of the days that it has seen.
    """

    def __init__(
        self,
        sweep: SweepSettings,
        space: Space,
        blocks: Sequence[Block],
        splits: Sequence[OuterSplit],
        *,
        periods_per_year: int,
        choose: Choose,
    ) -> None:
        self._sweep, self._n_blocks = sweep, len(blocks)
        self._worth = Worth(
            objectives=sweep.sweep.objectives, constraints=sweep.constraints, periods_per_year=periods_per_year
        )
        self._known = Known()
        days = sweep.validation
        self._windows = {
            split.index: training_windows(blocks, split, purge_days=days.purge_days, embargo_days=days.embargo_days)
            for split in splits
        }
        self._tests = {split.index: split.test for split in splits}
        self._parts = self._searches(space, whole_windows(blocks))
        self._choices = Choices(self._known, self._worth, choose, first_point(space))

    def _searches(self, space: Space, whole: tuple[Window, ...]) -> tuple[Part, ...]:
        told, is_adaptive = self._sweep.sweep, self._sweep.sweep.sampler.is_adaptive
        served: dict[tuple[Window, ...], list[int]] = {}
        for index, windows in self._windows.items():
            served.setdefault(windows if is_adaptive else whole, []).append(index)
        served.setdefault(whole, [])
        return tuple(
            Part(
                index=index,
                splits=tuple(splits),
                windows=windows,
                proposer=proposer_of(self._sweep, space),
                worth=self._worth,
                lag=told.lag if is_adaptive or self._sweep.pruning is not None else None,
                pruning=self._sweep.pruning,
            )
            for index, (windows, splits) in enumerate(served.items())
        )

    @property
    def is_done(self) -> bool:
        """Whether every search is over, every choice is made, and each is judged."""
        return all(part.is_over for part in self._parts) and all(
            self._choices.is_judged(split) for split in (*self._windows, None)
        )

    @property
    def parts(self) -> tuple[PartRecord, ...]:
        """The searches; the last one is over all blocks."""
        return tuple(part.record for part in self._parts)

    @property
    def choices(self) -> tuple[ChoiceRecord, ...]:
        """Choices whose blocks are all known: of the splits in order, and at the end the final one."""
        return tuple(self._choices.record(split) for split in (*self._windows, None) if self._choices.is_judged(split))

    def ready(self, most: int) -> tuple[Item, ...]:
        """Return items that may run now and were not handed out before.

        Parameters
        ----------
        most : int
            So many at most; each search gives one in turn.

        Returns
        -------
        tuple of Item
            Empty where outcomes must come first, or the sweep is done.

        Raises
        ------
        DataError
            The search over all blocks is over and no trial of it has a score.
        """
        items: list[Item] = []
        while len(items) < most:
            found = self._round(most - len(items))
            if not found:
                break
            items += found
        return tuple(items)

    def tell(self, outcome: ItemOutcome) -> None:
        """Take the outcome of an item, in any order; one that comes twice is taken once.

        Parameters
        ----------
        outcome : ItemOutcome
            Of an item that was handed out.

        Raises
        ------
        DataError
            It belongs to no item, or its blocks are others.
        """
        point = self._known.take(outcome)
        if point is not None:
            for part in self._parts:
                part.hear(point, self._known)

    def fail(self, number: int, reason: str) -> None:
        """Take note that no worker could run an item: its trials end without a score, and the sweep goes on.

        Parameters
        ----------
        number : int
            Of an item that was handed out.
        reason : str
            Why, in words.
        """
        self.tell(self._known.failed(number, reason))

    def _round(self, most: int) -> list[Item]:
        found: list[Item] = []
        for part in self._parts:
            if len(found) < most:
                item = part.next_item(self._known)
                found += [] if item is None else [item]
        for index, part in enumerate(self._parts):
            if part.is_over:
                self._choose_from(index)
        while len(found) < most:
            item = self._choices.next_item()
            if item is None:
                break
            found.append(item)
        return found

    def _choose_from(self, index: int) -> None:
        part, is_last = self._parts[index], index == len(self._parts) - 1
        due = [split for split in (*part.splits, *([None] if is_last else [])) if not self._choices.is_made(split)]
        if not due:
            return
        record = part.record
        if is_last:
            _require_some(record)
        for split in due:
            windows = part.windows if split is None else self._windows[split]
            test = range(self._n_blocks) if split is None else self._tests[split]
            self._choices.make(split, record, windows, tuple(test), is_whole=windows == part.windows)

    @property
    def progress(self) -> Progress:
        """How far the sweep has come."""
        tallies = [part.tally for part in self._parts]
        counts = {state: sum(tally.count(state) for tally in tallies) for state in TrialState}
        is_searching = not all(part.is_over for part in self._parts)
        n_used = sum(tally.n_blocks_used for tally in tallies)
        return Progress(
            phase=Phase.SEARCH if is_searching else Phase.DONE if self.is_done else Phase.JUDGEMENT,
            n_parts=len(self._parts),
            n_parts_done=sum(part.is_over for part in self._parts),
            n_trials=sum(counts.values()),
            n_trials_most=sum(part.n_trials_most for part in self._parts),
            n_complete=counts[TrialState.COMPLETE],
            n_pruned=counts[TrialState.PRUNED],
            n_refused=counts[TrialState.REFUSED],
            n_failed=counts[TrialState.FAILED],
            n_points=self._known.n_points,
            n_blocks_run=self._known.n_blocks,
            n_blocks_shared=max(0, n_used - self._known.n_blocks),
            n_blocks_saved=sum(tally.n_blocks_saved for tally in tallies),
            n_items_out=self._known.n_items_out,
            best=tallies[-1].best,
            best_number=tallies[-1].best_number,
            baseline=tallies[-1].baseline,
        )


def _require_some(record: PartRecord) -> None:
    """Raise where no trial has a score: there is nothing to choose from, and the defaults are as bad."""
    if any(trial.state is TrialState.COMPLETE for trial in record.trials):
        return
    reasons = Counter(trial.reason for trial in record.trials if trial.state is not TrialState.PRUNED)
    reason, n = reasons.most_common(1)[0]
    raise DataError(
        "no trial of the sweep has a score",
        found=f"{n} of {len(record.trials)} trials: {reason}",
        expected="one complete trial at least",
        action="correct the base, the space or the objective; what was run is kept",
    )
