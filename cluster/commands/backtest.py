"""``hedgefield backtest``: one honest run from a configuration, kept in a folder with everything that led to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["backtest"]

_INTERRUPTED = 130  # as a shell tells of Ctrl-C

Config = Annotated[Path, typer.Argument(help="Configuration, TOML; docs/guides/backtest.md explains it.")]
Out = Annotated[
    Path | None, typer.Option(help="Run folder, new or empty; else reports/NAME, with a number where it is taken.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]
Data = Annotated[Path | None, typer.Option(help="Folder for relative paths of data; else that of the configuration.")]


def backtest(
    config: Config,
    out: Out = None,
    as_json: AsJson = False,  # noqa: FBT002
    data: Data = None,
) -> None:
    """Run one backtest and write its folder: trades, decisions, ledger, metrics, tear sheet, PDF, provenance.

    A run that stops, by an error of a strategy or by Ctrl-C, keeps what happened until then, and says so.
    """
    from cluster.backtests.reading import text_of
    from cluster.backtests.running import prepare, run_to_folder
    from cluster.settings import load_settings

    home = load_settings().folder
    text = text_of(config)
    typer.echo("reading data", err=True)
    prepared = prepare(text, str(config), data or config.parent)
    finished = run_to_folder(prepared, out, home, quiet=as_json)
    from cluster.backtests.telling import print_run, run_as_json

    if as_json:
        typer.echo(run_as_json(finished))
    else:
        print_run(finished)
    if finished.is_interrupted:
        typer.echo(f"interrupted; what happened until then stands in {finished.folder}", err=True)
        raise typer.Exit(_INTERRUPTED)
    if finished.result.stopped:
        typer.echo(f"error: the run stopped: {finished.result.stopped}", err=True)
        raise typer.Exit(1)
