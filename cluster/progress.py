"""How far a long command is: a bar on a terminal, a line per step elsewhere; on standard error, never in the output."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Steps", "steps_of"]


class Steps(Protocol):
    """Is told when a step is done."""

    def __call__(self, text: str) -> None:
        """Count a step and say what it was."""


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
