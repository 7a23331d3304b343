"""Which messages become records of the ledger."""

from __future__ import annotations

import json
from dataclasses import replace

from actors.codec import encode
from actors.ledger_state import LedgerConfig, LedgerState
from actors.messages import BusBatch, BusMessage
from fields.live.market import MarketInputs
from fields.summary import summarize
from market.ports import Stream
from tests.serve.samples import NOW_NS, feed_report, publication_of, shard_report, snapshot_of

_SECOND = 1_000_000_000


def _batch(topic: Stream, *messages: tuple[str, bytes, int]) -> BusBatch:
    made = tuple(
        BusMessage(sequence=n + 1, key=key, ts_event_ns=ts, payload=payload)
        for n, (key, payload, ts) in enumerate(messages)
    )
    return BusBatch(topic=topic, epoch_ns=1, next=len(made), messages=made, missed=0)


def _snapshot(symbol: str, after_s: int, *, simulated: bool = True) -> tuple[str, bytes, int]:
    published = publication_of(snapshot_of(symbol, step=after_s, simulated=simulated))
    published = replace(published, published_ns=NOW_NS + after_s * _SECOND)
    return symbol, encode(published), published.snapshot.ts_event_ns


def test_a_snapshot_becomes_a_compact_record() -> None:
    """The record has the summary and the simulated mark, not the big arrays, and can be written as JSON."""
    (record,) = LedgerState(LedgerConfig()).records(_batch(Stream.FIELD_SNAPSHOTS, _snapshot("SPX", 0)))
    text = json.dumps(record.payload, allow_nan=False)
    assert (record.stream, record.key, record.cause_id) == (Stream.FIELD_SNAPSHOTS, "SPX", "SPX-0")
    assert record.simulated
    assert len(text) < 8_000
    assert "gamma_usd_per_pct" in record.payload
    assert "ladder" not in record.payload


def test_the_record_is_the_summary_of_the_whole_field() -> None:
    """The ledger reads a part of the message only; what it writes is what a reader of all of it would."""
    published = publication_of(snapshot_of("SPX"))
    message = ("SPX", encode(published), published.snapshot.ts_event_ns)
    (record,) = LedgerState(LedgerConfig()).records(_batch(Stream.FIELD_SNAPSHOTS, message))
    expected = json.dumps(summarize(published.snapshot))
    assert json.dumps({name: record.payload[name] for name in json.loads(expected)}) == expected


def test_a_record_holds_the_inputs_of_its_field_and_their_mark() -> None:
    """What was known of other markets stands in it; simulated inputs mark a field of real chains."""
    published = publication_of(snapshot_of())
    snapshot = replace(published.snapshot, provenance=replace(published.snapshot.provenance, simulated=False))
    market = MarketInputs(vix=17.2, reasons={"rate": "stale"}, simulated=True)
    told = replace(published, snapshot=snapshot, live=replace(published.live, market=market))
    (record,) = LedgerState(LedgerConfig()).records(_batch(Stream.FIELD_SNAPSHOTS, ("SPX", encode(told), NOW_NS)))
    assert record.payload["inputs"] == {"vix": 17.2}
    assert record.payload["confidence"] == published.live.confidence
    assert record.simulated


def test_snapshots_within_the_period_are_skipped_and_counted() -> None:
    """At most one record of a symbol per period; other symbols are not held back by it."""
    state = LedgerState(LedgerConfig(snapshot_period_s=5.0))
    messages = [_snapshot("SPX", 0), _snapshot("SPX", 4), _snapshot("NDX", 4), _snapshot("SPX", 5)]
    records = state.records(_batch(Stream.FIELD_SNAPSHOTS, *messages))
    assert [record.cause_id for record in records] == ["SPX-0", "NDX-4", "SPX-5"]
    assert state.skipped == 1


def test_unchanged_health_is_recorded_once_a_period() -> None:
    """A shard that says the same each second fills no ledger."""
    state = LedgerState(LedgerConfig(health_period_s=60.0))
    same = encode(shard_report(reasons={}))
    messages = [("shard-0", same, NOW_NS + second * _SECOND) for second in range(61)]
    assert len(state.records(_batch(Stream.HEALTH, *messages))) == 2


def test_a_change_of_health_is_recorded_at_once() -> None:
    """A failing symbol and the feed's end are events: they do not wait for the period."""
    state = LedgerState(LedgerConfig(health_period_s=3600.0))
    messages = [
        ("shard-0", encode(shard_report(reasons={})), NOW_NS),
        ("shard-0", encode(shard_report(reasons={"SPX": "no spot"})), NOW_NS + 1),
        ("feed", encode(feed_report(symbols=("SPX",))), NOW_NS + 2),
        ("feed", encode(feed_report(symbols=("SPX",), ended=True)), NOW_NS + 3),
    ]
    assert len(state.records(_batch(Stream.HEALTH, *messages))) == 4
