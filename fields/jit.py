"""One door to numba: typed, cached on disk, compiled for one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["kernel", "primitive"]

_F = TypeVar("_F", bound=Callable[..., Any])
# Contraction and "no signed zeros" keep NaN semantics; full fastmath would not.
_FASTMATH = {"contract", "nsz"}


def kernel(signature: str, *, parallel: bool = False) -> Callable[[_F], _F]:
    """Return a decorator that compiles a function on import for one signature and caches it on disk.

    Parameters
    ----------
    signature : str
        numba signature, so that nothing is compiled inside a request.
    parallel : bool
        True for kernels with one flat ``prange``: the parallel back end is what tells LLVM that the arrays do not
        overlap; the kernel still runs on one thread.

    Returns
    -------
    callable
        The decorator.
    """
    decorator = numba.njit(
        signature, cache=True, error_model="numpy", fastmath=_FASTMATH, parallel=parallel, nogil=True
    )
    return cast("Callable[[_F], _F]", decorator)


def primitive(function: _F) -> _F:
    """Compile a function that is inlined into kernels."""
    return cast("_F", numba.njit(inline="always", error_model="numpy", fastmath=_FASTMATH)(function))
