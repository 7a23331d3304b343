"""``hedgefield explain``: why a decision was what it was, and whether it comes out again, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cluster.backtests.explaining import FoundDecision, Recomputed

__all__ = ["explain"]

Id = Annotated[str, typer.Argument(help="Id of the decision, or its first letters; trade_decisions.log has them.")]
Runs = Annotated[Path, typer.Option(help="A run folder, or a folder of them.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]


def explain(
    decision: Id,
    runs: Runs = Path("reports"),
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Print a decision: inputs, funnel, sizes with the binding one, legs, reason, and what became of it.

    Then the run is made again up to that instant, and the decision compared in its canonical bytes. Where data or
    code are not those of the run, it is told and not compared.
    """
    from cluster.backtests.explaining import decision_report, find_decision, recompute
    from cluster.backtests.telling import print_report

    found = find_decision(decision, runs)
    if not as_json:
        print_report(decision_report(found))
    again = recompute(found, quiet=as_json)
    if as_json:
        _print_json(found, again)
    elif again.is_equal:
        typer.echo(f"made again: bit for bit equal (SHA-256 {again.digest})")
    else:
        typer.echo("made again: NOT equal", err=True)
        for line in again.differences:
            typer.echo(f"  {line}", err=True)
    if not again.is_equal:
        raise typer.Exit(1)


def _print_json(found: FoundDecision, again: Recomputed) -> None:
    import json

    from backtest.reports.figures import plain

    told = {
        "run": str(found.folder),
        **plain(found.record),
        "digest": found.digest,
        "made_again": {
            "digest": again.digest,
            "is_equal": again.is_equal,
            "differences": list(again.differences),
        },
    }
    typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False))
