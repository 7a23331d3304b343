"""Records any feed into a store beside its consumer: durable in the background, without waiting for the disk."""

from __future__ import annotations

import atexit
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, final

import msgspec

from adapters.encoded.messages import Message, n_rows_of
from adapters.store.files import AlreadyThereError, LocalFiles
from adapters.store.kinds import DataKind, kind_of
from adapters.store.overlap import Overlap
from adapters.store.store import PointInTimeStore, open_store
from market.errors import ConfigError, DataError, TradingError, VenueError
from market.ports import FeedFactory, MarketBatch, MarketFeed, close_feed, counts_of
from market.trades import QuoteBatch, TradeBatch

__all__ = ["Recorded", "RecordingConfig", "RecordingFactory", "RecordingFeed", "StreamRecorder"]

_FIRST_WAIT_S: Final = 0.05
_MOST_WAIT_S: Final = 5.0
_TRIES_ON_CLOSE: Final = 8
_DAY_NS: Final = 86_400_000_000_000
_active: Final[set[tuple[str, str]]] = set()
_active_lock: Final = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingConfig:
    """How a stream is recorded.

    Parameters
    ----------
    where : str
        Folder or address of the store.
    name : str
        Of the recording: letters, digits, ``-`` and ``_``. One process at a time writes under a name.
    commit_s : float
        The longest time for which a row waits for its commit, seconds: what ``kill -9`` can lose.
    commit_rows : int
        Rows after which a commit comes earlier.
    most_waiting_rows : int
        Rows that may wait in memory; where the disk is slower the feed waits, and it is counted.
    compact : bool
        Whether the small segments of a day become one when the next day begins and when the recording is closed.
    """

    where: str
    name: str = "stream"
    commit_s: float = 60.0
    commit_rows: int = 500_000
    most_waiting_rows: int = 2_000_000
    compact: bool = True

    def __post_init__(self) -> None:
        plain = self.name.replace("-", "").replace("_", "").isalnum()
        if not plain or not self.commit_s > 0.0 or not 0 < self.commit_rows <= self.most_waiting_rows:
            raise ConfigError(
                "a recording cannot be made so",
                found=f"name {self.name!r}, {self.commit_s:g} s, {self.commit_rows} of {self.most_waiting_rows} rows",
                expected="a plain name, a commit time above 0, commit_rows from 1 to most_waiting_rows",
                action="correct the settings of the recording",
            )


class Recorded(msgspec.Struct, frozen=True):
    """How far a recording is durable.

    Parameters
    ----------
    sequence, ts_event_ns : int
        Of the newest batch of which every row is in the store.
    """

    sequence: int
    ts_event_ns: int


@dataclass(slots=True)
class _Job:
    """Batches on their way to the disk: what of them is new, by kind, and the kinds that are there already."""

    batches: list[MarketBatch]
    fresh: dict[DataKind, list[tuple[Message, int]]] | None = None
    done: set[DataKind] = field(default_factory=set)


