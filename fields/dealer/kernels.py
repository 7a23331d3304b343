"""One pass over signed trades: what each adds to a contract's dealer flow, to its variance and to its volume."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from fields.jit import BOOL, F64, I64, INT, OUT_2D, REAL, kernel
from market.chains import BoolArray, FloatArray
from market.trades import Int64Array

__all__ = ["BUCKET_ROWS", "N_ROWS", "Row", "add_flow", "first_flaw"]

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


N_ROWS: Final = len(Row)

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


@kernel(I64, I64, F64, F64, BOOL, I64, INT, REAL, REAL, OUT_2D, returns=INT)
def add_flow(
    numbers: Int64Array,
    aggressor: Int64Array,
    size: FloatArray,
    probability: FloatArray,
    diluted: BoolArray,
    ts_ns: Int64Array,
    session_end_ns: int,
    min_probability: float,
    diluted_share: float,
    values: FloatArray,
) -> int:
    """Add checked trades to the flow rows; return how many were signed."""
    n_signed = 0
    for i in range(numbers.shape[0]):
        number = numbers[i]
        row = BUCKET_ROWS if ts_ns[i] >= session_end_ns else 0
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
        n_signed += 1
    return n_signed
