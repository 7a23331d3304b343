"""Bad quotes never break the field: no exception, no warning, every contract counted, every gap explained."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.compute import compute_field
from fields.config import Dynamics, FieldConfig, PositionSource, TimeBasis
from fields.context import FieldContext
from fields.summary import describe
from market.chains import OptionChain
from tests.generators import reordered, synthetic_chain

COLUMNS = ("bid", "ask", "open_interest", "vendor_iv", "vendor_delta")
BAD = (np.nan, 0.0, 1e-9, 1e9, 5.0)
CHAIN = synthetic_chain(half_spread=0.2)


@st.composite
def spoilt_chains(draw: st.DrawFn) -> OptionChain:
    """Draw a chain with parts of its columns overwritten by what files really contain."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chain = CHAIN
    for name in draw(st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True)):
        share, value = draw(st.sampled_from((0.05, 0.5, 0.97, 1.0))), draw(st.sampled_from(BAD))
        column = np.where(rng.random(chain.n_contracts) < share, value, getattr(chain, name))
        spoilt: dict[str, Any] = {name: column}
        chain = replace(chain, **spoilt)
    later = draw(st.sampled_from((0, 7, 35, 400))) * 86_400_000_000_000
    spot = draw(st.sampled_from((4_000.0, np.nan, 400.0)))
    return replace(chain, spot_last=spot, ts_event_ns=chain.ts_event_ns + later)


@settings(max_examples=60, deadline=None)
@given(chain=spoilt_chains(), dynamics=st.sampled_from(list(Dynamics)), basis=st.sampled_from(list(TimeBasis)))
def test_spoilt_chains_give_a_complete_snapshot(chain: OptionChain, dynamics: Dynamics, basis: TimeBasis) -> None:
    """Strict JSON, counts that add up, and a reason beside each missing number."""
    config = FieldConfig(dynamics=dynamics, time_basis=basis, impact_return_per_usd=1e-12)
    found = compute_field(chain, config)
    counts, totals = found.counts, found.totals
    assert counts.read == counts.used + sum(counts.dropped.values())
    json.dumps(describe(found), allow_nan=False)
    assert isnan(totals.gamma_usd_per_pct) == (counts.used == 0) == ("gamma_usd_per_pct" in found.reasons)
    assert bool(found.zero_gamma) != ("zero_gamma" in found.reasons)
    assert isnan(found.regime.amplification) == ("amplification" in found.reasons)


@pytest.mark.parametrize("source", list(PositionSource))
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_contracts_is_enough(source: PositionSource, n: int) -> None:
    """One contract, a lonely side, a single pair: spot comes from the print, and the field stands."""
    chain = reordered(CHAIN, np.arange(20, 20 + n))
    found = compute_field(chain, FieldConfig(position_source=source), FieldContext(contracts=np.ones(n)))
    assert found.spot == 4_000.0
    assert found.counts.used == n
    assert np.isfinite(found.ladder.potential_usd).all()
