"""A feed that plays recorded snapshots, quotes, trades and order books in the order in which they were known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from adapters.chains import ChainSource, SnapshotKey, open_source
from adapters.replay.books import BookPlayer
from adapters.replay.pace import Pace
from adapters.replay.ticks import Played, TickPlayer
from adapters.ticks import TickSource, open_ticks
from market.books import BookSnapshot
from market.errors import ConfigError, DataError
from market.ports import MarketBatch

__all__ = ["ReplayFactory", "ReplayFeed"]

_NS_PER_S = 1e9
_BEFORE: Final = -1  # ns, before everything that was recorded
BOOK_LEVELS: Final = 50
"""Levels of a side of a recorded book that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    """One snapshot and where to read it: the source's and the snapshot's place."""

    key: SnapshotKey
    source: int
    snapshot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """One batch to come: its instant, the chains read for it, and whether ticks end with it."""

    ts_event_ns: int
    cues: tuple[_Cue, ...] = ()
    ticks: bool = False


@final
class ReplayFeed:
    """Plays recorded option chains, quotes and trades; a `market.ports.MarketFeed`.

    Parameters
    ----------
    sources : sequence of ChainSource
        Opened files; snapshots of one session and different symbols are delivered together.
    ticks : TickSource, optional
        Trades, quotes and books, delivered minute by minute among the chains; what a batch holds was known by its
        instant.
    chain_every : int
        Minutes between the chains that are built from the ticks of symbols which no chain file holds; 0 for none.
    book_levels : int
        Levels of a side of the order books that are among the ticks; 0 to pass books over.
    interval_s : float, optional
        Seconds between batches.
    speed : float, optional
        Instead of `interval_s`: how many times faster than recorded time.
    loop : bool
        Begin again after the last batch: the sequence goes on rising, event instants repeat.
    """

    def __init__(
        self,
        sources: Sequence[ChainSource],
        *,
        ticks: TickSource | None = None,
        chain_every: int = 1,
        book_levels: int = BOOK_LEVELS,
        interval_s: float | None = None,
        speed: float | None = None,
        loop: bool = False,
    ) -> None:
        self._pace = Pace(interval_s=interval_s, speed=speed)
        if chain_every < 0:
            raise ConfigError("chains cannot be built that often", found=str(chain_every), expected="0 or more minutes")
        if book_levels < 0:
            raise ConfigError("books cannot have so many levels", found=str(book_levels), expected="0 or more levels")
        self._sources, self._loop = tuple(sources), loop
        has_books = ticks is not None and bool(ticks.books) and book_levels > 0
        self._scenes = _scenes(self._sources, ticks, with_books=has_books)
        if not self._scenes:
            raise DataError("there is nothing to replay", found="no snapshot", action="name at least one chain file")
        recorded = {cue.key.symbol for scene in self._scenes for cue in scene.cues}
        self._player = None if ticks is None else TickPlayer(ticks, recorded=recorded, chain_every=chain_every)
        self._books = BookPlayer(ticks, levels=book_levels) if ticks is not None and has_books else None
        self._next = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings of which the recording has chains, or option quotes to build them; in alphabetical order."""
        told = () if self._player is None else self._player.symbols
        return tuple(sorted({*told, *(cue.key.symbol for scene in self._scenes for cue in scene.cues)}))

    @property
    def simulated(self) -> bool:
        """Whether any recorded snapshot comes from a simulation."""
        return any(cue.key.simulated for scene in self._scenes for cue in scene.cues)

    @property
    def n_batches(self) -> int:
        """Batches of one pass through the recording."""
        return len(self._scenes)

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch, or None where the recording has ended."""
        if self._ended():
            return None
        place = self._next % len(self._scenes)
        scene = self._scenes[place]
        chains = [self._sources[cue.source].read(cue.snapshot) for cue in scene.cues]
        played = Played()
        if self._player is not None and scene.ticks:
            played = self._player.play(scene.ts_event_ns)
        batch = MarketBatch(
            sequence=self._next,
            ts_event_ns=scene.ts_event_ns,
            chains=(*chains, *played.chains),
            quotes=played.quotes,
            trades=played.trades,
            books=self._told_books(place),
        )
        self._next += 1
        return batch

    def delay_s(self) -> float:
        """Return the seconds between the previous batch and the next, 0 before the first and after the last."""
        if self._next == 0 or self._ended():
            return 0.0
        return self._pace.delay_s(self._gap_s(self._next % len(self._scenes)))

    def rewind(self, sequence: int) -> None:
        """Continue after the batch with this sequence number; ticks are read again from their start.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none.
        """
        if sequence < -1 or (not self._loop and sequence >= len(self._scenes)):
            raise DataError(
                "the recording has no such batch",
                found=f"sequence {sequence}",
                expected=f"-1 to {len(self._scenes) - 1}",
                action="check that the consumer's checkpoint belongs to this recording",
            )
        self._next = sequence + 1

    def _told_books(self, place: int) -> tuple[BookSnapshot, ...]:
        if self._books is None:
            return ()
        after_ns = self._scenes[place - 1].ts_event_ns if place else _BEFORE
        return self._books.play(after_ns, self._scenes[place].ts_event_ns)

    def _ended(self) -> bool:
        return not self._loop and self._next >= len(self._scenes)

    def _gap_s(self, place: int) -> float:
        if len(self._scenes) == 1:
            return 1.0
        # Where the loop closes there is no recorded gap; the first one stands in for it.
        after = max(place, 1)
        return (self._scenes[after].ts_event_ns - self._scenes[after - 1].ts_event_ns) / _NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFactory:
    """A picklable recipe for a `ReplayFeed`; a `market.ports.FeedFactory`.

    Parameters
    ----------
    paths : tuple of Path
        Files of chains, in any known format.
    ticks : tuple of Path
        Files of trades, quotes and morning open interest, in any known format.
    chain_every : int
        Minutes between the chains that are built from the ticks of symbols which no chain file holds; 0 for none.
    book_levels : int
        Levels of a side of the order books that are among the ticks; 0 to pass books over.
    regular_hours : bool
        Leave out ticks outside the regular sessions.
    interval_s : float, optional
        Seconds between batches.
    speed : float, optional
        Instead of `interval_s`: how many times faster than recorded time.
    loop : bool
        Begin again after the last batch.
    """

    paths: tuple[Path, ...] = ()
    ticks: tuple[Path, ...] = ()
    chain_every: int = 1
    book_levels: int = BOOK_LEVELS
    regular_hours: bool = False
    interval_s: float | None = None
    speed: float | None = None
    loop: bool = False

    def __call__(self) -> ReplayFeed:
        """Open the files and return the feed."""
        return ReplayFeed(
            [open_source(path) for path in self.paths],
            ticks=open_ticks(*self.ticks, regular_hours=self.regular_hours) if self.ticks else None,
            chain_every=self.chain_every,
            book_levels=self.book_levels,
            interval_s=self.interval_s,
            speed=self.speed,
            loop=self.loop,
        )


