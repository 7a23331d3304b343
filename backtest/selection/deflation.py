"""The Sharpe ratio of a chosen trial after all that were tried: by their count, by their clusters, by resampling."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np
from scipy.optimize import brentq

from backtest.metrics.figures import Figure, missing
from backtest.metrics.performance import why_short
from backtest.metrics.sharpe_inference import deflated_sharpe, probabilistic_sharpe
from backtest.selection.columns import varying_columns
from backtest.selection.draws import check_draws, day_weights, shared_block_length
from backtest.selection.effective_trials import EffectiveTrials
from backtest.selection.superiority import sharpe_contributions
from fields.evidence.multiplicity import expected_maximum
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["Deflation", "deflation"]

_CHUNK: Final = 1_000_000  # resampled ratios held at a time, 8 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Deflation:
    """Probability that the true Sharpe ratio of a chosen trial exceeds the best that luck shows, in three ways.

    Parameters
    ----------
    told : Figure
        With every trial that was told and the spread of the trials' ratios: the usual one.
    clustered : Figure
        With the number of clusters and the spread of their ratios. Choice within a cluster is left out of it, so it is
        the mildest; missing where there are no two clusters.
    resampled : Figure
        Against the mean best ratio of resampled days on which every trial's ratio is set to 0: what the trials share is
        in it exactly.
    n_told : int
        Trials ever run on these days, those of earlier studies and those given up included.
    n_effective : int
        As `EffectiveTrials`; 0 where it is not known.
    n_implied : float
        Independent trials whose best would be as high as the resampled one.
    trial_spread : float
        Standard deviation of the trials' Sharpe ratios per day (n - 1).
    lucky_told, lucky_resampled : float
        Sharpe ratio per day that luck alone shows, by the count and by resampling.
    """

    told: Figure
    clustered: Figure
    resampled: Figure
    n_told: int
    n_effective: int
    n_implied: float
    trial_spread: float
    lucky_told: float
    lucky_resampled: float


def deflation(
    returns: FloatArray,
    chosen: int,
    *,
    n_told: int,
    effective: EffectiveTrials,
    rng: np.random.Generator,
    trial_sharpes: FloatArray | None = None,
    block: float | None = None,
    n_draws: int = 1_000,
) -> Deflation:
    """Deflate the Sharpe ratio of a chosen trial.

    Parameters
    ----------
    returns : ndarray, shape (n_days, n_trials)
        Daily returns of all trials whose returns are known, on the same days.
    chosen : int
        Column of the chosen one.
    n_told : int
        Trials that led to the choice, at least those of `returns`.
    effective : EffectiveTrials
        Of the same returns.
    rng : numpy.random.Generator
        Source of chance.
    trial_sharpes : ndarray, shape (n_known,), optional
        Sharpe ratios per day of all trials told, where more are known than those of `returns`.
    block : float, optional
        Mean block length, days; `shared_block_length` of the returns where it is not told.
    n_draws : int
        Resamples by the stationary bootstrap, at least 100.

    Returns
    -------
    Deflation
        Each figure missing for its own reason.

    Notes
    -----
    Where more trials are told than have returns, those without are taken to be as alike as those with: the implied
    number grows by the ratio of both.

    References
    ----------
    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40; Lopez de Prado and Lewis (2018); White
    (2000), Econometrica 68, for resampling under the null.
    """
    columns = np.flatnonzero(varying_columns(returns))
    _check(returns, chosen, n_told, block, n_draws)
    excess = returns[:, chosen]
    reason = why_short(excess)
    known = returns[:, columns]
    sharpes = known.mean(axis=0) / known.std(axis=0, ddof=1) if not reason else np.empty(0)
    told = trial_sharpes if trial_sharpes is not None else sharpes
    told = told[np.isfinite(told)]
    spread = float(told.std(ddof=1)) if told.size > 1 else nan
    n_implied, lucky = (nan, nan) if reason else _lucky(known, n_told, block, n_draws, rng)
    return Deflation(
        told=deflated_sharpe(excess, n_trials=n_told, trial_sharpes=told),
        clustered=_clustered(excess, effective),
        resampled=missing(reason) if reason else probabilistic_sharpe(excess, benchmark=lucky),
        n_told=n_told,
        n_effective=effective.n_effective,
        n_implied=n_implied,
        trial_spread=spread,
        lucky_told=expected_maximum(n_told, spread),
        lucky_resampled=lucky,
    )


def _check(returns: FloatArray, chosen: int, n_told: int, block: float | None, n_draws: int) -> None:
    check_draws(block, n_draws)
    if returns.ndim != 2 or not 0 <= chosen < returns.shape[1]:
        raise DataError("the chosen trial is none of them", found=f"column {chosen} of {returns.shape}")
    if n_told < returns.shape[1]:
        raise DataError(
            "fewer trials are told than have returns",
            found=f"{n_told} told, {returns.shape[1]} with returns",
            action="count every trial that was run on these days",
        )


def _clustered(excess: FloatArray, effective: EffectiveTrials) -> Figure:
    if not effective.is_clustered:
        return missing(effective.reason or "the trials do not fall into clusters")
    return deflated_sharpe(excess, n_trials=effective.n_effective, trial_sharpes=effective.cluster_sharpes)


def _lucky(
    returns: FloatArray, n_told: int, block: float | None, n_draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the implied number of independent trials, and the Sharpe ratio per day that so many show by luck."""
    n_days, n_trials = returns.shape
    daily = sharpe_contributions(returns)
    daily -= daily.mean(axis=0)
    length = shared_block_length(returns).value if block is None else block
    weights = day_weights(n_days, block=length, n_draws=n_draws, rng=rng)
    best = np.full(n_draws, -np.inf)
    step = max(1, _CHUNK // n_draws)
    for at in range(0, n_trials, step):
        np.maximum(best, (weights @ daily[:, at : at + step]).max(axis=1), out=best)
    error = 1.0 / np.sqrt(n_days - 1)
    seen = float(best.mean())
    n_implied = _independent(seen / error) * n_told / n_trials
    # The count of independent ones makes up for trials without returns; without any the resampled figure stands itself.
    return n_implied, seen if n_told == n_trials else max(seen, expected_maximum(max(round(n_implied), 1), error))


def _independent(best: float) -> float:
    """Return how many independent standard normals have this expected maximum, at least 1."""
    two = expected_maximum(2, 1.0)
    if best <= two:
        return 1.0 + max(best, 0.0) / two  # the approximation holds from two on
    return float(brentq(lambda size: expected_maximum(size, 1.0) - best, 2.0, 1e12))
