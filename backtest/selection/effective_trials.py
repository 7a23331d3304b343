"""How many different things were tried: clusters of trials whose daily returns move together, and closed forms."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, nan
from typing import Final

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from backtest.metrics.performance import MIN_RETURNS
from backtest.selection.columns import varying_columns
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["EffectiveTrials", "effective_trials"]

_MOST_CLUSTERED: Final = 2_000  # trials; the distances of more would not fit into memory beside the sweep
_EVERY_COUNT: Final = 40  # numbers of clusters that are all looked at; beyond, each is a tenth more
_LEAST_SILHOUETTE: Final = 0.25  # below it, clusters are not told from noise (Kaufman and Rousseeuw's usual bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveTrials:
    """Trials that are not repetitions of each other.

    Parameters
    ----------
    n_effective : int
        Number of clusters where there are any; else, where no cluster can be told, what the eigenvalues say, rounded
        up. 0 where nothing is known.
    is_clustered : bool
        Whether the trials fall into clusters.
    labels : ndarray of int64, shape (n_trials,)
        Cluster of each trial, from 0; -1 for one that was left out, and for all where no cluster can be told.
    silhouette : float
        Mean silhouette of the clusters, -1 to 1.
    cluster_sharpes : ndarray, shape (n_clusters,)
        Sharpe ratio per day of each cluster's mean return at equal risk of its trials; empty where none can be told.
    by_eigenvalues : float
        ``n^2 / sum of squared correlations``: participation of the eigenvalues, without what chance adds to them.
    by_average_correlation : float
        ``r + (1 - r) n`` with the mean correlation ``r``, not below 0.
    average_correlation : float
        Mean over pairs.
    n_trials, n_left_out : int
        Columns that were judged; those with a value that is not finite or constant, and those beyond 2 000.
    reason : str
        Why nothing is known; empty where something is.
    """

    n_effective: int
    is_clustered: bool
    labels: Int64Array
    silhouette: float
    cluster_sharpes: FloatArray
    by_eigenvalues: float
    by_average_correlation: float
    average_correlation: float
    n_trials: int
    n_left_out: int
    reason: str = ""


def effective_trials(returns: FloatArray) -> EffectiveTrials:
    """Return the number of effective trials.

    Parameters
    ----------
    returns : ndarray, shape (n_days, n_trials)
        Daily returns of all trials on the same days.

    Returns
    -------
    EffectiveTrials
        Of more than 2 000 trials, 2 000 evenly spaced ones are clustered.

    Notes
    -----
    The number of clusters is the one with the best quality of silhouettes, their mean over their spread, as in ONC;
    the clusters themselves are those of average linkage rather than of k-means, which needs no starting points and
    gives the same answer every time.

    References
    ----------
    Lopez de Prado and Lewis (2018), Detection of False Investment Strategies Using Unsupervised Learning Methods;
    Kaufman and Rousseeuw (1990), Finding Groups in Data.
    """
    if returns.ndim != 2:
        raise DataError("returns of trials have the wrong shape", found=str(returns.shape), expected="days by trials")
    columns = np.flatnonzero(varying_columns(returns))
    n_known = columns.size
    columns = columns[np.unique(np.linspace(0, n_known - 1, min(n_known, _MOST_CLUSTERED)).astype(np.int64))]
    reason = _why_none(returns.shape[0], columns.size)
    if reason:
        return _unknown(reason, returns.shape[1], columns.size)
    in_risk = returns[:, columns] / returns[:, columns].std(axis=0)  # equal risk, so that no leverage decides
    centred = in_risk - in_risk.mean(axis=0)
    correlation = centred.T @ centred / returns.shape[0]
    found, silhouette = _clusters(correlation)
    is_clustered = silhouette >= _LEAST_SILHOUETTE
    n = columns.size
    average = (float(correlation.sum()) - n) / (n * (n - 1)) if n > 1 else nan
    participation = _participation(correlation, returns.shape[0])
    labels = np.full(returns.shape[1], -1, dtype=np.int64)
    labels[columns] = found if is_clustered else -1
    return EffectiveTrials(
        n_effective=int(found.max()) + 1 if is_clustered else ceil(participation - 1e-9),
        is_clustered=is_clustered,
        labels=labels,
        silhouette=silhouette,
        cluster_sharpes=_cluster_sharpes(in_risk, found) if is_clustered else np.empty(0),
        by_eigenvalues=participation,
        by_average_correlation=n - max(average, 0.0) * (n - 1) if n > 1 else 1.0,
        average_correlation=average,
        n_trials=n,
        n_left_out=returns.shape[1] - n,
    )


def _why_none(n_days: int, n_known: int) -> str:
    if n_days < MIN_RETURNS:
        return f"{n_days} days; at least {MIN_RETURNS} are needed"
    return "" if n_known else "no trial has returns that vary"


def _unknown(reason: str, n_trials: int, n_known: int) -> EffectiveTrials:
    return EffectiveTrials(
        n_effective=0,
        is_clustered=False,
        labels=np.full(n_trials, -1, dtype=np.int64),
        silhouette=nan,
        cluster_sharpes=np.empty(0),
        by_eigenvalues=nan,
        by_average_correlation=nan,
        average_correlation=nan,
        n_trials=n_known,
        n_left_out=n_trials - n_known,
        reason=reason,
    )


def _participation(correlation: FloatArray, n_days: int) -> float:
    """Return n^2 over the sum of squared correlations, less what chance adds to each pair: 1 / (n_days - 1)."""
    n = correlation.shape[0]
    squares = float((correlation**2).sum()) - n
    real = max(squares - n * (n - 1) / (n_days - 1), 0.0)
    return float(n * n / (n + real))


def _clusters(correlation: FloatArray) -> tuple[Int64Array, float]:
    """Return the labels with the best quality of silhouettes, and their mean silhouette."""
    n = correlation.shape[0]
    alone = np.arange(n, dtype=np.int64)
    if n < 4:
        return alone, nan
    apart = _distances(correlation)
    tree = linkage(squareform(apart, checks=False), "average")
    best, labels, mean = -np.inf, alone, nan
    for count in _counts(n):
        cut = np.unique(fcluster(tree, count, "maxclust"), return_inverse=True)[1].astype(np.int64)
        silhouettes = _silhouettes(apart, cut)
        spread = float(silhouettes.std())
        quality = float(silhouettes.mean()) / spread if spread > 0.0 else float(np.sign(silhouettes.mean())) * 1e12
        if quality > best:
            best, labels, mean = quality, cut, float(silhouettes.mean())
    return labels, mean


def _counts(n: int) -> list[int]:
    geometric = (int(_EVERY_COUNT * 1.1**step) for step in range(1, 50))
    return [count for count in (*range(2, _EVERY_COUNT + 1), *geometric) if count < n]


def _distances(correlation: FloatArray) -> FloatArray:
    # Between rows of sqrt((1 - r) / 2): two trials are alike where they stand alike to all others.
    rows = np.sqrt(np.clip(1.0 - correlation, 0.0, 2.0) / 2.0)
    np.fill_diagonal(rows, 0.0)
    products = rows @ rows.T
    own = np.diag(products)
    squares = np.maximum(own[:, np.newaxis] + own - 2.0 * products, 0.0)
    np.fill_diagonal(squares, 0.0)
    distances: FloatArray = np.sqrt((squares + squares.T) / 2.0)
    return distances


def _silhouettes(apart: FloatArray, labels: Int64Array) -> FloatArray:
    """Return how much nearer each trial is to its own cluster than to the next; 0 for one that is alone."""
    order, sizes = np.argsort(labels, kind="stable"), np.bincount(labels)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums = np.add.reduceat(apart[:, order], starts, axis=1)
    place, own_size = np.arange(labels.size), sizes[labels]
    inside = sums[place, labels] / np.maximum(own_size - 1, 1)
    means = sums / sizes
    means[place, labels] = np.inf
    outside = means.min(axis=1)
    larger = np.maximum(inside, outside)
    silhouettes = np.divide(outside - inside, larger, out=np.zeros(labels.size), where=larger > 0.0)
    return np.where(own_size > 1, silhouettes, 0.0)


def _cluster_sharpes(in_risk: FloatArray, labels: Int64Array) -> FloatArray:
    means = np.stack([in_risk[:, labels == label].mean(axis=1) for label in range(int(labels.max()) + 1)], axis=1)
    sharpes: FloatArray = means.mean(axis=0) / means.std(axis=0, ddof=1)
    return sharpes
