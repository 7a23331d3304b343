"""A point on a block gives what a backtest of those days gives; nothing that a point does ends a sweep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtest.engine import run_backtest
from backtest.history import History
from backtest.metrics.days import daily_returns
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import settings_of
from cluster.backtests.running import description_of
from cluster.backtests.wiring import engine_config, strategies_of
from tests.tuning.evaluation.sweeps import BASE, Paths, base_settings, walk
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of
from tuning.evaluation.evaluator import Evaluator
from tuning.work import Block, Item, ItemOutcome, Point


def _evaluator(base: BacktestSettings, history: History) -> tuple[Evaluator, tuple[Block, ...]]:
    validation = ValidationSettings.model_validate({"blocks": 4, "train_blocks": 2, "test_blocks": 1})
    blocks = blocks_of(validation, base, history)
    return Evaluator(base, Paths(), history, blocks), blocks


def _run(base: BacktestSettings, history: History, **values: str | float | bool) -> ItemOutcome:
    evaluator, blocks = _evaluator(base, history)
    return evaluator.run(Item(number=7, point=Point.of(values), blocks=tuple(range(len(blocks)))))


@pytest.fixture(scope="module")
def history() -> History:
    """Return bars of two months."""
    return walk()


def test_returns_are_those_of_a_backtest_of_the_block(history: History) -> None:
    """With everything recorded and by another way the daily returns, orders and costs are the same, bit by bit."""
    base = base_settings(BASE.replace("latency_ms = 0.0", "latency_ms = 1.0"))
    found = _run(base, history, fast=2, slow=9)
    at = Paths().settings_at(Point.of({"fast": 2, "slow": 9}), base)
    strategies = strategies_of(at, history)
    config = engine_config(at, strategies, history)
    assert [outcome.block for outcome in found.blocks] == [0, 1, 2, 3]
    assert found.number == 7
    assert found.refused == ""
    for outcome, block in zip(found.blocks, _evaluator(base, history)[1], strict=True):
        within = replace(config, start_ns=block.first_ns, end_ns=block.last_ns)
        result = run_backtest(within, history, strategies, description_of(at, 1))
        daily = daily_returns(result.curve, "NYSE")
        np.testing.assert_array_equal(outcome.returns, daily.returns)
        np.testing.assert_array_equal(outcome.end_ns, daily.end_ns)
        assert outcome.returns.shape == (block.n_days,)
        assert outcome.measures["n_orders"] == len(result.orders) > 0
        assert outcome.measures["n_trades"] == len(result.trades)
        assert outcome.measures["costs"] == result.curve.costs[-1]
        assert outcome.stopped == ""


def test_the_same_item_gives_the_same_outcome(history: History) -> None:
    """Twice run, nothing differs but the seconds."""
    one, other = (_run(base_settings(), history, fast=2, slow=9) for _ in range(2))
    assert one.blocks == other.blocks


def test_a_point_that_the_classes_refuse_is_refused(history: History) -> None:
    """Windows that do not rise give a reason and no block."""
    found = _run(base_settings(), history, fast=12, slow=3)
    assert found.blocks == ()
    assert "below" in found.refused or "slow" in found.refused


def test_a_point_may_not_change_the_days(history: History) -> None:
    """A dimension of the run's dates is refused: blocks would not be those of the others."""
    found = _run(base_settings(), history, **{"run.to": "2023-04-03"})
    assert "[run]" in found.refused


def test_a_strategy_that_raises_stops_its_block(history: History, tmp_path: Path) -> None:
    """The reason names error and file; the other trials of the sweep go on."""
    (tmp_path / "broken.py").write_text(
        "from dataclasses import dataclass\n\n"
        "@dataclass(frozen=True)\nclass Broken:\n    name: str = 'broken'\n\n"
        "    def decide(self, view):\n        return [][1]\n"
    )
    head = BASE.partition("[[strategies]]")[0]
    base = settings_of(head + '[[strategies]]\nkind = "broken:Broken"\n', "walk.toml", tmp_path)
    evaluator, _ = _evaluator(base, history)
    found = evaluator.run(Item(number=0, point=Point.of({}), blocks=(1,)))
    assert found.refused == ""
    assert "IndexError" in found.blocks[0].stopped
    assert "broken.py" in found.blocks[0].stopped
