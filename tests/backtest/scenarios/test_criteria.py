"""Criteria that can fail: each is broken once on the result of a real run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import Halt, History
from backtest.results import RunDescription, RunResult
from backtest.scenarios import criteria
from backtest.scenarios.implied_market import ImpliedChains, ImpliedMarketConfig, implied_bars
from backtest.scenarios.probes import EveryView
from backtest.scenarios.verdict import Finding, ScenarioVerdict
from market.calendars import session_on
from market.provenance import AsOfSource, Provenance
from market.series import SeriesBatch, SeriesUnit
from risk.limits.pretrade import PretradeLimits
from tests.backtest.scenarios.paths import DAYS, path

SESSIONS = [session for day in DAYS if (session := session_on("NYSE", day)) is not None]
# The second session is halted from its fourth half hour to its sixth.
HALT = Halt(symbol="SPX", start_ns=SESSIONS[1].open_ns + 95 * 60 * 10**9, end_ns=SESSIONS[1].open_ns + 155 * 60 * 10**9)


@pytest.fixture(scope="module")
def result() -> RunResult:
    """Return a run of the probe over three sessions with a halt."""
    config = ImpliedMarketConfig()
    chains = ImpliedChains(path(), config, "test")
    bars = implied_bars(path(), config, chains.provenance)
    history = History(sources=(chains.source(),), bars=(bars,), chains=(chains,), halts=(HALT,))
    description = RunDescription(
        name="test", config_digest="", code_version="", seed=7, fill_model="", slippage_model="", cost_model="",
        sources=(), simulated=True, n_trials=1, currency="USD", periods_per_year=252,
    )  # fmt: skip
    probe = EveryView(underlying="SPX", order_life_ns=35 * 60 * 10**9)
    limits = PretradeLimits(collar_fraction=None)
    return run_backtest(EngineConfig(initial_cash=Decimal(100_000), limits=limits), history, (probe,), description)


def test_a_sound_run_meets_every_criterion(result: RunResult) -> None:
    """The probe trades throughout, also around the halt, and nothing is broken."""
    assert len(result.trades) > 5
    found = [
        criteria.ran_to_the_end(result),
        criteria.ledger_identity(result),
        criteria.fills_in_sessions(result, SESSIONS),
        criteria.inputs_known(result),
        criteria.fills_in_halts(result, (HALT,), asked=1),
    ]
    assert [finding.criterion for finding in found if not finding.passed] == []


def moved(fill_ns: int) -> Callable[[RunResult], RunResult]:
    """Return a change that puts the first fill at another instant."""
    return lambda run: replace(run, fills=(replace(run.fills[0], ts_event_ns=fill_ns), *run.fills[1:]))


def spent(run: RunResult) -> RunResult:
    """Return a run whose cash is a cent off at one mark and at the end."""
    return replace(run, curve=replace(run.curve, cash=run.curve.cash + 0.01))


def leaked(run: RunResult) -> RunResult:
    """Return a run whose equity breaks at one mark."""
    equity = run.curve.equity.copy()
    equity[len(equity) // 2] += 0.01
    return replace(run, curve=replace(run.curve, equity=equity))


def foreseen(run: RunResult) -> RunResult:
    """Return a run whose first decision was made a nanosecond before its newest input."""
    first = run.decisions[0]
    return replace(run, decisions=(replace(first, ts_event_ns=first.ts_event_ns - 1), *run.decisions[1:]))


@pytest.mark.parametrize(
    ("change", "measure"),
    [
        (lambda run: replace(run, stopped="why"), criteria.ran_to_the_end),
        (spent, criteria.ledger_identity),
        (leaked, criteria.ledger_identity),
        (lambda run: replace(run, ledger=run.ledger[:-1]), criteria.ledger_identity),
        (moved(SESSIONS[0].close_ns + 1), lambda run: criteria.fills_in_sessions(run, SESSIONS)),
        (lambda run: replace(run, fills=()), lambda run: criteria.fills_in_sessions(run, SESSIONS)),
        (moved(HALT.start_ns), lambda run: criteria.fills_in_halts(run, (HALT,), asked=1)),
        (lambda run: replace(run, orders=()), lambda run: criteria.fills_in_halts(run, (HALT,), asked=1)),
        (foreseen, criteria.inputs_known),
        (lambda run: replace(run, trades=()), criteria.loss_within_maximum),
    ],
)
def test_what_is_broken_is_found(
    result: RunResult, change: Callable[[RunResult], RunResult], measure: Callable[[RunResult], Finding]
) -> None:
    """A fill in the gap or in a halt, a cent that is missing, a look ahead, and a run that shows nothing."""
    assert not measure(change(result)).passed


def test_a_loss_beyond_the_maximum_is_found(result: RunResult) -> None:
    """A trade that loses a cent more than its structure could does not pass; its costs do not count."""
    trade = result.trades[0]
    most = Decimal(repr(trade.entry_price)) * 100 * trade.quantity  # a bought spread loses what it cost
    for extra, passed in ((Decimal(0), True), (Decimal("0.01"), False)):
        changed = replace(trade, gross_pnl=-most - extra, net_pnl=-most - extra - 50)
        assert criteria.loss_within_maximum(replace(result, trades=(changed,))).passed is passed


def test_a_gap_must_be_held_over(result: RunResult) -> None:
    """A trade that was opened after the close does not count."""
    gap = (SESSIONS[0].close_ns, SESSIONS[1].open_ns)
    trade = result.trades[0]
    over = replace(trade, opened_ns=gap[0] - 1, closed_ns=gap[1] + 1)
    late = replace(trade, opened_ns=gap[0] + 1, closed_ns=gap[1] + 1)
    assert criteria.held_over_a_gap(replace(result, trades=(over,), open_packages=()), gap).passed
    assert not criteria.held_over_a_gap(replace(result, trades=(late,), open_packages=()), gap).passed


def index(name: str, values: list[float], first: date = date(2018, 2, 1)) -> SeriesBatch:
    """Return an index by day, known half an hour after its close."""
    sessions = [s for k in range(10) if (s := session_on("NYSE", first + timedelta(days=k)))][: len(values)]
    close = np.array([session.close_ns for session in sessions], dtype=np.int64)
    origin = Provenance(source="test", origin=name, simulated=False, as_of_source=AsOfSource.SESSION_CLOSE)
    columns: dict[str, Any] = {"event_ns": close, "available_ns": close + 1_800 * 10**9, "value": np.array(values)}
    return SeriesBatch(
        series=name, unit=SeriesUnit.INDEX_POINTS, ts_event_ns=0, cause_id=name, provenance=origin, **columns
    )


def test_an_inversion_counts_from_when_it_was_published() -> None:
    """By the instant of publication it passes; a nanosecond before, nobody knew."""
    near, month = index("VIX9D", [13.0, 17.0, 59.0]), index("VIX", [14.0, 17.3, 37.0])
    known = int(near.available_ns[2])
    assert criteria.term_structure_inverts(near, month, from_ns=0, by_ns=known).passed
    assert not criteria.term_structure_inverts(near, month, from_ns=0, by_ns=known - 1).passed
    assert not criteria.term_structure_inverts(near, month, from_ns=known + 1, by_ns=known + 1).passed


def test_a_share_must_grow_from_each_period_to_the_next() -> None:
    """One fall does not pass, and one period alone shows nothing."""
    assert criteria.same_day_share_grows([("2022", 0.4), ("2023", 0.5), ("2025", 0.6)]).passed
    assert not criteria.same_day_share_grows([("2022", 0.4), ("2023", 0.5), ("2025", 0.5)]).passed
    assert not criteria.same_day_share_grows([("2022", 0.4)]).passed


def test_a_verdict_without_a_criterion_has_not_passed() -> None:
    """And one that fails is enough."""
    good = Finding(criterion="a", statement="", value=0.0, bound=0.0, passed=True)
    empty = ScenarioVerdict(name="x", findings=(), facts=(), sources=(), simulated=True)
    assert not empty.passed
    assert replace(empty, findings=(good,)).passed
    assert not replace(empty, findings=(good, replace(good, passed=False))).passed
