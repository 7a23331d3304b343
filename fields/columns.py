"""Arguments of the kernels: scalars and arrays in, contiguous float64 columns of one length out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from market.chains import BoolArray, FloatArray
from market.errors import NumericsError

__all__ = ["as_columns", "empty_columns", "require_outputs"]

_T = TypeVar("_T", bound=np.generic)


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
    flags = np.asarray(is_call, dtype=np.bool_)
    arrays = [np.asarray(value, dtype=np.float64) for value in named.values()]
    shapes = {array.shape for array in (flags, *arrays)} - {()}
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        raise NumericsError(
            "the arrays of one call do not fit each other",
            found=", ".join(f"{name} {a.shape}" for name, a in zip((*named, "is_call"), (*arrays, flags), strict=True)),
            expected="scalars, or one-dimensional arrays of one length",
        )
    (n,) = shapes.pop() if shapes else (1,)
    return _filled(flags, n), tuple(_filled(array, n) for array in arrays)


def _filled(array: NDArray[_T], n: int) -> NDArray[_T]:
    return np.ascontiguousarray(array) if array.ndim else np.full(n, array)


def empty_columns(count: int, n_contracts: int) -> list[FloatArray]:
    """Return unfilled arrays of shape ``(n_contracts,)`` in one block of memory.

    One block is reused by the allocator from call to call, where many small ones are mapped and zeroed anew each time;
    rows of an odd number of cache lines do not compete for the same cache set.
    """
    cache_lines = (n_contracts // 8 + 1) | 1
    return [row[:n_contracts] for row in np.empty((count, 8 * cache_lines))]


def require_outputs(outputs: Mapping[str, FloatArray], inputs: Mapping[str, NDArray[Any]]) -> None:
    """Raise where an output cannot be filled: wrong shape or type, read-only, or overlapping another array.

    Parameters
    ----------
    outputs, inputs : mapping of str to ndarray
        Arrays to be filled and columns of the call, by name; kernels are compiled on the promise that none overlaps
        an output.
    """
    (n,) = next(iter(inputs.values())).shape
    for name, array in outputs.items():
        layout = array.flags
        if array.shape != (n,) or array.dtype != np.float64 or not (layout.c_contiguous and layout.writeable):
            raise NumericsError(
                f"output {name} cannot be filled",
                found=f"{array.dtype}, shape {array.shape}, contiguous {layout.c_contiguous}, "
                f"writable {layout.writeable}",
                expected=f"writable contiguous float64 of shape ({n},)",
            )
    spans = [(*_span(array), name, True) for name, array in outputs.items()]
    spans += [(*_span(array), name, False) for name, array in inputs.items()]
    end, owner, written = 0, "", False
    for start, stop, name, is_output in sorted(spans):
        if start < min(end, stop) and (written or is_output):
            raise NumericsError(
                f"output {name if is_output else owner} overlaps another array",
                found=f"{owner} and {name} in the same memory",
                expected="outputs of their own memory",
            )
        if stop > end:
            end, owner, written = stop, name, is_output


def _span(array: NDArray[Any]) -> tuple[int, int]:
    start = array.__array_interface__["data"][0]
    return start, start + array.nbytes
