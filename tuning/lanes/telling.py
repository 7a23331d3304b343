"""How a sweep stands, on a terminal that is drawn anew, or in a line every few seconds."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING, Final, final

from tuning.lanes.messages import DeskStatus
from tuning.search.records import Progress

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Pace", "line_of", "rows_of", "told_live"]

_LINE_EVERY_S: Final = 5.0
_WINDOW_S: Final = 60.0
_MINUTE_S: Final = 60.0


@final
class Pace:
    """Trials per minute over the last minute, and what that leaves.

    Notes
    -----
    What a ledger answers at once is counted too: after a resume the pace falls to that of the lanes within a minute.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, now_s: float, n_trials: int) -> None:
        """Take note of how many trials have ended."""
        self._seen.append((now_s, n_trials))
        while len(self._seen) > 2 and now_s - self._seen[1][0] >= _WINDOW_S:
            self._seen.popleft()

    @property
    def per_minute(self) -> float:
        """Trials per minute; NaN until two ended apart."""
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) * _MINUTE_S if last > first else nan

    def left_s(self, n_left: int) -> float:
        """Return how long so many trials should take, seconds; NaN where nobody knows."""
        return n_left / self.per_minute * _MINUTE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """What the figures are called."""

    study: str
    objective: str


def rows_of(status: DeskStatus, pace: Pace, objective: str) -> list[tuple[str, str]]:
    """Return how a sweep stands, as names and figures.

    Parameters
    ----------
    status : DeskStatus
        What the desk says.
    pace : Pace
        Up to now.
    objective : str
        What the best trial is told by.

    Returns
    -------
    list of (str, str)
        In the order in which they are shown.
    """
    progress = status.progress
    n_left = max(0, progress.n_trials_most - progress.n_trials)
    alive = sum(lane.is_alive for lane in status.lanes)
    memory = [lane.private_mb for lane in status.lanes if lane.is_alive and not isnan(lane.private_mb)]
    blocks = status.n_run + status.n_kept
    best = "none yet"
    if progress.best_number is not None:
        best = f"{progress.best:.4g} (trial {progress.best_number}), in sample"
    return [
        (
            "phase",
            f"{progress.phase.value}, search {min(progress.n_parts_done + 1, progress.n_parts)} of {progress.n_parts}",
        ),
        ("trials", f"{progress.n_trials} of at most {progress.n_trials_most}; {progress.n_items_out} items out"),
        ("ended", _ended(progress)),
        ("pace", _pace(pace, n_left)),
        (f"best {objective}", best),
        ("defaults", _figure(progress.baseline, ".4g")),
        ("found in the ledger", f"{status.n_kept} of {blocks} blocks" if blocks else "nothing asked yet"),
        ("lanes", f"{alive} alive, {status.n_lost} batches lost, {status.n_copied} copied"),
        ("fullest lane", f"{max(memory):.0f} MB" if memory else "unknown"),
    ]


def _pace(pace: Pace, n_left: int) -> str:
    if isnan(pace.per_minute):
        return "pace not known yet"
    return f"{pace.per_minute:.1f} trials a minute, {_time(pace.left_s(n_left))} left at most"


def _ended(progress: Progress) -> str:
    known = {"complete": progress.n_complete, "pruned": progress.n_pruned}
    known |= {"refused": progress.n_refused, "failed": progress.n_failed}
    return ", ".join(f"{n} {name}" for name, n in known.items())


def line_of(status: DeskStatus, pace: Pace, objective: str) -> str:
    """Return the same in a line."""
    progress, rows = status.progress, dict(rows_of(status, pace, objective))
    return (
        f"{progress.phase.value}: {progress.n_trials}/{progress.n_trials_most} trials ({rows['ended']}), "
        f"{rows['pace']}, best {objective} {rows[f'best {objective}']}, defaults {rows['defaults']}, "
        f"ledger {rows['found in the ledger']}, lanes {rows['lanes']}, fullest {rows['fullest lane']}"
    )


@contextmanager
def told_live(
    study: str, objective: str, clock_s: Callable[[], float], *, quiet: bool = False
) -> Iterator[Callable[[DeskStatus], None]]:
    """Show how a sweep stands while it runs.

    Parameters
    ----------
    study : str
        Its name.
    objective : str
        What the best trial is told by.
    clock_s : callable
        Seconds that only rise.
    quiet : bool, optional
        Show nothing.

    Yields
    ------
    callable
        To be told how the sweep stands; a row is printed where the best improves.
    """
    named = _Named(study=study, objective=objective)
    if quiet:
        yield lambda _status: None
    elif sys.stderr.isatty():
        with _table(named, clock_s) as tell:
            yield tell
    else:
        yield _Lines(named, clock_s)


@final
class _Lines:
    def __init__(self, named: _Named, clock_s: Callable[[], float]) -> None:
        self._named, self._clock_s, self._pace = named, clock_s, Pace()
        self._next_s, self._best = clock_s() + _LINE_EVERY_S, _Best(named.objective)

    def __call__(self, status: DeskStatus) -> None:
        now_s = self._clock_s()
        self._pace.add(now_s, status.progress.n_trials)
        told = self._best.improved(status)
        if now_s >= self._next_s:
            self._next_s = now_s + _LINE_EVERY_S
            told.append(line_of(status, self._pace, self._named.objective))
        for line in told:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@final
class _Best:
    """Says once that a trial is the best so far."""

    def __init__(self, objective: str) -> None:
        self._objective, self._number = objective, -1

    def improved(self, status: DeskStatus) -> list[str]:
        progress = status.progress
        if progress.best_number is None or progress.best_number == self._number:
            return []
        self._number = progress.best_number
        against = _figure(progress.baseline, ".4g")
        return [
            f"trial {self._number}: best {self._objective} so far {progress.best:.4g}, defaults {against}, in sample"
        ]


@contextmanager
def _table(named: _Named, clock_s: Callable[[], float]) -> Iterator[Callable[[DeskStatus], None]]:
    from rich.console import Console
    from rich.live import Live

    console, pace, best = Console(stderr=True), Pace(), _Best(named.objective)
    with Live(console=console, transient=True, auto_refresh=False) as live:

        def tell(status: DeskStatus) -> None:
            pace.add(clock_s(), status.progress.n_trials)
            for line in best.improved(status):
                live.console.print(line, style="dim", markup=False, highlight=False)
            live.update(_drawn(named.study, rows_of(status, pace, named.objective)), refresh=True)

        yield tell


def _drawn(study: str, rows: list[tuple[str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"sweep {study}"), show_header=False, title_justify="left")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def _figure(value: float, form: str) -> str:
    return "unknown" if isnan(value) else format(value, form)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
