"""``hedgefield backtest``: one honest run from a configuration, kept in a folder with everything that led to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.quiet_output import answer_alone

if TYPE_CHECKING:
    from cluster.backtests.running import Finished

__all__ = ["backtest"]

_INTERRUPTED = 130  # as a shell tells of Ctrl-C

Config = Annotated[
    Path | None, typer.Argument(help="Configuration, TOML; docs/guides/backtest.md explains it.", show_default=False)
]
Out = Annotated[
    Path | None, typer.Option(help="Run folder, new or empty; else reports/NAME, with a number where it is taken.")
]
Audit = Annotated[
    bool, typer.Option("--audit", help="Ask the guards too: look-ahead, truncation, determinism, cost stress and more.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]
Data = Annotated[Path | None, typer.Option(help="Folder for relative paths of data; else that of the configuration.")]
ScenarioName = Annotated[
    str | None,
    typer.Option("--scenario", help="A packaged crisis on the recorded data of --data; a wrong name lists them."),
]


def backtest(
    config: Config = None,
    out: Out = None,
    audit: Audit = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
    data: Data = None,
    scenario: ScenarioName = None,
) -> None:
    """Run one backtest and write its folder: trades, decisions, ledger, metrics, tear sheet, PDF, provenance.

    A run that stops, by an error of a strategy or by Ctrl-C, keeps what happened until then, and says so.
    """
    if scenario is not None:
        _run_scenario(scenario, config, data, audit=audit, out=out, as_json=as_json)
        return
    if config is None:
        raise typer.BadParameter("name a configuration, or a scenario with --scenario")
    from cluster.backtests.reading import text_of
    from cluster.backtests.running import prepare, run_to_folder
    from cluster.settings import load_settings
    from cluster.state_folder import require_state_folder

    home = require_state_folder(load_settings().folder)
    text = text_of(config)
    if not as_json:
        typer.echo("reading data", err=True)
    guards = None
    if audit:
        from cluster.backtests.auditing import audited

        guards = audited
    with answer_alone(is_asked=as_json):
        prepared = prepare(text, str(config), data or config.parent, config.parent)
        finished = run_to_folder(prepared, out, home, quiet=as_json, guards=guards)
    _tell(finished, as_json=as_json)
    _end(finished)


def _tell(finished: Finished, *, as_json: bool) -> None:
    from cluster.backtests.telling import print_run, run_as_json

    if as_json:
        typer.echo(run_as_json(finished))
    else:
        print_run(finished)


def _end(finished: Finished) -> None:
    if finished.is_interrupted:
        typer.echo(f"interrupted; what happened until then stands in {finished.folder}", err=True)
        raise typer.Exit(_INTERRUPTED)
    if finished.result.stopped:
        typer.echo(f"error: the run stopped: {finished.result.stopped}", err=True)
        raise typer.Exit(1)
    if finished.audit is not None and not finished.audit.passed:
        failed = ", ".join(finding.name for finding in finished.audit.findings if finding.passed is False)
        typer.echo(f"error: the audit failed: {failed}", err=True)
        raise typer.Exit(1)


def _run_scenario(
    name: str, config: Path | None, data: Path | None, *, audit: bool, out: Path | None, as_json: bool
) -> None:
    if audit or out is not None:
        raise typer.BadParameter("--scenario prints its criteria; it goes without --audit and --out")
    from backtest.scenarios.catalogue import scenario_of
    from cluster.backtests.reading import read_settings
    from cluster.backtests.telling import print_scenario, scenario_as_json
    from cluster.scenarios import run_scenario

    scenario_of(name)  # before anything is read
    if data is None:
        raise typer.BadParameter("--scenario needs --data, the folder of the recorded data that it stands on")
    strategies = None
    if config is not None:
        strategies = tuple(item.build() for item in read_settings(config).strategies)
    with answer_alone(is_asked=as_json):
        verdict = run_scenario(name, data, strategies=strategies)
    if as_json:
        typer.echo(scenario_as_json(verdict))
    else:
        print_scenario(verdict)
    if not verdict.passed:
        raise typer.Exit(1)
