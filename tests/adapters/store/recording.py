"""A program that records a stream: ``python -m tests.adapters.store.recording FOLDER BATCHES``, and what it records."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from adapters.store import RecordingConfig, RecordingFactory
from market.ports import MarketBatch
from tests.adapters.store.samples import trades
from tests.adapters.store.vocabulary import bars_told, quotes_told
from tests.generators import AS_OF_NS

SECOND_NS = 1_000_000_000


@final
class ToyFeed:
    """A batch a second: trades of which many are equal, quotes, and each minute a bar; it tells the same again.

    Parameters
    ----------
    n_batches : int
        After which it ends.
    """

    def __init__(self, n_batches: int) -> None:
        self._n_batches, self._next = n_batches, 0

    symbols = ("SPX",)

    def delay_s(self) -> float:
        """Return no delay."""
        return 0.0

    def rewind(self, sequence: int) -> None:
        """Continue after a batch."""
        self._next = sequence + 1

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch."""
        if self._next >= self._n_batches:
            return None
        place, start = self._next, AS_OF_NS + self._next * SECOND_NS
        self._next += 1
        one = trades(7, seed=place, start_ns=start)
        # Prints without a number, four of them equal to the last bit.
        equal = np.array([0, 1, 1, 1, 1, 2, 3])
        columns = {name: getattr(one, name)[equal] for name in ("contract", "ts_ns", "price", "size", "venue")}
        told = replace(one, **columns, aggressor=one.aggressor[equal], trade_id=np.full(7, -1, dtype=np.int64))
        end = start + SECOND_NS
        return MarketBatch(
            sequence=place,
            ts_event_ns=end,
            chains=(),
            quotes=(replace(quotes_told(5, start_ns=start, seed=place), ts_event_ns=end),),
            trades=(replace(told, ts_event_ns=end),),
            context=(bars_told(1, start_ns=start - 60 * SECOND_NS, seed=place),) if place % 60 == 0 else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyFactory:
    """Recipe of a `ToyFeed`."""

    n_batches: int

    def __call__(self) -> ToyFeed:
        """Open it."""
        return ToyFeed(self.n_batches)


def factory(folder: Path, n_batches: int) -> RecordingFactory:
    """Return a recipe of a recorded toy stream with many small commits."""
    config = RecordingConfig(where=str(folder), commit_s=0.02, commit_rows=200)
    return RecordingFactory(inner=ToyFactory(n_batches=n_batches), config=config, replayable=True)


def main() -> None:
    """Record from where the last process ended, and say when batches were told."""
    feed = factory(Path(sys.argv[1]), int(sys.argv[2]))()
    while (batch := feed.next_batch()) is not None:
        if batch.sequence % 20 == 0:
            sys.stdout.write(f"{batch.sequence}\n")
            sys.stdout.flush()
    sys.stdout.write("end\n")


if __name__ == "__main__":
    main()
