"""All figures of a run in one message: reckoned once, then written, drawn and printed from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtest.attribution.factors import FactorRow, FactorTest, factor_attribution
from backtest.attribution.greeks import GreekProfit, greek_profit, greek_profit_by_day, greek_profit_by_strategy
from backtest.metrics.days import CRYPTO_CALENDAR, DailyReturns, Wealth, calendar_of, daily_returns, wealth_at_marks
from backtest.metrics.drawdown import DrawdownSpell, deepest_spells
from backtest.metrics.groups import (
    MonthReturn,
    ReturnCell,
    TradeCell,
    monthly_returns,
    returns_by_group,
    trades_by_group,
)
from backtest.metrics.headline import Metrics, RiskFree, headline
from backtest.metrics.resampling import BootstrapInterval, headline_intervals
from backtest.metrics.strategies import StrategyTable, strategy_table
from backtest.results import RunResult
from market.chains import FloatArray

__all__ = ["Analysis", "AnalysisSettings", "analyse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSettings:
    """What the figures of a run stand on besides the run.

    Parameters
    ----------
    risk_free : float or tuple of float or None
        Annual rate, simple, ACT/365: one, or one per daily return; None where it is not known, and then no Sharpe
        ratio is claimed.
    n_draws : int
        Resamples of the stationary bootstrap; 0 for no intervals.
    level : float
        Of every interval, such as 0.95.
    trial_sharpes : tuple of float
        Sharpe ratios per day of the trials on the same data, as `backtest.metrics.sharpe_inference.deflated_sharpe`;
        empty where too few are known.
    """

    risk_free: float | tuple[float, ...] | None = None
    n_draws: int = 1_000
    level: float = 0.95
    trial_sharpes: tuple[float, ...] = ()

    @property
    def rate(self) -> RiskFree:
        """The rate as metrics take it."""
        return np.array(self.risk_free) if isinstance(self.risk_free, tuple) else self.risk_free

    @property
    def known_sharpes(self) -> FloatArray | None:
        """The ratios of the trials as metrics take them."""
        return np.array(self.trial_sharpes) if self.trial_sharpes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Figures of a run.

    Parameters
    ----------
    settings : AnalysisSettings
        What they stand on.
    metrics : Metrics
        The headline.
    intervals : tuple of BootstrapInterval
        Of the daily metrics.
    months : tuple of MonthReturn
        In order of time.
    returns : tuple of ReturnCell
        By weekday, month and regime.
    trades : tuple of TradeCell
        By strategy, structure, exit reason, hour, weekday and regime.
    drawdowns : tuple of DrawdownSpell
        The deepest.
    greeks : GreekProfit or None
        Profit by Greek of the whole run; None where Greeks were not recorded.
    greeks_by_strategy : tuple of GreekProfit
        The same by strategy; empty where it was not recorded by package.
    greeks_by_day : tuple of GreekProfit
        The same by exchange day; empty where Greeks were not recorded.
    factors : tuple of FactorRow
        Tests of what was known before each trade.
    strategies : StrategyTable or None
        The account by strategy, day by day; None where its days were not kept.
    """

    settings: AnalysisSettings
    metrics: Metrics
    intervals: tuple[BootstrapInterval, ...]
    months: tuple[MonthReturn, ...]
    returns: tuple[ReturnCell, ...]
    trades: tuple[TradeCell, ...]
    drawdowns: tuple[DrawdownSpell, ...]
    greeks: GreekProfit | None
    greeks_by_strategy: tuple[GreekProfit, ...]
    greeks_by_day: tuple[GreekProfit, ...]
    factors: tuple[FactorRow, ...]
    strategies: StrategyTable | None

    def interval(self, name: str) -> BootstrapInterval | None:
        """Return the interval of a metric; None where there is none."""
        return next((item for item in self.intervals if item.name == name and not item.reason), None)


def analyse(result: RunResult, settings: AnalysisSettings) -> Analysis:
    """Return the figures of a run.

    Parameters
    ----------
    result : RunResult
        The run, also one that stopped early.
    settings : AnalysisSettings
        Rate and resampling; the draws come from the run's own seed, so that the same run has the same intervals.

    Returns
    -------
    Analysis
        What cannot be told is NaN with its reason.
    """
    calendar = calendar_of(result.description.periods_per_year)
    daily = daily_returns(result.curve, calendar)
    wealth = wealth_at_marks(result.curve)
    return Analysis(
        settings=settings,
        metrics=headline(result, risk_free=settings.rate, trial_sharpes=settings.known_sharpes),
        intervals=_intervals(result, settings, daily),
        months=monthly_returns(daily),
        returns=returns_by_group(result),
        trades=trades_by_group(result),
        drawdowns=_drawdowns(wealth),
        greeks=None if result.greeks is None else greek_profit(result.greeks),
        greeks_by_strategy=greek_profit_by_strategy(result) if result.package_greeks else (),
        greeks_by_day=() if result.greeks is None else greek_profit_by_day(result.greeks, calendar=calendar),
        factors=_factors(result, settings),
        strategies=None if result.strategy_days is None else strategy_table(result.strategy_days),
    )


def _intervals(result: RunResult, settings: AnalysisSettings, daily: DailyReturns) -> tuple[BootstrapInterval, ...]:
    if not settings.n_draws or not daily.returns.size:
        return ()
    rng = np.random.default_rng(result.description.seed)
    return headline_intervals(result, rng=rng, risk_free=settings.rate, n_draws=settings.n_draws, level=settings.level)


def _factors(result: RunResult, settings: AnalysisSettings) -> tuple[FactorRow, ...]:
    zone = "UTC" if calendar_of(result.description.periods_per_year) == CRYPTO_CALENDAR else "America/New_York"
    test = FactorTest(n_draws=max(settings.n_draws, 100), alpha=1.0 - settings.level, zone=zone)
    return factor_attribution(result.trades, rng=np.random.default_rng(result.description.seed), test=test)


def _drawdowns(wealth: Wealth) -> tuple[DrawdownSpell, ...]:
    return deepest_spells(wealth.ts_ns, wealth.index, 5) if wealth.ts_ns.size else ()
