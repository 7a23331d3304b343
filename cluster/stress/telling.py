"""A stress as tables of the terminal and as one object of JSON."""

from __future__ import annotations

import sys
from math import isfinite, isnan
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final

from market.clock import iso_of_ns

if TYPE_CHECKING:
    from rich.console import Console

    from cluster.stress.market import PricedPositions
    from cluster.stress.running import StressReport
    from risk.margin.reg_t import MarginReading
    from risk.stress.results import SpotVolGrid, StressResult
    from risk.stress.value_at_risk import ValueAtRisk

__all__ = ["print_stress", "stress_record"]

_PIPE_WIDTH: Final = 120
_LEAST_WIDTH: Final = 60
_MISSING: Final = "?"


def print_stress(report: StressReport, console: Console | None = None) -> None:
    """Print a stress: the book, its Greeks, scenarios worst first, the grid and the tail.

    Parameters
    ----------
    report : StressReport
        What was found.
    console : rich.console.Console, optional
        Where to; standard output without it.
    """
    from rich.console import Console

    width = max(get_terminal_size().columns, _LEAST_WIDTH) if sys.stdout.isatty() else _PIPE_WIDTH
    told = console or Console(width=width, highlight=False)
    _print_book(report, told)
    _print_scenarios(report, told)
    _print_liquidations(report, told)
    _print_grid(report.grid, told)
    _print_tail(report.value_at_risk, told)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style or None, markup=False, highlight=False)


def _print_book(report: StressReport, console: Console) -> None:
    positions, greeks = report.positions, report.greeks
    book = positions.book
    mark = " [SIMULATED]" if positions.simulated else ""
    spots = ", ".join(f"{name} {_number(spot)}" for name, spot in zip(book.underlyings, book.spot, strict=True))
    _line(console, f"Stress of {book.n_legs} positions at {iso_of_ns(book.ts_event_ns)}{mark}", "bold")
    _line(console, f"  price       {spots}")
    _line(console, f"  volatility  {_number(report.volatility_index)} points of 30 days ({report.volatility_source})")
    if len(book.underlyings) > 1:
        betas = ", ".join(f"{name} {_number(beta)}" for name, beta in report.betas.items())
        _line(console, f"  beta        {betas}; benchmark {book.benchmark or _MISSING}")
    _line(console, f"  worth       {_money(float(book.units * book.multiplier @ book.mark))} at the marks")
    _line(console, f"  most lost   {_money(-float(report.max_loss))} at expiry, whatever happens")
    shares, beta = _number(greeks.delta_shares), _number(greeks.beta_delta_shares)
    _line(console, f"  delta       {shares} shares ({_money(greeks.delta_usd)}), {beta} of the benchmark")
    _line(console, f"  gamma       {_number(greeks.gamma_shares_per_usd, 4)} shares for 1 of price")
    _line(console, f"  vega        {_money(greeks.vega_usd_per_volpt)} for a vol point")
    _line(console, f"  theta       {_money(greeks.theta_usd_per_day)} a day")
    for note in (*positions.notes, *_notes(report)):
        _line(console, f"  note: {note}", "yellow")
    console.print()


def _notes(report: StressReport) -> list[str]:
    lost = [name for name, beta in report.betas.items() if isnan(beta)]
    notes = []
    if lost:
        action = "give --benchmark SYMBOL, and --beta SYMBOL=NUMBER or a --history of both"
        notes.append(f"no beta of {', '.join(lost)}: {action}")
    elif report.greeks.reason:
        notes.append(f"Greeks: {report.greeks.reason}")
    if report.modelled:
        notes.append(f"without a mark, valued by the model: {', '.join(report.modelled)}")
    if report.bounded:
        notes.append(f"counted at their worst value: {', '.join(report.bounded)}")
    now = report.margins.get("")
    if now is not None and now.reason:
        notes.append(f"margin now: {now.reason}")
    return notes


