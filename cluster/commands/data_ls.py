"""``hedgefield data ls``: what option chains, trades and quotes lie in a folder."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from adapters.listing import FileSummary
    from cluster.tick_listing import TickSummary

__all__ = ["data_ls"]

_PIPE_WIDTH: Final = 200


def data_ls(
    path: Annotated[Path, typer.Argument(help="A file, or a folder that is searched with all below it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file, and kind in it.")] = False,  # noqa: FBT002
) -> None:
    """List files of option chains, trades and quotes: symbols, sessions, rows; and why a file is none."""
    from adapters.listing import list_chain_files
    from cluster.tick_listing import list_ticks
    from market.errors import DataError

    if not path.exists():
        raise DataError("no such file or folder", path=str(path), action="check the path")
    chains: list[FileSummary] = []
    ticks: list[TickSummary] = []
    problems: list[FileSummary] = []
    for summary in list_chain_files(path):
        found: tuple[TickSummary, ...] = ()
        try:
            found = list_ticks(summary.path)
        except DataError as error:
            summary = replace(summary, problem=summary.problem and str(error).removeprefix(f"{summary.path}: "))  # noqa: PLW2901
        ticks += found
        if summary.problem and not found:
            problems.append(summary)
        elif not summary.problem:
            chains.append(summary)
        if as_json:
            for line in _json(summary, found):
                typer.echo(line)
    if not as_json:
        _print_tables(chains, ticks, problems)
    if not chains and not ticks:
        raise DataError(
            "no option chains, trades or quotes found", path=str(path), expected="files that `hedgefield fields` reads"
        )


def _json(item: FileSummary, ticks: tuple[TickSummary, ...]) -> list[str]:
    import json

    found = [_chain(item)] if not (item.problem and ticks) else []
    return [json.dumps(line) for line in (*found, *map(_ticks, ticks))]


def _chain(item: FileSummary) -> dict[str, object]:
    return {
        "path": str(item.path),
        "kind": "chains" if not item.problem else None,
        "format": item.format,
        "symbols": list(item.symbols),
        "snapshots": item.n_snapshots,
        "first_session": item.first_session.isoformat() if item.first_session else None,
        "last_session": item.last_session.isoformat() if item.last_session else None,
        "contracts": item.n_contracts,
        "simulated": item.simulated,
        "problem": item.problem,
    }


def _ticks(item: TickSummary) -> dict[str, object]:
    from market.clock import iso_of_ns

    return {
        "path": str(item.path),
        "kind": item.kind,
        "format": item.format,
        "symbols": [item.symbol],
        "first_session": item.first_session.isoformat(),
        "last_session": item.last_session.isoformat(),
        "first_at": iso_of_ns(item.first_ns),
        "last_at": iso_of_ns(item.last_ns),
        "quotes": item.n_quotes,
        "trades": item.n_trades,
        "open_interest_rows": item.n_interest,
        "dropped": dict(item.dropped),
        "problem": "",
    }


def _print_tables(chains: list[FileSummary], ticks: list[TickSummary], problems: list[FileSummary]) -> None:
    from rich.console import Console

    # A pipe has no width: nothing is cut off there.
    console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=_PIPE_WIDTH)
    if chains:
        _print_chains(console, chains)
    if ticks:
        _print_ticks(console, ticks)
    for item in problems:
        console.print(f"{item.path.name}: {item.problem}", style="dim", markup=False, highlight=False)


def _print_chains(console: Console, chains: list[FileSummary]) -> None:
    from rich.table import Table

    table = Table("file", "format", "symbols", "sessions", "chains", "contracts", box=None, pad_edge=False)
    for item in chains:
        names = ", ".join(item.symbols[:4]) + (f" +{len(item.symbols) - 4}" if len(item.symbols) > 4 else "")
        sessions = f"{item.first_session} to {item.last_session}" if item.n_snapshots > 1 else f"{item.first_session}"
        mark = " (simulated)" if item.simulated else ""
        table.add_row(
            item.path.name, item.format + mark, names, sessions, f"{item.n_snapshots}", f"{item.n_contracts:,}"
        )
    console.print(table)


def _print_ticks(console: Console, ticks: list[TickSummary]) -> None:
    from rich.table import Table

    from market.clock import iso_of_ns

    table = Table("file", "format", "symbol", "kind", "from", "to", "rows", "left out", box=None, pad_edge=False)
    for item in ticks:
        rows = item.n_quotes + item.n_trades + item.n_interest
        left = ", ".join(f"{reason} {n:,}" for reason, n in item.dropped.items()) or "none"
        span = (iso_of_ns(item.first_ns), iso_of_ns(item.last_ns))
        table.add_row(item.path.name, item.format, item.symbol, item.kind, *span, f"{rows:,}", left)
    console.print(table)
