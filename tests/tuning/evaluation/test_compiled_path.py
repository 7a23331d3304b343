"""The compiled path gives to the cent what the engine gives, and is taken only where no limit can bind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.history import History
from tests.tuning.evaluation.sweeps import BASE, Paths, base_settings, walk
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of
from tuning.evaluation.evaluator import Evaluator
from tuning.evaluation.event_runs import EventRuns
from tuning.work import Block, BlockOutcome, Item, Point

FEES = BASE.replace('model = "none"', 'model = { name = "perpetuals", maker_bps = "1", taker_bps = "4.5" }')
HISTORY = walk()


def _blocks(text: str = BASE, history: History = HISTORY) -> tuple[Block, ...]:
    validation = ValidationSettings.model_validate({"blocks": 4, "train_blocks": 1, "test_blocks": 1})
    return blocks_of(validation, base_settings(text), history)


def _evaluator(text: str = BASE, history: History = HISTORY) -> Evaluator:
    return Evaluator(base_settings(text), Paths(), history, _blocks(text, history))


def _same(found: BlockOutcome, wanted: BlockOutcome) -> None:
    np.testing.assert_array_equal(found.end_ns, wanted.end_ns)
    np.testing.assert_allclose(found.returns, wanted.returns, rtol=0.0, atol=1e-11)
    assert found.stopped == wanted.stopped == ""
    for name, value in wanted.measures.items():
        assert found.measures[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 1_000),
    fast=st.integers(1, 12),
    more=st.integers(1, 30),
    half=st.sampled_from([0.0, 0.25, 1.0]),
    allows_short=st.booleans(),
    quantity=st.sampled_from(["1", "7", "40"]),
)
def test_a_compiled_point_is_that_of_the_engine(
    seed: int, fast: int, more: int, half: float, quantity: str, *, allows_short: bool
) -> None:
    """Returns by day, orders, packages, turnover, charges and what is open, on every block."""
    point = Point.of(
        {
            "fast": fast,
            "slow": fast + more,
            "quantity": quantity,
            "allows_short": allows_short,
            "fills.prints.half": half,
        }
    )
    history = walk(seed, per_day=7)
    evaluator, blocks = _evaluator(FEES, history), _blocks(FEES, history)
    found = evaluator.run(Item(number=0, point=point, blocks=(0, 1, 2, 3)))
    assert evaluator.path.startswith("compiled")
    base = base_settings(FEES)
    run = EventRuns(base, history).begin(Paths().settings_at(point, base))
    for outcome, block in zip(found.blocks, blocks, strict=True):
        _same(outcome, run(block))


@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 1_000), more=st.integers(1, 9))
def test_bars_that_cross_midnight_are_those_of_the_engine(seed: int, more: int) -> None:
    """Of bars around the clock one is under way at the end of each block: its open fills an order, unmarked."""
    text = FEES.replace('name = "walk"', 'name = "walk"\ncalendar = "24/7"')
    bars = walk(seed, per_day=13).bars[0]
    end_ns = bars.end_ns[-1] - 3_600_000_000_000 * np.arange(bars.n_bars, dtype=np.int64)[::-1]
    start_ns, end_ns = end_ns - 5_400_000_000_000, end_ns - 1_800_000_000_000
    clock = replace(bars, start_ns=start_ns, end_ns=end_ns)
    history, point = replace(HISTORY, bars=(clock,)), Point.of({"fast": 1, "slow": 1 + more})
    blocks, base = _blocks(text, history), base_settings(text)
    assert any(((start_ns <= block.last_ns) & (end_ns > block.last_ns)).any() for block in blocks)
    evaluator = Evaluator(base, Paths(), history, blocks)
    found = evaluator.run(Item(number=0, point=point, blocks=(0, 1, 2, 3)))
    assert evaluator.path.startswith("compiled")
    run = EventRuns(base, history).begin(Paths().settings_at(point, base))
    for outcome, block in zip(found.blocks, blocks, strict=True):
        _same(outcome, run(block))


def test_many_points_at_once_are_each_alone() -> None:
    """What a point gives does not depend on those beside it, nor on their order."""
    evaluator = _evaluator(FEES)
    items = [Item(number=n, point=Point.of({"fast": 1 + n, "slow": 20}), blocks=(2, 0)) for n in range(6)]
    together = evaluator.run_many(items)
    assert [each.blocks for each in together] == [evaluator.run(item).blocks for item in items]
    assert [each.blocks for each in evaluator.run_many(items[::-1])][::-1] == [each.blocks for each in together]


def test_a_position_that_the_account_cannot_carry_goes_to_the_engine() -> None:
    """Where money could run short the outcome is the engine's own, bit by bit."""
    point, base = Point.of({"quantity": "90"}), base_settings()
    evaluator = _evaluator()
    found = evaluator.run(Item(number=0, point=point, blocks=(1,)))
    assert evaluator.path.startswith("compiled")
    assert found.blocks == (EventRuns(base, HISTORY).begin(Paths().settings_at(point, base))(_blocks()[1]),)


def test_an_order_that_could_miss_its_limit_goes_to_the_engine() -> None:
    """With a collar of a few ticks some orders are not filled at the next open; the engine says which."""
    point, base = Point.of({"collar": 1e-4}), base_settings()
    found = _evaluator().run(Item(number=0, point=point, blocks=(0, 1)))
    run = EventRuns(base, HISTORY).begin(Paths().settings_at(point, base))
    assert found.blocks == tuple(run(block) for block in _blocks()[:2])


@pytest.mark.parametrize(
    ("told", "other", "reason"),
    [
        ("latency_ms = 0.0", "latency_ms = 100.0", "latency_ms"),
        ('name = "fixed", half = 0.25', 'name = "relative", fraction = 0.0001', "prints"),
        ('model = "none"', 'model = "us_retail"', "charges"),
        ('model = "none"', 'model = "none"\ninterest = { rate = "0.05" }', "interest"),
        ("[fills]", "[limits]\nmost_packages = 1\n\n[fills]", "limits"),
        (', quantity = "10", fast = 3, slow = 12', "", "moving_average"),
    ],
)
def test_the_engine_is_chosen_and_says_why(told: str, other: str, reason: str) -> None:
    """What the compiled run does not know is told in the path."""
    text = BASE.replace(told, other)
    if reason == "moving_average":
        text = text.replace('kind = "moving_average"', 'kind = "buy_and_hold"')
    assert reason in _evaluator(text).path
    assert _evaluator(text).path.startswith("engine: ")


def test_other_data_than_bars_of_one_instrument_go_to_the_engine() -> None:
    """A second recording of bars marks the account at instants of its own."""
    other = replace(HISTORY.bars[0], symbol="OTHER")
    history = replace(HISTORY, bars=(*HISTORY.bars, other))
    assert "more than the bars of one instrument" in _evaluator(history=history).path


def test_prices_off_the_ticks_go_to_the_engine() -> None:
    """Sums of whole ticks would not be exact."""
    bars = HISTORY.bars[0]
    history = replace(HISTORY, bars=(replace(bars, close=bars.close + 0.1),))
    assert "whole number of ticks" in _evaluator(history=history).path
