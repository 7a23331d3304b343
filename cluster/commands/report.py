"""``hedgefield report``: draw a run again from its record, or hold two runs against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cluster.backtests.stored_runs import StoredRun

__all__ = ["report"]

Runs = Annotated[list[Path], typer.Argument(help="Folder of one run, or of two that are compared.")]
Out = Annotated[
    Path | None, typer.Option(help="Page of a comparison; else comparison.html beside the second run's files.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]


def report(
    runs: Runs,
    out: Out = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Write the reports of a run anew, or compare two runs: the second less the first, paired by day.

    The record is checked first: its files against their digests, and its ledger by booking it again.
    """
    if len(runs) not in {1, 2}:
        raise typer.BadParameter(f"name one run to draw it again, or two to compare them; found {len(runs)}")
    if len(runs) == 1 and out is not None:
        raise typer.BadParameter("--out goes with two runs; the reports of one stand in its own folder")
    from cluster.backtests.stored_runs import opened_run

    found = [opened_run(folder) for folder in runs]
    if len(found) == 1:
        _draw(found[0], as_json=as_json)
    else:
        _compare(found[0], found[1], out or runs[1] / "comparison.html", as_json=as_json)


def _draw(run: StoredRun, *, as_json: bool) -> None:
    from backtest.reports.writing import read_audit
    from cluster.backtests.running import Finished
    from cluster.backtests.stored_runs import draw_again
    from cluster.backtests.telling import print_run, run_as_json

    folder = draw_again(run)
    finished = Finished(folder=folder, result=run.result, analysis=run.analysis, audit=read_audit(folder))
    if as_json:
        typer.echo(run_as_json(finished))
    else:
        print_run(finished)
        typer.echo(f"ledger: {len(run.result.ledger):,} bookings, booked anew to the same digest")


def _compare(first: StoredRun, second: StoredRun, out: Path, *, as_json: bool) -> None:
    import json

    from backtest.reports.figures import plain
    from backtest.reports.page import report_as_html
    from cluster.backtests.stored_runs import compared_runs
    from cluster.backtests.telling import print_report
    from market.errors import DataError

    found, drawn = compared_runs(first, second)
    try:
        out.write_bytes(report_as_html(drawn))
    except OSError as error:
        raise DataError("the page cannot be written", path=str(out), found=error.strerror or str(error)) from error
    if as_json:
        told = plain(found)
        told["page"] = str(out)
        typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False))
        return
    print_report(drawn)
    typer.echo(f"page: {out}")
