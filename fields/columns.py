"""Arguments of the kernels: scalars and arrays in, contiguous float64 columns of one length out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fields.jit import primitive
from market.chains import BoolArray, FloatArray
from market.errors import NumericsError

__all__ = ["as_columns", "empty_columns", "overlapping", "require_outputs"]

_T = TypeVar("_T", bound=np.generic)
_FLOAT64 = np.dtype(np.float64)
_BOOL = np.dtype(np.bool_)


def as_columns(is_call: ArrayLike, **named: ArrayLike) -> tuple[BoolArray, tuple[FloatArray, ...]]:
    """Return contiguous columns of one length; an array that already is one is not copied.

    Parameters
    ----------
    is_call : array_like of bool
        Scalar or shape ``(n_contracts,)``.
    **named : array_like
        Numbers, each a scalar or of shape ``(n_contracts,)``.

    Returns
    -------
    is_call : ndarray of bool
        Shape ``(n_contracts,)``; ``(1,)`` where all arguments are scalars.
    columns : tuple of ndarray
        float64, in the order of the names.
    """
    n = is_call.shape[0] if type(is_call) is np.ndarray and is_call.ndim else 1
    values: tuple[Any, ...] = tuple(named.values())
    if _is_ready(is_call, n, _BOOL):
        for value in values:
            if not (isinstance(value, float) or _is_ready(value, n, _FLOAT64)):
                break
        else:
            return cast("BoolArray", is_call), tuple([_spread(v, n) if isinstance(v, float) else v for v in values])
    flags = np.asarray(is_call, dtype=np.bool_, order="C")
    arrays = [np.asarray(value, dtype=np.float64, order="C") for value in values]
    shapes = {array.shape for array in (flags, *arrays)} - {()}
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        raise NumericsError(
            "the arrays of one call do not fit each other",
            found=", ".join(f"{name} {a.shape}" for name, a in zip((*named, "is_call"), (*arrays, flags), strict=True)),
            expected="scalars, or one-dimensional arrays of one length",
        )
    (n,) = shapes.pop() if shapes else (1,)
    return _filled(flags, n), tuple(_filled(array, n) for array in arrays)


def _is_ready(value: ArrayLike, n: int, dtype: np.dtype[Any]) -> bool:
    # NumPy has one object for each native type; a comparison by value costs more than the rest.
    if type(value) is not np.ndarray or value.dtype is not dtype or value.shape != (n,):
        return False
    return bool(value.flags.c_contiguous)


def _spread(value: float, n: int) -> FloatArray:
    column = np.empty(n)
    column.fill(value)
    return column


def _filled(array: NDArray[_T], n: int) -> NDArray[_T]:
    return array if array.ndim else np.full(n, array)


def empty_columns(count: int, n_contracts: int) -> list[FloatArray]:
    """Return unfilled arrays of shape ``(n_contracts,)`` in one block of memory.

    One block is reused by the allocator from call to call, where many small ones are mapped and zeroed anew each time;
    rows of an odd number of cache lines do not compete for the same cache set.
    """
    cache_lines = (n_contracts // 8 + 1) | 1
    return list(np.empty((count, 8 * cache_lines))[:, :n_contracts])


def require_outputs(outputs: Sequence[FloatArray], n_contracts: int) -> None:
    """Raise where an output cannot be filled.

    Parameters
    ----------
    outputs : sequence of ndarray
        Arrays to be filled.
    n_contracts : int
        Length that each must have.
    """
    for array in outputs:
        layout = array.flags
        if array.shape != (n_contracts,) or array.dtype != np.float64 or not (layout.carray and layout.writeable):
            raise NumericsError(
                "an output cannot be filled",
                found=f"{array.dtype} of shape {array.shape}, {'writable' if layout.writeable else 'read-only'}",
                expected=f"writable contiguous float64 of shape ({n_contracts},)",
            )


@primitive
def overlapping(inputs: tuple[FloatArray, ...], is_call: BoolArray, out: tuple[FloatArray, ...]) -> bool:
    """Return whether an output shares memory with a column of the same length, or with the flags."""
    size = 8 * out[0].shape[0]
    found = False
    for i in range(len(out)):
        own = out[i].ctypes.data
        for j in range(i):
            found |= abs(own - out[j].ctypes.data) < size
        for column in inputs:
            found |= abs(own - column.ctypes.data) < size
        flags = is_call.ctypes.data
        found |= (flags < own + size) & (own < flags + is_call.shape[0])
    return found
