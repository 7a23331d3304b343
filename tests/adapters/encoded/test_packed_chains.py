"""Packed chains come back to the last bit, and share what they have in common."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.encoded.packed_chains import PackedChains, pack_chains
from market.chains import DropReason, OptionChain
from market.errors import DataError
from tests.adapters.encoded.equality import unlike
from tests.generators import Expiry, synthetic_chain


def chains(seed: int, n_strikes: int = 60) -> list[OptionChain]:
    """Return two chains of one listing and one of another, with unlike values in every optional column."""
    grid = np.linspace(3500.0, 4500.0, n_strikes).round(1)
    first = synthetic_chain(expiries=[Expiry(date(2023, 6, 9))], strikes=grid, noise=0.1, half_spread=0.2, seed=seed)
    rng = np.random.default_rng(seed)
    n = first.n_contracts
    second = first.updated(
        {
            "bid": np.round(first.bid, 2),
            "last": np.where(rng.random(n) < 0.5, np.nan, rng.random(n)),
            "volume": rng.integers(0, 90_000, n).astype(float),
            "quote_ts_ns": first.quote_ts_ns - rng.integers(0, 10**12, n),
            "vendor_forward": np.array([4012.5]),
            "spot_bid": 3999.5,
            "cause_id": "second",
        }
    )
    listed = np.array([f"SPXW230609C{k:08d}".encode() for k in range(n)])
    third = replace(first, symbols=listed, n_read=n + 3, dropped={DropReason.DUPLICATE: 2, DropReason.BAD_ROW: 1})
    return [first, second, third]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1_000), n_strikes=st.sampled_from([5, 60, 700]))
def test_packed_chains_are_the_chains(seed: int, n_strikes: int) -> None:
    """Small and large, in any order of asking, every field is equal bit for bit."""
    given_chains = chains(seed, n_strikes)
    found = PackedChains(pack_chains(given_chains))
    assert len(found) == 3
    for place in (2, 0, 1, 0):
        assert unlike(found.chain(place), given_chains[place]) == []


def test_chains_of_one_listing_share_their_contracts() -> None:
    """The arrays of the contracts are the same objects, by which an index is known again."""
    found = PackedChains(pack_chains(chains(1)))
    one, two, other = (found.chain(place) for place in range(3))
    assert one.strike is two.strike
    assert one.series is two.series
    assert one.strike is not other.strike


@pytest.mark.parametrize("content", [b"", b"abc", pack_chains([])[:-1], b"\x93\x01\x02\x03"])
def test_other_bytes_are_refused(content: bytes) -> None:
    """What is no packed session says so."""
    with pytest.raises(DataError, match="no packed chains"):
        PackedChains(content)
