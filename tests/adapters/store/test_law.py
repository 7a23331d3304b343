"""The law of the store: what became known later never changes what was read as of an instant, whatever its kind."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.encoded.messages import EVERYONE, Message, symbol_of
from adapters.replay import StoreFeed, StoreSelection
from adapters.store import DataKind, PointInTimeStore, open_store
from adapters.store.kinds import KINDS, kind_of
from adapters.store.recorder import messages_of
from market.errors import DataError
from tests.adapters.store.samples import DAY_NS, MINUTE_NS, SettableClock, assert_same, bars, chain_of, trades
from tests.adapters.store.vocabulary import (
    bars_told,
    book_told,
    events_told,
    funding_told,
    news_told,
    quotes_told,
    series_told,
)
from tests.generators import AS_OF_NS

_CHANGED = {"price", "close", "rate", "value", "actual", "bid", "bid_size", "headline"}


def _altered(message: Message, by: float) -> Message:
    """Return the message with other values under the same keys."""
    changes: dict[str, Any] = {}
    for item in fields(message):
        value = getattr(message, item.name)
        if item.name in _CHANGED:
            changes[item.name] = value + by if isinstance(value, np.ndarray) else tuple(f"{v} {by}" for v in value)
    return replace(message, **changes)


_SAMPLES: dict[str, Any] = {
    "chains": lambda place: chain_of(4000.0 + place, as_of_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "trades": lambda place: trades(6, seed=place, start_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "quotes": lambda place: quotes_told(6, seed=place, start_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "bars": lambda place: bars_told(3, seed=place, start_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "funding": lambda place: funding_told(3, start_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "series": lambda place: series_told((16.0 + place, 17.0), start_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "events": lambda place: events_told(start_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "news": lambda place: news_told(start_ns=AS_OF_NS + place * 10 * MINUTE_NS),
    "books": lambda place: book_told(ts_ns=AS_OF_NS + place * 10 * MINUTE_NS),
}
# Place in time, the correction that it is (0: none), and minutes from the event to the writing.
_WRITES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 9)), min_size=2, max_size=7)


def _write(folder: Path, kind: str, writes: list[tuple[int, int, int]], until_ns: int) -> PointInTimeStore:
    """Write in the given order what was recorded by an instant, each with its own stamps."""
    clock = SettableClock(AS_OF_NS)
    store = open_store(folder, clock=clock)
    told: set[int] = set()
    for order, (place, correction, minutes) in enumerate(writes):
        recorded_ns = AS_OF_NS + order * 10 * MINUTE_NS + minutes * MINUTE_NS
        if recorded_ns > until_ns:
            break
        clock.instant_ns = recorded_ns
        message = _altered(_SAMPLES[kind](place), float(correction)) if correction else _SAMPLES[kind](place)
        # A vendor may restate with the old stamps: then the store itself must know when it was told.
        restated = place in told and order % 2 == 1 and bool(KINDS[kind_of(message)].keys)
        told.add(place)
        writer = store.writer(kind_of(message), origin="law", witnessed=not restated)
        writer.add_message(message, known_ns=None if restated else recorded_ns)
        writer.commit()
    return store


def _read(store: PointInTimeStore, kind: str, known_ns: int) -> list[Message]:
    dataset = DataKind(kind)
    symbol = symbol_of(_SAMPLES[kind](0))
    try:
        if dataset is DataKind.CHAINS:
            return list(store.chains.between(symbol, known_ns=known_ns))
        if dataset is DataKind.SERIES:
            return [store.series(symbol, known_ns=known_ns)]
        if symbol == EVERYONE:
            return [store.events(known_ns=known_ns) if dataset is DataKind.EVENTS else store.news(known_ns=known_ns)]
    except DataError:
        return []
    return list(store.told.read(dataset, symbol, known_ns=known_ns))


@pytest.mark.parametrize("kind", _SAMPLES)
@settings(max_examples=12, deadline=None)
@given(writes=_WRITES, at=st.integers(0, 80))
@example(writes=[(0, 0, 0), (0, 1, 5)], at=5)  # told, then restated under the old stamps ten minutes later
def test_the_future_changes_no_read_of_the_past(kind: str, writes: list[tuple[int, int, int]], at: int) -> None:
    """A store that was never told what came later reads the same as of then."""
    known_ns = AS_OF_NS + at * MINUTE_NS
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as truncated:
        full = _write(Path(whole), kind, writes, 2**62)
        cut = _write(Path(truncated), kind, writes, known_ns)
        found, expected = _read(full, kind, known_ns), _read(cut, kind, known_ns)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)


@pytest.mark.parametrize("kind", _SAMPLES)
@settings(max_examples=6, deadline=None)
@given(writes=_WRITES, at=st.integers(0, 80))
def test_the_future_changes_no_batch_of_the_past(kind: str, writes: list[tuple[int, int, int]], at: int) -> None:
    """A replay up to an instant is the replay of a store that ended there."""
    known_ns = AS_OF_NS + at * MINUTE_NS
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as truncated:
        full = _write(Path(whole), kind, writes, 2**62)
        cut = _write(Path(truncated), kind, writes, known_ns)
        told = [_told(store, known_ns) for store in (full, cut)]
        assert_same(told[0], told[1])


def _told(store: PointInTimeStore, last_ns: int) -> list[Message]:
    try:
        feed = StoreFeed(store, StoreSelection(last_ns=last_ns), interval_s=0.0)
    except DataError:
        return []
    found: list[Message] = []
    while (batch := feed.next_batch()) is not None:
        found += messages_of(batch)
    feed.close()
    return found


@settings(max_examples=25, deadline=None)
@given(writes=_WRITES, at=st.integers(0, 80))
def test_the_future_changes_no_table_of_the_past(writes: list[tuple[int, int, int]], at: int) -> None:
    """The same for imported tables, whose corrections are known from their recording."""
    known_ns = AS_OF_NS + at * MINUTE_NS
    found: list[pa.Table] = []
    for until_ns in (2**62, known_ns):
        with tempfile.TemporaryDirectory() as folder:
            clock = SettableClock(AS_OF_NS)
            store = open_store(Path(folder), clock=clock)
            for order, (place, correction, minutes) in enumerate(writes):
                clock.instant_ns = AS_OF_NS + (order * 10 + minutes) * MINUTE_NS
                if clock.instant_ns > until_ns:
                    break
                start = AS_OF_NS - DAY_NS + place * MINUTE_NS
                writer = store.writer(DataKind.BARS, origin="law", source="law")
                writer.add_table("SPY", bars([start], [400.0 + correction], known=[clock.instant_ns]))
                writer.commit()
            found.append(store.table(DataKind.BARS, "SPY", known_ns=known_ns))
    assert found[0].equals(found[1])
