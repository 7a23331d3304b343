"""Runs tasks at once, each committed as one step: what is done stays done, and what failed stops nothing."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import Any, Final, final

from adapters.downloads.tasks import Connection, Downloader, DownloadTask, FetchedRows
from adapters.encoded.messages import Message, n_rows_of
from adapters.store import KINDS, DataKind, PointInTimeStore, SegmentWriter
from adapters.store.kinds import kind_of
from market.clock import Clock, SystemClock
from market.errors import TradingError, VenueError

__all__ = ["DownloadOptions", "DownloadReport", "DownloadStatus", "Downloads"]

_HELD_ROWS: Final = 500_000  # of one task in memory; more goes to disk as it comes
_ATTEMPTS: Final = 20  # of a commit that meets other processes
_GOODBYE_S: Final = 2.0


class DownloadStatus(StrEnum):
    """What became of a task."""

    WRITTEN = "written"
    PART = "part"  # its days are under way: what is there came in, and it is asked for again next time
    EMPTY = "empty"  # its days are over and the vendor has nothing; it is not asked for again
    PRESENT = "present"  # it was done before
    DRY_RUN = "dry_run"
    FAILED = "failed"  # it is asked for again next time


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadReport:
    """What one task did.

    Parameters
    ----------
    task : DownloadTask
        The task.
    status : DownloadStatus
        What became of it.
    n_rows, n_repeated, n_corrected : int
        Rows that are new (a correction is), that were there before, and that correct what was there.
    n_bytes : int
        Size of the new files.
    seconds : float
        From its start to its commit.
    symbols : tuple of str
        Names under which the rows stand in the store.
    problem : str
        Why it failed; empty otherwise.
    """

    task: DownloadTask
    status: DownloadStatus
    n_rows: int = 0
    n_repeated: int = 0
    n_corrected: int = 0
    n_bytes: int = 0
    seconds: float = 0.0
    symbols: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """How tasks are run.

    Parameters
    ----------
    skip_existing : bool
        Leave out tasks that are done.
    dry_run : bool
        Ask nobody, and say what is there.
    """

    skip_existing: bool = True
    dry_run: bool = False


@final
class Downloads:
    """Runs the tasks of one downloader into one store.

    Parameters
    ----------
    store : PointInTimeStore
        Where to.
    downloader : Downloader
        From whom.
    options : DownloadOptions, optional
        How.
    clock : Clock, optional
        Tells which days are over; the machine's by default.
    """

    def __init__(
        self,
        store: PointInTimeStore,
        downloader: Downloader,
        options: DownloadOptions | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._store, self._downloader = store, downloader
        self._options, self._clock = options or DownloadOptions(), clock or SystemClock()
        self._turn, self._stopped = threading.Lock(), threading.Event()
        self._connections: list[Connection] = []
        self._done: dict[str, tuple[set[DataKind], set[DataKind]]] = {}

    @property
    def requests(self) -> int:
        """Requests sent so far by all connections."""
        return sum(connection.requests for connection in self._connections)

    def run(self, tasks: Sequence[DownloadTask]) -> Generator[DownloadReport, None, None]:
        """Run tasks.

        Parameters
        ----------
        tasks : sequence of DownloadTask
            In the order in which they are begun.

        Yields
        ------
        DownloadReport
            As each is done. Closing the iterator stops; what was yielded is in the store, what was not is done again by
            the next run.
        """
        self._note_done()
        waiting: queue.SimpleQueue[DownloadTask] = queue.SimpleQueue()
        n_waiting = 0
        for task in tasks:
            is_there = not task.is_snapshot and self._is_there(task)
            if is_there and (self._options.skip_existing or self._options.dry_run):
                yield DownloadReport(task=task, status=DownloadStatus.PRESENT)
            elif self._options.dry_run:
                yield DownloadReport(task=task, status=DownloadStatus.DRY_RUN)
            else:
                waiting.put(task)
                n_waiting += 1
        if n_waiting:
            yield from self._in_threads(waiting, n_waiting)

    def _note_done(self) -> None:
        for kind in DataKind:
            for commit in self._store.state(kind).commits:
                if commit.source_sha256:
                    wanted, have = self._done.setdefault(commit.source_sha256, (set(), set()))
                    wanted |= set(commit.kinds)
                    have.add(kind)

    def _is_there(self, task: DownloadTask) -> bool:
        wanted, have = self._done.get(task.identity, (set(), set()))
        return bool(wanted) and wanted <= have

    def _in_threads(
        self, waiting: queue.SimpleQueue[DownloadTask], n_waiting: int
    ) -> Generator[DownloadReport, None, None]:
        finished: queue.SimpleQueue[DownloadReport] = queue.SimpleQueue()
        # Daemons: whoever waits for a budget or an answer must not hold up a user who has pressed Ctrl-C.
        threads = [
            threading.Thread(target=self._work, args=(waiting, finished), daemon=True)
            for _ in range(min(self._downloader.threads, n_waiting))
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in range(n_waiting):
                yield finished.get()
        finally:
            self._stopped.set()
            deadline_s = time.monotonic() + _GOODBYE_S
            for thread in threads:
                thread.join(max(deadline_s - time.monotonic(), 0.0))

    def _work(self, waiting: queue.SimpleQueue[DownloadTask], finished: queue.SimpleQueue[DownloadReport]) -> None:
        connection: Connection | None = None
        try:
            while not self._stopped.is_set():
                task = waiting.get_nowait()
                begun_s = time.monotonic()
                try:
                    if connection is None:
                        connection = self._downloader.connect()
                        self._connections.append(connection)
                    report = self._taken_in(connection, task)
                except TradingError as error:
                    report = DownloadReport(task=task, status=DownloadStatus.FAILED, problem=str(error))
                except Exception as error:  # noqa: BLE001  # the supervision of one task among many: the others go on
                    told = f"unexpected {type(error).__name__}: {error}"
                    report = DownloadReport(task=task, status=DownloadStatus.FAILED, problem=told)
                finished.put(replace(report, seconds=time.monotonic() - begun_s))
        except queue.Empty:
            pass
        finally:
            if connection is not None:
                connection.close()

    def _taken_in(self, connection: Connection, task: DownloadTask) -> DownloadReport:
        now_ns = self._clock.now_ns()  # before the first request: what comes later belongs to the next run
        arriving = self._marked(connection.fetch(task))
        held: list[Message | FetchedRows] = []
        n_held = 0
        for item in arriving:
            held.append(item)
            n_held += _n_rows(item)
            if n_held > _HELD_ROWS:
                break
        else:
            return self._in_turn(task, held, now_ns)
        try:
            return self._committed(task, chain(held, arriving), now_ns)
        except VenueError as error:
            if not error.retryable:
                raise
        with self._turn:  # another task has touched the same partition: once more, alone
            return self._committed(task, self._marked(connection.fetch(task)), now_ns)

    def _in_turn(self, task: DownloadTask, held: list[Message | FetchedRows], now_ns: int) -> DownloadReport:
        attempt = 0
        with self._turn:
            while True:
                attempt += 1
                try:
                    return self._committed(task, held, now_ns)
                except VenueError as error:  # another process was faster
                    if not error.retryable or attempt == _ATTEMPTS:
                        raise

    def _marked(self, items: Iterator[Message | FetchedRows]) -> Iterator[Message | FetchedRows]:
        for item in items:
            if self._stopped.is_set():
                raise VenueError("the download was stopped", retryable=False)
            if not _n_rows(item):
                continue
            yield _simulated(item) if self._downloader.simulated else item

    def _committed(self, task: DownloadTask, items: Iterable[Message | FetchedRows], now_ns: int) -> DownloadReport:
        writers: dict[tuple[DataKind, str], SegmentWriter] = {}
        for item in items:
            self._add(writers, task, item)
        is_over = task.is_over(now_ns)
        if not writers and is_over:
            self._writer(writers, task, task.kind, "")
        kinds = tuple(sorted({kind for kind, _ in writers}))
        source = "" if task.is_snapshot else task.identity if is_over else task.identity_of_part
        for writer in writers.values():
            writer.commit(source_sha256=source, kinds=kinds)
        segments = [segment for writer in writers.values() for segment in writer.segments]
        n_rows = sum(writer.n_rows for writer in writers.values())
        n_repeated = sum(writer.n_repeated for writer in writers.values())
        status = DownloadStatus.WRITTEN if n_rows or n_repeated else DownloadStatus.EMPTY
        return DownloadReport(
            task=task,
            status=status if is_over or task.is_snapshot else DownloadStatus.PART,
            n_rows=n_rows,
            n_repeated=n_repeated,
            n_corrected=sum(writer.n_corrected for writer in writers.values()),
            n_bytes=sum(segment.n_bytes for segment in segments),
            symbols=tuple(sorted({segment.symbol for segment in segments})),
        )

    def _add(
        self, writers: dict[tuple[DataKind, str], SegmentWriter], task: DownloadTask, item: Message | FetchedRows
    ) -> None:
        if isinstance(item, FetchedRows):
            writer = self._writer(writers, task, item.kind, item.source)
            writer.add_table(item.symbol, item.rows, simulated=self._downloader.simulated)
        else:
            kind = kind_of(item)
            # What is told anew of rows without keys is known from now on; until now the first answer was.
            was_whole = not KINDS[kind].keys and not task.is_snapshot and self._is_there(task)
            known_ns = self._clock.now_ns() if was_whole else None
            self._writer(writers, task, kind, "").add_message(item, known_ns=known_ns)

    def _writer(
        self, writers: dict[tuple[DataKind, str], SegmentWriter], task: DownloadTask, kind: DataKind, source: str
    ) -> SegmentWriter:
        if (kind, source) not in writers:
            replaces = () if KINDS[kind].keys else self._earlier(task, kind)
            writers[kind, source] = self._store.writer(kind, origin=task.describe(), source=source, replaces=replaces)
        return writers[kind, source]

    def _earlier(self, task: DownloadTask, kind: DataKind) -> tuple[str, ...]:
        """Return what earlier runs of a task have left of rows that no key tells apart."""
        known = {task.identity, task.identity_of_part}
        commits = () if task.is_snapshot else self._store.state(kind).commits
        return tuple(s.path for commit in commits if commit.source_sha256 in known for s in commit.segments)


def _simulated(item: Message | FetchedRows) -> Message | FetchedRows:
    if isinstance(item, FetchedRows):
        return item  # the writer of tables is told
    return replace(item, provenance=replace(item.provenance, simulated=True))


def _n_rows(item: Any) -> int:
    return int(item.rows.num_rows) if isinstance(item, FetchedRows) else n_rows_of(item)
