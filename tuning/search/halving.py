"""Asynchronous successive halving over blocks in order of time, decided in order of trials and not of arrival."""

from __future__ import annotations

from bisect import bisect_right, insort
from math import ceil, isnan

from tuning.configuration.settings import PruningSettings

__all__ = ["Ladder", "looks_of"]


def looks_of(pruning: PruningSettings | None, n_blocks: int) -> tuple[int, ...]:
    """Return after how many blocks a trial is looked at.

    Parameters
    ----------
    pruning : PruningSettings or None
        None for no looks.
    n_blocks : int
        Blocks of a complete trial; the end is no look.

    Returns
    -------
    tuple of int
        ``first_blocks * reduction ** k``, rising, all below `n_blocks`.
    """
    looks: list[int] = []
    due = pruning.first_blocks if pruning is not None else n_blocks
    while pruning is not None and due < n_blocks:
        looks.append(due)
        due *= pruning.reduction
    return tuple(looks)


class Ladder:
    """Scores at each look, by number of the trial.

    Parameters
    ----------
    n_looks : int
        Looks of a trial.
    reduction : int
        One of so many goes on.
    is_maximised : bool
        Whether a higher score is better.

    Notes
    -----
    A trial goes on where fewer than ``ceil(m / reduction)`` of the trials that it is compared with are better, with
    ``m`` counting itself. It is compared with the trials that were told when it was proposed, so the decision is the
    same whatever arrives first. A score that is missing decides nothing: too few days are no reason to stop.

    References
    ----------
    Li et al. (2020), A System for Massively Parallel Hyperparameter Tuning, MLSys.
    """

    def __init__(self, *, n_looks: int, reduction: int, is_maximised: bool) -> None:
        self._reduction = reduction
        self._sign = 1.0 if is_maximised else -1.0
        self._numbers: list[list[int]] = [[] for _ in range(n_looks)]
        self._scores: list[list[float]] = [[] for _ in range(n_looks)]
        self._rising: list[list[float]] = [[] for _ in range(n_looks)]

    def tell(self, number: int, looks: tuple[float, ...]) -> None:
        """Take the scores of a trial that has ended; trials come in order of their numbers."""
        for look, score in enumerate(looks):
            if not isnan(score):
                self._numbers[look].append(number)
                self._scores[look].append(self._sign * score)
                insort(self._rising[look], self._sign * score)

    def goes_on(self, look: int, score: float, last_told: int) -> bool:
        """Return whether a trial goes on after a look.

        Parameters
        ----------
        look : int
            From 0.
        score : float
            Of the trial at this look.
        last_told : int
            Number of the last trial that it is compared with.
        """
        if isnan(score):
            return True
        gain, rising = self._sign * score, self._rising[look]
        n_known = bisect_right(self._numbers[look], last_told)
        n_better = len(rising) - bisect_right(rising, gain)
        n_better -= sum(later > gain for later in self._scores[look][n_known:])  # fewer than the lag
        return n_better < ceil((n_known + 1) / self._reduction)
