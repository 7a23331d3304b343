"""``hedgefield data import``: files and folders into the store."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from adapters.store import IngestReport
    from adapters.store.gaps import Gap

__all__ = ["data_import"]

_MOST_JOBS: Final = 4
_GAPS_SHOWN: Final = 12

Paths = Annotated[list[Path], typer.Argument(help="Files, and folders that are searched with all below them.")]
Store = Annotated[
    str | None, typer.Option(help="Folder or address of the store; else that of the settings, `store` in the home.")
]
NoSkip = Annotated[
    bool, typer.Option("--no-skip-existing", help="Read files again that came in before: only what changed is added.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and count, and write nothing.")]
Jobs = Annotated[int | None, typer.Option(min=1, max=64, help="Processes; without it one per core, 4 at most.")]
Symbol = Annotated[str | None, typer.Option(help="Whose rows a table holds, where it does not say so.")]
Source = Annotated[str | None, typer.Option(help="Whose data a table holds; else the file's name up to its date.")]
Eastern = Annotated[
    bool | None, typer.Option("--eastern/--utc", help="Clock of a table's instants, where it does not say so.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per file, and one for the sum.")]


def data_import(
    paths: Paths,
    store: Store = None,
    no_skip_existing: NoSkip = False,  # noqa: FBT002
    dry_run: DryRun = False,  # noqa: FBT002
    jobs: Jobs = None,
    symbol: Symbol = None,
    source: Source = None,
    eastern: Eastern = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Take files into the store: option chains, trades, quotes, bars, funding, rates and other tables with a time.

    A file is in as a whole or not at all. Stop it whenever you like: the same command goes on with what is missing.
    What cannot be read is refused with the reason, the rest comes in, and the exit code is 1.
    """
    from adapters.listing import files_below
    from cluster.importing import ImportOptions, import_files
    from cluster.progress import followed
    from cluster.store_place import (
        is_absent,
        opened_store,
        place_of_store,
        require_writable,
        scratch_place,
        shown_place,
    )

    files, place = files_below(paths), place_of_store(store)
    if not dry_run:
        require_writable(opened_store(place, must_exist=False), place)
    elif is_absent(place):
        place = scratch_place()
    options = ImportOptions(
        skip_existing=not no_skip_existing, dry_run=dry_run, symbol=symbol, source=source, eastern=eastern
    )
    workers = min(jobs or min(os.cpu_count() or 1, _MOST_JOBS), len(files))
    done = followed(import_files(place, files, options, jobs=workers), len(files), "import", _line)
    reports = done.reports
    _show(reports, place, done.seconds, dry_run=dry_run, as_json=as_json)
    if done.is_stopped:
        typer.echo(
            f"stopped: {len(reports)} of {len(files)} files are done in {shown_place(place)}; "
            "the same command goes on with the rest",
            err=True,
        )
    if done.is_stopped or any(report.problem for report in reports):
        raise typer.Exit(1)


def _line(report: IngestReport) -> str:
    from cluster.printing import shown_name

    told = report.problem or f"{report.n_rows:,} rows"
    return f"{report.status.replace('_', ' ')}: {shown_name(report.path.name)}, {told}"


def _show(reports: list[IngestReport], place: str, seconds: float, *, dry_run: bool, as_json: bool) -> None:
    sums = _sums(reports, seconds)
    gaps = _gaps(reports, place, dry_run=dry_run)
    if as_json:
        _print_json(reports, sums, gaps, place)
    else:
        _print_tables(reports, sums, gaps)


def _sums(reports: list[IngestReport], seconds: float) -> dict[str, Any]:
    dropped: Counter[str] = Counter()
    for report in reports:
        dropped.update(report.n_dropped)
    return {
        "files": len(reports),
        "status": dict(Counter(str(report.status) for report in reports)),
        "rows": sum(report.n_rows for report in reports),
        "repeated": sum(report.n_repeated for report in reports),
        "corrected": sum(report.n_corrected for report in reports),
        "left_out": dict(sorted(dropped.items())),
        "seconds": round(seconds, 3),
    }


