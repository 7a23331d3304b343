"""Two runs on the same days: the difference of their daily returns by a fixed-horizon and by a sequential test."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, log, nan, sqrt
from typing import Final

import numpy as np
from scipy.special import stdtr, stdtrit

from backtest.metrics.days import DailyReturns, calendar_of, daily_returns
from backtest.metrics.figures import Figure, figure
from backtest.metrics.headline import RiskFree, excess_returns
from backtest.metrics.performance import is_constant, sharpe_ratio, why_short
from backtest.metrics.resampling import BootstrapInterval, Statistic, bootstrap_intervals
from backtest.results import RunDescription, RunResult
from market.chains import FloatArray
from market.errors import ConfigError, DataError

__all__ = ["Comparison", "FixedHorizonTest", "SequentialTest", "compare", "fixed_horizon_test", "sequential_test"]

_START: Final = 20
"""Days before the sequential test looks for the first time: the spread must be known first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedHorizonTest:
    """Tests that hold if the number of days was fixed before the first look.

    Parameters
    ----------
    mean, low, high : float
        Mean daily difference and its interval, by autocorrelation-robust error.
    p_value : float
        Two-sided, of equal means (Diebold and Mariano's statistic on returns).
    n_better, n_worse : int
        Days on which the second was better, and worse; equal days are neither.
    sign_p_value : float
        Two-sided exact test that both are as often better.
    reason : str
        Why there is no test; empty where there is one.
    """

    mean: float
    low: float
    high: float
    p_value: float
    n_better: int
    n_worse: int
    sign_p_value: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialTest:
    """A test that stays valid however often one looks, and whenever one stops.

    Parameters
    ----------
    low, high : ndarray, shape (n_days,)
        Confidence sequence of the mean daily difference after each day; NaN in the first 20 days and where the
        differences do not vary.
    p_value : float
        Always valid: the smallest so far.
    decided_day : str
        First day at which the sequence excluded 0; empty while it does not.
    tuned_for_days : int
        Days at which it is tightest.
    reason : str
        Why there is no test; empty where there is one.
    """

    low: FloatArray
    high: FloatArray
    p_value: float
    decided_day: str
    tuned_for_days: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The second run less the first, paired by day.

    Parameters
    ----------
    first, second : str
        Names of the runs.
    first_day, last_day : str
        Exchange dates, ISO.
    n_days : int
        Paired days.
    difference : ndarray, shape (n_days,)
        Daily return of the second less that of the first.
    profit_difference : ndarray, shape (n_days,)
        The same in account currency, deposits left out; runs with unlike capital are compared by returns alone.
    first_sharpe, second_sharpe : Figure
        Annual, over the risk-free rate where one was given.
    intervals : tuple of BootstrapInterval
        Of ``mean_difference_annual``, ``sharpe_difference`` and ``total_profit_difference``; every draw takes the same
        days from both runs.
    fixed : FixedHorizonTest
        Valid at a horizon that was fixed beforehand.
    sequential : SequentialTest
        Valid at any time.
    level : float
        Of all intervals.
    simulated : bool
        Whether any input was simulated.
    """

    first: str
    second: str
    first_day: str
    last_day: str
    n_days: int
    difference: FloatArray
    profit_difference: FloatArray
    first_sharpe: Figure
    second_sharpe: Figure
    intervals: tuple[BootstrapInterval, ...]
    fixed: FixedHorizonTest
    sequential: SequentialTest
    level: float
    simulated: bool


def compare(
    first: RunResult,
    second: RunResult,
    *,
    rng: np.random.Generator,
    risk_free: RiskFree = None,
    n_draws: int = 1_000,
    level: float = 0.95,
    tuned_for_days: int = 252,
) -> Comparison:
    """Compare two runs over the same data and days.

    Parameters
    ----------
    first, second : RunResult
        The runs; differences are second less first.
    rng : numpy.random.Generator
        Source of chance.
    risk_free : float or ndarray, shape (n_days,), or None
        As in `backtest.metrics.headline`.
    n_draws : int
        Resamples, at least 100.
    level : float
        Of all intervals.
    tuned_for_days : int
        Days at which the sequential test shall be tightest; it is valid at all.

    Returns
    -------
    Comparison
        Short or equal runs give NaN with reasons.

    Raises
    ------
    DataError
        The runs read other data, or cover other days, or count in other units.
    """
    _check_same(first.description, second.description)
    calendar = calendar_of(first.description.periods_per_year)
    a, b = daily_returns(first.curve, calendar), daily_returns(second.curve, calendar)
    _check_days(a, b)
    difference, profit = b.returns - a.returns, b.profit - a.profit
    over_a, over_b = excess_returns(a, risk_free), excess_returns(b, risk_free)
    per_year = float(first.description.periods_per_year)
    return Comparison(
        first=first.description.name,
        second=second.description.name,
        first_day=str(a.day[0]) if a.day.size else "",
        last_day=str(a.day[-1]) if a.day.size else "",
        n_days=a.day.size,
        difference=difference,
        profit_difference=profit,
        first_sharpe=sharpe_ratio(over_a, periods_per_year=per_year),
        second_sharpe=sharpe_ratio(over_b, periods_per_year=per_year),
        intervals=_intervals(over_a, over_b, profit, per_year, rng=rng, n_draws=n_draws, level=level),
        fixed=fixed_horizon_test(difference, level=level),
        sequential=sequential_test(difference, a.day, level=level, tuned_for_days=tuned_for_days),
        level=level,
        simulated=first.description.simulated or second.description.simulated,
    )


def _check_same(first: RunDescription, second: RunDescription) -> None:
    read = [sorted((source.name, source.digest) for source in run.sources) for run in (first, second)]
    if read[0] != read[1]:
        unlike = sorted({name for name, _ in set(read[0]) ^ set(read[1])}) or ["the number of readings"]
        raise DataError(
            "the runs read other data",
            found=f"{first.name} and {second.name} differ in {', '.join(unlike)}",
            expected="sources with equal names and digests",
            action="run both on the same data",
        )
    units = [(run.currency, run.periods_per_year) for run in (first, second)]
    if units[0] != units[1]:
        raise DataError(
            "the runs count in other units", found=f"{units[0]} and {units[1]}", expected="one currency and calendar"
        )


def _check_days(first: DailyReturns, second: DailyReturns) -> None:
    if not np.array_equal(first.day, second.day):
        only = np.setxor1d(first.day, second.day)
        raise DataError(
            "the runs cover other days",
            found=f"{first.day.size} and {second.day.size} days, {only.size} in one run only, such as {only[0]}",
            expected="a return of both runs on each day",
            action="run both over the same dates to the end, also one that stopped early",
        )


def _intervals(
    first: FloatArray,
    second: FloatArray,
    profit: FloatArray,
    per_year: float,
    *,
    rng: np.random.Generator,
    n_draws: int,
    level: float,
) -> tuple[BootstrapInterval, ...]:
    # Pairs stay together in every draw; the blocks' length comes from the difference, which is what is tested.
    def sharpe_difference(difference: FloatArray, over: FloatArray) -> Figure:
        a = sharpe_ratio(over - difference, periods_per_year=per_year)
        b = sharpe_ratio(over, periods_per_year=per_year)
        return figure(b.value - a.value, otherwise=a.reason or b.reason)

    statistics: dict[str, Statistic] = {
        "mean_difference_annual": lambda difference, _: figure(float(difference.mean()) * per_year),
        "sharpe_difference": sharpe_difference,
    }
    of_returns = bootstrap_intervals(second - first, statistics, rng=rng, excess=second, n_draws=n_draws, level=level)
    total: dict[str, Statistic] = {"total_profit_difference": lambda money, _: figure(float(money.sum()))}
    return of_returns + bootstrap_intervals(profit, total, rng=rng, n_draws=n_draws, level=level)


def _long_run_variance(values: FloatArray) -> float:
    """Return n times the variance of the mean, by Newey and West with Bartlett's weights."""
    n = values.size
    centred = values - values.mean()
    n_lags = min(int(4.0 * (n / 100.0) ** (2.0 / 9.0)), n - 1)
    total = float(centred @ centred) / n
    for lag in range(1, n_lags + 1):
        total += 2.0 * (1.0 - lag / (n_lags + 1.0)) * float(centred[lag:] @ centred[:-lag]) / n
    return max(total, 0.0)


