"""Fields that were computed before the trials are found by all workers, and change no outcome."""

from __future__ import annotations

from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from backtest.history import History
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import settings_of
from cluster.backtests.wiring import history_of, shared_fields
from cluster.histories.shared import shared_history
from cluster.histories.shared_fields import LayeredBlobs, PackedBlobs
from tests.tuning.evaluation.sweeps import Paths, base_settings, walk
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of
from tuning.evaluation.evaluator import Evaluator
from tuning.evaluation.sharing import asks_for_fields, fields_of_block, sharing_evaluator
from tuning.work import Block, Item, ItemOutcome, Point

SIGNALS = """
[run]
name = "signals"
seed = 7
from = 2025-06-02
to = 2025-06-09

[data.simulated]
market = "demo"
symbols = ["SIM.IWM"]
shares = ["SIM.IWM"]
step_min = 65
warmup_sessions = 1

[account]
cash = 1_000_000

[[strategies]]
kind = "mean_reversion"
parameters = { underlying = "SIM.IWM", instrument = "SIM.IWM" }
"""


def _blocks(base: BacktestSettings, history: History) -> tuple[Block, ...]:
    told = {"blocks": 3, "train_blocks": 1, "test_blocks": 1}
    return blocks_of(ValidationSettings.model_validate(told), base, history)


def _worker(
    home: str, base: BacktestSettings, history: History, shared: tuple[PackedBlobs, ...]
) -> tuple[ItemOutcome, dict[str, int]]:
    """Run the base in a process of its own, whose disk cache is empty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEDGEFIELD_HOME", home)
        blocks = _blocks(base, history)
        fields = shared_fields(base, partial(LayeredBlobs, shared))
        item = Item(number=0, point=Point.of({}), blocks=(0, 1, 2))
        return Evaluator(base, Paths(), history, blocks, fields).run(item), dict(fields.counts)


def test_two_workers_with_empty_caches_compute_no_field_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finds all that the base asked for, and gives to the last bit what a run without shared fields gives."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path / "driver"))
    base = settings_of(SIGNALS, "signals.toml")
    history = shared_history(history_of(base, tmp_path))
    assert asks_for_fields(base, history, _blocks(base, history))
    shared = tuple(fields_of_block(base, history, block) for block in _blocks(base, history))
    asked = [(str(tmp_path / f"worker-{n}"), base, history, told) for n, told in enumerate((shared, shared, ()))]
    with get_context("spawn").Pool(3) as processes:
        *finding, (alone, computed) = processes.starmap(_worker, asked)
    n_fields = len({key for each in shared for key in each.keys.tolist()})
    assert computed["fields_computed"] == n_fields > 0
    for outcome, counts in finding:
        assert counts.get("fields_computed", 0) == 0
        assert counts["fields_found"] >= n_fields
        for one, other in zip(outcome.blocks, alone.blocks, strict=True):
            assert one.stopped == other.stopped == ""
            assert one.measures == other.measures
            np.testing.assert_array_equal(one.returns, other.returns)


def test_a_sweep_without_chains_runs_nothing_to_find_out() -> None:
    """Bars have no field: the base is not run."""
    base, history = base_settings(), walk()
    assert not asks_for_fields(base, History(sources=history.sources), _blocks(base, history))


def test_without_shared_fields_an_evaluation_is_what_it_was() -> None:
    """Nothing stands between an evaluation and the cache of its node where nothing is shared."""
    base, history = base_settings(), walk()
    item = Item(number=0, point=Point.of({"fast": 2, "slow": 9}), blocks=(0, 1, 2))
    blocks = _blocks(base, history)
    one, other = (make(base, Paths(), history, blocks).run(item) for make in (sharing_evaluator, Evaluator))
    for mine, theirs in zip(one.blocks, other.blocks, strict=True):
        np.testing.assert_array_equal(mine.returns, theirs.returns)
