"""A sweep that runs as a process, watched from outside: by its ledger, its lines and the processes of its cluster."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

__all__ = ["n_kept", "processes_with", "until"]


def n_kept(home: Path) -> int:
    """Return how many outcomes the ledger holds."""
    file = home / "trials.sqlite"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as ledger:
        tables = {name for (name,) in ledger.execute("select name from sqlite_master where type = 'table'")}
        if "hedgefield_evaluations" not in tables:
            return 0
        found: int = ledger.execute("select count(*) from hedgefield_evaluations").fetchone()[0]
    return found


def processes_with(name: str, value: str) -> list[int]:
    """Return the processes that have a variable in their environment, as all of a private cluster have."""
    mark, found = f"{name}={value}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or belongs to somebody else
            if mark in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def until(condition: Callable[[], bool], most_s: float) -> bool:
    """Return whether a condition of other processes comes true within a time."""
    end = time.monotonic() + most_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)  # nobody wakes us: the processes are not ours
    return True
