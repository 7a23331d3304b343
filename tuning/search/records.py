"""What a search keeps: its trials, what each choice was made from and led to, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tuning.work import BlockOutcome, Point

__all__ = ["Candidates", "ChoiceRecord", "Choose", "PartRecord", "Phase", "Progress", "TrialRecord", "TrialState"]


class TrialState(Enum):
    """What became of a trial."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    REFUSED = "refused"
    FAILED = "failed"


class Phase(Enum):
    """What a sweep does now."""

    SEARCH = "search"
    JUDGEMENT = "judgement"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One point of a search.

    Parameters
    ----------
    number : int
        Place in the order of proposals, from 0; trial 0 is the base configuration itself.
    point : Point
        Where, unlike that of every other trial of the part; without values it is the base configuration, which then
        does not lie in the space.
    state : TrialState
        Only COMPLETE has scores.
    blocks : tuple of BlockOutcome
        What is known of the blocks of the search, rising by block.
    scores : tuple of float
        One for each objective as it is declared, on the train days; NaN where there is none.
    excesses : tuple of float
        One for each constraint that is told, in the order of its settings: above 0 it is broken, relative to its
        bound; NaN where it cannot be told.
    looks : tuple of float
        First objective at each look of the pruning that was reached; NaN where there was none.
    pruned_at : int or None
        Look, from 0, at which the trial ended.
    reason : str
        Why the trial has no score, or was pruned; empty where it is complete.
    """

    number: int
    point: Point
    state: TrialState
    blocks: tuple[BlockOutcome, ...] = ()
    scores: tuple[float, ...] = ()
    excesses: tuple[float, ...] = ()
    looks: tuple[float, ...] = ()
    pruned_at: int | None = None
    reason: str = ""

    @property
    def is_feasible(self) -> bool:
        """Whether the trial is complete and keeps every constraint."""
        return self.state is TrialState.COMPLETE and all(excess <= 0.0 for excess in self.excesses)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRecord:
    """One search: all trials whose scores were seen together.

    Parameters
    ----------
    index : int
        From 0; the last part is the one over all blocks, from which the final choice is made.
    splits : tuple of int
        Outer splits whose choice comes from this part.
    train : tuple of int
        Blocks that it sees, rising.
    trials : tuple of TrialRecord
        By number.
    ended : str
        Why no more trials follow: all were run, or the space is exhausted; empty while it goes on.
    """

    index: int
    splits: tuple[int, ...]
    train: tuple[int, ...]
    trials: tuple[TrialRecord, ...]
    ended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What one choice is made from.

    Parameters
    ----------
    split : int or None
        Outer split; None for the final choice, from all blocks.
    train : tuple of int
        Blocks that may be seen.
    trials : tuple of TrialRecord
        By number, with blocks, scores and excesses of the train days of this choice alone.
    """

    split: int | None
    train: tuple[int, ...]
    trials: tuple[TrialRecord, ...]


Choose = Callable[[Candidates], int | None]
"""Returns the number of a complete trial, or None where none may be chosen: the defaults stand then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRecord:
    """A choice, and what it led to on days that it did not see.

    Parameters
    ----------
    split : int or None
        Outer split; None for the final choice.
    part : int
        Search that it was made from.
    number : int or None
        Trial of the part; None where none was chosen, so that the defaults stand.
    point : Point
        What was chosen, or the defaults.
    blocks : tuple of BlockOutcome
        Test blocks of the split, rising; for the final choice all blocks, which it has seen.
    reason : str
        Why these blocks have no outcome; empty where each has one.
    """

    split: int | None
    part: int
    number: int | None
    point: Point
    blocks: tuple[BlockOutcome, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sweep has come.

    Parameters
    ----------
    phase : Phase
        What it does now.
    n_parts, n_parts_done : int
        Searches.
    n_trials, n_trials_most : int
        Trials that have ended, over all parts, and how many there can be.
    n_complete, n_pruned, n_refused, n_failed : int
        Of those that have ended.
    n_points : int
        Distinct points that were run or refused.
    n_blocks_run : int
        Outcomes of blocks that are known, each once.
    n_blocks_shared : int
        Blocks that a trial found run already by another part.
    n_blocks_saved : int
        Blocks that pruning left out.
    n_items_out : int
        Items that were handed out and are not back.
    best : float
        Best first objective among feasible trials of the last part; NaN while there is none.
    best_number : int or None
        Its trial.
    baseline : float
        First objective of the defaults in the last part; NaN while it is not known.
    """

    phase: Phase
    n_parts: int
    n_parts_done: int
    n_trials: int
    n_trials_most: int
    n_complete: int
    n_pruned: int
    n_refused: int
    n_failed: int
    n_points: int
    n_blocks_run: int
    n_blocks_shared: int
    n_blocks_saved: int
    n_items_out: int
    best: float
    best_number: int | None
    baseline: float
