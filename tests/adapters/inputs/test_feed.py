"""A feed with context: each row with the first batch at or after its instant, whatever lies around the feed."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.codec import encode
from adapters.encoded.messages import known_ns_of, picked
from adapters.inputs import ContextFactory, ContextFeed, Timeline, ToldRows, announced_meetings
from fields.live.context import MarketContext
from fields.live.context_config import ContextConfig
from market.bars import BarBatch
from market.errors import DataError
from market.ports import MarketBatch
from market.series import SeriesBatch
from market.trades import UNDERLYING
from tests.actors.samples import ListedFactory
from tests.adapters.store.samples import MINUTE_NS
from tests.adapters.store.vocabulary import bars_told
from tests.fields.live.context_samples import DAY_NS, HOUR_NS, START_NS, everything, points

_CONFIG = ContextConfig(sma_bars=20, cross=("TLT",))


@dataclass(frozen=True)
class Ticker:
    """A feed of empty batches at given instants."""

    instants: tuple[int, ...]

    def __call__(self) -> Ticking:
        return Ticking(self.instants)


class Ticking:
    """What a `Ticker` opens."""

    def __init__(self, instants: tuple[int, ...]) -> None:
        self._instants, self._next = instants, 0
        self.symbols = ("SPY",)

    def next_batch(self) -> MarketBatch | None:
        if self._next >= len(self._instants):
            return None
        self._next += 1
        return MarketBatch(sequence=self._next - 1, ts_event_ns=self._instants[self._next - 1], chains=())

    def delay_s(self) -> float:
        return 0.5

    def rewind(self, sequence: int) -> None:
        self._next = sequence + 1


def _batches(feed: ContextFeed) -> list[MarketBatch]:
    return list(iter(feed.next_batch, None))


def _feed(instants: tuple[int, ...], n_days: int = 16) -> ContextFeed:
    told = [ToldRows.of(message) for message in everything(n_days)]
    return ContextFeed(Ticker(instants)(), Timeline(told))


_EVERY_SIX_HOURS = tuple(START_NS + place * 6 * HOUR_NS for place in range(70))


def test_no_row_comes_before_it_was_known_and_none_is_lost() -> None:
    """Every row of a batch was known by its instant and not by that of the batch before; all rows come once."""
    before, rows = 0, 0
    for batch in _batches(_feed(_EVERY_SIX_HOURS)):
        for message in batch.context:
            known = known_ns_of(message)
            assert known.max() <= batch.ts_event_ns
            assert known.min() > before
            assert message.ts_event_ns == known.max()
            rows += known.size
        before = batch.ts_event_ns
    assert rows == sum(known_ns_of(message).size for message in everything(16))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 69), st.integers(0, 3))
def test_truncating_the_future_changes_no_past_inputs(place: int, seed: int) -> None:
    """Through feed and context: the inputs at a batch are those of a world that ended there."""
    at_ns = _EVERY_SIX_HOURS[place]
    messages = everything(16, seed=seed)
    told = [ToldRows.of(message) for message in messages]
    ended = Timeline(told).between(None, at_ns)
    whole, cut = MarketContext(_CONFIG), MarketContext(_CONFIG)
    for batch in _batches(ContextFeed(Ticker(_EVERY_SIX_HOURS[: place + 1])(), Timeline(told))):
        whole.on_context(batch.context)
    for batch in _batches(ContextFeed(Ticker((at_ns,))(), Timeline([ToldRows.of(message) for message in ended]))):
        cut.on_context(batch.context)
    assert encode(whole.inputs("SPY", at_ns)) == encode(cut.inputs("SPY", at_ns))


@pytest.mark.parametrize("after", [-1, 0, 30, 68])
def test_a_rewound_feed_leads_to_the_same_inputs(after: int) -> None:
    """A consumer that goes on after any batch, by this feed or a new one, knows in the end what it would have known."""
    straight = MarketContext(_CONFIG)
    for batch in _batches(_feed(_EVERY_SIX_HOURS)):
        straight.on_context(batch.context)
    again, first = MarketContext(_CONFIG), _feed(_EVERY_SIX_HOURS)
    for batch in _batches(first)[: after + 1]:
        again.on_context(batch.context)
    second = _feed(_EVERY_SIX_HOURS)
    second.rewind(after)
    for batch in _batches(second):
        again.on_context(batch.context)
    at_ns = _EVERY_SIX_HOURS[-1]
    assert encode(again.inputs("SPY", at_ns)) == encode(straight.inputs("SPY", at_ns))


def test_a_looped_feed_is_told_nothing_twice_and_sees_no_future() -> None:
    """When the instants begin again, the rows of the first round stand, and each counts from its own instant only."""
    feed = _feed((START_NS, START_NS + 10 * DAY_NS, START_NS, START_NS + 10 * DAY_NS))
    told = [len(batch.context) for batch in _batches(feed)]
    assert told[0] > 0
    assert told[1] > 0
    assert told[2:] == [0, 0]
    assert feed.counts == {"context.messages": sum(told)}


def test_a_factory_crosses_a_process_and_keeps_the_other_feed(tmp_path: Path) -> None:
    """Pickled and opened, it delivers the other feed's batches with what its files and the announced meetings say."""
    path = tmp_path / "VIX_History.csv"
    path.write_text("DATE,OPEN,HIGH,LOW,CLOSE\n05/22/2023,16.8,17.5,16.6,17.21\n")
    recipe = ContextFactory(factory=ListedFactory(symbols=("SPX",), n_batches=2, interval_s=0.25), paths=(path,))
    feed = pickle.loads(pickle.dumps(recipe))()  # noqa: S301  # our own bytes
    first, second = _batches(feed)
    assert (feed.symbols, feed.delay_s(), len(first.chains)) == (("SPX",), 0.25, 1)
    (series,) = first.context
    assert isinstance(series, SeriesBatch)
    assert (series.series, series.value.tolist()) == ("VIX", [17.21])
    assert second.context == ()


