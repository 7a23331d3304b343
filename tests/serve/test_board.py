"""The board: what is latest, how old it is, and what is told about it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.messages import StreamHealth, StreamKind
from fields.live.summary import describe_live
from fields.summary import describe, summarize
from serve.board import Detail, Entry, SnapshotBoard
from serve.live_summary import summarize_live
from tests.serve.samples import (
    HandClock,
    feed_report,
    live_fields,
    publication_of,
    shard_report,
    snapshot_of,
    without_roots,
)

_CLOSED = StreamHealth(
    symbol="SPX", kind=StreamKind.CHAINS, rows=1, newest_ns=1, lag_s=0.0, silent_s=9.0, market_closed=True
)


def _board(*symbols: str, clock: HandClock | None = None) -> SnapshotBoard:
    return SnapshotBoard(symbols or ("SPX",), clock or HandClock(), 10.0)


def _entry(board: SnapshotBoard, symbol: str = "SPX") -> Entry:
    entry = board.get(symbol)
    assert entry is not None
    return entry


def _body(board: SnapshotBoard, symbol: str = "SPX", detail: Detail = Detail.SUMMARY) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(board.body(_entry(board, symbol), detail))
    return body


@pytest.mark.parametrize(("detail", "make"), [(Detail.SUMMARY, summarize), (Detail.FULL, describe)])
def test_body_holds_exactly_the_described_field(detail: Any, make: Any) -> None:
    """The encoded answer, without its age and state, is what the field says of itself."""
    board = _board()
    board.apply(publication_of(snapshot_of(step=3)))
    body = _body(board, detail=detail)
    for name in ("age_s", "stale", "stale_reason", "catching_up"):
        del body[name]
    live = body.pop("live")
    adds = {Detail.SUMMARY: summarize_live, Detail.FULL: describe_live}[detail]
    assert live == json.loads(msgspec.json.encode(adds(live_fields()[0].live)))
    assert body == json.loads(msgspec.json.encode(make(snapshot_of(step=3))))


def test_missing_number_is_null_with_a_reason() -> None:
    """NaN never reaches JSON, and the reason stands beside it."""
    board = _board()
    board.apply(publication_of(without_roots(snapshot_of())))
    body = _body(board)
    assert body["amplification"] is None
    assert body["zero_gamma"] == []
    assert "NaN" not in board.body(_entry(board), Detail.FULL).decode()


@given(st.floats(0.0, 1e5))
def test_age_is_the_time_since_the_feed_had_the_chain(waited_s: Any) -> None:
    """Age follows the machine's clock, not the feed's, and turns stale past the limit."""
    clock = HandClock()
    board = _board(clock=clock)
    board.apply(publication_of(snapshot_of(), now_ns=clock.now_ns()))
    clock.advance(waited_s)
    body = _body(board)
    assert body["age_s"] == pytest.approx(waited_s, abs=1e-3)
    assert body["stale"] is (int(waited_s * 1e9) > 10_000_000_000)
    assert (body["stale_reason"] is None) is not body["stale"]


def test_older_publication_is_ignored() -> None:
    """After a restart of a shard, a message from before cannot replace a newer field."""
    board = _board()
    board.apply(publication_of(snapshot_of(step=5), now_ns=2_000))
    board.apply(publication_of(snapshot_of(step=4), now_ns=1_000))
    assert _body(board)["contracts"]["read"] == 1205


def test_readiness_waits_for_expected_and_delivered_symbols() -> None:
    """A board is ready when every symbol that is configured or delivered has a field."""
    board = SnapshotBoard((), HandClock(), 10.0)
    assert not board.ready
    board.apply_feed(feed_report(symbols=("SPX", "QQQ")))
    board.apply(publication_of(snapshot_of("SPX")))
    assert board.missing == ("QQQ",)
    board.apply(publication_of(snapshot_of("QQQ")))
    assert board.ready


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ({"shards_down": ("shard-0",)}, "shard-0 is down and is being restarted"),
        ({"shards_catching_up": ("shard-0",)}, "shard-0 is catching up with the feed"),
    ],
)
def test_symbols_of_a_dead_or_late_shard_are_stale_at_once(report: Any, reason: Any) -> None:
    """The feed's report marks them before their age does, and says why."""
    board = _board()
    board.apply(publication_of(snapshot_of()))
    board.apply_feed(feed_report(symbols=("SPX",), **report))
    body = _body(board)
    assert (body["stale"], body["catching_up"], body["stale_reason"]) == (True, True, reason)
    board.apply_feed(feed_report(symbols=("SPX",)))
    assert _body(board)["stale"] is False


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ({}, "no chain for more than 10 s"),
        ({"ended": True}, "the feed has ended"),
        ({"error": "file vanished"}, "the feed stopped: file vanished"),
        ({"streams": (_CLOSED,)}, "the market is closed"),
        ({"streams": (replace(_CLOSED, symbol="QQQ"),)}, "no chain for more than 10 s"),
    ],
)
def test_old_field_says_why_it_is_old(report: Any, reason: Any) -> None:
    """An ended feed, a stopped one, a closed market and mere silence are told apart."""
    clock = HandClock()
    board = _board(clock=clock)
    board.apply(publication_of(snapshot_of(), now_ns=clock.now_ns()))
    board.apply_feed(feed_report(symbols=("SPX",), **report))
    clock.advance(11.0)
    assert _body(board)["stale_reason"] == reason


