"""What every driver does alike: read the data, run once to warm up, then time repetitions of its own process."""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Done", "Task", "timed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a driver is asked for.

    Parameters
    ----------
    case : str
        Such as ``bars``.
    data : Path
        Arrays of the case, as numpy's ``npz``; or a folder, which is handed on under the name ``folder``.
    repeats : int
        Timed repetitions after one that is not.
    """

    case: str
    data: Path
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a repetition has done.

    Parameters
    ----------
    orders : int
        Orders as proof of the work; 0 where they cannot be compared.
    digest : str
        Of everything that was booked, where the engine has one.
    """

    orders: int
    digest: str = ""


Case = Callable[[Any], tuple[int, Callable[[], Done]]]
"""Given the arrays, the number of rows of work and the function that does it."""


def _task() -> Task:
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    found = parser.parse_args()
    return Task(case=found.case, data=found.data, repeats=found.repeats)


def timed(tool: str, cases: Mapping[str, Case]) -> None:
    """Run the case that is asked for and print one JSON line per repetition.

    Parameters
    ----------
    tool : str
        Name and version.
    cases : mapping of str to callable
        By name. Reading and reshaping the data is not timed.
    """
    import numpy as np

    task = _task()
    if task.data.is_dir():
        rows, run = cases[task.case]({"folder": task.data})
    else:
        with np.load(task.data) as arrays:
            rows, run = cases[task.case](dict(arrays))
    for repetition in range(-1, task.repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        done = run()
        line = {
            "tool": tool,
            "case": task.case,
            "repetition": repetition,  # -1 is the warm-up
            "rows": rows,
            "orders": done.orders,
            "digest": done.digest,
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.perf_counter() - wall,
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        }
        print(json.dumps(line), flush=True)
