"""Chains that markets and files really produce at their worst: nothing raises or warns, and every null says why."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from itertools import product
from math import isfinite
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.compute import compute_field
from fields.config import Dynamics, FieldConfig, PositionSource, TimeBasis
from fields.context import FieldContext
from fields.snapshot import FieldSnapshot
from fields.summary import describe
from market.calendars import expiry_series
from market.chains import OptionChain
from market.instruments import product_of
from tests.generators import Expiry, chain_of_columns, reordered, synthetic_chain

CHAIN = synthetic_chain(half_spread=0.2)
NOTHING = np.full(CHAIN.n_contracts, np.nan)
IMPACTS = (float("nan"), 1e-12, 1e-6)
# Readings whose absence another reading's sentence explains.
EXPLAINED_BY = {
    "totals_error": "errors",
    "totals_error_bound": "errors",
    "profile.gamma_error_usd_per_pct": "errors",
    "regime": "amplification",
    "slices": "surface",
    "hedge_flow_at_spot": "hedge_flow",
    "hedge_flow_at_spot.buy_to_close_usd": "hedge_flow.buy_to_close_usd",
    "hedge_flow_at_spot.minutes_to_close": "hedge_flow.buy_to_close_usd",
    "zero_gamma_spread": "zero_gamma",
    "ladder.amplification": "amplification",
}


def two_roots() -> OptionChain:
    """Return morning- and evening-settled series of one date with the same strikes."""
    parts = [
        synthetic_chain(expiries=[Expiry(date(2023, 6, 16))], half_spread=0.2, root=root) for root in ("SPX", "SPXW")
    ]
    names = ("strike", "is_call", "bid", "ask", "open_interest", "vendor_iv")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    columns["series_index"] = np.repeat([0.0, 1.0], parts[0].n_contracts)
    series = tuple(expiry_series(product_of(root), date(2023, 6, 16)) for root in ("SPX", "SPXW"))
    return chain_of_columns(columns, series=series, spot=4_000.0, as_of_ns=CHAIN.ts_event_ns)


def deep_in_the_money() -> OptionChain:
    """Return calls far below and puts far above the forward only."""
    k = np.log(CHAIN.strike / 4_000.0)
    return reordered(CHAIN, np.flatnonzero(np.where(CHAIN.is_call, k < -0.1, k > 0.1)))


def seconds_before_expiry() -> OptionChain:
    """Return the nearest expiration alone, five seconds before its end."""
    nearest = reordered(CHAIN, np.flatnonzero(CHAIN.series_index == 0))
    return replace(nearest, ts_event_ns=CHAIN.series[0].expiry_ns - 5_000_000_000)


NASTY = {
    "no quote": replace(CHAIN, bid=NOTHING, ask=NOTHING),
    "no quote, no volatility": replace(CHAIN, bid=NOTHING, ask=NOTHING, vendor_iv=NOTHING),
    "no quote, no volatility, no spot": replace(CHAIN, bid=NOTHING, ask=NOTHING, vendor_iv=NOTHING, spot_last=np.nan),
    "one contract": reordered(CHAIN, np.array([17])),
    "all expired": replace(CHAIN, ts_event_ns=CHAIN.series[-1].expiry_ns + 1),
    "no calls": reordered(CHAIN, np.flatnonzero(~CHAIN.is_call)),
    "no puts": reordered(CHAIN, np.flatnonzero(CHAIN.is_call)),
    "zero open interest": replace(CHAIN, open_interest=np.zeros(CHAIN.n_contracts)),
    "no open interest": replace(CHAIN, open_interest=NOTHING),
    "infinite open interest": replace(CHAIN, open_interest=np.full(CHAIN.n_contracts, np.inf)),
    "infinite volatility": replace(CHAIN, bid=NOTHING, ask=NOTHING, vendor_iv=np.full(CHAIN.n_contracts, np.inf)),
    "infinite quotes": replace(CHAIN, bid=np.full(CHAIN.n_contracts, np.inf), ask=np.full(CHAIN.n_contracts, np.inf)),
    "crossed": replace(CHAIN, bid=CHAIN.ask, ask=CHAIN.bid),
    "crossed, no volatility": replace(CHAIN, bid=CHAIN.ask, ask=CHAIN.bid, vendor_iv=NOTHING),
    "spot far above the strikes": replace(CHAIN, spot_last=40_000.0),
    "spot far below the strikes, no quote": replace(CHAIN, spot_last=40.0, bid=NOTHING),
    "same strikes in two roots": two_roots(),
    "seconds to expiry": seconds_before_expiry(),
    "deep in the money": deep_in_the_money(),
    "columns with gaps in memory": replace(
        CHAIN, bid=np.repeat(CHAIN.bid, 2)[::2], strike=np.repeat(CHAIN.strike, 2)[::2]
    ),
}
CONFIGS = [
    FieldConfig(dynamics=d, time_basis=b, position_source=s, impact_return_per_usd=i)
    for d, b, s, i in product(Dynamics, TimeBasis, PositionSource, IMPACTS)
]


def nulls(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every null in a description."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from nulls(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from nulls(item, path)


def unexplained(found: dict[str, Any]) -> set[tuple[str, ...]]:
    """Return the nulls that no reason explains, neither by their own name nor by that of the whole they belong to."""
    reasons = found["reasons"]
    missing = set()
    for path in set(nulls({key: value for key, value in found.items() if key != "zero_gamma_reason"})):
        names = [".".join(path[:n]) for n in range(1, len(path) + 1)]
        if not any(reasons.get(name) or reasons.get(EXPLAINED_BY.get(name, name)) for name in names):
            missing.add(path)
    return missing


def judged(chain: OptionChain, config: FieldConfig) -> FieldSnapshot:
    """Compute a field with every warning an error, and check what must hold of any field."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compute_field(chain, config, FieldContext(contracts=np.ones(chain.n_contracts)))
        described = describe(found)
    counts = found.counts
    assert counts.read == counts.used + sum(counts.dropped.values()) == chain.n_read
    assert counts.used == sum(counts.iv_sources.values())
    assert min(counts.dropped.values(), default=1) > 0
    assert not unexplained(described)
    assert bool(found.zero_gamma) != bool(described["zero_gamma_reason"])
    assert isfinite(found.totals.gamma_usd_per_pct) == (counts.used > 0)
    return found


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_chain_gives_a_complete_and_explained_field(name: str) -> None:
    """Under every convention, clock, dynamics and impact."""
    for config in CONFIGS:
        judged(NASTY[name], config)


