"""A feed that plays a point-in-time store: everything of chosen symbols, in the order in which it became known."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final, final

import numpy as np

from adapters.encoded.messages import picked
from adapters.replay.cursors import Cursor, OpenFiles, Span, Told
from adapters.replay.pace import Pace
from adapters.store import DataKind, PointInTimeStore, Segment, open_store
from adapters.store.asof import standing
from adapters.store.gaps import calendar_of
from adapters.ticks.bars import outside_session
from market.books import BookSnapshot
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from market.ports import ContextMessage, MarketBatch
from market.trades import QuoteBatch, TradeBatch, concatenate

__all__ = ["StoreFactory", "StoreFeed", "StoreSelection"]

_NS_PER_S: Final = 1e9
_FIRST: Final = np.iinfo(np.int64).min + 1
_LAST: Final = np.iinfo(np.int64).max
_OF_SYMBOLS: Final = (DataKind.CHAINS, DataKind.QUOTES, DataKind.TRADES, DataKind.BOOKS)
_CONTEXT: Final = (DataKind.BARS, DataKind.FUNDING)
_STANDING: Final = (DataKind.SERIES, DataKind.RATES, DataKind.INDEX_LEVELS, DataKind.EVENTS)
_PLAYED: Final = (*_OF_SYMBOLS, *_CONTEXT, *_STANDING, DataKind.NEWS)
_UNNAMED: Final = frozenset({DataKind.EVENTS, DataKind.NEWS})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSelection:
    """What is played of a store.

    Parameters
    ----------
    symbols : tuple of str
        Underlyings whose chains, quotes, trades and books are told; empty for all.
    context : tuple of str
        Names of bars, funding and series that are told; empty for all.
    kinds : tuple of DataKind
        Data sets; empty for all that have messages.
    sources : tuple of str
        Whose data; empty for all.
    first_ns, last_ns : int
        What became known between these instants, both included, ns since the epoch, UTC. Series and events known
        before the first come with the first batch, because they stand then.
    window_s : float
        Length of a batch, seconds: it holds what became known in the window that ends at its instant. 0 makes a
        batch of each instant at which something became known, as a recorded stream had them.
    regular_hours : bool
        Leave out trades and quotes outside the regular sessions.
    with_quality : bool
        Put the noted quality of each file into the provenance of its messages. It is a look ahead: a check sees the
        whole day, or year, before any of it is played. A gate around the feed judges without.
    """

    symbols: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    kinds: tuple[DataKind, ...] = ()
    sources: tuple[str, ...] = ()
    first_ns: int = _FIRST
    last_ns: int = _LAST
    window_s: float = 0.0
    regular_hours: bool = False
    with_quality: bool = False

    def __post_init__(self) -> None:
        unplayable = sorted(set(self.kinds) - set(_PLAYED))
        if unplayable or not 0.0 <= self.window_s < 86_400.0 or self.first_ns > self.last_ns:
            raise ConfigError(
                "a selection of the store cannot be played",
                found=f"kinds {unplayable}, window_s {self.window_s:g}, from {self.first_ns} to {self.last_ns} ns",
                expected=f"kinds of {', '.join(_PLAYED)}; 0 to 86,400 s; a first instant before the last",
                action="correct the selection",
            )

    def holds(self, kind: DataKind, segment: Segment) -> bool:
        """Return whether a file is played."""
        names = self.symbols if kind in _OF_SYMBOLS else () if kind in _UNNAMED else self.context
        begins = segment.first_known_ns <= self.last_ns
        lasts = segment.last_known_ns >= self.first_ns or kind in _STANDING
        mine = not self.sources or segment.source in self.sources
        return begins and lasts and mine and (not names or segment.symbol in names)


@dataclass(slots=True)
class _Gathered:
    """What one window holds, by kind and symbol."""

    chains: dict[str, OptionChain] = field(default_factory=dict)
    quotes: defaultdict[str, list[QuoteBatch]] = field(default_factory=lambda: defaultdict(list))
    trades: defaultdict[str, list[TradeBatch]] = field(default_factory=lambda: defaultdict(list))
    books: dict[str, BookSnapshot] = field(default_factory=dict)
    context: list[ContextMessage] = field(default_factory=list)
    n_coalesced: int = 0

    def add(self, told: Told) -> None:
        message = told.message
        if isinstance(message, OptionChain):
            self.n_coalesced += message.symbol in self.chains
            self.chains[message.symbol] = message
        elif isinstance(message, QuoteBatch):
            self.quotes[message.symbol].append(message)
        elif isinstance(message, TradeBatch):
            self.trades[message.symbol].append(message)
        elif isinstance(message, BookSnapshot):
            self.n_coalesced += message.symbol in self.books
            self.books[message.symbol] = message
        else:
            self.context.append(message)

    def batch(self, sequence: int, ts_event_ns: int) -> MarketBatch | None:
        if not (self.chains or self.quotes or self.trades or self.books or self.context):
            return None
        return MarketBatch(
            sequence=sequence,
            ts_event_ns=ts_event_ns,
            chains=tuple(self.chains.values()),
            quotes=tuple(parts[0] if len(parts) == 1 else concatenate(parts) for parts in self.quotes.values()),
            trades=tuple(parts[0] if len(parts) == 1 else concatenate(parts) for parts in self.trades.values()),
            books=tuple(self.books.values()),
            context=tuple(self.context),
        )


@final
class StoreFeed:
    """Plays a store; a `market.ports.MarketFeed`.

    Parameters
    ----------
    store : PointInTimeStore
        The store, as it stands when the feed is opened: what is written later is not played.
    selection : StoreSelection, optional
        What is played.
    interval_s : float, optional
        Seconds between batches.
    speed : float, optional
        Instead of `interval_s`: how many times faster than recorded time.
    loop : bool
        Begin again after the last batch: the sequence goes on rising, event instants repeat.

    Notes
    -----
    A row comes when it was known, not when it happened: a bar at its end, a late print late, a correction when it was
    recorded. Memory holds the row groups that are being told, whatever the size of the store. Of files that replace
    each other the newest is played.
    """

    def __init__(
        self,
        store: PointInTimeStore,
        selection: StoreSelection | None = None,
        *,
        interval_s: float | None = None,
        speed: float | None = None,
        loop: bool = False,
    ) -> None:
        self._pace = Pace(interval_s=interval_s, speed=speed)
        self._selection, self._loop = selection or StoreSelection(), loop
        self._files = OpenFiles(store.files, with_quality=self._selection.with_quality)
        self._segments = [
            (kind, segment)
            for kind in self._selection.kinds or _PLAYED
            for segment in standing(store.state(kind).segments, _LAST, np.iinfo(np.int64).min, _LAST)
            if self._selection.holds(kind, segment)
        ]
        if not self._segments:
            raise DataError(
                "the store holds nothing of the selection",
                found="no file",
                expected="symbols, kinds and instants that the store has",
                action="list the store, and correct the selection",
            )
        self.n_coalesced = 0
        self._ends = array("q")  # of each batch of a pass the instant: eight bytes that make a rewind a leap
        self._n_batches: int | None = None
        self._place, self._next, self._told_ns = 0, 0, 0
        self._begin(_FIRST - 1, 0)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings with chains in the selection, or those with trades or quotes where there are no chains."""
        chains = {segment.symbol for kind, segment in self._segments if kind is DataKind.CHAINS}
        ticks = {segment.symbol for kind, segment in self._segments if kind in _OF_SYMBOLS}
        return tuple(sorted(chains or ticks))

    @property
    def simulated(self) -> bool:
        """Whether anything that is played comes from a simulation."""
        return any(segment.simulated for _, segment in self._segments)

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch, or None where the selection has ended."""
        while True:
            if not self._heap:
                self._n_batches = self._place
                if not self._loop or not self._place:
                    return None
                self._begin(_FIRST - 1, 0)
            end = self._window_end(self._heap[0][0])
            gathered = self._gather(end)
            batch = gathered.batch(self._next, end)
            if batch is None:
                continue
            self.n_coalesced += gathered.n_coalesced
            if self._place == len(self._ends):
                self._ends.append(end)
            self._place, self._next, self._told_ns = self._place + 1, self._next + 1, end
            return batch

    def delay_s(self) -> float:
        """Return the seconds between the previous batch and the next, 0 before the first and after the last."""
        if self._next == 0 or (not self._heap and not self._loop):
            return 0.0
        ahead = self._window_end(self._heap[0][0]) if self._heap and self._place else self._told_ns
        return self._pace.delay_s(max(ahead - self._told_ns, 0) / _NS_PER_S)

    def rewind(self, sequence: int) -> None:
        """Continue after the batch with this sequence number.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none. One that was told before is leapt to; up to another,
            all before it is read once.
        """
        if sequence < -1:
            raise self._no_such(sequence)
        whole = self._n_batches
        place = sequence + 1 if whole is None or not self._loop else (sequence + 1) % whole
        told = min(place, len(self._ends))
        self._begin(self._ends[told - 1] if told else _FIRST - 1, told)
        self._next = sequence + 1 - (place - told)
        while self._next <= sequence:
            if self.next_batch() is None:
                raise self._no_such(sequence)

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def _begin(self, after_ns: int, place: int) -> None:
        self._files.close()
        self._place, self._told_ns = place, after_ns
        chosen = self._selection
        plain = Span(after_ns=max(after_ns, chosen.first_ns - 1), last_ns=chosen.last_ns)
        before = Span(after_ns=after_ns, last_ns=chosen.last_ns, standing_ns=chosen.first_ns)
        self._heap: list[tuple[int, int, Cursor]] = []
        for order, (kind, segment) in enumerate(self._segments):
            if max(segment.last_known_ns, chosen.first_ns) > after_ns:
                cursor = Cursor(self._files, kind, segment, before if kind in _STANDING else plain)
                self._heap.append((cursor.next_ns, order, cursor))
        heapify(self._heap)

    def _window_end(self, instant_ns: int) -> int:
        window = round(self._selection.window_s * _NS_PER_S)
        return -(-instant_ns // window) * window if window else instant_ns

    def _gather(self, end_ns: int) -> _Gathered:
        told: list[tuple[int, int, Told]] = []
        while self._heap and self._heap[0][0] <= end_ns:
            _, order, cursor = heappop(self._heap)
            told += [(item.known_ns, order, item) for item in cursor.take(end_ns)]
            if not cursor.ended:
                heappush(self._heap, (cursor.next_ns, order, cursor))
        gathered = _Gathered()
        for _, _, item in sorted(told, key=lambda entry: entry[:2]):
            for part in self._in_hours(item):
                gathered.add(part)
        return gathered

    def _in_hours(self, told: Told) -> Iterable[Told]:
        message = told.message
        if not self._selection.regular_hours or not isinstance(message, QuoteBatch | TradeBatch):
            return (told,)
        outside = outside_session(message.ts_ns, calendar_of(message.symbol))
        if outside.all():
            return ()
        return (Told(known_ns=told.known_ns, message=picked(message, ~outside)),) if outside.any() else (told,)

    def _no_such(self, sequence: int) -> DataError:
        return DataError(
            "the recording has no such batch",
            found=f"sequence {sequence}",
            expected=f"-1 to {len(self._ends) - 1}",
            action="check that the consumer's checkpoint belongs to this recording",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFactory:
    """A picklable recipe for a `StoreFeed`; a `market.ports.FeedFactory`.

    Parameters
    ----------
    where : str
        Folder or address of the store.
    selection : StoreSelection
        What is played.
    interval_s : float, optional
        Seconds between batches.
    speed : float, optional
        Instead of `interval_s`: how many times faster than recorded time.
    loop : bool
        Begin again after the last batch.
    """

    where: str
    selection: StoreSelection = field(default_factory=StoreSelection)
    interval_s: float | None = None
    speed: float | None = None
    loop: bool = False

    def __call__(self) -> StoreFeed:
        """Open the store and return the feed."""
        return StoreFeed(
            open_store(self.where), self.selection, interval_s=self.interval_s, speed=self.speed, loop=self.loop
        )
