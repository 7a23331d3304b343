"""From what a run leaves to what a search reads: returns by day, and a few measures."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np

from backtest.metrics.activity import traded_value
from backtest.metrics.days import daily_returns
from backtest.results import AccountCurve, RunResult
from market.chains import FloatArray
from market.trades import Int64Array
from tuning.work import Block, BlockOutcome

__all__ = ["block_outcome", "stopped_outcome"]


def block_outcome(result: RunResult, block: Block, calendar: str) -> BlockOutcome:
    """Return what a run over a block gave.

    Parameters
    ----------
    result : RunResult
        Of the run, also where it stopped.
    block : Block
        The block.
    calendar : str
        Of the daily returns, as `backtest.metrics.days.daily_returns`.

    Returns
    -------
    BlockOutcome
        After the day on which an account lost everything its returns are 0.
    """
    daily = daily_returns(result.curve, calendar)
    end_ns, returns = daily.end_ns, daily.returns
    if daily.is_ruined:
        end_ns, returns = _to_the_end(result.curve, calendar, returns)
    return BlockOutcome(
        block=block.index, end_ns=end_ns, returns=returns, measures=_measures(result), stopped=result.stopped
    )


def stopped_outcome(block: Block, reason: str) -> BlockOutcome:
    """Return the outcome of a block that gave no returns.

    Parameters
    ----------
    block : Block
        The block.
    reason : str
        Why.

    Returns
    -------
    BlockOutcome
        Without days.
    """
    nothing = np.zeros(0, dtype=np.int64)
    return BlockOutcome(block=block.index, end_ns=nothing, returns=np.zeros(0), stopped=reason)


def _to_the_end(curve: AccountCurve, calendar: str, returns: FloatArray) -> tuple[Int64Array, FloatArray]:
    """Return all days of the block: trials are held against each other day by day, also against one that is ruined."""
    ones = np.ones(curve.ts_ns.shape)
    always = replace(curve, equity=ones, deposits=ones)
    end_ns = daily_returns(always, calendar).end_ns
    return end_ns, np.concatenate([returns, np.zeros(end_ns.shape[0] - returns.shape[0])])


def _measures(result: RunResult) -> dict[str, float]:
    curve = result.curve
    mean_equity = _mean_equity(curve)
    return {
        "n_trades": float(len(result.trades)),
        "n_orders": float(len(result.orders)),
        "turnover": traded_value(result.fills) / mean_equity if mean_equity > 0.0 else nan,
        "costs": float(curve.costs[-1]) if curve.costs.size else nan,
        "open_at_end": float(len(result.open_packages)),
    }


def _mean_equity(curve: AccountCurve) -> float:
    """Return the mean over time; NaN before there were two marks."""
    span = np.diff(curve.ts_ns).astype(np.float64)
    total = float(span.sum())
    return float((span * curve.equity[:-1]).sum()) / total if total > 0.0 else nan