def test_roots_of_one_date_are_apart_in_time_but_share_strikes() -> None:
    """Two instants, one row of the profile per strike, and open interest added up."""
    chain = two_roots()
    found = judged(chain, FieldConfig())
    assert found.heatmap.expiry_ns.tolist() == [s.expiry_ns for s in chain.series]
    assert np.array_equal(found.profile.strike, np.unique(chain.strike))
    assert found.profile.call_open_interest.sum() == chain.open_interest[chain.is_call].sum()


def test_time_is_held_at_the_floor_seconds_before_expiry() -> None:
    """With a reason, and finite exposures."""
    found = judged(seconds_before_expiry(), FieldConfig())
    assert "60 s" in found.reasons["tau"]
    assert found.counts.used > 0
    assert np.isfinite(found.ladder.charm_usd_per_min).all()


@st.composite
def any_chains(draw: st.DrawFn) -> OptionChain:
    """Draw columns without any relation to each other."""
    n = draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = sorted(
        draw(
            st.sets(
                st.sampled_from([date(2023, 6, 2), date(2023, 6, 5), date(2023, 7, 21), date(2025, 6, 20)]), min_size=1
            )
        )
    )
    root = draw(st.sampled_from(["SPXW", "SPX", "SPY", "BTC@DERIBIT"]))
    scale = draw(st.sampled_from([1e-3, 1.0, 4_000.0, 1e6]))
    width = draw(st.sampled_from([1e-6, 0.02, 0.5, 5.0]))
    odd = np.array([np.nan, 0.0, 1e-12, 1e12, np.inf])

    def column(low: float, high: float) -> np.ndarray:
        plain = np.exp(rng.uniform(np.log(low), np.log(high), n))
        return np.where(rng.random(n) < draw(st.sampled_from([0.0, 0.3, 1.0])), rng.choice(odd, n), plain)

    columns = {
        "series_index": rng.integers(0, len(days), n).astype(float),
        "strike": scale * np.exp(width * rng.integers(-3, 4, n)),
        "is_call": rng.random(n) < 0.5,
        "bid": column(scale * 1e-4, scale),
        "ask": column(scale * 1e-4, scale),
        "open_interest": column(1.0, 1e6),
        "vendor_iv": column(0.005, 8.0),
    }
    series = tuple(expiry_series(product_of(root), day) for day in days)
    spot = draw(st.sampled_from([scale, 10.0 * scale, np.nan, 0.0]))
    as_of = CHAIN.ts_event_ns + draw(st.sampled_from([0, 3_599, 86_400, 40 * 86_400])) * 1_000_000_000
    return chain_of_columns(columns, series=series, spot=spot, as_of_ns=as_of)


@settings(max_examples=150, deadline=None)
@given(chain=any_chains(), config=st.sampled_from(CONFIGS))
def test_any_valid_chain_gives_a_complete_and_explained_field(chain: OptionChain, config: FieldConfig) -> None:
    """Duplicates, lonely sides, absurd quotes, any root: no exception, no warning, no null without its sentence."""
    judged(chain, config)


def test_every_column_of_the_nasty_chains_is_a_valid_chain() -> None:
    """They pass the chain's own checks again, so none is refused before the field sees it."""
    for chain in NASTY.values():
        assert OptionChain(**{item.name: getattr(chain, item.name) for item in fields(chain)}).n_contracts > 0