def fixed_horizon_test(difference: FloatArray, *, level: float = 0.95) -> FixedHorizonTest:
    """Test paired daily differences once, at the end.

    Parameters
    ----------
    difference : ndarray, shape (n_days,)
        Second less first, in time order.
    level : float
        Of the interval.

    Returns
    -------
    FixedHorizonTest
        Looking each day and stopping when it rejects makes it invalid: `sequential_test` is for that.

    References
    ----------
    Diebold and Mariano (1995), Journal of Business and Economic Statistics 13; Newey and West (1987), Econometrica 55.
    """
    n_better, n_worse = int((difference > 0.0).sum()), int((difference < 0.0).sum())
    sign = _sign_p_value(n_better, n_worse)
    reason = why_short(difference)
    if reason:
        mean = float(difference.mean()) if difference.size else nan
        return FixedHorizonTest(
            mean=mean,
            low=nan,
            high=nan,
            p_value=nan,
            n_better=n_better,
            n_worse=n_worse,
            sign_p_value=sign,
            reason=reason,
        )
    n, mean = difference.size, float(difference.mean())
    error = sqrt(_long_run_variance(difference) / (n - 1))
    half = float(stdtrit(n - 1, 0.5 + level / 2.0)) * error
    p_value = 2.0 * float(stdtr(n - 1, -abs(mean) / error)) if error > 0.0 else nan
    return FixedHorizonTest(
        mean=mean,
        low=mean - half,
        high=mean + half,
        p_value=p_value,
        n_better=n_better,
        n_worse=n_worse,
        sign_p_value=sign,
    )


