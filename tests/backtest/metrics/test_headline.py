"""The headline of a run: complete, quick, and NaN with a reason where the sample says nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from math import isfinite, isnan, sqrt
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from backtest.metrics.headline import BASELINE_METRICS, Metrics, baseline_metrics, headline
from execution.events import CashKind, CashMovement
from tests.backtest.metrics.samples import DESCRIPTION, curve_of, run_of, run_of_returns, session_closes, trade_of

_FLOATS = tuple(field.name for field in fields(Metrics) if field.type == "float")


def _returns(n: int = 350, seed: int = 3) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(0.0006, 0.01, n)


def test_every_missing_metric_of_any_run_has_a_reason() -> None:
    """NaN and reasons go together: on an empty run, a short one, a constant one and a long one."""
    flat = np.full(60, 1e5)
    runs = [
        run_of(curve_of(np.array([], dtype=np.int64), np.array([]))),
        run_of(curve_of(session_closes(1), np.array([1e5]))),
        run_of_returns(_returns(5)),
        run_of(curve_of(session_closes(60), flat)),
        run_of_returns(_returns()),
    ]
    for result in runs:
        metrics = headline(result)
        named = {name for name, why in metrics.reasons if why and "." not in name}
        assert {name for name in _FLOATS if not isfinite(getattr(metrics, name))} == named


def test_an_account_that_never_moves_has_no_sharpe_ratio_and_no_drawdown() -> None:
    """A constant series gives no ratio, not a ratio of 0; its drawdown is truly 0."""
    metrics = headline(run_of(curve_of(session_closes(60), np.full(60, 1e5))), risk_free=0.0)
    assert isnan(metrics.sharpe)
    assert isnan(metrics.calmar)
    assert metrics.max_drawdown == 0.0
    assert metrics.total_return == 0.0


def test_the_sharpe_ratio_of_a_run_is_that_of_its_daily_returns_over_the_rate() -> None:
    """Mean and spread come from days, and each day pays the rate for the time that it spans."""
    returns = _returns()
    metrics = headline(run_of_returns(returns), risk_free=0.05)
    closes = session_closes(returns.size + 1)
    excess = returns - 0.05 * np.diff(closes) / (365 * 86_400e9)
    assert metrics.sharpe == pytest.approx(sqrt(252) * excess.mean() / excess.std(ddof=1))
    assert metrics.sharpe_raw == pytest.approx(sqrt(252) * returns.mean() / returns.std(ddof=1))
    assert metrics.sharpe < metrics.sharpe_raw


def test_without_a_rate_the_sharpe_ratio_is_missing_and_says_so() -> None:
    """Nothing is silently taken as 0: the ratio without subtraction has another name."""
    metrics = headline(run_of_returns(_returns()))
    assert isnan(metrics.sharpe)
    assert dict(metrics.reasons)["sharpe"] == "no risk-free rate was given"
    assert isfinite(metrics.sharpe_raw)
    assert not metrics.has_risk_free


def test_more_trials_lower_the_deflated_sharpe_ratio_only() -> None:
    """The same returns are worth less after a hundred tries; what was observed stays."""
    run = run_of_returns(_returns())
    once, often = headline(run), headline(replace(run, description=replace(DESCRIPTION, n_trials=100)))
    assert often.deflated_sharpe < once.deflated_sharpe
    assert once.deflated_sharpe == pytest.approx(once.probabilistic_sharpe)
    assert often.probabilistic_sharpe == once.probabilistic_sharpe


def test_a_benchmark_of_the_account_itself_has_beta_and_correlation_of_one() -> None:
    """The benchmark is measured on the same days by the same definitions."""
    run = run_of_returns(_returns())
    metrics = headline(replace(run, benchmark=3.0 * run.curve.equity), risk_free=0.02)
    assert metrics.benchmark_beta == pytest.approx(1.0)
    assert metrics.benchmark_correlation == pytest.approx(1.0)
    assert metrics.benchmark_return == pytest.approx(metrics.total_return)
    assert metrics.benchmark_sharpe == pytest.approx(metrics.sharpe)
    assert metrics.benchmark_max_drawdown == pytest.approx(metrics.max_drawdown)


def test_a_benchmark_is_cash_until_its_first_print() -> None:
    """Marks before that print take nothing away; one that begins days later is none of the same days."""
    returns = np.random.default_rng(3).normal(0.0, 0.01, 60)
    result = run_of_returns(returns)
    whole = headline(replace(result, benchmark=result.curve.equity), risk_free=0.0)
    late = result.curve.equity.copy()
    late[0] = np.nan
    found = headline(replace(result, benchmark=late), risk_free=0.0)
    assert found.benchmark_return == pytest.approx(result.curve.equity[-1] / result.curve.equity[1] - 1.0)
    assert isfinite(whole.benchmark_return)
    late[:5] = np.nan
    assert isnan(headline(replace(result, benchmark=late), risk_free=0.0).benchmark_return)


def test_the_baseline_names_every_metric_once_and_never_a_win_rate_alone() -> None:
    """The file of Q3 has fixed names; the share of wins stands beside pay-off ratio and worst loss."""
    closes = session_closes(351)
    run = replace(run_of_returns(_returns()), trades=(trade_of(90.0, opened_ns=int(closes[3])), trade_of(-400.0)))
    baseline = baseline_metrics(headline(run, risk_free=0.0))
    assert tuple(baseline) == BASELINE_METRICS
    assert (baseline["win_rate"], baseline["payoff_ratio"], baseline["worst_loss"]) == (0.5, 0.225, -400.0)


def test_the_sample_statement_says_how_long_a_record_would_be_needed() -> None:
    """A reader sees days, years, and the years after which such a ratio excludes 0."""
    metrics = headline(run_of_returns(_returns()), risk_free=0.0)
    assert metrics.sample_statement.startswith("350 daily returns (1.4 years); at the observed Sharpe ratio of ")


def test_the_headline_of_350_days_takes_at_most_five_milliseconds_of_the_processor() -> None:
    """A sweep computes it for each run: the best of several calls stays within its budget."""
    run = replace(run_of_returns(_returns()), trades=tuple(trade_of(float(k)) for k in range(-20, 330)))
    headline(run)
    spent = []
    for _ in range(10):
        start = process_time()
        headline(run, risk_free=0.04)
        spent.append(process_time() - start)
    assert min(spent) <= 0.005


def test_every_metric_is_defined_on_its_page() -> None:
    """A metric that is added without definition, unit and trap is found."""
    text = (Path(__file__).parents[3] / "docs" / "backtest" / "metrics.md").read_text(encoding="utf-8")
    assert not [field.name for field in fields(Metrics) if f"`{field.name}`" not in text and field.name != "reasons"]


def test_a_rate_without_interest_on_cash_is_said_to_be_unfair() -> None:
    """An idle account loses to the rate by not earning it: the statement says so until interest is booked."""
    run = run_of_returns(_returns())
    text = "although cash earned no interest"
    assert text in headline(run, risk_free=0.05).sample_statement
    assert text not in headline(run).sample_statement
    paid = CashMovement(event_id="i", ts_event_ns=1, kind=CashKind.INTEREST, amount=Decimal(5))
    assert text not in headline(replace(run, ledger=(paid,)), risk_free=0.05).sample_statement
