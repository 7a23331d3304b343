"""How far a run is, on standard error, and how it is stopped: between two instants, so that what happened is whole."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, final

from market.clock import iso_of_ns

__all__ = ["Pulse", "pulse_of"]

_BETWEEN_LINES_S: Final = 5.0
_BETWEEN_LOOKS: Final = 64  # instants; asking the machine's clock at each would cost as much as an instant


@final
class Pulse:
    """Is told each instant by the engine.

    Parameters
    ----------
    first_ns, last_ns : int
        Span of the data, ns since the epoch, UTC.
    show : callable
        Shows a share of the span in [0, 1] and the instant.
    until_ns : int, optional
        The run is stopped behind this instant; 0 for its end.
    """

    def __init__(self, first_ns: int, last_ns: int, show: Callable[[float, int], None], until_ns: int = 0) -> None:
        self._first_ns, self._span_ns = first_ns, max(last_ns - first_ns, 1)
        self._show, self._until_ns = show, until_ns
        self._looks = 0
        self.is_interrupted = False
        """Whether Ctrl-C or a request to end came."""

    def __call__(self, now_ns: int) -> str:
        """Return why the run is to stop behind this instant; empty to go on."""
        if self.is_interrupted:
            return f"interrupted behind {iso_of_ns(now_ns)}"
        if self._until_ns and now_ns >= self._until_ns:
            return f"stopped behind {iso_of_ns(now_ns)}, as was asked for"
        self._looks += 1
        if not self._looks % _BETWEEN_LOOKS:
            self._show(min(max((now_ns - self._first_ns) / self._span_ns, 0.0), 1.0), now_ns)
        return ""

    def interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal: the first stops the run between two instants, the next one at once."""
        if self.is_interrupted:
            raise KeyboardInterrupt
        self.is_interrupted = True


@contextmanager
def pulse_of(first_ns: int, last_ns: int, *, until_ns: int = 0, quiet: bool = False) -> Iterator[Pulse]:
    """Follow a run: a bar on a terminal, else a line now and then; Ctrl-C stops it.

    Parameters
    ----------
    first_ns, last_ns, until_ns : int
        As in `Pulse`.
    quiet : bool
        Whether nothing is shown.

    Yields
    ------
    Pulse
        For the engine.
    """
    with _shown(quiet=quiet) as show:
        pulse = Pulse(first_ns, last_ns, show, until_ns)
        before = {number: signal.signal(number, pulse.interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield pulse
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Callable[[float, int], None]]:
    if quiet:
        yield lambda _share, _now_ns: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("run", total=1.0)
            yield lambda share, now_ns: bar.update(task, completed=share, description=f"run {iso_of_ns(now_ns)[:10]}")
    else:
        yield _Lines().show


@final
class _Lines:
    def __init__(self) -> None:
        self._next_s = time.monotonic() + _BETWEEN_LINES_S

    def show(self, share: float, now_ns: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _BETWEEN_LINES_S
            sys.stderr.write(f"run: {share:.0%}, {iso_of_ns(now_ns)}\n")
            sys.stderr.flush()
