"""What the trials tell of the space: plateaus along each dimension, what matters, and whether choices agree."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import combinations
from math import sqrt
from typing import Final

import numpy as np

from backtest.metrics.figures import Figure, figure, missing
from market.chains import FloatArray
from tuning.space.space import Space
from tuning.studies.answer import Dimension, Stability, TrialAnswer
from tuning.studies.choice import unit_points
from tuning.work import Point

__all__ = ["dimensions_of", "importances", "stability_of"]

_GRID: Final = 41
_BANDWIDTH: Final = 0.08  # of the unit interval: a plateau narrower than this is a peak to whoever must hit it
_LEAST_TRIALS: Final = 10
_LEAST_WEIGHT: Final = 2.0  # trials about a place; fewer say nothing of it
_MOST_LABELS: Final = 6
_DRAWS: Final = 2_000
_TOO_FEW: Final = f"fewer than {_LEAST_TRIALS} trials have a score in the space"


def dimensions_of(
    space: Space,
    trials: Sequence[TrialAnswer],
    *,
    chosen: Point | None,
    splits: Sequence[Point | None],
    is_maximised: bool,
    seed: int,
) -> tuple[Dimension, ...]:
    """Return what trials tell along each dimension.

    Parameters
    ----------
    space : Space
        Where they lie.
    trials : sequence of TrialAnswer
        Of one search; those without a score or a place are left out.
    chosen : Point or None
        The candidate.
    splits : sequence of Point or None
        Choices of the splits.
    is_maximised : bool
        Whether more of the first objective is better.
    seed : int
        Of what is drawn for the importances.

    Returns
    -------
    tuple of Dimension
        One for each coordinate of a point. The mean is over all other dimensions as the search has visited them: for
        a sampler that learns, those near its favourites.
    """
    scored = [item for item in trials if np.isfinite(item.scores[0]) and np.isfinite(item.unit).all()]
    points = np.array([item.unit for item in scored]).reshape(len(scored), space.n_dims)
    scores = np.array([item.scores[0] for item in scored])
    nowhere = Point(())
    marked = unit_points(space, (chosen or nowhere, space.default or nowhere, *(each or nowhere for each in splits)))
    weights = importances(points, scores if is_maximised else -scores, seed=seed)
    found = []
    for place, name in enumerate(space.names):
        unit = points[:, place]
        grid = np.unique(unit) if np.unique(unit).size <= _MOST_LABELS else np.linspace(0.0, 1.0, _GRID)
        smoothed, spread = _smooth(unit, scores, grid)
        found.append(
            Dimension(
                name=name,
                unit=unit,
                score=scores,
                grid=grid,
                smoothed=smoothed,
                spread=spread,
                labels=_labels(unit, [item.shown[name] for item in scored]),
                chosen=float(marked[0, place]),
                default=float(marked[1, place]),
                splits=tuple(marked[2:, place].tolist()),
                importance=weights[place],
            )
        )
    return tuple(found)


def _smooth(unit: FloatArray, scores: FloatArray, grid: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return kernel-weighted mean and standard deviation of scores about places; NaN where too few lie near."""
    if not unit.size:
        return np.full(grid.size, np.nan), np.full(grid.size, np.nan)
    kernel = np.exp(-0.5 * ((grid[:, np.newaxis] - unit) / _BANDWIDTH) ** 2)  # (n_grid, n_trials)
    weight = kernel.sum(axis=1)
    known = np.where(weight >= _LEAST_WEIGHT, weight, np.nan)
    mean = kernel @ scores / known
    spread = np.sqrt(np.maximum((kernel * (scores - mean[:, np.newaxis]) ** 2).sum(axis=1) / known, 0.0))
    return mean, spread


def _labels(unit: FloatArray, shown: Sequence[str]) -> tuple[tuple[float, str], ...]:
    told = sorted({(place, _brief(words)) for place, words in zip(unit.tolist(), shown, strict=True) if words != "-"})
    if len(told) <= _MOST_LABELS:
        return tuple(told)
    kept = np.unique(np.rint(np.linspace(0, len(told) - 1, _MOST_LABELS)).astype(np.int64))
    return tuple(told[place] for place in kept.tolist())


