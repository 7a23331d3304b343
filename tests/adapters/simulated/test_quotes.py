"""What the dealers quote obeys the laws of option prices and of the tick."""

from __future__ import annotations

from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from adapters.simulated import MarketTruth, SimulatedMarket, demo_config
from market.chains import OptionChain
from tests.adapters.simulated.samples import mids, stepped, two_symbols

_MARKET = stepped(two_symbols(), 17)
_PAIRS = [(chain, _MARKET.truth(chain.symbol)) for chain in _MARKET.chains()]
_CASES = pytest.mark.parametrize(("chain", "truth"), _PAIRS, ids=[chain.symbol for chain, _ in _PAIRS])


@_CASES
def test_the_true_price_lies_between_bid_and_ask(chain: OptionChain, truth: MarketTruth) -> None:
    """Quotes are rounded outwards, so they never cross and never exclude the value."""
    assert np.all(chain.bid <= truth.price + 1e-9)
    assert np.all(truth.price <= chain.ask + 1e-9)
    assert np.all(chain.bid < chain.ask)


@_CASES
def test_quotes_stand_on_the_tick(chain: OptionChain, truth: MarketTruth) -> None:
    """SIM.SPX ticks by 0.05 below 3 and by 0.10 from there; SIM.IWM by cents."""
    small, large = (0.05, 0.10) if chain.symbol == "SIM.SPX" else (0.01, 0.01)
    for price in (chain.bid, chain.ask):
        ticks = price / np.where(price < 3.0, small, large)
        np.testing.assert_allclose(ticks, np.rint(ticks), atol=1e-6)


@_CASES
def test_put_call_parity_holds_within_the_spread(chain: OptionChain, truth: MarketTruth) -> None:
    """Call less put is the discounted forward less strike, up to half of both spreads."""
    both = (chain.bid[0::2] > 0.0) & (chain.bid[1::2] > 0.0)
    mid, half = mids(chain), 0.5 * (chain.ask - chain.bid)
    series = chain.series_index[0::2]
    fair = truth.discount[series] * (truth.forward[series] - chain.strike[0::2])
    error = np.abs(mid[0::2] - mid[1::2] - fair)
    assert both.mean() > 0.5
    assert np.all(error[both] <= (half[0::2] + half[1::2])[both] + 1e-9)


@_CASES
def test_true_prices_admit_no_arbitrage_across_strikes(chain: OptionChain, truth: MarketTruth) -> None:
    """Calls fall with strike by at most the discount, and are convex; puts by parity."""
    for place, discount in enumerate(truth.discount):
        chosen = (chain.series_index == place) & chain.is_call
        slope = np.diff(truth.price[chosen]) / np.diff(chain.strike[chosen])
        assert np.all(slope <= 1e-12)
        assert np.all(slope >= -discount - 1e-9)
        assert np.all(np.diff(slope) >= -1e-9)


@_CASES
def test_midpoints_are_monotone_in_strike(chain: OptionChain, truth: MarketTruth) -> None:
    """Rounded mids still order the strikes, up to a tick of rounding."""
    tick = 0.10 if chain.symbol == "SIM.SPX" else 0.01
    mid = mids(chain)
    for place in range(len(chain.series)):
        inside = chain.series_index == place
        assert np.all(np.diff(mid[inside & chain.is_call]) <= tick)
        assert np.all(np.diff(mid[inside & ~chain.is_call]) >= -tick)


@_CASES
def test_total_variance_rises_with_expiry(chain: OptionChain, truth: MarketTruth) -> None:
    """At the forward, later expirations carry more total variance: no calendar arbitrage."""
    tau = (chain.expiry_ns - chain.ts_event_ns) / (365.0 * 86_400e9)
    total = []
    for place, years in enumerate(tau):
        inside = np.flatnonzero((chain.series_index == place) & chain.is_call)
        k = np.log(chain.strike[inside] / truth.forward[place])
        total.append(np.interp(0.0, k, truth.volatility[inside] ** 2 * years))
    assert np.all(np.diff(total) > 0.0)


def test_true_prices_are_black_prices_at_the_true_volatility() -> None:
    """A scalar Black-76 from the standard library gives each price and delta again."""
    chain, truth = _PAIRS[0]
    cdf = NormalDist().cdf
    for n in range(0, chain.n_contracts, 97):
        place = int(chain.series_index[n])
        forward, discount = float(truth.forward[place]), float(truth.discount[place])
        tau = (chain.series[place].expiry_ns - chain.ts_event_ns) / (365.0 * 86_400e9)
        deviation = float(truth.volatility[n]) * sqrt(tau)
        d1 = log(forward / chain.strike[n]) / deviation + 0.5 * deviation
        sign = 1.0 if chain.is_call[n] else -1.0
        price = sign * discount * (forward * cdf(sign * d1) - chain.strike[n] * cdf(sign * (d1 - deviation)))
        assert truth.price[n] == pytest.approx(price, abs=1e-8)
        assert truth.delta[n] == pytest.approx(sign * discount * forward / truth.spot * cdf(sign * d1), abs=1e-12)
        assert discount == pytest.approx(exp(-0.04 * tau), rel=1e-14)


def test_gamma_is_the_slope_of_delta() -> None:
    """The dealers' gamma is the change of the book's delta, by differences between neighbouring spots."""
    chain, truth = _PAIRS[0]
    tau = (chain.expiry_ns - chain.ts_event_ns) / (365.0 * 86_400e9)
    place, forward = chain.series_index, truth.forward[chain.series_index]
    deviation = truth.volatility * np.sqrt(tau)[place]
    bump = 1e-5

    def call_delta(factor: float) -> np.ndarray:
        d1 = np.log(factor * forward / chain.strike) / deviation + 0.5 * deviation
        cdf = np.array([NormalDist().cdf(float(x)) for x in d1])
        return np.asarray(truth.discount[place] * forward / truth.spot * cdf)

    slope = (call_delta(1.0 + bump) - call_delta(1.0 - bump)) / (2.0 * bump * truth.spot)
    np.testing.assert_allclose(truth.gamma, slope, rtol=1e-4, atol=1e-9)
    assert truth.dealer_gamma_usd == pytest.approx(
        float(100.0 * (truth.dealer_position * slope).sum()) * truth.spot**2, rel=1e-3
    )


def test_the_demo_looks_like_index_markets() -> None:
    """Each demo symbol lists 1 500 to 3 000 contracts with a 0DTE first, and is marked as simulated."""
    for chain in SimulatedMarket(demo_config()).chains():
        assert 1_500 <= chain.n_contracts <= 3_000
        assert chain.series[0].expiration == chain.session
        assert chain.provenance.simulated
        assert chain.symbol.startswith("SIM.")
        assert chain.spot_bid <= chain.spot_last <= chain.spot_ask


def test_a_chain_carries_no_truth() -> None:
    """Volatility, Greeks and forwards are for the reader to find; arrays cannot be written."""
    chain, truth = _PAIRS[0]
    assert np.isnan(chain.vendor_iv).all()
    assert np.isnan(chain.vendor_delta).all()
    assert np.isnan(chain.vendor_gamma).all()
    assert np.isnan(chain.vendor_forward).all()
    assert not chain.bid.flags.writeable
    assert chain.spot_last == round(truth.spot, 2)
