"""Our own engine on the same data: compiled bars, bars by events, a grid of windows, condors on chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backtest.chain_table import ChainRows, ChainTable
from backtest.compiled.crossing import run_crossing, run_crossing_grid
from backtest.results import RunResult
from benchmarks.compare.drivers.measure import Case, Done, timed
from benchmarks.crossing_sweep import crossing_sweep
from benchmarks.engine_runs import CONDOR, CROSS, LADDER, bar_history, chain_history, run_bars, run_chains, ticks_of
from benchmarks.real_runs import midpoint_condor, midpoints_history, run_midpoints
from benchmarks.recipes import SIMULATED, MinuteWalk, bar_batch
from market.bars import BarBatch
from strategies.structures.iron_condor import IronCondor

_SWEEP_BARS = 100_000
_WINDOWS = range(10, 210, 10)


def _bars(arrays: dict[str, Any], n: int | None = None) -> BarBatch:
    return bar_batch(MinuteWalk(**{name: np.ascontiguousarray(column[:n]) for name, column in arrays.items()}), "SIM")


def _done(result: RunResult, orders: int) -> Done:
    if result.stopped:
        raise RuntimeError(result.stopped)
    return Done(orders=orders, digest=result.ledger_digest)


def bars_compiled(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work in machine code, averages included; a reversal is one order."""
    ticks = ticks_of(_bars(arrays))
    return ticks.n_bars, lambda: Done(orders=run_crossing(ticks, CROSS).n_orders)


def bars_event(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work by events; a reversal is a closing and an opening order, and counts once."""
    bars = _bars(arrays)

    def run() -> Done:
        result = run_bars(bar_history(bars))
        return _done(result, len({order.intent.ts_event_ns for order in result.orders}))

    return bars.n_bars, run


def sweep(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work of the 190 pairs of twenty windows."""
    ticks = ticks_of(_bars(arrays, _SWEEP_BARS))
    pairs = [(fast, slow) for fast in _WINDOWS for slow in _WINDOWS if fast < slow]
    return ticks.n_bars * len(pairs), lambda: Done(orders=int(run_crossing_grid(ticks, pairs).n_orders.sum()))


def blocks(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the same pairs as a sweep runs them: settings of each point, accounts of ten blocks, returns by day."""
    evaluator, items = crossing_sweep(_bars(arrays, _SWEEP_BARS), _WINDOWS)
    if not evaluator.path.startswith("compiled"):
        raise RuntimeError(evaluator.path)

    def run() -> Done:
        outcomes = evaluator.run_many(items)
        return Done(orders=int(sum(block.measures["n_orders"] for each in outcomes for block in each.blocks)))

    return _SWEEP_BARS * len(items), run


def condor(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work over all chains: one condor after the other, with exits by days, profit and stop."""
    return _condors(arrays, CONDOR)


def ladder(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the same work with a new condor every day."""
    return _condors(arrays, LADDER)


def _condors(arrays: dict[str, Any], strategy: IronCondor) -> tuple[int, Callable[[], Done]]:
    table = ChainTable("SPX", ChainRows(root="SPXW", **arrays), SIMULATED)
    history = chain_history(table)
    return table.n_rows, lambda: _done(run_chains(history, strategy), 0)


def mids(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work of a condor a day over 350 days of mids, nine times each."""
    history = midpoints_history(arrays["folder"])
    return history.sources[0].rows, lambda: _done(run_midpoints(history, midpoint_condor()), 0)


CASES: Mapping[str, Case] = {
    "bars_compiled": bars_compiled,
    "bars_event": bars_event,
    "sweep": sweep,
    "blocks": blocks,
    "condor": condor,
    "ladder": ladder,
    "mids": mids,
}

if __name__ == "__main__":
    timed("hedgefield", CASES)
