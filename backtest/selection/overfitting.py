"""Probability of backtest overfitting by combinatorially symmetric cross-validation (CSCV)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import isfinite, nan, sqrt
from typing import Final

import numpy as np
from scipy.special import stdtrit

from backtest.metrics.figures import Figure, figure, missing
from backtest.selection.columns import varying_columns
from backtest.selection.slice_scores import SHARPE, SliceScore
from market.chains import BoolArray, FloatArray
from market.errors import ConfigError, DataError
from market.trades import Int64Array

__all__ = ["Overfitting", "Spread", "overfitting", "slices_for"]

_MOST_SLICES: Final = 16
_LEAST_SLICES: Final = 6  # 20 combinations; fewer say nothing of a probability
_LEAST_DAYS: Final = 10  # of a slice, so that half of the slices hold a month at least
_MOST_LOST: Final = 0.05  # more combinations without a figure than this bias what is left
_CHUNK: Final = 64_000  # scores held at a time, 0.5 MB: what stays in the cache is three times as fast
_POOL: Final = 200_000  # scores that the distribution of all is made of
_GRID: Final = 501  # places at which distributions are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure with its jackknife interval.

    Parameters
    ----------
    value, low, high : float
        NaN where there is none.
    reason : str
        Why there is no value or no interval; empty where there are both.
    """

    value: float
    low: float
    high: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """What became of the best in one half of the days on the other half, over all halves.

    Parameters
    ----------
    pbo : Spread
        Share of the combinations in which the best of one half is at or below the median of the other. About 0.5 where
        there is nothing to choose, whether all trials are noise or all are as good as each other.
    slope : Spread
        Of the regression of the chosen trial's score outside on its score inside. Below 0 where a better look makes a
        worse outcome; noise alone gives -0.3 to -1, because what one half has the other lacks.
    loss_probability : Figure
        Share of the combinations in which the chosen trial's score outside is below 0.
    dominates_first, dominates_second : bool or None
        Whether choosing stochastically dominates taking any trial at random, in the first and second order; None where
        there is no figure.
    logits : ndarray, shape (n_combinations,)
        ``ln(w / (1 - w))`` of the relative rank ``w`` of the chosen trial outside; NaN where it has none.
    chosen : ndarray of int64, shape (n_combinations,)
        Column of the chosen trial; -1 where none had a score.
    inside, outside : ndarray, shape (n_combinations,)
        Score of the chosen trial in the half that chose it and in the other.
    n_slices, n_combinations, n_days : int
        Slices of about equal days, ways of halving them, and days.
    n_trials, n_left_out : int
        Columns that were ranked, and columns that were not: with a value that is not finite, or constant.
    reason : str
        Why there is no probability; empty where there is one.
    """

    pbo: Spread
    slope: Spread
    loss_probability: Figure
    dominates_first: bool | None
    dominates_second: bool | None
    logits: FloatArray
    chosen: Int64Array
    inside: FloatArray
    outside: FloatArray
    n_slices: int
    n_combinations: int
    n_days: int
    n_trials: int
    n_left_out: int
    reason: str = ""


