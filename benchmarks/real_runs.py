"""Histories of recorded option data and the settings of the runs over them; the data lie beside the project."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Final

from backtest.config import EngineConfig
from backtest.costs.model import CostModel
from backtest.costs.schedules import us_options_and_shares
from backtest.engine import run_backtest
from backtest.fills.spreads import ClosingSpread, SpreadModel
from backtest.history import History
from backtest.results import RunResult
from backtest.schedule import OnChains
from benchmarks.engine_runs import described
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.span import Span
from market.orders import TimeInForce
from strategies.plan.filling import OrderRules
from strategies.plan.schedules import EntryWindows, FixedTime
from strategies.plan.sizing import SizeRules
from strategies.structures.intraday_butterfly import IntradayButterfly
from strategies.structures.zero_dte_condor import ZeroDteCondor
from strategies.structures.zero_dte_straddle import ZeroDteStraddle
from strategies.views import Strategy

__all__ = [
    "DATA",
    "MID_SPREAD",
    "RETAIL",
    "midpoint_butterfly",
    "midpoint_condor",
    "midpoint_straddle",
    "midpoints_history",
    "run_midpoints",
]

DATA: Final = Path(os.environ.get("HEDGEFIELD_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data")))
_DAY_NS: Final = 86_400_000_000_000
MID_SPREAD: Final = ClosingSpread(fraction=0.02, widest=2.0, hours=2.0, least=0.05)
"""Half a spread of 2 % of the mid and at least five cents, twice as wide at the close (L37)."""
RETAIL: Final = us_options_and_shares()
"""Charges of a retail account by date."""


def midpoint_condor(at: time = time(10, 0), *, close_before_end_s: float = 0.0) -> ZeroDteCondor:
    """Return the condor of the study; its orders wait for the next row of the table."""
    return ZeroDteCondor(
        underlying="SPX",
        at=at,
        order_life_s=0.0,
        allowance=0.5,
        risk_share=0.1,
        close_before_end_s=close_before_end_s,
    )


def midpoint_butterfly(at: time = time(10, 0)) -> IntradayButterfly:
    """Return the iron butterfly of the study: one window, one entry a day, no regime read, as of the others."""
    exits = IntradayButterfly(underlying="SPX").exits
    return IntradayButterfly(
        underlying="SPX",
        exits=replace(exits, closes_in_crash=False),
        windows=EntryWindows(times=(FixedTime(at=at),), most=1),
        size=SizeRules(max_packages=1, risk_share=0.1),
        orders=OrderRules(allowance=0.5, order_life_s=0.0, time_in_force=TimeInForce.DAY),
    )


def midpoint_straddle(at: time = time(10, 0), *, close_before_end_s: float = 0.0) -> ZeroDteStraddle:
    """Return the straddle of the study."""
    return ZeroDteStraddle(
        allows_undefined_risk=True,
        underlying="SPX",
        at=at,
        order_life_s=0.0,
        allowance=0.5,
        risk_share=1.0,
        close_before_end_s=close_before_end_s,
    )


def midpoints_history(data: Path = DATA, span: Span | None = None) -> History:
    """Return 350 days of mids, or those of a span, with the daily bars that settle them, and the volatility index."""
    return recorded_history(
        RecordedFiles(
            chains=(data / "option_chains" / "spx_0dte_midpoints.parquet",),
            inputs=(
                InputFile(path=data / "daily" / "spx_spy_qqq_daily.parquet", names={"SPX": "SPX"}),
                InputFile(path=data / "daily" / "cboe_vol_indices.parquet", names={"VIX": "VIX"}),
            ),
        ),
        span,
    )


def run_midpoints(
    history: History,
    *strategies: Strategy,
    spread: SpreadModel = MID_SPREAD,
    costs: CostModel = RETAIL,
    cash: int = 1_000_000,
) -> RunResult:
    """Run strategies over the mids: quotes are a model around them, charges those of a retail account."""
    available = history.chains[0].available_ns
    config = EngineConfig(
        initial_cash=Decimal(cash),
        start_ns=int(available[0]) - 1,
        end_ns=int(available[-1]) + _DAY_NS,
        triggers=(OnChains(),),
        mid_spread=spread,
        costs=costs,
        with_greeks=False,
    )
    return run_backtest(config, history, strategies, described("mids", history.sources, 0))
