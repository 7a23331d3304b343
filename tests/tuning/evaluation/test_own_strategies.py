"""A strategy of the user's own is run by a worker whose machine does not have its file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ray import cloudpickle

from cluster.backtests.reading import settings_of
from cluster.own_strategies import carry_by_value
from tests.cluster.stores import ROOT
from tests.tuning.evaluation.sweeps import BASE, walk
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of
from tuning.evaluation.evaluator import Evaluator
from tuning.space.declaring import space_of
from tuning.work import Item, Point

_MINE = """\
from dataclasses import dataclass
from parts_of_far import answer

@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    instrument: object
    speed: float = 1.0
    name: str = "far"

    def decide(self, view):
        return answer(self.speed)
"""
_PARTS = """\
from strategies.decisions import HOLD

LIMIT = 2.0

def answer(speed):
    if speed > LIMIT:
        raise ValueError(f"{speed} is too fast")
    return HOLD
"""
_WORKER = """\
import pickle, sys
from pathlib import Path
run, items = pickle.loads(Path(sys.argv[1]).read_bytes())
for outcome in run.run_many(items):
    print(outcome.refused or outcome.blocks[0].stopped or outcome.blocks[0].measures["n_orders"])
"""


def test_the_code_of_an_own_strategy_travels_to_a_worker_without_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the file that it imports, and with the values of the point: one is run, one raises in its own words."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "far_away.py").write_text(_MINE, encoding="utf-8")
    (tmp_path / "parts_of_far.py").write_text(_PARTS, encoding="utf-8")
    told = BASE.split("[[strategies]]", maxsplit=1)[0]
    told += '[[strategies]]\nkind = "far_away:Far"\nname = "far"\nparameters = { instrument = "SYN", speed = 1.0 }\n'
    base, history = settings_of(told, "far.toml", tmp_path), walk()
    space = space_of({"strategies.far.parameters": {"speed": {"low": 0.5, "high": 4.0}}}, base)
    blocks = blocks_of(ValidationSettings.model_validate({"blocks": 4, "train_blocks": 2}), base, history)
    name = "strategies.far.parameters.speed"
    items = [Item(number=n, point=Point.of({name: speed}), blocks=(0,)) for n, speed in enumerate((1.5, 3.0))]
    carry_by_value("far_away:Far", tmp_path)
    content = tmp_path / "kit.pickle"
    kit = Evaluator(base, space, history, blocks), items
    content.write_bytes(cloudpickle.dumps(kit))  # type: ignore[no-untyped-call]
    for file in tmp_path.glob("*.py"):
        file.unlink()
    command = [sys.executable, "-c", _WORKER, str(content)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    slow, fast = done.stdout.splitlines()
    assert slow == "0.0"
    assert "ValueError: 3.0 is too fast (parts_of_far.py, line 7)" in fast
