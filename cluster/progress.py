"""How far a long command is, and whether it was stopped: a bar on a terminal, else lines on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

__all__ = ["Followed", "Steps", "followed", "steps_of"]

_Report = TypeVar("_Report")


class Steps(Protocol):
    """Is told when a step is done."""

    def __call__(self, text: str) -> None:
        """Count a step and say what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed(Generic[_Report]):
    """What a command has done.

    Parameters
    ----------
    reports : list
        One per step, in the order in which the steps ended.
    seconds : float
        How long it took.
    is_stopped : bool
        Whether Ctrl-C ended it before its last step.
    """

    reports: list[_Report]
    seconds: float
    is_stopped: bool


def followed(
    running: Generator[_Report, None, None], total: int, title: str, line: Callable[[_Report], str]
) -> Followed[_Report]:
    """Run a command to its end or to Ctrl-C, and show its progress.

    Parameters
    ----------
    running : generator
        Yields a report per step; closed at the end.
    total : int
        Steps.
    title : str
        As in `steps_of`.
    line : callable
        Says a report in a line.

    Returns
    -------
    Followed
        The reports.
    """
    reports: list[_Report] = []
    begun_s, is_stopped = time.monotonic(), False
    with steps_of(total, title) as step, closing(running):
        try:
            for report in running:
                reports.append(report)
                step(line(report))
        except KeyboardInterrupt:
            is_stopped = True
    return Followed(reports=reports, seconds=time.monotonic() - begun_s, is_stopped=is_stopped)


@contextmanager
def steps_of(total: int, title: str) -> Iterator[Steps]:
    """Show the progress of a number of steps.

    Parameters
    ----------
    total : int
        Steps.
    title : str
        What is done, such as ``import``.

    Yields
    ------
    Steps
        To be called once per step.
    """
    if not sys.stderr.isatty():
        yield _Lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)

        def step(text: str) -> None:
            bar.console.print(text, style="dim", markup=False, highlight=False)
            bar.advance(task)

        yield step


class _Lines:
    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0

    def __call__(self, text: str) -> None:
        self._done += 1
        sys.stderr.write(f"[{self._done}/{self._total}] {text}\n")
        sys.stderr.flush()
