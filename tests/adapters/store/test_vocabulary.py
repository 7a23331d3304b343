"""Every message of the vocabulary goes in and comes out as it was, and as it was known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from adapters.encoded.messages import Message
from adapters.quality import check_store, quality_of
from adapters.store import DataKind, PointInTimeStore
from adapters.store.kinds import kind_of
from market.errors import DataError
from market.series import SeriesUnit
from tests.adapters.store.samples import DAY_NS, FOREVER_NS, MINUTE_NS, assert_same, bars, chain_of, store_at, trades
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

_HOUR_NS = 60 * MINUTE_NS


def _written(store: PointInTimeStore, message: Message, **stamps: int) -> None:
    writer = store.writer(kind_of(message), origin="test")
    writer.add_message(message, **stamps)
    writer.commit()


@pytest.mark.parametrize(
    "message",
    [
        chain_of(),
        trades(9),
        quotes_told(),
        bars_told(),
        funding_told(),
        series_told(),
        events_told(),
        news_told(),
        book_told(),
        book_told(0, 0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_comes_back_bit_for_bit(tmp_path: Path, message: Message) -> None:
    """Whatever its class, the file holds the message that was written."""
    store, _ = store_at(tmp_path)
    _written(store, message)
    (segment,) = store.segments(kind_of(message))
    (found,) = store.messages(segment)
    assert_same(found, message)
    assert not store.verify(kind_of(message))


def test_the_readers_return_what_was_written(tmp_path: Path) -> None:
    """One call per kind, and what was not known yet is not in it."""
    store, _ = store_at(tmp_path)
    for message in (bars_told(), funding_told(), series_told(), events_told(), news_told(), book_told()):
        _written(store, message)
    assert_same(next(store.bars("SPX", known_ns=FOREVER_NS)), bars_told())
    assert_same(next(store.funding("BTC/USDT:USDT", known_ns=FOREVER_NS)), funding_told())
    assert_same(store.series("VIX", known_ns=FOREVER_NS), series_told())
    assert_same(store.events(known_ns=FOREVER_NS), events_told())
    assert_same(store.news(known_ns=FOREVER_NS), news_told())
    assert_same(next(store.books("BTC", known_ns=FOREVER_NS)), book_told())
    assert next(store.bars("SPX", known_ns=AS_OF_NS + 2 * MINUTE_NS)).n_bars == 2
    assert store.events(known_ns=AS_OF_NS + _HOUR_NS).n_events == 3
    assert store.news(known_ns=AS_OF_NS + MINUTE_NS).headline == ("Up, they say",)
    assert store.series("VIX", known_ns=AS_OF_NS + MINUTE_NS).value.tolist() == [16.0]
    with pytest.raises(DataError, match="no article"):
        store.news(known_ns=AS_OF_NS)


def test_a_restated_value_is_known_from_its_recording(tmp_path: Path) -> None:
    """The same stamp with another value does not change what was known before it came."""
    store, clock = store_at(tmp_path)
    _written(store, series_told())
    clock.instant_ns = late = AS_OF_NS + 30 * DAY_NS
    _written(store, replace(series_told(), value=series_told().value + 1.0))
    assert_same(store.series("VIX", known_ns=late - 1), series_told())
    now = store.series("VIX", known_ns=late)
    assert now.known_at(late).value.tolist() == pytest.approx([17.0, 18.5, 16.26])
    assert now.known_at(late - 1).value.tolist() == pytest.approx([16.0, 17.5, 15.26])


def test_bars_that_come_again_are_not_written_twice(tmp_path: Path) -> None:
    """Of an overlapping batch only the new rows come in, and a changed bar stands from its recording on."""
    store, clock = store_at(tmp_path)
    whole = bars_told(8)
    _written(store, bars_told(8))
    clock.instant_ns = late = AS_OF_NS + DAY_NS
    changed = replace(whole, close=np.where(np.arange(8) == 3, 100.0, whole.close), cause_id="again")
    writer = store.writer(DataKind.BARS, origin="test")
    writer.add_message(changed)
    writer.commit()
    assert (writer.n_rows, writer.n_repeated, writer.n_corrected) == (1, 7, 1)
    closes = [batch.close.tolist() for batch in store.bars("SPX", known_ns=late)]
    assert sorted(value for batch in closes for value in batch) == sorted(changed.close.tolist())
    assert_same(next(store.bars("SPX", known_ns=late - 1)), whole)


def test_imported_tables_are_told_as_messages(tmp_path: Path) -> None:
    """Bars, rates and funding of a file are read through the calls that read a vendor's stream."""
    store, _ = store_at(tmp_path)
    days = AS_OF_NS // DAY_NS * DAY_NS + DAY_NS * np.arange(3)
    stamps = {"event_ns": days, "known_ns": days + DAY_NS}
    tables = {
        (DataKind.BARS, "SPY"): bars([AS_OF_NS, AS_OF_NS + MINUTE_NS], [400.0, 401.0]),
        (DataKind.RATES, "DFF"): pa.table(stamps | {"rate_pct": [5.08, None, 5.1]}),
        (DataKind.FUNDING, "ETHUSDT"): pa.table(
            stamps | {"funding_rate": [1e-4, 2e-4, 3e-4], "interval_ns": [DAY_NS] * 3}
        ),
    }
    for (kind, symbol), table in tables.items():
        writer = store.writer(kind, origin="file")
        writer.add_table(symbol, table)
        writer.commit()
    (found,) = store.bars("SPY", known_ns=FOREVER_NS)
    assert (found.close.tolist(), found.end_ns.tolist()) == ([400.0, 401.0], [AS_OF_NS + k * MINUTE_NS for k in (1, 2)])
    rate = store.series("DFF", known_ns=FOREVER_NS)
    assert (rate.unit, rate.n_missing) == (SeriesUnit.FRACTION_PER_YEAR, 1)
    np.testing.assert_allclose(rate.value, [0.0508, 0.051])
    assert store.series("DFF", known_ns=int(days[2])).n_points == 1
    (funding,) = store.funding("ETHUSDT", known_ns=FOREVER_NS)
    assert set(funding.interval_ns.tolist()) == {DAY_NS}
    assert funding.is_settled.all()


