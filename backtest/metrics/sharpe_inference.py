"""How far a Sharpe ratio can be believed: its error, its probability, the trials behind it, the record it needs."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from backtest.metrics.figures import Figure, figure, missing
from backtest.metrics.performance import excess_kurtosis, sharpe_ratio, skewness
from fields.evidence.multiplicity import expected_maximum
from market.chains import FloatArray

__all__ = [
    "deflated_sharpe",
    "minimum_track_record",
    "probabilistic_sharpe",
    "sharpe_standard_error",
    "years_to_exclude_zero",
]

_NO_TRIALS: Final = "the spread of the trials' Sharpe ratios is not known"


def _spread(returns: FloatArray, sharpe: float) -> float:
    # Variance of sqrt(n - 1) times the ratio; >= 0 for every sample because kurtosis >= 1 + skewness^2.
    lean, tails = skewness(returns).value, excess_kurtosis(returns).value + 3.0
    return max(1.0 - lean * sharpe + (tails - 1.0) / 4.0 * sharpe * sharpe, 0.0)


def sharpe_standard_error(excess: FloatArray) -> Figure:
    """Return the standard error of the Sharpe ratio per period.

    Parameters
    ----------
    excess : ndarray, shape (n,)
        Returns less the risk-free return per period.

    Returns
    -------
    Figure
        Per period: multiply with ``sqrt(A)`` for the annual one. Skewness and fat tails are in it; dependence
        between periods is not, for which `backtest.metrics.resampling` draws blocks.

    References
    ----------
    Mertens (2002), University of Basel; Bailey and Lopez de Prado (2012), Journal of Risk 15.
    """
    sharpe = sharpe_ratio(excess, periods_per_year=1.0)
    return sharpe if sharpe.reason else figure(sqrt(_spread(excess, sharpe.value) / (excess.size - 1)))


def probabilistic_sharpe(excess: FloatArray, *, benchmark: float = 0.0) -> Figure:
    """Return the probability that the true Sharpe ratio exceeds a benchmark.

    Parameters
    ----------
    excess : ndarray, shape (n,)
        Returns less the risk-free return per period.
    benchmark : float
        Sharpe ratio per period, not annual.

    Returns
    -------
    Figure
        ``Phi((S - S*) / se(S))``, 0 to 1.

    References
    ----------
    Bailey and Lopez de Prado (2012), Journal of Risk 15.
    """
    error = sharpe_standard_error(excess)
    if error.reason:
        return error
    if error.value == 0.0:
        return missing("the returns take two values in a way that leaves the ratio without error")
    return figure(float(ndtr((sharpe_ratio(excess, periods_per_year=1.0).value - benchmark) / error.value)))


def deflated_sharpe(excess: FloatArray, *, n_trials: int, trial_sharpes: FloatArray | None = None) -> Figure:
    """Return the probability that the true Sharpe ratio exceeds the best that luck would show in as many trials.

    Parameters
    ----------
    excess : ndarray, shape (n,)
        Returns less the risk-free return per period, of the run that was chosen.
    n_trials : int
        Runs that led to it, itself included.
    trial_sharpes : ndarray, shape (n_known,), optional
        Sharpe ratios per period of the trials that are known; their spread (n - 1) tells how unlike the trials were.
        Without it each trial is taken to be luck alone, with the standard error ``1 / sqrt(n - 1)`` of a ratio of 0.

    Returns
    -------
    Figure
        0 to 1; `probabilistic_sharpe` about 0 with one trial. Trials count as independent, which is cautious.

    References
    ----------
    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40.
    """
    known = None if trial_sharpes is None else trial_sharpes[np.isfinite(trial_sharpes)]
    if known is not None and n_trials > 1 and known.size < 2:
        return missing(_NO_TRIALS)
    if excess.size < 2:
        return probabilistic_sharpe(excess)
    spread = 1.0 / sqrt(excess.size - 1) if known is None or known.size < 2 else float(known.std(ddof=1))
    return probabilistic_sharpe(excess, benchmark=expected_maximum(n_trials, spread))


def minimum_track_record(excess: FloatArray, *, benchmark: float = 0.0, level: float = 0.95) -> Figure:
    """Return how many periods are needed until a Sharpe ratio as observed beats a benchmark at a level.

    Parameters
    ----------
    excess : ndarray, shape (n,)
        Returns less the risk-free return per period.
    benchmark : float
        Sharpe ratio per period, not annual.
    level : float
        One-sided, such as 0.95.

    Returns
    -------
    Figure
        Periods; missing where the observed ratio does not exceed the benchmark: no record is then long enough.

    References
    ----------
    Bailey and Lopez de Prado (2012), Journal of Risk 15.
    """
    sharpe = sharpe_ratio(excess, periods_per_year=1.0)
    if sharpe.reason:
        return sharpe
    if sharpe.value <= benchmark:
        return missing("the Sharpe ratio does not exceed the benchmark")
    needed = float(ndtri(level)) / (sharpe.value - benchmark)
    return figure(1.0 + _spread(excess, sharpe.value) * needed * needed)


def years_to_exclude_zero(annual_sharpe: float, *, level: float = 0.95) -> Figure:
    """Return the years of daily returns after which a two-sided interval about a Sharpe ratio excludes 0.

    Parameters
    ----------
    annual_sharpe : float
        Annual ratio.
    level : float
        Of the interval.

    Returns
    -------
    Figure
        ``(z / S)^2`` years for normal, independent returns: 1.7 for a ratio of 1.5. Missing for a ratio of 0 or none.
    """
    if not np.isfinite(annual_sharpe) or annual_sharpe == 0.0:
        return missing("there is no Sharpe ratio other than 0")
    return figure((float(ndtri(0.5 + level / 2.0)) / annual_sharpe) ** 2)