def test_meetings_are_known_from_their_press_release() -> None:
    """Eight a year, on Wednesdays at two in New York; the release of September 2025 says nothing before its hour."""
    meetings = announced_meetings()
    assert meetings.n_events == 25
    days = (meetings.event_ns // DAY_NS + 4) % 7
    assert (days == 3).all()
    release = int(meetings.available_ns.max())
    assert meetings.known_at(release - 1).n_events == 17
    context = MarketContext(ContextConfig())
    context.on_context([meetings])
    statement = int(meetings.event_ns[meetings.event_id.index("fomc-2026-12-09")])
    found = context.inputs("SPX", statement - 90 * 60 * 10**9)
    assert found.minutes_to_fomc == 90.0
    assert found.minutes_since_fomc == 42 * 1440.0 - 90.0 + 60.0  # the clocks went back on 1 November


def test_rows_that_claim_to_be_known_too_early_are_refused() -> None:
    """An instant before the row's own stamp would be a look into the future."""
    series = points("VIX", [(1, 10, 15.0)])
    with pytest.raises(DataError, match="before they can be"):
        ToldRows(message=series, known_ns=np.array([9]))


def test_history_reaches_back_so_far_and_announcements_for_ever() -> None:
    """The beginning brings what an input can remember, and every announced event."""
    old = points("VIX", [(0, 0, 9.0), (800 * DAY_NS, 800 * DAY_NS, 15.0)])
    meetings = announced_meetings()
    late = int(meetings.available_ns.max()) + 800 * DAY_NS
    (recent,) = Timeline([ToldRows.of(old)]).between(None, 801 * DAY_NS)
    assert known_ns_of(recent).tolist() == [800 * DAY_NS]
    (found,) = Timeline([ToldRows.of(meetings)]).between(None, late)
    assert known_ns_of(found).size == meetings.n_events


def test_a_correction_stands_though_the_bars_that_it_belongs_to_go_on() -> None:
    """The third bar of a message was corrected before the fourth came: a feed that begins at the end tells so, too."""
    told = bars_told(5)
    told = replace(told, contract=np.full(5, UNDERLYING, dtype=np.int32))
    corrected = picked(replace(told, close=told.close + 100.0), np.array([2]))
    assert isinstance(corrected, BarBatch)
    late_ns = corrected.end_ns + MINUTE_NS // 2
    timeline = Timeline([ToldRows.of(told), ToldRows(message=corrected, known_ns=late_ns)])
    for first_ns in (None, int(told.start_ns[0]), int(told.end_ns[2])):
        context = MarketContext(ContextConfig(cross=("SPX",)))
        before = first_ns
        if before is not None:
            context.on_context(timeline.between(None, before))
        context.on_context(timeline.between(before, int(told.end_ns[4])))
        held = context.checkpoint().histories["intraday"]["SPX"].values[:, 2]
        assert held.tolist() == [*told.close[:2].tolist(), told.close[2] + 100.0, *told.close[3:].tolist()]
