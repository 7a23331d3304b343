"""Sweeps of the same-day condor on recorded midpoints, ours and the plain use of Ray Tune, a process for each.

``python -m benchmarks.sweep_runs loop 20`` runs points one after the other in this process; ``ours 200 2`` runs the
verb with two workers; ``naive 8 2`` gives each point a trial of Tune that reads its own data. Each prints a line of
JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.real_runs import DATA

__all__ = ["BASE", "points", "private_mb", "sweep_text"]

_BLOCKS: Final = 6
BASE: Final = """
[run]
name = "bench"
from = 2023-11-06
to = 2025-03-31

[data.midpoints]
path = "option_chains/spx_0dte_midpoints.parquet"
inputs = [{ path = "daily/spx_spy_qqq_daily.parquet", names = { SPX = "SPX" } }]

[fills]
mids = { name = "closing", fraction = 0.02, widest = 2.0, hours = 2.0, least = 0.05 }

[costs]
model = "us_retail"

[[strategies]]
kind = "zero_dte_condor"
parameters = { underlying = "SPX", window_s = 1800.0, cool_down_s = 0.0, order_life_s = 3600.0 }
"""
"""What is varied."""


def sweep_text(n_trials: int, base: str, home: str) -> str:
    """Return the configuration of a sweep over three parameters of the condor."""
    return f"""
[sweep]
name = "bench"
base = "{base}"
sampler = "random"
trials = {n_trials}
seed = 3

[space."strategies.zero_dte_condor.parameters"]
short_delta = {{ low = 0.10, high = 0.30 }}
profit_target = {{ low = 0.3, high = 0.9 }}
stop_multiple = {{ low = 1.0, high = 3.0 }}

[validation]
blocks = {_BLOCKS}
train_blocks = 3

[selection]
draws = 100

[keeping]
ledger = "sqlite:///{home}/ledger.db"
storage = "sqlite:///{home}/studies.db"
"""


def points(n_points: int) -> list[dict[str, float]]:
    """Return random parameters of the condor."""
    rng = np.random.default_rng(3)
    low, high = np.array([0.1, 0.3, 1.0]), np.array([0.3, 0.9, 3.0])
    names = ("short_delta", "profit_target", "stop_multiple")
    rows = low + (high - low) * rng.random((n_points, 3))
    return [dict(zip(names, row, strict=True)) for row in rows.tolist()]


def private_mb() -> float:
    """Return what this process alone holds, MB."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024.0


def _loop(n_points: int) -> dict[str, float]:
    """Run points one after the other, with what a lane loads, and without a cluster."""
    import tuning.lanes.lane  # noqa: F401  # Ray Tune takes memory in every worker
    from cluster.backtests.reading import settings_of
    from cluster.backtests.wiring import history_of
    from cluster.histories.shared import shared_history
    from tuning.configuration.settings import ValidationSettings
    from tuning.evaluation.blocks import blocks_of
    from tuning.evaluation.evaluator import Evaluator
    from tuning.space.declaring import space_of
    from tuning.work import Item, Point

    base = settings_of(BASE, "bench")
    path = "strategies.zero_dte_condor.parameters"
    wide = {"short_delta": (0.1, 0.3), "profit_target": (0.3, 0.9), "stop_multiple": (1.0, 3.0)}
    told = {path: {name: {"low": low, "high": high} for name, (low, high) in wide.items()}}
    history = shared_history(history_of(base, DATA))
    blocks = blocks_of(ValidationSettings.model_validate({"blocks": _BLOCKS, "train_blocks": 3}), base, history)
    evaluator = Evaluator(base, space_of(told, base), history, blocks)
    items = [
        Item(
            number=n,
            point=Point.of({f"{path}.{name}": value for name, value in each.items()}),
            blocks=(0, 1, 2, 3, 4, 5),
        )
        for n, each in enumerate(points(n_points + 1))
    ]
    outcomes = [evaluator.run(items[0])]
    clock, cpu = time.perf_counter(), time.process_time()
    outcomes += [evaluator.run(item) for item in items[1:]]
    failed = [
        each.refused or block.stopped for each in outcomes for block in each.blocks if each.refused or block.stopped
    ]
    return {
        "s": time.perf_counter() - clock,
        "cpu_s": time.process_time() - cpu,
        "private_mb": private_mb(),
        "failed": len(failed),
    }


def _ours(n_points: int, n_workers: int) -> dict[str, float]:
    """Run the verb from its start to the study on disk, with a state folder of its own."""
    from tuning.lanes.sweeping import SweepRequest, run_sweep

    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        os.environ["HEDGEFIELD_HOME"] = folder
        base, config = Path(folder) / "base.toml", Path(folder) / "sweep.toml"
        base.write_text(BASE, encoding="utf-8")
        config.write_text(sweep_text(n_points, base.name, folder), encoding="utf-8")
        clock = time.perf_counter()
        request = SweepRequest(config=config, out=Path(folder) / "out", workers=n_workers, data=DATA, quiet=True)
        finished = run_sweep(request, lambda _line: None)
        trials = [trial for part in finished.records.parts for trial in part.trials]
        return {"s": time.perf_counter() - clock, "trials": len(trials)}


def _naive(n_points: int, n_workers: int) -> dict[str, float]:
    """Run a function of each point under Ray Tune, which reads its own data: what its tutorials show."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    import ray
    from ray import tune

    clock = time.perf_counter()
    ray.init(num_cpus=n_workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
    tuner = tune.Tuner(
        _objective,
        param_space={"parameters": tune.grid_search(points(n_points)), "data": str(DATA)},
        tune_config=tune.TuneConfig(),
        run_config=tune.RunConfig(verbose=0, storage_path=tempfile.mkdtemp(prefix="hf-")),
    )
    found = tuner.fit()
    failed = len(found.errors)
    ray.shutdown()
    return {"s": time.perf_counter() - clock, "failed": failed}


def _objective(config: dict[str, Any]) -> dict[str, float]:
    from backtest.engine import run_backtest
    from cluster.backtests.reading import settings_of
    from cluster.backtests.running import description_of, prepared_of

    told = settings_of(BASE, "bench").model_dump(mode="json", by_alias=True)
    told["strategies"][0]["parameters"] |= config["parameters"]
    told["report"]["greeks"] = False
    settings = type(settings_of(BASE, "bench")).model_validate(told)
    run = prepared_of(settings, "", Path(config["data"]), Path())
    result = run_backtest(run.config, run.history, run.strategies, description_of(settings, 1))
    return {"equity": float(result.curve.equity[-1])}


def main() -> None:
    """Run what is asked for and print its figures."""
    kind, *sizes = sys.argv[1:]
    runs = {"loop": _loop, "ours": _ours, "naive": _naive}
    run: Any = runs[kind]
    print(json.dumps(run(*map(int, sizes))), flush=True)


if __name__ == "__main__":
    main()
