"""Columns of a chain as one block of bytes: what travels between processes, smaller and bit for bit the same.

A chain of 10 000 contracts is 1.0 MB as arrays. Most of it says little: a column that the source has not is NaN
throughout, prices are whole cents, sizes are whole contracts. One block also costs less to pickle than sixteen arrays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["PackedColumn", "pack_columns", "unpack_columns"]

PackedColumn = tuple[str, str, int, float]
"""Form, stored type, length, and a number.

The form is ``raw``, ``constant``, ``bits``, ``decimal`` (the number is its scale), ``narrow``, or ``rows``: as many
short columns of one type and length as the number says.
"""

_WORTH_IT: Final = 1024  # below this, looking for a smaller form costs more than the bytes
_SCALES: Final = (1.0, 100.0, 1000.0, 10_000.0)  # contracts, cents, mills, and crypto ticks
_SAMPLES: Final = 64
_ALIGNMENT: Final = 8  # kernels refuse arrays that are not aligned
_PADDING: Final = tuple(bytes(-rest % _ALIGNMENT) for rest in range(_ALIGNMENT))
_dtype: Final = lru_cache(maxsize=256)(np.dtype)


def pack_columns(columns: list[NDArray[Any]]) -> tuple[tuple[PackedColumn, ...], bytes]:
    """Return columns as descriptions and one block.

    Parameters
    ----------
    columns : list of ndarray, each of one axis
        Of any fixed-size type; lengths may differ.

    Returns
    -------
    tuple of PackedColumn
        How to read each column.
    bytes
        The block.
    """
    if all(column.shape[0] < _WORTH_IT for column in columns):
        return _pack_short(columns)
    forms, blocks = [], []
    for column in columns:
        form, block = _pack(column)
        forms.append(form)
        blocks.append(block + b"\0" * (-len(block) % _ALIGNMENT))
    return tuple(forms), b"".join(blocks)


def unpack_columns(forms: tuple[PackedColumn, ...], block: bytes) -> list[NDArray[Any]]:
    """Return the columns that `pack_columns` packed.

    Parameters
    ----------
    forms : tuple of PackedColumn
        How to read each column.
    block : bytes
        The block.

    Returns
    -------
    list of ndarray
        Equal to the originals, bit for bit; some are read-only, as all arrays that come from another process are.
    """
    columns: list[NDArray[Any]] = []
    offset = 0
    for form in forms:
        kind, stored, length, number = form
        if kind == "rows":
            table: NDArray[Any] = np.ndarray((int(number), length), _dtype(stored), block, offset)
            columns.extend(table)
            offset += table.nbytes + -table.nbytes % _ALIGNMENT
            continue
        count = 1 if kind == "constant" else -(-length // 8) if kind == "bits" else length
        values = np.frombuffer(block, dtype=stored, count=count, offset=offset)
        columns.append(_restore(form, values))
        offset += values.nbytes + -values.nbytes % _ALIGNMENT
    return columns


def _pack_short(columns: list[NDArray[Any]]) -> tuple[tuple[PackedColumn, ...], bytes]:
    """Pack short columns as they are; neighbours of one type and length share a form, which halves the time."""
    forms: list[PackedColumn] = []
    blocks: list[bytes] = []
    start = 0
    for end, column in enumerate(columns, 1):
        dtype, length = column.dtype, column.shape[0]
        blocks.append(column.tobytes())
        if end < len(columns) and columns[end].dtype is dtype and columns[end].shape[0] == length:
            continue
        forms.append(("rows", dtype.str, length, float(end - start)))
        blocks.append(_PADDING[(end - start) * length * dtype.itemsize % _ALIGNMENT])
        start = end
    return tuple(forms), b"".join(blocks)


def _restore(form: PackedColumn, values: NDArray[Any]) -> NDArray[Any]:
    kind, _, length, by = form
    if kind == "constant":
        return np.full(length, values[0], dtype=values.dtype)
    if kind == "bits":
        return np.unpackbits(values, count=length).view(np.bool_)
    if kind == "decimal":
        return values / by
    if kind == "narrow":
        return values.astype(np.int32)
    return values


def _pack(column: NDArray[Any]) -> tuple[PackedColumn, bytes]:
    length = column.shape[0]
    if length >= _WORTH_IT and column.dtype.kind in "fib":
        if column.dtype.kind == "b":
            return ("bits", "|u1", length, 0.0), np.packbits(column).tobytes()
        if (found := _constant(column)) is not None:
            return ("constant", column.dtype.str, length, 0.0), found
        if column.dtype == np.float64 and (narrow := _decimal(column)) is not None:
            values, scale = narrow
            return ("decimal", values.dtype.str, length, scale), values.tobytes()
        if column.dtype == np.int32:
            values = _narrowest(column)
            return ("narrow", values.dtype.str, length, 0.0), values.tobytes()
    return ("raw", column.dtype.str, length, 0.0), column.tobytes()


def _constant(column: NDArray[Any]) -> bytes | None:
    bits = np.ascontiguousarray(column).view(f"i{column.dtype.itemsize}")  # NaN equals NaN, and 0 differs from -0
    return column[:1].tobytes() if bool((bits == bits[0]).all()) else None


def _decimal(column: NDArray[np.float64]) -> tuple[NDArray[Any], float] | None:
    """Return whole multiples of a decimal step, where dividing them gives the column back exactly."""
    sample = column[:: max(1, column.shape[0] // _SAMPLES)]
    for scale in _SCALES:
        if _multiples(sample, scale) is not None:
            found = _multiples(column, scale)
            return None if found is None else (_narrowest(found), scale)
    return None


def _multiples(column: NDArray[np.float64], scale: float) -> NDArray[np.int32] | None:
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and what is too large fail the comparison
        found = np.rint(column * scale).astype(np.int32)
    # Division rounds correctly, so it gives the nearest float64 of the decimal, as a reader of its text does.
    same = (found / scale).view(np.int64) == np.ascontiguousarray(column).view(np.int64)
    return found if bool(same.all()) else None


def _narrowest(values: NDArray[np.int32]) -> NDArray[Any]:
    low, high = int(values.min()), int(values.max())
    for kind in (np.int8, np.int16):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return values
