"""``hedgefield data get``: history of a vendor into the store, session by session."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from adapters.downloads import Downloader, DownloadReport, DownloadTask
    from adapters.store import DataKind

__all__ = ["data_get"]

_DAYS_SHOWN: Final = 8

Venue = Annotated[str, typer.Argument(help="alpaca, polygon, thetadata, or ccxt:EXCHANGE such as ccxt:binance.")]
Kind = Annotated[
    str, typer.Option(help="bars, trades, quotes, chains, funding, open_interest or news, as far as the venue has it.")
]
Symbols = Annotated[list[str], typer.Option("--symbol", help="As the venue names it; may be given several times.")]
First = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD; else today.")]
Last = Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD; else today.")]
Timeframe = Annotated[str, typer.Option(help="Length of bars: 1m, 5m, 1h, 1d ...")]
Store = Annotated[
    str | None, typer.Option(help="Folder or address of the store; else that of the settings, `store` in the home.")
]
NoSkip = Annotated[bool, typer.Option("--no-skip-existing", help="Ask again for what is done.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List what would be asked for, and what is there.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Connections, or requests at once.")]
BaseUrl = Annotated[
    str | None, typer.Option(help="Another address, such as an emulator's; what it tells is marked as simulated.")
]
Simulated = Annotated[
    bool | None, typer.Option("--simulated/--real", help="Whether data of another address are simulated.")
]
PerMinute = Annotated[
    int | None, typer.Option(min=1, help="Requests in a minute that the plan of the key allows; else the free plan's.")
]
Feed = Annotated[str, typer.Option(help="Alpaca's feed of shares: iex, sip or delayed_sip.")]
Root = Annotated[str | None, typer.Option(help="ThetaData's option root, such as SPXW for the symbol SPX.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per task, and one for the sum.")]


def data_get(
    venue: Venue,
    kind: Kind,
    symbol: Symbols,
    first: First = None,
    last: Last = None,
    timeframe: Timeframe = "1m",
    store: Store = None,
    no_skip_existing: NoSkip = False,  # noqa: FBT002
    dry_run: DryRun = False,  # noqa: FBT002
    jobs: Jobs = 8,
    base_url: BaseUrl = None,
    simulated: Simulated = None,
    requests_per_min: PerMinute = None,
    feed: Feed = "iex",
    root: Root = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Download history into the store: a task per session, of sparse rows per month; each is in as a whole or not.

    Stop it whenever you like: the same command goes on with what is missing. A task that fails stops no other, and the
    exit code is 1. Keys come from the environment or a file outside the repository.
    """
    from adapters.downloads import VenueOptions, open_downloader
    from cluster.commands.data_kinds import kinds_named

    options = VenueOptions(
        jobs=jobs,
        timeframe=timeframe,
        base_url=base_url,
        simulated=simulated,
        requests_per_min=requests_per_min,
        stock_feed=feed,
        root=root,
        with_keys=not dry_run,
    )
    (wanted,), span = kinds_named(kind), (_day("--from", first), _day("--to", last))
    downloader = open_downloader(venue, options)
    tasks = _planned(downloader, wanted, symbol, *span)
    _run(downloader, tasks, store, skip=not no_skip_existing, dry_run=dry_run, as_json=as_json)


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2023-05-22", param_hint=name) from None


def _planned(
    downloader: Downloader, kind: DataKind, symbols: list[str], first: date | None, last: date | None
) -> list[DownloadTask]:
    from market.errors import ConfigError

    today = downloader.today()
    begin, end = first or today, last or today
    if begin > today:
        raise ConfigError("the first day lies in the future", found=str(begin), expected=f"{today} or before")
    if begin > end:
        raise ConfigError("the days run backwards", found=f"{begin} to {end}", expected="--from before --to")
    if end > today:
        typer.echo(f"the last day lies in the future: {end} is taken as today, {today}", err=True)
        end = today
    tasks = [task for name in dict.fromkeys(symbols) for task in downloader.tasks(kind, name, begin, end)]
    if not tasks:
        typer.echo(f"there is no session from {begin} to {end}: weekend or holiday", err=True)
    return tasks


