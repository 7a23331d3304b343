"""``hedgefield data check``: what is wrong with market data, how often, and how far they can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from adapters.quality import PartitionQuality, QualityReport
    from adapters.quality.summary import SeriesQuality
    from adapters.store import DataKind, PointInTimeStore

__all__ = ["data_check"]

_FINDINGS_SHOWN: Final = 3

Files = Annotated[
    list[Path] | None, typer.Argument(help="Files and folders to check instead of a store; nothing of them is kept.")
]
Store = Annotated[str | None, typer.Option(help="Folder or address of the store; else that of the settings.")]
Report = Annotated[
    Path | None, typer.Option(help="Folder for quality.html and quality.json; else `quality` in the state folder.")
]
Kind = Annotated[str | None, typer.Option(help="Only this data set, such as chains or bars.")]
Symbol = Annotated[str | None, typer.Option(help="Only this symbol.")]
FailUnder = Annotated[
    float | None, typer.Option(min=0.0, max=1.0, help="Exit with 1 where the score of a series is below this.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per series, and one for the whole.")]


def data_check(
    files: Files = None,
    store: Store = None,
    report: Report = None,
    kind: Kind = None,
    symbol: Symbol = None,
    fail_under: FailUnder = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Check a store, or files, and write a report: gaps, prices, quotes, open interest, clocks, splits and more.

    Each file of a store is checked once and its score is kept beside it; a second check is quick.
    """
    if files and store:
        raise typer.BadParameter("give either files or --store")
    from cluster.commands.data_kinds import kinds_named
    from cluster.store_place import opened_store, place_of_store, shown_place

    kinds = kinds_named(kind)
    refused: list[str] = []
    place = _scratch_with(files, refused) if files else place_of_store(store)
    name = f"{len(files)} paths" if files else shown_place(place)
    found = _checked(opened_store(place, must_exist=True), place, kinds, symbol)
    folder = report or _default_folder()
    from adapters.quality import write_report
    from adapters.quality.summary import summed_series

    page, data = write_report(found, folder)
    series = summed_series(found.partitions)
    if as_json:
        _print_json(name, found, series, refused, (page, data))
    else:
        _print_tables(name, found, series, (page, data))
    low = [item for item in series if fail_under is not None and item.score < fail_under]
    for item in low:
        typer.echo(f"below {fail_under:g}: {item.kind} {item.symbol} has {item.score:.4f} ({item.source})", err=True)
    for problem in refused:
        typer.echo(f"refused: {problem}", err=True)
    if low or refused:
        raise typer.Exit(1)


def _default_folder() -> Path:
    from cluster.settings import load_settings

    return load_settings().folder / "quality"


def _scratch_with(files: list[Path], refused: list[str]) -> str:
    from adapters.listing import files_below
    from cluster.importing import ImportOptions, import_files
    from cluster.progress import steps_of
    from cluster.store_place import scratch_place

    place, found = scratch_place(), files_below(files)
    with steps_of(len(found), "read") as step:
        for item in import_files(place, found, ImportOptions(), jobs=1):
            step(f"{item.path.name}, {item.problem or f'{item.n_rows:,} rows'}")
            if item.problem:
                refused.append(f"{item.path.name}: {item.problem}")
    return place


def _checked(store: PointInTimeStore, place: str, kinds: tuple[DataKind, ...], symbol: str | None) -> QualityReport:
    from adapters.quality import QualityReport, check_store
    from cluster.progress import steps_of
    from cluster.store_place import is_writable
    from market.clock import SystemClock
    from market.errors import DataError

    names = [(kind, name) for kind in kinds for name in store.symbols(kind) if symbol in {None, name}]
    if not names:
        raise DataError(
            "there is nothing to check",
            found="no rows of this kind and symbol",
            expected="data that were imported",
            action="see what there is with `hedgefield data ls`",
        )
    partitions: list[PartitionQuality] = []
    keep = is_writable(store, place)
    try:
        with steps_of(len(names), "check") as step:
            for kind, name in names:
                part = check_store(store, kinds=(kind,), symbol=name, keep=keep)
                partitions += part.partitions
                step(f"{kind} {name}: score {part.score:.3f}")
    except KeyboardInterrupt:
        typer.echo("stopped: scores are kept beside the files that were checked; the same command goes on", err=True)
        raise typer.Exit(1) from None
    return QualityReport(ts_event_ns=SystemClock().now_ns(), partitions=tuple(partitions))


def _print_json(
    name: str, report: QualityReport, series: tuple[SeriesQuality, ...], refused: list[str], written: tuple[Path, Path]
) -> None:
    import json

    for item in series:
        typer.echo(json.dumps(_record(item)))
    sums = {
        "checked": name,
        "score": report.score,
        "files": sum(item.n_files for item in series),
        "rows": sum(item.n_rows for item in series),
        "refused": refused,
        "report": [str(path) for path in written],
    }
    typer.echo(json.dumps(sums))


def _record(item: SeriesQuality) -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(item)
    del told["partitions"]  # they stand in quality.json
    for finding, source in zip(told["findings"], item.findings, strict=True):
        finding["share"] = source.share
    return told


def _print_tables(
    name: str, report: QualityReport, series: tuple[SeriesQuality, ...], written: tuple[Path, Path]
) -> None:
    from adapters.quality import Severity
    from cluster.printing import plain_console, plain_table, shown_score

    heads = ("kind!", "symbol", "source", "score>", "files>", "rows>", "errors>", "warnings>", "found most")
    table = plain_table(*heads)
    for item in series:
        most = ", ".join(f"{finding.check} {finding.count:,}" for finding in item.findings[:_FINDINGS_SHOWN])
        counts = (f"{item.count(severity):,}" for severity in (Severity.ERROR, Severity.WARNING))
        source = f"{item.source} (simulated)" if item.simulated else item.source
        size = (f"{item.n_files:,}", f"{item.n_rows:,}")
        table.add_row(item.kind, item.symbol, source, shown_score(item.score), *size, *counts, most)
    plain_console().print(table, markup=False, highlight=False)
    _print_findings(report)
    files, rows = sum(item.n_files for item in series), sum(item.n_rows for item in series)
    typer.echo(f"{name}: score {shown_score(report.score)} over {rows:,} rows in {files:,} files")
    typer.echo(f"report: {written[0]}, {written[1].name}")


def _print_findings(report: QualityReport) -> None:
    from adapters.quality.summary import summed_findings
    from cluster.printing import plain_console, plain_table

    table = plain_table("check!", "severity!", "found>", "of>", "for example")
    for item in summed_findings(found for partition in report.partitions for found in partition.findings):
        table.add_row(item.check, item.severity, f"{item.count:,}", f"{item.n_checked:,}", item.reason)
    console = plain_console()
    console.print()
    console.print(table, markup=False, highlight=False)
    console.print()
