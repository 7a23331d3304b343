"""The centre of the best robust region: a trial whose neighbours are good too, not the one that stands alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from scipy.special import chdtri, ndtri

from backtest.metrics.figures import Figure, figure, missing
from market.chains import BoolArray, FloatArray
from market.errors import ConfigError, DataError
from market.trades import Int64Array

__all__ = ["Regions", "robust_regions"]

_MOST_POWER: Final = 3.0  # of a radius in a volume: beyond it a few lonely points would hold all the weight
_LEAST_SUPPORT: Final = 0.5
_LEAST_REACH: Final = 1e-4  # of the cube: what a trial weighs that was run many times
_LEVEL: Final = 0.95  # of every test below, one-sided
_CHUNK: Final = 1_000_000  # distances held at a time, 8 MB
_MEDIAN_LOSS: Final = np.pi / 2.0  # variance of a median over that of a mean
_MAD: Final = 1.4826  # median absolute deviation of a normal to its standard deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """What the neighbourhoods of trials say; arrays of shape ``(n_trials,)`` where nothing else is told.

    Parameters
    ----------
    smoothed : ndarray
        Weighted median score of each trial's neighbourhood, shrunk to the median of all by the share of its spread
        that noise explains; NaN for a trial that cannot be chosen.
    support : ndarray
        Share of the neighbourhood that can be chosen, by weight: below one half a trial is in no region.
    labels : ndarray of int64
        Connected region of each trial, 0 the best; -1 in none.
    centre : int or None
        Trial in the middle of the best region: nearest to all its members. Always feasible, with a finite score.
    members : ndarray of int64, shape (n_members,)
        Trials of the best region.
    low, high : ndarray, shape (n_dims,)
        Range of the members in the unit cube.
    share : float
        Part of the sampled space that the best region fills, by weight, 0 to 1.
    noise : float
        Standard deviation of a score about its neighbourhood, in units of the score.
    signal_share : float
        Share of the spread of the neighbourhoods that noise does not explain: 0 for noise alone, near 1 for a clear
        landscape.
    peak : int or None
        Trial with the highest score of its own.
    peak_ratio : Figure
        Its score over the median score of its neighbours; missing where that is not above 0.
    peak_excess : Figure
        Its score less that median, in units of `noise`; missing where there is no noise.
    reason : str
        Why there is no region; empty where there is one.
    """

    smoothed: FloatArray
    support: FloatArray
    labels: Int64Array
    centre: int | None
    members: Int64Array
    low: FloatArray
    high: FloatArray
    share: float
    noise: float
    signal_share: float
    peak: int | None
    peak_ratio: Figure
    peak_excess: Figure
    reason: str = ""


def robust_regions(
    unit_points: FloatArray,
    scores: FloatArray,
    feasible: BoolArray | None = None,
    *,
    neighbours: int = 8,
    breadth: float = 0.1,
) -> Regions:
    """Return the regions of a space in which not one trial but its neighbours too are good.

    Parameters
    ----------
    unit_points : ndarray, shape (n_trials, n_dims)
        Places of the trials, each dimension from 0 to 1.
    scores : ndarray, shape (n_trials,)
        More is better; NaN for a trial without one.
    feasible : ndarray of bool, shape (n_trials,), optional
        Whether each trial keeps the constraints; all of them where it is not told.
    neighbours : int
        Trials nearest to a point that make its neighbourhood, from 2.
    breadth : float
        Part of the range of every dimension that a choice must bear to be changed by, 0 or more.

    Returns
    -------
    Regions
        Without a centre and with a reason where fewer than ``neighbours + 1`` trials can be chosen, or where none has
        a neighbourhood half of which can be.

    Notes
    -----
    A neighbourhood is the ball that reaches the k-th nearest trial. It is no smaller than a change of all dimensions by
    `breadth`, nor than the median of such balls: a sampler that learns piles trials on a peak, and the peak must not
    become its own neighbourhood. Each trial weighs as the volume that it stands for, the radius of its own ball to the
    power of the dimension, 3 at most. The median rather than the mean keeps a lonely spike out, however high it is.

    Medians shrink to the median of all by the part of their variance that noise explains, taken at its upper 95 %
    bound. A region is a connected set of trials whose neighbourhoods are not told from the best one at 95 %, all taken
    together. The widest region is the best, because within that error all are alike. Its centre is its medoid among
    the members that themselves score within two deviations of noise of their neighbourhood.
    """
    _check(unit_points, scores, feasible, neighbours, breadth)
    usable = np.isfinite(scores) & (True if feasible is None else feasible)
    if usable.sum() <= neighbours:
        reason = f"{int(usable.sum())} trials can be chosen; {neighbours + 1} are needed for a neighbourhood"
        return _without(reason, unit_points, scores, usable)
    balls = _Balls.of(unit_points, neighbours, breadth)
    support = balls.share_of(usable)
    eligible = usable & (support >= _LEAST_SUPPORT)
    if not eligible.any():
        reason = "no trial has a neighbourhood of which half can be chosen"
        return _without(reason, unit_points, scores, usable)
    return _regions(unit_points, scores, usable, eligible, balls, support, neighbours)


def _check(points: FloatArray, scores: FloatArray, feasible: BoolArray | None, neighbours: int, breadth: float) -> None:
    if (
        points.ndim != 2
        or scores.shape != points.shape[:1]
        or (feasible is not None and feasible.shape != scores.shape)
    ):
        raise DataError("points and scores do not fit", found=f"{points.shape} and {scores.shape}")
    if not np.isfinite(points).all():
        raise DataError("a point of the unit cube is not finite", row=int(np.argmin(np.isfinite(points).all(axis=1))))
    if neighbours < 2 or not breadth >= 0.0:
        raise ConfigError(
            "a neighbourhood cannot be so small",
            found=f"{neighbours} trials, breadth {breadth}",
            expected="2 trials or more, a breadth of 0 or more",
        )


def _without(reason: str, points: FloatArray, scores: FloatArray, usable: BoolArray) -> Regions:
    unknown, nowhere = np.full(scores.size, nan), np.full(points.shape[1], nan)
    return Regions(
        smoothed=unknown,
        support=unknown,
        labels=np.full(scores.size, -1, dtype=np.int64),
        centre=None,
        members=np.empty(0, dtype=np.int64),
        low=nowhere,
        high=nowhere,
        share=nan,
        noise=nan,
        signal_share=nan,
        peak=int(np.argmax(np.where(usable, scores, -np.inf))) if usable.any() else None,
        peak_ratio=missing(reason),
        peak_excess=missing(reason),
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class _Balls:
    """Neighbourhoods of all trials, usable or not: a place is no better for what failed there."""

    points: FloatArray
    radius: FloatArray
    weight: FloatArray  # of each trial, the volume that it stands for

    @staticmethod
    def of(points: FloatArray, neighbours: int, breadth: float) -> _Balls:
        apart = (cdist(points[rows], points) for rows in _rows(len(points)))
        # A copy, because a view of one column would keep all distances alive.
        reach = np.concatenate([np.partition(part, neighbours, axis=1)[:, neighbours].copy() for part in apart])
        least = max(breadth * sqrt(points.shape[1]), float(np.median(reach)))
        weight = np.maximum(reach, _LEAST_REACH) ** min(points.shape[1], _MOST_POWER)
        return _Balls(points, np.maximum(reach, least), weight / weight.sum())

    def inside(self, rows: slice) -> BoolArray:
        """Return which trials lie in the balls of some, shape (n_rows, n_trials)."""
        within: BoolArray = cdist(self.points[rows], self.points) <= self.radius[rows, np.newaxis]
        return within

    def share_of(self, chosen: BoolArray) -> FloatArray:
        """Return the share of each ball, by weight, that some trials make."""
        parts = (self.inside(rows) for rows in _rows(self.weight.size))
        return np.concatenate([(part @ (self.weight * chosen)) / (part @ self.weight) for part in parts])


def _rows(n: int) -> list[slice]:
    step = max(1, _CHUNK // n)
    return [slice(at, min(at + step, n)) for at in range(0, n, step)]


def _medians(scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the lower weighted median of each row of weights, shape (n_rows, n_trials)."""
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(weights[:, order], axis=1)
    total = below[:, -1]
    place = np.argmax(below >= 0.5 * total[:, np.newaxis], axis=1)
    return np.where(total > 0.0, scores[order][place], nan)


