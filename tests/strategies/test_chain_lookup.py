"""Look-ups in a chain: they find what a search through all contracts finds, and share what was sorted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.compute import evaluate_field
from fields.config import FieldConfig
from market.calendars import expiry_series
from market.chains import OptionChain
from market.instruments import SettlementTime, product_of
from market.tradables import Share, contract_at, option_contract
from strategies.chain_lookup import (
    ChainLookup,
    expirations_between,
    nearest_expiration,
    nearest_strike,
    strike_at_delta,
)
from strategies.views import ChainView
from tests.generators import Expiry, skewed_smile, synthetic_chain

EXPIRIES = (Expiry(date(2023, 6, 2)), Expiry(date(2023, 6, 9)), Expiry(date(2023, 7, 7)), Expiry(date(2023, 9, 8)))


def quotes_alone(chain: OptionChain) -> OptionChain:
    """Return a chain without what a vendor computes."""
    return chain.updated({"vendor_iv": np.full(chain.n_contracts, np.nan)})


def shuffled(chain: OptionChain, seed: int) -> OptionChain:
    """Return a chain whose contracts stand in another order."""
    order = np.random.default_rng(seed).permutation(chain.n_contracts)
    names = ("series_index", "strike", "is_call", "bid", "ask", "vendor_iv", "open_interest")
    return chain.updated({name: getattr(chain, name)[order] for name in names})


def view_of(chain: OptionChain) -> ChainView:
    """Return a view from a look-up of its own."""
    return ChainLookup().view(chain)


@settings(deadline=None, max_examples=40)  # the first call loads calendars and kernels
@given(seed=st.integers(0, 10_000))
def test_every_contract_is_found_at_its_place_in_any_order(seed: int) -> None:
    """`place` is the inverse of `contract_at`."""
    chain = shuffled(synthetic_chain(expiries=EXPIRIES[:2]), seed)
    view = view_of(chain)
    for place in np.random.default_rng(seed).integers(0, chain.n_contracts, 20).tolist():
        assert view.place(contract_at(chain, place)) == place


def test_what_the_chain_does_not_list_has_no_place() -> None:
    """Another strike, another expiration, another root and a share are all absent."""
    view = view_of(synthetic_chain(expiries=EXPIRIES))
    listed = expiry_series(product_of("SPXW"), date(2023, 6, 9))
    absent = (
        option_contract(listed, Decimal("4001.5"), is_call=True),
        option_contract(expiry_series(product_of("SPXW"), date(2023, 6, 16)), 4000, is_call=True),
        option_contract(expiry_series(product_of("SPX"), date(2023, 6, 9)), 4000, is_call=True),
        Share(symbol="SPY"),
    )
    assert [view.place(each) for each in absent] == [-1] * 4


@settings(deadline=None, max_examples=40)  # the first call loads calendars and kernels
@given(seed=st.integers(0, 1_000), is_call=st.booleans(), series=st.integers(0, 3))
def test_a_side_holds_its_contracts_with_rising_strikes(seed: int, is_call: bool, series: int) -> None:  # noqa: FBT001
    """A side is the sorted subset of its series and right."""
    chain = shuffled(synthetic_chain(expiries=EXPIRIES), seed)
    places = view_of(chain).side(series, is_call=is_call)
    expected = np.flatnonzero((chain.series_index == series) & (chain.is_call == is_call))
    assert np.array_equal(np.sort(places), expected)
    assert (np.diff(chain.strike[places]) > 0).all()


def test_own_deltas_are_those_of_the_field() -> None:
    """Without published deltas the view values contracts as the field engine does."""
    chain = quotes_alone(shuffled(synthetic_chain(expiries=EXPIRIES[1:], half_spread=0.1), 3))
    found = evaluate_field(chain, FieldConfig()).contracts
    own_quote = found.place[np.isfinite(view_of(chain).implied_vol(found.place))]
    chosen = np.isin(found.place, own_quote)
    assert own_quote.size > 300
    assert np.allclose(view_of(chain).delta(own_quote), found.delta[chosen], rtol=0, atol=1e-12)
    assert np.allclose(view_of(chain).implied_vol(own_quote), found.volatility[chosen], rtol=0, atol=1e-12)


def test_own_volatilities_recover_the_smile_that_made_the_prices() -> None:
    """Exact prices give back their volatilities."""
    chain = synthetic_chain(expiries=EXPIRIES[2:3], smile=skewed_smile())
    found = view_of(quotes_alone(chain)).implied_vol(np.arange(chain.n_contracts))
    assert np.nanmax(np.abs(found - chain.vendor_iv)) < 1e-6
    assert np.isfinite(found).mean() > 0.9


def test_published_deltas_come_first_and_zeros_that_mean_nothing_do_not() -> None:
    """A vendor's delta stands; 0 without a volatility beside it is computed."""
    chain = quotes_alone(synthetic_chain(expiries=EXPIRIES[1:2], half_spread=0.1))
    places = view_of(chain).side(0, is_call=True)[20:24]
    published = np.full(chain.n_contracts, np.nan)
    published[places[:3]] = (0.123, 0.0, 7.0)
    own = view_of(chain).delta(places)
    found = view_of(chain.updated({"vendor_delta": published})).delta(places)
    assert found[0] == 0.123
    assert np.array_equal(found[1:], own[1:])


