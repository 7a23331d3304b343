"""One search: proposals in order, outcomes by number, and what is told to whom when; no order of arrival matters."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Final, final

from tuning.configuration.settings import ConstraintSettings, Objective, PruningSettings
from tuning.search.halving import Ladder, looks_of
from tuning.search.known import Known
from tuning.search.proposals import Proposer
from tuning.search.records import PartRecord, TrialRecord, TrialState
from tuning.search.scoring import Scored, judge, n_bounds, sample_of
from tuning.search.tally import Tally
from tuning.search.windows import Window
from tuning.work import BlockOutcome, Item, Point

__all__ = ["Part", "Worth"]

_EXHAUSTED: Final = "every point of the space was proposed"
_ALL_RUN: Final = "all trials were run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """By what trials are judged.

    Parameters
    ----------
    objectives : tuple of Objective
        The first leads.
    constraints : ConstraintSettings
        Bounds.
    periods_per_year : int
        Days in a year.
    """

    objectives: tuple[Objective, ...]
    constraints: ConstraintSettings
    periods_per_year: int

    def of(self, outcomes: Sequence[BlockOutcome], windows: Sequence[Window]) -> Scored:
        """Return what outcomes are worth on the days of their windows."""
        return judge(sample_of(outcomes, windows), self.objectives, self.constraints, self.periods_per_year)

    @property
    def none(self) -> Scored:
        """What a trial without outcomes is worth."""
        return Scored(scores=(nan,) * len(self.objectives), excesses=(nan,) * n_bounds(self.constraints))


@dataclass(slots=True)
class _Trial:
    number: int
    point: Point
    looks: list[float] = field(default_factory=list)
    ended: TrialRecord | None = None
    is_queued: bool = False


@final
class Part:
    """A search over some blocks.

    Parameters
    ----------
    index : int
        Among the parts of the sweep.
    splits : tuple of int
        Outer splits that it serves.
    windows : tuple of Window
        Its blocks in order of time, with the days that count.
    proposer : Proposer
        Who proposes points.
    worth : Worth
        By what trials are judged.
    lag : int or None
        Trial n is proposed, and pruned, knowing the trials up to n - lag; None where nothing is learned from trials.
    pruning : PruningSettings or None
        None for no pruning.
    """

    def __init__(
        self,
        *,
        index: int,
        splits: tuple[int, ...],
        windows: tuple[Window, ...],
        proposer: Proposer,
        worth: Worth,
        lag: int | None,
        pruning: PruningSettings | None = None,
    ) -> None:
        self._index, self._splits, self._windows = index, splits, windows
        self._proposer, self._worth, self._most, self._lag = proposer, worth, proposer.most, lag
        self._looks = looks_of(pruning, len(windows))
        lead = worth.objectives[0]
        self._ladder = Ladder(
            n_looks=len(self._looks), reduction=pruning.reduction if pruning else 1, is_maximised=lead.is_maximised
        )
        self._tally = Tally(lead, len(windows))
        self._trials: list[_Trial] = []
        self._open: dict[Point, _Trial] = {}
        self._queue: deque[_Trial] = deque()
        self._n_settled = 0
        self._n_told = 0
        self._ended = ""

    @property
    def windows(self) -> tuple[Window, ...]:
        """Its blocks in order of time, with the days that count."""
        return self._windows

    @property
    def splits(self) -> tuple[int, ...]:
        """Outer splits that it serves."""
        return self._splits

    @property
    def is_over(self) -> bool:
        """Whether every trial has ended and none follows."""
        return bool(self._ended) and self._n_settled == len(self._trials)

    @property
    def n_trials_most(self) -> int:
        """Trials that there can be; fewer than asked for where the space has fewer points."""
        return len(self._trials) if self._ended else self._most

    @property
    def tally(self) -> Tally:
        """Its ended trials, counted."""
        return self._tally

    @property
    def record(self) -> PartRecord:
        """What is kept of it."""
        return PartRecord(
            index=self._index,
            splits=self._splits,
            train=tuple(window.block for window in self._windows),
            trials=tuple(trial.ended or self._record(trial, TrialState.RUNNING) for trial in self._trials),
            ended=self._ended if self.is_over else "",
        )

    def next_item(self, known: Known) -> Item | None:
        """Return what may run now and was not handed out; None where outcomes must come first, or it is over."""
        while True:
            while self._queue:
                trial = self._queue.popleft()
                trial.is_queued = False
                item = known.hand_out(trial.point, self._due(trial))
                if item is not None:
                    return item
            if not self._propose(known):
                return None

    def hear(self, point: Point, known: Known) -> None:
        """Take note that something new is known of a point."""
        trial = self._open.get(point)
        if trial is not None:
            self._go_on(trial, known)

    def _propose(self, known: Known) -> bool:
        """Begin the next trial; return whether there is one now."""
        number = len(self._trials)
        if self._ended or (self._lag is not None and self._n_settled <= number - self._lag):
            return False
        self._tell(number)
        point = self._proposer.propose(number)
        if point is None:
            self._ended = _EXHAUSTED
            return False
        trial = self._open[point] = _Trial(number, point)
        self._trials.append(trial)
        self._ended = _ALL_RUN if len(self._trials) == self._most else ""
        self._go_on(trial, known)
        return True

    def _tell(self, number: int) -> None:
        # Exactly so many, although more may have ended: a proposal must not know who was quick.
        while self._lag is not None and self._n_told <= number - self._lag:
            ended = self._trials[self._n_told].ended
            if ended is not None:
                self._proposer.tell(ended)
            self._n_told += 1

    def _due(self, trial: _Trial) -> tuple[int, ...]:
        n_looks = len(trial.looks)
        stop = self._looks[n_looks] if n_looks < len(self._looks) else len(self._windows)
        return tuple(window.block for window in self._windows[:stop])

    def _go_on(self, trial: _Trial, known: Known) -> None:
        """Take a trial as far as what is known leads."""
        while trial.ended is None:
            refusal = known.refusal(trial.point)
            if refusal:
                self._end(trial, self._record(trial, TrialState.REFUSED, reason=refusal))
                return
            due = self._due(trial)
            outcomes = known.outcomes(trial.point, due)
            if len(outcomes) < len(due):
                if not trial.is_queued:
                    trial.is_queued = True
                    self._queue.append(trial)
                return
            self._look(trial, outcomes)

    def _look(self, trial: _Trial, outcomes: tuple[BlockOutcome, ...]) -> None:
        scored = self._worth.of(outcomes, self._windows[: len(outcomes)])
        is_base = trial.number == 0  # what all others are compared with is run to its end
        is_stopped = any(outcome.stopped for outcome in outcomes)
        if len(outcomes) == len(self._windows) or (is_stopped and not is_base):
            state = TrialState.FAILED if scored.reason else TrialState.COMPLETE
            self._end(trial, self._record(trial, state, outcomes, scored, scored.reason))
            return
        look, score = len(trial.looks), scored.scores[0]
        trial.looks.append(score)
        if is_base or self._ladder.goes_on(look, score, trial.number - (self._lag or 1)):
            return
        why = f"not among the best at look {look + 1}, after {len(outcomes)} blocks"
        self._end(trial, self._record(trial, TrialState.PRUNED, outcomes, reason=why))

    def _end(self, trial: _Trial, record: TrialRecord) -> None:
        trial.ended = record
        self._tally.add(record)
        del self._open[trial.point]
        while self._n_settled < len(self._trials) and self._trials[self._n_settled].ended is not None:
            settled = self._trials[self._n_settled]
            self._ladder.tell(settled.number, tuple(settled.looks))
            self._n_settled += 1

    def _record(
        self,
        trial: _Trial,
        state: TrialState,
        outcomes: tuple[BlockOutcome, ...] = (),
        scored: Scored | None = None,
        reason: str = "",
    ) -> TrialRecord:
        scored = scored or self._worth.none
        return TrialRecord(
            number=trial.number,
            point=trial.point,
            state=state,
            blocks=outcomes,
            scores=scored.scores,
            excesses=scored.excesses,
            looks=tuple(trial.looks),
            pruned_at=len(trial.looks) - 1 if state is TrialState.PRUNED else None,
            reason=reason,
        )