def slices_for(n_days: int) -> int:
    """Return how many slices days are cut into: even, 16 at most, of 10 days at least; 0 where 6 do not fit."""
    n_slices = min(_MOST_SLICES, n_days // _LEAST_DAYS // 2 * 2)
    return n_slices if n_slices >= _LEAST_SLICES else 0


def overfitting(
    returns: FloatArray, *, n_slices: int | None = None, score: SliceScore = SHARPE, level: float = 0.95
) -> Overfitting:
    """Return the probability that the trial which looks best is no better than the median one.

    Parameters
    ----------
    returns : ndarray, shape (n_days, n_trials)
        Daily returns of all trials on the same days in time order.
    n_slices : int, optional
        Even, 4 to 20; `slices_for` the days where it is not told.
    score : SliceScore
        What the trials are chosen by; more is better.
    level : float
        Of the jackknife intervals, which leave out two neighbouring slices at a time.

    Returns
    -------
    Overfitting
        Without figures and with a reason where fewer than two trials differ or the days are too few. A trial that has
        no score in a half is not chosen there; where the chosen one has none outside, the combination has no figure,
        and more than 5 % of such leave no probability.

    References
    ----------
    Bailey, Borwein, Lopez de Prado and Zhu (2017), Journal of Computational Finance 20.
    """
    if returns.ndim != 2:
        raise DataError("returns of trials have the wrong shape", found=str(returns.shape), expected="days by trials")
    n_slices = slices_for(returns.shape[0]) if n_slices is None else n_slices
    if n_slices and (n_slices % 2 or not 4 <= n_slices <= 20):
        raise ConfigError("days cannot be halved so", found=f"{n_slices} slices", expected="an even number, 4 to 20")
    is_ranked = varying_columns(returns)
    kept = returns[:, is_ranked]
    reason = _why_none(kept, n_slices)
    outcome = _Outcome.none() if reason else _outcome(np.array_split(kept, n_slices), score)
    reason = reason or outcome.why_lossy
    again = () if reason else _left_out_pairs(np.array_split(kept, n_slices), score)
    first, second = (None, None) if reason else outcome.dominance()
    return Overfitting(
        pbo=_spread([each.pbo for each in (outcome, *again)], reason, level, bounds=(0.0, 1.0)),
        slope=_spread([each.slope for each in (outcome, *again)], reason, level),
        loss_probability=missing(reason) if reason else figure(outcome.loss_probability),
        dominates_first=first,
        dominates_second=second,
        logits=outcome.logits,
        chosen=np.append(np.flatnonzero(is_ranked), -1)[outcome.chosen],
        inside=outcome.inside,
        outside=outcome.outside,
        n_slices=n_slices,
        n_combinations=outcome.logits.size,
        n_days=returns.shape[0],
        n_trials=kept.shape[1],
        n_left_out=int((~is_ranked).sum()),
        reason=reason,
    )


def _why_none(kept: FloatArray, n_slices: int) -> str:
    if kept.shape[1] < 2 or (kept == kept[:, :1]).all():
        return "fewer than two trials with returns that vary differ from each other"
    if not n_slices or kept.shape[0] < 2 * n_slices:
        return f"{kept.shape[0]} days do not make {n_slices or _LEAST_SLICES} slices"
    return ""


def _halves(n_slices: int) -> BoolArray:
    """Every half that holds the first slice; its complement is the other half. Shape (n_combinations / 2, n_slices)."""
    rest = combinations(range(1, n_slices), n_slices // 2 - 1)
    members = np.array([(0, *others) for others in rest], dtype=np.int64)
    halves = np.zeros((members.shape[0], n_slices), dtype=np.bool_)
    np.put_along_axis(halves, members, values=True, axis=1)
    return halves


@dataclass(frozen=True, slots=True)
class _Outcome:
    logits: FloatArray
    chosen: Int64Array
    inside: FloatArray
    outside: FloatArray
    pool: FloatArray  # scores outside of all trials, of every k-th combination where they are many

    @staticmethod
    def none() -> _Outcome:
        empty = np.empty(0)
        return _Outcome(empty, np.empty(0, dtype=np.int64), empty, empty, empty)

    @property
    def why_lossy(self) -> str:
        lost, size = int(np.isnan(self.logits).sum()), self.logits.size
        return f"{lost} of {size} combinations have no figure" if lost > _MOST_LOST * size else ""

    @property
    def pbo(self) -> float:
        known = self.logits[~np.isnan(self.logits)]
        return float((known <= 0.0).mean()) if known.size else nan

    @property
    def loss_probability(self) -> float:
        return float((self.outside[~np.isnan(self.outside)] < 0.0).mean())

    @property
    def slope(self) -> float:
        known = ~np.isnan(self.logits)
        inside, outside = self.inside[known], self.outside[known]
        centred = inside - inside.mean() if inside.size else inside
        spread = float(centred @ centred)
        return float(centred @ outside) / spread if spread > 0.0 else nan

    def dominance(self) -> tuple[bool, bool]:
        """Whether the distribution of the chosen lies right of that of all, everywhere, and in its integral."""
        chosen, pool = np.sort(self.outside[~np.isnan(self.outside)]), np.sort(self.pool)
        places = np.linspace(0, pool.size - 1, _GRID).astype(np.int64)
        grid = np.unique(np.concatenate([pool[places], chosen[[0, -1]]]))
        gap = _shares(pool, grid) - _shares(chosen, grid)
        area = np.concatenate([[0.0], np.cumsum(gap[:-1] * np.diff(grid))])
        return bool((gap >= 0.0).all()), bool((area >= -1e-12 * np.abs(grid).max()).all())


def _shares(ordered: FloatArray, grid: FloatArray) -> FloatArray:
    shares: FloatArray = np.searchsorted(ordered, grid, side="right") / ordered.size
    return shares


def _outcome(slices: list[FloatArray], score: SliceScore) -> _Outcome:
    scores, halves, n_trials = score.prepared(slices), _halves(len(slices)), slices[0].shape[1]
    step = max(1, _CHUNK // n_trials)
    every = max(1, 2 * halves.shape[0] * n_trials // _POOL)
    parts: list[tuple[FloatArray, Int64Array, FloatArray, FloatArray]] = []
    pools: list[FloatArray] = []
    for at in range(0, halves.shape[0], step):
        one, other = scores(halves[at : at + step]), scores(~halves[at : at + step])
        parts += [_chosen(one, other), _chosen(other, one)]
        pooled = slice(-at % every, None, every)
        pools += [found[np.isfinite(found)] for found in (one[pooled], other[pooled])]
    logits, chosen, inside, outside = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Outcome(logits, chosen, inside, outside, np.concatenate(pools))


def _chosen(inside: FloatArray, outside: FloatArray) -> tuple[FloatArray, Int64Array, FloatArray, FloatArray]:
    """Logit of the best inside, its column, and its scores; of scores of shape (n_combinations, n_trials)."""
    rows = np.arange(inside.shape[0])
    best = np.argmax(np.where(np.isnan(inside), -np.inf, inside), axis=1)
    looked, became = inside[rows, best], outside[rows, best]
    below = (outside < became[:, np.newaxis]).sum(axis=1)
    equal = (outside == became[:, np.newaxis]).sum(axis=1)
    rank = below + (equal + 1.0) / 2.0
    share = rank / ((~np.isnan(outside)).sum(axis=1) + 1.0)
    known = ~np.isnan(looked) & ~np.isnan(became)
    logits = np.log(share / (1.0 - share), where=known, out=np.full(rows.size, np.nan))
    return logits, np.where(np.isnan(looked), -1, best), looked, became


def _left_out_pairs(slices: list[FloatArray], score: SliceScore) -> tuple[_Outcome, ...]:
    # Two at a time, because what is left must halve again.
    return tuple(_outcome([*slices[:at], *slices[at + 2 :]], score) for at in range(0, len(slices), 2))


def _spread(
    values: list[float], reason: str, level: float, *, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Spread:
    """Return the first value with the delete-a-group jackknife interval that the others give it."""
    value, left_out = values[0], np.array(values[1:])
    if reason or not isfinite(value):
        return Spread(value=nan, low=nan, high=nan, reason=reason or "the scores inside do not vary")
    if not np.isfinite(left_out).all():
        return Spread(value=value, low=nan, high=nan, reason="without two of its slices the figure is not known")
    n = left_out.size
    error = sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
    reach = float(stdtrit(n - 1, 0.5 + level / 2.0)) * error
    low, high = np.clip([value - reach, value + reach], *bounds)
    return Spread(value=value, low=float(low), high=float(high))
