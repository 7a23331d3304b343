"""The outer estimate: what the rule of choice earned on days that it had not seen, with an interval and a baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from backtest.metrics.figures import Figure, missing
from backtest.metrics.performance import sharpe_ratio
from backtest.metrics.resampling import BootstrapInterval, Statistic, bootstrap_intervals
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["OuterEstimate", "outer_estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterEstimate:
    """A daily metric on days outside the search.

    Parameters
    ----------
    value : BootstrapInterval
        The metric with its interval; the reason stands there where it has none.
    baseline : BootstrapInterval or None
        The same metric of the baseline; None without one.
    difference : BootstrapInterval or None
        The metric less that of the baseline; every draw takes the same days from both.
    n_days : int
        Days.
    """

    value: BootstrapInterval
    baseline: BootstrapInterval | None
    difference: BootstrapInterval | None
    n_days: int


def outer_estimate(
    returns: FloatArray,
    *,
    periods_per_year: float,
    rng: np.random.Generator,
    metric: Callable[[FloatArray], Figure] | None = None,
    name: str = "sharpe",
    baseline: FloatArray | None = None,
    n_draws: int = 1_000,
    level: float = 0.95,
) -> OuterEstimate:
    """Return a metric of days that no choice has seen.

    Parameters
    ----------
    returns : ndarray, shape (n_days,)
        Daily returns of the chosen points on their own test days, joined in time order.
    periods_per_year : float
        For the Sharpe ratio without subtraction, where no metric is told.
    rng : numpy.random.Generator
        Source of chance.
    metric : callable, optional
        From daily returns to a figure.
    name : str
        Of the metric.
    baseline : ndarray, shape (n_days,), optional
        Daily returns of the defaults on the same days.
    n_draws : int
        Resamples by the stationary bootstrap, at least 100.
    level : float
        Share of draws inside the interval.

    Returns
    -------
    OuterEstimate
        A missing metric stays missing with its reason. All figures stand on the same draws.
    """
    if returns.ndim != 1 or (baseline is not None and baseline.shape != returns.shape):
        raise DataError(
            "an estimate needs one return a day, and the baseline on the same days",
            found=f"{returns.shape}" + ("" if baseline is None else f" and {baseline.shape}"),
        )
    measure = partial(sharpe_ratio, periods_per_year=periods_per_year) if metric is None else metric
    statistics: dict[str, Statistic] = {name: lambda chosen, _: measure(chosen)}
    if baseline is not None:
        statistics |= {
            f"{name}_baseline": lambda _, other: measure(other),
            f"{name}_difference": lambda chosen, other: _less(measure(chosen), measure(other)),
        }
    found = bootstrap_intervals(returns, statistics, rng=rng, excess=baseline, n_draws=n_draws, level=level)
    other, difference = found[1:] or (None, None)
    return OuterEstimate(value=found[0], baseline=other, difference=difference, n_days=returns.size)


def _less(first: Figure, second: Figure) -> Figure:
    return (
        missing(first.reason or second.reason)
        if first.reason or second.reason
        else Figure(value=first.value - second.value)
    )
