"""Margin calls in a run: when they are found, what they forbid, what the broker closes, and until when it waits."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from backtest.results import RunResult
from execution.margin_call import CureBy, MarginCallRules, ReadAt
from market.orders import PositionEffect, TimeInForce
from market.tradables import Share
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision
from strategies.views import TradingState, View
from tests.backtest.option_recordings import HALF_HOUR_NS, Board, chains, contract, of_chains, order
from tests.backtest.recordings import MINUTE_NS, START_NS, Scripted, bars, of_bars
from tests.backtest.recordings import run as run_bare
from tests.backtest.test_engine import buy

DAY_NS = 86_400_000_000_000
_DAY = date(2023, 6, 16)
_CALL = contract(430.0, "C", "SPY", _DAY)
_ALWAYS = MarginCallRules(read_at=ReadAt.ALWAYS)
_SOLD = order([(_CALL, -1)], "-0.90")


def _board(bid: float, ask: float) -> Board:
    return {(430.0, "C"): (bid, ask), (440.0, "C"): (0.5, 0.6)}


_CALM, _DEAR, _DEARER = _board(1.00, 1.10), _board(59.0, 60.0), _board(79.0, 80.0)


def _run(
    boards: list[Board], *answers: Any, rules: MarginCallRules | None = _ALWAYS, step_ns: int = MINUTE_NS, **more: Any
) -> RunResult:
    """Sell a naked call for 1.00 out of 10,000; at 60 it requires 14,560 of which 4,100 are left."""
    table = chains(boards, root="SPY", day=_DAY, spot=428.0, step_ns=step_ns)
    result = run_bare(
        of_chains(table, instruments=(Share(symbol="SPY"),)),
        Scripted([_SOLD, *answers]),
        initial_cash=more.pop("initial_cash", Decimal(10_000)),
        limits=PretradeLimits(collar_fraction=None),
        margin_calls=rules,
        **more,
    )
    assert result.stopped == ""
    return result


def test_a_broken_maintenance_is_called_and_closed_at_the_next_quote() -> None:
    """The trade says why, the call is dated, its order is a limit, and its fill stands among the others."""
    result = _run([_CALM, _CALM, _DEAR, _DEAR, _DEAR])
    (call,) = result.margin_calls
    assert (call.called_ns, call.cured_ns) == (START_NS + 2 * MINUTE_NS, START_NS + 3 * MINUTE_NS)
    assert [call.equity, call.required] == pytest.approx([4_150.0, 8_360.0])
    assert (result.counts["margin_calls"], call.n_orders) == (1, 1)
    (trade,) = result.trades
    assert trade.exit_reason == "margin_call"
    forced = result.orders[-1].intent
    assert (forced.effect, forced.time_in_force) == (PositionEffect.CLOSE, TimeInForce.IOC)
    assert forced.limit_price == Decimal("61.20")
    assert [fill.price for fill in result.fills] == [Decimal("1.0"), Decimal("60.0")]
    assert [quote.fill_id for quote in result.fill_quotes] == [fill.fill_id for fill in result.fills]


def test_nobody_who_does_not_watch_calls() -> None:
    """Without rules the position stays, as it does at a price that the account can bear."""
    assert not _run([_CALM, _CALM, _DEAR, _DEAR], rules=None).trades
    assert not _run([_CALM, _CALM, _DEAR, _DEAR], initial_cash=Decimal(50_000)).margin_calls


def test_while_a_call_stands_new_risk_is_denied_by_name() -> None:
    """What would open is denied by the state of the account, and what was working is cancelled."""
    more = order([(contract(440.0, "C", "SPY", _DAY), 1)], "0.30")
    states: list[TradingState] = []

    def ask(view: View) -> Decision:
        states.append(view.account.trading_state)
        return more

    result = _run([_CALM, _CALM, _DEAR, _DEARER, _DEARER, _DEARER], HOLD, ask, ask, ask, ask)
    assert states == [TradingState.REDUCING] * 2 + [TradingState.ACTIVE] * 2
    assert result.funnel["scripted"]["risk: trading_state"] == (2, 0)


def test_an_order_that_was_working_is_cancelled_by_a_call() -> None:
    """A bid that rests below the market would be new risk."""
    more = order([(contract(440.0, "C", "SPY", _DAY), 1)], "0.30")
    result = _run([_CALM, _CALM, _CALM, _DEAR, _DEAR], more)
    (resting,) = [each for each in result.orders if each.intent.limit_price == Decimal("0.30")]
    assert resting.status == "cancelled"


def test_an_order_that_the_market_leaves_behind_is_priced_anew() -> None:
    """Sent at 60 by at most 61.20, cancelled at 80, sent again by at most 83.20."""
    result = _run([_CALM, _CALM, _DEAR, _DEARER, _DEARER])
    limits = [each.intent.limit_price for each in result.orders if each.intent.reason == "margin_call"]
    assert limits == [Decimal("61.20"), Decimal("83.20")]
    assert result.fills[-1].price == 80
    assert result.margin_calls[0].n_orders == 2


def test_without_quotes_the_broker_waits_and_the_run_counts() -> None:
    """A chain that quotes the contract no more gives nothing to price an order by."""
    gone: Board = {(430.0, "C"): (59.0, float("nan")), (440.0, "C"): (0.5, 0.6)}
    waiting = _run([_CALM, _CALM, _DEAR, gone, gone])
    assert waiting.counts["margin_call_waits"] == 2
    assert (waiting.margin_calls[0].cured_ns, len(waiting.open_packages)) == (-1, 1)
    assert _run([_CALM, _CALM, _DEAR, gone, gone, _DEAR, _DEAR]).trades[0].exit_reason == "margin_call"


def test_maintenance_is_read_at_the_close_unless_it_is_always() -> None:
    """A breach at noon that is gone by the close is none; one at the close is dated there and closed in the morning."""
    quiet = _run([_CALM, _CALM, _DEAR, _CALM], rules=MarginCallRules())
    assert not quiet.margin_calls
    at_close = _run([_CALM, _CALM, _DEAR], rules=MarginCallRules(), step_ns=HALF_HOUR_NS)
    assert [call.called_ns for call in at_close.margin_calls] == [START_NS + 2 * HALF_HOUR_NS]
    late = MarginCallRules(cure_by=CureBy.NEXT_CLOSE)
    (call,) = _run([_CALM, _CALM, _DEAR], rules=late, step_ns=HALF_HOUR_NS).margin_calls
    assert call.deadline_ns == call.called_ns + 3 * DAY_NS
    assert call.n_orders == 0


def test_a_strategy_that_closes_what_the_broker_closes_is_overtaken() -> None:
    """Two closings of one package would turn it; the strategy's own is left out and counted."""

    def close(view: View) -> Decision:
        packages = view.account.packages
        return order([(_CALL, 1)], "90.00", package=packages[0].package_id) if packages else HOLD

    result = _run([_CALM, _CALM, _DEAR, _DEAR, _DEAR], HOLD, close)
    assert result.counts["margin_call_overtook"] == 1
    assert [fill.quantity for fill in result.fills] == [-1, 1]


