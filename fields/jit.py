"""One door to numba: typed, compiled on import for one signature, cached on disk, one thread.

A kernel that is compiled on import cannot be compiled inside a request. Inputs are declared read-only (`F64`), because
arrays that come from Ray's object store are; a writable array fits a read-only argument, never the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import types

__all__ = ["BOOL", "F64", "F64_2D", "I32", "I64", "INT", "OUT", "OUT_2D", "REAL", "kernel", "primitive"]

_F = TypeVar("_F", bound=Callable[..., Any])
# Contraction and "no signed zeros" keep NaN semantics; full fastmath would not.
_FASTMATH = {"contract", "nsz"}

REAL = types.float64
INT = types.int64
F64 = types.Array(types.float64, 1, "C", readonly=True)
F64_2D = types.Array(types.float64, 2, "C", readonly=True)
I32 = types.Array(types.int32, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)
BOOL = types.Array(types.boolean, 1, "C", readonly=True)
OUT = types.Array(types.float64, 1, "C")
OUT_2D = types.Array(types.float64, 2, "C")


def kernel(*arguments: Any, returns: Any = types.void, parallel: bool = False) -> Callable[[_F], _F]:
    """Return a decorator that compiles a function on import and caches the machine code on disk.

    Parameters
    ----------
    *arguments : numba type
        Types of the arguments, such as `F64` for a read-only array.
    returns : numba type, optional
        Type of the result; void by default, for kernels that fill arrays.
    parallel : bool, optional
        True for kernels with one flat ``prange``: the parallel back end is what tells LLVM that the arrays do not
        overlap, which lets it vectorise; the kernel still runs on one thread.

    Returns
    -------
    callable
        The decorator.
    """
    decorator = numba.njit(
        returns(*arguments), cache=True, error_model="numpy", fastmath=_FASTMATH, parallel=parallel, nogil=True
    )
    return cast("Callable[[_F], _F]", decorator)


def primitive(function: _F) -> _F:
    """Compile a function that is inlined into kernels."""
    return cast("_F", numba.njit(inline="always", error_model="numpy", fastmath=_FASTMATH)(function))
