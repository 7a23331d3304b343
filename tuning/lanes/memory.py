"""The memory budget of a worker: measured, and held by the kernel where it can be."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Final

__all__ = ["hold_memory", "private_mb"]

_STATUS: Final = Path("/proc/self/status")
_KB_PER_MB: Final = 1000.0 / 1.024  # /proc counts in units of 1024 bytes, budgets in millions of bytes


def private_mb() -> float:
    """Return the private memory of this process, MB (10^6 bytes): neither files nor shared arrays; NaN where unknown.

    Returns
    -------
    float
        Anonymous resident pages, as Linux tells them.
    """
    return _status("RssAnon")


def hold_memory(budget_mb: float) -> float:
    """Let allocations of this process fail beyond a budget on top of what it holds now.

    Parameters
    ----------
    budget_mb : float
        Private memory beyond that of now, MB.

    Returns
    -------
    float
        The limit that was set, MB; NaN where the system has none (macOS does not keep it).

    Notes
    -----
    The limit is RLIMIT_DATA, which since Linux 4.7 counts private writable mappings: arrays of the heap count, those
    that are read in place from Ray's object store do not. A NumPy array that does not fit raises MemoryError.
    """
    now = _status("VmData")
    if now != now:  # noqa: PLR0124  # NaN
        return nan
    import resource

    limit = now + budget_mb
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = int(limit * 1e6)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    return limit


def _status(name: str) -> float:
    if not _STATUS.exists():
        return nan
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return float(line.split()[1]) / _KB_PER_MB
    return nan
