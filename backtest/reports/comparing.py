"""Two runs beside each other: the same report in every format, each difference with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from backtest.comparison import Comparison
from backtest.metrics.days import calendar_of, daily_returns, wealth_of_days
from backtest.metrics.resampling import BootstrapInterval
from backtest.reports.analysis import Analysis
from backtest.reports.blocks import Block, Curve, Fact, Facts, Grid, Line, Note, Report, Role, Section
from backtest.reports.origin_section import assumptions_line
from backtest.reports.wording import MISSING, money, number, percent, short_money, signed
from backtest.results import RunResult

__all__ = ["comparison_report", "headline_grid"]

Shown = Callable[[float], str]

_ROWS: tuple[tuple[str, str, Shown], ...] = (
    ("return", "total_return", percent),
    ("growth a year", "cagr", percent),
    ("volatility a year", "volatility", percent),
    ("Sharpe ratio", "sharpe", number),
    ("Sharpe ratio, no rate subtracted", "sharpe_raw", number),
    ("deflated Sharpe", "deflated_sharpe", percent),
    ("Sortino ratio", "sortino", number),
    ("largest drawdown", "max_drawdown", percent),
    ("expected shortfall, 95 %", "es_95", percent),
    ("time with a position", "exposure_time", percent),
    ("costs", "costs", number),
    ("income", "income", signed),
    ("net profit", "net_profit", signed),
)


def comparison_report(
    names: tuple[str, str], runs: tuple[RunResult, RunResult], figures: tuple[Analysis, Analysis], found: Comparison
) -> Report:
    """Return the report of a comparison.

    Parameters
    ----------
    names : tuple of str
        What the runs are called; unlike.
    runs : tuple of RunResult
        The runs.
    figures : tuple of Analysis
        Their figures.
    found : Comparison
        The second less the first, paired by day.

    Returns
    -------
    Report
        For the page and the terminal.
    """
    currency = runs[0].description.currency
    tested = Section(title="Difference, second less first", blocks=_tests(found, currency))
    beside = Section(title="Side by side", blocks=(headline_grid(names, figures),))
    drawn = Section(title="Paired by day", blocks=_curves(names, runs, found))
    first, second = (assumptions_line(run) for run in runs)
    same = f"Both. {first}" if first == second else f"{names[0]}: {first} {names[1]}: {second}"
    warnings = tuple(
        f"{name} stopped early: {run.stopped}" for name, run in zip(names, runs, strict=True) if run.stopped
    )
    return Report(
        title=f"{names[1]} against {names[0]}",
        assumptions=same,
        is_simulated=found.simulated,
        warnings=warnings,
        sections=(tested, beside, drawn),
    )


def headline_grid(names: tuple[str, str], figures: tuple[Analysis, Analysis]) -> Grid:
    """Return the headline of two runs as a table; a share of wins stands in one cell with what it hides."""
    rows = [(title, *(shown(float(getattr(item.metrics, key))) for item in figures)) for title, key, shown in _ROWS]
    rows.append(("win rate, pay-off, worst loss", *(_wins(item) for item in figures)))
    rows.append(("closed trades, still open", *(f"{i.metrics.trades.n_trades}, {i.metrics.n_open}" for i in figures)))
    rows.append(("trials on these data", *(f"{item.metrics.n_trials}" for item in figures)))
    return Grid(heads=("figure", f"{names[0]}>", f"{names[1]}>"), rows=tuple(rows))


def _wins(item: Analysis) -> str:
    told = item.metrics.trades
    return f"{percent(told.win_rate, 1)}, {number(told.payoff_ratio)}, {number(told.worst_loss)}"


def _tests(found: Comparison, currency: str) -> tuple[Block, ...]:
    shown: dict[str, tuple[str, Shown]] = {
        "mean_difference_annual": ("Return a year", percent),
        "sharpe_difference": ("Sharpe ratio", signed),
        "total_profit_difference": ("Profit", partial(money, currency=currency, plus=True)),
    }
    items = [_interval_fact(item, *shown[item.name]) for item in found.intervals if item.name in shown]
    fixed, always = found.fixed, found.sequential
    split = f"better on {fixed.n_better} days, worse on {fixed.n_worse}; sign test p {number(fixed.sign_p_value, 3)}"
    items.append(Fact(name="p, horizon fixed beforehand", text=_p(fixed.p_value), note=fixed.reason or split))
    decided = f"excluded 0 on {always.decided_day}" if always.decided_day else "0 was never excluded"
    items.append(Fact(name="p, valid at any look", text=_p(always.p_value), note=always.reason or decided))
    text = (
        f"{found.n_days} paired days, {found.first_day} to {found.last_day}. The first p-value holds only if the "
        "number of days was fixed before the first look; the second however often one looks."
    )
    return (Facts(items=tuple(items)), Note(text=text))


def _p(value: float) -> str:
    return number(value, 3) if math.isfinite(value) else MISSING


def _interval_fact(item: BootstrapInterval, name: str, shown: Shown) -> Fact:
    spread = f"{percent(item.level, 0)} interval {shown(item.low)} to {shown(item.high)}"
    if item.reason and item.name == "mean_difference_annual":
        return Fact(name=name, text=MISSING, note=item.reason)  # a few days say nothing of a year
    return Fact(name=name, text=shown(item.value), note=item.reason or spread)


def _curves(names: tuple[str, str], runs: tuple[RunResult, RunResult], found: Comparison) -> tuple[Block, ...]:
    about = runs[0].description
    days = [daily_returns(run.curve, calendar_of(about.periods_per_year)) for run in runs]
    ends = days[0].end_ns
    if ends.size < 2:
        return (Note(text="There are too few paired days for a curve."),)
    lines = tuple(
        Line(name=name, values=wealth_of_days(day.returns)[1:], role=role)
        for name, day, role in zip(names, days, (Role.OTHER, Role.MAIN), strict=True)
    )
    gap = Line(
        name="profit, second less first", values=np.cumsum(found.profit_difference), role=Role.MAIN, is_filled=True
    )
    return (
        Curve(title="What 1 became", ts_ns=ends, lines=lines, shown=partial(number, digits=3), is_tall=True),
        Curve(title=f"Running difference, {about.currency}", ts_ns=ends, lines=(gap,), shown=short_money),
    )
