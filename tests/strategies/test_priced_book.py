"""Positions as they are valued: volatility of the mark, forward of the chain, and nothing where nothing is told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan, nan

import numpy as np
import pytest

from market.tradables import Instrument, Perpetual, Share, contract_at
from risk.portfolio_greeks import portfolio_greeks
from strategies.market_state import MarketState
from strategies.priced_book import Benchmark, OwnedLeg, priced_book
from tests.strategies.chains import IN_FIVE_WEEKS, TODAY, chain_at
from tests.strategies.scene import NOW_NS

_MINUTE_NS = 60_000_000_000


def _leg(instrument: Instrument, units: str, mark: float = nan) -> OwnedLeg:
    return OwnedLeg(package_id="p", strategy="own", instrument=instrument, units=Decimal(units), mark=mark)


def _state(spot: float = 4000.0) -> MarketState:
    state = MarketState()
    state.now_ns = NOW_NS
    state.on_chain(replace(chain_at(spot, expiries=[TODAY, IN_FIVE_WEEKS]), spot_last=nan))
    return state


def _contract(state: MarketState, strike: float, *, is_call: bool = True) -> OwnedLeg:
    view = state.chain("SPX")
    assert view is not None
    places = view.side(1, is_call=is_call)
    place = int(places[np.searchsorted(view.chain.strike[places], strike)])
    quote = view.quote(place)
    return _leg(contract_at(view.chain, place), "2", 0.5 * (quote.bid + quote.ask))


def test_an_option_has_the_volatility_of_its_mark_and_the_forward_of_its_chain() -> None:
    """Of a chain at a flat 20 % each leg is valued at 20 %, on the forward that its pairs imply."""
    state = _state()
    book = priced_book(state, [_contract(state, 4050.0), _contract(state, 3900.0, is_call=False)], NOW_NS)
    assert book.volatility == pytest.approx(0.2, abs=1e-4)
    assert book.spot[0] * book.forward_ratio == pytest.approx(4000.0 * 1.0, rel=5e-3)
    assert book.is_call.tolist() == [True, False]
    assert not portfolio_greeks(book).reason


def test_a_mark_below_intrinsic_value_takes_the_volatility_of_the_other_right() -> None:
    """A deep call whose quotes meet below its intrinsic value is valued by the put of its strike."""
    state = _state()
    deep = replace(_contract(state, 3700.0), mark=299.0)
    assert priced_book(state, [deep], NOW_NS).volatility[0] == pytest.approx(0.2, abs=5e-3)


def test_what_no_chain_quotes_is_not_valued() -> None:
    """Without the chain an option has neither forward nor volatility, and its Greeks say so."""
    state = _state()
    leg = _contract(state, 4050.0)
    book = priced_book(MarketState(), [leg], NOW_NS)
    found = portfolio_greeks(book)
    assert isnan(book.volatility[0])
    assert isnan(found.delta_shares)
    assert found.reason.startswith(f"{leg.instrument.symbol}: no price of the underlying, forward, discount")


def test_a_newer_print_is_the_price_of_the_underlying() -> None:
    """Quotes of before a print by more than a minute tell the carry, and the print the price."""
    state = _state()
    leg = _contract(state, 4050.0)
    state.on_price("SPX", 3990.0, NOW_NS + 2 * _MINUTE_NS)
    assert priced_book(state, [leg], NOW_NS + 2 * _MINUTE_NS).spot[0] == 3990.0
    assert priced_book(state, [leg], NOW_NS).spot[0] == pytest.approx(4000.0, rel=1e-3)


def test_betas_are_told_or_not_known() -> None:
    """One underlying is its own benchmark; of several only those with a beta can be weighed."""
    state = MarketState()
    for symbol, price in (("SPY", 400.0), ("QQQ", 200.0)):
        state.on_price(symbol, price, NOW_NS)
    shares = [_leg(Share(symbol=symbol), "100", 1.0) for symbol in ("SPY", "QQQ")]
    assert portfolio_greeks(priced_book(state, shares[1:], NOW_NS)).beta_delta_shares == 100.0
    assert isnan(portfolio_greeks(priced_book(state, shares, NOW_NS)).beta_delta_shares)
    told = Benchmark(symbol="SPY", betas={"QQQ": 1.2})
    assert portfolio_greeks(priced_book(state, shares, NOW_NS, benchmark=told)).beta_delta_shares == 160.0


def test_a_perpetual_tells_what_its_coin_is_worth() -> None:
    """A coin without a print of its own has the price of what is held on it."""
    coin = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal(1), lot=Decimal("0.001"))
    book = priced_book(MarketState(), [_leg(coin, "-0.5", 30_000.0)], NOW_NS)
    assert portfolio_greeks(book).delta_usd == -15_000.0


def test_nothing_held_is_a_book_without_legs() -> None:
    """An empty account has 0 Greeks, not unknown ones."""
    book = priced_book(MarketState(), [], NOW_NS)
    assert (book.n_legs, portfolio_greeks(book).beta_delta_shares) == (0, 0.0)
