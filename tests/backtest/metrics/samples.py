"""Runs built by hand for the tests of metrics: no engine, no market."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np

from backtest.results import AccountCurve, RunResult
from execution.trades import Trade
from market.calendars import sessions_between
from market.chains import FloatArray
from market.orders import Leg
from market.tradables import Share
from market.trades import Int64Array
from tests.backtest import recordings

SPY = Share(symbol="SPY")
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


def session_closes(n_days: int, first: date = date(2024, 1, 2)) -> Int64Array:
    """Return the closes of so many sessions from a date on."""
    last = date.fromordinal(first.toordinal() + 2 * n_days + 10)
    return np.array([session.close_ns for session in sessions_between("NYSE", first, last)[:n_days]], dtype=np.int64)


def curve_of(ts_ns: Int64Array, equity: FloatArray, deposits: FloatArray | None = None) -> AccountCurve:
    """Return a curve without costs or income; the first equity is the deposit unless told otherwise."""
    paid = np.full(equity.size, equity[0] if equity.size else 0.0) if deposits is None else deposits
    zero = np.zeros(equity.size)
    return AccountCurve(
        ts_ns=ts_ns,
        equity=equity,
        cash=equity,
        realised=equity - paid,
        unrealised=zero,
        costs=zero,
        income=zero,
        deposits=paid,
        margin=np.full(equity.size, np.nan),
    )


DESCRIPTION = replace(recordings.DESCRIPTION, name="by hand", seed=1)


def run_of(curve: AccountCurve, **changes: object) -> RunResult:
    """Return a run that holds a curve and nothing else, apart from what is changed."""
    result = RunResult(
        description=DESCRIPTION,
        curve=curve,
        benchmark=np.full(curve.equity.size, np.nan),
        greeks=None,
        decisions=(),
        orders=(),
        fills=(),
        trades=(),
        open_packages=(),
        ledger=(),
        ledger_digest="",
        funnel={},
        n_views=0,
    )
    return replace(result, **changes)  # type: ignore[arg-type]  # names and values are the caller's


def run_of_returns(returns: FloatArray, start: float = 100_000.0) -> RunResult:
    """Return a run whose daily returns are as given, one mark at each close."""
    equity = start * np.cumprod(np.concatenate([[1.0], 1.0 + returns]))
    return run_of(curve_of(session_closes(returns.size + 1), equity))


def trade_of(
    net_pnl: float, *, opened_ns: int = 0, hours: float = 1.0, costs: str = "1.30", **changes: object
) -> Trade:
    """Return a closed trade with a net profit, rounded to cents."""
    net = Decimal(str(round(net_pnl, 2)))
    trade = Trade(
        package_id=f"p{opened_ns}",
        strategy="condor",
        structure="iron_condor",
        legs=(Leg(instrument=SPY, ratio=1),),
        quantity=Decimal(1),
        opened_ns=opened_ns,
        closed_ns=opened_ns + int(hours * HOUR_NS),
        entry_price=-1.5,
        exit_price=0.5,
        gross_pnl=net + Decimal(costs),
        costs=Decimal(costs),
        net_pnl=net,
        exit_reason="profit_target",
        best_pnl=max(net_pnl, 0.0),
        worst_pnl=min(net_pnl, 0.0),
        factors={},
        entry_context={},
        exit_context={},
        flags=frozenset(),
    )
    return replace(trade, **changes)  # type: ignore[arg-type]  # names and values are the caller's
