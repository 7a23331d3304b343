"""``hedgefield data ls``: what a store holds, or what option chains, trades and quotes lie in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from adapters.listing import FileSummary
    from cluster.store_listing import SeriesSummary
    from cluster.tick_listing import TickSummary

__all__ = ["data_ls"]

Place = Annotated[
    Path | None,
    typer.Argument(help="A file, or a folder that is searched with all below it; the folder of a store is listed so."),
]
Store = Annotated[str | None, typer.Option(help="Folder or address of a store; else that of the settings.")]
Kind = Annotated[str | None, typer.Option(help="Of a store: only this data set, such as chains or bars.")]
Symbol = Annotated[str | None, typer.Option(help="Of a store: only this symbol.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per series; of files per file and kind in it.")]


def data_ls(
    path: Place = None,
    store: Store = None,
    kind: Kind = None,
    symbol: Symbol = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List a store: symbols, sources, sessions, rows, span, quality. Or files: what they hold, or why nothing."""
    if path is not None and store is not None:
        raise typer.BadParameter("give either a path or --store")
    if path is None or (path.is_dir() and any(path.glob("kind=*/_manifest"))):
        _list_store(str(path) if path is not None else store, kind, symbol, as_json=as_json)
        return
    if kind or symbol:
        raise typer.BadParameter("--kind and --symbol choose within a store; files are listed whole")
    _list_files(path, as_json=as_json)


def _list_store(given: str | None, kind: str | None, symbol: str | None, *, as_json: bool) -> None:
    from cluster.commands.data_kinds import kinds_named
    from cluster.store_listing import list_store
    from cluster.store_place import opened_store, place_of_store, shown_place
    from market.errors import DataError

    place = place_of_store(given)
    opened = opened_store(place, must_exist=True)
    found = list(list_store(opened, kinds=kinds_named(kind), symbol=symbol))
    if as_json:
        import json

        for item in found:
            typer.echo(json.dumps(_series(item)))
    elif found:
        _print_series(found, shown_place(place))
    if not found:
        raise DataError(
            "the store has no such data" if kind or symbol else "the store is empty",
            path=shown_place(place),
            found="no rows",
            expected="data that were imported or downloaded",
            action="use `hedgefield data import` or `hedgefield data get`",
        )


def _series(item: SeriesSummary) -> dict[str, Any]:
    from market.clock import iso_of_ns

    return {
        "kind": str(item.kind),
        "symbol": item.symbol,
        "source": item.source,
        "sessions": item.n_sessions,
        "rows": item.n_rows,
        "bytes": item.n_bytes,
        "files": item.n_files,
        "first_at": iso_of_ns(item.first_event_ns),
        "last_at": iso_of_ns(item.last_event_ns),
        "quality": item.quality,
        "quality_reason": "" if item.quality is not None else "not checked yet: run `hedgefield data check`",
        "checked_share": item.checked_share,
        "simulated": item.simulated,
        "version": item.version,
        "missing_sessions": sum(gap.n_missing for gap in item.gaps),
        "gaps": [
            {"from": iso_of_ns(gap.first_ns), "to": iso_of_ns(gap.last_ns), "sessions": gap.n_missing}
            for gap in item.gaps
        ],
    }


def _print_series(found: list[SeriesSummary], name: str) -> None:
    from cluster.printing import plain_console, plain_table, shown_score
    from market.clock import iso_of_ns

    sizes = ("sessions>", "missing>", "rows>", "size>", "quality>", "version>")
    table = plain_table("kind!", "symbol", "source", "from!", "to!", *sizes)
    for item in found:
        span = (iso_of_ns(item.first_event_ns)[:10], iso_of_ns(item.last_event_ns)[:10])
        missing = sum(gap.n_missing for gap in item.gaps)
        counts = (f"{item.n_sessions:,}", f"{missing:,}" if missing else "", f"{item.n_rows:,}", _size(item.n_bytes))
        quality = "unchecked" if item.quality is None else shown_score(item.quality)
        mark = " (simulated)" if item.simulated else ""
        table.add_row(str(item.kind), item.symbol, item.source + mark, *span, *counts, quality, str(item.version))
    plain_console().print(table, markup=False, highlight=False)
    rows, size = sum(item.n_rows for item in found), _size(sum(item.n_bytes for item in found))
    typer.echo(f"{name}: {len(found):,} series, {rows:,} rows, {size}")


def _size(n_bytes: int) -> str:
    value, units = float(n_bytes), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while value >= 1000.0 and unit != "TB":
        value, unit = value / 1000.0, next(units)
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _list_files(path: Path, *, as_json: bool) -> None:
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
        _print_files(chains, ticks, problems)
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
        "book_updates": item.n_updates,
        "dropped": dict(item.dropped),
        "problem": "",
    }


def _print_files(chains: list[FileSummary], ticks: list[TickSummary], problems: list[FileSummary]) -> None:
    from cluster.printing import plain_console

    console = plain_console()
    if chains:
        _print_chains(console, chains)
    if ticks:
        _print_ticks(console, ticks)
    for item in problems:
        console.print(f"{item.path.name}: {item.problem}", style="dim", markup=False, highlight=False)


def _print_chains(console: Console, chains: list[FileSummary]) -> None:
    from rich.table import Table

    from cluster.printing import short_names

    table = Table("file", "format", "symbols", "sessions", "chains", "contracts", box=None, pad_edge=False)
    for item in chains:
        names = short_names(item.symbols)
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
        rows = item.n_quotes + item.n_trades + item.n_interest + item.n_updates
        left = ", ".join(f"{reason} {n:,}" for reason, n in item.dropped.items()) or "none"
        span = (iso_of_ns(item.first_ns), iso_of_ns(item.last_ns))
        table.add_row(item.path.name, item.format, item.symbol, item.kind, *span, f"{rows:,}", left)
    console.print(table)
