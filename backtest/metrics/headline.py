"""The metrics that a report opens with, in one message, each with the reason where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from backtest.metrics.activity import cost_share, exposure_time, turnover
from backtest.metrics.days import DailyReturns, Wealth, calendar_of, daily_returns, wealth_at_marks
from backtest.metrics.drawdown import longest_underwater_days, max_drawdown
from backtest.metrics.figures import Figure, figure, missing
from backtest.metrics.performance import (
    calmar_ratio,
    compound_growth,
    excess_kurtosis,
    expected_shortfall,
    is_constant,
    sharpe_ratio,
    skewness,
    sortino_ratio,
    total_return,
    value_at_risk,
    volatility,
)
from backtest.metrics.sharpe_inference import (
    deflated_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    years_to_exclude_zero,
)
from backtest.metrics.trade_statistics import TradeStatistics, trade_statistics
from backtest.results import RunResult
from execution.events import CashKind, CashMovement
from market.chains import FloatArray

__all__ = ["BASELINE_METRICS", "Metrics", "RiskFree", "baseline_metrics", "excess_returns", "headline"]

RiskFree = float | FloatArray | None
"""Annual rate, simple, ACT/365: one number, or one per day of the daily returns; None where it is not known."""

_NO_RATE: Final = "no risk-free rate was given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Headline metrics of a run; fractions, annual where named so, NaN where a reason stands in `reasons`.

    Parameters
    ----------
    first_day, last_day : str
        Exchange dates, ISO; empty without daily returns.
    n_days, n_missing_days : int
        Daily returns, and sessions between them without any mark.
    periods_per_year : int
        Days a year of every annual figure.
    start_equity, end_equity, net_profit : float
        Account currency; the profit without deposits.
    total_return, cagr : float
        Compounded, and per year.
    volatility : float
        Annual, of daily returns.
    sharpe : float
        Annual, over the risk-free rate; missing without one.
    sharpe_raw : float
        The same with nothing subtracted, for comparison with programs that subtract nothing.
    sortino : float
        Annual, about the risk-free rate where there is one, else about 0.
    calmar : float
        `cagr` over `max_drawdown`.
    max_drawdown : float
        From the running peak at every mark, 0 to 1.
    max_drawdown_daily : float
        The same at the ends of days, as most programs show it.
    longest_underwater_days : float
        Calendar days.
    skew, excess_kurtosis : float
        Of daily returns.
    var_95, es_95 : float
        Historical daily loss, positive for a loss.
    worst_day, best_day : float
        Daily returns.
    probabilistic_sharpe : float
        Probability that the true Sharpe ratio exceeds 0.
    deflated_sharpe : float
        Probability that it exceeds the best that luck shows in `n_trials` trials.
    n_trials : int
        Runs that led to this one, itself included.
    min_track_record_days : float
        Daily returns needed before a ratio as observed exceeds 0 at 95 %, one-sided.
    years_to_exclude_zero : float
        Years after which a 95 % interval about the ratio excludes 0.
    exposure_time : float
        Share of session time with a position.
    turnover : float
        Traded value over mean equity, per year.
    costs, income : float
        Charges; interest, dividends, borrow and funding: account currency.
    cost_share : float
        Costs over the profit before them.
    benchmark_return, benchmark_cagr, benchmark_sharpe, benchmark_max_drawdown : float
        Of the benchmark on the same days; its drawdown at every mark.
    benchmark_beta, benchmark_correlation : float
        Of daily returns.
    trades : TradeStatistics
        Win rate together with pay-off ratio and worst loss.
    n_open : int
        Packages that were still open.
    has_risk_free : bool
        Whether a risk-free rate was subtracted in every ratio and probability; else nothing was.
    has_interest : bool
        Whether cash earned interest. Where it did not, an account that holds mostly cash falls behind the rate by that
        alone, and its ratio over the rate says little about the strategy.
    simulated : bool
        Whether any input was simulated.
    reasons : tuple of (str, str)
        Metric and why it is NaN.
    """

    first_day: str
    last_day: str
    n_days: int
    n_missing_days: int
    periods_per_year: int
    start_equity: float
    end_equity: float
    net_profit: float
    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sharpe_raw: float
    sortino: float
    calmar: float
    max_drawdown: float
    max_drawdown_daily: float
    longest_underwater_days: float
    skew: float
    excess_kurtosis: float
    var_95: float
    es_95: float
    worst_day: float
    best_day: float
    probabilistic_sharpe: float
    deflated_sharpe: float
    n_trials: int
    min_track_record_days: float
    years_to_exclude_zero: float
    exposure_time: float
    turnover: float
    costs: float
    income: float
    cost_share: float
    benchmark_return: float
    benchmark_cagr: float
    benchmark_sharpe: float
    benchmark_max_drawdown: float
    benchmark_beta: float
    benchmark_correlation: float
    trades: TradeStatistics
    n_open: int
    has_risk_free: bool
    has_interest: bool
    simulated: bool
    reasons: tuple[tuple[str, str], ...]

    @property
    def sample_statement(self) -> str:
        """One sentence on how much the sample can tell."""
        have = self.n_days / self.periods_per_year
        parts = [f"{self.n_days} daily returns ({have:.1f} years)"]
        parts += [f"{self.n_missing_days} sessions without data between them"] if self.n_missing_days else []
        if np.isfinite(self.years_to_exclude_zero):
            parts.append(
                f"at the observed Sharpe ratio of {self._shown_sharpe:.2f} a 95 % interval excludes 0 after "
                f"{self.years_to_exclude_zero:.1f} years"
            )
        if self.has_risk_free and not self.has_interest:
            parts.append("the rate was subtracted although cash earned no interest")
        return "; ".join(parts)

    @property
    def _shown_sharpe(self) -> float:
        return self.sharpe if np.isfinite(self.sharpe) else self.sharpe_raw


