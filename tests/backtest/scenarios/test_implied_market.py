"""Implied chains: without arbitrage, marked, and of the volatility that was given."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.scenarios.implied_market import ImpliedChains, ImpliedMarketConfig, implied_bars
from market.errors import ConfigError
from strategies.chain_lookup import ChainLookup, nearest_expiration, nearest_strike
from tests.backtest.scenarios.paths import path


def chains(**changes: float) -> ImpliedChains:
    """Return the chains of the small path."""
    return ImpliedChains(path(), ImpliedMarketConfig(**changes), "test")  # type: ignore[arg-type]  # every change is a float


def test_every_chain_is_marked_and_stands_at_its_instant() -> None:
    """Source, chains and bars say that they are simulated; instants are those of the path."""
    found = chains()
    chain = found.chain(5)
    assert chain.provenance.simulated
    assert found.source().provenance.simulated
    assert implied_bars(path(), ImpliedMarketConfig(), found.provenance).provenance.simulated
    assert chain.ts_event_ns == found.available_ns[5] == path().ts_ns[5]
    assert chain.spot_last == path().spot[5]


def test_quotes_leave_no_arbitrage_between_strikes() -> None:
    """Without a spread, calls fall and puts rise with the strike, convex in both, but for the tick."""
    found = chains(half_spread=0.0, least_half_spread=0.0)
    chain = found.chain(10)
    for series in range(len(chain.series)):
        for is_call in (False, True):
            here = (chain.series_index == series) & (chain.is_call == is_call)
            price = 0.5 * (chain.bid[here] + chain.ask[here])
            slope = np.diff(price) * (-1.0 if is_call else 1.0)
            assert (slope >= -0.2).all()
            assert (np.diff(price, 2) >= -0.4).all()


def test_at_the_money_volatility_is_the_index_less_its_wings() -> None:
    """The volatility that the quotes imply at the money near 30 days is the root of the share of the index."""
    found = chains(half_spread=0.0, least_half_spread=0.01, strike_step=5.0)
    view = ChainLookup().view(found.chain(10))
    series = nearest_expiration(view, 30, 25, 35)
    place = nearest_strike(view, series, view.spot, is_call=False)
    expected = np.sqrt(0.85) * np.interp(30.0, path().horizon_days, path().volatility[10])
    assert view.implied_vol(np.array([place]))[0] == pytest.approx(expected, rel=0.02)


def test_the_smile_is_dearer_below_the_price() -> None:
    """A put out of the money has a higher volatility than a call as far out."""
    view = ChainLookup().view(chains().chain(10))
    series = nearest_expiration(view, 30, 25, 35)
    put = nearest_strike(view, series, view.spot * 0.93, is_call=False)
    call = nearest_strike(view, series, view.spot * 1.04, is_call=True)
    volatility = view.implied_vol(np.array([put, call]))
    assert volatility[0] > volatility[1]


def test_what_is_listed_stays_listed_within_a_session_and_the_same_strikes_throughout() -> None:
    """A contract that is held finds its quote wherever the index goes; chains of a session share their contracts."""
    found = chains()
    assert found.chain(0).strike is found.chain(1).strike
    last = len(found) - 1
    assert set(found.chain(0).strike.tolist()) == set(found.chain(last).strike.tolist())


def test_the_same_path_has_the_same_digest() -> None:
    """Another model has another one."""
    assert chains().source().digest == chains().source().digest
    assert chains().source().digest != chains(skew=-0.5).source().digest


@pytest.mark.parametrize("change", [{"skew": -1.0}, {"smile_width": 2.0}, {"lowest": 1.1}, {"money_share": 0.0}])
def test_models_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    """Arbitrage, empty listings and shares outside 0 to 1."""
    with pytest.raises(ConfigError):
        ImpliedMarketConfig(**change)  # type: ignore[arg-type]  # every change is a float
