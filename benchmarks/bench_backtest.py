"""The engine: bars compiled and by events, grids, condors on chains, 0DTE on mids, and the same ledger every time.

Each case runs in a process of its own, so that its peak memory is its own. Recorded chains and a month of minutes are
timed by `bench_histories`, other engines by `benchmarks.compare`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.compare.running import OURS, Timing, driven, timing, write_data
from benchmarks.harness import Row
from benchmarks.real_runs import DATA

__all__ = ["run"]

_REPEATS: Final = 5
_PER: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One case and what it must reach.

    Parameters
    ----------
    name : str
        As the driver calls it.
    title : str
        What it is.
    recipe : str
        Data that are made for it; empty where they are recorded or kept.
    least_rate, most_s, most_mb : float
        Rows per second of the process, its seconds, and its peak memory; 0 where nothing is to be reached.
    repeats : int
        Repetitions.
    events : int
        Events that the engine orders for each row: a bar opens and closes at instants of its own.
    """

    name: str
    title: str
    recipe: str = ""
    least_rate: float = 0.0
    most_s: float = 0.0
    most_mb: float = 0.0
    repeats: int = _REPEATS
    events: int = 1


_CASES: Final = (
    _Case(name="bars_compiled", title="500k bars, averages crossing, compiled", recipe="bars", least_rate=10e6),
    _Case(
        name="bars_event", title="500k bars, averages crossing, by events", recipe="bars", least_rate=200e3, events=2
    ),
    _Case(name="sweep", title="190 pairs of windows x 100k bars", recipe="bars", least_rate=30e6),
    _Case(name="condor", title="condor by delta, 530,712 rows", recipe="condor", most_s=1.5, most_mb=500.0),
    _Case(name="ladder", title="a condor a day, 530,712 rows", recipe="condor", repeats=3, most_s=1.5, most_mb=500.0),
    _Case(name="mids", title="0DTE condor, 350 days x 9 times", most_s=2.0),
)


def _data(case: _Case, folder: Path) -> Path | None:
    if case.recipe:
        path = folder / f"{case.recipe}.npz"
        if not path.exists():
            write_data(case.recipe, path)
        return path
    return DATA if DATA.exists() else None


def _rows(case: _Case, found: Timing) -> Iterator[Row]:
    n, reach, passed = found.rows * case.events, "", None
    rate = n / found.cpu_s
    if case.least_rate:
        reach, passed = f">= {case.least_rate:.0e}", rate >= case.least_rate
    unit = "events/s" if case.events > 1 else "rows/s"
    yield Row(name=f"{case.title}: rate", size=n, value=rate, unit=unit, reach=reach, passed=passed)
    reach, passed = "", None
    if case.most_s:
        reach, passed = f"<= {case.most_s:g}", found.cpu_s <= case.most_s
    least = f"least {found.least_cpu_s:.4g}"
    yield Row(
        name=f"{case.title}: cpu", size=found.rows, value=found.cpu_s, unit="s", reach=reach, passed=passed, note=least
    )
    per = found.wall_s / found.rows * _PER * 1e3
    yield Row(name=f"{case.title}: by the clock", size=found.rows, value=per, unit="ms/10k")
    reach, passed = "", None
    if case.most_mb:
        reach, passed = f"<= {case.most_mb:g}", found.peak_rss_mb <= case.most_mb
    memory = found.peak_rss_mb
    yield Row(name=f"{case.title}: peak", size=found.rows, value=memory, unit="MB", reach=reach, passed=passed)


def _digests(data: Path) -> Row:
    """Hold the ledgers of three runs in one process and of a run in a second against each other."""
    digests: set[str] = set()
    for repeats in (2, 1):  # and the warm-up of each, which is a run like the others
        lines = driven(sys.executable, OURS, "ladder", data, repeats)
        if isinstance(lines, str):
            return Row(name="determinism", size=0, value=float("nan"), unit="", passed=False, note=lines)
        digests |= timing(lines).digests
    same = len(digests) == 1 and "" not in digests
    note = next(iter(digests))[:16]
    return Row(
        name="ledgers of 3 runs in 2 processes", size=3, value=len(digests), unit="", reach="1", passed=same, note=note
    )


def run() -> list[Row]:
    """Return the rows of all cases; what has no data says so."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in _CASES:
            data = _data(case, folder)
            if data is None:
                rows.append(Row(name=case.title, size=0, value=float("nan"), unit="", note=f"no data at {DATA}"))
                continue
            lines = driven(sys.executable, OURS, case.name, data, case.repeats)
            if isinstance(lines, str):
                rows.append(Row(name=case.title, size=0, value=float("nan"), unit="", passed=False, note=lines))
                continue
            rows.extend(_rows(case, timing(lines)))
        rows.append(_digests(folder / "condor.npz"))
    return rows
