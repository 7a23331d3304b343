"""The rule that turns trials into one choice: the centre of the best robust region, or the peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.selection.regions import robust_regions
from market.chains import BoolArray, FloatArray
from market.trades import Int64Array
from tuning.configuration.settings import Objective, Rule, SelectionSettings
from tuning.search.records import Candidates, Choose, TrialRecord, TrialState
from tuning.space.space import Space
from tuning.work import Point

__all__ = ["Choice", "choice", "chooser", "pareto_optimal", "unit_points"]

_DEFAULTS: Final = 0  # trial 0 is the base itself
_WHOLE: Final = 0.5  # of the sampled space: a region that fills more is no finding
_NO_PLACE: Final = "no feasible trial with a score lies in the space"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the rule chose.

    Parameters
    ----------
    number : int or None
        Of the trial; None where nothing can be chosen.
    rule : Rule
        By which rule.
    reason : str
        Why there is no choice, and else in words how it was made.
    n_eligible : int
        Complete and feasible trials with a score in every objective.
    front : tuple of int
        Numbers of the Pareto-optimal ones among them, rising; the best ones of a single objective.
    smoothed : float
        Score of the chosen trial's neighbourhood in the first objective; NaN without one, as of a peak.
    noise : float
        Standard deviation of a score about its neighbourhood.
    signal_share : float
        Share of the spread of the neighbourhoods that noise does not explain.
    members : tuple of int
        Numbers of the trials of the chosen region, rising; the trial alone for the peak.
    """

    number: int | None
    rule: Rule
    reason: str
    n_eligible: int
    front: tuple[int, ...] = ()
    smoothed: float = float("nan")
    noise: float = float("nan")
    signal_share: float = float("nan")
    members: tuple[int, ...] = ()


def choice(
    candidates: Candidates, space: Space, objectives: tuple[Objective, ...], selection: SelectionSettings
) -> Choice:
    """Choose one trial.

    Parameters
    ----------
    candidates : Candidates
        Trials with scores of training days, in any order.
    space : Space
        Where they lie.
    objectives : tuple of Objective
        The first leads: with several, it decides among the Pareto-optimal trials.
    selection : SelectionSettings
        Rule, and how many neighbours tell of a region.

    Returns
    -------
    Choice
        The same for any order of the trials; ties go to the lower number. Defaults that lie outside the space are no
        part of a region; they can be the peak. Where the best region is most of the space and the defaults lie in it,
        they are chosen: the centre of everything is no finding.
    """
    trials = tuple(sorted(candidates.trials, key=lambda trial: trial.number))
    signs = np.array([1.0 if objective.is_maximised else -1.0 for objective in objectives])
    gains = np.array([_gains(trial, signs) for trial in trials]).reshape(-1, signs.size)
    eligible = np.array([trial.is_feasible for trial in trials], dtype=np.bool_) & np.isfinite(gains).all(axis=1)
    if not eligible.any():
        return Choice(number=None, rule=selection.rule, reason=_why_none(trials, gains), n_eligible=0)
    numbers = np.array([trial.number for trial in trials], dtype=np.int64)
    if selection.rule is Rule.PEAK:
        return _peak(numbers, gains, eligible)
    points = unit_points(space, tuple(trial.point for trial in trials))
    return _region(numbers, points, gains, eligible, selection.neighbours, sign=float(signs[0]))


def chooser(space: Space, objectives: tuple[Objective, ...], selection: SelectionSettings) -> Choose:
    """Return the rule as a planner calls it: for each split on what it may see, and at the end on all blocks.

    Parameters
    ----------
    space : Space
        Where trials lie.
    objectives : tuple of Objective
        The first leads.
    selection : SelectionSettings
        Rule, and how many neighbours tell of a region.

    Returns
    -------
    callable
        From candidates to the number of a trial, or None; see `choice`.
    """
    return lambda candidates: choice(candidates, space, objectives, selection).number


def unit_points(space: Space, points: tuple[Point, ...]) -> FloatArray:
    """Return where points lie in the unit cube.

    Parameters
    ----------
    space : Space
        Of ``n_dims`` dimensions.
    points : tuple of Point
        One without values is the base configuration outside the space.

    Returns
    -------
    ndarray, shape (n_points, n_dims)
        NaN in the rows of points without values.
    """
    nowhere = np.full(space.n_dims, np.nan)
    rows = [space.unit(point) if point.values else nowhere for point in points]
    return np.array(rows, dtype=np.float64).reshape(len(points), nowhere.size)


