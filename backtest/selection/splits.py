"""Splits in time: of blocks by their index, and of labelled rows by the instants that their labels span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final, final

import numpy as np

from market.chains import BoolArray
from market.errors import ConfigError, DataError
from market.trades import Int64Array

__all__ = [
    "BlockSplit",
    "CombinatorialPurged",
    "PurgedKFold",
    "RowSplit",
    "WalkForward",
    "combinatorial",
    "split_paths",
    "walk_forward",
]

BlockSplit = tuple[tuple[int, ...], tuple[int, ...]]
"""Indices of the blocks to train on and of those to test on, both rising."""

_MOST_SPLITS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSplit:
    """Rows of one split.

    Parameters
    ----------
    train, test : ndarray of int64
        Row numbers, rising. No label of `train` touches the time that the labels of a test fold span.
    folds : tuple of int
        Folds that `test` is made of.
    """

    train: Int64Array
    test: Int64Array
    folds: tuple[int, ...]


def walk_forward(n_blocks: int, *, train: int, test: int, anchored: bool) -> tuple[BlockSplit, ...]:
    """Return splits whose training lies before their test.

    Parameters
    ----------
    n_blocks : int
        Blocks in time order.
    train : int
        Blocks before the first test; where not anchored, the length of every training.
    test : int
        Blocks of a test; the last one may be shorter, so that the newest blocks are tested too.
    anchored : bool
        Whether training starts at the first block always.

    Returns
    -------
    tuple of (tuple of int, tuple of int)
        Training and test of each split; every block from `train` on is tested exactly once.
    """
    if train < 1 or test < 1 or train + test > n_blocks:
        raise ConfigError(
            "a walk-forward split cannot be made",
            found=f"{n_blocks} blocks, {train} to train on, {test} to test on",
            expected="both from 1, together no more than the blocks",
        )
    starts = range(train, n_blocks, test)
    return tuple(
        (tuple(range(0 if anchored else at - train, at)), tuple(range(at, min(at + test, n_blocks)))) for at in starts
    )


def combinatorial(n_blocks: int, n_test: int) -> tuple[BlockSplit, ...]:
    """Return every way of testing on some blocks and training on all others.

    Parameters
    ----------
    n_blocks : int
        Blocks in time order.
    n_test : int
        Blocks of each test.

    Returns
    -------
    tuple of (tuple of int, tuple of int)
        Training and test, in lexicographic order of the test. Training holds blocks after the test, so it is the
        caller who purges and embargoes days about each test block.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 12.
    """
    if not 1 <= n_test < n_blocks:
        raise ConfigError(
            "a combinatorial split cannot be made",
            found=f"{n_test} test blocks of {n_blocks}",
            expected="at least one block to test on and one to train on",
        )
    if comb(n_blocks, n_test) > _MOST_SPLITS:
        raise ConfigError(
            "there are too many combinations",
            found=f"{comb(n_blocks, n_test)} of {n_test} test blocks in {n_blocks}",
            expected=f"at most {_MOST_SPLITS}",
            action="take fewer blocks, or fewer of them for a test",
        )
    blocks = range(n_blocks)
    return tuple((tuple(b for b in blocks if b not in test), test) for test in combinations(blocks, n_test))


def split_paths(tests: Sequence[Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """Return how the tests of splits join to whole histories.

    Parameters
    ----------
    tests : sequence of sequence of int
        Test blocks of each split.

    Returns
    -------
    dict of int to tuple of int
        For each block that is tested, rising, the index of the split that gives it in each path; no split gives a block
        twice. A walk forward has one path, combinatorial splits have ``n_test C(n_blocks, n_test) / n_blocks``; where
        blocks are tested unequally often there are as many as every block allows.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 12.
    """
    testing: dict[int, list[int]] = {}
    for split, test in enumerate(tests):
        for block in test:
            testing.setdefault(block, []).append(split)
    n_paths = min(map(len, testing.values()), default=0)
    return {block: tuple(testing[block][:n_paths]) for block in sorted(testing)}


@dataclass(frozen=True, slots=True)
class _Labels:
    start: Int64Array
    end: Int64Array

    @staticmethod
    def of(start_ns: Int64Array, end_ns: Int64Array, n_folds: int) -> _Labels:
        if start_ns.ndim != 1 or start_ns.shape != end_ns.shape:
            raise DataError("labels need one start and one end each", found=f"{start_ns.shape} and {end_ns.shape}")
        if (np.diff(start_ns) < 0).any():
            raise DataError("labels are not in time order", action="sort the rows by the start of their labels")
        if (end_ns < start_ns).any():
            raise DataError("a label ends before it starts", row=int(np.argmax(end_ns < start_ns)))
        if start_ns.size < n_folds:
            raise DataError("there are fewer labels than folds", found=f"{start_ns.size} labels, {n_folds} folds")
        return _Labels(start_ns, end_ns)

    def folds(self, n_folds: int) -> list[Int64Array]:
        """Rows of folds of about equal size; the first ones are larger by one where it does not divide."""
        return np.array_split(np.arange(self.start.size, dtype=np.int64), n_folds)

    def clear_of(self, fold: Int64Array, embargo: int) -> BoolArray:
        """Whether each row's label lies wholly before the span of a fold, or starts later than the embargo after it."""
        first, last = self.start[fold[0]], self.end[fold].max()
        # The difference is compared: a sum would overflow for an embargo without end.
        clear: BoolArray = (self.end < first) | (self.start - last > embargo)
        return clear


