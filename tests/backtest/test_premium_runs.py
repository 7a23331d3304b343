"""Short premium through the engine: what the strategies promise holds for every trade of a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from backtest.chain_table import ChainTable
from backtest.results import RunResult
from benchmarks.engine_runs import CONDOR, LADDER, chain_history, run_chains
from benchmarks.real_runs import midpoint_condor, midpoint_straddle, midpoints_history, run_midpoints
from benchmarks.recipes import SIMULATED, weekly_chain_rows
from cluster.histories.span import Span
from market.calendars import session_on
from market.clock import datetime_of_ns
from market.tradables import OptionContract

_QUARTER = Span(first=date(2024, 1, 2), last=date(2024, 3, 28))
_EXITS = {"profit_target", "stop_loss", "days_exit", "time_exit", "expired"}


@pytest.fixture(scope="module")
def ladder() -> RunResult:
    """Return sixty days of the recipe's chains with a condor a day, up to three at once."""
    chains = ChainTable("SPX", weekly_chain_rows(60), SIMULATED)
    return run_chains(chain_history(chains), replace(LADDER, max_open=3))


def test_condors_have_their_deltas_days_and_widths(ladder: RunResult) -> None:
    """Each is opened 30 to 45 days out at about 16 delta, ten points wide at half the ratio of two spreads."""
    assert ladder.stopped == ""
    assert len(ladder.trades) > 4
    for trade in ladder.trades:
        strikes = [leg.instrument.strike for leg in trade.legs if isinstance(leg.instrument, OptionContract)]
        assert [abs(strikes[0] - strikes[1]), abs(strikes[2] - strikes[3])] == [10, 10]
        assert 30.0 <= trade.factors["days_left"] <= 45.0
        assert 0.10 < trade.factors["short_delta"] < 0.25
        assert trade.entry_price < 0.0
        assert trade.exit_reason in _EXITS


def test_nothing_is_filled_at_the_chain_that_was_decided_on(ladder: RunResult) -> None:
    """The fill comes with the next closing chain, and never beyond the limit of the order."""
    filled = {fill.order_id: fill.ts_event_ns for fill in ladder.fills}
    for order in ladder.orders:
        if order.order_id in filled:
            assert filled[order.order_id] - order.intent.ts_event_ns >= 20 * 3_600 * 1_000_000_000
            fills = [fill for fill in ladder.fills if fill.order_id == order.order_id]
            legs = {leg.instrument.symbol: leg.ratio for leg in order.intent.legs}
            assert sum(legs[fill.instrument.symbol] * fill.price for fill in fills) <= order.intent.limit_price


def test_what_is_21_days_from_its_end_is_closed(ladder: RunResult) -> None:
    """No package lives on beyond the chain after the one at which it had 21 days left."""
    for trade in ladder.trades:
        (expiry,) = {
            leg.instrument.series.expiration for leg in trade.legs if isinstance(leg.instrument, OptionContract)
        }
        left = expiry - datetime_of_ns(trade.closed_ns).date()
        assert left >= timedelta(days=21 - 6), trade.package_id  # a weekend with a holiday lies between two chains


def test_one_at_a_time_means_one() -> None:
    """Without a ladder the next condor waits for the end of the one before."""
    result = run_chains(chain_history(ChainTable("SPX", weekly_chain_rows(60), SIMULATED)), CONDOR)
    spans = sorted((trade.opened_ns, trade.closed_ns) for trade in result.trades)
    assert len(spans) >= 2
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.data
@pytest.mark.parametrize("kind", ["condor", "straddle"])
def test_a_day_on_the_recorded_mids_ends_flat(kind: str, data_root: Path) -> None:
    """One package a day at most, none opened in the last half hour, none left overnight, and the money adds up."""
    strategy = midpoint_condor() if kind == "condor" else midpoint_straddle()
    result = run_midpoints(midpoints_history(data_root, _QUARTER), strategy)
    assert result.stopped == ""
    assert not result.open_packages
    days = [datetime_of_ns(trade.opened_ns).date() for trade in result.trades]
    assert len(days) == len(set(days)) > 25
    for trade in result.trades:
        session = session_on("NYSE", datetime_of_ns(trade.opened_ns).date())
        assert session is not None
        assert trade.opened_ns <= session.close_ns - 1_800 * 1_000_000_000
        assert trade.closed_ns <= session.close_ns
    total = float(sum(trade.net_pnl for trade in result.trades))
    assert result.curve.equity[-1] - result.curve.deposits[-1] == pytest.approx(total, abs=1e-6)
    assert np.isfinite(result.curve.equity).all()
