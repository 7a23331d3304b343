"""Whether the best of many trials beats a benchmark by more than luck: White's reality check and Hansen's SPA."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, nan, sqrt
from typing import Final

import numpy as np

from backtest.metrics.figures import figure, missing
from backtest.metrics.performance import MIN_RETURNS
from backtest.selection.columns import varying_columns
from backtest.selection.draws import check_draws, day_weights, shared_block_length
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["Superiority", "sharpe_contributions", "superiority"]

_CHUNK: Final = 1_000_000  # resampled means held at a time, 8 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Superiority:
    """Chance that luck alone shows a best trial as far above the benchmark as the one that was seen.

    Parameters
    ----------
    reality_check_p : float
        White's: differences as they are, each trial taken to be as good as the benchmark.
    spa_lower_p, spa_consistent_p, spa_upper_p : float
        Hansen's, on differences over their own deviation. Lower: each trial worse than the benchmark is as bad as it
        looks; upper: as good as the benchmark; consistent: as bad as it looks where it is so clearly.
    best : int or None
        Column with the largest mean difference over its deviation; None where there is no test.
    best_difference : float
        Its mean daily difference to the benchmark.
    block_length : float
        Mean length of the resampled blocks, days.
    n_days, n_draws : int
        Days, and resamples.
    n_trials, n_left_out : int
        Columns that were tested, and those that were not: with a value that is not finite, or always the same
        distance from the benchmark, as the benchmark itself is.
    reason : str
        Why there is no test; empty where there is one.
    """

    reality_check_p: float
    spa_lower_p: float
    spa_consistent_p: float
    spa_upper_p: float
    best: int | None
    best_difference: float
    block_length: float
    n_days: int
    n_draws: int
    n_trials: int
    n_left_out: int
    reason: str = ""


def sharpe_contributions(returns: FloatArray) -> FloatArray:
    """Return what each day adds to the Sharpe ratio per day, so that a test of means becomes one of ratios.

    Parameters
    ----------
    returns : ndarray, shape (n_days,) or (n_days, n_trials)
        Daily returns.

    Returns
    -------
    ndarray, of the same shape
        Its mean over days is the ratio (n), and its spread the ratio's own to first order; NaN for a constant column.
        A trial that merely takes more of the same risk than the benchmark is then no better.

    References
    ----------
    Ledoit and Wolf (2008), Journal of Empirical Finance 15.
    """
    spread = returns.std(axis=0)
    varies = spread > 64.0 * np.finfo(np.float64).eps * np.abs(returns.mean(axis=0))
    spread = np.where(varies, spread, nan)
    ratio, standard = returns.mean(axis=0) / spread, (returns - returns.mean(axis=0)) / spread
    contributions: FloatArray = ratio + standard - 0.5 * ratio * (standard * standard - 1.0)
    return contributions


def superiority(
    returns: FloatArray,
    benchmark: FloatArray,
    *,
    rng: np.random.Generator,
    block: float | None = None,
    n_draws: int = 1_000,
) -> Superiority:
    """Test whether any trial is better than the benchmark, taking into account that the best of many was looked for.

    Parameters
    ----------
    returns : ndarray, shape (n_days, n_trials)
        Daily returns, or other daily contributions whose mean is the score, such as `sharpe_contributions`.
    benchmark : ndarray, shape (n_days,)
        The same of the benchmark on the same days.
    rng : numpy.random.Generator
        Source of chance.
    block : float, optional
        Mean block length, days; `shared_block_length` of the differences where it is not told.
    n_draws : int
        Resamples by the stationary bootstrap, at least 100.

    Returns
    -------
    Superiority
        All p-values are at least ``1 / (n_draws + 1)``, and 1 where no trial is above the benchmark.

    References
    ----------
    White (2000), Econometrica 68; Hansen (2005), Journal of Business and Economic Statistics 23; Politis and Romano
    (1994), Journal of the American Statistical Association 89.
    """
    _check(returns, benchmark, block, n_draws)
    difference = returns - benchmark[:, np.newaxis]
    columns = np.flatnonzero(varying_columns(difference))
    # A trial that repeats the benchmark through another arithmetic differs from it by rounding alone.
    size = np.abs(returns[:, columns]).max(axis=0, initial=0.0)
    columns = columns[difference[:, columns].std(axis=0) > 64.0 * np.finfo(np.float64).eps * size]
    reason = _why_none(benchmark, columns.size)
    length = (
        missing(reason) if reason else shared_block_length(difference[:, columns]) if block is None else figure(block)
    )
    if length.reason:
        return _without(length.reason, returns, n_draws, columns.size)
    weights = day_weights(benchmark.size, block=length.value, n_draws=n_draws, rng=rng)
    tests = _Tests.of(difference[:, columns], weights, length.value)
    return Superiority(
        reality_check_p=tests.p_values[0],
        spa_lower_p=tests.p_values[1],
        spa_consistent_p=tests.p_values[2],
        spa_upper_p=tests.p_values[3],
        best=int(columns[tests.best]),
        best_difference=float(difference[:, columns[tests.best]].mean()),
        block_length=length.value,
        n_days=benchmark.size,
        n_draws=n_draws,
        n_trials=columns.size,
        n_left_out=returns.shape[1] - columns.size,
    )


def _check(returns: FloatArray, benchmark: FloatArray, block: float | None, n_draws: int) -> None:
    if returns.ndim != 2 or benchmark.shape != returns.shape[:1]:
        raise DataError(
            "trials and benchmark do not fit",
            found=f"{returns.shape} and {benchmark.shape}",
            expected="days by trials, and the same days",
        )
    check_draws(block, n_draws)


def _why_none(benchmark: FloatArray, n_tested: int) -> str:
    if benchmark.size < MIN_RETURNS:
        return f"{benchmark.size} days; at least {MIN_RETURNS} are needed"
    if not np.isfinite(benchmark).all():
        return "a return of the benchmark is not finite"
    return "" if n_tested else "no trial differs from the benchmark"


def _without(reason: str, returns: FloatArray, n_draws: int, n_tested: int) -> Superiority:
    return Superiority(
        reality_check_p=nan,
        spa_lower_p=nan,
        spa_consistent_p=nan,
        spa_upper_p=nan,
        best=None,
        best_difference=nan,
        block_length=nan,
        n_days=returns.shape[0],
        n_draws=n_draws,
        n_trials=n_tested,
        n_left_out=returns.shape[1] - n_tested,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class _Tests:
    p_values: tuple[float, ...]  # reality check, SPA lower, consistent, upper
    best: int

    @staticmethod
    def of(difference: FloatArray, weights: FloatArray, block: float) -> _Tests:
        n_days, n_trials = difference.shape
        mean, error = difference.mean(axis=0), _long_run_spread(difference, block) / sqrt(n_days)
        clearly_worse = mean < -sqrt(2.0 * log(log(n_days))) * error
        # What a resampled mean is held against: the reality check and the three of SPA.
        centres = np.stack([mean, np.maximum(mean, 0.0), np.where(clearly_worse, 0.0, mean), mean])
        # A scale by the plain deviation: that of the resampled mean is so noisy itself that the best of many would be
        # one whose error came out small, and the test would reject twice as often as it says.
        spread = difference.std(axis=0)
        units = np.stack([np.ones(n_trials), spread, spread, spread])
        drawn = np.zeros((4, weights.shape[0]))  # a best that is worse than the benchmark counts as 0
        for at in range(0, n_trials, max(1, _CHUNK // weights.shape[0])):
            part = slice(at, at + max(1, _CHUNK // weights.shape[0]))
            means = weights @ difference[:, part]
            for kind in range(4):
                best = ((means - centres[kind, part]) / units[kind, part]).max(axis=1)
                np.maximum(drawn[kind], best, out=drawn[kind])
        seen = np.maximum((mean / units).max(axis=1), 0.0)
        # The sample itself counts as one draw, so that no p-value is 0.
        exceed = (drawn >= seen[:, np.newaxis]).sum(axis=1)
        p_values = (1.0 + exceed) / (1.0 + weights.shape[0])
        return _Tests(tuple(float(p) for p in p_values), int(np.argmax(mean / spread)))


def _long_run_spread(difference: FloatArray, block: float) -> FloatArray:
    """Return the standard deviation of sqrt(n) times the resampled mean, exactly, by circular autocovariances."""
    n_days = difference.shape[0]
    centred = difference - difference.mean(axis=0)
    power = np.abs(np.fft.rfft(centred, axis=0)) ** 2
    covariance = np.fft.irfft(power, n=n_days, axis=0) / n_days
    lags = np.arange(n_days)
    weight = 2.0 * (1.0 - lags / n_days) * (1.0 - 1.0 / block) ** lags
    weight[0] = 1.0
    spread: FloatArray = np.sqrt(weight @ covariance)
    return spread