@final
class StreamRecorder:
    """Writes batches into a store from a thread of its own.

    Parameters
    ----------
    store : PointInTimeStore
        Where to.
    config : RecordingConfig
        When to commit.
    """

    def __init__(self, store: PointInTimeStore, config: RecordingConfig) -> None:
        self._store, self._config = store, config
        self._held = _held(store, config.name)
        self.key = (config.where, config.name)
        self._overlap = Overlap(store.files)
        self._waiting: deque[MarketBatch] = deque()
        self._n_waiting, self._n_writing, self._first_s = 0, 0, 0.0
        self._flushing, self._closing = False, False
        self._error: TradingError | None = None
        self._changed = threading.Condition()
        self._touched: dict[DataKind, set[str]] = {}
        self._day = -1
        self._counts: Counter[str] = Counter()
        self.blocked_s = 0.0
        self._thread = threading.Thread(target=self._run, name=f"recorder-{config.name}", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def counts(self) -> dict[str, int]:
        """Batches, rows, commits, rows that came again, waits of the feed for the disk, and tries that failed."""
        with self._changed:
            return {**self._counts, "waiting_rows": self._n_waiting + self._n_writing}

    @property
    def recorded(self) -> Recorded | None:
        """How far the recording of this name is durable, in this process or in one before; None where it is empty."""
        try:
            return msgspec.json.decode(self._store.files.read(self._mark), type=Recorded)
        except DataError:
            return None

    @property
    def _mark(self) -> str:
        return f"recordings/{self._config.name}.json"

    def offer(self, batch: MarketBatch) -> None:
        """Take a batch to be written; it waits only where too many rows wait already.

        Parameters
        ----------
        batch : MarketBatch
            The newest. What the disk refused for good is raised here, so that nobody trades on in the belief that it
            is recorded.
        """
        rows = sum(n_rows_of(message) for message in messages_of(batch))
        with self._changed:
            if self._n_waiting and self._n_waiting + self._n_writing + rows > self._config.most_waiting_rows:
                self._counts["blocked"] += 1
                start = time.perf_counter()
                self._changed.wait_for(lambda: self._room(rows) or self._error is not None)
                self.blocked_s += time.perf_counter() - start
            self._raise()
            if not self._waiting:
                self._first_s = time.monotonic()
            self._waiting.append(batch)
            self._n_waiting += rows
            self._counts["batches"] += 1
            # The thread sleeps until the first row is due; only a full commit needs to wake it.
            if len(self._waiting) == 1 or self._n_waiting >= self._config.commit_rows:
                self._changed.notify_all()

    def flush(self) -> None:
        """Return when everything that was offered is durable."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_idle() or self._error is not None)
            self._flushing = False
            self._raise()

    def restart(self) -> None:
        """Make everything durable, and expect that the stream may tell again what it told before."""
        self.flush()
        self._overlap.restart()

    def close(self) -> None:
        """Write what waits, compact, and end; a second call does nothing."""
        with self._changed:
            closed, self._closing = self._closing, True
            self._changed.notify_all()
        self._thread.join()
        atexit.unregister(self.close)
        if closed:
            return
        try:
            self._raise()
            self._compact()
        finally:
            if self._held is not None:
                self._held.close()

    def _room(self, rows: int) -> bool:
        waits = self._n_waiting + self._n_writing
        return waits == 0 or waits + rows <= self._config.most_waiting_rows

    def _is_idle(self) -> bool:
        return not self._waiting and self._n_writing == 0

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _due_s(self) -> float | None:
        """Return the seconds until the next commit; None where nothing waits."""
        if not self._waiting:
            return None
        if self._flushing or self._closing or self._n_waiting >= self._config.commit_rows:
            return 0.0
        return max(self._first_s + self._config.commit_s - time.monotonic(), 0.0)

    def _run(self) -> None:
        while (job := self._next_job()) is not None:
            error = self._written(job)
            with self._changed:
                self._n_writing, self._error = 0, error
                self._changed.notify_all()
                if error is not None:
                    return

    def _next_job(self) -> _Job | None:
        with self._changed:
            while (wait_s := self._due_s()) is None or wait_s > 0.0:
                if self._closing and wait_s is None:
                    return None
                self._changed.wait(wait_s)
            batches = list(self._waiting)
            self._waiting.clear()
            self._n_waiting, self._n_writing = 0, self._n_waiting
            return _Job(batches=batches)

    def _written(self, job: _Job) -> TradingError | None:
        """Write a job, again and again where the store is only out of reach; return what makes it impossible."""
        wait_s, tries = _FIRST_WAIT_S, 0
        while True:
            try:
                self._write(job)
            except VenueError as error:
                tries += 1
                if not error.retryable or (self._closing and tries >= _TRIES_ON_CLOSE):
                    return error
                with self._changed:
                    self._counts["retries"] += 1
                    self._changed.wait_for(lambda: self._closing, timeout=wait_s)
                wait_s = min(2.0 * wait_s, _MOST_WAIT_S)
            except TradingError as error:
                return error
            except Exception as error:  # noqa: BLE001  # supervision: a thread that dies in silence would block the feed
                return DataError("the recording failed", found=f"{type(error).__name__}: {error}")
            else:
                return None

    def _write(self, job: _Job) -> None:
        if job.fresh is None:  # once: a second look would count the rows of the first as told
            job.fresh = self._fresh(job.batches)
        for kind, messages in job.fresh.items():
            if kind not in job.done:
                self._commit(kind, messages)
                job.done.add(kind)
        last = job.batches[-1]
        mark = Recorded(sequence=last.sequence, ts_event_ns=last.ts_event_ns)
        self._store.files.replace(self._mark, msgspec.json.encode(mark))
        day, before = last.ts_event_ns // _DAY_NS, self._day
        self._day = max(day, before)
        if before >= 0 and day > before:
            self._compact()

    def _fresh(self, batches: list[MarketBatch]) -> dict[DataKind, list[tuple[Message, int]]]:
        states = {kind: self._store.state(kind) for kind in (DataKind.TRADES, DataKind.QUOTES)}
        before = self._overlap.n_repeated
        # What can fail comes first: rows that were counted as told would look like further prints the second time.
        for message in (message for batch in batches for message in messages_of(batch)):
            if isinstance(message, TradeBatch | QuoteBatch):
                self._overlap.prepare(message, states[kind_of(message)])
        found: dict[DataKind, list[tuple[Message, int]]] = {}
        for batch in batches:
            for message in messages_of(batch):
                kind, fresh = kind_of(message), message
                if isinstance(message, TradeBatch | QuoteBatch):
                    left = self._overlap.fresh(message, states[kind])
                    if left is None:
                        continue
                    fresh = left
                found.setdefault(kind, []).append((fresh, batch.ts_event_ns))
        with self._changed:
            self._counts["repeated"] += self._overlap.n_repeated - before
        return found

    def _commit(self, kind: DataKind, messages: list[tuple[Message, int]]) -> None:
        writer = self._store.writer(kind, origin=self._config.name, witnessed=True)
        for message, known_ns in messages:
            writer.add_message(message, known_ns=known_ns)
        commit = writer.commit()
        with self._changed:
            self._counts["commits"] += commit is not None
            self._counts["rows"] += writer.n_rows
            self._counts["repeated"] += writer.n_repeated
        for segment in commit.segments if commit else ():
            self._touched.setdefault(kind, set()).add(segment.symbol)

    def _compact(self) -> None:
        if not self._config.compact:
            return
        for kind, symbols in self._touched.items():
            try:
                merged = self._store.compact(kind, symbols=frozenset(symbols))
            except VenueError as error:
                if not error.retryable:
                    raise
                continue  # somebody else writes there; the small files serve until the next time
            with self._changed:
                self._counts["compacted"] += merged


def _held(store: PointInTimeStore, name: str) -> BinaryIO | None:
    """Keep the name of a recording for this process; None where the file system has no locks."""
    if not isinstance(store.files, LocalFiles):
        return None
    try:
        return store.files.hold(f"recordings/.{name}.lock")
    except AlreadyThereError as error:
        raise ConfigError(
            f"another process records the stream {name!r} into this store",
            found="its lock is held",
            expected="one process under a name",
            action="stop the other process, or give this recording a name of its own",
        ) from error


def messages_of(batch: MarketBatch) -> Iterator[Message]:
    """Yield all messages of a batch."""
    yield from batch.chains
    yield from batch.quotes
    yield from batch.trades
    yield from batch.books
    yield from batch.context


@final
class RecordingFeed:
    """Passes a feed on and records it; a `market.ports.MarketFeed`.

    Parameters
    ----------
    inner : MarketFeed
        The feed.
    recorder : StreamRecorder
        Writes it down.
    replayable : bool
        Whether the feed tells the same again after `rewind`, as recordings and simulations do.
    """

    def __init__(self, inner: MarketFeed, recorder: StreamRecorder, *, replayable: bool = False) -> None:
        self.inner, self.recorder, self._replayable = inner, recorder, replayable
        self._skip_to = -1

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self.inner.symbols

    @property
    def counts(self) -> dict[str, int]:
        """What the recorder did so far, as ``recorder.rows`` and the like, beside the counts of the feed itself."""
        own = {f"recorder.{name}": count for name, count in self.recorder.counts.items()}
        return {**counts_of(self.inner), **own}

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch; at the end of the feed, None when all of it is durable."""
        while True:
            batch = self.inner.next_batch()
            if batch is None:
                self.recorder.flush()
                return None
            self.recorder.offer(batch)
            if batch.sequence > self._skip_to:
                return batch

    def delay_s(self) -> float:
        """Return the feed's own pace."""
        return self.inner.delay_s()

    def rewind(self, sequence: int) -> None:
        """Continue after a batch; what was told but is not durable is recorded again on the way.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has.
        """
        self.recorder.restart()
        recorded = self.recorder.recorded
        start = sequence if recorded is None or not self._replayable else min(sequence, recorded.sequence)
        self._skip_to = sequence
        self.inner.rewind(start)

    def close(self) -> None:
        """Write what waits, end the recording, and close the feed."""
        self.recorder.close()
        close_feed(self.inner)
        with _active_lock:
            _active.discard(self.recorder.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFactory:
    """A picklable recipe for a feed that is recorded; a `market.ports.FeedFactory`.

    Parameters
    ----------
    inner : FeedFactory
        Recipe of the feed.
    config : RecordingConfig
        Where and how it is recorded.
    replayable : bool
        Whether the feed tells the same again after `rewind`.
    """

    inner: FeedFactory
    config: RecordingConfig
    replayable: bool = False

    def __call__(self) -> MarketFeed:
        """Open the feed; the second one of a process under the same name is passed on without recording it again."""
        feed, key = self.inner(), (self.config.where, self.config.name)
        with _active_lock:
            if key in _active:
                return feed
            _active.add(key)
        try:
            recorder = StreamRecorder(open_store(self.config.where), self.config)
        except TradingError:
            with _active_lock:
                _active.discard(key)
            close_feed(feed)
            raise
        return RecordingFeed(feed, recorder, replayable=self.replayable)
