"""The books: who holds what, what is published of it, and how nights carry it."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.simulated import CustomerGroup, SimulatedMarket
from tests.adapters.simulated.samples import index_symbol, next_session, one_symbol, stepped, two_symbols


def test_dealers_and_customers_sum_to_zero_at_every_step() -> None:
    """Each contract that a customer buys a dealer sells, over trades, nights and expiries."""
    market = SimulatedMarket(two_symbols())
    for _ in range(30):
        for name in market.names:
            truth = market.truth(name)
            assert not (truth.customer_position.sum(axis=0) + truth.dealer_position).any()
        market.step()


def test_open_interest_covers_the_dealers_position() -> None:
    """Open interest is all longs and all shorts, so no single book exceeds it."""
    truth = stepped(two_symbols(), 9).truth("SIM.SPX")
    books = np.vstack((truth.customer_position, truth.dealer_position))
    longs, shorts = np.maximum(books, 0).sum(axis=0), np.maximum(-books, 0).sum(axis=0)
    np.testing.assert_array_equal(truth.live_open_interest, longs)
    np.testing.assert_array_equal(truth.live_open_interest, shorts)
    assert np.all(np.abs(truth.dealer_position) <= truth.live_open_interest)


def test_each_group_keeps_its_side() -> None:
    """Overwriters are short calls, hedgers long puts, speculators long calls; closing never turns a book over."""
    books = stepped(two_symbols(), 20).truth("SIM.SPX").customer_position
    calls, puts = books[:, 0::2], books[:, 1::2]
    assert calls[CustomerGroup.OVERWRITER].max() <= 0 < -calls[CustomerGroup.OVERWRITER].min()
    assert puts[CustomerGroup.HEDGER].min() >= 0 < puts[CustomerGroup.HEDGER].max()
    assert calls[CustomerGroup.SPECULATOR].min() >= 0 < calls[CustomerGroup.SPECULATOR].max()
    assert not puts[[CustomerGroup.OVERWRITER, CustomerGroup.SPECULATOR]].any()
    assert books[CustomerGroup.NOISE_BUYER].min() >= 0 >= books[CustomerGroup.NOISE_SELLER].max()


def test_published_open_interest_stands_still_until_the_night() -> None:
    """It is that of the previous close all session, then rolls to the live one."""
    market = SimulatedMarket(two_symbols())
    first, session = market.chains()[0].open_interest, market.chains()[0].session
    live = market.truth("SIM.SPX").live_open_interest
    np.testing.assert_array_equal(first, live)
    while market.chains()[0].session == session:
        np.testing.assert_array_equal(market.chains()[0].open_interest, first)
        live, names = market.truth("SIM.SPX").live_open_interest, market.chains()[0].symbols
        market.step()
    assert live.sum() != first.sum()
    published = dict(zip(market.chains()[0].symbols, market.chains()[0].open_interest, strict=True))
    expired = market.settlements[0].expiration.strftime("%y%m%d").encode()
    alive = {name: held for name, held in zip(names, live, strict=True) if expired not in name[7:13]}
    assert all(published.get(name, 0.0) == held for name, held in alive.items())
    assert sum(published.values()) == sum(alive.values())


def test_volume_only_rises_within_a_session_and_starts_again() -> None:
    """Volume counts every trade of the session, so a dealer's change of position never exceeds it."""
    market = SimulatedMarket(one_symbol(index_symbol()))
    opening = market.truth("SIM.SPX").dealer_position
    volume = market.chains()[0].volume
    assert volume.sum() == 0.0
    for _ in range(20):
        market.step()
        now = market.chains()[0].volume
        assert np.all(now >= volume)
        assert np.all(np.abs(market.truth("SIM.SPX").dealer_position - opening) <= now)
        volume = now
    assert volume.sum() > 10_000.0
    next_session(market)
    assert market.chains()[0].volume.sum() == 0.0


def test_a_trade_prints_between_the_quotes() -> None:
    """Contracts that traded in the step show the bid, the ask or a price between them as their last."""
    market = SimulatedMarket(one_symbol(index_symbol()))
    market.step()
    chain = market.chains()[0]
    traded = chain.volume > 0.0
    assert traded.any()
    last, bid, ask = (column[traded] for column in (chain.last, chain.bid, chain.ask))
    assert np.all((bid <= last) & (last <= ask))
    assert 0.6 < np.mean((last == bid) | (last == ask)) < 1.0
    assert not chain.last[~traded].any()


def test_an_expiration_settles_at_the_close_and_leaves_the_board() -> None:
    """Its contracts vanish, its payoff is intrinsic value, and a later expiration is listed instead."""
    market = stepped(one_symbol(index_symbol()), 38)  # ten minutes before the close
    chain, truth = market.chains()[0], market.truth("SIM.SPX")
    expiring = chain.series_index == 0
    market.step()
    (settled,) = market.settlements
    sign = np.where(chain.is_call, 1.0, -1.0)
    payoff = np.maximum(sign * (settled.price - chain.strike), 0.0)
    assert settled.expiration == chain.session == chain.series[0].expiration
    assert settled.price == pytest.approx(truth.spot, rel=0.01)
    assert settled.contracts == truth.live_open_interest[expiring].sum()
    assert settled.dealer_payoff_usd == pytest.approx(100.0 * (truth.dealer_position * payoff)[expiring].sum())
    after = market.chains()[0]
    assert chain.session not in {series.expiration for series in after.series}
    assert after.series[0].expiration == after.session
    assert len(after.series) == len(chain.series)


def test_what_is_listed_once_stays_until_it_expires() -> None:
    """No position is lost by relisting: every contract with open interest is there the next day."""
    market = SimulatedMarket(two_symbols(step_s=7_200.0))
    nights = 0
    while nights < 8:
        chain, truth = market.chains()[1], market.truth("SIM.IWM")
        alive = (chain.expiry_ns > chain.ts_event_ns + 43_200_000_000_000)[chain.series_index]
        held = set(chain.symbols[alive & (truth.live_open_interest > 0)].tolist())
        market.step()
        assert held <= set(market.chains()[1].symbols.tolist())
        nights += market.chains()[1].session != chain.session


def test_the_naive_assumption_is_right_about_the_customers_who_write_calls_and_buy_puts() -> None:
    """Dealers long calls and short puts: true of most held contracts of SIM.SPX, false of a share that matters."""
    market = stepped(one_symbol(index_symbol()), 5)
    chain, truth = market.chains()[0], market.truth("SIM.SPX")
    naive = np.where(chain.is_call, 1, -1) * truth.live_open_interest
    weight = np.abs(truth.dealer_position)
    agrees = weight[np.sign(naive) == np.sign(truth.dealer_position)].sum() / weight.sum()
    assert 0.55 < agrees < 0.99
