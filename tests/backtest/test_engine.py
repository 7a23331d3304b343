"""The engine on bars: what is seen when, what is filled where, and what stays when a run stops."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import nan

import numpy as np
import pytest

from backtest.fills.pricing import FillRules
from backtest.fills.slippage import FixedSlippage
from backtest.fills.spreads import FixedSpread
from backtest.metrics.funnel import AlarmKind, alarms
from execution.orders import OrderStatus
from market.errors import ConfigError, DataError
from market.fills import Liquidity
from market.orders import Leg, PositionEffect, TimeInForce
from strategies.decisions import HOLD, Decision, Proposal
from strategies.features import MovingAverage
from strategies.moving_average import MovingAverageCross
from strategies.noop import Noop
from strategies.views import View
from tests.backtest.recordings import MINUTE_NS, SHARE, START_NS, Scripted, bars, of_bars, run


def buy(limit: str, quantity: str = "1", **changed: object) -> Decision:
    """Return a decision to buy the share."""
    proposal = Proposal(
        structure="long",
        legs=(Leg(instrument=SHARE, ratio=1),),
        quantity=Decimal(quantity),
        limit_price=Decimal(limit),
        effect=PositionEffect.OPEN,
        **changed,  # type: ignore[arg-type]
    )
    return Decision(reason="test", proposals=(proposal,))


def test_a_strategy_that_never_trades_keeps_its_money() -> None:
    """Without interest nothing changes: equity is the deposit at every row."""
    result = run(of_bars(bars([10.0, 11.0, 9.0])), Noop())
    assert result.stopped == ""
    assert result.curve.equity.tolist() == [100_000.0] * 3
    assert result.n_views == 3


def test_a_decision_at_a_close_is_filled_at_the_next_open() -> None:
    """The open may lie anywhere: neither the close that was seen nor a later price counts."""
    result = run(of_bars(bars([10.0, 12.0, 13.0], opens=[9.9, 10.4, 12.2])), Scripted([buy("11")]))
    (fill,) = result.fills
    assert (fill.price, fill.ts_event_ns, fill.liquidity) == (Decimal("10.4"), START_NS + MINUTE_NS, Liquidity.TAKER)
    assert result.curve.equity.tolist() == pytest.approx([100_000.0, 100_001.6, 100_002.6])


def test_prices_that_nobody_can_trade_at_are_passed_over_and_counted() -> None:
    """A bar at 0, below it or without a close marks nothing; one whose high is below its close is counted as well."""
    batch = bars([10.0, -3.0, 0.0, np.nan, 10.8], opens=[10.0, np.nan, np.nan, np.nan, 10.5])
    batch = replace(batch, high=np.array([10.0, np.nan, np.nan, np.nan, 10.6]))
    result = run(of_bars(batch), Scripted([buy("10.9")]))
    (fill,) = result.fills
    assert fill.price == Decimal("10.5")
    assert (result.counts["bars_without_price"], result.counts["bars_at_odds"]) == (3, 1)
    assert AlarmKind.BAD_ROWS in {alarm.kind for alarm in alarms(result)}


def test_a_price_that_no_ledger_can_hold_is_refused_before_the_run() -> None:
    """The error names the instant and the price."""
    with pytest.raises(DataError, match=r"1e\+300"):
        run(of_bars(bars([10.0, 1e300])), Noop())


def test_an_order_that_is_late_misses_the_open_and_meets_the_close() -> None:
    """With latency the next executable price is the close of the bar under way."""
    history = of_bars(bars([10.0, 10.8, 13.0], opens=[9.9, 10.4, 12.2]))
    (fill,) = run(history, Scripted([buy("11")]), latency_ns=1).fills
    assert (fill.price, fill.ts_event_ns) == (Decimal("10.8"), START_NS + 2 * MINUTE_NS)


def test_a_limit_that_would_be_broken_rests_and_fills_at_its_limit() -> None:
    """The low of a later bar reaches it; a bar that opens beyond gives nothing away."""
    history = of_bars(bars([10.0, 10.2, 8.0], opens=[10.0, 10.1, 8.5], lows=[10.0, 10.0, 7.9]))
    (fill,) = run(history, Scripted([buy("9.5", time_in_force=TimeInForce.GTC)])).fills
    assert (fill.price, fill.liquidity) == (Decimal("9.5"), Liquidity.MAKER)
    assert fill.ts_event_ns == START_NS + 2 * MINUTE_NS


def test_the_half_spread_and_the_slippage_are_paid_on_top_of_the_open() -> None:
    """Far side plus slippage, rounded against the order."""
    fills = FillRules(slippage=FixedSlippage(amount=0.02))
    history = of_bars(bars([10.0, 12.0], opens=[9.9, 10.4]))
    (fill,) = run(history, Scripted([buy("11")]), fills=fills, print_spread=FixedSpread(half=0.05)).fills
    assert fill.price == Decimal("10.47")


def test_an_order_that_must_fill_at_once_is_cancelled() -> None:
    """What does not trade at the first prices that it meets is gone."""
    history = of_bars(bars([10.0, 10.0, 8.0]))
    result = run(history, Scripted([buy("9.5", time_in_force=TimeInForce.IOC)]))
    assert not result.fills
    assert [order.status for order in result.orders] == [OrderStatus.CANCELLED]


def test_nothing_is_seen_before_it_is_known() -> None:
    """At the close of a bar that bar is the newest, and features stand at it."""
    seen: list[tuple[float, float]] = []

    def look(view: View) -> Decision:
        window = view.bars("SYN", 10)
        assert int(window.end_ns[-1]) == view.now_ns
        seen.append((float(window.close[-1]), view.feature("mean")))
        return HOLD

    features = (MovingAverage(name="mean", symbol="SYN", n_bars=2),)
    run(of_bars(bars([1.0, 2.0, 4.0])), Scripted([look] * 3), features=features)
    assert seen == [(1.0, pytest.approx(nan, nan_ok=True)), (2.0, 1.5), (4.0, 3.0)]


def test_a_strategy_that_raises_stops_the_run_and_keeps_what_was() -> None:
    """The error names strategy and instant; rows and fills until then stand."""

    def fail(view: View) -> Decision:
        raise ValueError("no idea")

    result = run(of_bars(bars([10.0, 12.0, 13.0])), Scripted([buy("11"), fail]))
    assert "scripted" in result.stopped
    assert "no idea" in result.stopped
    assert len(result.curve.ts_ns) == 2
    assert len(result.fills) == 1


def test_an_impossible_order_stops_the_run() -> None:
    """A quantity of nothing names its field."""
    result = run(of_bars(bars([10.0, 12.0, 13.0])), Scripted([buy("11", "0")]))
    assert "quantity" in result.stopped
    assert not result.orders


def test_names_of_strategies_differ() -> None:
    """Two of one name cannot be told apart, and nothing is run."""
    with pytest.raises(ConfigError, match="share a name"):
        run(of_bars(bars([1.0])), Noop(), Noop())


def test_a_crossing_reverses_at_the_next_open_and_the_same_run_gives_the_same_ledger() -> None:
    """Twice the same arguments give the same chain of bookings."""
    closes = 100.0 + np.cumsum(np.random.default_rng(7).standard_normal(600))
    strategy = MovingAverageCross(instrument=SHARE, fast=5, slow=20)
    results = [run(of_bars(bars(closes.round(2).tolist())), strategy, features=strategy.features) for _ in range(2)]
    assert len(results[0].trades) > 5
    assert results[0].ledger_digest == results[1].ledger_digest
    assert results[0].stopped == ""


def test_no_strategy_cancels_what_is_not_its_own() -> None:
    """The run stops and names it."""
    result = run(of_bars(bars([10.0, 12.0])), Scripted([Decision(reason="no", cancel=("somebody",))]))
    assert "not its own" in result.stopped
