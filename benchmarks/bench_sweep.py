"""A sweep's work: a grid over bars beside vectorbt, and condors on midpoints beside the plain use of Ray Tune.

Wall times of sweeps contain the start of their cluster and the study that they write. A loop over the same points in
one process tells what two workers could reach at best; the figures are ratios of one run.
``python -m benchmarks.bench_sweep grid overhead condors`` measures only the sections that it is given.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.environments import COMPARATORS, default_folder, prepared
from benchmarks.compare.running import OURS, driven, timing, write_data
from benchmarks.harness import Row, print_rows
from benchmarks.real_runs import DATA

__all__ = ["run"]

_REPEATS: Final = 5
_LOOP, _FEW, _MANY, _NAIVE_FEW, _NAIVE_MANY = 20, 20, 200, 2, 8
_WORKERS: Final = 2
_SPINS: Final = 600


def _grid() -> list[Row]:
    vectorbt = next(each for each in COMPARATORS if each.package == "vectorbt")
    interpreter = prepared(vectorbt, default_folder())
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "bars.npz"
        write_data("bars", data)
        ours = driven(sys.executable, OURS, "blocks", data, _REPEATS)
        theirs = (
            interpreter
            if isinstance(interpreter, str)
            else driven(str(interpreter), vectorbt.driver, "sweep", data, _REPEATS)
        )
    rows = []
    if isinstance(ours, str):
        return [Row(name="grid over bars", size=0, value=float("nan"), unit="", passed=False, note=ours)]
    mine = timing(ours)
    rate = mine.rows / mine.cpu_s / 1e6
    name = "grid over 100k bars, ten blocks, settings included"
    rows.append(Row(name=name, size=190, value=rate, unit="M bar/cpu-s", reach=">= 30", passed=rate >= 30.0))
    if isinstance(theirs, str):
        rows.append(Row(name="vectorbt", size=190, value=float("nan"), unit="", note=theirs))
        return rows
    other = timing(theirs)
    their_rate = other.rows / other.cpu_s / 1e6
    rows.append(Row(name=f"the same grid, {other.tool}", size=190, value=their_rate, unit="M bar/cpu-s"))
    rows.append(Row(name="ours over vectorbt", size=190, value=rate / their_rate, unit="x"))
    return rows


def _told(module: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:])} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if found.get("failed"):
        raise SystemExit(f"{' '.join(command[2:])}: {found['failed']} trials failed, so their time says nothing")
    return found


def _overhead() -> list[Row]:
    told = _told("sweep_overhead", _SPINS, _WORKERS)
    value = told["overhead_ms"]
    name = "a trial beside an objective of 100 ms, two lanes"
    return [Row(name=name, size=_SPINS, value=value, unit="ms", reach="<= 15", passed=value <= 15.0)]


def _condors() -> list[Row]:
    loop = _told("sweep_runs", "loop", _LOOP)
    few, many = (_told("sweep_runs", "ours", n, _WORKERS) for n in (_FEW, _MANY))
    naive_few, naive_many = (_told("sweep_runs", "naive", n, _WORKERS) for n in (_NAIVE_FEW, _NAIVE_MANY))
    each = (many["s"] - few["s"]) / (many["trials"] - few["trials"])
    each_naive = (naive_many["s"] - naive_few["s"]) / (_NAIVE_MANY - _NAIVE_FEW)
    efficiency = loop["s"] / _LOOP / (each * _WORKERS)
    per_minute = 60.0 * many["trials"] / many["s"]
    naive_per_minute = 60.0 * _MANY / (naive_few["s"] + each_naive * (_MANY - _NAIVE_FEW))
    ratio = per_minute / naive_per_minute
    note = f"naive: {_NAIVE_MANY} trials run, {_MANY} reckoned from the seconds of one more"
    return [
        Row(name="condor on midpoints, one point in a loop", size=_LOOP, value=loop["s"] / _LOOP, unit="s"),
        Row(name="one more trial of a sweep on two workers", size=_MANY, value=each, unit="s"),
        Row(
            name="two workers against the loop times two",
            size=_MANY,
            value=efficiency,
            unit="x",
            reach=">= 0.9",
            passed=efficiency >= 0.9,
        ),
        Row(name="a sweep from start to study", size=_MANY, value=per_minute, unit="trials/min"),
        Row(
            name="plain Ray Tune, own data in each trial",
            size=_MANY,
            value=naive_per_minute,
            unit="trials/min",
            note=note,
        ),
        Row(name="a sweep over plain Ray Tune", size=_MANY, value=ratio, unit="x", reach=">= 3", passed=ratio >= 3.0),
        Row(
            name="private memory of what a lane loads and runs",
            size=_LOOP,
            value=loop["private_mb"],
            unit="MB",
            note="with the data, which a lane reads in the object store",
        ),
    ]


_SECTIONS: Final = {"grid": _grid, "overhead": _overhead, "condors": _condors}


def run(sections: Sequence[str] = tuple(_SECTIONS)) -> list[Row]:
    """Return the rows of some sections; condors only where the recorded midpoints are."""
    wanted = [name for name in sections if name != "condors" or DATA.is_dir()]
    return [row for name in wanted for row in _SECTIONS[name]()]


if __name__ == "__main__":
    print_rows(run(sys.argv[1:] or tuple(_SECTIONS)))
