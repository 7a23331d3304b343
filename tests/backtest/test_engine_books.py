"""Books that a run must keep straight: packages that cancel out, orders whose package is gone, prices that are old."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from backtest.assembly import assemble
from backtest.chain_table import ChainTable
from backtest.costs.carry import CashInterest, ConstantRate
from backtest.decider import Decider
from backtest.history import History
from backtest.results import RunResult
from backtest.schedule import OnChains, OnQuotes
from execution.events import CashKind, CashMovement, DividendNotice
from execution.orders import OrderStatus
from market.chains import OptionChain
from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Share
from market.trades import Int64Array
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision, Proposal
from strategies.views import View
from tests.backtest.option_recordings import HALF_HOUR_NS, chains, contract, of_chains, order
from tests.backtest.recordings import DESCRIPTION, MINUTE_NS, SHARE, START_NS, Scripted, bars, run, settings
from tests.backtest.test_engine import buy
from tests.backtest.test_engine_schedule import of_quotes, quotes

NO_COLLAR = PretradeLimits(collar_fraction=None)
DAY_NS = 86_400_000_000_000
NEXT = date(2023, 6, 9)
CALL = contract(400.0, "C", "SPY", NEXT)


@dataclass(frozen=True)
class Joined:
    """Two tables one after the other, as a sequence."""

    first: ChainTable
    second: ChainTable

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self.first.symbol

    @property
    def available_ns(self) -> Int64Array:
        """Of both."""
        return np.concatenate((self.first.available_ns, self.second.available_ns))

    def chain(self, place: int) -> OptionChain:
        """Return one."""
        n_first = self.first.available_ns.shape[0]
        return self.first.chain(place) if place < n_first else self.second.chain(place - n_first)


def test_packages_that_cancel_out_are_marked_and_settled_each_on_its_own() -> None:
    """One strategy is long and another short in one contract: the account holds nothing, and both trades end."""
    call = contract(4290.0, "C")
    boards = [{(4290.0, "C"): (4.0, 4.2)}, {(4290.0, "C"): (4.0, 4.2)}, {(4290.0, "C"): (9.0, 9.2)}]
    prints = bars([4290.0, 4303.5], symbol="SPX", start_ns=START_NS, width_ns=HALF_HOUR_NS)
    pair = (Scripted([order([(call, 1)], "4.5")], name="a"), Scripted([order([(call, -1)], "-3.9")], name="b"))
    history = of_chains(chains(boards, step_ns=MINUTE_NS), bars=(prints,))
    result = run(history, *pair, triggers=(OnChains(),), limits=NO_COLLAR)
    assert not result.open_packages
    assert {(each.strategy, each.net_pnl) for each in result.trades} == {("a", Decimal(930)), ("b", Decimal(-950))}
    worst = {each.strategy: each.worst_pnl for each in result.trades}
    assert worst == {"a": pytest.approx(-10.0), "b": pytest.approx(-950.0)}


def resting_exit(limit: str) -> Scripted:
    """Return a strategy that buys, asks for an exit at 12, and then replaces it."""

    def close(view: View, at: str) -> Decision:
        (package,) = view.account.packages
        proposal = Proposal(
            structure="long",
            legs=(Leg(instrument=SHARE, ratio=-1),),
            quantity=Decimal(1),
            limit_price=Decimal(at),
            effect=PositionEffect.CLOSE,
            package_id=package.package_id,
            time_in_force=TimeInForce.GTC,
        )
        working = tuple(each.order_id for each in view.account.working)
        return Decision(reason="exit", proposals=(proposal,), cancel=working)

    return Scripted([buy("10.5"), HOLD, lambda view: close(view, "-12"), lambda view: close(view, limit)])


def test_a_cancel_without_latency_is_in_effect_before_what_replaces_it_trades() -> None:
    """Both would trade at the jump to 13; only the second does, and the position never turns."""
    batch = quotes([(10.0, 10.1)] * 4 + [(13.0, 13.1)] * 2)
    result = run(of_quotes(batch), resting_exit("-11"), triggers=(OnQuotes(),), limits=NO_COLLAR)
    assert [order.status for order in result.orders] == [
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.FILLED,
    ]
    assert result.fills[-1].price == Decimal("13.0")
    assert not result.open_packages


def assigned(*strategies: Scripted, **changed: Any) -> RunResult:
    """Run over a Friday whose short calls are assigned for a dividend, and a Monday on which they are cheap."""
    quoted = {(400.0, "C"): (28.3, 28.5), (400.0, "P"): (0.05, 0.07)}
    cheap = {(400.0, "C"): (10.0, 11.0), (400.0, "P"): (0.05, 0.07)}
    friday = chains([quoted] * 3, root="SPY", day=NEXT, spot=428.0)
    monday = chains([cheap] * 3, root="SPY", day=NEXT, spot=410.0, start_ns=START_NS + 3 * DAY_NS)
    ex_ns = START_NS + 2 * DAY_NS + 18 * 3_600_000_000_000 + HALF_HOUR_NS
    due = DividendNotice(symbol="SPY", announced_ns=0, ex_ns=ex_ns, paid_ns=ex_ns, amount=Decimal(2))
    history = History(
        sources=(),
        instruments=(Share(symbol="SPY"),),
        chains=(Joined(friday, monday),),
        bars=(bars([428.0, 428.0], symbol="SPY", width_ns=HALF_HOUR_NS),),
        dividends=(due,),
    )
    return run(history, *strategies, triggers=(OnChains(),), limits=NO_COLLAR, **changed)


def test_an_order_that_would_close_what_was_assigned_is_withdrawn() -> None:
    """It would have bought a call that nobody owes any more."""

    def exit_later(view: View) -> Decision:
        (package,) = view.account.packages
        return order([(CALL, 1)], "20", package=package.package_id, time_in_force=TimeInForce.GTC)

    result = assigned(Scripted([order([(CALL, -1)], "-28.00"), exit_later]))
    assert result.counts["assigned_early"] == 1
    assert [each.status for each in result.orders] == [OrderStatus.FILLED, OrderStatus.CANCELLED]
    assert result.open_packages[0].units == {"SPY": Decimal(-100)}


def test_what_one_package_owes_and_another_holds_is_not_assigned() -> None:
    """At the clearing house the account is flat."""
    pair = (Scripted([order([(CALL, -1)], "-28.00")], name="a"), Scripted([order([(CALL, 1)], "29.00")], name="b"))
    result = assigned(*pair)
    assert len(result.fills) == 2
    assert "assigned_early" not in result.counts


def test_an_evening_without_a_price_of_its_day_is_counted_and_assigns_nothing() -> None:
    """The newest price of the share is of the week before."""
    quoted = {(400.0, "C"): (28.3, 28.5), (400.0, "P"): (0.05, 0.07)}
    table = chains([quoted] * 2, root="SPY", day=NEXT, spot=float("nan"))
    old = bars([428.0], symbol="SPY", start_ns=START_NS - 7 * DAY_NS)
    far = bars([0.1], symbol="XYZ", start_ns=START_NS + 20 * HALF_HOUR_NS)
    history = of_chains(table, bars=(old, far), instruments=(Share(symbol="SPY"),))
    result = run(history, Scripted([order([(CALL, -1)], "-28.00")]), triggers=(OnChains(),), limits=NO_COLLAR)
    assert len(result.fills) == 1
    assert result.counts["evenings_without_price"] == 1


def test_what_the_rules_could_not_tell_is_counted() -> None:
    """Evenings are looked at without a rate where the run has no interest; with one they are not counted."""
    script = [order([(CALL, -1)], "-28.00")]
    assert assigned(Scripted(script)).counts["evenings_without_rate"] == 1
    paid = CashInterest(source=ConstantRate(rate=Decimal("0.05")))
    assert "evenings_without_rate" not in assigned(Scripted(script), interest=paid).counts


def test_money_for_a_package_that_has_ended_is_counted() -> None:
    """It is in the account and in no trade."""
    stage = assemble(settings(), of_chains(chains([{(4290.0, "C"): (4.0, 4.2)}])), [], None)
    late = CashMovement(
        event_id="late", ts_event_ns=START_NS, kind=CashKind.DIVIDEND, amount=Decimal(3), package_id="ended"
    )
    stage.desk.book(late)
    decider = Decider([], stage.market, stage.desk, stage.view)
    assert stage.result(DESCRIPTION, decider, "").counts["packages_with_late_cash"] == 1


@dataclass(frozen=True)
class Stale(Joined):
    """Chains that print the underlying of a quarter of an hour before."""

    def chain(self, place: int) -> OptionChain:
        """Return one."""
        chain = super().chain(place)
        return replace(chain, spot_ts_ns=chain.spot_ts_ns - 15 * MINUTE_NS)


def test_an_older_print_does_not_replace_a_newer() -> None:
    """A vendor's chain tells the index of a quarter of an hour ago beside a bar of now."""
    board = {(4290.0, "C"): (4.0, 4.2)}
    early, late = (chains([board], spot=4200.0, start_ns=START_NS + n * MINUTE_NS) for n in (0, 1))
    prints = bars([4290.0] * 2, symbol="SPX", start_ns=START_NS - MINUTE_NS)
    stage = assemble(settings(), History(sources=(), chains=(Stale(early, late),), bars=(prints,)), [], None)
    for ts_ns, feed, row in stage.tape:
        stage.feeds[feed].take(row, ts_ns)
    assert stage.market.price("SPX") == (4290.0, START_NS + MINUTE_NS)
