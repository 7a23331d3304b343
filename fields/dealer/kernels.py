"""One pass over signed trades: what each adds to a contract's dealer flow, to its variance and to its volume."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import numpy as np

from fields.jit import BOOL, F64, I64, INT, OUT_2D, REAL, kernel
from market.chains import BoolArray, FloatArray
from market.trades import Int64Array

__all__ = ["BUCKET_ROWS", "N_ROWS", "Note", "Row", "add_flow", "first_flaw"]

BUCKET_ROWS: Final = 4
"""Rows of one bucket of flow; the second bucket, of trades after the close, follows the first."""


class Row(IntEnum):
    """Rows of a book's values, one column per contract number."""

    FLOW = 0  # net dealer contracts of trades before the session's end
    FLOW_VARIANCE = 1
    SIGNED_VOLUME = 2
    UNSIGNED_VOLUME = 3
    NEXT_FLOW = 4  # the same four of trades after it
    NEXT_FLOW_VARIANCE = 5
    NEXT_SIGNED_VOLUME = 6
    NEXT_UNSIGNED_VOLUME = 7
    OPEN_INTEREST = 8  # most contracts that were open at the last close; NaN where none was published
    OPENING = 9  # signed dealer contracts at that close
    OPENING_VARIANCE = 10


class Note(IntEnum):
    """What a book keeps beside the contracts."""

    NEWEST_NS = 0  # newest instant that the book has heard of; -1 before the first
    APPLIED = 1  # trades taken
    SIGNED = 2  # of these, those that moved a mean
    OUT_OF_ORDER = 3  # of these, those older than one before them
    CANCELLED = 4  # of these, those that the venue took back
    FIRST_NS = 5  # first and last instant of trades before the session's end
    LAST_NS = 6
    NEXT_FIRST_NS = 7  # and of those after it
    NEXT_LAST_NS = 8


N_ROWS: Final = len(Row)
_OUT_I64: Any = INT[::1]

_NUMBER, _AGGRESSOR, _SIZE, _PROBABILITY, _RETIRED = 1, 2, 3, 4, 5
_FLAWS: Final = 8


@kernel(I64, I64, F64, F64, BOOL, returns=INT)
def first_flaw(
    numbers: Int64Array, aggressor: Int64Array, size: FloatArray, probability: FloatArray, retired: BoolArray
) -> int:
    """Return 8 i + kind of the first trade i that cannot be one, -1 where there is none."""
    for i in range(numbers.shape[0]):
        number = numbers[i]
        if number < 0 or number >= retired.shape[0]:
            return _FLAWS * i + _NUMBER
        if aggressor[i] < -1 or aggressor[i] > 1:
            return _FLAWS * i + _AGGRESSOR
        if not (size[i] > 0.0 and size[i] < np.inf):
            return _FLAWS * i + _SIZE
        if aggressor[i] != 0 and not (probability[i] >= 0.0 and probability[i] <= 1.0):
            return _FLAWS * i + _PROBABILITY
        if retired[number]:
            return _FLAWS * i + _RETIRED
    return -1


@kernel(I64, I64, F64, F64, I64, BOOL, BOOL, INT, REAL, REAL, OUT_2D, _OUT_I64)
def add_flow(
    numbers: Int64Array,
    aggressor: Int64Array,
    size: FloatArray,
    probability: FloatArray,
    ts_ns: Int64Array,
    diluted: BoolArray,
    cancelled: BoolArray,
    session_end_ns: int,
    min_probability: float,
    diluted_share: float,
    values: FloatArray,
    notes: Int64Array,
) -> None:
    """Add checked trades to the flow rows, and to the notes."""
    newest = notes[0]
    for i in range(numbers.shape[0]):
        number = numbers[i]
        stamp = ts_ns[i]
        notes[1] += 1
        if stamp < newest:
            notes[3] += 1
        newest = max(newest, stamp)
        if cancelled[i]:
            notes[4] += 1
            continue
        after = 1 if stamp >= session_end_ns else 0
        notes[5 + 2 * after] = min(notes[5 + 2 * after], stamp)
        notes[6 + 2 * after] = max(notes[6 + 2 * after], stamp)
        row = BUCKET_ROWS * after
        contracts = size[i]
        p = probability[i]
        if aggressor[i] == 0 or p < min_probability:
            values[row + 1, number] += contracts * contracts
            values[row + 3, number] += contracts
            continue
        share = diluted_share if diluted[i] else 1.0
        edge = 2.0 * p - 1.0
        known = share * contracts
        unknown = contracts - known
        # The dealer is the other side: the sign of the aggressor is turned here and nowhere else.
        values[row, number] -= aggressor[i] * known / edge
        values[row + 1, number] += known * known * (4.0 * p * (1.0 - p)) / (edge * edge) + unknown * unknown
        values[row + 2, number] += contracts
        notes[2] += 1
    notes[0] = newest