@settings(deadline=None, max_examples=40)  # the first call loads calendars and kernels
@given(delta=st.floats(0.02, 0.98), is_call=st.booleans(), series=st.integers(0, 2))
def test_the_strike_at_a_delta_is_the_nearest_of_all(delta: float, is_call: bool, series: int) -> None:  # noqa: FBT001
    """On sound quotes the search finds what a look at every contract finds."""
    view = view_of(quotes_alone(synthetic_chain(expiries=EXPIRIES[1:])))
    found = strike_at_delta(view, series, delta, is_call=is_call)
    size = np.abs(view.delta(view.side(series, is_call=is_call)))
    assert abs(abs(found.delta) - delta) == pytest.approx(np.nanmin(np.abs(size - delta)), abs=1e-12)


def test_deltas_that_run_against_the_strikes_are_smoothed_before_the_search() -> None:
    """One wild delta far out of the money does not catch the search."""
    chain = synthetic_chain(expiries=EXPIRIES[2:3])
    view = view_of(chain)
    side = view.side(0, is_call=False)
    published = np.full(chain.n_contracts, np.nan)
    published[side] = view.delta(side)
    published[side[1]] = -0.30  # a bad print
    found = strike_at_delta(view_of(chain.updated({"vendor_delta": published})), 0, -0.30, is_call=False)
    clean = strike_at_delta(view, 0, 0.30, is_call=False)
    assert (found.place, clean.n_smoothed) == (clean.place, 0)
    assert found.n_smoothed == 1


def test_a_side_without_deltas_has_no_strike_at_a_delta() -> None:
    """Without any quote the answer is no place and no delta."""
    chain = quotes_alone(synthetic_chain(expiries=EXPIRIES[1:2]))
    blank = np.full(chain.n_contracts, np.nan)
    view = view_of(chain.updated({"bid": blank, "ask": blank}))
    found = strike_at_delta(view, 0, 0.16, is_call=False)
    assert found.place == -1
    assert np.isnan(found.delta)


def test_the_nearest_strike_is_the_lower_of_two() -> None:
    """Ties go down, and an unknown price has no strike."""
    chain = synthetic_chain(expiries=EXPIRIES[1:2], strikes=np.array([3900.0, 3950.0, 4000.0, 4050.0]))
    view = view_of(chain)
    found = [nearest_strike(view, 0, price, is_call=True) for price in (1.0, 3975.0, 3976.0, 9e9, np.nan)]
    assert [float(chain.strike[place]) for place in found[:4]] == [3900.0, 3950.0, 4000.0, 4050.0]
    assert found[4] == -1


def test_expirations_are_chosen_by_days_and_settlement() -> None:
    """Day 0 is the session itself, and a series that no longer trades is none."""
    chain = synthetic_chain(expiries=EXPIRIES)
    view = view_of(chain)
    assert expirations_between(view, 0, 7) == (0, 1)
    assert nearest_expiration(view, 30, 20, 45) == 2
    assert nearest_expiration(view, 30, 50, 60) == -1
    assert expirations_between(view, 0, 100, settlement=SettlementTime.AM) == ()
    evening = chain.updated({"ts_event_ns": int(chain.expiry_ns[0]) + 1})
    assert expirations_between(view_of(evening), 0, 7) == (1,)


def test_chains_of_one_table_share_their_index_and_not_their_values() -> None:
    """The next minute's chain reuses what was sorted and shows its own quotes and deltas."""
    lookup = ChainLookup()
    first = quotes_alone(synthetic_chain(expiries=EXPIRIES[1:]))
    second = quotes_alone(synthetic_chain(expiries=EXPIRIES[1:], spot=4000.0, smile=skewed_smile(0.30)))
    one, two = lookup.view(first), lookup.view(second)
    side = one.side(0, is_call=True)
    assert two.side(0, is_call=True) is side
    assert np.nanmean(two.implied_vol(side) - one.implied_vol(side)) == pytest.approx(0.12, abs=0.02)
    assert np.array_equal(two.delta(side), view_of(second).delta(side), equal_nan=True)


def test_another_table_gets_an_index_of_its_own() -> None:
    """A chain with other strikes is not read through the index before."""
    lookup = ChainLookup()
    first = synthetic_chain(expiries=EXPIRIES[1:2], strikes=np.array([3900.0, 4000.0]))
    second = synthetic_chain(expiries=EXPIRIES[1:2], strikes=np.array([3950.0, 4000.0]))
    lookup.view(first)
    contract = contract_at(second, 0)
    assert lookup.view(second).place(contract) == 0
    assert lookup.view(first).place(contract) == -1


def test_a_side_that_is_not_shown_is_missing_in_the_quote() -> None:
    """A bid of 0 means that there is none, and a modelled quote says so."""
    chain = synthetic_chain(expiries=EXPIRIES[1:2])
    quote = ChainLookup().view(chain.updated({"bid": np.zeros(chain.n_contracts)}), is_modelled=True).quote(0)
    assert np.isnan(quote.bid)
    assert quote.ask == chain.ask[0]
    assert quote.is_modelled
