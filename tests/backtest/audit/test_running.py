"""Cost stress, quality of data, and all guards over one run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

import numpy as np
import pytest

from backtest.audit.findings import net_profit
from backtest.audit.quality import data_quality
from backtest.audit.rewrites import widened
from backtest.audit.running import AuditPlan, audit_run
from backtest.audit.stress import cost_stress, stressed_configs
from backtest.costs.charges import FlatCommission
from backtest.costs.model import CostModel
from backtest.fills.spreads import FixedSpread
from backtest.history import DataSource, History
from backtest.results import RunResult
from market.bars import BarBatch
from tests.backtest.audit.runs import Follow, history, honest, peeking, walk
from tests.backtest.option_recordings import chains, of_chains
from tests.backtest.recordings import MINUTE_NS, PROVENANCE, Scripted, bars, of_bars, run, settings

_COSTS = CostModel(name="flat 1", charges=(FlatCommission(amount=Decimal(1)),))


def test_each_stress_makes_the_same_run_dearer() -> None:
    """Wider spreads and doubled fees cost money for the same decisions; both name what they are."""
    config = settings(print_spread=FixedSpread(half=0.02), costs=_COSTS)
    stressed = stressed_configs(config, bar_ns=MINUTE_NS)
    assert stressed["spread"].print_spread.name == "2 x half spread 0.02"
    assert stressed["fees"].costs.name == "2 x flat 1"
    assert stressed["late"].latency_ns == config.latency_ns + MINUTE_NS
    data = history()
    base = run(data, Follow(), print_spread=config.print_spread, costs=config.costs)
    fees = run(data, Follow(), print_spread=config.print_spread, costs=stressed["fees"].costs)
    wide = run(data, Follow(), print_spread=stressed["spread"].print_spread, costs=config.costs)
    assert net_profit(fees) == pytest.approx(net_profit(base) - float(base.curve.costs[-1]))
    assert net_profit(wide) == pytest.approx(net_profit(base) - 0.02 * 10 * len(base.fills), abs=0.5)


def test_a_profit_made_of_low_costs_fails_and_a_loss_is_not_asked() -> None:
    """Positive as run and negative under stress: the guard fails; what lost before has nothing to lose."""
    data = history()
    rich = peeking(data)
    poor = run(data, Follow(), costs=CostModel(name="flat 50", charges=(FlatCommission(amount=Decimal(50)),)))
    assert net_profit(rich) > 0.0 > net_profit(poor)
    assert cost_stress(rich, "fees", poor).passed is False
    assert cost_stress(rich, "fees", rich).passed
    assert cost_stress(poor, "fees", rich).passed is None
    stopped = cost_stress(rich, "late", replace(rich, stopped="no cash"))
    assert (stopped.passed, stopped.name) == (False, "cost_stress_late")


def test_recorded_spreads_widen_around_the_same_mids() -> None:
    """Twice the spread; a bid never below 0, and a missing side stays missing."""
    board = {
        (4280.0, "P"): (3.0, 3.2),
        (4200.0, "P"): (0.05, 0.25),
        (4100.0, "P"): (0.0, 0.1),
        (4000.0, "P"): (1.0, 0.0),
    }
    chain = widened(of_chains(chains([board])), 2.0).chains[0].chain(0)
    by_strike = {float(k): (b, a) for k, b, a in zip(chain.strike, chain.bid, chain.ask, strict=True)}
    assert by_strike[4280.0] == pytest.approx((2.9, 3.3))
    assert by_strike[4200.0] == pytest.approx((0.0, 0.35))
    assert by_strike[4100.0] == pytest.approx((0.0, 0.15))
    assert by_strike[4000.0] == (1.0, 0.0)


def _broken_bars() -> BarBatch:
    batch = walk(100)
    high, close = batch.high.copy(), batch.close.copy()
    high[3], close[7] = 1.0, np.nan
    end = batch.end_ns.copy()
    end[50:] += 30 * MINUTE_NS
    return replace(batch, high=high, close=close, end_ns=end)


def test_bad_rows_are_counted_and_too_many_fail() -> None:
    """A high below the close, a missing close, a gap, a crossed contract; clean bars pass."""
    found = data_quality(of_bars(_broken_bars()))
    assert found.passed is False
    assert found.value == pytest.approx(0.02)
    for part in ("100 rows", "1 bars without a close", "1 bars with a high or low", "1 gaps within a day"):
        assert part in found.text
    assert data_quality(of_bars(_broken_bars()), bound=0.02).passed
    assert data_quality(history()).text.endswith("nothing found")
    crossed = data_quality(of_chains(chains([{(4280.0, "P"): (3.2, 3.0), (4290.0, "P"): (5.0, 5.2)}])))
    assert (crossed.passed, crossed.value) == (False, 0.5)
    doubled = walk(20)
    twice = replace(doubled, end_ns=np.where(doubled.end_ns == doubled.end_ns[1], doubled.end_ns[2], doubled.end_ns))
    assert "1 bars told twice" in data_quality(of_bars(twice)).text


def test_simulated_sources_are_named_and_nothing_is_no_pass() -> None:
    """A reader sees which inputs were simulated; a history without rows has no quality."""
    source = DataSource(name="SYN bars", provenance=PROVENANCE, digest="", rows=3, first_ns=0, last_ns=1)
    data = replace(of_bars(bars([1.0, 2.0, 3.0])), sources=(source,))
    assert "simulated: SYN bars" in data_quality(data).text
    assert data_quality(replace(data, bars=())).passed is None


def test_all_guards_pass_over_an_honest_run_and_one_cheat_fails_the_audit() -> None:
    """Every guard is asked once, in order; the report passes where none failed."""
    data, plan = history(80), AuditPlan(n_instants=2, n_shuffles=8, n_draws=200)
    stresses = {"fees": partial(honest, data, costs=_COSTS)}
    report = audit_run(honest, data, honest(data), np.random.default_rng(1), plan=plan, stresses=stresses)
    names = [finding.name for finding in report.findings]
    assert names == [
        "run_completed",
        "data_quality",
        "determinism",
        "row_order_invariance",
        "truncation_invariance",
        "look_ahead_canary",
        "shuffled_label_baseline",
        "random_entry_baseline",
        "cost_stress_fees",
    ]
    assert [finding.passed for finding in report.findings[:7]] == [True] * 7
    cheat = audit_run(peeking, data, peeking(data), np.random.default_rng(1), plan=plan)
    failed = {finding.name for finding in cheat.findings if finding.passed is False}
    assert failed == {"truncation_invariance", "look_ahead_canary", "shuffled_label_baseline"}
    assert (report.passed, cheat.passed) == (True, False)


def test_a_run_that_stopped_or_never_decided_does_not_pass_for_a_sound_one() -> None:
    """What stopped early fails; where nothing was decided there is nothing that could hang on the future."""
    data, plan = history(40), AuditPlan(n_instants=2, n_shuffles=8, n_draws=50)
    stopped = replace(honest(data), stopped="no print at the close")
    first = audit_run(honest, data, stopped, np.random.default_rng(1), plan=plan).findings[0]
    assert (first.name, first.passed, first.text) == ("run_completed", False, "no print at the close")

    def idle(given: History) -> RunResult:
        return run(given, Scripted([]))

    report = audit_run(idle, data, idle(data), np.random.default_rng(1), plan=plan)
    asked = {finding.name: finding.passed for finding in report.findings}
    assert (asked["look_ahead_canary"], asked["truncation_invariance"]) == (None, None)
