"""When strategies are asked and orders arrive; quotes, funding and fees over time."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from math import nan

import numpy as np
import pytest

from backtest.config import EngineConfig
from backtest.costs.carry import BorrowFees, ConstantRate
from backtest.history import History
from backtest.schedule import AtTimes, OnBars, OnQuotes
from execution.events import CashKind, CashMovement
from execution.orders import OrderStatus
from market.errors import ConfigError, DataError
from market.funding import FundingBatch
from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Perpetual
from market.trades import ContractTable, QuoteBatch
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision, Proposal
from strategies.noop import Noop
from strategies.views import View
from tests.backtest.recordings import MINUTE_NS, PROVENANCE, SHARE, START_NS, Scripted, bars, of_bars, run
from tests.backtest.test_engine import buy

COIN = Perpetual(symbol="BTC", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"), currency="USD")
DAY_NS = 86_400_000_000_000


def quotes(rows: list[tuple[float, float]], *, size: float = nan, symbol: str = "SYN") -> QuoteBatch:
    """Return quotes a minute apart."""
    n = len(rows)
    return QuoteBatch(
        symbol=symbol,
        ts_event_ns=START_NS + n * MINUTE_NS,
        cause_id="quotes",
        provenance=PROVENANCE,
        contracts=ContractTable.empty(),
        contract=np.full(n, -1, dtype=np.int32),
        ts_ns=START_NS + MINUTE_NS * np.arange(n, dtype=np.int64),
        bid=np.array([bid for bid, _ in rows]),
        ask=np.array([ask for _, ask in rows]),
        bid_size=np.full(n, size),
        ask_size=np.full(n, size),
        venue=np.full(n, -1, dtype=np.int16),
    )


def of_quotes(batch: QuoteBatch) -> History:
    """Return a history of quotes of the share."""
    return History(sources=(), instruments=(SHARE,), quotes=(batch,))


def test_an_order_meets_the_next_quote_and_never_the_one_that_decided() -> None:
    """Also without latency."""
    result = run(of_quotes(quotes([(10.0, 10.1), (10.2, 10.3)])), Scripted([buy("10.50")]), triggers=(OnQuotes(),))
    (fill,) = result.fills
    assert (fill.price, fill.ts_event_ns) == (Decimal("10.3"), START_NS + MINUTE_NS)
    (judged,) = result.fill_quotes
    assert (judged.decided_bid, judged.decided_ask, judged.bid, judged.ask) == (10.0, 10.1, 10.2, 10.3)
    assert result.curve.equity[-1] == pytest.approx(100_000.0 - 0.05)


@pytest.mark.parametrize(("latency_ns", "place"), [(1, 1), (MINUTE_NS, 1), (MINUTE_NS + 1, 2)])
def test_an_order_meets_the_first_quote_at_or_after_its_arrival(latency_ns: int, place: int) -> None:
    """One that comes at the very instant counts."""
    batch = quotes([(10.0, 10.1)] * 4)
    (fill,) = run(of_quotes(batch), Scripted([buy("10.50")]), triggers=(OnQuotes(),), latency_ns=latency_ns).fills
    assert fill.ts_event_ns == START_NS + place * MINUTE_NS


def test_a_cancel_is_late_too_and_a_trade_before_it_counts() -> None:
    """Asked for at the second quote with a minute and a half on the way: what the third quote reaches still trades."""

    def cancel(view: View) -> Decision:
        return Decision(reason="no more", cancel=tuple(order.order_id for order in view.account.working))

    batch = quotes([(10.0, 10.1), (10.0, 10.1), (10.0, 10.1), (9.0, 9.1)])
    script = [buy("10.05", time_in_force=TimeInForce.GTC), cancel]
    for rows, status in (
        (batch, OrderStatus.CANCELLED),
        (quotes([(10.0, 10.1)] * 2 + [(9.9, 10.0)] * 2), OrderStatus.FILLED),
    ):
        late = run(of_quotes(rows), Scripted(script), triggers=(OnQuotes(),), latency_ns=3 * MINUTE_NS // 2)
        assert [order.status for order in late.orders] == [status]


def test_an_order_with_an_hour_to_live_is_gone_after_it() -> None:
    """Its end is dated by the rule and not by the next row."""
    decision = buy("9.00", good_for_ns=90_000_000_000)
    result = run(of_bars(bars([10.0] * 5)), Scripted([decision]))
    (order,) = result.orders
    assert (order.status, order.changed_ns) == (OrderStatus.EXPIRED, START_NS + MINUTE_NS + 90_000_000_000)


def test_fixed_times_ask_in_every_session_with_or_without_data() -> None:
    """Two sessions; 15:30 is asked although no bar ends there, and 09:00 lies outside."""
    trigger = AtTimes(calendar="NYSE", times=(time(15, 30), time(9, 0)))
    script = Scripted([])
    run(of_bars(bars([10.0, 10.0, 10.0, 10.0], width_ns=DAY_NS)), script, triggers=(trigger,))
    half_hour = 30 * MINUTE_NS
    assert script.seen == [START_NS + half_hour, START_NS + 3 * DAY_NS + half_hour]


def test_a_wider_bar_asks_only_who_named_it() -> None:
    """Bars of three minutes beside those of one."""
    fine, wide = Scripted([], name="fine"), Scripted([], name="wide")
    history = of_bars(bars([10.0] * 6), bars([10.0] * 2, width_ns=3 * MINUTE_NS))
    run(history, fine, wide, triggers_of={"wide": (OnBars(name="SYN@3m"),)})
    assert (len(fine.seen), len(wide.seen)) == (6, 2)


def test_strategies_are_asked_from_the_start_of_the_run_and_not_in_its_warm_up() -> None:
    """Bars before it are known."""
    known: list[int] = []

    def count(view: View) -> Decision:
        known.append(view.bars("SYN", 99).close.size)
        return HOLD

    result = run(of_bars(bars([10.0] * 6)), Scripted([count] * 6), start_ns=START_NS + 4 * MINUTE_NS)
    assert known == [4, 5, 6]
    assert len(result.curve.ts_ns) == 3


def test_funding_is_paid_by_who_holds_at_its_instant_on_the_mark() -> None:
    """Two coins at 100 pay a tenth of a percent: 0.20."""
    paid_ns = START_NS + 2 * MINUTE_NS + 1
    funding = FundingBatch(
        symbol="BTC",
        ts_event_ns=paid_ns,
        cause_id="f",
        provenance=PROVENANCE,
        ts_ns=np.array([paid_ns]),
        funding_ns=np.array([paid_ns]),
        interval_ns=np.array([8 * 3_600_000_000_000]),
        rate=np.array([0.001]),
        is_settled=np.array([True]),
        mark=np.array([100.0]),
        index=np.array([nan]),
        venue=np.array([-1], dtype=np.int16),
    )
    proposal = Proposal(
        structure="long",
        legs=(Leg(instrument=COIN, ratio=1),),
        quantity=Decimal(2),
        limit_price=Decimal(101),
        effect=PositionEffect.OPEN,
    )
    history = History(sources=(), instruments=(COIN,), bars=(bars([100.0] * 5, symbol="BTC"),), funding=(funding,))
    result = run(history, Scripted([Decision(reason="go", proposals=(proposal,))]))
    moved = [event for event in result.ledger if isinstance(event, CashMovement) and event.kind is CashKind.FUNDING]
    assert [(event.amount, event.ts_event_ns) for event in moved] == [(Decimal("-0.2"), paid_ns)]
    assert result.curve.equity[-1] == pytest.approx(100_000.0 - 0.2)


def test_a_borrowed_share_costs_its_fee_each_night() -> None:
    """Four nights of 1 000 at 3.6 % over 360 days: 0.10 each."""
    short = Proposal(
        structure="short",
        legs=(Leg(instrument=SHARE, ratio=-1),),
        quantity=Decimal(100),
        limit_price=Decimal(-10),
        effect=PositionEffect.OPEN,
    )
    result = run(
        of_bars(bars([10.0] * 5, width_ns=DAY_NS)),
        Scripted([Decision(reason="short", proposals=(short,))]),
        borrow=BorrowFees(others=ConstantRate(rate=Decimal("0.036"))),
    )
    nights = [
        event.amount for event in result.ledger if isinstance(event, CashMovement) and event.kind is CashKind.BORROW
    ]
    assert set(nights) == {Decimal("-0.10")}
    assert len(nights) == 4


def test_an_order_beyond_the_buying_power_is_denied_and_counted() -> None:
    """Half of the price is required."""
    for quantity, status in (("19990", OrderStatus.FILLED), ("20010", OrderStatus.REJECTED)):
        result = run(of_bars(bars([10.0] * 3)), Scripted([buy("10.00", quantity)]))
        assert [order.status for order in result.orders] == [status]
    assert result.counts["orders_denied"] == 1
    assert result.funnel["scripted"]["risk: buying_power"] == (1, 0)


def test_impossible_settings_and_empty_histories_are_refused_before_anything_runs() -> None:
    """Each names what it found."""
    with pytest.raises(ConfigError, match="initial_cash"):
        EngineConfig(initial_cash=Decimal(0))
    with pytest.raises(ConfigError, match="end_ns"):
        EngineConfig(initial_cash=Decimal(1), start_ns=5, end_ns=5)
    with pytest.raises(ConfigError, match="unknown strategies"):
        run(of_bars(bars([1.0])), Noop(), triggers_of={"nobody": ()})
    with pytest.raises(DataError, match="nothing that happens"):
        run(History(sources=()), Noop())


def test_the_description_names_every_model_of_the_run() -> None:
    """What decided the result stands beside it."""
    found = run(of_bars(bars([1.0])), Noop()).description
    for text in ("cross the spread", "no spread", "latency 0 ms"):
        assert text in found.fill_model
    assert (found.slippage_model, found.currency) == ("no slippage", "USD")
    assert "no interest on cash" in found.cost_model


def test_orders_beyond_the_rate_are_denied_until_it_allows_them_again() -> None:
    """One in two minutes: of four that are asked minute by minute the first and the third go."""
    limits = PretradeLimits(orders_per_second=1.0 / 120.0, order_burst=1.0)
    result = run(of_bars(bars([10.0] * 6)), Scripted([buy("10.00")] * 4), limits=limits)
    assert len(result.fills) == 2
    assert result.funnel["scripted"]["risk: order_rate"] == (2, 0)