def excess_returns(daily: DailyReturns, risk_free: RiskFree) -> FloatArray:
    """Return daily returns less what the risk-free rate earned in the same time.

    Parameters
    ----------
    daily : DailyReturns
        Of a run.
    risk_free : float or ndarray, shape (n_days,), or None
        As `RiskFree`; with None nothing is subtracted.

    Returns
    -------
    ndarray, shape (n_days,)
        Nights, weekends and gaps count with the days that they last.
    """
    return _excess(daily.returns, daily, risk_free)


def _excess(returns: FloatArray, daily: DailyReturns, risk_free: RiskFree) -> FloatArray:
    return returns if risk_free is None else returns - risk_free * daily.elapsed_years


def headline(result: RunResult, *, risk_free: RiskFree = None, trial_sharpes: FloatArray | None = None) -> Metrics:
    """Return the headline metrics of a run.

    Parameters
    ----------
    result : RunResult
        A run, also one that stopped early.
    risk_free : float or ndarray, shape (n_days,), or None
        As `RiskFree`. None leaves `sharpe` missing; probabilities then stand on returns without subtraction.
    trial_sharpes : ndarray, shape (n_known,), optional
        Daily Sharpe ratios of the trials, as `deflated_sharpe`.

    Returns
    -------
    Metrics
        Without resampling; `backtest.metrics.resampling` adds intervals.
    """
    per_year = result.description.periods_per_year
    calendar = calendar_of(per_year)
    daily, wealth = daily_returns(result.curve, calendar), wealth_at_marks(result.curve)
    excess = excess_returns(daily, risk_free)
    figures = {
        **_performance(daily, wealth, excess, per_year, risk_free),
        **_inference(excess, per_year, result.description.n_trials, trial_sharpes),
        **_benchmark(result, daily, wealth.start, risk_free),
        "exposure_time": exposure_time(result.curve, result.trades, result.open_packages, calendar=calendar),
        "turnover": turnover(result.curve, result.fills),
        "cost_share": cost_share(result.curve),
        **_money(result, wealth),
    }
    trades = trade_statistics(result.trades)
    reasons = tuple((name, item.reason) for name, item in figures.items() if item.reason)
    return Metrics(
        first_day=str(daily.day[0]) if daily.day.size else "",
        last_day=str(daily.day[-1]) if daily.day.size else "",
        n_days=daily.returns.size,
        n_missing_days=daily.n_missing,
        periods_per_year=per_year,
        n_trials=result.description.n_trials,
        trades=trades,
        n_open=len(result.open_packages),
        has_risk_free=risk_free is not None,
        has_interest=any(
            isinstance(event, CashMovement) and event.kind is CashKind.INTEREST for event in result.ledger
        ),
        simulated=result.description.simulated,
        reasons=reasons + tuple(("trades." + name, why) for name, why in trades.reasons),
        **{name: item.value for name, item in figures.items()},
    )


def _money(result: RunResult, wealth: Wealth) -> dict[str, Figure]:
    curve = result.curve
    if not wealth.ts_ns.size:
        names = ("start_equity", "end_equity", "net_profit", "costs", "income")
        return dict.fromkeys(names, missing("there never was money in the account"))
    return {
        "start_equity": figure(curve.equity[wealth.start]),
        "end_equity": figure(curve.equity[-1]),
        "net_profit": figure(curve.equity[-1] - curve.deposits[-1]),
        "costs": figure(curve.costs[-1]),
        "income": figure(curve.income[-1]),
    }


