"""Prices of packages at the sides that would trade."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.chains import OptionChain
from market.tradables import option_contract
from strategies.chain_lookup import ChainLookup
from strategies.legs.rules import placed
from strategies.package_prices import natural_price, opposite, package_limit
from strategies.structures.straddle import straddle
from tests.strategies.chains import chain_at, view_at


def _short_straddle(chain: OptionChain) -> tuple[float, float]:
    view = ChainLookup().view(chain)
    legs = placed(view_at(), (0,), straddle(is_sold=True)).legs
    return natural_price(view, legs), natural_price(view, opposite(legs))


def test_the_round_trip_costs_the_spread_of_every_leg() -> None:
    """Two legs a tenth wide: opened and closed at once, a fifth is lost."""
    opened, closed = _short_straddle(chain_at())
    assert opened < 0.0 < closed
    assert opened + closed == pytest.approx(0.2)


def test_a_leg_without_a_bid_is_given_away_and_one_without_an_ask_has_no_price() -> None:
    """Nobody bids for the worthless; without an ask nothing can be bought back."""
    chain = chain_at()
    opened, closed = _short_straddle(replace(chain, bid=np.zeros_like(chain.bid)))
    assert (opened, closed > 0.0) == (0.0, True)
    opened, closed = _short_straddle(replace(chain, ask=np.zeros_like(chain.ask)))
    assert isnan(opened)
    assert isnan(closed)


def test_a_contract_that_is_not_quoted_has_no_price() -> None:
    """A held contract may have left the chain."""
    view = view_at()
    (put, call) = placed(view, (0,), straddle(is_sold=True)).legs
    other = option_contract(view.chain.series[0], 4321.0, is_call=True)
    assert isnan(natural_price(view, (put, replace(call, instrument=other))))


@given(price=st.floats(-500.0, 500.0), allowance=st.floats(0.0, 0.9))
def test_a_limit_is_on_the_tick_and_never_tighter_than_the_allowance(price: float, allowance: float) -> None:
    """It pays no less than the allowance lets it, by less than a tick more."""
    legs = placed(view_at(), (0,), straddle(is_sold=True)).legs
    limit = package_limit(legs, price, allowance)
    worst = price + allowance * abs(price)
    assert limit % Decimal("0.05") == 0
    assert worst - 1e-6 <= float(limit) < worst + 0.1
