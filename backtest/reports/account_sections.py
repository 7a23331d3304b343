"""Pages of the account over time: equity, drawdown, months, costs, Greeks and regimes."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np

from backtest.metrics.days import Wealth, wealth_at_marks
from backtest.metrics.drawdown import underwater
from backtest.reports.analysis import Analysis
from backtest.reports.blocks import Bars, Block, Curve, Fact, Facts, Grid, Line, Months, Note, Role, Section, Shares
from backtest.reports.wording import instant, money, number, percent, short_money, signed
from backtest.results import RunResult
from execution.events import CashKind, CashMovement

__all__ = ["account_curves", "costs_section", "drawdown_section", "months_section", "regimes_section"]

_FUNDING: Final = (CashKind.DEPOSIT, CashKind.WITHDRAWAL)


def account_curves(result: RunResult) -> tuple[Curve, ...]:
    """Return equity beside the benchmark, and what is under water."""
    curve = result.curve
    lines = [Line(name="equity", values=curve.equity, role=Role.MAIN)]
    if np.isfinite(result.benchmark).any():
        pays = any(source.name.endswith("dividends and splits") for source in result.description.sources)
        name = "benchmark, with dividends" if pays else "benchmark"
        lines.insert(0, Line(name=name, values=result.benchmark, role=Role.OTHER))
    title = f"Equity, {result.description.currency}"
    equity = Curve(title=title, ts_ns=curve.ts_ns, lines=tuple(lines), shown=short_money, is_tall=True)
    wealth = wealth_at_marks(curve)
    return (equity, _under_water(wealth)) if wealth.ts_ns.size else (equity,)


def drawdown_section(result: RunResult, analysis: Analysis) -> Section:
    """Return the deepest drawdowns, what was open, and the margin that it required."""
    curve = result.curve
    line = Line(name="unrealised", values=curve.unrealised, role=Role.MAIN, is_filled=True)
    title = f"Marked profit of what was open, {result.description.currency}"
    opened = Curve(title=title, ts_ns=curve.ts_ns, lines=(line,), shown=short_money)
    return Section(title="Drawdown and margin", blocks=(_spells(analysis), opened, _margin(result)))


def _under_water(wealth: Wealth) -> Curve:
    depth = underwater(wealth.index)
    line = Line(name="below the peak", values=-depth, role=Role.LOSS, is_filled=True)
    deepest = float(depth.max())
    shown = partial(percent, digits=1 if deepest > 0.01 else 2 if deepest > 0.001 else 3)
    return Curve(title="Under water, share of the running peak", ts_ns=wealth.ts_ns, lines=(line,), shown=shown)


def _spells(analysis: Analysis) -> Grid:
    rows = tuple(
        (
            instant(spell.peak_ns),
            instant(spell.trough_ns),
            instant(spell.recovered_ns) if spell.recovered_ns else "not yet",
            percent(spell.depth),
            number(spell.days_down, 1),
            number(spell.days_under, 1),
        )
        for spell in analysis.drawdowns
    )
    heads = ("peak, UTC", "trough, UTC", "recovered, UTC", "depth>", "days down>", "days under water>")
    return Grid(title="Deepest drawdowns", heads=heads, rows=rows, empty="the account was never below a peak")


def _margin(result: RunResult) -> Block:
    known = np.isfinite(result.curve.margin)
    if not known.any() or not result.curve.margin[known].any():
        return Note(text="No margin was required, or it could not be told.")
    line = Line(name="margin", values=result.curve.margin, role=Role.PLAIN, is_filled=False)
    title = f"Margin that the positions required, {result.description.currency}"
    return Curve(title=title, ts_ns=result.curve.ts_ns, lines=(line,), shown=short_money)


def months_section(analysis: Analysis) -> Section:
    """Return returns by month, and what weekdays and months of the year show with their intervals."""
    blocks: list[Block] = []
    if analysis.months:
        blocks.append(_months(analysis))
        note = "Per cent, compounded from daily returns; the first and the last month may be cut."
        blocks.append(Note(text=note))
    else:
        blocks.append(Note(text="There is no daily return."))
    blocks += [
        _return_grid(analysis, axis, title) for axis, title in (("weekday", "By weekday"), ("month", "By month"))
    ]
    return Section(title="Returns by month", blocks=tuple(blocks))


def _months(analysis: Analysis) -> Months:
    years = sorted({int(item.month[:4]) for item in analysis.months})
    table = np.full((len(years), 13), np.nan)
    for item in analysis.months:
        table[years.index(int(item.month[:4])), int(item.month[5:7]) - 1] = item.value
    known = np.isfinite(table[:, :12])
    table[:, 12] = np.where(known.any(axis=1), np.prod(1.0 + np.where(known, table[:, :12], 0.0), axis=1) - 1.0, np.nan)
    return Months(years=tuple(years), returns=table)


def _return_grid(analysis: Analysis, axis: str, title: str) -> Grid:
    rows = tuple(
        (
            cell.group,
            f"{cell.mean.n}",
            signed(1e4 * cell.mean.mean, 1),
            f"{signed(1e4 * cell.mean.low, 1)} to {signed(1e4 * cell.mean.high, 1)}" if not cell.mean.reason else "–",
            number(cell.adjusted_p_value, 3),
            percent(cell.total),
            percent(cell.worst),
        )
        for cell in analysis.returns
        if cell.axis == axis
    )
    heads = ("group", "days>", "mean, bp a day>", "95 % interval>", "p, adjusted>", "total>", "worst day>")
    return Grid(title=title, heads=heads, rows=rows, empty="no daily return")


def regimes_section(result: RunResult, analysis: Analysis) -> Section:
    """Return how the time of the run divides over the states of each regime axis, and the returns in each."""
    ts_ns = result.curve.ts_ns
    if not result.regimes or ts_ns.size < 2:
        return Section(title="Regimes", blocks=(Note(text="The run has no regimes: its data tell none."),))
    first, last = int(ts_ns[0]), int(ts_ns[-1])
    shares = tuple((axis, _time_shares(path, first, last)) for axis, path in sorted(result.regimes.items()))
    grids = (_return_grid(analysis, f"regime:{axis}", f"Daily returns by {axis}") for axis in sorted(result.regimes))
    return Section(title="Regimes", blocks=(Shares(title="Share of the time in each state", rows=shares), *grids))


def _time_shares(path: tuple[tuple[int, str], ...], first: int, last: int) -> tuple[tuple[str, float], ...]:
    spans: dict[str, int] = defaultdict(int)
    steps = [(first, "unknown"), *((max(at, first), state) for at, state in path), (last, "")]
    for (start, state), (end, _) in pairwise(steps):
        spans[state] += max(min(end, last) - start, 0)
    total = sum(spans.values()) or 1
    found = ((state, span / total) for state, span in spans.items() if span)
    return tuple(sorted(found, key=lambda item: -item[1]))


def costs_section(result: RunResult) -> Section:
    """Return what was charged by kind, what came in without a trade, and how both grew."""
    currency = result.description.currency
    charged: dict[str, Decimal] = defaultdict(Decimal)
    for fill in result.fills:
        for cost in fill.costs:
            charged[cost.kind.value] += cost.amount
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for event in result.ledger:
        if isinstance(event, CashMovement) and event.kind not in _FUNDING:
            moved[event.kind.value] += event.amount
    shown = partial(money, currency=currency)
    plus = partial(money, currency=currency, plus=True)
    about = result.description
    blocks: list[Block] = [Facts(items=_cost_facts(result, sum(charged.values(), Decimal(0)), currency))]
    blocks.append(Note(text=f"Costs: {about.cost_model}. Slippage: {about.slippage_model}."))
    if charged:
        blocks.append(Bars(title="Charges of executions", items=_amounts(charged), shown=shown))
    if moved:
        blocks.append(Bars(title="Cash without a trade (+ received)", items=_amounts(moved), shown=plus))
    curve = result.curve
    lines = (
        Line(name="income", values=curve.income, role=Role.GOOD),
        Line(name="costs", values=-curve.costs, role=Role.LOSS),
    )
    blocks.append(Curve(title=f"Running sums, {currency}", ts_ns=curve.ts_ns, lines=lines, shown=short_money))
    return Section(title="Costs and income", blocks=tuple(blocks))


def _amounts(sums: dict[str, Decimal]) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(amount)) for name, amount in sorted(sums.items(), key=lambda item: -abs(item[1])))


def _cost_facts(result: RunResult, total: Decimal, currency: str) -> tuple[Fact, ...]:
    n = len(result.fills)
    per_fill = float(total) / n if n else float("nan")
    return (
        Fact(name="Charges of executions", text=money(float(total), currency), note=f"{n:,} executions of legs"),
        Fact(name="Per execution", text=money(per_fill, currency), note="of one leg"),
    )
