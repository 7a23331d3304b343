"""A small sweep on daily bars that are made here, and the command that runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from market.calendars import sessions_between
from tests.cluster.stores import ROOT

CONFIG = """\
[sweep]
name = "small"
sampler = "{sampler}"
trials = {trials}
startup = 4
lag = 4
seed = 3

[base.run]
name = "small"
from = 2021-01-04
to = 2022-12-30

[base.data.files]
inputs = ["walk.csv"]

[[base.strategies]]
kind = "moving_average"
name = "cross"
parameters = {{ instrument = "SYN", quantity = 100, fast = 5, slow = 20 }}

[space."strategies.cross.parameters"]
fast = {{ low = 2, high = 15 }}
slow = {{ low = 16, high = 80 }}

[validation]
blocks = 4
train_blocks = 2

[selection]
draws = 100

[resources]
memory_mb = 1000
batch_s = 0.2
"""


def written_sweep(folder: Path, sampler: str = "random", trials: int = 8) -> Path:
    """Write the configuration and its bars, and return the configuration."""
    rng = np.random.default_rng(5)
    days = sessions_between("NYSE", date(2020, 12, 1), date(2022, 12, 30))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0004, 0.01, len(days))))
    rows = [
        f"SYN,{day.day},{c:.4f},{c * 1.001:.4f},{c * 0.999:.4f},{c:.4f}" for day, c in zip(days, close, strict=True)
    ]
    (folder / "walk.csv").write_text("\n".join(["symbol,date,open,high,low,close", *rows]) + "\n", encoding="utf-8")
    config = folder / "sweep.toml"
    config.write_text(CONFIG.format(sampler=sampler, trials=trials), encoding="utf-8")
    return config


def environment(home: Path) -> dict[str, str]:
    """Return the environment of the command with a state folder of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "HEDGEFIELD_"))}
    return clean | {"HEDGEFIELD_HOME": str(home), "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}


def started(home: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start the command in a group of its own, with variables on top of a clean environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "tuning.sweep", *arguments],
        cwd=ROOT,
        env=environment(home) | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def swept(home: Path, *arguments: str) -> dict[str, Any]:
    """Run the command to its end and return what it prints as JSON."""
    process = started(home, *arguments, "--json")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    told: dict[str, Any] = json.loads(out)
    return told
