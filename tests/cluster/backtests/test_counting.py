"""A backtest in the trial ledger: counted before it runs, deflated by the spread of all that were tried."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtest.history import History
from backtest.metrics.days import calendar_of, daily_returns
from backtest.metrics.headline import headline
from backtest.metrics.sharpe_inference import deflated_sharpe
from backtest.reports.analysis import AnalysisSettings
from backtest.results import AccountCurve, RunResult
from cluster.backtests.counting import CountedRun, begun, concluded
from cluster.backtests.reading import settings_of
from tests.backtest.reports.samples import DAY_NS, START_NS, description, sample_run

_HEAD = """[run]
name = "x"
from = 2025-06-02
to = {last}

[data.simulated]
market = "calm"

[strategy]
kind = "noop"
"""


def _run(home: Path, number: int) -> CountedRun:
    settings = settings_of(_HEAD.format(last=f"2025-07-{number + 1:02}"), "x.toml")
    return begun(settings, History(sources=description().sources), home)


def _result(number: int, n_days: int = 40) -> RunResult:
    growth = 1.0 + np.random.default_rng(number).normal(0.001, 0.01, n_days)
    equity = np.asarray(100_000.0 * np.cumprod(growth), dtype=np.float64)
    zero = np.zeros(n_days)
    ts_ns = START_NS + DAY_NS * np.arange(n_days, dtype=np.int64)
    curve = AccountCurve(
        ts_ns=ts_ns,
        equity=equity,
        cash=equity,
        realised=zero,
        unrealised=zero,
        costs=zero,
        income=zero,
        deposits=np.full(n_days, 100_000.0),
        margin=zero,
    )
    return replace(sample_run(), curve=curve, benchmark=np.full(n_days, np.nan), greeks=None, regimes={})


def test_runs_on_one_market_are_deflated_by_their_spread(tmp_path: Path) -> None:
    """From ten known ratios on, and with each of them the newest; before that luck alone is taken."""
    settings = AnalysisSettings()
    told = []
    for number in range(12):
        run = _run(tmp_path, number)
        assert run.n_trials == number + 1
        told.append(concluded(run, _result(number), settings))
    assert [len(each.trial_sharpes) for each in told] == [0] * 9 + [10, 11, 12]
    result = replace(_result(11), description=replace(description(), n_trials=12))
    returns = daily_returns(result.curve, calendar_of(252)).returns
    assert told[11].trial_sharpes[-1] == pytest.approx(returns.mean() / returns.std(ddof=1))
    found = headline(result, trial_sharpes=told[11].known_sharpes).deflated_sharpe
    assert found == pytest.approx(
        deflated_sharpe(returns, n_trials=12, trial_sharpes=np.array(told[11].trial_sharpes)).value
    )
    assert found != headline(result).deflated_sharpe


def test_the_same_configuration_again_has_one_ratio(tmp_path: Path) -> None:
    """It is no new trial, and its newest ratio stands."""
    for number in (1, 1, 2):
        run = _run(tmp_path, number)
        concluded(run, _result(number), AnalysisSettings())
    assert (run.n_trials, run.ledger.summary(run.data).n_runs) == (2, 3)
    assert run.ledger.sharpes(run.data).size == 2


def test_a_run_that_stopped_or_is_short_counts_and_has_no_ratio(tmp_path: Path) -> None:
    """What was tried stays counted, whatever came of it."""
    stopped = _run(tmp_path, 1)
    concluded(stopped, replace(_result(1), stopped="it was"), AnalysisSettings())
    short = _run(tmp_path, 2)
    concluded(short, _result(2, 5), AnalysisSettings())
    assert (short.n_trials, short.ledger.sharpes(short.data).size) == (2, 0)


def test_a_ledger_that_fails_at_the_end_spoils_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Hours of a run are not lost because a ratio cannot be told; the log says so."""
    run, settings = _run(tmp_path, 1), AnalysisSettings()
    for each in tmp_path.glob("trials.sqlite*"):
        each.unlink()
    (tmp_path / "trials.sqlite").write_bytes(b"no database" * 500)
    with caplog.at_level(logging.WARNING):
        assert concluded(run, _result(1), settings) is settings
    assert "does not know the Sharpe ratio of this run" in caplog.text
