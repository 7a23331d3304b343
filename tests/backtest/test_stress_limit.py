"""The worst stress of the book with an order in it, as a row of the gate of a run."""

from __future__ import annotations

import pytest

from execution.orders import OrderStatus
from risk.limits.rules import RiskRules
from tests.backtest.recordings import Scripted, bars, of_bars, run
from tests.backtest.test_engine import buy


@pytest.mark.parametrize(("share", "bought"), [(0.011, 2), (0.009, 1), (0.004, 0)])
def test_an_order_is_denied_where_the_book_with_it_would_lose_too_much(share: float, bought: int) -> None:
    """Two orders of 50 shares at 100 in an account of 100 000: a crash takes 500 of one, 1 000 of both."""
    answers = [buy("101", "50"), buy("101", "50")]
    history = of_bars(bars([100.0] * 6))
    result = run(history, Scripted(answers), risk=RiskRules(stress_share=share))
    filled = [order for order in result.orders if order.status is OrderStatus.FILLED]
    assert len(filled) == bought
    assert result.counts.get("orders_denied", 0) == 2 - bought
