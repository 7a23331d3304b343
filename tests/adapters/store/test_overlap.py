"""Which rows of a stream that goes back are told again, and which are further prints that look the same."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from adapters.store import DataKind, PointInTimeStore, RecordingConfig, StreamRecorder, open_store
from adapters.store.files import StoreFiles
from adapters.store.overlap import Overlap
from market.errors import VenueError
from market.ports import MarketBatch
from market.trades import TradeBatch
from tests.adapters.store.samples import DAY_NS, FOREVER_NS, MINUTE_NS, store_at, trades
from tests.generators import AS_OF_NS

_ROWS = ("ts_ns", "price", "size")


def _prints(places: list[int]) -> TradeBatch:
    """Return prints without numbers, one millisecond to a place; those of one place are equal to the last bit."""
    rows = np.array(places, dtype=np.int64)
    n = rows.size
    return replace(
        trades(n),
        contract=np.full(n, 1, dtype=np.int32),
        ts_ns=AS_OF_NS + rows * 1_000_000,
        trade_id=np.full(n, -1, dtype=np.int64),
        price=1.0 + rows.astype(np.float64),
        size=np.ones(n),
        venue=np.zeros(n, dtype=np.int16),
        aggressor=np.zeros(n, dtype=np.int8),
    )


def _tell(store: PointInTimeStore, overlap: Overlap, batch: TradeBatch) -> None:
    fresh = overlap.fresh(batch, store.state(DataKind.TRADES))
    if fresh is not None:
        writer = store.writer(DataKind.TRADES, origin="test")
        writer.add_message(fresh)
        writer.commit()


def _stored(store: PointInTimeStore) -> Counter[tuple[float, ...]]:
    found: Counter[tuple[float, ...]] = Counter()
    for part in store.trades("SPX", known_ns=FOREVER_NS):
        found.update(zip(*(getattr(part, name).tolist() for name in _ROWS), strict=True))
    return found


@settings(max_examples=30, deadline=None)
@given(
    tape=st.lists(st.integers(0, 12), min_size=1, max_size=40).map(sorted),
    runs=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 30), st.integers(1, 7)), max_size=5),
)
def test_runs_over_one_tape_leave_the_tape(tape: list[int], runs: list[tuple[int, int, int]]) -> None:
    """A run begins at an instant before the cut or at it, and is cut anywhere, between equal prints too."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        newest = 0
        for first, n_told, length in (*runs, (0, len(tape), 5)):
            overlap, start = Overlap(store.files), min(first, newest)  # a back-fill leaves no hole
            told = [place for place in tape if place >= start][:n_told]
            for begin in range(0, len(told), length):
                _tell(store, overlap, _prints(told[begin : begin + length]))
            newest = max([newest, *told])
        whole = _prints(tape)
        expected = Counter(zip(*(getattr(whole, name).tolist() for name in _ROWS), strict=True))
        assert _stored(store) == expected


def test_prints_of_other_contracts_prices_and_numbers_are_other_prints(tmp_path: Path) -> None:
    """What differs in any part of its content is a further fact, also at an instant that is stored."""
    store, _ = store_at(tmp_path)
    one = _prints([3])
    _tell(store, Overlap(store.files), one)
    others = [
        replace(one, contract=np.zeros(1, dtype=np.int32)),
        replace(one, contract=np.full(1, -1, dtype=np.int32)),
        replace(one, price=one.price + 0.01),
        replace(one, trade_id=np.array([7])),
        replace(one, venue=np.ones(1, dtype=np.int16)),
    ]
    for other in others:
        _tell(store, Overlap(store.files), other)
    _tell(store, Overlap(store.files), one)
    assert _stored(store).total() == 1 + len(others)


def test_a_stream_that_goes_on_is_not_compared(tmp_path: Path) -> None:
    """Rows after the newest stored instant are told as they are, however equal; the batch itself comes back."""
    store, _ = store_at(tmp_path)
    overlap = Overlap(store.files)
    first, later = _prints([1, 1]), replace(_prints([1, 1]), ts_ns=np.full(2, AS_OF_NS + MINUTE_NS))
    assert overlap.fresh(first, store.state(DataKind.TRADES)) is first
    _tell(store, Overlap(store.files), first)
    overlap = Overlap(store.files)
    assert overlap.fresh(later, store.state(DataKind.TRADES)) is later
    assert overlap.fresh(first, store.state(DataKind.TRADES)) is None
    assert overlap.n_repeated == 2


class _Failing:
    """A store's files that fail once, at the n-th file that is opened."""

    def __init__(self, files: StoreFiles, at: int) -> None:
        self._files, self._left = files, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    @property
    def arrow(self) -> fs.FileSystem:
        self._left -= 1
        if not self._left:
            raise OSError("the disk is away")
        return self._files.arrow


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
def test_a_store_that_fails_while_it_is_read_changes_no_count(tmp_path: Path, at: int) -> None:
    """What was told again stays told again, and a further print that looks the same stays a further print."""
    store, _ = store_at(tmp_path)
    batches = [_prints([place, place + 1, place + 1]) for place in (0, 3, 6)]
    overlap = Overlap(store.files)
    for batch in batches:
        _tell(store, overlap, batch)
    overlap, state = Overlap(_Failing(store.files, at)), store.state(DataKind.TRADES)
    for batch in reversed(batches):
        with contextlib.suppress(VenueError):
            overlap.prepare(batch, state)
        overlap.prepare(batch, state)
    assert [overlap.fresh(batch, state) for batch in batches] == [None, None, None]
    further = overlap.fresh(batches[1], state)
    assert further is not None
    assert further.ts_ns.size == 3


def test_a_recording_whose_store_fails_doubles_nothing(tmp_path: Path) -> None:
    """The rows of a commit are counted once, however often it is tried."""
    config = RecordingConfig(where=str(tmp_path), compact=False)
    batches = [
        MarketBatch(sequence=place, ts_event_ns=AS_OF_NS + DAY_NS, chains=(), trades=(_prints([place, place]),))
        for place in range(3)
    ]
    for at, told in ((0, batches[:1]), (0, batches[1:]), (3, batches[::-1])):
        recorder = StreamRecorder(PointInTimeStore(_Failing(open_store(tmp_path).files, at)), config)
        for batch in told:
            recorder.offer(batch)
        recorder.close()
    assert _stored(open_store(tmp_path)).total() == 6
    assert recorder.counts["retries"] == 1
