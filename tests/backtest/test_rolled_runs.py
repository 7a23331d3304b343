"""Rolls through the engine: two orders of one decision, and what stands when only one of them fills."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backtest.chain_table import ChainTable
from backtest.results import RunResult
from benchmarks.engine_runs import CONDOR, chain_history, run_chains
from benchmarks.recipes import SIMULATED, weekly_chain_rows
from execution.orders import Order, OrderStatus
from market.orders import PositionEffect
from strategies.plan.exits import ExitRules


def _run(allowance: float) -> RunResult:
    exits = ExitRules(exit_days=21, rolls=True, profit_target=1.0)
    plan = replace(CONDOR.plan, exits=exits, allowance=allowance)
    return run_chains(chain_history(ChainTable("SPX", weekly_chain_rows(140), SIMULATED)), plan)


@pytest.fixture(scope="module")
def near() -> RunResult:
    """Return 140 days of a condor that rolls at limits so near the price that some orders do not fill."""
    return _run(0.02)


def _rolls(result: RunResult) -> list[tuple[Order, Order]]:
    """Return the orders of each roll: the close, and the replacement."""
    by_cause: dict[str, dict[PositionEffect, Order]] = {}
    for order in result.orders:
        by_cause.setdefault(order.intent.cause_id, {})[order.intent.effect] = order
    return [
        (each[PositionEffect.CLOSE], each[PositionEffect.OPEN])
        for each in by_cause.values()
        if len(each) == len(PositionEffect)
    ]


def _is_filled(order: Order) -> bool:
    return order.status is OrderStatus.FILLED


def test_a_roll_is_two_orders_for_a_credit() -> None:
    """Both are of one decision, of as many packages, and together they receive more than they pay."""
    rolled = _run(0.1)
    rolls = _rolls(rolled)
    assert rolled.stopped == ""
    assert any(_is_filled(out) and _is_filled(new) for out, new in rolls)
    for out, new in rolls:
        assert out.intent.reason == new.intent.reason == "days_roll"
        assert new.intent.quantity <= out.intent.quantity
        assert out.intent.limit_price * out.intent.quantity + new.intent.limit_price * new.intent.quantity < 0


def test_a_roll_of_which_one_half_filled_is_repaired_at_the_next_view(near: RunResult) -> None:
    """Where the replacement alone came, its predecessor is closed by an order that opens nothing."""
    halves = [(out, new) for out, new in _rolls(near) if _is_filled(new) and not _is_filled(out)]
    assert halves
    for out, _ in halves:
        package = out.intent.package_id
        later = [each for each in near.orders if each.intent.package_id == package and each is not out]
        closings = [each for each in later if each.intent.effect is PositionEffect.CLOSE and _is_filled(each)]
        assert [each.intent.reason for each in closings] == ["days_exit"]
        assert package in {trade.package_id for trade in near.trades}


def test_never_more_than_a_package_and_its_replacement_are_open(near: RunResult) -> None:
    """One is allowed; the second is a replacement whose predecessor was not closed yet."""
    moves = [(trade.opened_ns, 1) for trade in near.trades] + [(trade.closed_ns, -1) for trade in near.trades]
    n_open = most = 0
    for _, step in sorted(moves, key=lambda move: (move[0], move[1])):
        n_open += step
        most = max(most, n_open)
    assert most == 2