@dataclass(frozen=True, slots=True)
class _Landscape:
    """Medians of neighbourhoods among the trials that can be chosen; arrays of shape (n_trials,)."""

    local: FloatArray  # with the trial itself
    others: FloatArray  # without it
    n_effective: FloatArray

    @staticmethod
    def of(balls: _Balls, scores: FloatArray, usable: BoolArray) -> _Landscape:
        local, others, counts = [], [], []
        for rows in _rows(scores.size):
            weights = (balls.inside(rows) * balls.weight)[:, usable]
            local.append(_medians(scores[usable], weights))
            own = np.arange(scores.size)[rows, np.newaxis] == np.flatnonzero(usable)
            others.append(_medians(scores[usable], np.where(own, 0.0, weights)))
            counts.append(weights.sum(axis=1) ** 2 / np.maximum((weights**2).sum(axis=1), np.finfo(np.float64).tiny))
        return _Landscape(np.concatenate(local), np.concatenate(others), np.concatenate(counts))

    def noise(self, scores: FloatArray, weight: FloatArray) -> float:
        """Return the standard deviation of a score about its neighbourhood, over the space rather than the trials."""
        left = np.abs(scores - self.others)
        known = np.isfinite(left) & (weight > 0.0)
        if not known.any():
            return nan
        typical, size = (
            float(_medians(each[known], weight[np.newaxis, known])[0]) for each in (left, self.n_effective)
        )
        return _MAD * typical / sqrt(1.0 + _MEDIAN_LOSS / size)


