"""Packages of more legs than the venue takes: two orders, one after the other, and back to nothing where one fails."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from backtest.fills.pricing import FillRules
from backtest.results import RunResult
from execution.legging_events import LeggingTerms
from execution.packages import linked_groups, worst_loss
from market.orders import Leg, PositionEffect
from market.series import SeriesBatch, SeriesUnit
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import Decision
from strategies.views import View
from tests.backtest.option_recordings import Board, chains, contract, of_chains, order
from tests.backtest.recordings import PROVENANCE, START_NS, Scripted, run

# A call butterfly with a broken wing, and a put spread sold below it: five legs.
LEGS = [
    (contract(4300, "C"), 1),
    (contract(4310, "C"), -2),
    (contract(4325, "C"), 1),
    (contract(4280, "P"), -1),
    (contract(4270, "P"), 1),
]
BOARD: Board = {
    (4300.0, "C"): (6.0, 6.2),
    (4310.0, "C"): (3.0, 3.1),
    (4325.0, "C"): (1.0, 1.1),
    (4280.0, "P"): (4.0, 4.2),
    (4270.0, "P"): (2.0, 2.1),
}
# The puts have moved away: the limit of the whole cannot be met any more.
AWAY: Board = {**BOARD, (4280.0, "P"): (1.0, 1.2), (4270.0, "P"): (0.4, 0.5)}
GONE: Board = {**BOARD, (4300.0, "C"): (1.0, 1.2), (4280.0, "P"): (1.0, 1.2), (4270.0, "P"): (0.4, 0.5)}
SECOND_NS = 1_000_000_000


def play(*boards: Board, answers: tuple[Any, ...] = (order(LEGS, "-0.50"),), **changed: Any) -> RunResult:
    """Return a run of the package, asked for at 0.10 less than its far sides receive, over boards 15 s apart."""
    table = chains(boards, step_ns=15 * SECOND_NS)
    return run(of_chains(table), Scripted(answers), **{"limits": PretradeLimits(collar_fraction=None), **changed})


def _groups() -> tuple[tuple[Leg, ...], ...]:
    return linked_groups([Leg(instrument=each, ratio=ratio) for each, ratio in LEGS], 4)


def test_a_package_of_five_legs_opens_in_two_orders_of_which_the_first_is_safe_alone() -> None:
    """The venue takes four; the second order goes when the first is filled, and the package is one position."""
    result = play(BOARD, BOARD, BOARD)
    groups = _groups()
    assert [len(each.intent.legs) for each in result.orders] == [len(group) for group in groups]
    assert {leg.instrument for leg in result.orders[0].intent.legs} == {leg.instrument for leg in groups[0]}
    assert worst_loss(groups[0]).is_finite()
    assert result.orders[1].intent.ts_event_ns == result.fills[0].ts_event_ns
    (package,) = result.open_packages
    assert (package.is_whole, package.quantity) == (True, Decimal(1))
    assert [(leg.instrument, leg.ratio) for leg in package.legs] == LEGS
    paid = sum((fill.price * fill.quantity for fill in result.fills), Decimal(0))
    assert paid <= Decimal("-0.50")
    assert result.counts["linked_whole"] == 1


@pytest.mark.parametrize("latency_ns", [0, SECOND_NS // 10])
def test_what_the_second_order_cannot_complete_is_closed_again(latency_ns: int) -> None:
    """It times out after the quotes that it met; nothing is left, and cash says what the attempt cost."""
    result = play(BOARD, BOARD, AWAY, AWAY, AWAY, AWAY, latency_ns=latency_ns)
    assert result.counts["linked_unwound"] == 1
    assert not result.open_packages
    (trade,) = result.trades
    assert trade.exit_reason == "legging_unwound"
    assert "partially_filled" in trade.flags
    assert result.curve.equity[-1] - 100_000.0 == pytest.approx(float(trade.net_pnl))
    closing = [each for each in result.orders if each.intent.effect is PositionEffect.CLOSE]
    assert len(closing) == 1


def test_an_order_that_nothing_was_quoted_to_does_not_time_out() -> None:
    """A value of an index half a minute on is no try: the second order meets the next chain, minutes later."""
    instants = START_NS + np.arange(1, 12, dtype=np.int64) * 40 * SECOND_NS
    index = SeriesBatch(
        series="VIX",
        unit=SeriesUnit.INDEX_POINTS,
        ts_event_ns=int(instants[-1]),
        cause_id="vix",
        provenance=PROVENANCE,
        event_ns=instants,
        available_ns=instants,
        value=np.full(instants.size, 15.0),
    )
    table = chains([BOARD, BOARD, BOARD], step_ns=150 * SECOND_NS)
    free = PretradeLimits(collar_fraction=None)
    result = run(of_chains(table, series=(index,)), Scripted([order(LEGS, "-0.50")]), limits=free)
    assert result.counts["linked_whole"] == 1
    assert [len(each.intent.legs) for each in result.orders] == [len(part) for part in _groups()]


def test_a_part_that_loses_more_than_its_budget_is_closed_at_once() -> None:
    """Long before the time-out: what is held alone fell by more than what may be lost on it."""
    patient = LeggingTerms(budget=Decimal(50), next_timeout_ns=3_600 * SECOND_NS)
    result = play(BOARD, BOARD, GONE, GONE, GONE, legging=patient)
    assert result.counts["linked_unwound"] == 1
    assert not result.open_packages
    careless = play(BOARD, BOARD, GONE, GONE, GONE, legging=LeggingTerms(budget=Decimal(5_000), next_timeout_ns=10**15))
    assert careless.counts.get("linked_unwound", 0) == 0


def test_a_closing_package_goes_as_orders_side_by_side() -> None:
    """Each part makes the position smaller, and none waits for another."""

    def close(view: View) -> Decision:
        (package,) = view.account.packages
        legs = [(leg.instrument, -leg.ratio) for leg in package.legs]
        return order(legs, "1.50", package=package.package_id)

    result = play(BOARD, BOARD, BOARD, BOARD, BOARD, answers=(order(LEGS, "-0.50"), Decision(reason="wait"), close))
    closing = [each for each in result.orders if each.intent.effect is PositionEffect.CLOSE]
    assert sorted(len(each.intent.legs) for each in closing) == [2, 3]
    assert len({each.intent.ts_event_ns for each in closing}) == 1
    assert not result.open_packages


def test_a_venue_that_takes_five_legs_gets_one_order() -> None:
    """`FillRules.max_legs` says what it takes."""
    result = play(BOARD, BOARD, fills=FillRules(max_legs=5))
    assert [len(each.intent.legs) for each in result.orders] == [5]
    assert "linked_packages" not in result.counts


def test_a_package_that_the_gate_denies_is_not_sent_in_parts() -> None:
    """Its parts might each pass: the whole is checked first, and the funnel names the limit."""
    result = play(BOARD, BOARD, limits=PretradeLimits(most_loss=100.0))
    assert result.counts["orders_denied"] == 1
    assert not result.fills
    assert [len(each.intent.legs) for each in result.orders] == [5]


def test_linked_orders_are_the_same_in_every_run() -> None:
    """Ids, fills and the digest of the ledger come from the decision alone."""
    first, again = (play(BOARD, BOARD, AWAY, AWAY, AWAY, AWAY) for _ in range(2))
    assert first.ledger_digest == again.ledger_digest
    assert [each.order_id for each in first.orders] == [each.order_id for each in again.orders]
