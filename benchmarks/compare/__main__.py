"""Run our engine and others on the same data, one after the other: ``python -m benchmarks.compare [--case bars]``."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.environments import COMPARATORS, Comparator, default_folder, prepared

_ROOT: Final = Path(__file__).resolve().parents[2]
_CASES: Final = ("bars", "sweep", "condor")
_OURS: Final = {"bars": ("bars_compiled", "bars_event"), "sweep": ("sweep",), "condor": ("condor",)}
_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
_ORDERS_APART: Final = 0.01
_HEAD: Final = (
    f"{'engine':<28}{'rows':>12}{'orders':>8}{'cpu s':>10}{'least':>10}"
    f"{'wall s':>9}{'rows/cpu-s':>13}{'ratio':>9}{'MB':>7}"
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
    """

    tool: str
    rows: int
    orders: int
    cpu_s: float
    least_cpu_s: float
    wall_s: float
    peak_rss_mb: float


def _write_data(case: str, path: Path) -> None:
    import numpy as np

    from benchmarks import recipes

    if case == "condor":
        rows = recipes.weekly_chain_rows()
        names = ("ts_ns", "expiration", "strike", "is_call", "bid", "ask", "vendor_iv", "vendor_delta", "spot")
        _save(path, {name: np.asarray(getattr(rows, name)) for name in names})
    else:
        walk = recipes.minute_walk()
        _save(path, {name: getattr(walk, name) for name in ("end_ns", "open", "high", "low", "close")})


def _save(path: Path, arrays: dict[str, Any]) -> None:
    import numpy as np

    np.savez(path, **arrays)


def _run(interpreter: str, driver: str, case: str, data: Path, repeats: int) -> list[dict[str, Any]] | str:
    """Return a driver's lines, or why there are none."""
    command = [interpreter, "-m", driver, "--case", case, "--data", str(data), "--repeats", str(repeats)]
    done = subprocess.run(  # noqa: S603  # our own arguments
        command, cwd=_ROOT, env={**os.environ, **_ONE_THREAD}, capture_output=True, text=True, check=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    timed = [line for line in lines if line["repetition"] >= 0]
    return timed or f"it ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"


def _timing(lines: Sequence[dict[str, Any]]) -> Timing:
    cpu = [line["cpu_s"] for line in lines]
    return Timing(
        tool=lines[0]["tool"],
        rows=lines[0]["rows"],
        orders=lines[0]["orders"],
        cpu_s=statistics.median(cpu),
        least_cpu_s=min(cpu),
        wall_s=statistics.median(line["wall_s"] for line in lines),
        peak_rss_mb=max(line["peak_rss_mb"] for line in lines),
    )


def _engines(case: str, chosen: Sequence[str], folder: Path) -> list[tuple[str, str, str]]:
    """Return interpreter, driver and case of each engine; what cannot be installed is told and left out."""
    found = [(sys.executable, "benchmarks.compare.drivers.drive_hedgefield", ours) for ours in _OURS[case]]
    for comparator in COMPARATORS:
        if case in comparator.cases and (not chosen or comparator.package in chosen):
            interpreter = _interpreter(comparator, folder)
            if interpreter:
                found.append((interpreter, comparator.driver, case))
    return found


def _interpreter(comparator: Comparator, folder: Path) -> str:
    made = prepared(comparator, folder)
    if isinstance(made, str):
        print(f"skipped: {made}")
        return ""
    return str(made)


def _compare(case: str, arguments: argparse.Namespace, log: Any) -> bool:
    """Run one case; return whether all orders agree."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / f"{case}.npz"
        _write_data(case, data)
        before, timings = os.getloadavg()[0], []
        for interpreter, driver, its_case in _engines(case, arguments.tool, arguments.folder):
            lines = _run(interpreter, driver, its_case, data, arguments.repeats)
            if isinstance(lines, str):
                print(f"{driver} {its_case} failed: {lines}")
                return False
            for line in lines:
                log.write(json.dumps({**line, "load_before": before, "time": time.time()}) + "\n")
            timings.append(_timing(lines))
        print(f"\n{case}: load average {before:.1f} before, {os.getloadavg()[0]:.1f} after")
    return _print(timings)


def _print(timings: Sequence[Timing]) -> bool:
    ours = timings[0]
    rate_of_ours = ours.rows / ours.cpu_s
    print(_HEAD)
    for each in timings:
        rate = each.rows / each.cpu_s
        print(
            f"{each.tool:<28}{each.rows:>12,}{each.orders:>8,}{each.cpu_s:>10.4f}{each.least_cpu_s:>10.4f}"
            f"{each.wall_s:>9.3f}{rate:>13,.0f}{rate_of_ours / rate:>8.1f}x{each.peak_rss_mb:>7.0f}"
        )
    compared = [each.orders for each in timings if each.orders]
    agree = max(compared, default=0) - min(compared, default=0) <= _ORDERS_APART * max(compared, default=0)
    print("orders agree within 1 %" if agree else f"ORDERS DIFFER: {compared}; the comparison does not hold")
    return agree


def main() -> int:
    """Compare; exit 1 where orders differ by more than 1 %."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--case", action="append", choices=_CASES, help="all where none is given")
    parser.add_argument("--tool", action="append", default=[], choices=[each.package for each in COMPARATORS])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where environments are kept")
    parser.add_argument("--output", type=Path, default=_ROOT / "benchmarks" / "results" / "compare.local.jsonl")
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with arguments.output.open("a", encoding="utf-8") as log:
        agree = [_compare(case, arguments, log) for case in arguments.case or _CASES]
    return 0 if all(agree) else 1


if __name__ == "__main__":
    raise SystemExit(main())
