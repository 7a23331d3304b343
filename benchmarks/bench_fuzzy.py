"""Fuzzy sizing over a million bars and at one instant, beside the fuzzy libraries where they can be installed."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from dataclasses import fields
from pathlib import Path

import numpy as np

from benchmarks.compare.environments import Comparator, default_folder, prepared
from benchmarks.harness import Row, interleaved_ns, time_row
from risk.fuzzy.config import FACTORS, FuzzyConfig
from risk.fuzzy.score import FuzzyInputs, fuzzy_reading
from risk.fuzzy.vectors import FuzzyColumns, fuzzy_scores, membership_table

__all__ = ["run"]

_BARS = 1_000_000
_SWEEP_BARS, _SETS = 100_000, 500
_REACH_S = 0.2
_LEAST_RATIO = 100.0
_SPANS = {
    "consensus": (-1.0, 1.0),
    "iv_rank": (0.0, 1.0),
    "change_probability": (0.0, 1.0),
    "vix": (8.0, 45.0),
    "rsi": (0.0, 100.0),
    "adx": (0.0, 60.0),
    "band_position": (-0.5, 1.5),
    "stochastic": (0.0, 100.0),
    "volume_ratio": (0.0, 3.0),
    "sma_distance": (-0.05, 0.05),
    "sar_clearance": (-3.0, 3.0),
    "vol_percentile": (0.0, 1.0),
}
_LIBRARIES = (
    Comparator(
        package="scikit-fuzzy",
        version="0.5.0",
        driver="drive_fuzzy.py",
        cases=("memberships",),
        licence="BSD-3-Clause",
        beside=("numpy", "scipy", "networkx", "packaging"),
    ),
    Comparator(package="simpful", version="2.12.0", driver="drive_fuzzy.py", cases=("rules",), licence="LGPL-3.0"),
)
_DRIVER = Path(__file__).resolve().parent / "compare" / "drivers" / "drive_fuzzy.py"


def _columns(n_bars: int) -> FuzzyColumns:
    rng = np.random.default_rng(20261121)
    return FuzzyColumns(**{name: rng.uniform(low, high, n_bars) for name, (low, high) in _SPANS.items()})


def _library_ns(comparator: Comparator) -> float | str:
    """Return the time of another library per bar of ten factors, or why there is none."""
    interpreter = prepared(comparator, default_folder())
    if isinstance(interpreter, str):
        return interpreter
    command = [str(interpreter), str(_DRIVER), comparator.package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
    if done.returncode:
        return (done.stderr or done.stdout).strip().splitlines()[-1]
    return float(json.loads(done.stdout.strip().splitlines()[-1])["ns_per_bar"])


def run() -> list[Row]:
    """Return processor time of columns, of one reading, of a sweep over weights, and the ratios to libraries."""
    config, columns, sweep = FuzzyConfig(), _columns(_BARS), _columns(_SWEEP_BARS)
    table = membership_table(config, sweep)
    sets = np.random.default_rng(7).dirichlet(np.ones(len(FACTORS)), _SETS)
    first = {name: float(getattr(columns, name)[0]) for name in _SPANS}
    inputs = FuzzyInputs(**{item.name: first[item.name] for item in fields(FuzzyInputs) if item.name in first})
    times = interleaved_ns(
        {
            "a million bars, ten factors": lambda: fuzzy_scores(config, columns),
            "one instant with its memberships": lambda: fuzzy_reading(config, inputs, 5.0),
            "memberships of 100,000 bars": lambda: membership_table(config, sweep),
            "500 sets of weights over 100,000 bars": lambda: table.g(sets),
        },
        clock=time.thread_time_ns,
    )
    whole = statistics.median(times["a million bars, ten factors"])
    rows = [
        Row(
            name="fuzzy: a million bars, ten factors",
            size=_BARS,
            value=whole / 1e9,
            unit="s",
            reach=f"<= {_REACH_S:g}",
            passed=whole / 1e9 <= _REACH_S,
        ),
        time_row("fuzzy: one instant with its memberships", 1, times["one instant with its memberships"]),
        time_row("fuzzy: memberships", _SWEEP_BARS, times["memberships of 100,000 bars"]),
        time_row("fuzzy: one share of a sweep", _SWEEP_BARS * _SETS, times["500 sets of weights over 100,000 bars"]),
    ]
    return rows + [_against(each, whole / _BARS) for each in _LIBRARIES]


def _against(comparator: Comparator, ours_ns: float) -> Row:
    name = f"fuzzy: {comparator.package} {comparator.version}, its time over ours"
    found = _library_ns(comparator)
    if isinstance(found, str):
        return Row(name=name, size=_BARS, value=float("nan"), unit="x", note=found)
    ratio = found / ours_ns
    if comparator.cases == ("memberships",):
        return Row(name=name, size=_BARS, value=ratio, unit="x", note="its membership functions, weighted in numpy")
    return Row(
        name=name,
        size=_BARS,
        value=ratio,
        unit="x",
        reach=f">= {_LEAST_RATIO:g}",
        passed=ratio >= _LEAST_RATIO,
        note="ten rules of one factor each",
    )
