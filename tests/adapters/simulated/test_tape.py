"""The tape: trades and quote changes that agree with the chains, the books and the planted impact."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from adapters.simulated import PrintMix, SimulatedFeed, SimulatedMarket, SimulatedMarketConfig
from market.chains import OptionChain
from market.errors import ConfigError
from market.ports import MarketBatch
from market.trades import UNDERLYING, TradeFlag
from tests.adapters.simulated.samples import index_symbol, next_session, one_symbol, two_symbols

_BRISK = SimulatedMarketConfig(symbols=two_symbols().symbols, seed=5, step_s=60.0)


def _batches(config: SimulatedMarketConfig, count: int) -> list[MarketBatch]:
    feed = SimulatedFeed(config)
    return [feed.next_batch() for _ in range(count)]


def _with_deltas(chain: OptionChain, batches: list[MarketBatch]) -> tuple[np.ndarray, np.ndarray]:
    bid, ask = chain.bid.copy(), chain.ask.copy()
    for batch in batches:
        (quotes,) = (item for item in batch.quotes if item.symbol == chain.symbol)
        option = quotes.contract != UNDERLYING
        bid[quotes.contract[option]], ask[quotes.contract[option]] = quotes.bid[option], quotes.ask[option]
    return bid, ask


def test_quote_changes_carry_one_chain_to_a_later_one() -> None:
    """The first chain and the deltas since give the newest chain's quotes, bit for bit."""
    batches = _batches(_BRISK, 12)
    for first, newest in zip(batches[0].chains, batches[-1].chains, strict=True):
        bid, ask = _with_deltas(first, batches[1:])
        np.testing.assert_array_equal(bid, newest.bid)
        np.testing.assert_array_equal(ask, newest.ask)


def test_only_quotes_that_changed_are_sent() -> None:
    """Every option quote of a delta differs from the one before, and not every contract is in it."""
    before, after = _batches(replace(_BRISK, step_s=1.0), 2)
    for chain, quotes in zip(before.chains, after.quotes, strict=True):
        option = quotes.contract[quotes.contract != UNDERLYING]
        changed = (chain.bid[option] != quotes.bid[1:]) | (chain.ask[option] != quotes.ask[1:])
        assert changed.all()
        assert 0 < option.size < chain.n_contracts
        assert quotes.contract[0] == UNDERLYING


def test_prints_of_a_step_sum_to_the_volume_of_the_chain() -> None:
    """Each contract's prints since the batch before make up its rise in volume."""
    batches = _batches(_BRISK, 8)
    for before, after in pairwise(batches):
        for old, new, trades in zip(before.chains, after.chains, after.trades, strict=True):
            option = trades.contract != UNDERLYING
            traded = np.bincount(trades.contract[option], trades.size[option], minlength=new.n_contracts)
            np.testing.assert_array_equal(new.volume - old.volume, traded)


def test_several_prints_stand_where_one_group_traded_twice() -> None:
    """Trades are printed one by one, not as a net per contract."""
    trades = _batches(_BRISK, 2)[1].trades[0]
    option = trades.contract[trades.contract != UNDERLYING]
    assert np.unique(option).size < option.size


def test_option_trades_follow_the_quotes_that_they_meet() -> None:
    """Trades stand strictly after the step's quotes, within the batch, inside the spread, and say no aggressor."""
    for batch in _batches(_BRISK, 6)[1:]:
        for chain, quotes, trades in zip(batch.chains, batch.quotes, batch.trades, strict=True):
            option = trades.contract != UNDERLYING
            assert np.all(trades.ts_ns[option] > quotes.ts_ns[0])
            assert np.all(trades.ts_ns <= batch.ts_event_ns)
            assert np.all(np.diff(trades.ts_ns) >= 0)
            assert np.all(np.diff(trades.trade_id) == 1)
            place, price = trades.contract[option], trades.price[option]
            assert np.all((chain.bid[place] <= price) & (price <= chain.ask[place]))
            assert not trades.aggressor.any()


