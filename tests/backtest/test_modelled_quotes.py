"""Quotes that are made around mids: on the tick, away from the mid, and as wide as the model says."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from backtest.chain_feed import with_spread
from backtest.fills.spreads import ClosingSpread, FixedSpread
from market.tradables import option_ticks
from tests.generators import Expiry, synthetic_chain

_CHAIN = synthetic_chain(expiries=[Expiry(date(2023, 6, 9))])


@pytest.mark.parametrize("fraction", [0.0, 0.02, 0.1])
def test_modelled_sides_stand_on_the_tick_and_no_nearer_than_the_model(fraction: float) -> None:
    """A buyer never pays less, and a seller never gets more, than mid and half spread; both prices can be quoted."""
    spread = ClosingSpread(fraction=fraction, least=0.05)
    quoted = with_spread(_CHAIN, spread)
    mid = 0.5 * (_CHAIN.bid + _CHAIN.ask)
    half = np.maximum(fraction * mid, 0.05)
    assert (quoted.ask >= mid + half - 1e-6).all()
    assert (quoted.bid <= np.maximum(mid - half, 0.0) + 1e-6).all()
    for side in (quoted.bid, quoted.ask):
        steps = side / option_ticks(_CHAIN, side)
        assert np.abs(steps - np.rint(steps)).max() < 1e-6
    assert (quoted.ask - mid - half <= option_ticks(_CHAIN, quoted.ask) + 1e-6).all()


def test_a_model_without_a_spread_leaves_the_mid_as_it_is() -> None:
    """That every print can be traded at is said in the name of the model, and so it is."""
    quoted = with_spread(_CHAIN, FixedSpread(half=0.0))
    mid = 0.5 * (_CHAIN.bid + _CHAIN.ask)
    assert np.allclose(quoted.bid, mid, atol=1e-8)
    assert np.allclose(quoted.ask, mid, atol=1e-8)


def test_a_contract_without_a_mid_gets_no_quote() -> None:
    """Missing stays missing."""
    nothing = np.full(_CHAIN.n_contracts, np.nan)
    quoted = with_spread(_CHAIN.updated({"bid": nothing, "ask": nothing, "last": nothing}), ClosingSpread())
    assert np.isnan(quoted.bid).all()
    assert np.isnan(quoted.ask).all()
