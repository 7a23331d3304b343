"""A run in the trial ledger: counted before it begins, and its Sharpe ratio told at its end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Final

from adapters.sql.trial_ledger import SqlTrialLedger
from adapters.sql.trial_messages import DataSet, Trial, TrialResult
from backtest.history import History
from backtest.metrics.days import calendar_of, daily_returns
from backtest.metrics.headline import excess_returns
from backtest.metrics.performance import sharpe_ratio
from backtest.reports.analysis import AnalysisSettings
from backtest.results import RunResult
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.origins import code_version, config_digest
from cluster.trials import data_set_of, opened_ledger, who
from market.clock import SystemClock
from market.errors import VenueError

__all__ = ["CountedRun", "begun", "concluded"]

# The spread of a few ratios says little: with two that are alike by chance it would be 0.
_LEAST_KNOWN: Final = 10

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRun:
    """A run that the ledger knows of.

    Parameters
    ----------
    ledger : SqlTrialLedger
        Where it is counted.
    data : DataSet
        What it reads.
    trial : Trial
        The run.
    n_trials : int
        Configurations tried on its data, this one included.
    """

    ledger: SqlTrialLedger
    data: DataSet
    trial: Trial
    n_trials: int


def begun(settings: BacktestSettings, history: History, home: Path) -> CountedRun:
    """Count a run that is about to begin.

    Parameters
    ----------
    settings : BacktestSettings
        Its configuration.
    history : History
        Its data.
    home : pathlib.Path
        State folder.

    Returns
    -------
    CountedRun
        Durable: a run that is broken off was tried as well.

    Raises
    ------
    ConfigError, DataError, VenueError
        It cannot be counted, and would look better than it is.
    """
    data, (user, host) = data_set_of(history.sources), who()
    trial = Trial(
        ts_event_ns=SystemClock().now_ns(),
        user=user,
        host=host,
        study="",
        part="",
        number=0,
        name=settings.run.name,
        data_digest=data.digest,
        config_digest=config_digest(settings),
        code_version=code_version(),
        simulated=history.simulated,
    )
    ledger = opened_ledger(home)
    return CountedRun(ledger=ledger, data=data, trial=trial, n_trials=ledger.record(trial, data))


def concluded(run: CountedRun, result: RunResult, settings: AnalysisSettings) -> AnalysisSettings:
    """Tell the ledger what came of a run, and return the settings of its figures with what is known of all trials.

    Parameters
    ----------
    run : CountedRun
        The run.
    result : RunResult
        What it left; one that stopped has no ratio to tell.
    settings : AnalysisSettings
        Rate and resampling.

    Returns
    -------
    AnalysisSettings
        With the daily Sharpe ratios of the trials on its data, its own the last, where ten or more are known. A
        ledger that fails at the end spoils no run: its figures then stand without, and the log says so.
    """
    if result.stopped:
        return settings
    own = _result(run.trial, result, settings)
    try:
        run.ledger.conclude([own])
        others = run.ledger.sharpes(run.data, without=run.trial.config_digest)
    except VenueError as error:
        _LOG.warning("the trial ledger does not know the Sharpe ratio of this run: %s", error)
        return settings
    known = (*others.tolist(), *([own.sharpe] if isfinite(own.sharpe) else []))
    return replace(settings, trial_sharpes=known) if len(known) >= _LEAST_KNOWN else settings


def _result(trial: Trial, result: RunResult, settings: AnalysisSettings) -> TrialResult:
    daily = daily_returns(result.curve, calendar_of(result.description.periods_per_year))
    return TrialResult(
        trial_key=trial.key,
        sharpe=sharpe_ratio(excess_returns(daily, settings.rate), periods_per_year=1.0).value,
        n_days=int(daily.returns.size),
        first_day=str(daily.day[0]) if daily.day.size else "",
        last_day=str(daily.day[-1]) if daily.day.size else "",
    )