def test_the_truth_names_each_aggressor() -> None:
    """Prints at the ask were bought, prints at the bid sold, and the signed sizes are the dealers' change."""
    market = SimulatedMarket(one_symbol(index_symbol(), step_s=60.0))
    before = market.truth("SIM.SPX").dealer_position
    market.step()
    (chain,), (trades,), truth = market.chains(), market.trades(), market.truth("SIM.SPX")
    np.testing.assert_array_equal(truth.trade_id, trades.trade_id)
    option = trades.contract != UNDERLYING
    place, price, sign = trades.contract[option], trades.price[option], truth.trade_aggressor[option]
    assert np.all(sign[price == chain.ask[place]] == 1)
    assert np.all(sign[price == chain.bid[place]] == -1)
    bought = np.bincount(place, sign * trades.size[option], minlength=chain.n_contracts)
    np.testing.assert_array_equal(truth.dealer_position - before, -bought)


def test_signed_flow_in_the_underlying_explains_returns_by_the_planted_impact() -> None:
    """Without news, the return is lambda times the aggressors' net dollars: the planted impact can be found."""
    symbol = index_symbol(news_share=0.0)
    market = SimulatedMarket(one_symbol(symbol, step_s=60.0))
    returns, flow = [], []
    for _ in range(60):
        before = market.truth("SIM.SPX").spot
        market.step()
        (trades,), truth = market.trades(), market.truth("SIM.SPX")
        shares = (trades.contract == UNDERLYING) * trades.size * truth.trade_aggressor
        returns.append(np.log(truth.spot / before))
        flow.append(before * float(shares.sum()))
    slope = np.dot(flow, returns) / np.dot(flow, flow)
    assert slope == pytest.approx(symbol.impact_return_per_usd, rel=1e-3)
    np.testing.assert_allclose(returns, slope * np.array(flow), atol=1e-8)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_shares_inside_the_spread_and_of_complex_orders_are_as_set(share: float) -> None:
    """Where the spread is wide enough, that share prints inside; that share is marked as legs."""
    config = replace(_BRISK, prints=PrintMix(inside_share=share, complex_share=share))
    batch = _batches(config, 2)[1]
    chain, trades = batch.chains[0], batch.trades[0]
    option = trades.contract != UNDERLYING
    place, price = trades.contract[option], trades.price[option]
    wide = (chain.ask[place] - chain.bid[place] > 0.09) & (chain.bid[place] > 0.0)
    inside = (price > chain.bid[place]) & (price < chain.ask[place])
    assert inside[wide].mean() == pytest.approx(share, abs=0.08)
    assert (trades.flags[option] == TradeFlag.COMPLEX).mean() == pytest.approx(share, abs=0.08)
    assert not trades.flags[~option].any()


def test_chains_come_at_their_cadence_and_with_each_session() -> None:
    """Every fifth batch and the first of a day carry chains; all carry quotes; numbers do not depend on it."""
    config = two_symbols()
    sparse, full = _batches(replace(config, chain_every=5), 30), _batches(config, 30)
    opening = [n for n in range(1, 30) if full[n].chains[0].session != full[n - 1].chains[0].session]
    assert [n for n, batch in enumerate(sparse) if batch.chains] == sorted({*range(0, 30, 5), *opening})
    for thin, fat in zip(sparse, full, strict=True):
        assert [t.price.tobytes() for t in thin.trades] == [t.price.tobytes() for t in fat.trades]
        assert len(thin.quotes) == 2


def test_the_first_batch_of_a_session_has_no_trades() -> None:
    """Contracts of the new board are not mixed with prints of the old one."""
    market = SimulatedMarket(one_symbol(index_symbol()))
    assert market.trades() == ()
    next_session(market)
    assert market.trades() == ()
    assert market.truth("SIM.SPX").trade_id.size == 0
    (quotes,) = market.quotes()
    assert quotes.contract.tolist() == [UNDERLYING]


def test_prints_that_cannot_be_drawn_are_refused() -> None:
    """Shares are shares, and a cadence is at least one."""
    with pytest.raises(ConfigError, match="prints"):
        PrintMix(inside_share=1.5)
    with pytest.raises(ConfigError, match="pacing"):
        replace(_BRISK, chain_every=0)
