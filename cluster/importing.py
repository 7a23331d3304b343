"""Many files into one store at once: read in processes of their own, committed one by one, safe at any cut."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.synchronize import Lock
from pathlib import Path
from typing import Final

from adapters.store import IngestReport, IngestStatus, ingest, open_store
from market.errors import TradingError, VenueError

__all__ = ["ImportOptions", "import_files"]

_ATTEMPTS: Final = 20
_LASTING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How files are read; the members are those of `adapters.store.ingest`.

    Parameters
    ----------
    skip_existing : bool
        Leave out files whose bytes came in before.
    dry_run : bool
        Read and count, and write nothing.
    symbol, source : str or None
        Whose rows a table holds, and whose data they are, where it does not say so.
    eastern : bool or None
        Whether a table's instants are wall clock of New York (True) or UTC (False), where it does not say so.
    """

    skip_existing: bool = True
    dry_run: bool = False
    symbol: str | None = None
    source: str | None = None
    eastern: bool | None = None


def import_files(
    place: str, files: Iterable[Path], options: ImportOptions, *, jobs: int
) -> Generator[IngestReport, None, None]:
    """Take files into a store.

    Parameters
    ----------
    place : str
        Folder or address of the store.
    files : iterable of Path
        The files.
    options : ImportOptions
        How they are read.
    jobs : int
        Processes, >= 1; with 1 the files are read here, in their order. Each holds a few million rows at most.

    Yields
    ------
    IngestReport
        As each file is done. A file that cannot be read is `REFUSED` and stops nothing. Closing the iterator stops
        the processes; what was yielded is in the store, what was not is done again by the next import.
    """
    if jobs == 1:
        yield from (_taken_in(place, path, options) for path in files)
        return
    suspects: list[Path] = []
    yield from _in_processes(place, deque(files), options, jobs, suspects)
    for path in suspects:  # alone, so that it is known which file ends its reader
        lost: list[Path] = []
        yield from _in_processes(place, deque([path]), options, 1, lost)
        if lost:
            yield IngestReport(
                path=path,
                status=IngestStatus.REFUSED,
                problem="its reader was ended from outside, twice; is there too little memory? split the file",
            )


def _in_processes(
    place: str, waiting: deque[Path], options: ImportOptions, jobs: int, lost: list[Path]
) -> Generator[IngestReport, None, None]:
    while waiting:
        before = set(active_children())
        context = get_context("spawn")  # a fork would copy locks that threads of Arrow hold
        turn = context.Lock()
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(turn,))
        running: dict[Future[IngestReport], Path] = {}
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    path = waiting.popleft()
                    running[pool.submit(_taken_in, place, path, options)] = path
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    report = done.result()
                    del running[done]
                    yield report
        except BrokenProcessPool:
            lost += running.values()
        finally:
            # What is under way is not waited for: a commit is one step, and anything less is invisible.
            for process in set(active_children()) - before:
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


_turn: Lock | None = None


def _begin(turn: Lock) -> None:
    global _turn  # noqa: PLW0603  # an initializer has no other way to leave something for the calls
    _turn = turn
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells all processes; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # a killed parent cannot tell its children; they must not go on unseen


def _taken_in(place: str, path: Path, options: ImportOptions) -> IngestReport:
    try:
        return _until_committed(place, path, options)
    except TradingError as error:
        return _refused(path, str(error).removeprefix(f"{path}: "))
    except Exception as error:  # noqa: BLE001  # the supervision of one file among many: the others go on
        return _refused(path, f"unexpected {type(error).__name__}: {error}")


def _until_committed(place: str, path: Path, options: ImportOptions) -> IngestReport:
    attempt = 0
    while True:
        attempt += 1
        # The first try runs beside the others; whoever loses a race repeats it in turn, so that each round ends one.
        with nullcontext() if _turn is None or attempt == 1 else _turn:
            try:
                return ingest(open_store(place), path, **asdict(options))
            except VenueError as error:
                if not error.retryable or attempt == _ATTEMPTS or _is_lasting(error.__cause__):
                    raise


def _is_lasting(cause: BaseException | None) -> bool:
    """Return whether a disk refuses for a reason that the next attempt meets too."""
    return isinstance(cause, OSError) and cause.errno in _LASTING


def _refused(path: Path, problem: str) -> IngestReport:
    return IngestReport(path=path, status=IngestStatus.REFUSED, problem=problem)