def test_a_series_of_two_sources_must_be_named(tmp_path: Path) -> None:
    """Nobody is asked to guess which of two sources is right."""
    store, _ = store_at(tmp_path)
    other = replace(series_told().provenance, source="other")
    _written(store, series_told())
    _written(store, replace(series_told((1.0,)), provenance=other))
    with pytest.raises(DataError, match="several sources have the series VIX; found other, vendor"):
        store.series("VIX", known_ns=FOREVER_NS)
    assert store.series("VIX", known_ns=FOREVER_NS, source="other").value[0] == 1.0


def test_a_message_of_another_data_set_is_refused(tmp_path: Path) -> None:
    """A writer of bars takes no funding."""
    store, _ = store_at(tmp_path)
    with pytest.raises(DataError, match="FundingBatch for bars"):
        store.writer(DataKind.BARS, origin="test").add_message(funding_told())


def test_noted_quality_travels_with_what_is_read(tmp_path: Path) -> None:
    """What the checks say of a file stands in the provenance of its messages; a lower word of a gate stays."""
    store, _ = store_at(tmp_path)
    gated = replace(trades(9).provenance, quality=0.25, quality_reason="stale")
    crossed = replace(quotes_told(), ask=quotes_told().bid - 1.0)
    for message in (chain_of(), replace(trades(9), provenance=gated), crossed):
        _written(store, message)
    assert next(store.quotes("SPX", known_ns=FOREVER_NS)).provenance.quality is None
    check_store(store)
    read = next(store.quotes("SPX", known_ns=FOREVER_NS)).provenance
    noted = quality_of(store, store.segments(DataKind.QUOTES)[0])
    assert noted is not None
    assert read.quality == noted.score < 1.0
    assert read.quality_reason == noted.findings[0].reason
    assert next(store.trades("SPX", known_ns=FOREVER_NS)).provenance.quality == 0.25
    chain = store.chains.newest("SPX", known_ns=FOREVER_NS)
    checked = quality_of(store, store.segments(DataKind.CHAINS)[0])
    assert checked is not None
    assert chain.provenance.quality == checked.score


def test_what_a_check_found_is_not_known_before_it(tmp_path: Path) -> None:
    """A check sees the afternoon: what was read in the morning must not change when it is made, or what it finds."""
    store, clock = store_at(tmp_path)
    spoilt = chain_of(as_of_ns=AS_OF_NS + MINUTE_NS)
    for message in (chain_of(), replace(spoilt, bid=spoilt.ask + 1.0), quotes_told()):
        _written(store, message)
    before = store.chains.newest("SPX", known_ns=AS_OF_NS), next(store.quotes("SPX", known_ns=AS_OF_NS + _HOUR_NS))
    clock.instant_ns += DAY_NS
    check_store(store, clock=clock)
    again = store.chains.newest("SPX", known_ns=AS_OF_NS), next(store.quotes("SPX", known_ns=AS_OF_NS + _HOUR_NS))
    for one, other in zip(before, again, strict=True):
        assert_same(one, other)
    assert {again[0].provenance.quality, again[1].provenance.quality} == {None}
    later = store.chains.newest("SPX", known_ns=clock.now_ns())
    assert later.provenance.quality is not None
    assert later.provenance.quality < 1.0
    (first, _) = store.chains.between("SPX", known_ns=AS_OF_NS + MINUTE_NS)
    assert first.provenance.quality is None


def test_every_kind_can_be_checked(tmp_path: Path) -> None:
    """A check of a store with all kinds ends with a note beside each file."""
    store, _ = store_at(tmp_path)
    for message in (bars_told(), funding_told(), series_told(), events_told(), news_told(), book_told()):
        _written(store, message)
    check_store(store)
    kinds = (DataKind.BARS, DataKind.FUNDING, DataKind.SERIES, DataKind.EVENTS, DataKind.NEWS, DataKind.BOOKS)
    assert all(quality_of(store, segment) for kind in kinds for segment in store.segments(kind))
