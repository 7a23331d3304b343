"""Pages of what was traded: by strategy, exit, hour and regime, what is still open, and what died at which gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from backtest.metrics.groups import TradeCell
from backtest.reports.analysis import Analysis
from backtest.reports.blocks import Block, Curve, Grid, Line, Note, Role, Section
from backtest.reports.tables import legs_text
from backtest.reports.wording import instant, number, percent, short_money, signed
from backtest.results import RunResult
from execution.trades import Trade

__all__ = ["funnel_section", "trade_grids", "trades_section"]

_TITLES: Final = {
    "strategy": "By strategy",
    "structure": "By structure",
    "exit_reason": "By exit reason (known only at the end: it explains and predicts nothing)",
    "entry_hour": "By hour of entry",
    "entry_weekday": "By weekday of entry",
}
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MOST_SHOWN: Final = 25


def trades_section(result: RunResult, analysis: Analysis) -> Section:
    """Return the closed trades: their running sum, their groups, the worst and the best, and what is still open."""
    if not result.trades:
        return Section(title="Trades", blocks=(Note(text="No package was closed."), _open_grid(result)))
    axes = list(dict.fromkeys(cell.axis for cell in analysis.trades))
    grids = [_cell_grid(analysis, axis, result.description.currency) for axis in axes]
    ordered = sorted(result.trades, key=lambda trade: trade.net_pnl)
    most = _MOST_SHOWN // 2
    worst = ordered[:most] if len(ordered) > _MOST_SHOWN else ordered
    blocks: list[Block] = [_running(result)] if len(result.trades) > 2 else []
    blocks += grids
    blocks.append(_trade_grid("Worst trades" if worst is not ordered else "All trades, worst first", worst))
    if worst is not ordered:
        blocks.append(_trade_grid("Best trades", ordered[: -most - 1 : -1]))
    return Section(title="Trades", blocks=(*blocks, _open_grid(result)))


def trade_grids(result: RunResult, analysis: Analysis) -> tuple[Grid, ...]:
    """Return the tables of the terminal: by strategy, by exit reason, by regime, and what is still open."""
    axes = [axis for axis in dict.fromkeys(cell.axis for cell in analysis.trades) if not axis.startswith("entry")]
    chosen = [axis for axis in axes if axis != "structure"]
    return (*(_cell_grid(analysis, axis, result.description.currency) for axis in chosen), _open_grid(result))


def _running(result: RunResult) -> Curve:
    total = np.cumsum([float(trade.net_pnl) for trade in result.trades])
    ts_ns = np.array([trade.closed_ns for trade in result.trades], dtype=np.int64)
    line = Line(name="closed trades, net", values=total, role=Role.MAIN, is_filled=True)
    title = f"Running sum of closed trades, {result.description.currency}"
    return Curve(title=title, ts_ns=ts_ns, lines=(line,), shown=short_money)


def _cell_grid(analysis: Analysis, axis: str, currency: str) -> Grid:
    cells = [cell for cell in analysis.trades if cell.axis == axis]
    if axis == "entry_weekday":
        cells.sort(key=lambda cell: _WEEKDAYS.index(cell.group))
    title = _TITLES.get(axis, f"By {axis.removeprefix('regime:')} at the entry")
    heads = (
        "group",
        "trades>",
        f"net {currency}>",
        "mean>",
        "95 % interval>",
        "p, adjusted>",
        "wins>",
        "pay-off>",
        "worst loss>",
    )
    return Grid(title=title, heads=heads, rows=tuple(map(_cell_row, cells)), empty="no closed trade")


def _cell_row(cell: TradeCell) -> tuple[str, ...]:
    told, mean = cell.statistics, cell.mean
    return (
        cell.group,
        f"{told.n_trades:,}",
        signed(told.net_profit),
        signed(mean.mean),
        "–" if mean.reason else f"{signed(mean.low)} to {signed(mean.high)}",
        number(cell.adjusted_p_value, 3),
        percent(told.win_rate, 1),
        number(told.payoff_ratio),
        number(told.worst_loss),
    )


def _trade_grid(title: str, trades: list[Trade]) -> Grid:
    rows = tuple(
        (
            instant(trade.opened_ns),
            instant(trade.closed_ns),
            trade.strategy,
            trade.structure,
            str(trade.quantity),
            signed(trade.entry_price),
            signed(trade.exit_price),
            signed(float(trade.net_pnl)),
            number(trade.worst_pnl),
            trade.exit_reason,
            ", ".join(sorted(trade.flags)),
        )
        for trade in trades
    )
    heads = ("opened, UTC", "closed, UTC", "strategy", "structure", "size>", "entry>", "exit>", "net>", "worst mark>")
    return Grid(title=title, heads=(*heads, "exit reason", "flags"), rows=rows)


def _open_grid(result: RunResult) -> Grid:
    rows = tuple(
        (
            instant(held.opened_ns),
            held.strategy,
            held.structure,
            str(held.quantity),
            signed(held.entry_price),
            legs_text(held.legs),
            "" if held.is_whole else "legs out of proportion",
        )
        for held in result.open_packages
    )
    heads = ("opened, UTC", "strategy", "structure", "size>", "entry>", "legs", "note")
    return Grid(title="Still open at the end", heads=heads, rows=rows, empty="nothing was open at the end")


def funnel_section(result: RunResult) -> Section:
    """Return how many candidates met each gate, and how many died there."""
    views = Note(text=f"{result.n_views:,} views were decided upon; {len(result.decisions):,} were more than a hold.")
    grids = [_funnel_grid(strategy, gates) for strategy, gates in result.funnel.items() if gates]
    if not grids:
        return Section(title="Decision funnel", blocks=(views, Note(text="No strategy told of a gate.")))
    return Section(title="Decision funnel", blocks=(views, *grids))


def _funnel_grid(strategy: str, gates: Mapping[str, tuple[int, int]]) -> Grid:
    rows = tuple(
        (gate, f"{met:,}", f"{passed:,}", f"{met - passed:,}", percent(passed / met, 1) if met else "–")
        for gate, (met, passed) in gates.items()
    )
    return Grid(title=strategy, heads=("gate", "met>", "passed>", "died>", "share passed>"), rows=rows)
