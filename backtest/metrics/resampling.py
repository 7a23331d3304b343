"""Intervals of metrics by the stationary bootstrap: blocks of random length keep what neighbouring days share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil, nan
from typing import Final

import numpy as np

from backtest.metrics.days import calendar_of, daily_returns, wealth_of_days
from backtest.metrics.drawdown import max_drawdown
from backtest.metrics.figures import Figure, figure, missing
from backtest.metrics.headline import RiskFree, excess_returns
from backtest.metrics.performance import (
    calmar_ratio,
    compound_growth,
    expected_shortfall,
    sharpe_ratio,
    sortino_ratio,
    volatility,
    why_short,
)
from backtest.metrics.sharpe_inference import probabilistic_sharpe
from backtest.results import RunResult
from market.chains import FloatArray
from market.errors import ConfigError
from market.trades import Int64Array

__all__ = [
    "BootstrapInterval",
    "Statistic",
    "block_length",
    "bootstrap_intervals",
    "daily_statistics",
    "headline_intervals",
    "stationary_places",
]

Statistic = Callable[[FloatArray, FloatArray], Figure]
"""A metric of returns and of returns over the risk-free rate, both of shape ``(n,)``."""

_MAX_LOST: Final = 0.05  # more draws without a figure than this bias what is left


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapInterval:
    """One metric with the spread that resampled blocks give it.

    Parameters
    ----------
    name : str
        Metric.
    value : float
        On the sample itself.
    low, high : float
        Percentile interval.
    standard_error : float
        Standard deviation over the draws.
    level : float
        Share of draws inside.
    n_draws : int
        Draws with a figure.
    block_length : float
        Mean length of the blocks, periods.
    reason : str
        Why there is no interval; empty where there is one.
    """

    name: str
    value: float
    low: float
    high: float
    standard_error: float
    level: float
    n_draws: int
    block_length: float
    reason: str = ""


def block_length(returns: FloatArray) -> Figure:
    """Return the mean block length that the sample's own autocorrelation asks for.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        In time order.

    Returns
    -------
    Figure
        Periods, at least 1. Missing for a short or constant sample.

    References
    ----------
    Politis and White (2004), Econometric Reviews 23, with the correction of Patton, Politis and White (2009).
    """
    reason = why_short(returns)
    if reason:
        return missing(reason)
    from arch.bootstrap import optimal_block_length  # a second to import: only where intervals are asked for

    return figure(max(1.0, float(optimal_block_length(returns)["stationary"].iloc[0])))


def stationary_places(n: int, *, block: float, n_draws: int, rng: np.random.Generator) -> Int64Array:
    """Return resampled places of a series.

    Parameters
    ----------
    n : int
        Length of the series.
    block : float
        Mean block length, >= 1.
    n_draws : int
        Resamples.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of int64, shape (n_draws, n)
        Each row runs on from place to place, circularly, and jumps with probability ``1 / block``.

    References
    ----------
    Politis and Romano (1994), Journal of the American Statistical Association 89.
    """
    from arch.bootstrap import StationaryBootstrap

    # The library takes any mean length, as its theory does; only its annotation says int.
    sampler = StationaryBootstrap(block, np.arange(n, dtype=np.int64), seed=rng)  # type: ignore[arg-type]
    draws = sampler.bootstrap(n_draws)
    return np.stack([positional[0] for positional, _ in draws])


def daily_statistics(periods_per_year: float) -> Mapping[str, Statistic]:
    """Return the metrics that get an interval, by name.

    Parameters
    ----------
    periods_per_year : float
        As `sharpe_ratio`.

    Returns
    -------
    mapping of str to Statistic
        The same definitions as in the headline, on days.
    """
    per_year = periods_per_year
    of_returns: dict[str, Callable[[FloatArray], Figure]] = {
        "mean_annual": lambda returns: figure(float(returns.mean()) * per_year),
        "cagr": partial(compound_growth, periods_per_year=per_year),
        "volatility": partial(volatility, periods_per_year=per_year),
        "calmar": partial(calmar_ratio, periods_per_year=per_year),
        "max_drawdown_daily": lambda returns: max_drawdown(wealth_of_days(returns)),
        "es_95": expected_shortfall,
    }
    of_excess: dict[str, Callable[[FloatArray], Figure]] = {
        "sharpe": partial(sharpe_ratio, periods_per_year=per_year),
        "sortino": partial(sortino_ratio, periods_per_year=per_year),
        "probabilistic_sharpe": probabilistic_sharpe,
    }
    first = {name: _of_first(metric) for name, metric in of_returns.items()}
    return first | {name: _of_second(metric) for name, metric in of_excess.items()}


def _of_first(metric: Callable[[FloatArray], Figure]) -> Statistic:
    return lambda returns, _: metric(returns)


def _of_second(metric: Callable[[FloatArray], Figure]) -> Statistic:
    return lambda _, excess: metric(excess)


def bootstrap_intervals(
    returns: FloatArray,
    statistics: Mapping[str, Statistic],
    *,
    rng: np.random.Generator,
    excess: FloatArray | None = None,
    n_draws: int = 1_000,
    level: float = 0.95,
) -> tuple[BootstrapInterval, ...]:
    """Return intervals of metrics of one series.

    Parameters
    ----------
    returns : ndarray, shape (n,)
        Simple returns per period in time order.
    statistics : mapping of str to Statistic
        Metrics by name, such as `daily_statistics`.
    rng : numpy.random.Generator
        Source of chance: the same generator gives the same intervals.
    excess : ndarray, shape (n,), optional
        Returns over the risk-free rate; the same as `returns` where it is not given.
    n_draws : int
        Resamples, at least 100.
    level : float
        Share of draws inside the interval.

    Returns
    -------
    tuple of BootstrapInterval
        In the order of `statistics`; all metrics stand on the same draws. A metric of extremes, such as the largest
        drawdown, is biased by resampling: its interval says how it could have come, not where the truth lies.
    """
    if n_draws < 100 or not 0.0 < level < 1.0:
        raise ConfigError(
            "a bootstrap cannot be",
            found=f"{n_draws} draws, level {level}",
            expected="100 draws or more, 0 < level < 1",
        )
    over = returns if excess is None else excess
    length = block_length(returns)
    if length.reason:
        values = {name: _value(metric, returns, over) for name, metric in statistics.items()}
        return tuple(_without(name, value, length.reason, level) for name, value in values.items())
    places = stationary_places(returns.size, block=length.value, n_draws=n_draws, rng=rng)
    drawn, drawn_over = returns[places], over[places]
    return tuple(
        _interval(
            name,
            metric(returns, over),
            np.array([metric(a, b).value for a, b in zip(drawn, drawn_over, strict=True)]),
            level=level,
            block=length.value,
        )
        for name, metric in statistics.items()
    )


def _value(metric: Statistic, returns: FloatArray, excess: FloatArray) -> float:
    return metric(returns, excess).value if returns.size else nan


def _without(
    name: str, value: float, reason: str, level: float, n_draws: int = 0, block: float = nan
) -> BootstrapInterval:
    return BootstrapInterval(
        name=name,
        value=value,
        low=nan,
        high=nan,
        standard_error=nan,
        level=level,
        n_draws=n_draws,
        block_length=block,
        reason=reason,
    )


def _interval(name: str, observed: Figure, drawn: FloatArray, *, level: float, block: float) -> BootstrapInterval:
    known = drawn[np.isfinite(drawn)]
    lost = drawn.size - known.size
    if observed.reason or lost > ceil(_MAX_LOST * drawn.size):
        reason = observed.reason or f"{lost} of {drawn.size} resamples have no figure"
        return _without(name, observed.value, reason, level, known.size, block)
    low, high = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return BootstrapInterval(
        name=name,
        value=observed.value,
        low=float(low),
        high=float(high),
        standard_error=float(known.std(ddof=1)),
        level=level,
        n_draws=known.size,
        block_length=block,
    )


def headline_intervals(
    result: RunResult,
    *,
    rng: np.random.Generator,
    risk_free: RiskFree = None,
    n_draws: int = 1_000,
    level: float = 0.95,
) -> tuple[BootstrapInterval, ...]:
    """Return intervals of the daily metrics of a run.

    Parameters
    ----------
    result : RunResult
        A run.
    rng : numpy.random.Generator
        Source of chance.
    risk_free : float or ndarray, shape (n_days,), or None
        As in `backtest.metrics.headline`; with None the ratios stand on returns without subtraction.
    n_draws, level : int, float
        As `bootstrap_intervals`.

    Returns
    -------
    tuple of BootstrapInterval
        As `daily_statistics`.
    """
    per_year = result.description.periods_per_year
    daily = daily_returns(result.curve, calendar_of(per_year))
    return bootstrap_intervals(
        daily.returns,
        daily_statistics(per_year),
        rng=rng,
        excess=excess_returns(daily, risk_free),
        n_draws=n_draws,
        level=level,
    )
