"""Defaults that a requirement tells, held against it in plain numbers and not against the pages made of them."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from strategies.catalogue import strategy_of
from strategies.plan.exits import ProfitBasis
from strategies.plan.sizing import SizeRules, risk_ceiling
from tests.strategies.chains import view_at
from tests.strategies.scene import NOW_NS, Scene, SceneAccount


def _made(name: str) -> Any:
    return strategy_of(name, {"underlying": "SPX"})


def test_the_intraday_condor_risks_a_hundredth_and_keeps_a_fifth_of_the_cash() -> None:
    """Z4, Z5: 1 % a trade, 20 % reserve, two at once; half of the credit won, half of the largest loss lost, 15:30."""
    condor = _made("intraday_condor")
    assert (condor.size.risk_share, condor.size.cash_reserve, condor.entry.max_open) == (0.01, 0.2, 2)
    assert (condor.exits.profit_target, condor.exits.profit_basis) == (0.5, ProfitBasis.CREDIT)
    assert (condor.exits.stop_share, condor.exits.stop_multiple) == (0.5, float("inf"))
    assert (condor.exits.close_at, condor.exits.broker_cutoff) == (time(15, 30), time(15, 10))
    assert risk_ceiling(condor.size.risk_share, 25_000.0, 250.0) == 1.0


def test_the_flyagonal_has_the_days_gates_and_exits_of_its_description() -> None:
    """Z53a, Z53b: 8 to 10 and 16 days, 3 open, a tenth of the largest loss won, moved once at a delta of 0.15."""
    flyagonal = _made("flyagonal")
    front, back = flyagonal.schedule.front, flyagonal.schedule.back
    assert (front.days, front.shortest, front.longest, back.days) == (8, 8, 10, 16)
    assert (flyagonal.entry.max_open, flyagonal.entry.reenters) == (3, False)
    exits = flyagonal.exits
    assert (exits.profit_target, exits.profit_basis) == (0.1, ProfitBasis.MAX_LOSS)
    assert (exits.adjusts, exits.adjust_delta, exits.max_adjustments) == (True, 0.15, 1)
    assert exits.max_hold_s == 4.5 * 86_400.0


def test_the_expected_move_condor_has_the_numbers_of_its_description() -> None:
    """Z19a: 0.8 of the straddle, shorts at 1, longs at 1.5 moves, 0.05 at least, 2 % of risk, five contracts."""
    condor = _made("expected_move_condor")
    assert (condor.straddle_share, condor.short_moves, condor.wing_moves) == (0.8, 1.0, 1.5)
    assert (condor.entry.min_credit, condor.size.risk_share, condor.size.max_packages) == (0.05, 0.02, 5)
    assert SizeRules().risk_share == 0.02  # Z82


@pytest.mark.parametrize("name", ["iron_condor", "zero_dte_condor"])
def test_the_condor_has_the_exits_of_its_description(name: str) -> None:
    """Q16, Q77, Q78, EQ2: half of the credit, two credits or 3/4 of the largest loss, no sold delta above 0.35."""
    plan = _made(name).plan
    assert (plan.exits.profit_target, plan.exits.stop_multiple, plan.exits.stop_share) == (0.5, 2.0, 0.75)
    assert plan.entry.max_short_delta == 0.35


def test_a_policy_risks_a_twentieth_with_a_stop_at_half() -> None:
    """L39, L41, L43: 5 % a position, stop 50 %, target 100 %, nothing in the last 30 minutes, 5 minutes of rest."""
    policy = _made("policy")
    assert (policy.size.risk_share, policy.exits.stop_debit, policy.exits.profit_target) == (0.05, 0.5, 1.0)
    assert policy.exits.profit_basis is ProfitBasis.DEBIT
    assert (policy.schedule.cutoff_s, policy.exits.close_before_end_s, policy.entry.cool_down_s) == (1800, 1800, 300)


def test_a_flyagonal_is_opened_once_a_day() -> None:
    """Z53b: where one of the day has ended already, the next session comes first."""
    flyagonal, view = _made("flyagonal"), view_at()
    account = SceneAccount(exits_ns={"flyagonal": NOW_NS - 60 * 10**9})
    decision = flyagonal.decide(Scene(account=account, chains={"SPX": view}))
    assert (decision.reason, decision.proposals) == ("one_a_session", ())