def test_failed_chain_gives_the_reason_of_its_shard() -> None:
    """A symbol whose newest chain gave no field says so, and forgets it with the next field."""
    board = _board("SPX", "QQQ")
    board.apply_shard(shard_report(reasons={"QQQ": "no forward"}))
    assert board.stale_reason(_entry(board, "QQQ")) == "no forward"
    assert (board.missing, board.failed) == (("SPX",), {"QQQ": "no forward"})
    board.apply(publication_of(snapshot_of("QQQ")))
    assert _entry(board, "QQQ").failure == ""


def test_listeners_hear_of_new_fields_and_of_states_that_time_changes() -> None:
    """A field that goes stale by waiting is told once, without a new field."""
    clock = HandClock()
    board = _board(clock=clock)
    heard: list[tuple[int, bool]] = []
    stop = board.subscribe(lambda entry: heard.append((entry.sequence, entry.told_stale)))
    board.apply(publication_of(snapshot_of(), now_ns=clock.now_ns()))
    clock.advance(11.0)
    board.sweep()
    board.sweep()
    stop()
    board.apply(publication_of(snapshot_of(step=1), now_ns=clock.now_ns()))
    assert heard == [(1, False), (2, True)]


def test_encoding_is_kept_until_the_next_field() -> None:
    """The hot path joins bytes; only a new field is encoded again."""
    board = _board()
    board.apply(publication_of(snapshot_of()))
    entry = _entry(board)
    assert entry.rest(Detail.SUMMARY) is entry.rest(Detail.SUMMARY)
    before = entry.rest(Detail.SUMMARY)
    board.apply(
        replace(publication_of(snapshot_of(step=1)), published_ns=publication_of(snapshot_of()).published_ns + 1)
    )
    assert entry.rest(Detail.SUMMARY) != before


def test_near_matches_are_known_symbols() -> None:
    """A misspelt symbol finds its neighbours, whatever the case."""
    board = _board("SPX", "SPY", "QQQ")
    assert set(board.similar("spq")) == {"SPX", "SPY"}
    assert board.similar("ZZZZZ") == ()


def test_summary_stays_small_enough_for_a_thousand_symbols() -> None:
    """What the stream sends of history is a fraction of the whole, and holds the state of every regime."""
    board = _board()
    board.apply(publication_of(snapshot_of()))
    live = _body(board)["live"]
    assert len(json.dumps(live)) < 1500
    assert set(live["regimes"]) == {"feedback", "market", "term_structure", "gex", "funding", "ltv"}
    assert len(_body(board, detail=Detail.FULL)["live"]["flow"]["values"]) > 60