def _scenes(sources: Sequence[ChainSource], ticks: TickSource | None, *, with_books: bool) -> tuple[_Scene, ...]:
    scenes = [_Scene(ts_event_ns=_instant(cues), cues=cues) for cues in _batches(sources)]
    if ticks is None:
        return tuple(scenes)
    minutes = set(ticks.instants().tolist())
    last_at = {scene.ts_event_ns: place for place, scene in enumerate(scenes)}
    for instant, place in last_at.items():
        if instant in minutes:  # a chain of the very end of a minute comes with it, any other in a batch of its own
            scenes[place] = replace(scenes[place], ticks=True)
    scenes += [_Scene(ts_event_ns=instant, ticks=True) for instant in minutes - set(last_at)]
    changed = set(ticks.book_instants().tolist()) if with_books else set()
    scenes += [_Scene(ts_event_ns=instant) for instant in changed - minutes - set(last_at)]
    return tuple(sorted(scenes, key=lambda scene: scene.ts_event_ns))


def _instant(cues: Iterable[_Cue]) -> int:
    return max(cue.key.ts_event_ns for cue in cues)


def _batches(sources: Sequence[ChainSource]) -> tuple[tuple[_Cue, ...], ...]:
    cues = [
        _Cue(key=key, source=s, snapshot=i)
        for s, source in enumerate(sources)
        for i, key in enumerate(source.snapshots)
    ]
    # The source comes last, so that the result does not depend on the order in which files are named.
    cues.sort(key=lambda cue: (cue.key.session, cue.key.ts_event_ns, cue.key.symbol, cue.source))
    batches: list[list[_Cue]] = []
    for cue in cues:
        batch = batches[-1] if batches else []
        together = batch and batch[0].key.session == cue.key.session
        if together and cue.key.symbol not in {other.key.symbol for other in batch}:
            batch.append(cue)
        else:
            batches.append([cue])
    # A session's label may be older than its quotes (Yahoo), so event time has the last word.
    return tuple(tuple(batch) for batch in sorted(batches, key=_instant))
