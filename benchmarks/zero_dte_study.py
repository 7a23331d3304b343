"""Plain short premium on the recorded 0DTE mids: ``python -m benchmarks.zero_dte_study --write docs/research/FILE.md``.

Two structures at 10:00 with the defaults of their strategies, which were set before any result was seen, each managed
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
    midpoint_condor,
    midpoint_straddle,
    midpoints_history,
    run_midpoints,
)
from market.chains import FloatArray
from strategies.plan.exits import ExitRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import FixedTime, RandomTime

__all__ = ["main"]

_CASH: Final = 1_000_000
_N_DRAWS: Final = 2_000
_ROWS: Final = tuple(time(*at) for at in ((9, 35), (10, 0), (10, 30), (11, 0), (12, 0), (13, 0), (14, 0), (15, 0)))
_BEGIN, _END = "<!-- figures: benchmarks/zero_dte_study.py -->", "<!-- end of figures -->"
_HELD: Final = ExitRules(profit_target=1.0, stop_multiple=inf, stop_share=inf)


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
    """Return the plan without stop and target; an unbounded structure keeps a stop out of reach for its size."""
    stop = inf if plan.structure.name == "iron_condor" else 25.0
    return replace(plan, exits=replace(_HELD, stop_multiple=stop))


def _plans() -> dict[str, PackagePlan]:
    condor, straddle = midpoint_condor().plan, midpoint_straddle().plan
    return {
        "condor, managed": condor,
        "condor, held": _held(condor),
        "straddle, managed": straddle,
        "straddle, held": _held(straddle),
    }


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


def _interval(profit: FloatArray, seed: int = 11) -> tuple[float, float, float]:
    """Return the mean of a day with its 95 % interval by the stationary bootstrap, USD."""
    statistics = {"mean": daily_statistics(252.0)["mean_annual"]}
    (found,) = bootstrap_intervals(profit, statistics, rng=np.random.default_rng(seed), n_draws=_N_DRAWS)
    return found.value / 252.0, found.low / 252.0, found.high / 252.0


def _sharpe(profit: FloatArray, seed: int = 11) -> str:
    statistics = {"sharpe": daily_statistics(252.0)["sharpe"]}
    (found,) = bootstrap_intervals(profit / _CASH, statistics, rng=np.random.default_rng(seed), n_draws=_N_DRAWS)
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _line(outcome: Outcome) -> str:
    trades = trade_statistics(outcome.result.trades)
    mean, low, high = _interval(outcome.profit)
    wealth = np.concatenate([[0.0], np.cumsum(outcome.profit)])
    fall = float((np.maximum.accumulate(wealth) - wealth).max())
    wins = f"{100 * trades.win_rate:.0f} [{100 * trades.win_rate_low:.0f}, {100 * trades.win_rate_high:.0f}]"
    cells = (
        outcome.name,
        f"{trades.n_trades}",
        f"{wealth[-1]:,.0f}",
        f"{mean:.1f} [{low:.1f}, {high:.1f}]",
        _sharpe(outcome.profit),
        wins,
        f"{trades.payoff_ratio:.2f}",
        f"{trades.worst_loss:,.0f}",
        f"{fall:,.0f}",
        f"{trades.costs:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


_HEAD: Final = (
    "| run | trades | net USD | USD a day [95 %] | Sharpe [95 %] | wins % [95 %] | pay-off | worst | fall | charges |",
    "|---|---:|---:|---|---|---|---:|---:|---:|---:|",
)


def _against(name: str, profit: FloatArray, other: FloatArray) -> str:
    mean, low, high = _interval(profit - other)
    return f"| {name} | {mean:.1f} [{low:.1f}, {high:.1f}] | {'no' if low <= 0.0 <= high else 'yes'} |"


def _spread_lines(history: History, name: str, plan: PackagePlan) -> Iterator[str]:
    """Yield the same run at the mids for nothing, and at twice the spread."""
    wide = ClosingSpread(fraction=0.04, widest=2.0, hours=2.0, least=0.10)
    yield _line(_run(f"{name}: at the mid, no charges", history, plan, FixedSpread(half=0.0), NO_COSTS))
    yield _line(_run(f"{name}: twice the spread", history, plan, wide))


def _funnel(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| run | candidates | lost at | entered | not filled | ended by |"
    yield "|---|---:|---|---:|---:|---|"
    for each in outcomes:
        (gates,) = each.result.funnel.values()
        met = next(iter(gates.values()))[0]
        lost = ", ".join(f"{gate} {n - passed}" for gate, (n, passed) in gates.items() if n > passed)
        opened = list(gates.values())[-1][1]
        ended: dict[str, int] = {}
        for trade in each.result.trades:
            ended[trade.exit_reason] = ended.get(trade.exit_reason, 0) + 1
        ways = ", ".join(f"{reason} {n}" for reason, n in sorted(ended.items()))
        yield f"| {each.name} | {met} | {lost} | {opened} | {opened - len(each.result.trades)} | {ways} |"


def _tables(history: History, n_seeds: int) -> Iterator[str]:
    plans = _plans()
    outcomes = [_run(name, history, plan) for name, plan in plans.items()]
    always = [_run(f"{name.split(',')[0]}, always in", history, _always(plans[name])) for name in list(plans)[1::2]]
    yield from _HEAD
    yield from map(_line, [*outcomes, *always])
    for name, plan in plans.items():
        yield from _spread_lines(history, name, plan)
    yield f"\nAgainst baselines, paired by day; the lot is the mean of {n_seeds} seeds, same structure and exits:\n"
    yield "| run, less | USD a day [95 %] | told apart |"
    yield "|---|---|---|"
    for outcome, plan in zip(outcomes, plans.values(), strict=True):
        lots = [_run("lot", history, _by_lot(plan, seed)).profit for seed in range(n_seeds)]
        yield _against(f"{outcome.name}, less a time by lot", outcome.profit, np.mean(lots, axis=0))
        base = always[0] if outcome.name.startswith("condor") else always[1]
        yield _against(f"{outcome.name}, less always in", outcome.profit, base.profit)
        totals = [float(lot.sum()) for lot in lots]
        print(outcome.name, "by lot", np.mean(totals), np.min(totals), np.max(totals), flush=True)
    yield ""
    yield from _funnel([*outcomes, *always])


def _write(path: Path, tables: str) -> None:
    text = path.read_text(encoding="utf-8") if path.is_file() else f"{_BEGIN}\n{_END}\n"
    head, _, rest = text.partition(_BEGIN)
    path.write_text(f"{head}{_BEGIN}\n\n{tables}\n\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")


def main() -> int:
    """Run the study and print its tables, or write them between the markers of a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zero_dte_study", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    tables = "\n".join(_tables(midpoints_history(arguments.data), arguments.seeds))
    if arguments.write:
        _write(arguments.write, tables)
    else:
        print(tables)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
