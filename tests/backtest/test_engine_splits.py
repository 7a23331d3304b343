"""Between a split and the first print after it: prices, margin and quotes are those of new shares, or none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from backtest.history import History
from backtest.schedule import OnBars
from execution.events import Split
from market.tradables import Share
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision
from strategies.views import View
from tests.backtest.option_recordings import chains, contract, order
from tests.backtest.recordings import MINUTE_NS, START_NS, Scripted, bars, run

NEXT = date(2023, 6, 9)
CALL = contract(420.0, "C", "SPY", NEXT)


def test_a_share_that_was_split_is_seen_at_its_new_price_before_it_prints() -> None:
    """Another symbol's bars go on: at the old price a short call at 60 would be deep in the money, and be called."""
    split_ns = START_NS + 3 * MINUTE_NS + 1
    split = Split(event_id="s", ts_event_ns=split_ns, symbol="SPY", numerator=7, denominator=1)
    table = chains(
        [{(420.0, "C"): (1.0, 1.1)}] * 4, root="SPY", day=NEXT, spot=413.0, start_ns=START_NS, step_ns=MINUTE_NS
    )
    history = History(
        sources=(),
        instruments=(Share(symbol="SPY"),),
        chains=(table,),
        bars=(bars([10.0] * 8, symbol="XYZ"),),
        splits=(split,),
    )
    seen: list[tuple[int, float, float, bool]] = []

    def look(view: View) -> Decision:
        quote = view.quote("SPY")
        price = float("nan") if quote is None else quote.bid
        seen.append((view.now_ns, price, view.account.buying_power, view.chain("SPY") is not None))
        return HOLD

    script = Scripted([order([(CALL, -1)], "-0.50"), *([look] * 7)])
    result = run(history, script, triggers=(OnBars(),), limits=PretradeLimits(collar_fraction=None))
    before, after = seen[1], seen[-1]
    assert (before[1], before[3], after[1], after[3]) == (413.0, True, 59.0, False)
    assert after[2] == pytest.approx(before[2], rel=0.001)
    assert "margin_calls" not in result.counts
    assert result.open_packages[0].units == {contract(60.0, "C", "SPY", NEXT).symbol: Decimal(-7)}
