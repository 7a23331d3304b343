"""What rows say, as one number each: equal rows have equal numbers, in whatever table they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.trades import Int64Array

__all__ = ["content_codes"]

_Words = np.ndarray[tuple[int], np.dtype[np.object_]]


def content_codes(tables: Sequence[pa.Table], left_out: frozenset[str]) -> list[Int64Array]:
    """Return for each row of several tables a hash of its cells.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        A column that one of them lacks is empty there.
    left_out : frozenset of str
        Columns that are not content, such as the instant from which a row is known: an old row that comes again
        changes nothing.

    Returns
    -------
    list of ndarray of int64, each of shape (n_rows,)
        One per table.
    """
    from pandas.util import hash_array

    names = sorted({name for table in tables for name in table.column_names} - left_out)
    hashed = []
    for table in tables:
        frame = _frame(table, names)
        total = np.zeros(table.num_rows, dtype=np.uint64)
        for place, name in enumerate(names):
            total ^= hash_array(frame[name]) * np.uint64(2 * place + 3) + np.uint64(place)
        hashed.append(total.view(np.int64))
    return hashed


def _frame(table: pa.Table, names: Sequence[str]) -> Mapping[str, _Words]:
    return {
        name: _words(table[name]) if name in table.column_names else np.full(table.num_rows, "", dtype=object)
        for name in names
    }


def _words(column: pa.ChunkedArray) -> _Words:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns"), safe=False).cast(pa.int64())
    if pa.types.is_list(column.type):
        column = pc.binary_join(column, "\x1f")
    text: _Words = column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False).astype(object)
    return text
