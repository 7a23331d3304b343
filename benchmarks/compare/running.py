"""Runs drivers, each in a process of its own, and sums their repetitions up."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["OURS", "Timing", "driven", "timing", "write_data"]

OURS: Final = "benchmarks.compare.drivers.drive_hedgefield"
_ROOT: Final = Path(__file__).resolve().parents[2]
_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one engine needed for one case: minimum and median over the repetitions.

    Parameters
    ----------
    tool : str
        Name and version.
    rows, orders : int
        Work, and orders as its proof; 0 where they cannot be compared.
    cpu_s, least_cpu_s, wall_s : float
        Median and minimum of the process's time, and median by the clock.
    peak_rss_mb : float
        Largest resident memory of the process, data and imports included.
    digests : frozenset of str
        Of what was booked in each repetition; one where they agree.
    """

    tool: str
    rows: int
    orders: int
    cpu_s: float
    least_cpu_s: float
    wall_s: float
    peak_rss_mb: float
    digests: frozenset[str]


def write_data(case: str, path: Path) -> None:
    """Write the arrays of a case: ``condor`` the year of chains, else the minute bars."""
    from benchmarks import recipes

    if case == "condor":
        rows = recipes.weekly_chain_rows()
        names = ("ts_ns", "expiration", "strike", "is_call", "bid", "ask", "vendor_iv", "vendor_delta", "spot")
        _save(path, {name: getattr(rows, name) for name in names})
    else:
        walk = recipes.minute_walk()
        _save(path, {name: getattr(walk, name) for name in ("end_ns", "open", "high", "low", "close")})


def _save(path: Path, arrays: dict[str, Any]) -> None:
    import numpy as np

    np.savez(path, **arrays)


def driven(interpreter: str, driver: str, case: str, data: Path, repeats: int) -> list[dict[str, Any]] | str:
    """Return what a driver told of its timed repetitions, or why there is nothing.

    Parameters
    ----------
    interpreter : str
        Of the engine's environment.
    driver, case : str
        Module and case.
    data : Path
        File of arrays, or a folder.
    repeats : int
        Timed repetitions.

    Returns
    -------
    list of dict, or str
        One per repetition as `drivers.measure` prints it.
    """
    command = [interpreter, "-m", driver, "--case", case, "--data", str(data), "--repeats", str(repeats)]
    done = subprocess.run(  # noqa: S603  # our own arguments
        command, cwd=_ROOT, env={**os.environ, **_ONE_THREAD}, capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    timed = [line for line in lines if line["repetition"] >= 0]
    return timed or f"it ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"


def timing(lines: Sequence[dict[str, Any]]) -> Timing:
    """Return the sum of a driver's repetitions."""
    cpu = [line["cpu_s"] for line in lines]
    return Timing(
        tool=lines[0]["tool"],
        rows=lines[0]["rows"],
        orders=lines[0]["orders"],
        cpu_s=statistics.median(cpu),
        least_cpu_s=min(cpu),
        wall_s=statistics.median(line["wall_s"] for line in lines),
        peak_rss_mb=max(line["peak_rss_mb"] for line in lines),
        digests=frozenset(line["digest"] for line in lines),
    )
