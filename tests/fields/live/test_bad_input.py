"""What a stream may do wrong: each message counts whole or not at all, and nothing is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.flow.features import FlowColumn
from fields.live.config import LiveConfig
from fields.live.state import LiveField, SymbolState
from fields.live.summary import describe_live
from market.chains import OptionChain
from market.errors import DataError
from market.trades import UNDERLYING, QuoteBatch, TradeBatch, select
from tests.fields.live.samples import HYBRID, SYMBOL, feed_into, of_symbol, opened, session_start

_HOUR_NS = 3_600_000_000_000
_MINUTE_NS = 60_000_000_000


def _quotes(step: int) -> QuoteBatch:
    return of_symbol(session_start()[step])[0][0]


def _trades(step: int) -> TradeBatch:
    return of_symbol(session_start()[step])[1][0]


def _chain(step: int) -> OptionChain:
    return of_symbol(session_start()[step])[2][0]


def _told(found: LiveField) -> dict[str, object]:
    """Return what a field says of the market: all but the counts of messages."""
    told = describe_live(found.live)
    del told["stream"]
    totals = {item.name: getattr(found.snapshot.totals, item.name) for item in fields(found.snapshot.totals)}
    return told | {"totals": totals, "potential": found.snapshot.ladder.potential_usd.tolist()}


def _empty(chain: OptionChain) -> OptionChain:
    columns = {
        item.name: getattr(chain, item.name)[:0]
        for item in fields(chain)
        if isinstance(getattr(chain, item.name), np.ndarray) and item.name != "vendor_forward"
    }
    return replace(chain, **columns, n_read=sum(chain.dropped.values()))


def _poisoned(batch: TradeBatch, column: str, value: float) -> TradeBatch:
    values = getattr(batch, column).copy()
    values[:3] = value
    return replace(batch, **{column: values})


@pytest.mark.parametrize(
    ("column", "value"),
    [("price", np.nan), ("price", -1.0), ("price", np.inf), ("size", np.nan), ("size", -5.0), ("size", np.inf),
     ("ts_ns", 0), ("ts_ns", 2**62), ("aggressor", 7)],
)  # fmt: skip
def test_rows_that_are_no_trades_are_left_out_and_counted(column: str, value: float) -> None:
    """The state after a batch with broken rows is that after the batch without these rows."""
    poisoned, clean = opened(), opened()
    later = replace(_trades(13), trade_id=_trades(13).trade_id + 10**12)
    poisoned.on_trades(_poisoned(later, column, value))
    clean.on_trades(select(later, np.arange(3, later.n_trades)))
    one, two = poisoned.field(), clean.field()
    assert _told(one) == _told(two)
    assert one.live.stream.rows_broken == 3


@pytest.mark.parametrize(("column", "value"), [("ts_ns", 2**62), ("ts_ns", -1), ("ask", np.inf), ("bid", -3.0)])
def test_a_quote_that_cannot_be_one_does_no_lasting_harm(column: str, value: float) -> None:
    """Neither an instant far ahead nor an impossible price keeps later quotes out or makes a field infinite."""
    poisoned, clean = opened(), opened()
    quotes = _quotes(12)
    values = getattr(quotes, column).copy()
    values[:] = value
    poisoned.on_quotes(replace(quotes, **{column: values}))
    for state in (poisoned, clean):
        state.on_quotes(replace(_quotes(13), ts_ns=_quotes(13).ts_ns + 1, ts_event_ns=_quotes(13).ts_event_ns + 1))
    one, two = poisoned.field().snapshot, clean.field().snapshot
    assert np.isfinite(one.ladder.potential_usd).all()
    assert one.spot == pytest.approx(two.spot, rel=1e-6)
    assert one.totals.gamma_usd_per_pct == pytest.approx(two.totals.gamma_usd_per_pct, rel=0.05)


def test_a_message_that_is_refused_leaves_no_trace() -> None:
    """A strike that cannot be numbered is refused before anything has changed."""
    refused, clean = opened(), opened()
    for batch, give in ((_trades(13), refused.on_trades), (_quotes(13), refused.on_quotes)):
        strike = np.full(batch.contracts.n_contracts, 1e12)
        message: Callable[..., None] = give
        with pytest.raises(DataError, match="too large"):
            message(replace(batch, contracts=replace(batch.contracts, strike=strike)))
    assert _told(refused.field()) == _told(clean.field())


def test_an_empty_chain_in_mid_session_is_refused() -> None:
    """The chain that stands stays, with its quotes; the message says why it was refused."""
    state, clean = opened(), opened()
    with pytest.raises(DataError, match="no contract"):
        state.on_chain(_empty(_chain(13)))
    assert _told(state.field()) == _told(clean.field())


def test_a_chain_of_an_older_session_changes_nothing() -> None:
    """It neither reopens minutes nor anchors the book again nor takes the place of the chain; it is counted."""
    state, clean = opened(), opened()
    day_ns = 86_400_000_000_000
    friday = _chain(0).session.replace(year=2025, month=5, day=30)
    state.on_chain(replace(_chain(0), session=friday, ts_event_ns=_chain(0).ts_event_ns - 3 * day_ns))
    assert not state.field().live.stream.clock_jumps
    found = state.field()
    assert _told(found)["dealer"] == _told(clean.field())["dealer"]
    assert found.live.stream.chains_late == 1
    state.on_quotes(_quotes(13))
    assert state.field().live.flow is not None


def test_a_clock_that_jumps_ahead_and_back_is_shown_and_survived() -> None:
    """Hours ahead and back: no crash, a field on its cadence, the jump counted, and later quotes still count."""
    state = opened()
    ahead = replace(_quotes(9), ts_event_ns=_quotes(9).ts_event_ns + 3 * _HOUR_NS)
    state.on_quotes(ahead)
    state.field()
    for step in range(10, 14):
        state.on_quotes(
            replace(_quotes(step), ts_ns=_quotes(step).ts_ns + 1, ts_event_ns=_quotes(step).ts_event_ns + 1)
        )
        state.on_trades(replace(_trades(step), trade_id=_trades(step).trade_id + 10**12))
        assert state.is_due
        found = state.field()
    assert found.live.stream.clock_jumps >= 4
    own = _quotes(13).contract == UNDERLYING
    newest = np.flatnonzero(own)[-1]
    assert found.snapshot.spot == pytest.approx(0.5 * (_quotes(13).bid[newest] + _quotes(13).ask[newest]), rel=1e-3)


def test_a_clock_that_jumps_past_the_close_closes_the_session_only() -> None:
    """Days ahead: every minute of the session is closed, none is invented after it."""
    state = opened()
    state.on_quotes(replace(_quotes(9), ts_event_ns=_quotes(9).ts_event_ns + 100 * _HOUR_NS))
    flow = state.field().live.flow
    assert flow is not None
    assert flow.minute_end_ns % _MINUTE_NS == 0
    assert flow.minute_end_ns < _quotes(9).ts_event_ns + 8 * _HOUR_NS


def test_quotes_that_stop_leave_spreads_unknown_with_a_reason() -> None:
    """Minutes without quotes have no spread; the reading says why, and carries nothing over from before."""
    state = opened()
    for minute in range(1, 8):
        ts_ns = _trades(13).ts_event_ns + minute * _MINUTE_NS
        later = replace(
            _trades(13),
            ts_event_ns=ts_ns,
            ts_ns=np.full(_trades(13).n_trades, ts_ns),
            trade_id=_trades(13).trade_id + 10**12 * minute,
        )
        state.on_trades(later)
    flow = state.field().live.flow
    assert flow is not None
    assert np.isnan(flow.value(FlowColumn.SPREAD))
    missing = {name for name, value in zip(_names(), flow.values.tolist(), strict=True) if np.isnan(value)}
    assert missing == set(flow.reasons)


def _names() -> list[str]:
    from fields.flow.features import FLOW_FEATURES

    return [item.name for item in FLOW_FEATURES]


@settings(max_examples=12, deadline=None)
@given(st.randoms(use_true_random=False))
def test_rows_of_one_instant_may_come_in_any_order(random: object) -> None:
    """Of trades of one instant, each in its own contract and with a known side, the order changes nothing."""
    trades = _trades(5)
    _, rows = np.unique(trades.contract, return_index=True)
    one = select(trades, np.sort(rows))
    one = replace(one, ts_ns=np.full(one.n_trades, trades.ts_event_ns), aggressor=np.ones(one.n_trades, dtype=np.int8))
    order = list(range(one.n_trades))
    random.shuffle(order)  # type: ignore[attr-defined]  # a random.Random
    told = []
    for batch in (one, select(one, np.array(order))):
        state = SymbolState(HYBRID)
        feed_into(state, session_start()[:5])
        state.on_trades(batch)
        feed_into(state, tuple(replace(b, trades=()) for b in session_start()[6:]))
        told.append(state.field())
    _alike(*told)


def _alike(one: LiveField, two: LiveField) -> None:
    """Assert that two fields are equal but for the rounding of sums."""
    np.testing.assert_allclose(one.snapshot.ladder.potential_usd, two.snapshot.ladder.potential_usd, rtol=1e-9)
    assert one.live.flow is not None
    assert two.live.flow is not None
    np.testing.assert_allclose(one.live.flow.values, two.live.flow.values, rtol=1e-9, atol=1e-9)
    assert one.live.dealer.net_flow_contracts == pytest.approx(two.live.dealer.net_flow_contracts)


def _holes(value: object, path: str = "") -> list[str]:
    """Return where a document holds a number that is not one."""
    if isinstance(value, dict):
        return [hole for key, item in value.items() for hole in _holes(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [hole for place, item in enumerate(value) for hole in _holes(item, f"{path}.{place}")]
    return [path] if isinstance(value, float) and not np.isfinite(value) else []


def test_what_is_not_known_is_none_with_a_reason() -> None:
    """A first chain without prices of anything else: no NaN leaves, and what is None says why."""
    state = SymbolState(LiveConfig())
    feed_into(state, session_start()[:1])
    live = state.field().live
    told = describe_live(live)
    assert not _holes(told)
    reasons = told["reasons"]
    assert isinstance(reasons, dict)
    for name in ("decay_wind", "implied_vol_30d", "flow"):
        assert (told[name] is None) == (name in reasons)
    for name in ("impact", "feedback", "implied_vol_rank"):
        part = told[name]
        assert isinstance(part, dict)
        assert part["reason"] or all(value is not None for value in part.values())
    assert live.confidence == 1.0 or live.confidence_reason


def test_a_symbol_without_its_rows_is_not_anothers() -> None:
    """What was told before the first chain is counted as such and belongs to nobody."""
    state = SymbolState(HYBRID)
    state.on_trades(_trades(3))
    state.on_quotes(_quotes(3))
    feed_into(state, session_start()[:1])
    found = state.field().live
    assert found.stream.before_chain == _trades(3).n_trades + _quotes(3).n_quotes
    assert (found.dealer.trades, found.stream.trades) == (0, 0)
    assert found.dealer.gross_flow_contracts == 0.0
    assert state.checkpoint(SYMBOL).now_ns == _chain(0).ts_event_ns
