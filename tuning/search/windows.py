"""Which blocks and days a choice may learn from, and which it is judged on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backtest.selection.splits import combinatorial, walk_forward
from tuning.configuration.settings import Scheme, ValidationSettings
from tuning.work import Block, OuterSplit

__all__ = ["Window", "outer_splits", "training_windows", "whole_windows"]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The days of a block that count.

    Parameters
    ----------
    block : int
        Index.
    head, tail : int
        Sessions at its start and at its end that do not count.
    """

    block: int
    head: int = 0
    tail: int = 0


def outer_splits(validation: ValidationSettings) -> tuple[OuterSplit, ...]:
    """Return the splits of blocks that a sweep's answer is estimated on.

    Parameters
    ----------
    validation : ValidationSettings
        Number of blocks, scheme, and how many blocks a test has.

    Returns
    -------
    tuple of OuterSplit
        By index, in order of time.

    Raises
    ------
    ConfigError
        The blocks cannot be split so.
    """
    told = validation
    if told.scheme is Scheme.COMBINATORIAL:
        found = combinatorial(told.blocks, told.test_blocks)
    else:
        is_anchored = told.scheme is Scheme.ANCHORED
        found = walk_forward(told.blocks, train=told.train_blocks, test=told.test_blocks, anchored=is_anchored)
    return tuple(OuterSplit(index=index, train=train, test=test) for index, (train, test) in enumerate(found))


def whole_windows(blocks: Sequence[Block]) -> tuple[Window, ...]:
    """Return windows of all days of blocks."""
    return tuple(Window(block.index) for block in blocks)


def training_windows(
    blocks: Sequence[Block], split: OuterSplit, *, purge_days: int, embargo_days: int
) -> tuple[Window, ...]:
    """Return what a choice may learn from on the days before and after its test.

    Parameters
    ----------
    blocks : sequence of Block
        All blocks, by index.
    split : OuterSplit
        Training and test blocks.
    purge_days : int
        Sessions before each test block that are left out.
    embargo_days : int
        Sessions after each test block that are left out.

    Returns
    -------
    tuple of Window
        One for each training block, rising; sessions that are left out run on into the next block where one is shorter
        than they are many. A window may be empty.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7.
    """
    lengths = [block.n_days for block in blocks]
    tails = _left_out(lengths, split.test, embargo_days=purge_days, backwards=True)
    heads = _left_out(lengths, split.test, embargo_days=embargo_days, backwards=False)
    return tuple(Window(index, heads[index], tails[index]) for index in sorted(split.train))


def _left_out(lengths: Sequence[int], test: Collection[int], *, embargo_days: int, backwards: bool) -> list[int]:
    # One walk for both sides: a purge is an embargo on time that runs backwards.
    order = range(len(lengths) - 1, -1, -1) if backwards else range(len(lengths))
    left_out, due = [0] * len(lengths), 0
    for index in order:
        if index in test:
            due = embargo_days
            continue
        left_out[index] = min(due, lengths[index])
        due -= left_out[index]
    return left_out
