"""A flyagonal over recorded closes: two linked orders, the diagonal first, and what the file's quotes give."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from backtest.config import EngineConfig
from backtest.costs.schedules import us_options_and_shares
from backtest.engine import run_backtest
from backtest.results import RunResult
from backtest.schedule import OnChains
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.span import Span
from execution.legging_events import LeggingTerms
from market.clock import datetime_of_ns, ns_of_datetime
from market.tradables import OptionContract
from risk.limits.pretrade import PretradeLimits
from strategies.catalogue import strategy_of
from tests.acceptance.test_engine_by_hand import HOUR_NS, exact, fees
from tests.backtest.recordings import DESCRIPTION

pytestmark = pytest.mark.data

_WAIT_NS = 96 * HOUR_NS
_FRONT, _BACK = "2025-08-27", "2025-09-04"
# The index stood at 6,410 at the close of 2025-08-19: calls from the next ten and ten more, puts three per cent below.
_PUTS = (("2025-08-20", _FRONT, 6210.0, "P", -1), ("2025-08-20", _BACK, 6160.0, "P", 1))
_CALLS = tuple(("2025-08-22", _FRONT, strike, "C", ratio) for strike, ratio in ((6420.0, 1), (6470.0, -2), (6530.0, 1)))


@pytest.fixture(scope="module")
def result(data_root: Path) -> RunResult:
    """Return the run over the sessions of August 2025, each part of a package with days for its fill."""
    files = RecordedFiles(
        chains=(data_root / "option_chains" / "cboe_spx_snapshots.parquet",),
        inputs=(
            InputFile(path=data_root / "daily" / "cboe_vol_indices.parquet"),
            InputFile(path=data_root / "daily" / "spx_spy_qqq_daily.parquet", names={"SPX": "SPX"}),
        ),
    )
    config = EngineConfig(
        initial_cash=Decimal(1_000_000),
        start_ns=ns_of_datetime(datetime(2025, 8, 19, tzinfo=UTC)),
        triggers=(OnChains(),),
        costs=us_options_and_shares(),
        limits=PretradeLimits(collar_fraction=None),
        legging=LeggingTerms(
            budget=Decimal(5_000), first_timeout_ns=_WAIT_NS, next_timeout_ns=_WAIT_NS, unwind_timeout_ns=_WAIT_NS
        ),
        with_greeks=False,
        closing_quotes_ns=8 * HOUR_NS,
    )
    history = recorded_history(files, Span(first=date(2025, 8, 19), last=date(2025, 8, 29)))
    orders = {"allowance": 0.5, "order_life_s": 604_800.0}
    parameters = {"orders": orders, "size": {"risk_share": 0.05}, "exits": {"closes_in_crash": False}}
    strategy = strategy_of("flyagonal", {"underlying": "SPX", **parameters})
    return run_backtest(config, history, [strategy], DESCRIPTION)


def test_its_parts_go_as_linked_orders_the_diagonal_first(result: RunResult) -> None:
    """Two puts at one close, the three calls at the next, and the package is whole."""
    package = result.trades[0].package_id
    opened = [fill for fill in result.fills if fill.package_id == package][:5]
    found = [
        (datetime_of_ns(fill.ts_event_ns).date().isoformat(), str(leg.series.expiration), float(leg.strike))
        for fill in opened
        if isinstance(leg := fill.instrument, OptionContract)
    ]
    assert found == [part[:3] for part in (*_PUTS, *_CALLS)]
    assert result.counts["linked_whole"] >= 1
    assert "linked_stuck" not in result.counts


def test_it_earns_what_the_hand_says(result: RunResult, data_root: Path) -> None:
    """Opened and closed at the far sides of the file's quotes, closed after four and a half days, less every fee."""
    (trade,) = result.trades
    path = data_root / "option_chains" / "cboe_spx_snapshots.parquet"
    table = pd.read_parquet(path, columns=["session_date", "root", "expiration", "right", "strike", "bid", "ask"])
    table = table[table["root"] == "SPXW"]
    earned = Decimal(0)
    for day, expiration, strike, right, ratio in (*_PUTS, *_CALLS):
        rows = table[(table["expiration"] == expiration) & (table["strike"] == strike) & (table["right"] == right)]
        rows = rows.set_index("session_date")
        entry, leave = (rows.loc[pd.Timestamp(each)] for each in (day, "2025-08-26"))
        paid, got = exact(entry["ask" if ratio > 0 else "bid"]), exact(leave["bid" if ratio > 0 else "ask"])
        earned += ratio * 100 * (got - paid) - fees(day, ratio, paid) - fees("2025-08-26", -ratio, got)
    assert (trade.exit_reason, trade.net_pnl) == ("max_hold", earned)
