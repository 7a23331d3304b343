"""How far a sweep has come: its trials and blocks counted."""

from __future__ import annotations

from math import nan
from typing import final

from tuning.configuration.settings import Objective
from tuning.search.records import TrialRecord, TrialState

__all__ = ["Tally"]


@final
class Tally:
    """Counts trials as they end, so that nobody has to go through all of them.

    Parameters
    ----------
    lead : Objective
        What the best trial is told by.
    n_blocks : int
        Blocks of a trial that is not pruned.
    """

    def __init__(self, lead: Objective, n_blocks: int) -> None:
        self._is_maximised, self._n_blocks = lead.is_maximised, n_blocks
        self._n = dict.fromkeys(TrialState, 0)
        self.n_blocks_used = 0
        self.n_blocks_saved = 0
        self.best = nan
        self.baseline = nan
        self.best_number: int | None = None

    def count(self, state: TrialState) -> int:
        """Return how many trials ended so."""
        return self._n[state]

    def add(self, trial: TrialRecord) -> None:
        """Count a trial that has ended."""
        self._n[trial.state] += 1
        self.n_blocks_used += len(trial.blocks)
        self.n_blocks_saved += self._n_blocks - len(trial.blocks) if trial.state is TrialState.PRUNED else 0
        if trial.number == 0 and trial.scores:
            self.baseline = trial.scores[0]
        if trial.is_feasible and self._is_better(trial):
            self.best, self.best_number = trial.scores[0], trial.number

    def _is_better(self, trial: TrialRecord) -> bool:
        score = trial.scores[0]
        if self.best_number is None or score == self.best:  # ties go to the lower number, whoever came first
            return self.best_number is None or trial.number < self.best_number
        return score > self.best if self._is_maximised else score < self.best
