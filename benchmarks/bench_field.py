"""The whole field from chain to snapshot: time by size and stage, and the extra memory at its peak."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import numpy as np

from benchmarks.harness import Row, interleaved_ns
from fields.compute import compute_field
from fields.config import Dynamics, FieldConfig, PositionSource
from fields.context import NO_CONTEXT, FieldContext
from market.calendars import sessions_between
from market.chains import OptionChain
from tests.generators import AS_OF_NS, Expiry, synthetic_chain

__all__ = ["index_chain", "run"]

_CONFIG = FieldConfig(impact_return_per_usd=2e-13, impact_source="assumed")
# contracts: (expirations, runs, reach of the 95th percentile in ms, reach of the memory in MB)
_SIZES: dict[int, tuple[int, int, float | None, float | None]] = {
    100: (2, 400, None, None),
    1_000: (10, 200, None, None),
    10_000: (40, 60, 25.0, 20.0),
    100_000: (50, 15, 250.0, 64.0),
}


def index_chain(n_contracts: int, n_expiries: int) -> OptionChain:
    """Return an index-like chain: daily expirations first, then ever wider, quotes with a spread.

    Parameters
    ----------
    n_contracts, n_expiries : int
        Contracts in all, and over how many expirations.

    Returns
    -------
    OptionChain
        In the order of a vendor: by series, calls before puts.
    """
    first = date(2023, 6, 5)
    sessions = sessions_between("NYSE", first, first + timedelta(days=900))
    places = np.unique(np.round(np.geomspace(1, len(sessions) - 1, 3 * n_expiries)).astype(int))
    places = places[np.linspace(0, places.size - 1, n_expiries).round().astype(int)]
    expiries = [Expiry(sessions[place].day) for place in places]
    per_side = n_contracts // (2 * n_expiries)
    strikes = np.round(np.linspace(0.7, 1.3, per_side) * 4_000.0, 2)
    return synthetic_chain(expiries=expiries, strikes=strikes, half_spread=0.2, noise=0.02, as_of_ns=AS_OF_NS)


def _verdict(name: str, size: int, value: float, unit: str, reach: float | None, note: str = "") -> Row:
    if reach is None:
        return Row(name=name, size=size, value=value, unit=unit, note=note)
    return Row(
        name=name, size=size, value=value, unit=unit, reach=f"<= {reach:g}", passed=bool(value <= reach), note=note
    )


def _peak_mb(chain: OptionChain) -> float:
    """Return the most memory above the start that one field holds, NumPy's buffers included."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        compute_field(chain, _CONFIG)
        return (tracemalloc.get_traced_memory()[1] - before) / 1e6
    finally:
        tracemalloc.stop()


def _one_size(n: int) -> list[Row]:
    n_expiries, runs, reach_ms, reach_mb = _SIZES[n]
    chain = index_chain(n, n_expiries)
    for _ in range(3):
        compute_field(chain, _CONFIG)
    whole, stages = [], []
    for _ in range(runs):
        start = time.perf_counter_ns()
        snapshot = compute_field(chain, _CONFIG, perf_ns=time.perf_counter_ns)
        whole.append((time.perf_counter_ns() - start) / 1e6)
        stages.append(snapshot.timings_ms)
    n_read = chain.n_contracts
    note = f"{n_expiries} expirations, {snapshot.counts.used} contracts used"
    rows = [
        _verdict("field: whole, p50", n_read, statistics.median(whole), "ms", None, note),
        _verdict("field: whole, p95", n_read, float(np.quantile(whole, 0.95)), "ms", reach_ms),
        _verdict("field: peak extra memory", n_read, _peak_mb(chain), "MB", reach_mb),
    ]
    return rows + [
        _verdict(f"field: stage {stage}, p50", n_read, statistics.median(run[stage] for run in stages), "ms", None)
        for stage in stages[0]
        if stage != "total"
    ]


def _other_readings(chain: OptionChain) -> list[Row]:
    """Time the dearer fields in interleaved rounds: a smile that rides with spot, and a dealers' book with errors."""
    rng = np.random.default_rng(0)
    held = FieldContext(
        contracts=rng.normal(0.0, 300.0, chain.n_contracts), standard_error=rng.uniform(20.0, 80.0, chain.n_contracts)
    )
    cases = {
        "sticky moneyness": (replace(_CONFIG, dynamics=Dynamics.STICKY_MONEYNESS), NO_CONTEXT),
        "dealers' book": (replace(_CONFIG, position_source=PositionSource.HYBRID), held),
    }
    calls: dict[str, Callable[[], object]] = {
        name: partial(compute_field, chain, *case) for name, case in cases.items()
    }
    found = interleaved_ns(calls, rounds=60)
    rows = []
    for name, times in found.items():
        p50, p95 = np.quantile(times[3:], [0.5, 0.95]) / 1e6
        rows.append(_verdict(f"field: {name}, p95", chain.n_contracts, p95, "ms", 25.0, f"p50 {p50:.1f} ms"))
    return rows


def run() -> list[Row]:
    """Measure the field at 100, 1 000, 10 000 and 100 000 contracts.

    Returns
    -------
    list of Row
        Percentiles, stages and memory.
    """
    return [*(row for n in _SIZES for row in _one_size(n)), *_other_readings(index_chain(10_000, 40))]