def _sign_p_value(n_better: int, n_worse: int) -> float:
    n = n_better + n_worse
    if not n:
        return nan
    tail = sum(comb(n, k) for k in range(min(n_better, n_worse) + 1))
    return min(1.0, float(2 * tail / 2**n))


def sequential_test(
    difference: FloatArray, day: np.ndarray, *, level: float = 0.95, tuned_for_days: int = 252
) -> SequentialTest:
    """Follow paired daily differences with a confidence sequence and its always-valid p-value.

    Parameters
    ----------
    difference : ndarray, shape (n_days,)
        Second less first, in time order.
    day : ndarray of datetime64[D], shape (n_days,)
        Their dates.
    level : float
        Chance that the whole sequence covers the mean, in large samples.
    tuned_for_days : int
        Days at which it is tightest.

    Returns
    -------
    SequentialTest
        Each day's bounds use days up to it alone.

    Notes
    -----
    Robbins' normal mixture (the mixture sequential probability ratio test) on the running sum with the running
    long-run variance: after t days the bounds are ``mean ± s sqrt((t q + 1) / (t^2 q) log((t q + 1) / alpha^2))``
    with q chosen for the tuned number of days. They are valid asymptotically, from the first look on.

    References
    ----------
    Robbins (1970), Annals of Mathematical Statistics 41; Johari, Koomen, Pekelis and Walsh (2022), Operations
    Research 70; Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Annals of Statistics 52.
    """
    if tuned_for_days < _START or not 0.0 < level < 1.0:
        raise ConfigError(
            "a sequential test cannot be", found=f"{tuned_for_days} days, level {level}", expected=f">= {_START} days"
        )
    n, alpha = difference.size, 1.0 - level
    low, high = np.full(n, nan), np.full(n, nan)
    reason = why_short(difference, at_least=_START)
    if reason:
        return SequentialTest(
            low=low, high=high, p_value=nan, decided_day="", tuned_for_days=tuned_for_days, reason=reason
        )
    mixing = (-2.0 * log(alpha) + log(-2.0 * log(alpha) + 1.0)) / tuned_for_days
    p_value, decided = 1.0, ""
    for t in range(_START, n + 1):
        seen = difference[:t]
        variance = 0.0 if is_constant(seen) else _long_run_variance(seen)
        if variance <= 0.0:
            continue
        mean, grown = float(seen.mean()), t * mixing + 1.0
        half = sqrt(variance * grown / (t * t * mixing) * log(grown / alpha**2))
        low[t - 1], high[t - 1] = mean - half, mean + half
        evidence = mixing * (t * mean) ** 2 / (2.0 * variance * grown) - 0.5 * log(grown)
        p_value = min(p_value, float(np.exp(-evidence)) if evidence > 0.0 else 1.0)
        if not decided and abs(mean) > half:
            decided = str(day[t - 1])
    return SequentialTest(low=low, high=high, p_value=p_value, decided_day=decided, tuned_for_days=tuned_for_days)
