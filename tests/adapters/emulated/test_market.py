"""The market behind the emulators: chains as of an instant, ticks between instants, bars."""

from __future__ import annotations

import numpy as np

from adapters.emulated import EmulatedMarket, VirtualClock
from market.trades import UNDERLYING
from tests.adapters.emulated.toy import SYMBOL, small_feed

_MINUTE_NS = 60_000_000_000


def test_clock_moves_with_the_market_and_never_back() -> None:
    """The instant is that of the newest batch."""
    clock = VirtualClock()
    market = EmulatedMarket(small_feed(), clock)
    batches = [market.step() for _ in range(3)]
    assert batches[-1] is not None
    assert clock.now_ns() == batches[-1].ts_event_ns
    clock.move_to(5)
    clock.advance(7)
    assert clock.now_ns() == batches[-1].ts_event_ns + 7


def test_chain_with_later_quotes_equals_the_chain_that_the_feed_shows() -> None:
    """Quotes and prints laid over an old chain give the quotes, sizes and volumes of the newest one."""
    told, built = small_feed(chain_every=1), EmulatedMarket(small_feed(chain_every=1_000), VirtualClock())
    batches = [told.next_batch() for _ in range(30)]
    for _ in range(30):
        built.step()
    chain, last = built.chain(SYMBOL), batches[-1]
    assert chain is not None
    assert last is not None
    expected = last.chains[0]
    for name in ("bid", "ask", "bid_size", "ask_size", "strike"):
        np.testing.assert_array_equal(getattr(chain, name), getattr(expected, name), err_msg=name)
    assert chain.ts_event_ns == expected.ts_event_ns
    assert chain.volume.sum() == expected.volume.sum() > 0.0


def test_a_market_read_as_of_an_instant_knows_nothing_later() -> None:
    """The chain of the past is the same however far the market has gone on."""
    market = EmulatedMarket(small_feed(chain_every=7), VirtualClock())
    for _ in range(10):
        market.step()
    before = market.chain(SYMBOL)
    assert before is not None
    for _ in range(10):
        market.step()
    again = market.chain(SYMBOL, before.ts_event_ns)
    assert again is not None
    np.testing.assert_array_equal(again.bid, before.bid)
    assert market.chain(SYMBOL, 0) is None
    assert market.chain("OTHER") is None


def test_ticks_between_two_instants_are_all_of_them() -> None:
    """Two halves of a span make the whole; the end is not in it."""
    market = EmulatedMarket(small_feed(), VirtualClock())
    for _ in range(20):
        market.step()
    whole = market.trades(SYMBOL)
    assert whole is not None
    cut = int(np.sort(whole.ts_ns)[whole.n_trades // 2])
    early, late = market.trades(SYMBOL, 0, cut), market.trades(SYMBOL, cut)
    assert early is not None
    assert late is not None
    assert early.n_trades + late.n_trades == whole.n_trades
    assert early.ts_ns.max() < cut <= late.ts_ns.min()
    assert market.quotes(SYMBOL, 0, 1) is None


def test_bars_hold_the_prints_of_their_span() -> None:
    """Volume adds up, the range holds open and close, and an option's bars are its own."""
    market = EmulatedMarket(small_feed(step_s=5.0), VirtualClock())
    for _ in range(60):
        market.step()
    trades = market.trades(SYMBOL)
    assert trades is not None
    shares = trades.contract == UNDERLYING
    bars = market.bars(SYMBOL, _MINUTE_NS)
    assert bars.volume.sum() == trades.size[shares].sum()
    assert (bars.n_trades.sum(), bars.close[-1]) == (shares.sum(), trades.price[shares][-1])
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert ((bars.low <= bars.vwap) & (bars.vwap <= bars.high)).all()
    row = int(np.flatnonzero(~shares)[0])
    table, place = trades.contracts, int(trades.contract[row])
    expiration = table.series[int(table.series_index[place])].expiration.isoformat()
    option = market.bars(SYMBOL, _MINUTE_NS, (float(table.strike[place]), bool(table.is_call[place]), expiration))
    assert 0.0 < option.volume.sum() < trades.size[~shares].sum()
    assert option.open[0] == trades.price[row]
    assert market.bars("OTHER", _MINUTE_NS).volume.size == 0
