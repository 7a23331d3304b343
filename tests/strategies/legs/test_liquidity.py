"""Bounds of a leg's quote: each alone refuses, names what was found, and what is not told has not passed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from market.errors import ConfigError
from strategies.chain_lookup import ChainLookup
from strategies.legs.liquidity import Liquidity, illiquid
from strategies.legs.rules import placed
from strategies.structures.vertical import credit_spread
from tests.strategies.chains import chain_at


@pytest.mark.parametrize(
    ("column", "kept", "broken", "bounds", "reason"),
    [
        ("bid", 1.00, 0.95, Liquidity(min_bid=1.0), "bid 0.95, at least 1 is asked"),
        ("bid", 0.90, 0.80, Liquidity(max_relative_spread=0.2), "relative spread 0.222, at most 0.2 is asked"),
        ("bid", 0.90, 0.00, Liquidity(max_relative_spread=0.2), "relative spread nan, at most 0.2 is asked"),
        ("bid", 0.90, 1.10, Liquidity(max_relative_spread=0.2), "relative spread -0.0952, at most 0.2 is asked"),
        ("open_interest", 50.0, 49.0, Liquidity(min_open_interest=50.0), "open interest 49, at least 50 is asked"),
        ("volume", 10.0, np.nan, Liquidity(min_volume=10.0), "volume nan, at least 10 is asked"),
    ],
)
def test_a_bound_keeps_and_breaks(column: str, kept: float, broken: float, bounds: Liquidity, reason: str) -> None:
    """At the bound it passes, beyond it the reason tells what was found."""
    chain = chain_at()
    flat = np.ones(chain.n_contracts)
    for value, told in ((kept, ""), (broken, reason)):
        view = ChainLookup().view(chain.updated({"ask": flat, "bid": 0.9 * flat, column: value * flat}))
        assert illiquid(view, 0, bounds) == told
        assert illiquid(view, 0, Liquidity()) == ""


def test_a_structure_with_an_illiquid_leg_is_not_placed() -> None:
    """The first leg that breaks a bound is named, and nothing stands in for it."""
    view = ChainLookup().view(chain_at())
    structure = replace(credit_spread(0.2, 25.0, is_bullish=True), liquidity=Liquidity(min_volume=1.0))
    found = placed(view, (1,), structure)
    assert (found.legs, found.reason) == ((), "no strike for leg 0: volume nan, at least 1 is asked")


@pytest.mark.parametrize("bounds", [{"min_bid": -1.0}, {"max_relative_spread": 0.0}, {"min_volume": float("nan")}])
def test_bounds_that_cannot_be_are_refused(bounds: dict[str, float]) -> None:
    """Negative numbers, a spread of 0, and what is no number."""
    with pytest.raises(ConfigError, match="liquidity"):
        Liquidity(**bounds)
