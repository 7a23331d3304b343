"""Processes of a Ray session whose owner is gone or leaves in haste."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

__all__ = ["kill_session"]


def kill_session(scratch: Path) -> int:
    """End what still runs of a private Ray session and return how many processes that were.

    Ray's processes end by themselves when their owner dies, its two agents up to a minute later. They are recognised
    by the session folder in their environment, which no other system shares.

    Parameters
    ----------
    scratch : pathlib.Path
        Folder of the session, as `cluster.runtime.start_ray` made it.

    Returns
    -------
    int
        0 also where the system has no ``/proc``; Ray's own end is then all there is.
    """
    mark, killed = f"RAY_TMPDIR={scratch}".encode(), 0
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile, or belongs to somebody else
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
                killed += 1
    return killed
