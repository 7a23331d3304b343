"""Samplers that learn, by Optuna: asked and told in order of trials, each point once."""

from __future__ import annotations

from typing import Final, final

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import Trial
from optuna.trial import TrialState as Told

from market.errors import ConfigError
from tuning.configuration.settings import Sampler, StudySettings
from tuning.search.distributions import distributions_of, params_of, point_of
from tuning.search.proposals import BASE, Unseen, first_point
from tuning.search.records import TrialRecord, TrialState
from tuning.space.space import Space
from tuning.work import Point

__all__ = ["LearningProposer"]

_MOST_REPEATS: Final = 8
_LEAST_CMA_DIMS: Final = 2  # a covariance of one number says nothing, and the library refuses it

# CMA-ES knows neither constraints nor pruning, needs a value of every trial, and compares ranks alone. So what was
# pruned ranks behind all complete trials, what breaks a bound behind these, and what has no score last of all.
_MOST_LOSS: Final = 1e5
_PRUNED_LOSS: Final = 1e6  # times the looks that it did not reach
_MOST_LOOKS: Final = 64
_BROKEN_LOSS: Final = 1e9
_NO_SCORE_LOSS: Final = 1e12


@final
class LearningProposer:
    """Proposes points by a sampler that learns from the trials before.

    Parameters
    ----------
    told : StudySettings
        Sampler, objectives, seed and numbers of trials.
    space : Space
        Where.

    Raises
    ------
    ConfigError
        The sampler cannot work in this space.

    Notes
    -----
    A point that comes up again is not run again: the sampler is asked on, and after some repeats a random new point is
    taken, so that a small space is looked through to its end. TPE begins with `startup` random points, NSGA-II with as
    many as its population; CMA-ES begins in the middle of the space.

    References
    ----------
    Akiba et al. (2019), Optuna, KDD; Watanabe (2023), Tree-Structured Parzen Estimator; Hansen (2016), The CMA
    Evolution Strategy; Deb et al. (2002), IEEE Transactions on Evolutionary Computation 6.
    """

    def __init__(self, told: StudySettings, space: Space) -> None:
        self._space, self._told = space, told
        self._first, self._unseen = first_point(space), Unseen(space, told.seed)
        self._distributions = distributions_of(space)
        self._is_cma = told.sampler is Sampler.CMA_ES
        self._trials: dict[int, Trial] = {}
        if self._is_cma:
            _require_numbers(self._n_numbers)
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it tells of every study and trial
        highs = [each.is_maximised and not self._is_cma for each in told.objectives]
        directions = [StudyDirection.MAXIMIZE if high else StudyDirection.MINIMIZE for high in highs]
        self._study = optuna.create_study(sampler=_sampler_of(told), directions=directions)

    @property
    def most(self) -> int:
        """Points that it proposes, or fewer where the space has no more."""
        return self._told.trials

    @property
    def _n_numbers(self) -> int:
        return sum(not isinstance(each, CategoricalDistribution) for each in self._distributions.values())

    def propose(self, number: int) -> Point | None:
        """Return the base as trial 0, then points that were not proposed before."""
        if number == 0:
            self._unseen.add(self._first)
            if self._first != BASE:
                self._ask_at(number, self._first)
            return self._first
        for _ in range(0 if self._unseen.is_empty else _MOST_REPEATS):
            trial = self._study.ask(self._distributions)
            point = point_of(self._space, trial.params)
            if self._unseen.add(point):
                self._trials[number] = trial
                return point
            self._study.tell(trial, state=Told.FAIL)  # it was told once, and counts once
        fresh = self._unseen.draw(number)
        if fresh is not None:
            self._ask_at(number, fresh)
        return fresh

    def tell(self, record: TrialRecord) -> None:
        """Learn from a trial that has ended; they come in order of their numbers."""
        trial = self._trials.pop(record.number, None)
        if trial is None:  # the base outside the space
            return
        if self._is_cma:
            self._study.tell(trial, self._loss(record))
        elif record.state is TrialState.COMPLETE:
            for place, excess in enumerate(record.excesses):
                trial.set_constraint(str(place), excess)
            self._study.tell(trial, list(record.scores))
        else:
            self._tell_ended(trial, record)

    def _ask_at(self, number: int, point: Point) -> None:
        self._study.enqueue_trial(params_of(self._space, point))
        self._trials[number] = self._study.ask(self._distributions)

    def _tell_ended(self, trial: Trial, record: TrialRecord) -> None:
        """Tell of a trial without scores: TPE ranks what it is told as pruned behind all complete trials."""
        if self._told.sampler is not Sampler.TPE:
            self._study.tell(trial, state=Told.FAIL)
            return
        if record.state is TrialState.PRUNED and len(self._told.objectives) == 1:
            trial.report(record.looks[-1], step=len(record.looks))
        self._study.tell(trial, state=Told.PRUNED)

    def _loss(self, record: TrialRecord) -> float:
        if record.state is TrialState.PRUNED:
            return _PRUNED_LOSS * (_MOST_LOOKS - len(record.looks)) + self._bounded(record.looks[-1])
        if record.state is not TrialState.COMPLETE:
            return _NO_SCORE_LOSS
        broken = sum(excess for excess in record.excesses if excess > 0.0)
        return _BROKEN_LOSS + broken if broken > 0.0 else self._bounded(record.scores[0])

    def _bounded(self, score: float) -> float:
        loss = -score if self._told.objectives[0].is_maximised else score
        return min(max(loss, -_MOST_LOSS), _MOST_LOSS)


def _sampler_of(told: StudySettings) -> BaseSampler:
    if told.sampler is Sampler.NSGA2:
        return NSGAIISampler(population_size=max(told.startup, 2), seed=told.seed)
    if told.sampler is Sampler.CMA_ES:
        # It learns nothing from random points and begins in the middle, so each of them would be lost: measured, it is
        # then no better than chance. Choices are drawn at random beside it, without a line of log for each of them.
        return CmaEsSampler(n_startup_trials=1, seed=told.seed, warn_independent_sampling=False)
    return TPESampler(n_startup_trials=told.startup, seed=told.seed, multivariate=True)


def _require_numbers(n_numbers: int) -> None:
    if n_numbers < _LEAST_CMA_DIMS:
        raise ConfigError(
            "cma_es needs numbers to vary: choices have no direction",
            found=f"{n_numbers} in [space]",
            expected=f"{_LEAST_CMA_DIMS} or more",
            action="take the sampler tpe",
        )
