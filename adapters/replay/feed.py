"""A feed that plays the snapshots of one or several files in the order in which they were taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from adapters.chains import ChainSource, SnapshotKey, open_source
from market.errors import ConfigError, DataError
from market.ports import MarketBatch

__all__ = ["ReplayFactory", "ReplayFeed"]

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    """One snapshot and where to read it: the source's and the snapshot's place."""

    key: SnapshotKey
    source: int
    snapshot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """Seconds between batches: fixed, or recorded time divided by a speed."""

    interval_s: float | None
    speed: float | None

    def __post_init__(self) -> None:
        given = [value for value in (self.interval_s, self.speed) if value is not None]
        bounded = all(math.isfinite(value) for value in given) and (self.speed is None or self.speed > 0.0)
        if len(given) != 1 or not bounded or given[0] < 0.0:
            raise ConfigError(
                "a replay needs one pace",
                found=f"interval_s={self.interval_s}, speed={self.speed}",
                expected="either interval_s >= 0 or speed > 0",
                action="give one of them",
            )


@final
class ReplayFeed:
    """Plays recorded option chains; a `market.ports.MarketFeed`.

    Parameters
    ----------
    sources : sequence of ChainSource
        Opened files; snapshots of one session and different symbols are delivered together.
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
        interval_s: float | None = None,
        speed: float | None = None,
        loop: bool = False,
    ) -> None:
        self._pace = _Pace(interval_s=interval_s, speed=speed)
        self._sources, self._loop = tuple(sources), loop
        self._batches = _batches(self._sources)
        if not self._batches:
            raise DataError("there is nothing to replay", found="no snapshot", action="name at least one chain file")
        self._next = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the recording holds, in alphabetical order."""
        return tuple(sorted({cue.key.symbol for batch in self._batches for cue in batch}))

    @property
    def simulated(self) -> bool:
        """Whether any recorded snapshot comes from a simulation."""
        return any(cue.key.simulated for batch in self._batches for cue in batch)

    @property
    def n_batches(self) -> int:
        """Batches of one pass through the recording."""
        return len(self._batches)

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch, or None where the recording has ended."""
        if self._ended():
            return None
        cues = self._batches[self._next % len(self._batches)]
        chains = tuple(self._sources[cue.source].read(cue.snapshot) for cue in cues)
        batch = MarketBatch(sequence=self._next, ts_event_ns=_instant(cues), chains=chains)
        self._next += 1
        return batch

    def delay_s(self) -> float:
        """Return the seconds between the previous batch and the next, 0 before the first and after the last."""
        if self._next == 0 or self._ended():
            return 0.0
        if self._pace.interval_s is not None:
            return self._pace.interval_s
        return self._gap_s(self._next % len(self._batches)) / (self._pace.speed or 1.0)

    def rewind(self, sequence: int) -> None:
        """Continue after the batch with this sequence number.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none.
        """
        if sequence < -1 or (not self._loop and sequence >= len(self._batches)):
            raise DataError(
                "the recording has no such batch",
                found=f"sequence {sequence}",
                expected=f"-1 to {len(self._batches) - 1}",
                action="check that the consumer's checkpoint belongs to this recording",
            )
        self._next = sequence + 1

    def _ended(self) -> bool:
        return not self._loop and self._next >= len(self._batches)

    def _gap_s(self, place: int) -> float:
        if len(self._batches) == 1:
            return 1.0
        # Where the loop closes there is no recorded gap; the first one stands in for it.
        after = max(place, 1)
        return (_instant(self._batches[after]) - _instant(self._batches[after - 1])) / _NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFactory:
    """A picklable recipe for a `ReplayFeed`; a `market.ports.FeedFactory`.

    Parameters
    ----------
    paths : tuple of Path
        Files, in any known format.
    interval_s : float, optional
        Seconds between batches.
    speed : float, optional
        Instead of `interval_s`: how many times faster than recorded time.
    loop : bool
        Begin again after the last batch.
    """

    paths: tuple[Path, ...]
    interval_s: float | None = None
    speed: float | None = None
    loop: bool = False

    def __call__(self) -> ReplayFeed:
        """Open the files and return the feed."""
        sources = [open_source(path) for path in self.paths]
        return ReplayFeed(sources, interval_s=self.interval_s, speed=self.speed, loop=self.loop)


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