def _gaps(reports: list[IngestReport], place: str, *, dry_run: bool) -> dict[str, tuple[Gap, ...]]:
    if dry_run:
        return {f"{report.path.name} {gap.symbol}": (gap,) for report in reports for gap in report.gaps}
    from cluster.store_listing import store_gaps
    from cluster.store_place import opened_store

    symbols = sorted({symbol for report in reports for symbol in report.symbols})
    kinds = sorted({kind for report in reports for kind in report.kinds if report.symbols})
    return store_gaps(opened_store(place, must_exist=True), kinds, symbols) if symbols else {}


def _print_json(
    reports: list[IngestReport], sums: dict[str, Any], gaps: dict[str, tuple[Gap, ...]], place: str
) -> None:
    import json

    from cluster.store_place import shown_place

    for report in reports:
        typer.echo(json.dumps(_record(report)))
    told = {name: [_gap(gap) for gap in found] for name, found in gaps.items()}
    typer.echo(json.dumps({"store": shown_place(place), **sums, "gaps": told}))


def _record(report: IngestReport) -> dict[str, Any]:
    from market.clock import iso_of_ns

    first, last = report.first_event_ns, report.last_event_ns
    return {
        "path": str(report.path),
        "status": str(report.status),
        "problem": report.problem,
        "sha256": report.source_sha256,
        "kinds": [str(kind) for kind in report.kinds],
        "symbols": list(report.symbols),
        "rows": report.n_rows,
        "repeated": report.n_repeated,
        "corrected": report.n_corrected,
        "left_out": dict(report.n_dropped),
        "first_at": None if first is None else iso_of_ns(first),
        "last_at": None if last is None else iso_of_ns(last),
        "bytes": sum(segment.n_bytes for segment in report.segments),
        "gaps": [{"symbol": gap.symbol, **_gap(gap)} for gap in report.gaps],
    }


def _gap(gap: Gap) -> dict[str, Any]:
    from market.clock import iso_of_ns

    return {"from": iso_of_ns(gap.first_ns), "to": iso_of_ns(gap.last_ns), "sessions": gap.n_missing}


def _print_tables(reports: list[IngestReport], sums: dict[str, Any], gaps: dict[str, tuple[Gap, ...]]) -> None:
    from cluster.printing import plain_console, plain_table, short_names, shown_name

    console = plain_console()
    table = plain_table("file", "status!", "kinds", "symbols", "rows>", "repeated>", "corrected>", "left out")
    for report in sorted(reports, key=lambda item: item.path):
        left = ", ".join(f"{reason} {count:,}" for reason, count in sorted(report.n_dropped.items()))
        counts = (f"{count:,}" for count in (report.n_rows, report.n_repeated, report.n_corrected))
        status = report.status.replace("_", " ")
        table.add_row(
            shown_name(report.path.name), status, ", ".join(report.kinds), short_names(report.symbols), *counts, left
        )
    console.print(table, markup=False, highlight=False)
    for report in reports:
        if report.problem:
            console.print(
                f"{shown_name(report.path.name)}: {report.problem}", style="dim", markup=False, highlight=False
            )
    _print_sums(sums, gaps)


def _print_sums(sums: dict[str, Any], gaps: dict[str, tuple[Gap, ...]]) -> None:
    status = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(sums["status"].items()))
    typer.echo(
        f"{sums['files']} files ({status or 'none'}): {sums['rows']:,} rows, {sums['repeated']:,} repeated, "
        f"{sums['corrected']:,} corrected, {sum(sums['left_out'].values()):,} left out, in {sums['seconds']:.1f} s"
    )
    for name, found in list(gaps.items())[:_GAPS_SHOWN]:
        typer.echo(f"gaps: {_gap_line(name, found)}")
    if len(gaps) > _GAPS_SHOWN:
        typer.echo(f"gaps: {len(gaps) - _GAPS_SHOWN} more series have some; `hedgefield data ls` and --json name them")


def _gap_line(name: str, gaps: tuple[Gap, ...]) -> str:
    widest = max(gaps, key=lambda gap: gap.n_missing)
    span = f"{_gap(widest)['from'][:10]} to {_gap(widest)['to'][:10]}"
    missing = sum(gap.n_missing for gap in gaps)
    return f"{name} lacks {missing:,} sessions in {len(gaps):,} stretches, the longest {span} ({widest.n_missing:,})"