@pytest.mark.parametrize(("cure_by", "sold"), [(CureBy.AT_ONCE, [-3_000]), (CureBy.NEXT_CLOSE, [])])
def test_shares_on_credit_are_sold_as_far_as_the_maintenance_needs(cure_by: CureBy, sold: list[int]) -> None:
    """19,000 bought at 10 with 100,000; at 6 the equity of 24,000 keeps 16,000 of them, at 10 again all of them."""
    history = of_bars(bars([10.0, 10.0, 6.0, 10.0, 10.0], opens=[10.0, 10.0, 10.0, 6.0, 10.0], width_ns=DAY_NS))
    rules = MarginCallRules(cure_by=cure_by)
    result = run_bare(history, Scripted([buy("10.00", "19000")]), margin_calls=rules)
    (call,) = result.margin_calls
    assert (call.equity, call.required) == (24_000.0, 28_500.0)
    assert call.cured_ns > call.called_ns
    assert [fill.quantity for fill in result.fills] == [19_000, *sold]


def test_an_account_that_owes_more_than_it_had_stays_called_and_waits_for_nothing() -> None:
    """Bought back at 180 out of 10,000: nothing is left to close, and nothing new is let in."""
    result = _run([_CALM, _CALM, _board(179.0, 180.0), _board(179.0, 180.0), _CALM])
    (call,) = result.margin_calls
    assert (call.cured_ns, call.n_orders) == (-1, 1)
    assert "margin_call_waits" not in result.counts
    assert not result.open_packages
    assert result.curve.equity[-1] < 0.0
