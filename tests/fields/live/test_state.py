"""The live state: what a message changes, what history adds, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from actors.checkpoint import Checkpoint, from_bytes, to_bytes
from adapters.simulated import SimulatedFeed, demo_config
from fields.config import PositionSource
from fields.live.config import LiveConfig
from fields.live.state import LiveField, SymbolState
from fields.live.summary import describe_live
from fields.snapshot import FieldSnapshot
from market.errors import DataError
from market.trades import QuoteBatch, TradeBatch
from tests.fields.live.samples import HYBRID, SYMBOL, feed_into, of_symbol, opened, session_start


def same(one: FieldSnapshot, two: FieldSnapshot) -> None:
    """Assert that two fields are equal to the last bit."""
    assert one.totals == two.totals
    assert one.totals_error == two.totals_error
    assert one.zero_gamma == two.zero_gamma
    np.testing.assert_array_equal(one.ladder.potential_usd, two.ladder.potential_usd)


def test_quotes_keep_the_chain_as_fresh_as_full_chains_do() -> None:
    """A chain kept current by changed quotes gives the field that the next full chain gives."""
    by_quotes, by_chains = SymbolState(HYBRID), SymbolState(HYBRID)
    feed_into(by_quotes, session_start())
    feed_into(by_chains, session_start(), chains=True)
    one, two = by_quotes.field().snapshot, by_chains.field().snapshot
    assert one.spot == pytest.approx(two.spot, rel=1e-6)
    assert one.totals.gamma_usd_per_pct == pytest.approx(two.totals.gamma_usd_per_pct, rel=1e-4)


def test_the_book_follows_the_trades() -> None:
    """Dealers' net flow is what signed customers took, with the other sign; and the field's errors are known."""
    found = opened().field()
    dealer = found.live.dealer
    assert dealer.trades > 100
    assert 0 < dealer.signed <= dealer.trades
    assert dealer.gross_flow_contracts >= abs(dealer.net_flow_contracts) > 0.0
    assert 0.0 < found.snapshot.totals_error.gamma_usd_per_pct <= found.snapshot.totals_error_bound.gamma_usd_per_pct
    assert np.isfinite(found.snapshot.profile.gamma_error_usd_per_pct).all()


def test_a_convention_is_not_moved_by_trades() -> None:
    """Under oi_naive the field is that of the open interest, however much trades."""
    naive = replace(HYBRID, fields=replace(HYBRID.fields, position_source=PositionSource.OI_NAIVE))
    quiet = SymbolState(naive)
    feed_into(quiet, tuple(replace(batch, trades=()) for batch in session_start()))
    busy = opened(naive).field()
    assert busy.live.dealer.trades > 0
    assert busy.snapshot.totals.gamma_usd_per_pct == pytest.approx(
        quiet.field().snapshot.totals.gamma_usd_per_pct, rel=1e-3
    )


def test_partition_of_the_stream_does_not_matter() -> None:
    """Trades told one by one leave the same book and the same minutes as trades told in batches."""
    single = SymbolState(HYBRID)
    for batch in session_start():
        quotes, trades, whole = of_symbol(batch)
        feed_into(single, (replace(batch, chains=tuple(whole), quotes=tuple(quotes), trades=()),))
        for item in trades:
            for row in range(item.n_trades):
                single.on_trades(_rows(item, slice(row, row + 1)))
    one, two = single.field(), opened().field()
    same(one.snapshot, two.snapshot)
    assert one.live.flow is not None
    assert two.live.flow is not None
    np.testing.assert_allclose(one.live.flow.values, two.live.flow.values, rtol=1e-12)


def _rows(batch: TradeBatch, chosen: slice) -> TradeBatch:
    columns = {
        name: getattr(batch, name)[chosen]
        for name in ("contract", "ts_ns", "trade_id", "price", "size", "flags", "venue", "aggressor")
    }
    return replace(batch, **columns)


@pytest.mark.parametrize("stop", [0, 4, 9, 13])
def test_a_restarted_state_goes_on_like_the_first(stop: int) -> None:
    """After a restart from the checkpoint's bytes, every later message gives what it gives without one."""
    batches = session_start()
    first = SymbolState(HYBRID)
    feed_into(first, batches[: stop + 1])
    first.field()
    saved = Checkpoint(run_id="r", shard="s", sequence=1, publications=(), symbols=(first.checkpoint(SYMBOL),))
    second = SymbolState(HYBRID, from_bytes(to_bytes(saved)).symbols[0])
    for state in (first, second):
        feed_into(state, batches[stop + 1 :])
        state.on_quotes(of_symbol(batches[-1])[0][0])
    one, two = first.field(), second.field()
    same(one.snapshot, two.snapshot)
    # What became of quotes since the start is counted from the restart.
    alike = {name: getattr(two.live.stream, name) for name in ("quotes", "quotes_late", "coalesced", "clock_jumps")}
    assert describe_live(replace(one.live, stream=replace(one.live.stream, **alike))) == describe_live(two.live)


