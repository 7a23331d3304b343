"""Profit as the originals computed it, beside what the ledger says: their known failures, with the right number."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.events import Mark, MarkSource
from execution.ledger import Ledger
from execution.package_book import PackageBook
from execution.settlement import due_settlements, settle_expiring
from fields.greeks import greeks
from market.orders import Leg
from market.tradables import OptionContract
from strategies.plan.exits import ExitRules, stop_loss
from tests.execution.ledger_samples import fill, funded, opening, option

_STRIKES = ((95, "P", 1), (100, "P", -1), (110, "C", -1), (115, "C", 1))
_ENTRY = ("0.50", "1.25", "1.25", "0.50")  # a credit of 1.50 on wings of 5
_BARS = 364
_FOREVER_NS = 1 << 62


def _condor(
    contracts: int = 1,
    strikes: Sequence[tuple[int, str, int]] = _STRIKES,
    entry: Sequence[str | Decimal] = _ENTRY,
) -> tuple[Ledger, PackageBook, tuple[OptionContract, ...]]:
    ledger, book = funded("0"), PackageBook()
    held = tuple(option(strike, right, "XSP") for strike, right, _ in strikes)
    ratios = [ratio for *_, ratio in strikes]
    book.announce(opening(tuple(Leg(instrument=c, ratio=r) for c, r in zip(held, ratios, strict=True)), str(contracts)))
    for contract, ratio, price in zip(held, ratios, entry, strict=True):
        event = fill(contract, Decimal(contracts * ratio), price)
        ledger.book(event)
        book.book(event)
    return ledger, book, held


def _mark(ledger: Ledger, book: PackageBook, held: Sequence[OptionContract], spot: float, years: float) -> None:
    """Mark every leg at its price under a volatility of 0.2, in cents."""
    strikes, rights = np.array([float(c.strike) for c in held]), np.array([c.is_call for c in held])
    prices = greeks(spot, strikes, years, 0.0, 0.0, 0.2, rights).price
    marks = [
        Mark(symbol=c.symbol, price=Decimal(f"{price:.2f}"), source=MarkSource.MID, ts_ns=0)
        for c, price in zip(held, prices, strict=True)
    ]
    ledger.mark_all(marks)
    book.mark_all(marks)


def _settle(ledger: Ledger, price: str | Decimal) -> Decimal:
    for due in due_settlements(ledger.positions(), _FOREVER_NS):
        for event in settle_expiring(due, Decimal(price)):
            ledger.book(event)
    ledger.check()
    assert not ledger.holdings
    return ledger.equity


def _per_bar_model(inside: Sequence[bool], credit: float, width: float) -> float:
    """Return the roadmap's profit (Q104, Q105): a share of the credit or of the largest loss at each bar."""
    profit, loss = credit * 100.0, (width - credit) * 100.0
    return sum(profit / len(inside) if bar else -loss / len(inside) for bar in inside)


def test_a_breach_on_the_way_costs_nothing_at_expiry() -> None:
    """EQ1 a: breached for half of the bars and back inside, the model says -100; the condor keeps its credit, +150."""
    path = [True] * 91 + [False] * 182 + [True] * 91
    assert _per_bar_model(path, 1.5, 5.0) == pytest.approx(-100.0)
    ledger, book, held = _condor()
    for bar, inside in enumerate(path):
        _mark(ledger, book, held, 105.0 if inside else 118.0, (len(path) - bar) / 98_280.0 * 5.0)
        ledger.check()
    assert _settle(ledger, "105.00") == 150


def test_the_last_bar_can_take_everything() -> None:
    """EQ1 b: inside for 363 of 364 bars, then through the wing: the model says +148.6; the condor has lost 350."""
    path = [True] * (_BARS - 1) + [False]
    assert _per_bar_model(path, 1.5, 5.0) == pytest.approx(148.6, abs=0.05)
    ledger, book, held = _condor()
    for bar in range(_BARS - 1):
        _mark(ledger, book, held, 105.0, (_BARS - bar) / 98_280.0 * 5.0)
    assert _settle(ledger, "116.00") == -350


def test_the_way_to_expiry_is_marked_not_interpolated() -> None:
    """EQ1 c and EQ10: with the market at a short strike, the model earns 75 in each half; the marks earn 33 and 146."""
    ledger, book, held = _condor()
    full = 20.0 / 252.0
    profits = []
    for left in (1.0, 0.5):
        _mark(ledger, book, held, 110.0, full * left)
        profits.append(ledger.equity)
        assert book.marked_pnl("package") == pytest.approx(float(ledger.equity))
    profits.append(_settle(ledger, "110.00"))
    assert [after - before for before, after in pairwise(profits)] == [33, 146]


def test_a_stop_of_two_credits_can_lie_beyond_all_that_can_be_lost() -> None:
    """EQ2: sold for 2 on wings of 5, the most that is lost is 300 and a stop at 400 never acts; ours stands at 225."""
    entry = ("0.50", "1.50", "1.50", "0.50")
    worst = min(_settle(_condor(entry=entry)[0], str(price)) for price in range(80, 131))
    assert worst == -300
    assert worst > -2.0 * 2.0 * 100.0
    assert worst < -100.0 * stop_loss(ExitRules(), -2.0, 3.0) == -225.0


def test_both_sides_of_a_trade_carry_the_multiplier() -> None:
    """EZ2: ten condors sold at 1.50 and bought back at 3.00 lose 1,500; dollars less points made it +1,470."""
    ledger, _, held = _condor(10)
    for contract, (*_, ratio), price in zip(held, _STRIKES, ("0.30", "1.80", "1.80", "0.30"), strict=True):
        ledger.book(fill(contract, Decimal(-10 * ratio), price, fill_id=f"out {contract.symbol}"))
    assert Decimal("1.50") * 100 * 10 - Decimal("3.00") * 10 == 1470
    assert ledger.equity == -1500
    assert ledger.realised == -1500


def test_calls_keep_the_strikes_that_were_sold() -> None:
    """EZ2: with the calls' strikes overwritten by the puts' plus 10, a market that stands still breaches the calls."""
    overwritten = ((85, "P", 1), (90, "P", -1), (95, "C", -1), (100, "C", 1))
    sold = ((85, "P", 1), (90, "P", -1), (110, "C", -1), (115, "C", 1))
    assert _settle(_condor(strikes=overwritten)[0], "105.00") == -350
    assert _settle(_condor(strikes=sold)[0], "105.00") == 150


@given(
    put=st.integers(50, 100),
    gap=st.integers(1, 40),
    widths=st.tuples(st.integers(1, 25), st.integers(1, 25)),
    cents=st.integers(1, 100),
    contracts=st.integers(1, 50),
)
def test_a_condor_earns_at_most_its_credit_and_loses_at_most_its_wing_less_that(
    put: int, gap: int, widths: tuple[int, int], cents: int, contracts: int
) -> None:
    """Q102, Q103: the extremes over all prices are C N M and -(W - C) N M, W the widest wing; exact, and reached."""
    low, high = widths
    strikes = ((put - low, "P", 1), (put, "P", -1), (put + gap, "C", -1), (put + gap + high, "C", 1))
    credit = Decimal(cents) / 100
    entry = (Decimal(1), 1 + credit, Decimal(1), Decimal(1))
    ends = (1, put - low, put, put + gap, put + gap + high, 500)
    earned = [_settle(_condor(contracts, strikes, entry)[0], Decimal(price)) for price in ends]
    assert max(earned) == credit * contracts * 100
    assert min(earned) == -(max(widths) - credit) * contracts * 100