def pareto_optimal(gains: FloatArray) -> BoolArray:
    """Return which rows no other row dominates.

    Parameters
    ----------
    gains : ndarray, shape (n, n_objectives)
        Finite; more is better in every column.

    Returns
    -------
    ndarray of bool, shape (n,)
        A row is dominated by one that is nowhere worse and somewhere better; equal rows stand together.
    """
    optimal = np.ones(gains.shape[0], dtype=np.bool_)
    for row in range(gains.shape[0]):
        if optimal[row]:
            worse = (gains <= gains[row]).all(axis=1) & (gains < gains[row]).any(axis=1)
            optimal &= ~worse
    return optimal


def _gains(trial: TrialRecord, signs: FloatArray) -> FloatArray:
    """Return the scores so that more is better; NaN where a trial has none."""
    scores = np.array(trial.scores, dtype=np.float64)
    return signs * scores if scores.size == signs.size else np.full(signs.size, np.nan)


def _why_none(trials: tuple[TrialRecord, ...], gains: FloatArray) -> str:
    complete = np.array([trial.state is TrialState.COMPLETE for trial in trials], dtype=np.bool_)
    if not complete.any():
        return f"none of {complete.size} trials ran on all its blocks"
    scored = complete & np.isfinite(gains).all(axis=1)
    if not scored.any():
        return f"none of {int(complete.sum())} complete trials has a score in every objective"
    return f"none of {int(scored.sum())} complete trials with a score keeps the constraints"


def _front(gains: FloatArray, eligible: BoolArray) -> BoolArray:
    front = np.zeros(eligible.size, dtype=np.bool_)
    front[eligible] = pareto_optimal(gains[eligible])
    return front


def _peak(numbers: Int64Array, gains: FloatArray, eligible: BoolArray) -> Choice:
    front = _front(gains, eligible)
    place = int(np.argmax(np.where(front, gains[:, 0], -np.inf)))  # the first of equals has the lowest number
    return Choice(
        number=int(numbers[place]),
        rule=Rule.PEAK,
        reason="the best trial" if gains.shape[1] == 1 else "the Pareto-optimal trial best in the first objective",
        n_eligible=int(eligible.sum()),
        front=tuple(numbers[front].tolist()),
        members=(int(numbers[place]),),
    )


def _region(
    numbers: Int64Array, points: FloatArray, gains: FloatArray, eligible: BoolArray, neighbours: int, *, sign: float
) -> Choice:
    inside = np.isfinite(points).all(axis=1)
    if not (eligible & inside).any():
        return Choice(number=None, rule=Rule.REGION, reason=_NO_PLACE, n_eligible=int(eligible.sum()))
    numbers, points, gains, eligible = numbers[inside], points[inside], gains[inside], eligible[inside]
    front = _front(gains, eligible)
    regions = robust_regions(points, gains[:, 0], eligible, neighbours=neighbours)
    if regions.centre is None:
        return Choice(number=None, rule=Rule.REGION, reason=regions.reason, n_eligible=int(eligible.sum()))
    place, how = regions.centre, "the centre of the best robust region"
    if gains.shape[1] > 1:  # a centre may be dominated; what is chosen must not be
        place = int(np.argmax(np.where(front, np.nan_to_num(regions.smoothed, nan=-np.inf), -np.inf)))
        how = "the Pareto-optimal trial whose neighbourhood is best in the first objective"
    elif regions.share > _WHOLE and numbers[0] == _DEFAULTS and regions.labels[0] == 0:
        # Nothing stands out, so there is no reason to leave what stood before; the centre of everything is none.
        place, how = 0, "the defaults: the best robust region is most of the space, and they lie in it"
    label = int(regions.labels[place])
    members = np.flatnonzero(regions.labels == label) if label >= 0 else np.array([place])
    return Choice(
        number=int(numbers[place]),
        rule=Rule.REGION,
        reason=how,
        n_eligible=int(eligible.sum()),
        front=tuple(numbers[front].tolist()),
        smoothed=sign * float(regions.smoothed[place]),
        noise=regions.noise,
        signal_share=regions.signal_share,
        members=tuple(numbers[members].tolist()),
    )
