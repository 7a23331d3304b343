"""What goes to a worker and comes back: points of the space, blocks of days, and what a point gave on a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from execution.identity import digest_of
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = ["Batch", "BatchOutcome", "Block", "BlockOutcome", "Item", "ItemOutcome", "OuterSplit", "Point", "Value"]

Value = bool | int | float | str
"""What a dimension of a space takes; an exact number goes as its text."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a space.

    Parameters
    ----------
    values : tuple of (str, Value)
        By name of the dimension, sorted by it: a path into the configuration, such as
        ``strategies.condor.parameters.exits.profit_target``.
    """

    values: tuple[tuple[str, Value], ...]

    @staticmethod
    def of(values: Mapping[str, Value]) -> Point:
        """Return the point with these values."""
        return Point(tuple(sorted(values.items())))

    @property
    def key(self) -> str:
        """Digest of the values."""
        return digest_of(self.values)

    def as_dict(self) -> dict[str, Value]:
        """Return the values by name."""
        return dict(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Adjacent days: the unit that a point is run on, from a fresh account to marks at its end.

    Parameters
    ----------
    index : int
        Place in time, from 0.
    first, last : datetime.date
        First and last day, both included.
    first_ns, last_ns : int
        First and last instant, ns since the epoch, UTC.
    n_days : int
        Sessions in it.
    """

    index: int
    first: date
    last: date
    first_ns: int
    last_ns: int
    n_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterSplit:
    """Blocks that may lead to a choice, and those that the choice is judged on.

    Parameters
    ----------
    index : int
        From 0.
    train, test : tuple of int
        Indices of blocks, rising, without one in common.
    """

    index: int
    train: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A point to be run on some blocks.

    Parameters
    ----------
    number : int
        Unique within a sweep and rising; outcomes are taken in this order whatever the order in which they arrive.
    point : Point
        Where.
    blocks : tuple of int
        Indices of the blocks, in the order in which they are run.
    """

    number: int
    point: Point
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Items that one worker runs one after the other.

    Parameters
    ----------
    number : int
        Unique within a run of a sweep.
    items : tuple of Item
        At least one.
    """

    number: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOutcome:
    """What a point gave on a block.

    Parameters
    ----------
    block : int
        Index.
    end_ns : ndarray of int64, shape (n_days,)
        Last mark of each day, ns since the epoch, UTC.
    returns : ndarray, shape (n_days,)
        Simple return of the account on each day, net of all costs.
    measures : mapping of str to float
        ``n_trades``, ``n_orders``, ``turnover`` (traded premium and notional over the mean equity), ``costs`` (account
        currency), ``open_at_end`` (packages); NaN where one is not known.
    stopped : str
        Why the run ended before the block did; empty where it did not. Such a block has no score.
    """

    block: int
    end_ns: Int64Array
    returns: FloatArray
    measures: Mapping[str, float] = field(default_factory=dict)
    stopped: str = ""

    def __eq__(self, other: object) -> bool:
        """Return whether two outcomes say the same, bit by bit."""
        if not isinstance(other, BlockOutcome):
            return NotImplemented
        same = self.block == other.block and self.stopped == other.stopped
        same = same and digest_of(dict(self.measures)) == digest_of(dict(other.measures))
        return bool(
            same
            and np.array_equal(self.end_ns, other.end_ns)
            and np.array_equal(self.returns, other.returns, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """What a point gave on the blocks of an item.

    Parameters
    ----------
    number : int
        Of the item.
    blocks : tuple of BlockOutcome
        One for each block of the item, in its order; empty where the point was refused.
    refused : str
        Why no account can be run with these values, as the configuration classes say it; empty where one can.
    seconds : float
        Time of the worker; it is no part of the result.
    """

    number: int
    blocks: tuple[BlockOutcome, ...]
    refused: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What came of a batch.

    Parameters
    ----------
    number : int
        Of the batch.
    items : tuple of ItemOutcome
        One for each item, in order.
    """

    number: int
    items: tuple[ItemOutcome, ...]
