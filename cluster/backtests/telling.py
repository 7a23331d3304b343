"""A finished run on standard output: tables for a person, one object of JSON for a program."""

from __future__ import annotations

import json
from math import isnan
from typing import Any

import typer

from backtest.reports.account_sections import months_section
from backtest.reports.analysis import Analysis
from backtest.reports.audit_section import audit_grid
from backtest.reports.blocks import Facts, Grid, Months, Note, Report
from backtest.reports.contents import report_of
from backtest.reports.figures import plain
from backtest.reports.trade_sections import trade_grids
from backtest.reports.wording import MONTHS, money, number, signed
from backtest.results import RunResult
from backtest.scenarios.verdict import ScenarioVerdict
from cluster.backtests.running import Finished
from cluster.printing import plain_console, plain_table
from execution.events import CashMovement

__all__ = ["print_report", "print_run", "print_scenario", "run_as_json", "scenario_as_json"]


def run_as_json(finished: Finished) -> str:
    """Return a run as one object of JSON: where it lies, how it ended, and its headline.

    Parameters
    ----------
    finished : Finished
        The run.

    Returns
    -------
    str
        One line; a missing figure is null with its reason in ``reasons``.
    """
    result, metrics = finished.result, finished.analysis.metrics
    about = result.description
    told: dict[str, Any] = {
        "run": str(finished.folder),
        "name": about.name,
        "simulated": about.simulated,
        "stopped": result.stopped,
        "currency": about.currency,
        "n_views": result.n_views,
        "n_decisions": len(result.decisions),
        "n_fills": len(result.fills),
        "n_trades": len(result.trades),
        "n_open": len(result.open_packages),
        "n_trials": about.n_trials,
        "ledger_digest": result.ledger_digest,
        "config_digest": about.config_digest,
        "code_version": about.code_version,
        "fill_model": about.fill_model,
        "slippage_model": about.slippage_model,
        "cost_model": about.cost_model,
        "audit": None if finished.audit is None else plain(finished.audit),
        "metrics": plain(metrics) | {"reasons": dict(metrics.reasons)},
    }
    return json.dumps(told, ensure_ascii=False, allow_nan=False)


def print_run(finished: Finished) -> None:
    """Print assumptions, summary, groups, months, what is open, costs, and where everything lies."""
    result, analysis = finished.result, finished.analysis
    report = report_of(result, analysis, finished.audit)
    typer.echo(report.assumptions)
    mark = "  [SIMULATED]" if report.is_simulated else ""
    typer.echo(f"\n{report.title}{mark}")
    for text in report.warnings:
        typer.echo(f"  ! {text}")
    typer.echo("")
    for block in report.sections[0].blocks:
        if isinstance(block, Facts):
            _print_facts(block)
    typer.echo(f"\n{analysis.metrics.sample_statement}\n")
    for grid in (*trade_grids(result, analysis), _months(analysis), _costs(result)):
        _print_grid(grid)
    if finished.audit is not None:
        _print_grid(audit_grid(finished.audit))
    typer.echo(f"run folder: {finished.folder}  (tear_sheet.html, report.pdf, trades_v2.csv, ...)")


def print_report(report: Report) -> None:
    """Print assumptions, facts and tables of any report."""
    typer.echo(report.assumptions)
    typer.echo(f"\n{report.title}{'  [SIMULATED]' if report.is_simulated else ''}")
    for text in report.warnings:
        typer.echo(f"  ! {text}")
    for section in report.sections:
        typer.echo(f"\n{section.title}")
        for block in section.blocks:
            if isinstance(block, Facts):
                _print_facts(block)
            elif isinstance(block, Grid):
                _print_grid(block)
            elif isinstance(block, Note):
                typer.echo(f"  {block.text}")


def scenario_as_json(verdict: ScenarioVerdict) -> str:
    """Return what a scenario found as one object of JSON."""
    return json.dumps({**plain(verdict), "passed": verdict.passed}, ensure_ascii=False, allow_nan=False)


def print_scenario(verdict: ScenarioVerdict) -> None:
    """Print the criteria of a scenario with what was found, and the figures beside them."""
    typer.echo(f"{verdict.name}{'  [SIMULATED]' if verdict.simulated else ''}\n")
    rows = tuple(
        (item.criterion, "passed" if item.passed else "FAILED", number(item.value, 4), number(item.bound, 4), words)
        for item in verdict.findings
        for words in ("; ".join(filter(None, (item.statement, item.detail))),)
    )
    _print_grid(
        Grid(title="Criteria", heads=("criterion!", "verdict!", "value>", "bound>", "what must hold"), rows=rows)
    )
    facts = tuple((name, number(value, 4)) for name, value in verdict.facts)
    _print_grid(Grid(title="Figures", heads=("figure", "value>"), rows=facts, empty="none"))
    sources = tuple((source.name, source.provenance.origin, f"{source.rows:,}") for source in verdict.sources)
    _print_grid(Grid(title="Data", heads=("data", "origin", "rows>"), rows=sources, empty="none"))


def _print_facts(block: Facts) -> None:
    table = plain_table("figure!", "value>", "beside it")
    for item in block.items:
        table.add_row(f"  {item.name}", item.text, item.note)
    plain_console().print(table, markup=False, highlight=False)


def _print_grid(grid: Grid) -> None:
    if grid.title:
        typer.echo(grid.title)
    if not grid.rows:
        typer.echo(f"  {grid.empty}\n")
        return
    table = plain_table(*grid.heads)
    for row in grid.rows:
        table.add_row(f"  {row[0]}", *row[1:])
    plain_console().print(table, markup=False, highlight=False)
    typer.echo("")


def _months(analysis: Analysis) -> Grid:
    """Return a line a year and a column a month, in per cent."""
    block = next((each for each in months_section(analysis).blocks if isinstance(each, Months)), None)
    years = () if block is None else zip(block.years, block.returns, strict=True)
    rows = tuple(
        (str(year), *("" if isnan(value) else signed(100.0 * value, 1) for value in row)) for year, row in years
    )
    heads = ("year", *(f"{month}>" for month in (*MONTHS, "all")))
    return Grid(title="By month, per cent", heads=heads, rows=rows, empty="no daily return")


def _costs(result: RunResult) -> Grid:
    sums: dict[str, float] = {}
    for fill in result.fills:
        for cost in fill.costs:
            sums[cost.kind.value] = sums.get(cost.kind.value, 0.0) - float(cost.amount)
    for event in result.ledger:
        if isinstance(event, CashMovement):
            sums[event.kind.value] = sums.get(event.kind.value, 0.0) + float(event.amount)
    currency = result.description.currency
    rows = tuple((name, money(amount, currency, plus=True)) for name, amount in sums.items())
    return Grid(title="Money without price: charges (-), cash (+)", heads=("kind", "amount>"), rows=rows)