def _run(
    downloader: Downloader,
    tasks: list[DownloadTask],
    store: str | None,
    *,
    skip: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from adapters.downloads import DownloadOptions, Downloads
    from cluster.progress import followed
    from cluster.store_place import (
        is_absent,
        opened_store,
        place_of_store,
        require_writable,
        scratch_place,
        shown_place,
    )

    place = place_of_store(store)
    if dry_run and is_absent(place):
        place = scratch_place()
    opened = opened_store(place, must_exist=False)
    if not dry_run:
        require_writable(opened, place)
    downloads = Downloads(opened, downloader, DownloadOptions(skip_existing=skip, dry_run=dry_run))
    done = followed(downloads.run(tasks), len(tasks), "get", _line)
    reports = sorted(done.reports, key=lambda item: (item.task.symbol, item.task.first))
    sums = _sums(reports, downloads.requests, done.seconds)
    from cluster.store_listing import days_without_rows

    gaps = {} if dry_run else days_without_rows(opened, [report.task for report in reports])
    _show(reports, sums, gaps, shown_place(place), as_json=as_json)
    if done.is_stopped:
        told = f"stopped: {len(reports)} of {len(tasks)} tasks are done; the same command goes on with the rest"
        typer.echo(told, err=True)
    if done.is_stopped or any(report.problem for report in reports):
        raise typer.Exit(1)


def _line(report: DownloadReport) -> str:
    told = report.problem or f"{report.n_rows:,} rows in {report.seconds:.1f} s"
    return f"{report.status.replace('_', ' ')}: {report.task.describe()}, {told}"


def _sums(reports: list[DownloadReport], requests: int, seconds: float) -> dict[str, Any]:
    return {
        "tasks": len(reports),
        "status": dict(Counter(str(report.status) for report in reports)),
        "rows": sum(report.n_rows for report in reports),
        "repeated": sum(report.n_repeated for report in reports),
        "corrected": sum(report.n_corrected for report in reports),
        "bytes": sum(report.n_bytes for report in reports),
        "requests": requests,
        "seconds": round(seconds, 3),
    }


def _show(
    reports: list[DownloadReport],
    sums: dict[str, Any],
    gaps: dict[str, tuple[date, ...]],
    place: str,
    *,
    as_json: bool,
) -> None:
    if as_json:
        import json

        for report in reports:
            typer.echo(json.dumps(_record(report)))
        missing = {name: [day.isoformat() for day in days] for name, days in gaps.items()}
        typer.echo(json.dumps({"store": place, **sums, "days_without_rows": missing}))
        return
    _print_table(reports)
    status = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(sums["status"].items()))
    typer.echo(
        f"{sums['tasks']} tasks ({status or 'none'}): {sums['rows']:,} rows, {sums['repeated']:,} repeated, "
        f"{sums['corrected']:,} corrected, {sums['bytes']:,} bytes, {sums['requests']:,} requests, "
        f"in {sums['seconds']:.1f} s"
    )
    for name, days in gaps.items():
        shown = ", ".join(day.isoformat() for day in days[:_DAYS_SHOWN])
        more = f" and {len(days) - _DAYS_SHOWN} more" if len(days) > _DAYS_SHOWN else ""
        typer.echo(f"gaps: {name} has no rows on {shown}{more}")


def _record(report: DownloadReport) -> dict[str, Any]:
    return {
        "venue": report.task.venue,
        "kind": str(report.task.kind),
        "symbol": report.task.symbol,
        "from": report.task.first.isoformat(),
        "to": report.task.last.isoformat(),
        "status": str(report.status),
        "problem": report.problem,
        "rows": report.n_rows,
        "repeated": report.n_repeated,
        "corrected": report.n_corrected,
        "bytes": report.n_bytes,
        "seconds": round(report.seconds, 3),
        "stored_as": list(report.symbols),
    }


def _print_table(reports: list[DownloadReport]) -> None:
    from cluster.printing import plain_console, plain_table

    table = plain_table("symbol", "kind!", "from!", "to!", "status!", "rows>", "bytes>", "seconds>")
    for report in reports:
        days = (report.task.first.isoformat(), report.task.last.isoformat())
        counts = (f"{report.n_rows:,}", f"{report.n_bytes:,}", f"{report.seconds:.1f}")
        status = report.status.replace("_", " ")
        table.add_row(report.task.symbol, str(report.task.kind), *days, status, *counts)
    console = plain_console()
    if reports:
        console.print(table, markup=False, highlight=False)
    for report in reports:
        if report.problem:
            told = f"{report.task.describe()}: {report.problem}"
            console.print(told, style="dim", markup=False, highlight=False)
