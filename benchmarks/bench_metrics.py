"""Metrics of a run of 350 days: what a sweep pays for each run, and what an interval costs."""

from __future__ import annotations

import statistics
import time
from datetime import date
from decimal import Decimal

import numpy as np

from backtest.attribution.factors import factor_attribution
from backtest.comparison import compare
from backtest.metrics.groups import returns_by_group, trades_by_group
from backtest.metrics.headline import headline
from backtest.metrics.resampling import headline_intervals
from backtest.results import AccountCurve, RunResult
from benchmarks.engine_runs import described
from benchmarks.harness import Row, interleaved_ns
from execution.trades import Trade
from market.calendars import sessions_between
from market.orders import Leg
from market.tradables import Share

__all__ = ["run"]

_DAYS = 350
_REACH_MS = {"headline": 5.0, "intervals of nine metrics, 1,000 draws": 500.0}
_SHARE = Share(symbol="SPY")


def _trade(closed_ns: int, profit: int, rng: np.random.Generator) -> Trade:
    net = Decimal(profit)
    return Trade(
        package_id=f"p{closed_ns}",
        strategy="condor",
        structure="iron_condor",
        legs=(Leg(instrument=_SHARE, ratio=1),),
        quantity=Decimal(1),
        opened_ns=closed_ns - 6 * 3_600_000_000_000,
        closed_ns=closed_ns,
        entry_price=-1.5,
        exit_price=0.5,
        gross_pnl=net + 1,
        costs=Decimal(1),
        net_pnl=net,
        exit_reason="expired",
        best_pnl=100.0,
        worst_pnl=-100.0,
        factors={f"factor {k}": float(value) for k, value in enumerate(rng.normal(size=10))},
        entry_context={},
        exit_context={},
        flags=frozenset(),
    )


def _curve(closes: list[int], rng: np.random.Generator) -> AccountCurve:
    equity = 1e5 * np.cumprod(np.concatenate([[1.0], 1.0 + rng.normal(0.0005, 0.01, _DAYS)]))
    zero = np.zeros(equity.size)
    return AccountCurve(
        ts_ns=np.array(closes, dtype=np.int64),
        equity=equity,
        cash=equity,
        realised=equity - 1e5,
        unrealised=zero,
        costs=zero,
        income=zero,
        deposits=zero + 1e5,
        margin=zero,
    )


def _run(seed: int) -> RunResult:
    rng = np.random.default_rng(seed)
    closes = [s.close_ns for s in sessions_between("NYSE", date(2023, 11, 6), date(2025, 6, 30))][: _DAYS + 1]
    curve = _curve(closes, rng)
    earned = rng.normal(0, 99, _DAYS)
    return RunResult(
        description=described("metrics", (), 1),
        curve=curve,
        benchmark=np.full(curve.equity.size, np.nan),
        greeks=None,
        decisions=(),
        orders=(),
        fills=(),
        trades=tuple(_trade(close, int(profit), rng) for close, profit in zip(closes, earned, strict=False)),
        open_packages=(),
        ledger=(),
        ledger_digest="",
        funnel={},
        n_views=0,
        regimes={"vol": tuple((close, "ab"[k % 2]) for k, close in enumerate(closes))},
    )


def run() -> list[Row]:
    """Return processor time of the headline, groups, intervals, factors and a comparison."""
    first, second = _run(1), _run(2)
    times = interleaved_ns(
        {
            "headline": lambda: headline(first, risk_free=0.04),
            "returns and trades by group": lambda: (returns_by_group(first), trades_by_group(first)),
            "intervals of nine metrics, 1,000 draws": lambda: headline_intervals(
                first, rng=np.random.default_rng(1), risk_free=0.04
            ),
            "ten factors, 1,000 draws": lambda: factor_attribution(first.trades, rng=np.random.default_rng(1)),
            "two runs compared, 1,000 draws": lambda: compare(first, second, rng=np.random.default_rng(1)),
        },
        clock=time.thread_time_ns,
    )
    return [_row(name, found) for name, found in times.items()]


def _row(name: str, times_ns: list[int]) -> Row:
    value, reach = statistics.median(times_ns) / 1e6, _REACH_MS.get(name)
    if reach is None:
        return Row(name=f"metrics: {name}", size=_DAYS, value=value, unit="ms")
    return Row(
        name=f"metrics: {name}", size=_DAYS, value=value, unit="ms", reach=f"<= {reach:g}", passed=value <= reach
    )
