"""Splits of blocks and of labelled rows: what may never meet, what is tested once, and another program's indices."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV

from backtest.selection.splits import (
    CombinatorialPurged,
    PurgedKFold,
    RowSplit,
    WalkForward,
    combinatorial,
    split_paths,
    walk_forward,
)
from market.errors import ConfigError, DataError
from market.trades import Int64Array

_MINUTE = 60_000_000_000


@st.composite
def _labels(draw: st.DrawFn) -> tuple[Int64Array, Int64Array]:
    n = draw(st.integers(12, 80))
    gaps = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    spans = draw(st.lists(st.integers(0, 30), min_size=n, max_size=n))
    start = np.cumsum(np.array(gaps, dtype=np.int64))
    return start, start + np.array(spans, dtype=np.int64)


def _meets(split: RowSplit, start: Int64Array, end: Int64Array) -> bool:
    train, test = split.train[:, np.newaxis], split.test
    return bool(((start[train] <= end[test]) & (start[test] <= end[train])).any())


@pytest.mark.parametrize("anchored", [True, False])
def test_walk_forward_tests_each_later_block_once_and_trains_before_it(*, anchored: bool) -> None:
    """Training is adjacent to its test and before it; from the first test on, no block is left out or taken twice."""
    splits = walk_forward(11, train=4, test=2, anchored=anchored)
    assert [block for _, test in splits for block in test] == list(range(4, 11))
    for train, test in splits:
        assert train[-1] + 1 == test[0]
        assert train[0] == (0 if anchored else test[0] - 4)


@given(n=st.integers(3, 9), data=st.data())
def test_combinatorial_splits_are_all_choices_and_part_the_blocks(n: int, data: st.DataObject) -> None:
    """Every set of test blocks stands once, beside all others as training."""
    k = data.draw(st.integers(1, n - 1))
    splits = combinatorial(n, k)
    assert [test for _, test in splits] == list(combinations(range(n), k))
    assert all(sorted(train + test) == list(range(n)) for train, test in splits)


@given(n=st.integers(3, 9), data=st.data())
def test_paths_take_each_tested_block_once(n: int, data: st.DataObject) -> None:
    """A path holds each block from a split that tests it, and no test block of a split is in two paths."""
    k = data.draw(st.integers(1, n - 1))
    tests = [test for _, test in combinatorial(n, k)]
    paths = split_paths(tests)
    assert {len(places) for places in paths.values()} == {comb(n, k) * k // n}
    used = [(split, block) for block, places in paths.items() for split in places]
    assert len(set(used)) == len(used)
    assert set(used) == {(split, block) for split, test in enumerate(tests) for block in test}


def test_a_walk_forward_is_one_path_and_no_split_is_none() -> None:
    """Each later block comes from the split that tests it; the block tested least often limits the paths."""
    splits = walk_forward(5, train=2, test=2, anchored=True)
    assert split_paths([test for _, test in splits]) == {2: (0,), 3: (0,), 4: (1,)}
    assert split_paths([(0, 1), (1, 2)]) == {0: (0,), 1: (0,), 2: (1,)}
    assert split_paths([]) == {}


@given(labels=_labels(), embargo=st.integers(0, 20), n_test=st.integers(1, 3))
def test_no_training_label_meets_a_test_label(labels: tuple[Int64Array, Int64Array], embargo: int, n_test: int) -> None:
    """Whatever the labels' lengths, those of training touch none of the test, in every splitter."""
    start, end = labels
    splits = (
        *CombinatorialPurged(n_folds=6, n_test=n_test, embargo_ns=embargo).split(start, end),
        *PurgedKFold(n_folds=6, embargo_ns=embargo).split(start, end),
        *WalkForward(n_folds=6, train_folds=2, gap_ns=embargo, anchored=bool(n_test % 2)).split(start, end),
    )
    assert not any(_meets(split, start, end) for split in splits)


@given(labels=_labels(), embargo=st.integers(0, 20))
def test_nothing_is_purged_without_need(labels: tuple[Int64Array, Int64Array], embargo: int) -> None:
    """A row outside training spans into the time of the test fold or starts within the embargo after it."""
    start, end = labels
    for split in PurgedKFold(n_folds=5, embargo_ns=embargo).split(start, end):
        left = np.setdiff1d(np.arange(start.size), np.concatenate([split.train, split.test]))
        first, last = start[split.test].min(), end[split.test].max()
        assert ((end[left] >= first) & (start[left] <= last + embargo)).all()


@given(labels=_labels(), gap=st.integers(0, 20))
def test_walk_forward_knows_only_labels_that_ended_by_the_gap(labels: tuple[Int64Array, Int64Array], gap: int) -> None:
    """The last training label ends more than the gap before the first test label starts."""
    start, end = labels
    for split in WalkForward(n_folds=5, gap_ns=gap).split(start, end):
        assert (end[split.train] + gap < start[split.test[0]]).all()


@pytest.mark.parametrize(("n_folds", "n_test", "horizon", "embargo"), [(6, 2, 40, 0), (10, 2, 7, 5), (5, 3, 0, 11)])
def test_combinatorial_purging_equals_skfolio_at_a_constant_horizon(
    n_folds: int, n_test: int, horizon: int, embargo: int
) -> None:
    """With one label a minute and one horizon, the rows of each split are those of another program."""
    n = 60 * n_folds
    start = _MINUTE * np.arange(n, dtype=np.int64)
    ours = CombinatorialPurged(n_folds=n_folds, n_test=n_test, embargo_ns=embargo * _MINUTE)
    theirs = CombinatorialPurgedCV(n_folds=n_folds, n_test_folds=n_test, purged_size=horizon, embargo_size=embargo)
    splits = ours.split(start, start + horizon * _MINUTE)
    pairs = zip(splits, theirs.split(np.zeros((n, 1))), strict=True)
    for split, (train, tests) in pairs:
        np.testing.assert_array_equal(split.train, train)
        np.testing.assert_array_equal(split.test, np.concatenate(tests))
    assert ours.paths.shape[0] == theirs.n_test_paths


def test_what_cannot_be_split_is_refused() -> None:
    """Too few blocks, a test of all blocks, a negative embargo, unsorted or reversed labels are errors."""
    start = np.arange(20, dtype=np.int64)
    with pytest.raises(ConfigError, match="walk-forward"):
        walk_forward(4, train=3, test=2, anchored=True)
    with pytest.raises(ConfigError, match="combinatorial"):
        combinatorial(4, 4)
    with pytest.raises(ConfigError, match="too many"):
        combinatorial(60, 30)
    with pytest.raises(ConfigError, match="negative"):
        PurgedKFold(n_folds=5, embargo_ns=-1)
    with pytest.raises(DataError, match="time order"):
        PurgedKFold(n_folds=5).split(start[::-1], start[::-1])
    with pytest.raises(DataError, match="ends before"):
        PurgedKFold(n_folds=5).split(start, start - 1)
    with pytest.raises(DataError, match="fewer labels"):
        PurgedKFold(n_folds=30).split(start, start)
