"""Closing orders that are replaced while they may still be filled: nothing is closed twice, and no close is lost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backtest.results import RunResult
from execution.orders import OrderStatus
from market.orders import PositionEffect, TimeInForce
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision
from strategies.views import View
from tests.backtest.option_recordings import Board, chains, contract, of_chains, order
from tests.backtest.recordings import Scripted, run

SECOND_NS = 1_000_000_000
STEP_NS = 15 * SECOND_NS
OPENING = 10  # chains, so that also what opens one by one has opened
PUT = contract(4280, "P")


def board(bid: float) -> Board:
    """Return a chain of one put."""
    return {(4280.0, "P"): (bid, bid + 0.2)}


def closing(limit: str, view: View) -> Decision:
    """Return what sells all that is held, and withdraws what is under way."""
    held = view.account.packages
    cancel = tuple(each.order_id for each in view.account.working)
    if not held:
        return Decision(reason="flat", cancel=cancel)
    (package,) = held
    asked = order(
        [(PUT, -1)],
        f"-{limit}",
        quantity=int(package.quantity),
        package=package.package_id,
        time_in_force=TimeInForce.GTC,
    )
    return replace(asked, cancel=cancel)


def play(
    limits: list[str | None], bids: list[float], latency_ns: int, *, sizes: float = float("nan"), quantity: int = 3
) -> RunResult:
    """Return a run that buys at the first of some chains, and then sells at the limits, one after the other."""
    opened = order([(PUT, 1)], "9.00", quantity=quantity, time_in_force=TimeInForce.GTC)
    answers: list[object] = [opened, *[HOLD] * (OPENING - 1)]
    answers += [HOLD if limit is None else lambda view, at=limit: closing(at, view) for limit in limits]
    table = chains([*[board(5.0)] * OPENING, *map(board, bids)], step_ns=STEP_NS, sizes=sizes)
    uncollared = PretradeLimits(collar_fraction=None)
    return run(of_chains(table), Scripted(answers), latency_ns=latency_ns, limits=uncollared)


@pytest.mark.parametrize("latency_ns", [0, SECOND_NS, 20 * SECOND_NS])
def test_a_closing_order_is_replaced_in_one_decision_whatever_the_latency(latency_ns: int) -> None:
    """The new one is not rejected because the old one still stands: it is filled by the first chain that it meets."""
    result = play(["8.00", "4.00"], [5.0] * 5, latency_ns)
    assert result.stopped == ""
    closes = [each for each in result.orders if each.intent.effect is PositionEffect.CLOSE]
    assert [each.status for each in closes] == [OrderStatus.CANCELLED, OrderStatus.FILLED]
    assert not result.open_packages
    waits = 1 if latency_ns <= STEP_NS else 2
    assert result.fills[-1].ts_event_ns - closes[1].intent.ts_event_ns == waits * STEP_NS


def test_what_the_old_order_fills_on_the_way_is_taken_from_the_new_one() -> None:
    """The bid comes to the old limit before the cancel has arrived: the new order is over and closes nothing."""
    result = play(["8.00", "4.00"], [5.0, 5.0, 8.5, 8.5, 8.5], 20 * SECOND_NS)
    closes = [each for each in result.orders if each.intent.effect is PositionEffect.CLOSE]
    assert [each.status for each in closes] == [OrderStatus.FILLED, OrderStatus.CANCELLED]
    assert "replaces" in closes[1].reason
    assert (result.counts["closings_fitted"], result.open_packages) == (1, ())
    assert sum(fill.quantity for fill in result.fills) == 0


def test_a_part_that_the_old_order_fills_leaves_the_rest_to_the_new_one() -> None:
    """One of three is sold at the old limit on the way; the new order sells two, and the position never turns."""
    result = play(["8.00", "4.00"], [5.0, 5.0, 8.5, 5.0, 5.0, 5.0, 5.0], 20 * SECOND_NS, sizes=1.0)
    assert [fill.quantity for fill in result.fills] == [Decimal(1)] * 3 + [Decimal(-1)] * 3
    closes = [each for each in result.orders if each.intent.effect is PositionEffect.CLOSE]
    assert [each.restated_quantity for each in closes][-1] == Decimal(2)
    assert [each.status for each in closes] == [OrderStatus.CANCELLED, OrderStatus.FILLED]
    assert not result.open_packages


LIMITS = st.lists(st.none() | st.sampled_from(["8.00", "6.00", "5.00", "4.00"]), max_size=8)
BIDS = st.lists(st.sampled_from([3.9, 4.5, 5.5, 7.0, 8.5]), min_size=8, max_size=8)


@settings(deadline=None, max_examples=60)
@example(limits=[None] * 5 + ["5.00", "5.00"], bids=[3.9] * 8, latency_s=46, sizes=1.0, quantity=1)
@example(limits=[None] * 3 + ["6.00", "5.00", "8.00"], bids=[3.9] * 7 + [7.0], latency_s=46, sizes=1.0, quantity=1)
@given(
    limits=LIMITS,
    bids=BIDS,
    latency_s=st.integers(0, 50),
    sizes=st.sampled_from([1.0, 2.0, float("nan")]),
    quantity=st.integers(1, 5),
)
def test_replaced_closings_never_turn_a_position_and_are_never_lost(
    limits: list[str | None], bids: list[float], latency_s: int, sizes: float, quantity: int
) -> None:
    """Whatever fills first: no order is refused, what is held stays between nothing and what was bought, and goes."""
    asked = (limits + [None] * 8)[:8]
    result = play([*asked, "3.00"], [*bids, *[5.0] * 12], latency_s * SECOND_NS, sizes=sizes, quantity=quantity)
    assert result.stopped == ""
    assert all(each.status is not OrderStatus.REJECTED for each in result.orders)
    held = Decimal(0)
    for fill in result.fills:
        held += fill.quantity
        assert 0 <= held <= quantity
    assert held == 0
    assert not result.open_packages
