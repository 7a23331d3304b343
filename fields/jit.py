"""One door to numba: typed, compiled on import for one signature, cached on disk, one thread (docs/adr/002).

A kernel that is compiled on import cannot be compiled inside a request. Inputs are declared read-only (`F64`), because
arrays that come from Ray's object store are; a writable array fits a read-only argument, never the other way round.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core.caching import FunctionCache
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

__all__ = [
    "BOOL",
    "F64",
    "F64_2D",
    "I32",
    "I64",
    "INT",
    "OUT",
    "OUT_2D",
    "REAL",
    "compile_share",
    "is_fresh",
    "kernel",
    "outputs",
    "primitive",
]

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


def outputs(count: int) -> Any:
    """Return the type of a tuple of output arrays."""
    return types.UniTuple(OUT, count)  # type: ignore[no-untyped-call]  # numba's own constructor


class _NoAliasCompiler(Compiler):
    """Numba's own compiler, told that the arrays of a call do not overlap.

    It sets the flag that numba's parallel back end sets for its inner functions, without that back end's threads.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)  # type: ignore[no-untyped-call]  # numba's own constructor
        self.state.flags.noalias = True


class _Primitive(CPUDispatcher):
    """A function that kernels alone can call: a wrapper for Python would take time to compile and serve nobody."""

    def add_overload(self, compiled: Any) -> None:
        self.overloads[tuple(compiled.signature.args)] = compiled

    def _compile_for_args(self, *_arguments: Any, **_named: Any) -> None:
        raise TypeError(f"{self.py_func.__name__} runs inside kernels only")


class _KernelCache(FunctionCache):
    """Numba's disk cache, whose key also covers the primitives and constants that are inlined from other files.

    Numba's own key is the date of the kernel's file: a kernel would keep the machine code of an older primitive.
    """

    def _index_key(self, signature: Any, codegen: Any) -> tuple[Any, ...]:
        digest = hashlib.sha256()
        _digest_function(self._py_func, digest, set())
        return (*super()._index_key(signature, codegen), digest.hexdigest())  # type: ignore[no-untyped-call]


def _digest_function(function: FunctionType, digest: Any, seen: set[FunctionType]) -> None:
    if function in seen:
        return
    seen.add(function)
    _digest_code(function.__code__, digest)
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        source = getattr(value, "py_func", None) or getattr(value, "_defn", None)  # a primitive, or an intrinsic
        if isinstance(source, FunctionType):
            _digest_function(source, digest, seen)
        elif isinstance(value, int | float | tuple | np.generic):
            digest.update(repr((name, value)).encode())


def _digest_code(code: CodeType, digest: Any) -> None:
    digest.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _digest_code(constant, digest)
        else:
            digest.update(repr(constant).encode())


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    # The compiler makes many objects that live on; searching them for cycles is a tenth of its time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


# Where processes that only fill the cache tell each other which kernels they have taken; None in every other process.
_claims: list[Path] = []


def compile_share(claims: Path) -> None:
    """Make this process compile, of all kernels imported from now on, those alone that no other process has taken.

    Kernels of others cannot be trusted to be compiled in this process: it is there to fill the disk cache, and ends.

    Parameters
    ----------
    claims : Path
        An empty folder, the same for all processes that share the work.
    """
    _claims.append(claims)


def _is_of_another(function: Callable[..., Any]) -> bool:
    if not _claims:
        return False
    try:
        (_claims[-1] / f"{function.__module__}.{function.__qualname__}").mkdir()
    except FileExistsError:
        return True
    return False


def is_fresh(compiled: Callable[..., Any]) -> bool:
    """Tell whether a kernel was compiled by this process and saved, where a full cache would have loaded it.

    Parameters
    ----------
    compiled : callable
        A kernel.

    Returns
    -------
    bool
        False also where nothing can be saved.
    """
    dispatcher: Any = compiled
    return bool(dispatcher.stats.cache_misses)


def kernel(*arguments: Any, returns: Any = types.void) -> Callable[[_F], _F]:
    """Return a decorator that compiles a function on import and caches the machine code on disk.

    The caller of a kernel guarantees that no output overlaps an input or another output; without that promise LLVM
    would not vectorise a loop over 20 arrays. It runs on the calling thread, without the interpreter lock.

    Parameters
    ----------
    *arguments : numba type
        Types of the arguments, such as `F64` for a read-only array.
    returns : numba type, optional
        Type of the result; void by default, for kernels that fill arrays.

    Returns
    -------
    callable
        The decorator.
    """
    cache: Any = _KernelCache

    def decorate(function: _F) -> _F:
        options: Any = {
            "error_model": "numpy",
            "fastmath": _FASTMATH,
            "nogil": True,
            "pipeline_class": _NoAliasCompiler,
        }
        dispatcher: Any = numba.njit(**options)(function)
        # Where no folder is writable there is no cache, and each process compiles for itself.
        with contextlib.suppress(RuntimeError):
            dispatcher._cache = cache(function)  # noqa: SLF001  # numba offers no public way
        if _is_of_another(function):
            return cast("_F", dispatcher)
        with _collector_paused():
            dispatcher.compile(returns(*arguments))
        dispatcher.disable_compile()
        return cast("_F", dispatcher)

    return decorate


def primitive(function: _F) -> _F:
    """Compile a function that LLVM inlines into kernels; it is typed once, not at every place that it is used."""
    options = {
        "nopython": True,
        "error_model": "numpy",
        "fastmath": _FASTMATH,
        "forceinline": True,
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
    }
    return cast("_F", _Primitive(function, targetoptions=options))
