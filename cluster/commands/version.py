"""``hedgefield --version``."""

from __future__ import annotations

import typer

from cluster.program import program_version

__all__ = ["show_version"]


def show_version(asked: bool) -> None:  # noqa: FBT001  # the signature is Typer's
    """Print the version and leave, where it is asked for.

    Parameters
    ----------
    asked : bool
        Whether the option stands on the command line.
    """
    if asked:
        typer.echo(f"hedgefield {program_version()}")
        raise typer.Exit
