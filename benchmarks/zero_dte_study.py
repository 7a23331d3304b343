"""Plain short premium on the recorded 0DTE mids: ``python -m benchmarks.zero_dte_study --write docs/research/FILE.md``.

Three structures at 10:00 with the defaults of their strategies, which were set before any result was seen, each managed
and held, against the same structures at a time drawn by lot and at the first row of every day. Nothing was tuned.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import time
from math import inf
from pathlib import Path
from typing import Final

import numpy as np

from backtest.costs.model import CostModel
from backtest.costs.schedules import NO_COSTS
from backtest.fills.spreads import ClosingSpread, FixedSpread, SpreadModel
from backtest.history import History
from backtest.metrics.days import daily_returns
from backtest.metrics.resampling import bootstrap_intervals, daily_statistics
from backtest.metrics.trade_statistics import trade_statistics
from backtest.results import RunResult
from benchmarks.real_runs import (
    DATA,
    MID_SPREAD,
    RETAIL,
    midpoint_butterfly,
    midpoint_condor,
    midpoint_straddle,
    midpoints_history,
    run_midpoints,
)
from benchmarks.study_page import DayMean, day_mean, funnel_lines, holm_cells, write_figures
from market.chains import FloatArray
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import FixedTime, RandomTime

__all__ = ["main"]

_CASH: Final = 1_000_000
_N_DRAWS: Final = 2_000
_ROWS: Final = tuple(time(*at) for at in ((9, 35), (10, 0), (10, 30), (11, 0), (12, 0), (13, 0), (14, 0), (15, 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run of the study.

    Parameters
    ----------
    name : str
        What was run.
    result : RunResult
        What it left.
    profit : ndarray, shape (n_days,)
        Profit of each day, USD, net.
    """

    name: str
    result: RunResult
    profit: FloatArray


def _held(plan: PackagePlan) -> PackagePlan:
    """Return the plan without stop, target and clock; an unbounded structure keeps a stop out of reach for its size."""
    stop = inf if plan.structure.is_defined_risk else 25.0
    held = replace(plan.exits, profit_target=1.0, stop_multiple=stop, stop_share=inf, max_hold_s=inf, close_at=None)
    return replace(plan, exits=held)


def _plans() -> dict[str, PackagePlan]:
    found = {}
    for name, strategy in (
        ("condor", midpoint_condor()),
        ("butterfly", midpoint_butterfly()),
        ("straddle", midpoint_straddle()),
    ):
        found[f"{name}, managed"] = strategy.plan
        found[f"{name}, held"] = _held(strategy.plan)
    return found


def _always(plan: PackagePlan) -> PackagePlan:
    return replace(_held(plan), schedule=FixedTime(at=_ROWS[0]))


def _by_lot(plan: PackagePlan, seed: int) -> PackagePlan:
    return replace(plan, schedule=RandomTime(times=tuple(FixedTime(at=at) for at in _ROWS), seed=seed))


def _run(
    name: str, history: History, plan: PackagePlan, spread: SpreadModel = MID_SPREAD, costs: CostModel = RETAIL
) -> Outcome:
    result = run_midpoints(history, plan, spread=spread, costs=costs, cash=_CASH)
    if result.stopped:
        raise RuntimeError(f"{name}: {result.stopped}")
    return Outcome(name=name, result=result, profit=daily_returns(result.curve, "NYSE").profit)


def _sharpe(profit: FloatArray, seed: int = 11) -> str:
    statistics = {"sharpe": daily_statistics(252.0)["sharpe"]}
    (found,) = bootstrap_intervals(profit / _CASH, statistics, rng=np.random.default_rng(seed), n_draws=_N_DRAWS)
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _line(outcome: Outcome, mean: DayMean, holm: str) -> str:
    trades = trade_statistics(outcome.result.trades)
    wealth = np.concatenate([[0.0], np.cumsum(outcome.profit)])
    fall = float((np.maximum.accumulate(wealth) - wealth).max())
    wins = f"{100 * trades.win_rate:.0f} [{100 * trades.win_rate_low:.0f}, {100 * trades.win_rate_high:.0f}]"
    cells = (
        outcome.name,
        f"{trades.n_trades}",
        f"{wealth[-1]:,.0f}",
        str(mean),
        holm,
        _sharpe(outcome.profit),
        wins,
        f"{trades.payoff_ratio:.2f}",
        f"{trades.worst_loss:,.0f}",
        f"{fall:,.0f}",
        f"{trades.costs:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


_COLUMNS: Final = "run|trades|net USD|USD a day [95 %]|p, Holm|Sharpe [95 %]|wins % [95 %]|pay-off|worst|fall|charges"
_HEAD: Final = (f"| {' | '.join(_COLUMNS.split('|'))} |", "|---|---:|---:|---|---:|---|---|---:|---:|---:|---:|")


def _against(rows: Sequence[tuple[str, FloatArray]]) -> Iterator[str]:
    means = [day_mean(difference) for _, difference in rows]
    yield "| run, less | USD a day [95 %] | p, Holm |"
    yield "|---|---|---:|"
    for (name, _), mean, holm in zip(rows, means, holm_cells(means), strict=True):
        yield f"| {name} | {mean} | {holm} |"


def _at_other_spreads(history: History, name: str, plan: PackagePlan) -> Iterator[Outcome]:
    """Yield the same run at the mids for nothing, and at twice the spread."""
    wide = ClosingSpread(fraction=0.04, widest=2.0, hours=2.0, least=0.10)
    yield _run(f"{name}: at the mid, no charges", history, plan, FixedSpread(half=0.0), NO_COSTS)
    yield _run(f"{name}: twice the spread", history, plan, wide)


def _tables(history: History, n_seeds: int) -> Iterator[str]:
    plans = _plans()
    outcomes = [_run(name, history, plan) for name, plan in plans.items()]
    always = {
        _kind(name): _run(f"{_kind(name)}, always in", history, _always(plan))
        for name, plan in plans.items()
        if name.endswith("held")
    }
    spreads = [each for name, plan in plans.items() for each in _at_other_spreads(history, name, plan)]
    every = [*outcomes, *always.values(), *spreads]
    means = [day_mean(each.profit) for each in every]
    yield from _HEAD
    yield from map(_line, every, means, holm_cells(means))
    yield f"\nAgainst baselines, paired by day; the lot is the mean of {n_seeds} seeds, same structure and exits:\n"
    rows = []
    for outcome, plan in zip(outcomes, plans.values(), strict=True):
        lots = [_run("lot", history, _by_lot(plan, seed)).profit for seed in range(n_seeds)]
        rows.append((f"{outcome.name}, less a time by lot", outcome.profit - np.mean(lots, axis=0)))
        rows.append((f"{outcome.name}, less always in", outcome.profit - always[_kind(outcome.name)].profit))
        totals = [float(lot.sum()) for lot in lots]
        print(outcome.name, "by lot", np.mean(totals), np.min(totals), np.max(totals), flush=True)
    yield from _against(rows)
    yield ""
    yield from funnel_lines([(each.name, each.result) for each in (*outcomes, *always.values())])


def _kind(name: str) -> str:
    return name.split(",", maxsplit=1)[0]


def main() -> int:
    """Run the study and print its tables, or write them between the markers of a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zero_dte_study", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    tables = "\n".join(_tables(midpoints_history(arguments.data), arguments.seeds))
    if arguments.write:
        write_figures(arguments.write, "zero_dte_study", tables)
    else:
        print(tables)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