def test_a_field_is_due_on_cadence_or_on_a_material_move() -> None:
    """Nothing new: not due. A quote: due after the cadence. A jump of spot: due at once."""
    state = SymbolState(replace(HYBRID, cadence_ns=60_000_000_000, material_move=1e-3))
    feed_into(state, session_start()[:1])
    assert state.is_due
    state.field()
    assert not state.is_due
    quotes, _, _ = of_symbol(session_start()[1])
    own = _underlying(quotes[0], spot_factor=1.0001)
    state.on_quotes(own)
    assert not state.is_due
    state.on_quotes(_underlying(own, spot_factor=1.002, later_ns=1))
    assert state.is_due
    assert state.field().live.stream.coalesced >= 1


def _underlying(quotes: QuoteBatch, *, spot_factor: float, later_ns: int = 0) -> QuoteBatch:
    row = np.flatnonzero(quotes.contract == -1)[-1:]
    columns = {name: getattr(quotes, name)[row] for name in ("contract", "bid_size", "ask_size", "venue")}
    return replace(
        quotes,
        **columns,
        ts_ns=quotes.ts_ns[row] + later_ns,
        bid=quotes.bid[row] * spot_factor,
        ask=quotes.ask[row] * spot_factor,
    )


def test_repeated_and_late_messages_are_counted_and_change_nothing() -> None:
    """A batch told twice and quotes older than those that stand leave the field as it was."""
    state = opened()
    before = state.field()
    for batch in session_start()[3:6]:
        quotes, trades, _ = of_symbol(batch)
        for quote in quotes:
            state.on_quotes(quote)
        for trade in trades:
            state.on_trades(trade)
    after = state.field()
    assert after.live.stream.trades_repeated == sum(t.n_trades for b in session_start()[3:6] for t in of_symbol(b)[1])
    assert after.live.stream.clock_jumps > 0
    assert after.live.dealer.net_flow_contracts == before.live.dealer.net_flow_contracts
    same(before.snapshot, after.snapshot)


def test_a_hole_in_the_flow_takes_the_confidence() -> None:
    """Where trades were lost on their way the book says so and the field is not to be trusted."""
    state = opened()
    assert state.field().live.confidence > 0.5
    state.on_lost(7)
    state.on_quotes(of_symbol(session_start()[-1])[0][0])
    found = state.field().live
    assert (found.confidence, found.dealer.is_complete, found.stream.rows_lost) == (0.0, False, 7)
    assert "hole" in found.confidence_reason


def test_messages_before_the_first_chain_are_counted() -> None:
    """Without a chain there is no contract to apply anything to, and no field."""
    state = SymbolState(HYBRID)
    quotes, trades, _ = of_symbol(session_start()[3])
    state.on_quotes(quotes[0])
    state.on_trades(trades[0])
    assert not state.is_due
    with pytest.raises(DataError, match="no chain"):
        state.field()


def test_every_missing_reading_has_its_reason() -> None:
    """A chain alone has no flow, no trailing history, no index: each reading that is missing says why."""
    state = SymbolState(LiveConfig())
    feed_into(state, session_start()[:1])
    found = describe_live(state.field().live)
    assert found["flow"] is None
    for part in ("impact", "feedback"):
        reading = found[part]
        assert isinstance(reading, dict)
        assert reading["reason"]
    for name in ("regimes", "signals"):
        readings = found[name]
        assert isinstance(readings, list)
        assert all(reading["reason"] for reading in readings if reading.get("state", "UNKNOWN") == "UNKNOWN")


def test_what_the_book_knows_is_near_the_truth() -> None:
    """Where every trade tells its aggressor, the book's flow is the dealers' true change of position."""
    config = replace(demo_config(), step_s=20.0)
    # Of a leg of a complex order the book counts a part only, by its settings.
    feed = SimulatedFeed(replace(config, prints=replace(config.prints, complex_share=0.0)))
    batch = feed.next_batch()
    state = SymbolState(HYBRID)
    state.on_chain(of_symbol(batch)[2][0])
    opening = feed.market.truth(SYMBOL).dealer_position
    for _ in range(6):
        batch = feed.next_batch()
        told = feed.market.truth(SYMBOL).trade_aggressor
        quotes, trades, _ = of_symbol(batch)
        state.on_quotes(quotes[0])
        for item in trades:
            state.on_trades(replace(item, aggressor=told))
    change = feed.market.truth(SYMBOL).dealer_position - opening
    found: LiveField = state.field()
    assert found.live.dealer.net_flow_contracts == pytest.approx(float(change.sum()))
    assert found.live.dealer.gross_flow_contracts == pytest.approx(float(np.abs(change).sum()))
