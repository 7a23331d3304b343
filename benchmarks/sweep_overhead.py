"""What a trial of a sweep costs beside its objective, with an objective that spins for a known time.

``python -m benchmarks.sweep_overhead 600 2`` runs a sweep of 600 trials on two lanes through the real desk, ledger and
mirror, and prints a line of JSON. The clock runs from when a tenth of the trials is done, so that no start of a cluster
or of a lane counts, until all are kept and mirrored.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from backtest.history import History
from market.calendars import sessions_between
from tuning.work import Block, BlockOutcome, Item, ItemOutcome

if TYPE_CHECKING:
    from adapters.sql.trial_messages import Trial
    from tuning.lanes.messages import DeskStatus
    from tuning.lanes.preparing import PreparedSweep
    from tuning.studies.mirror import StudyMirror

__all__ = ["WORK_S", "Spinning"]

WORK_S: Final = 0.1
"""CPU time of the objective on all blocks, seconds."""

_CONFIG: Final = """
[sweep]
name = "overhead"
sampler = "random"
trials = {trials}
seed = 3

[base.run]
name = "overhead"
from = 2021-01-04
to = 2022-12-30

[base.data.files]
inputs = ["walk.csv"]

[[base.strategies]]
kind = "moving_average"
name = "cross"
parameters = {{ instrument = "SYN", quantity = 100, fast = 5, slow = 20 }}

[space."strategies.cross.parameters"]
fast = {{ low = 2, high = 200 }}
slow = {{ low = 201, high = 900 }}

[validation]
blocks = 6
train_blocks = 3

[resources]
memory_mb = 1000
"""


class Spinning:
    """An evaluation that takes a known CPU time and gives noise that hangs on the point alone.

    Parameters
    ----------
    blocks : sequence of Block
        Blocks of the sweep.
    work_s : float
        CPU time of a point on all blocks, seconds.
    """

    def __init__(self, blocks: Sequence[Block], work_s: float) -> None:
        self._blocks, self._each_s = tuple(blocks), work_s / len(blocks)

    def run_many(self, items: Sequence[Item]) -> tuple[ItemOutcome, ...]:
        """Run items one after the other."""
        return tuple(map(self._run, items))

    def _run(self, item: Item) -> ItemOutcome:
        began, until = time.perf_counter(), time.thread_time() + self._each_s * len(item.blocks)
        rng = np.random.default_rng(int(item.point.key[:8], 16))
        blocks = tuple(self._outcome(self._blocks[index], rng) for index in item.blocks)
        while time.thread_time() < until:
            pass
        return ItemOutcome(number=item.number, blocks=blocks, seconds=time.perf_counter() - began)

    def _outcome(self, block: Block, rng: np.random.Generator) -> BlockOutcome:
        return BlockOutcome(
            block=block.index,
            end_ns=np.linspace(block.first_ns, block.last_ns, block.n_days).astype(np.int64),
            returns=rng.normal(0.0, 0.01, block.n_days),
            measures={"n_trades": 10.0, "n_orders": 20.0, "turnover": 1.0, "costs": 1.0, "open_at_end": 0.0},
        )


def _written(folder: Path, trials: int) -> Path:
    rng = np.random.default_rng(5)
    days = sessions_between("NYSE", date(2020, 12, 1), date(2022, 12, 30))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(days))))
    rows = [f"SYN,{day.day}" + f",{price:.4f}" * 4 for day, price in zip(days, close, strict=True)]
    (folder / "walk.csv").write_text("\n".join(["symbol,date,open,high,low,close", *rows]) + "\n", encoding="utf-8")
    config = folder / f"sweep-{trials}.toml"
    config.write_text(_CONFIG.format(trials=trials), encoding="utf-8")
    return config


def _mirror(prepared: PreparedSweep, home: Path) -> StudyMirror:
    from adapters.sql.engine import sqlite_url
    from market.clock import SystemClock
    from tuning.studies.mirror import MirrorTerms, StudyMirror

    told = prepared.settings
    terms = MirrorTerms(
        space=prepared.space,
        objectives=told.sweep.objectives,
        constraints=told.constraints,
        periods_per_year=prepared.periods_per_year,
    )
    url = sqlite_url(home / "studies.db")
    return StudyMirror(url, prepared.name, terms, prepared.identity, SystemClock(), resume=False)


def _trial(prepared: PreparedSweep, mirror: StudyMirror) -> Trial:
    from adapters.sql.trial_messages import Trial

    return Trial(
        ts_event_ns=mirror.begun_ns,
        user="bench",
        host="bench",
        study=mirror.name,
        part="",
        number=0,
        name=prepared.name,
        data_digest=prepared.identity.data,
        config_digest="",
        code_version="",
        simulated=True,
    )


def _swept(folder: Path, trials: int, n_lanes: int) -> tuple[float, int]:
    """Run the lanes of a sweep, and return the seconds and trials after a tenth of it."""
    from adapters.sql.engine import sqlite_url
    from cluster.trials import LedgerPlace
    from tuning.lanes.desk import DeskTerms
    from tuning.lanes.kit import LaneKit
    from tuning.lanes.planning import DeskMaker
    from tuning.lanes.preparing import prepare_sweep
    from tuning.lanes.running import LaneRun, Watching, run_lanes

    home = folder / f"of-{trials}"
    home.mkdir()
    prepared = prepare_sweep(_written(folder, trials))
    told, mirror = prepared.settings, _mirror(prepared, home)
    maker = DeskMaker(
        prepared=replace(prepared, history=History(sources=prepared.history.sources)),
        terms=DeskTerms(n_lanes=n_lanes, batch_s=told.resources.batch_s),
        trial=_trial(prepared, mirror),
        ledger=LedgerPlace(home=home, url=sqlite_url(home / "ledger.db")),
    )
    kit = LaneKit(make=Spinning, parts=(prepared.blocks, WORK_S), memory_mb=told.resources.memory_mb)

    def mirrored(records: Any) -> None:
        mirror.write(records.parts)

    seen: list[tuple[float, int]] = []

    def looked_at(status: DeskStatus) -> None:
        if not seen and status.progress.n_trials >= trials // 10:
            seen.append((time.perf_counter(), status.progress.n_trials))

    watching = Watching(status=looked_at, records=mirrored)
    found: Any = run_lanes(LaneRun(n_lanes=n_lanes, scratch=home), kit, maker, watching)
    mirrored(found)
    ended = time.perf_counter()
    mirror.finish()
    mirror.close()
    n_trials = sum(len(part.trials) for part in found.parts)
    if n_trials < trials or not seen:
        raise SystemExit(f"{n_trials} of {trials} trials, too few to be timed")
    began, before = seen[0]
    return ended - began, n_trials - before


def main() -> None:
    """Print the seconds, and what a trial costs beside its objective."""
    trials, n_lanes = map(int, sys.argv[1:])
    from cluster.runtime import start_ray

    with tempfile.TemporaryDirectory(prefix="hf-") as name:
        os.environ["HEDGEFIELD_HOME"] = name
        runtime = start_ray(Path(name), num_cpus=n_lanes)
        try:
            seconds, timed = _swept(Path(name), trials, n_lanes)
        finally:
            runtime.stop()
    each = seconds / timed * n_lanes
    told = {"s": seconds, "trials": timed, "each_s": each, "overhead_ms": 1e3 * (each - WORK_S)}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
