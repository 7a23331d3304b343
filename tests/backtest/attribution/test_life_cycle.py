"""Each trade is told from its signal to its end."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan

import numpy as np
import pytest

from backtest.attribution.life_cycle import trade_lives
from execution.events import Settlement, SettlementKind
from tests.backtest.metrics.samples import run_of_returns, trade_of
from tests.backtest.metrics.samples_trading import decision_of, fill_of, path_of
from tests.execution.order_samples import NOW_NS, option

_PUT = option(4000, is_call=False)
_RUN = run_of_returns(np.linspace(0.0, 0.01, 30))
_SECOND = 1_000_000_000


def test_a_closed_trade_knows_both_decisions_its_orders_and_what_it_gave_back() -> None:
    """Sold after one second, bought back by another decision; the best mark was 100, the result 75."""
    fills = (
        fill_of(_PUT, -1, "2.00", cause_id="in", order_id="a", at_ns=NOW_NS + _SECOND),
        fill_of(_PUT, 1, "1.20", fill_id="f2", cause_id="out", order_id="b", at_ns=NOW_NS + 60 * _SECOND),
    )
    trade = trade_of(75.0, package_id="package", best_pnl=100.0)
    decisions = (decision_of("in"), decision_of("out", reason="profit_target", opens=False))
    (life,) = trade_lives(replace(_RUN, fills=fills, trades=(trade,), decisions=decisions))
    assert life.signal is decisions[0]
    assert life.exit_signal is decisions[1]
    assert (life.order_ids, life.n_fills, life.n_settlements) == (("a", "b"), 2, 0)
    assert (life.seconds_to_entry, life.captured, life.given_back) == (1.0, 0.75, 25.0)


def test_a_trade_that_expired_has_no_exit_decision() -> None:
    """The last fill opened it; the settlement ended it."""
    fills = (fill_of(_PUT, -1, "2.00", cause_id="in"), fill_of(_PUT, -1, "1.90", fill_id="f2", cause_id="more"))
    ended = Settlement(
        event_id="s",
        ts_event_ns=NOW_NS + 99 * _SECOND,
        kind=SettlementKind.WORTHLESS,
        instrument=_PUT,
        quantity=Decimal(-2),
        price=Decimal(0),
        settlement_price=Decimal(4100),
        package_id="package",
        strategy="condor",
    )
    trade = trade_of(390.0, package_id="package", exit_reason="expired")
    decisions = (decision_of("in"), decision_of("more"))
    (life,) = trade_lives(replace(_RUN, fills=fills, trades=(trade,), decisions=decisions, ledger=(*fills, ended)))
    assert life.signal is decisions[0]
    assert life.exit_signal is None
    assert life.n_settlements == 1


def test_what_was_not_recorded_is_missing_and_not_made_up() -> None:
    """No decision, no fill, no path: None and NaN."""
    (life,) = trade_lives(replace(_RUN, trades=(trade_of(-50.0),)))
    assert life.signal is None
    assert life.attribution is None
    assert isnan(life.seconds_to_entry)
    assert isnan(life.captured)


def test_the_path_of_a_trade_is_summed_to_its_attribution() -> None:
    """Progression and attribution are the same numbers."""
    path = path_of(np.array([NOW_NS, NOW_NS + _SECOND]), np.full((8, 2), 3.0), np.array([1.0, -1.0]))
    trade = trade_of(48.0, package_id="package")
    (life,) = trade_lives(replace(_RUN, trades=(trade,), package_greeks={"package": path}))
    assert life.path is path
    assert life.attribution is not None
    assert life.attribution.theta == 6.0
    assert life.attribution.total == pytest.approx(48.0)