def _regions(
    points: FloatArray,
    scores: FloatArray,
    usable: BoolArray,
    eligible: BoolArray,
    balls: _Balls,
    support: FloatArray,
    neighbours: int,
) -> Regions:
    landscape = _Landscape.of(balls, scores, usable)
    weight = np.where(eligible, balls.weight, 0.0)
    noise = landscape.noise(scores, weight)
    n_near = np.where(landscape.n_effective > 0.0, landscape.n_effective, nan)  # none that can be chosen lies near
    errors = noise * np.sqrt(_MEDIAN_LOSS / n_near)
    n_separate = float(weight.sum() ** 2 / (weight**2).sum()) / neighbours
    signal = _signal_share(landscape.local[eligible], errors[eligible], weight[eligible], n_separate)
    middle = float(_medians(scores[usable], balls.weight[np.newaxis, usable])[0])
    smoothed = np.where(usable, middle + signal * (landscape.local - middle), nan)
    best = int(np.argmax(np.where(eligible, smoothed, -np.inf)))
    # The best is the best of many, so what lies below it by chance is asked of all at once (Bonferroni).
    reach = -float(ndtri((1.0 - _LEVEL) / max(n_separate, 1.0)))
    apart = reach * np.sqrt(signal * (errors[best] ** 2 + errors**2))
    good = eligible & (smoothed >= smoothed[best] - apart)
    labels, shares = _connected(balls, good)
    members = np.flatnonzero(labels == 0)
    sound = members[scores[members] >= landscape.local[members] - 2.0 * noise]
    peak = int(np.argmax(np.where(usable, scores, -np.inf)))
    around = float(landscape.others[peak])
    return Regions(
        smoothed=smoothed,
        support=support,
        labels=labels,
        centre=_medoid(balls, sound if sound.size else members, members),
        members=members,
        low=points[members].min(axis=0),
        high=points[members].max(axis=0),
        share=float(shares[0]),
        noise=noise,
        signal_share=signal,
        peak=peak,
        peak_ratio=_ratio(float(scores[peak]), around),
        peak_excess=_excess(float(scores[peak]) - around, noise),
    )


def _signal_share(local: FloatArray, errors: FloatArray, weight: FloatArray, n_separate: float) -> float:
    """Return the share of the variance of medians that noise does not explain, n_separate of them having no overlap."""
    spread = float(np.average((local - np.average(local, weights=weight)) ** 2, weights=weight))
    freedom = max(n_separate - 1.0, 1.0)
    bound = float(chdtri(freedom, 1.0 - _LEVEL)) / freedom
    noise = float(np.average(errors**2, weights=weight))
    return float(np.clip(1.0 - bound * noise / spread, 0.0, 1.0)) if spread > 0.0 else 0.0


def _ratio(peak: float, around: float) -> Figure:
    return figure(peak / around) if around > 0.0 else missing("the neighbours of the peak score no more than 0")


def _excess(above: float, noise: float) -> Figure:
    return figure(above / noise) if noise > 0.0 else missing("the scores have no noise")


def _connected(balls: _Balls, good: BoolArray) -> tuple[Int64Array, FloatArray]:
    """Return the region of each trial, the widest first, and the share of each; two touch that see each other."""
    chosen = np.flatnonzero(good)
    ends: list[Int64Array] = []
    for rows in _rows(chosen.size):
        apart = cdist(balls.points[chosen[rows]], balls.points[chosen])
        near = apart <= np.minimum(balls.radius[chosen[rows], np.newaxis], balls.radius[chosen])
        ends.append(np.argwhere(near) + np.array([rows.start, 0]))
    pairs = np.concatenate(ends)
    graph = coo_array((np.ones(len(pairs), dtype=np.bool_), pairs.T), shape=(chosen.size, chosen.size))
    n_regions, found = connected_components(graph, directed=False)
    share = np.bincount(found, weights=balls.weight[chosen], minlength=n_regions).astype(np.float64)
    order: Int64Array = np.argsort(-share, kind="stable").astype(np.int64)
    labels = np.full(good.size, -1, dtype=np.int64)
    labels[chosen] = np.argsort(order)[found]
    return labels, share[order]


def _medoid(balls: _Balls, candidates: Int64Array, members: Int64Array) -> int:
    weight = balls.weight[members]
    sums = [cdist(balls.points[candidates[rows]], balls.points[members]) @ weight for rows in _rows(candidates.size)]
    return int(candidates[np.argmin(np.concatenate(sums))])
