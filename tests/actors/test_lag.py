"""How late and how silent each stream is, by the feed's clock and the market's calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from actors.lag import StreamLags, lagging
from actors.messages import StreamHealth, StreamKind
from market.clock import ns_of_datetime
from market.ports import MarketBatch
from tests.actors.samples import AS_OF_NS, book_of, small_chain, trades_of

_S = 1_000_000_000
_RECEIVED_NS = 1_800_000_000 * _S  # the machine's clock has nothing to do with a recorded market's


def _batch(ts_event_ns: int, **content: object) -> MarketBatch:
    return MarketBatch(sequence=0, ts_event_ns=ts_event_ns, **{"chains": (), **content})  # type: ignore[arg-type]  # as given


def _of(lags: StreamLags, kind: StreamKind, now_ns: int) -> StreamHealth:
    return next(item for item in lags.health(now_ns) if item.kind is kind)


def test_lag_is_the_age_of_the_newest_row_when_the_feed_had_it() -> None:
    """By the feed's own clock; silence goes on by the machine's."""
    lags, trades = StreamLags(), trades_of("SPX", 3)
    trades = replace(trades, ts_ns=AS_OF_NS - np.array([5, 2, 3]) * _S)
    lags.on_batch(_batch(AS_OF_NS, trades=(trades,), books=(book_of("SPX"),)), _RECEIVED_NS)
    lags.on_batch(_batch(AS_OF_NS + _S), _RECEIVED_NS + _S)
    found = _of(lags, StreamKind.TRADES, _RECEIVED_NS + 4 * _S)
    assert (found.rows, found.newest_ns, found.lag_s, found.silent_s) == (3, AS_OF_NS - 2 * _S, 2.0, 4.0)
    assert {item.kind for item in lags.health(_RECEIVED_NS)} == {StreamKind.TRADES, StreamKind.BOOKS}
    assert lags.take_samples()[StreamKind.TRADES] == [2.0]
    assert lags.take_samples() == {}


@pytest.mark.parametrize(
    ("passed_s", "closed"),
    [(0, False), (5 * 3_600, False), (8 * 3_600, True), (17 * 3_600, True), (25 * 3_600, False)],
)
def test_nothing_is_expected_of_a_closed_market(passed_s: int, *, closed: bool) -> None:
    """A chain of 10:00 in New York; after the close silence is no fault, and at the next open it is one again."""
    told_ns = ns_of_datetime(datetime(2023, 5, 23, 14, 0, tzinfo=UTC))
    chain = replace(small_chain("SPX"), ts_event_ns=told_ns)
    lags = StreamLags()
    lags.on_batch(_batch(told_ns, chains=(chain,), trades=(trades_of("SPX", 1),)), _RECEIVED_NS)
    now_ns = _RECEIVED_NS + passed_s * _S
    assert [item.market_closed for item in lags.health(now_ns)] == [closed] * 2
    quiet = replace(_of(lags, StreamKind.TRADES, now_ns), kind=StreamKind.QUOTES, lag_s=0.0)
    assert bool(lagging([quiet], lag_s=2.0, silent_s=60.0)) == (passed_s > 0 and not closed)


def test_what_lags_is_named_and_rare_streams_are_not() -> None:
    """Late rows of any stream, silence of quotes only."""
    usual = StreamHealth(
        symbol="SPY", kind=StreamKind.QUOTES, rows=1, newest_ns=1, lag_s=0.1, silent_s=0.1, market_closed=False
    )
    late = replace(usual, kind=StreamKind.TRADES, lag_s=3.25, silent_s=900.0)
    silent = replace(usual, silent_s=61.0)
    chain = replace(usual, kind=StreamKind.CHAINS, lag_s=30.0, silent_s=3_000.0)
    found = lagging([usual, late, silent, chain, replace(silent, market_closed=True)], lag_s=2.0, silent_s=60.0)
    assert found == ["SPY trades 3.2 s late", "SPY quotes silent for 61 s"]


def test_the_number_of_streams_is_bounded() -> None:
    """Streams beyond the most are counted, and a report holds the longest silent ones of open markets."""
    lags = StreamLags(most_streams=500)
    for number in range(600):
        lags.on_batch(_batch(AS_OF_NS, trades=(trades_of(f"S{number}", 1),)), _RECEIVED_NS + number * _S)
    report = lags.health(_RECEIVED_NS + 1_000 * _S)
    assert (lags.unfollowed, len(report)) == (100, 400)
    assert [item.symbol for item in report[:2]] == ["S0", "S1"]
