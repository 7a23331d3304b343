"""Run our engine and others on the same data, one after the other: ``python -m benchmarks.compare [--case bars]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.environments import COMPARATORS, Comparator, default_folder, prepared
from benchmarks.compare.running import OURS, Timing, driven, timing, write_data

_RESULTS: Final = Path(__file__).resolve().parents[1] / "results"
_OUR_CASES: Final = {"bars": ("bars_compiled", "bars_event"), "sweep": ("sweep",), "condor": ("condor", "ladder")}
_ORDERS_APART: Final = 0.01
_HEAD: Final = (
    f"{'engine':<36}{'rows':>12}{'orders':>8}{'cpu s':>10}{'least':>10}"
    f"{'wall s':>9}{'rows/cpu-s':>13}{'slower':>9}{'MB':>7}"
)


def _engines(case: str, chosen: Sequence[str], folder: Path) -> list[tuple[str, str, str]]:
    """Return interpreter, driver and case of each engine; what cannot be installed is told and left out."""
    found = [(sys.executable, OURS, ours) for ours in _OUR_CASES[case]]
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
        write_data(case, data)
        before, timings = os.getloadavg()[0], []
        for interpreter, driver, its_case in _engines(case, arguments.tool, arguments.folder):
            lines = driven(interpreter, driver, its_case, data, arguments.repeats)
            if isinstance(lines, str):
                print(f"{driver} {its_case} failed: {lines}")
                return False
            for line in lines:
                log.write(json.dumps({**line, "load_before": before, "time": time.time()}) + "\n")
            found = timing(lines)
            timings.append((f"{found.tool} {its_case}", found))
        print(f"\n{case}: load average {before:.1f} before, {os.getloadavg()[0]:.1f} after")
    return _print(timings)


def _print(timings: Sequence[tuple[str, Timing]]) -> bool:
    _, ours = timings[0]
    rate_of_ours = ours.rows / ours.cpu_s
    print(_HEAD)
    for name, each in timings:
        rate = each.rows / each.cpu_s
        print(
            f"{name:<36}{each.rows:>12,}{each.orders:>8,}{each.cpu_s:>10.4f}{each.least_cpu_s:>10.4f}"
            f"{each.wall_s:>9.3f}{rate:>13,.0f}{rate_of_ours / rate:>8.1f}x{each.peak_rss_mb:>7.0f}"
        )
    compared = [each.orders for _, each in timings if each.orders]
    if len(compared) < 2:
        print("orders cannot be compared: the engines do unlike work on these data")
        return True
    agree = max(compared) - min(compared) <= _ORDERS_APART * max(compared)
    print("orders agree within 1 %" if agree else f"ORDERS DIFFER: {compared}; the comparison does not hold")
    return agree


def main() -> int:
    """Compare; exit 1 where orders differ by more than 1 %."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--case", action="append", choices=list(_OUR_CASES), help="all where none is given")
    parser.add_argument("--tool", action="append", default=[], choices=[each.package for each in COMPARATORS])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where environments are kept")
    parser.add_argument("--output", type=Path, default=_RESULTS / "compare.local.jsonl")
    arguments = parser.parse_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with arguments.output.open("a", encoding="utf-8", buffering=1) as log:
        agree = [_compare(case, arguments, log) for case in arguments.case or _OUR_CASES]
    return 0 if all(agree) else 1


if __name__ == "__main__":
    raise SystemExit(main())