def _checked(n_folds: int, n_test: int, *times: int) -> None:
    if not 1 <= n_test < n_folds:
        raise ConfigError(
            "folds cannot be split", found=f"{n_test} test folds of {n_folds}", expected="1 <= test < folds"
        )
    if min(times) < 0:
        raise ConfigError("a gap or embargo is negative", found=str(min(times)), expected="0 or more nanoseconds")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CombinatorialPurged:
    """Combinatorial cross-validation of labelled rows, purged and embargoed by time.

    Parameters
    ----------
    n_folds : int
        Folds of adjacent rows, about equal in number of rows.
    n_test : int
        Folds of each test.
    embargo_ns : int
        Time after the last label of a test fold in which no training label may start, ns.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapters 7 and 12.
    """

    n_folds: int
    n_test: int = 2
    embargo_ns: int = 0

    def __post_init__(self) -> None:
        _checked(self.n_folds, self.n_test, self.embargo_ns)

    @property
    def paths(self) -> Int64Array:
        """Index of the split whose test gives each fold of each path, shape ``(n_paths, n_folds)``."""
        by_fold = split_paths([test for _, test in combinatorial(self.n_folds, self.n_test)])
        return np.array(list(by_fold.values()), dtype=np.int64).T

    def split(self, start_ns: Int64Array, end_ns: Int64Array) -> tuple[RowSplit, ...]:
        """Return the splits of labelled rows.

        Parameters
        ----------
        start_ns, end_ns : ndarray of int64, shape (n,)
            First and last instant that each label knows of, both included, ns; the starts do not fall.

        Returns
        -------
        tuple of RowSplit
            In lexicographic order of the test folds; a training that is purged away entirely stays, empty.
        """
        labels = _Labels.of(start_ns, end_ns, self.n_folds)
        folds = labels.folds(self.n_folds)
        clear = [labels.clear_of(fold, self.embargo_ns) for fold in folds]
        return tuple(
            RowSplit(
                train=np.flatnonzero(np.logical_and.reduce([clear[k] for k in tested])),
                test=np.concatenate([folds[k] for k in tested]),
                folds=tested,
            )
            for _, tested in combinatorial(self.n_folds, self.n_test)
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedKFold:
    """Cross-validation with one fold tested at a time, purged and embargoed by time.

    Parameters
    ----------
    n_folds, embargo_ns : int
        As `CombinatorialPurged`.
    """

    n_folds: int
    embargo_ns: int = 0

    def __post_init__(self) -> None:
        _checked(self.n_folds, 1, self.embargo_ns)

    def split(self, start_ns: Int64Array, end_ns: Int64Array) -> tuple[RowSplit, ...]:
        """Return one split for each fold; as `CombinatorialPurged.split`."""
        whole = CombinatorialPurged(n_folds=self.n_folds, n_test=1, embargo_ns=self.embargo_ns)
        return whole.split(start_ns, end_ns)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """Walk-forward of labelled rows: every training label has ended, by a gap, before the test starts.

    Parameters
    ----------
    n_folds : int
        Folds of adjacent rows, about equal in number of rows.
    train_folds, test_folds : int
        Folds before the first test, and of each test.
    gap_ns : int
        Time that must lie between the end of a training label and the start of the test, ns.
    anchored : bool
        Whether training starts at the first fold always; else it spans `train_folds` folds.
    """

    n_folds: int
    train_folds: int = 1
    test_folds: int = 1
    gap_ns: int = 0
    anchored: bool = True

    def __post_init__(self) -> None:
        _checked(self.n_folds, self.test_folds, self.gap_ns)

    def split(self, start_ns: Int64Array, end_ns: Int64Array) -> tuple[RowSplit, ...]:
        """Return the splits in time order; as `CombinatorialPurged.split`."""
        labels = _Labels.of(start_ns, end_ns, self.n_folds)
        folds = labels.folds(self.n_folds)
        blocks = walk_forward(self.n_folds, train=self.train_folds, test=self.test_folds, anchored=self.anchored)
        return tuple(self._rows(labels, folds, train, test) for train, test in blocks)

    def _rows(
        self, labels: _Labels, folds: list[Int64Array], train: tuple[int, ...], test: tuple[int, ...]
    ) -> RowSplit:
        before = np.concatenate([folds[k] for k in train])
        tested = np.concatenate([folds[k] for k in test])
        first, ends = labels.start[tested[0]], labels.end[before]
        return RowSplit(train=before[first - ends > self.gap_ns], test=tested, folds=test)
