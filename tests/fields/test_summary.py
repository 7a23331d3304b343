"""The summary keeps the contract of the command line, and everything in it is JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fields.compute import compute_field
from fields.config import FieldConfig
from fields.snapshot import FieldSnapshot
from fields.summary import describe, summarize
from tests.generators import synthetic_chain

REQUIRED = {
    "symbol",
    "session",
    "as_of",
    "spot",
    "spot_source",
    "contracts",
    "position_source",
    "dynamics",
    "clock",
    "dex_usd",
    "gamma_usd_per_pct",
    "vanna_usd_per_volpt",
    "charm_usd_per_min",
    "zero_gamma",
    "walls",
    "amplification",
    "simulated",
    "timings_ms",
}


@pytest.fixture(scope="module")
def snapshot() -> FieldSnapshot:
    """Return the field of a synthetic chain."""
    return compute_field(synthetic_chain(half_spread=0.2), FieldConfig(impact_return_per_usd=1e-12))


def test_summary_has_every_key_of_the_contract(snapshot: FieldSnapshot) -> None:
    """With the mark of simulated data among them."""
    found = summarize(snapshot)
    assert found.keys() >= REQUIRED
    assert found["simulated"] is True
    assert found["as_of"] == "2023-06-02T19:00:00Z"


def test_summary_is_strict_json(snapshot: FieldSnapshot) -> None:
    """No NaN, no NumPy, no enum: it survives a round trip."""
    for made in (summarize(snapshot), describe(snapshot)):
        assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_numbers_are_those_of_the_snapshot(snapshot: FieldSnapshot) -> None:
    """Nothing is rounded on the way."""
    found = describe(snapshot)
    assert found["dex_usd"] == snapshot.totals.dex_usd
    assert found["ladder"]["gamma_usd_per_pct"] == snapshot.ladder.gamma_usd_per_pct.tolist()  # type: ignore[index]
    assert found["heatmap"]["gamma_usd_per_pct"] == snapshot.heatmap.gamma_usd_per_pct.tolist()  # type: ignore[index]


def test_missing_numbers_are_null_with_a_reason() -> None:
    """Each null total has its sentence beside it."""
    chain = synthetic_chain()
    bare = replace(chain, bid=np.zeros(chain.n_contracts), spot_last=np.nan)
    found = summarize(compute_field(bare, FieldConfig()))
    for key in ("spot", "dex_usd", "gamma_usd_per_pct", "vanna_usd_per_volpt", "charm_usd_per_min", "amplification"):
        assert found[key] is None
        assert found["reasons"][key]  # type: ignore[index]
    assert found["zero_gamma"] == []
    assert found["zero_gamma_reason"] == "no contract is used"
    json.dumps(describe(compute_field(bare, FieldConfig())), allow_nan=False)
