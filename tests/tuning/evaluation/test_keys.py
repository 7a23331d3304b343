"""Keys of outcomes: the same for the same content, another where anything that decides is another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.backtest_settings import BacktestSettings
from tests.tuning.evaluation.sweeps import BASE, base_settings, walk
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of
from tuning.evaluation.keys import evaluation_code, evaluation_keys
from tuning.work import Block

HISTORY = walk(per_day=2)
BLOCKS = blocks_of(
    ValidationSettings.model_validate({"blocks": 3, "train_blocks": 1, "test_blocks": 1}), base_settings(), HISTORY
)


def _key(settings: BacktestSettings, block: Block = BLOCKS[0], code: str = "code") -> str:
    return evaluation_keys(settings, (block,), HISTORY, code)[0]


@pytest.mark.parametrize(
    ("told", "other"),
    [
        ('name = "walk"', 'name = "another"'),
        ('inputs = ["walk.csv"]', 'inputs = ["folder/moved.csv"]'),
        ("[run]", "[report]\npdf = false\n\n[run]"),
    ],
)
def test_names_and_places_do_not_count(told: str, other: str) -> None:
    """The same content under another name, in another folder, with another report, is found again."""
    assert _key(base_settings(BASE.replace(told, other))) == _key(base_settings())


@pytest.mark.parametrize(
    ("told", "other"),
    [
        ("fast = 3", "fast = 4"),
        ("half = 0.25", "half = 0.5"),
        ('model = "none"', 'model = "us_retail"'),
        ("latency_ms = 0.0", "latency_ms = 1.0"),
        ('inputs = ["walk.csv"]', 'inputs = ["walk.csv"]\nwarmup_days = 9'),
        ('inputs = ["walk.csv"]', 'inputs = [{ path = "walk.csv", names = { SYN = "OTHER" } }]'),
        ("to = 2023-04-28", "to = 2023-04-27"),
    ],
)
def test_every_value_counts(told: str, other: str) -> None:
    """A parameter, a model, a date or the way in which data are read gives another key."""
    assert _key(base_settings(BASE.replace(told, other))) != _key(base_settings())


def test_days_data_and_code_count() -> None:
    """Another block, another byte of the data, fewer rows and other code each give another key."""
    settings, source = base_settings(), HISTORY.sources[0]
    keys = {_key(settings), _key(settings, BLOCKS[1]), _key(settings, code="changed")}
    for changed in (replace(source, digest="0"), replace(source, rows=source.rows - 1)):
        keys.update(evaluation_keys(settings, BLOCKS[:1], replace(HISTORY, sources=(changed,)), "code"))
    assert len(keys) == 5


def test_two_series_that_change_places_count() -> None:
    """The bytes of two files are the same, and yet another history where each is read as the other's symbol."""
    first = replace(HISTORY.sources[0], name="ONE bars", digest="1")
    second = replace(HISTORY.sources[0], name="TWO bars", digest="2")
    swapped = (replace(first, digest="2"), replace(second, digest="1"))
    keys = [
        evaluation_keys(base_settings(), BLOCKS[:1], replace(HISTORY, sources=sources), "code")
        for sources in ((first, second), (second, first), swapped)
    ]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_the_index_of_a_block_does_not_count() -> None:
    """A sweep with more blocks finds those that begin and end at the same instants."""
    assert _key(base_settings(), replace(BLOCKS[0], index=7)) == _key(base_settings())
    whole = evaluation_keys(base_settings(), BLOCKS, HISTORY, "code")
    assert whole == tuple(_key(base_settings(), block) for block in BLOCKS)
    assert len(set(whole)) == 3


def test_the_version_of_the_code_is_that_of_its_bytes() -> None:
    """It is a digest, and the same each time."""
    assert len(evaluation_code()) == 64
    assert evaluation_code() == evaluation_code()
