"""``python -m tuning.sweep CONFIG``: the entry point of a sweep, on this machine and as a job of a cluster."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cluster.quiet_output import answer_alone
from tuning.lanes.interrupting import Interrupted, interruptible

if TYPE_CHECKING:
    from tuning.lanes.sweeping import FinishedSweep

__all__ = ["main", "run"]


def run(
    config: Path,
    *,
    out: Path | None = None,
    address: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    data: Path | None = None,
    as_json: bool = False,
) -> int:
    """Run a sweep and tell what it found.

    Parameters
    ----------
    config : pathlib.Path
        Configuration, TOML.
    out : pathlib.Path, optional
        Folder of the study, new or empty.
    address : str, optional
        Cluster to join; else that which a job names, else one of this machine is started.
    workers : int, optional
        Workers; else as the configuration says, else one for each core.
    resume : bool, optional
        Whether the study goes on where it was broken off.
    data : pathlib.Path, optional
        Folder for relative paths of data.
    as_json : bool, optional
        Print one object of JSON instead of tables.

    Returns
    -------
    int
        Exit code: 0 for a study that was answered, also where its choice is refused; 130 and 143 where Ctrl-C or
        SIGTERM ended it.

    Raises
    ------
    TradingError
        The sweep cannot be run.
    """
    say: Callable[[str], None] = _silent if as_json else _say
    try:
        with answer_alone(is_asked=as_json), interruptible():
            say("loading; the first time after an installation or a change compiles kernels, which takes a minute")
            from tuning.lanes.running import quiet_ray
            from tuning.lanes.sweeping import SweepRequest, run_sweep

            quiet_ray()
            request = SweepRequest(
                config=config, out=out, address=address, workers=workers, resume=resume, data=data, quiet=as_json
            )
            finished = run_sweep(request, say)
    except Interrupted as asked:
        again = _again(config, out=out, address=address, workers=workers, data=data)
        typer.echo(f"interrupted; what is done is kept, and this goes on from there: {again}", err=True)
        return asked.exit_code
    _tell(finished, as_json=as_json)
    return 0


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _silent(line: str) -> None:
    """Keep a line to itself: with JSON nothing but the object is printed."""


def _again(config: Path, *, workers: int | None, **places: Path | str | None) -> str:
    told = ["hedgefield", "sweep", str(config), "--resume"]
    for name, value in places.items():
        told += [] if value is None else [f"--{name}", str(value)]
    told += [] if workers is None else ["--workers", str(workers)]
    return shlex.join(told)


def _tell(finished: FinishedSweep, *, as_json: bool) -> None:
    from tuning.reports.files import study_as_json_line

    if as_json:
        typer.echo(study_as_json_line(finished.answer, str(finished.folder)))
        return
    from cluster.backtests.telling import print_report
    from tuning.reports.sections import short_report

    print_report(short_report(finished.answer))
    counts = finished.records.counts
    typer.echo(f"blocks: {counts.kept:,} run, {counts.found:,} found in the ledger; {counts.n_trials:,} trials counted")
    typer.echo(f"study: {finished.folder}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the same as ``hedgefield sweep``, with the same arguments, errors and exit codes."""
    from cluster.cli import main as command

    sys.argv = ["hedgefield", "sweep", *(sys.argv[1:] if arguments is None else arguments)]
    command()


if __name__ == "__main__":
    main()
