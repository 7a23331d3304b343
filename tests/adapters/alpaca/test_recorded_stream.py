"""A recorded stream of the emulated venue, cut again and again: the store holds what the uninterrupted one told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest

from adapters.alpaca import AlpacaFeed
from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer, Fault, FaultKind, Where
from adapters.emulated.alpaca_records import occ_symbols
from adapters.store import DataKind, PointInTimeStore, RecordingConfig, RecordingFeed, StreamRecorder, open_store
from market.ports import MarketBatch
from market.trades import UNDERLYING
from tests.adapters.emulated.toy import SYMBOL

_MESSAGE = Where.MESSAGE
_PATHS = ("/v2/*", "/v1beta1/*")
_FOREVER_NS = 2**62
_WAIT_S = 10.0


@final
class _Recording:
    """The unmodified client behind a recorder, and the venue that it talks to.

    Parameters
    ----------
    venue : EmulatedServer
        The venue.
    folder : Path
        The store.
    open_feed : callable
        Opens the feed.
    """

    def __init__(self, venue: EmulatedServer, folder: Path, open_feed: Callable[[], AlpacaFeed]) -> None:
        self._venue, self._folder, self._open_feed = venue, folder, open_feed
        self.played: list[MarketBatch] = []
        self.repeated, self._cuts, self._sequence = 0, 0, -1
        self._start()

    def _start(self) -> None:
        self.feed = self._open_feed()
        config = RecordingConfig(where=str(self._folder), commit_s=0.05, commit_rows=100)
        self.recording = RecordingFeed(self.feed, StreamRecorder(open_store(self._folder), config))
        if self._sequence >= 0:
            self.recording.rewind(self._sequence)
        self.pull()
        assert all(a.wait(lambda counts: counts["subscribed"] == 1, _WAIT_S) for a in self.feed.arrivals.values())
        self._cuts = 0

    def step(self, batches: int = 1) -> None:
        """Let the venue go on."""
        self.played += self._venue.step(batches)

    def pull(self) -> None:
        """Take one batch."""
        batch = self.recording.next_batch()
        assert batch is not None
        self._sequence = batch.sequence

    def cut(self, *, inside: bool) -> None:
        """Lose both streams, between frames or inside one, and have them opened again."""
        if inside:
            self._venue.faults.add(*(Fault(kind=FaultKind.DISCONNECT, where=_MESSAGE, path=path) for path in _PATHS))
        else:
            self._venue.cut_streams()
        self.step()
        self._cuts += 1
        while not all(a.wait(lambda c: c["reconnects"] >= self._cuts, 0.2) for a in self.feed.arrivals.values()):
            self.step()  # a cut inside a frame needs a frame
        self._venue.faults.clear()

    def restart(self) -> None:
        """End the process's feed and recorder, miss some of the market, and go on in new ones."""
        self.close()
        self.step(2)
        self._start()

    def close(self) -> None:
        """End both."""
        self.feed.close()
        self.recording.close()
        self.repeated += self.recording.recorder.counts["repeated"]


def _stored(store: PointInTimeStore) -> tuple[list[Any], list[Any]]:
    trades, quotes = [], []
    for part in store.trades(SYMBOL, known_ns=_FOREVER_NS):
        names = [*occ_symbols(part.contracts), SYMBOL]
        columns = (part.ts_ns.tolist(), part.contract.tolist(), part.price.tolist(), part.size.tolist())
        trades += [(ts, names[place], price, size) for ts, place, price, size in zip(*columns, strict=True)]
    for told in store.quotes(SYMBOL, known_ns=_FOREVER_NS):
        own = told.contract == UNDERLYING
        quotes += list(zip(told.ts_ns[own].tolist(), told.bid[own].tolist(), told.ask[own].tolist(), strict=True))
    return sorted(trades), sorted(quotes)


def _truth(batches: list[MarketBatch], folder: Path) -> tuple[list[Any], list[Any]]:
    """Return what an uninterrupted recording holds."""
    recorder = StreamRecorder(open_store(folder), RecordingConfig(where=str(folder)))
    for batch in batches:
        recorder.offer(batch)
    recorder.close()
    return _stored(open_store(folder))


@pytest.mark.slow
def test_a_recorded_stream_cut_twenty_times_equals_the_uninterrupted_one(
    venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any], tmp_path: Path
) -> None:
    """Lost connections and new processes, whose back-fill overlaps what is stored, lose and repeat no row."""
    rng = np.random.default_rng(5)
    config = config_of(venue, catch_up_s=30.0)
    recording = _Recording(venue, tmp_path / "cut", lambda: AlpacaFeed(config, credentials, clock=venue.desk.clock))
    for cut in range(20):
        recording.step(int(rng.integers(1, 4)))
        if cut % 4 == 3:
            recording.restart()
        else:
            recording.cut(inside=bool(rng.random() < 0.5))
            recording.pull()
    recording.step()
    recording.cut(inside=False)  # what the last step sent may be lost as well
    recording.pull()
    recording.close()
    store = open_store(tmp_path / "cut")
    assert store.verify() == ()
    for found, true in zip(_stored(store), _truth(recording.played, tmp_path / "whole"), strict=True):
        # A new process asks for the span before it began as well; what lies before the first step is extra history.
        assert [row for row in found if row[0] >= true[0][0]] == true
    assert recording.repeated > 0
    assert len(store.versions(DataKind.TRADES)) > 5