def _brief(words: str) -> str:
    try:
        return f"{float(words):.3g}"
    except ValueError:
        return words


def importances(points: FloatArray, gains: FloatArray, *, seed: int) -> tuple[Figure, ...]:
    """Return the share of the scores' spread that each dimension explains.

    Parameters
    ----------
    points : ndarray, shape (n_trials, n_dims)
        In the unit cube.
    gains : ndarray, shape (n_trials,)
        Finite; more is better.
    seed : int
        Of the forest.

    Returns
    -------
    tuple of Figure
        One for each dimension, that sum to 1; missing for few trials or equal scores.

    References
    ----------
    Hutter, Hoos and Leyton-Brown (2014), An Efficient Approach for Assessing Hyperparameter Importance (fANOVA).
    """
    n_dims = int(points.shape[1])
    if gains.size < _LEAST_TRIALS:
        return (missing(_TOO_FEW),) * n_dims
    if not np.ptp(gains) > 0.0:
        return (missing("all trials score the same"),) * n_dims
    varied = [place for place in range(n_dims) if np.ptp(points[:, place]) > 0.0]
    told = _fanova(points[:, varied], gains, seed)
    return tuple(
        figure(told[varied.index(place)], otherwise="the forest tells nothing")
        if place in varied
        else missing("no two trials differ in it")
        for place in range(n_dims)
    )


def _fanova(points: FloatArray, gains: FloatArray, seed: int) -> list[float]:
    import optuna

    before, level = optuna.logging.get_verbosity(), logging.ERROR
    optuna.logging.set_verbosity(level)
    try:
        study = optuna.create_study(direction="maximize")
        names = [str(place) for place in range(points.shape[1])]
        span = optuna.distributions.FloatDistribution(0.0, 1.0)
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params=dict(zip(names, row, strict=True)), distributions=dict.fromkeys(names, span), value=gain
                )
                for row, gain in zip(points.tolist(), gains.tolist(), strict=True)
            ]
        )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        optuna.logging.set_verbosity(before)
    return [float(found[name]) for name in names]


def stability_of(
    space: Space, splits: Sequence[Point | None], tried: FloatArray, rng: np.random.Generator
) -> Stability:
    """Return how far apart the choices of the splits lie, beside trials at random.

    Parameters
    ----------
    space : Space
        Where they lie.
    splits : sequence of Point or None
        Choices; None, or a point outside the space, has no place and is left out.
    tried : ndarray, shape (n_trials, n_dims)
        Places of the trials that could have been chosen; rows with NaN are left out.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Stability
        Distances are Euclidean over ``sqrt(n_dims)``, so that 1 is the diagonal of the cube.
    """
    chosen = unit_points(space, tuple(point for point in splits if point is not None))
    chosen = chosen[np.isfinite(chosen).all(axis=1)]
    tried = tried[np.isfinite(tried).all(axis=1)]
    if len(chosen) < 2 or len(tried) < 2:
        reason = missing("fewer than two splits made a choice in the space" if len(chosen) < 2 else _TOO_FEW)
        return Stability(distance=reason, random_distance=reason, rank=reason)
    observed = _mean_distance(chosen)
    drawn = np.array([_mean_distance(tried[rng.integers(0, len(tried), len(chosen))]) for _ in range(_DRAWS)])
    return Stability(
        distance=figure(observed),
        random_distance=figure(float(drawn.mean())),
        rank=figure(float((drawn <= observed).mean())),
    )


def _mean_distance(points: FloatArray) -> float:
    pairs = np.array(list(combinations(range(len(points)), 2)))
    gaps = points[pairs[:, 0]] - points[pairs[:, 1]]
    return float(np.sqrt((gaps * gaps).sum(axis=1)).mean() / sqrt(points.shape[1]))
