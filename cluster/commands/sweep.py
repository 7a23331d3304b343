"""``hedgefield sweep``: search the parameters of a backtest on a cluster, with an answer that a peak cannot fool."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

__all__ = ["sweep"]

_ENTRY: Final = "tuning.sweep"  # imported by name at run time: cluster stands below tuning

Config = Annotated[Path, typer.Argument(help="Configuration, TOML; docs/guides/sweep.md explains it.")]
Out = Annotated[
    Path | None, typer.Option(help="Study folder, new or empty; else reports/NAME, with a number where it is taken.")
]
Address = Annotated[
    str | None, typer.Option(help="Ray cluster to join; else RAY_ADDRESS as of a job, else one is started here.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Workers; else as configured, else one for each core.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a study that was broken off; nothing is run twice.")]
Data = Annotated[Path | None, typer.Option(help="Folder for relative paths of data; else that of the backtest.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]


def sweep(
    config: Config,
    out: Out = None,
    address: Address = None,
    workers: Workers = None,
    resume: Resume = False,  # noqa: FBT002
    data: Data = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Run a sweep: trials over blocks of days, a choice by inner days, and what it gave on outer days.

    The answer is the outer estimate with its interval; a choice that could be luck is refused, and says why.
    """
    run = import_module(_ENTRY).run
    code: int = run(config, out=out, address=address, workers=workers, resume=resume, data=data, as_json=as_json)
    raise typer.Exit(code)
