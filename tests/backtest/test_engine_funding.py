"""Funding that is due when a bar ends: what the bar did came before it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from backtest.history import History
from backtest.results import RunResult
from execution.events import CashKind, CashMovement
from market.bars import BarBatch
from market.funding import FundingBatch
from market.orders import Leg, PositionEffect, TimeInForce
from risk.margin.perpetual import MarginTier, PerpetualTerms
from strategies.decisions import Decision, Proposal
from tests.backtest.recordings import MINUTE_NS, PROVENANCE, START_NS, Scripted, bars, run
from tests.backtest.test_engine_schedule import COIN

TERMS = PerpetualTerms(
    tiers=(MarginTier(up_to=Decimal("Infinity"), initial_rate=Decimal("0.1"), maintenance_rate=Decimal("0.05")),),
    fee_rate=Decimal(0),
)


def due_at(minute: int, rate: float) -> FundingBatch:
    """Return one settled rate without a mark."""
    paid_ns = np.array([START_NS + minute * MINUTE_NS], dtype=np.int64)
    return FundingBatch(
        symbol="BTC",
        ts_event_ns=int(paid_ns[0]),
        cause_id="f",
        provenance=PROVENANCE,
        ts_ns=paid_ns,
        funding_ns=paid_ns,
        interval_ns=np.array([8 * 3_600_000_000_000]),
        rate=np.array([rate]),
        is_settled=np.array([True]),
        mark=np.array([np.nan]),
        index=np.array([np.nan]),
        venue=np.array([-1], dtype=np.int16),
    )


def long(limit: str) -> Scripted:
    """Return a strategy that buys two coins at its first view."""
    proposal = Proposal(
        structure="long",
        legs=(Leg(instrument=COIN, ratio=1),),
        quantity=Decimal(2),
        limit_price=Decimal(limit),
        effect=PositionEffect.OPEN,
        time_in_force=TimeInForce.GTC,
    )
    return Scripted([Decision(reason="go", proposals=(proposal,))])


def paid(result: RunResult) -> list[Decimal]:
    """Return the funding that was booked."""
    assert result.stopped == ""
    return [each.amount for each in result.ledger if isinstance(each, CashMovement) and each.kind is CashKind.FUNDING]


def history(batch: BarBatch, minute: int) -> History:
    """Return bars with a tenth of a percent due at the end of one of them."""
    return History(sources=(), instruments=(COIN,), bars=(batch,), funding=(due_at(minute, 0.001),))


@pytest.mark.parametrize(("minute", "amounts"), [(2, ["-0.2"]), (3, [])])
def test_who_is_liquidated_within_a_bar_pays_no_funding_at_its_end(minute: int, amounts: list[str]) -> None:
    """The third bar falls by half and kills a position of ten times."""
    batch = bars([100.0, 100.0, 60.0, 60.0], lows=[100.0, 100.0, 50.0, 60.0], symbol="BTC")
    result = run(history(batch, minute), long("110"), perpetuals={"BTC": TERMS}, leverage=Decimal(10))
    assert result.counts["liquidations"] == 1
    assert paid(result) == [Decimal(amount) for amount in amounts]


def test_whose_order_a_bar_reached_pays_at_its_end_and_on_its_close() -> None:
    """Bought at 95 within the bar that closes at 98: two coins pay 0.196."""
    batch = bars([100.0, 100.0, 98.0, 98.0], lows=[100.0, 100.0, 94.0, 98.0], symbol="BTC")
    result = run(history(batch, 3), long("95"))
    assert paid(result) == [Decimal("-0.196")]


def test_who_buys_at_the_open_after_it_pays_nothing() -> None:
    """The bar that begins at its instant opens after it."""
    assert paid(run(history(bars([100.0] * 3, symbol="BTC"), 1), long("110"))) == []
