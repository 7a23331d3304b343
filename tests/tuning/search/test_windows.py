"""Which days a choice may learn from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.search.planted import blocks_of, sweep_of
from tuning.search.windows import Window, outer_splits, training_windows
from tuning.work import OuterSplit


def _days_that_count(windows: tuple[Window, ...], n_days: int) -> set[int]:
    return {
        window.block * n_days + day
        for window in windows
        for day in range(window.head, max(window.head, n_days - window.tail))
    }


@given(
    st.integers(2, 8),
    st.integers(1, 6),
    st.integers(0, 20),
    st.integers(0, 20),
    st.data(),
)
def test_no_day_that_counts_is_near_a_test(n: int, n_days: int, purge: int, embargo: int, data: st.DataObject) -> None:
    """Of the training days exactly those count that lie beyond purge and embargo of every test block."""
    test = sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=n - 1)))
    train = tuple(block for block in range(n) if block not in test)
    split = OuterSplit(index=0, train=train, test=tuple(test))
    windows = training_windows(blocks_of(n, n_days), split, purge_days=purge, embargo_days=embargo)
    tested = {block * n_days + day for block in test for day in range(n_days)}
    near = {day + step for day in tested for step in range(-purge, embargo + 1)}
    assert _days_that_count(windows, n_days) == set(range(n * n_days)) - near


def test_a_purge_longer_than_a_block_goes_on_in_the_one_before() -> None:
    """Sessions are counted, not blocks."""
    split = OuterSplit(index=0, train=(0, 1), test=(2,))
    windows = training_windows(blocks_of(3, 4), split, purge_days=6, embargo_days=0)
    assert windows == (Window(0, 0, 2), Window(1, 0, 4))


@pytest.mark.parametrize(("scheme", "n"), [("anchored", 2), ("rolling", 2), ("combinatorial", 5)])
def test_every_scheme_is_split(scheme: str, n: int) -> None:
    """Each split tests one block, and trains on none of it."""
    splits = outer_splits(sweep_of(sampler="random", validation={"scheme": scheme}).validation)
    assert [split.index for split in splits] == list(range(n))
    assert all(not set(split.train) & set(split.test) for split in splits)
    assert {len(split.test) for split in splits} == {1}


@pytest.mark.parametrize(("scheme", "last"), [("anchored", (0, 1, 2, 3, 4)), ("rolling", (2, 3, 4))])
def test_an_anchored_training_grows_and_a_rolling_one_moves(scheme: str, last: tuple[int, ...]) -> None:
    """Both begin with the blocks before the first test; at the last one the first days are still in, or left behind."""
    told = {"scheme": scheme, "blocks": 6, "train_blocks": 3}
    splits = outer_splits(sweep_of(sampler="random", validation=told).validation)
    assert [split.test for split in splits] == [(3,), (4,), (5,)]
    assert (splits[0].train, splits[-1].train) == ((0, 1, 2), last)
