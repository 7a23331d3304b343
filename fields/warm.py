"""Load every kernel before the first request; with an empty cache, compile them on all cores."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import subprocess  # the compiler holds the interpreter's lock: only processes can share its work
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

import fields
from fields.jit import compile_share, is_fresh

__all__ = ["compile_some", "warm_kernels"]

_MOST_PROCESSES: Final = 8
# What they have not compiled by then this process compiles itself.
_PATIENCE_S: Final = 120.0
# Studies of past days have no kernel and serve no request; the statistics that they load take half a second.
_OFFLINE: Final = "fields.evidence"
_WORKER: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from fields.warm import compile_some as c; c(sys.argv[2])"
)


def warm_kernels() -> float:
    """Import every module that serves requests, run the hot kernels once and return how long that took.

    Returns
    -------
    float
        Seconds; many where the cache is cold (processes on the other cores share the work), about one where it is warm.
    """
    start = time.perf_counter()
    from fields.deposit import _deposit

    if is_fresh(_deposit):
        _compile_on_all_cores()
    # Importing a module compiles its kernels, or loads them from the cache: their signatures are fixed.
    for name in _modules():
        importlib.import_module(name)
    from fields.greeks import exposure_greeks, greeks
    from fields.implied_vol import implied_volatility

    strikes = np.array([90.0, 100.0, 110.0])
    found = greeks(100.0, strikes, 0.1, 0.03, 0.01, [0.2, 0.2, 0.0], True)
    exposure_greeks(100.0, strikes, 0.1, 0.03, 0.01, 0.2, True)
    implied_volatility(found.price, 100.0, strikes, 0.1, 1.0, True)
    return time.perf_counter() - start


def compile_some(claims: str) -> None:
    """Compile and save the kernels that no other process has taken; for a process that ends then.

    Parameters
    ----------
    claims : str
        See `fields.jit.compile_share`.
    """
    compile_share(Path(claims))
    # The longest come first, so that no process is left alone with one of them.
    for name in sorted(_modules(), key=lambda name: not name.startswith("fields.surface")):
        importlib.import_module(name)


def _modules(folder: Path = Path(fields.__path__[0]), prefix: str = "fields.") -> Iterator[str]:
    for module in pkgutil.iter_modules([str(folder)], prefix):
        if module.name == _OFFLINE:
            continue
        yield module.name
        if module.ispkg:
            yield from _modules(folder / module.name.rpartition(".")[2], f"{module.name}.")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compile_on_all_cores() -> None:
    """Fill the cache by processes that share the kernels; whatever fails is left to this process."""
    count = min(_cores(), _MOST_PROCESSES)
    if count < 2 or not sys.executable:  # alone they would only be slower
        return
    root, until = str(Path(fields.__path__[0]).parent), time.monotonic() + _PATIENCE_S
    with tempfile.TemporaryDirectory() as claims, contextlib.ExitStack() as started, contextlib.suppress(OSError):
        processes = []
        for _ in range(count):
            process = subprocess.Popen(  # noqa: S603  # this interpreter, this package
                [sys.executable, "-c", _WORKER, root, claims], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            started.callback(_end, process)
            processes.append(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in processes:
                process.wait(max(0.0, until - time.monotonic()))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
