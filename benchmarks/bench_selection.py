"""The statistics of selection on a study of 1,000 trials and 350 days, beside arch and skfolio."""

from __future__ import annotations

import statistics
import time

import numpy as np
from arch.bootstrap import SPA
from skfolio.model_selection import CombinatorialPurgedCV

from backtest.selection.deflation import deflation
from backtest.selection.effective_trials import effective_trials
from backtest.selection.overfitting import overfitting
from backtest.selection.regions import robust_regions
from backtest.selection.splits import CombinatorialPurged
from backtest.selection.superiority import superiority
from benchmarks.harness import Row, interleaved_ns, ratio_row

__all__ = ["run"]

_DAYS, _TRIALS, _ROWS = 350, 1_000, 100_000
_MINUTE = 60_000_000_000
_REACH_MS = {
    "PBO, 12,870 halves and jackknife": 2_000.0,
    "SPA, 1,000 draws": 1_000.0,
    "regions in 6 dimensions": 1_000.0,
    "CPCV 10/2 on 100,000 labels": 1_000.0,
}


def _row(name: str, times_ns: list[int]) -> Row:
    value, reach = statistics.median(times_ns) / 1e6, _REACH_MS.get(name)
    if reach is None:
        return Row(name=f"selection: {name}", size=_TRIALS, value=value, unit="ms")
    return Row(
        name=f"selection: {name}", size=_TRIALS, value=value, unit="ms", reach=f"<= {reach:g}", passed=value <= reach
    )


def _against_arch() -> Row:
    returns = 0.01 * np.random.default_rng(2).standard_normal((_DAYS, _TRIALS))

    def ours() -> float:
        rng = np.random.default_rng(3)
        return superiority(returns, returns[:, 0], rng=rng, block=4.0, n_draws=500).reality_check_p

    def theirs() -> float:
        test = SPA(-returns[:, 0], -returns[:, 1:], block_size=4, reps=500, seed=np.random.default_rng(3))
        test.compute()
        return float(test.pvalues["upper"])

    assert abs(ours() - (1.0 + 500.0 * theirs()) / 501.0) < 1e-9
    times = interleaved_ns({"theirs": theirs, "ours": ours}, clock=time.thread_time_ns)
    return ratio_row("selection: reality check of arch / ours", _TRIALS, times["theirs"], times["ours"])


def _against_skfolio() -> Row:
    start = _MINUTE * np.arange(_ROWS, dtype=np.int64)
    ours = CombinatorialPurged(n_folds=10, n_test=2, embargo_ns=20 * _MINUTE)
    theirs = CombinatorialPurgedCV(n_folds=10, n_test_folds=2, purged_size=40, embargo_size=20)
    table = np.zeros((_ROWS, 1))
    pairs = zip(ours.split(start, start + 40 * _MINUTE), theirs.split(table), strict=True)
    assert all(np.array_equal(one.train, other[0]) for one, other in pairs)
    times = interleaved_ns(
        {"theirs": lambda: list(theirs.split(table)), "ours": lambda: ours.split(start, start + 40 * _MINUTE)},
        clock=time.thread_time_ns,
    )
    return ratio_row("selection: CPCV of skfolio / ours", _ROWS, times["theirs"], times["ours"])


def run() -> list[Row]:
    """Return processor time of each statistic, and ratios to other programs that give the same result."""
    rng = np.random.default_rng(1)
    returns = 0.01 * (rng.standard_normal((_DAYS, 1)) + rng.standard_normal((_DAYS, _TRIALS)))
    points, scores = rng.random((_TRIALS, 6)), rng.standard_normal(_TRIALS)
    effective = effective_trials(returns)
    start = _MINUTE * np.arange(_ROWS, dtype=np.int64)
    splitter = CombinatorialPurged(n_folds=10, n_test=2, embargo_ns=20 * _MINUTE)
    times = interleaved_ns(
        {
            "PBO, 12,870 halves and jackknife": lambda: overfitting(returns),
            "SPA, 1,000 draws": lambda: superiority(returns, returns[:, 0], rng=np.random.default_rng(1)),
            "effective trials": lambda: effective_trials(returns),
            "deflation, 1,000 draws": lambda: deflation(
                returns, 3, n_told=_TRIALS, effective=effective, rng=np.random.default_rng(1)
            ),
            "regions in 6 dimensions": lambda: robust_regions(points, scores),
            "CPCV 10/2 on 100,000 labels": lambda: splitter.split(start, start + 40 * _MINUTE),
        },
        clock=time.thread_time_ns,
    )
    return [*(_row(name, found) for name, found in times.items()), _against_arch(), _against_skfolio()]