def _performance(
    daily: DailyReturns, wealth: Wealth, excess: FloatArray, per_year: int, risk_free: RiskFree
) -> dict[str, Figure]:
    returns, deepest = daily.returns, max_drawdown(wealth.index)
    none = missing("no daily return")
    calmar = deepest if deepest.reason else calmar_ratio(returns, periods_per_year=per_year, drawdown=deepest.value)
    return {
        "total_return": total_return(returns),
        "cagr": compound_growth(returns, periods_per_year=per_year),
        "volatility": volatility(returns, periods_per_year=per_year),
        "sharpe": missing(_NO_RATE) if risk_free is None else sharpe_ratio(excess, periods_per_year=per_year),
        "sharpe_raw": sharpe_ratio(returns, periods_per_year=per_year),
        "sortino": sortino_ratio(excess, periods_per_year=per_year),
        "calmar": calmar,
        "max_drawdown": deepest,
        "max_drawdown_daily": max_drawdown(daily.index),
        "longest_underwater_days": longest_underwater_days(wealth.ts_ns, wealth.index),
        "skew": skewness(returns),
        "excess_kurtosis": excess_kurtosis(returns),
        "var_95": value_at_risk(returns),
        "es_95": expected_shortfall(returns),
        "worst_day": figure(returns.min()) if returns.size else none,
        "best_day": figure(returns.max()) if returns.size else none,
    }


def _inference(excess: FloatArray, per_year: int, n_trials: int, trial_sharpes: FloatArray | None) -> dict[str, Figure]:
    annual = sharpe_ratio(excess, periods_per_year=per_year)
    return {
        "probabilistic_sharpe": probabilistic_sharpe(excess),
        "deflated_sharpe": deflated_sharpe(excess, n_trials=n_trials, trial_sharpes=trial_sharpes),
        "min_track_record_days": minimum_track_record(excess),
        "years_to_exclude_zero": annual if annual.reason else years_to_exclude_zero(annual.value),
    }


def _benchmark(result: RunResult, daily: DailyReturns, start: int, risk_free: RiskFree) -> dict[str, Figure]:
    value, per_year = result.benchmark.copy(), result.description.periods_per_year
    ends = np.searchsorted(result.curve.ts_ns, daily.end_ns, side="right") - 1
    known = np.flatnonzero(np.isfinite(value))
    if known.size and ends.size and known[0] <= ends[0]:
        value[: known[0]] = value[known[0]]  # cash until its first print, at which all of it is spent
    levels = value[np.concatenate([[start], ends])] if daily.returns.size else np.array([np.nan])
    if not (np.isfinite(levels) & (levels > 0.0)).all():
        names = ("return", "cagr", "sharpe", "max_drawdown", "beta", "correlation")
        return {f"benchmark_{name}": missing("no benchmark at the end of each day") for name in names}
    returns = levels[1:] / levels[:-1] - 1.0
    path = value[start:][np.isfinite(value[start:])]
    flat = is_constant(returns) or is_constant(daily.returns)
    product = float(np.mean((returns - returns.mean()) * (daily.returns - daily.returns.mean())))
    moved = missing("the returns do not vary")
    return {
        "benchmark_return": total_return(returns),
        "benchmark_cagr": compound_growth(returns, periods_per_year=per_year),
        "benchmark_sharpe": sharpe_ratio(_excess(returns, daily, risk_free), periods_per_year=per_year),
        "benchmark_max_drawdown": max_drawdown(path),
        "benchmark_beta": moved if flat else figure(product / float(returns.var())),
        "benchmark_correlation": moved if flat else figure(product / float(returns.std() * daily.returns.std())),
    }


BASELINE_METRICS: Final = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "net_profit",
    "n_trades",
    "win_rate",
    "payoff_ratio",
    "worst_loss",
    "profit_factor",
    "expectancy",
    "costs",
    "cost_share",
    "exposure_time",
    "turnover",
    "n_days",
    "n_trials",
    "probabilistic_sharpe",
    "deflated_sharpe",
)
"""Names in ``baseline_metrics.json`` (Q3), in this order."""


def baseline_metrics(metrics: Metrics) -> Mapping[str, float | int]:
    """Return the metrics of ``baseline_metrics.json`` by name.

    Parameters
    ----------
    metrics : Metrics
        Of a run.

    Returns
    -------
    mapping of str to float or int
        `BASELINE_METRICS` in order; the share of wins stands beside pay-off ratio and worst loss.
    """
    flat = {**asdict(metrics.trades), **{name: getattr(metrics, name) for name in metrics.__slots__}}
    return {name: flat[name] for name in BASELINE_METRICS}
