"""``hedgefield new-strategy``: a strategy to start from, with its tests and a configuration, that works untouched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["new_strategy"]

Name = Annotated[str | None, typer.Argument(help="Name of module and strategy, such as dip_buyer.", show_default=False)]
Chosen = Annotated[str, typer.Option("--template", "-t", help="What to start from; --list tells them.")]
Into = Annotated[
    Path | None,
    typer.Option(help="Folder; else examples/ and tests/examples/ of a checkout, or the folder that you stand in."),
]
Listed = Annotated[bool, typer.Option("--list", help="Tell the templates and leave.")]


def new_strategy(
    name: Name = None,
    template: Chosen = "momentum",
    into: Into = None,
    listed: Listed = False,  # noqa: FBT002
) -> None:
    """Write a strategy, its tests and a configuration; all three work as they are. Nothing is overwritten."""
    from cluster.scaffolds.templates import TEMPLATES
    from cluster.scaffolds.writing import begun_strategy

    if listed:
        width = max(len(key) for key in TEMPLATES)
        for key, each in TEMPLATES.items():
            typer.echo(f"{key:<{width}}  {each.about}")
        return
    if name is None:
        raise typer.BadParameter("name the strategy, or see the templates with --list")
    made = begun_strategy(name, template, into)
    for path in (made.strategy, made.test, made.config):
        typer.echo(f"wrote {path}")
    typer.echo(f"next: hedgefield backtest {made.config}")
    typer.echo(f"      python -m pytest {made.test}")
