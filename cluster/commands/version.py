"""``hedgefield --version``."""

from __future__ import annotations

import typer

__all__ = ["program_version", "show_version"]


def program_version() -> str:
    """Return the version of the installed distribution, or ``unknown (not installed)``."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("hedgefield")
    except PackageNotFoundError:
        return "unknown (not installed)"


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