def _print_scenarios(report: StressReport, console: Console) -> None:
    from rich.table import Column, Table

    now = report.margins.get("")
    table = Table(
        Column("scenario, worst first", overflow="fold"),
        Column("profit", justify="right", no_wrap=True),
        Column("margin", justify="right", no_wrap=True),
        Column("worst part", overflow="fold"),
        Column("what happens"),
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    table.add_row("now", _money(0.0), _margin(now), "", "", style="dim")
    for result in report.results:
        told = result.reason or result.scenario.description
        margin = _margin(report.margins.get(result.scenario.name))
        style = "red" if not result.pnl >= 0.0 else None
        table.add_row(result.scenario.name, _money(result.pnl), margin, _worst_part(result), told, style=style)
    console.print(table, markup=False)
    console.print()


def _print_liquidations(report: StressReport, console: Console) -> None:
    for row in report.liquidations:
        if row.reason:
            _line(console, f"liquidation of {row.symbol}: unknown; {row.reason}", "yellow")
            continue
        reached = f"; reached in {', '.join(row.reached)}" if row.reached else "; no scenario reaches it"
        place = f"{_number(row.liquidation_price)}, {row.distance:.1%} from the mark"
        _line(console, f"liquidation of {row.symbol}: {place}{reached}", "red" if row.reached else "")
    if report.liquidations:
        console.print()


def _worst_part(result: StressResult) -> str:
    name, pnl = result.by_package[0]
    return "" if len(result.by_package) == 1 else f"{name} {_money(pnl)}"


def _print_grid(grid: SpotVolGrid, console: Console) -> None:
    from rich.table import Column, Table

    heads = [Column(f"{move:+.0%}", justify="right", no_wrap=True) for move in grid.spot_return]
    table = Table(Column("vol", no_wrap=True), *heads, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for shift, row in zip(grid.vol_points, grid.pnl, strict=True):
        table.add_row(f"{100.0 * shift:+.0f}", *(_short(float(each)) for each in row))
    _line(console, "Profit by move of the benchmark and parallel shift of volatility, vol points", "bold")
    console.print(table, markup=False)
    if grid.reason:
        _line(console, f"  {grid.reason}", "yellow")
    console.print()


def _print_tail(found: ValueAtRisk | None, console: Console) -> None:
    if found is None:
        _line(console, "Value at risk: not measured; name daily prices with --history FILE", "dim")
        return
    span = "1 session" if found.horizon_days == 1 else f"{found.horizon_days} sessions"
    title = f"Tail at {found.confidence:g} over {span}, {found.method.value}"
    if found.reason:
        _line(console, f"{title}: unknown; {found.reason}", "yellow")
        return
    left = f", {found.n_left_out} days left out" if found.n_left_out else ""
    _line(console, f"{title}, {found.n_days} past days{left}", "bold")
    sides = f"{found.interval:.0%} interval"
    for name, value, low, high in (
        ("value at risk", found.value_at_risk, found.var_low, found.var_high),
        ("expected shortfall", found.expected_shortfall, found.shortfall_low, found.shortfall_high),
    ):
        _line(console, f"  {name:<19} {_loss(value):>12}   {sides} {_loss(low)} to {_loss(high)}")
    _line(console, f"  {'worst day':<19} {_loss(found.worst_loss):>12}")


def stress_record(report: StressReport) -> dict[str, Any]:
    """Return a stress as values of JSON; a number that is not known is null, its reason beside it."""
    from backtest.reports.figures import plain
    from risk.portfolio_greeks import greeks_by_strategy, greeks_by_underlying

    positions = report.positions
    book = positions.book
    return {
        "as_of": iso_of_ns(book.ts_event_ns),
        "simulated": positions.simulated,
        "spot": {name: _or_none(float(spot)) for name, spot in zip(book.underlyings, book.spot, strict=True)},
        "beta": {name: _or_none(beta) for name, beta in report.betas.items()},
        "benchmark": book.benchmark,
        "volatility_index": _or_none(report.volatility_index),
        "volatility_source": report.volatility_source,
        "positions": _position_records(positions),
        "worth": _or_none(float(book.units * book.multiplier @ book.mark)),
        "max_loss": _or_none(float(report.max_loss)),
        "greeks": plain(report.greeks),
        "greeks_by_strategy": {name: plain(each) for name, each in greeks_by_strategy(book).items()},
        "greeks_by_underlying": {name: plain(each) for name, each in greeks_by_underlying(book).items()},
        "margin": None if "" not in report.margins else _or_none(report.margins[""].requirement),
        "scenarios": [_scenario_record(each, report.margins.get(each.scenario.name)) for each in report.results],
        "liquidations": [
            {
                "instrument": row.symbol,
                "price": _or_none(row.liquidation_price),
                "distance": _or_none(row.distance),
                "reached": list(row.reached),
                "reason": row.reason,
            }
            for row in report.liquidations
        ],
        "grid": {
            "spot_return": report.grid.spot_return.tolist(),
            "vol_points": report.grid.vol_points.tolist(),
            "pnl": [[_or_none(each) for each in row] for row in report.grid.pnl.tolist()],
            "reason": report.grid.reason,
        },
        "value_at_risk": None if report.value_at_risk is None else plain(report.value_at_risk),
        "notes": [*positions.notes, *_notes(report)],
    }


def _position_records(positions: PricedPositions) -> list[dict[str, Any]]:
    book = positions.book
    size = (book.units * book.multiplier).tolist()
    return [
        {
            "instrument": row.symbol,
            "quantity": float(row.quantity),
            "strategy": book.strategies[leg],
            "package": book.package_ids[leg],
            "mark": _or_none(float(book.mark[leg])),
            "volatility": _or_none(float(book.volatility[leg])),
            "profit_since_entry": _or_none(size[leg] * (float(book.mark[leg]) - row.entry_price)),
        }
        for leg, row in enumerate(positions.rows)
    ]


def _scenario_record(result: StressResult, margin: MarginReading | None) -> dict[str, Any]:
    return {
        "name": result.scenario.name,
        "description": result.scenario.description,
        "is_gap": result.scenario.is_gap,
        "pnl": _or_none(result.pnl),
        "reason": result.reason,
        "by_strategy": {name: _or_none(pnl) for name, pnl in result.by_strategy},
        "by_package": {name: _or_none(pnl) for name, pnl in result.by_package},
        "margin": None if margin is None else _or_none(margin.requirement),
        "margin_reason": "no share or option" if margin is None else margin.reason,
    }


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None


def _number(value: float, digits: int = 2) -> str:
    return _MISSING if isnan(value) else f"{value:,.{digits}f}"


def _money(value: float) -> str:
    if isnan(value):
        return _MISSING
    return f"{value:+,.0f}" if isfinite(value) else ("without bound" if value < 0.0 else "inf")


def _loss(value: float) -> str:
    return _MISSING if isnan(value) else f"{value:,.0f}"


def _short(value: float) -> str:
    """Return an amount in at most seven letters, so that nine columns fit a narrow terminal."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:+.1f}{letter}" if abs(value / unit) < 100.0 else f"{value / unit:+.0f}{letter}"
    return _MISSING if isnan(value) else f"{value:+.0f}"


def _margin(reading: MarginReading | None) -> str:
    if reading is None or isnan(reading.requirement):
        return _MISSING
    return f"{reading.requirement:,.0f}" if isfinite(reading.requirement) else "not allowed"
