"""Timing of alternatives in interleaved rounds, and the rows of the result table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Row", "instruction_set", "interleaved_ns", "print_rows", "ratio_row", "ratios", "rows_as_json", "time_row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the result table.

    Parameters
    ----------
    name : str
        What is measured.
    size : int
        Contracts, nodes or symbols.
    value : float
        The figure.
    unit : str
        Such as ``ns/contract``, ``x`` or ``ms``.
    reach : str, optional
        The figure to reach, such as ``>= 4``; empty where there is none.
    passed : bool or None, optional
        Whether it was reached; None where there is nothing to reach.
    note : str, optional
        What a reader must know.
    """

    name: str
    size: int
    value: float
    unit: str
    reach: str = ""
    passed: bool | None = None
    note: str = ""


def instruction_set() -> str:
    """Return ``avx512``, ``avx2``, or ``other`` for this machine's processor."""
    cpuinfo = Path("/proc/cpuinfo")
    words = set(cpuinfo.read_text(encoding="utf-8").split()) if cpuinfo.exists() else set()
    return "avx512" if "avx512f" in words else "avx2" if "avx2" in words else "other"


def interleaved_ns(
    calls: Mapping[str, Callable[[], object]], *, rounds: int = 15, clock: Callable[[], int] = time.perf_counter_ns
) -> dict[str, list[int]]:
    """Return the time of each call in each round, nanoseconds.

    Every round runs all calls once, one after the other, so that a busy machine slows all of them alike.

    Parameters
    ----------
    calls : mapping of str to callable
        The alternatives; each is run once more before, unmeasured.
    rounds : int, optional
        Rounds, at least 15.
    clock : callable, optional
        Wall time by default; `time.thread_time_ns` leaves out what other processes take from a one-threaded call.

    Returns
    -------
    dict of str to list of int
        For each name one time per round.
    """
    if rounds < 15:
        raise ValueError(f"a median needs at least 15 rounds; found {rounds}")
    times: dict[str, list[int]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append(clock() - start)
    return times


def ratios(slow: list[int], fast: list[int]) -> list[float]:
    """Return slow / fast of each round."""
    return [a / b for a, b in zip(slow, fast, strict=True)]


def time_row(name: str, size: int, times_ns: list[int], *, note: str = "") -> Row:
    """Return the median time per item."""
    return Row(name=name, size=size, value=statistics.median(times_ns) / size, unit="ns/item", note=note)


def ratio_row(name: str, size: int, slow: list[int], fast: list[int], *, reach: float | None = None) -> Row:
    """Return the median over the rounds of slow / fast, beside the factor to reach."""
    value = statistics.median(ratios(slow, fast))
    if reach is None:
        return Row(name=name, size=size, value=value, unit="x")
    return Row(name=name, size=size, value=value, unit="x", reach=f">= {reach:g}", passed=value >= reach)


def rows_as_json(rows: list[Row]) -> list[dict[str, object]]:
    """Return the rows as plain objects for JSON."""
    return [asdict(row) for row in rows]


def print_rows(rows: list[Row]) -> None:
    """Print the rows as a table."""
    for row in rows:
        verdict = {None: "", True: "reached", False: "MISSED"}[row.passed]
        print(f"{row.name:<58} {row.size:>8} {row.value:>12.4g} {row.unit:<8} {row.reach:<8} {verdict:<8}{row.note}")
