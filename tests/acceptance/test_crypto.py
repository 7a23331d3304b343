"""Deribit and OKX chains: units proved from raw columns, the venues' Greeks reproduced, an expiry passed live."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.special import ndtr, ndtri

from adapters.chains import open_chains
from fields.config import FieldConfig
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.clock import datetime_of_ns
from tests.acceptance import oracle
from tests.acceptance.books import valued

pytestmark = [pytest.mark.data, pytest.mark.slow]

FILES = ("btc_deribit_hourly_202601", "btc_eth_deribit_daily", "btc_eth_okx_daily")
# Contract sizes and the volatility unit as the venues state them.
UNITS = {("deribit", "BTC"): 1.0, ("deribit", "ETH"): 1.0, ("okx", "BTC"): 0.01, ("okx", "ETH"): 0.1}


def raw(root: Path, name: str) -> pd.DataFrame:
    """Return a file with years to 08:00 UTC of the expiry, and deviations."""
    table: pd.DataFrame = pq.read_table(root / "crypto_options" / f"{name}.parquet").to_pandas()
    at, expiry = (table["date"], table["expiry_date"]) if "date" in table else (table["snapshot_utc"], table["expiry"])
    table["years"] = ((expiry + pd.Timedelta(hours=8)) - at).dt.total_seconds() / (365 * 86_400)
    table["key"] = (
        at.astype(str) + expiry.astype(str) + table.get("underlying", pd.Series("BTC", table.index)).astype(str)
    )
    table["side"] = np.where(table["right"] == "C", 1.0, -1.0)
    table = table[(table["years"] > 0.0) & (table["mark_iv"] > 0.0)].copy()
    table["vol"] = table["mark_iv"] * (1.0 if "okx" in name else 0.01)
    table["a"] = table["vol"] * np.sqrt(table["years"])
    return table


def with_forward(table: pd.DataFrame, forward_delta: pd.Series) -> pd.DataFrame:
    """Return rows with the forward that the deltas between 0.2 and 0.8 of their expiration tell, and d1."""
    n = np.where(table["side"] > 0.0, forward_delta, forward_delta + 1.0)
    told = table["strike"] * np.exp(table["a"] * (ndtri(np.clip(n, 0.01, 0.99)) - table["a"] / 2.0))
    table["forward"] = told.where((n > 0.2) & (n < 0.8)).groupby(table["key"]).transform("median")
    table = table[table["forward"] > 0.0].copy()
    table["d1"] = np.log(table["forward"] / table["strike"]) / table["a"] + table["a"] / 2.0
    table["density"] = np.exp(-0.5 * table["d1"] ** 2) / np.sqrt(2.0 * np.pi)
    return table


def within(found: pd.Series, expected: pd.Series, half: float, most: float) -> None:
    """Assert how far half and 95 % of the rows may lie apart."""
    error = (found - expected).abs()
    assert error.median() <= half
    assert error.quantile(0.95) <= most


def test_deribit_greeks_are_black_on_the_forward_in_dollars(data_root: Path) -> None:
    """Delta per coin, gamma per USD, vega per vol point, theta per day; volatility in percent, 08:00 UTC.

    The stamps are whole hours and the quotes half an hour later, which near the expiry is more than rounding.
    """
    t = raw(data_root, FILES[0])
    t = with_forward(t, t["delta"])
    t = t[t["years"] > 7.0 / 365.0]
    assert len(t) > 17_000
    root = np.sqrt(t["years"])
    within(t["side"] * ndtr(t["side"] * t["d1"]), t["delta"], 3e-5, 3e-4)
    within(t["density"] / (t["forward"] * t["a"]), t["gamma"], 5.1e-6, 5.1e-6)  # rounded to five digits
    within(t["forward"] * t["density"] * root / 100.0, t["vega"], 0.03, 0.1)
    within(-t["forward"] * t["density"] * t["vol"] / (2.0 * root) / 365.0, t["theta"], 0.01, 0.1)


def test_deribit_stamps_are_about_half_an_hour_early(data_root: Path) -> None:
    """What vega says of the time left: 20 to 45 minutes less than from the stamp to 08:00 UTC."""
    t = raw(data_root, FILES[0])
    t = with_forward(t, t["delta"])
    t = t[(t["d1"].abs() < 0.7) & (t["years"] < 3.0 / 365.0)]
    minutes = ((t["vega"] * 100.0 / (t["forward"] * t["density"])) ** 2 - t["years"]) * 525_600.0
    assert -45.0 < minutes.median() < -20.0


def test_okx_greeks_are_premium_adjusted_and_in_coin(data_root: Path) -> None:
    """Delta less the premium, gamma twice so, vega per vol point, theta per day; volatility a fraction."""
    t = raw(data_root, FILES[2])
    t = t[t["years"] > 2.0 / 365.0]
    t = with_forward(t, t["delta"] + t["mark_price"])
    d2, delta = t["d1"] - t["a"], t["side"] * ndtr(t["side"] * t["d1"])
    premium = delta - t["side"] * t["strike"] / t["forward"] * ndtr(t["side"] * d2)
    root = np.sqrt(t["years"])
    within(premium, t["mark_price"], 3e-5, 5e-4)
    within(delta - premium, t["delta"], 1e-5, 8e-4)
    within(t["density"] / t["a"] - 2.0 * (delta - premium), t["gamma"], 1e-4, 3e-3)
    within(t["density"] * root / 100.0, t["vega"], 1e-6, 3e-6)
    within(-t["density"] * t["vol"] / (2.0 * root) / 365.0, t["theta"], 1e-6, 8e-6)


@pytest.mark.parametrize("name", FILES)
def test_fields_of_coin_settled_chains_are_the_sums_of_the_raw_columns(data_root: Path, name: str) -> None:
    """Contract size, 08:00 UTC, exposures to 1e-12 of the gross sums, every zero of gamma, open interest complete."""
    venue = "okx" if "okx" in name else "deribit"
    for chain in list(open_chains(data_root / "crypto_options" / f"{name}.parquet"))[::3]:
        v = valued(chain, FieldConfig())
        assert set(chain.multiplier) == {UNITS[venue, chain.symbol]}
        assert all(datetime_of_ns(s.expiry_ns).strftime("%H:%M") == "08:00" for s in chain.series)
        c, t, spot = v.contracts(), v.field.totals, v.field.spot
        found = np.array([t.dex_usd, t.gamma_usd_per_pct, t.vanna_usd_per_volpt, t.charm_usd_per_min])
        expected, gross = oracle.totals(c, spot)
        assert np.all(np.abs(found - expected) <= 1e-12 * gross), chain.ts_event_ns
        roots = oracle.gamma_roots(c, spot, FieldConfig().roots_window)
        np.testing.assert_allclose(sorted(z.level for z in v.field.zero_gamma), roots, rtol=1e-9)
        at = v.field.counts
        assert at.open_interest_used == pytest.approx(at.open_interest_read, rel=1e-12)


@pytest.mark.parametrize(("name", "half", "most"), [(FILES[0], 1e-4, 2e-3), (FILES[2], 3e-3, 2.5e-2)])
def test_our_deltas_and_gammas_are_those_of_the_venue(data_root: Path, name: str, half: float, most: float) -> None:
    """From the chain alone: Deribit's volatilities with our forwards; OKX by volatilities of its wide quotes."""
    for chain in list(open_chains(data_root / "crypto_options" / f"{name}.parquet"))[::6]:
        v = valued(chain, FieldConfig())
        read = v.evaluation.contracts
        s = chain.series_index[read.place]
        far = v.tau[s] > 7.0 / 365.0
        on_forward = read.delta / (v.forward[s] / v.field.spot * v.discount[s])
        error = np.abs(on_forward - chain.vendor_delta[read.place])[far]
        assert np.nanmedian(error) <= half
        assert np.nanquantile(error, 0.95) <= most
        assert ("forward.venue_delta" in v.field.reasons) == ("hourly" in name)
        steep = far & (chain.vendor_gamma[read.place] > 20 * 5e-6)
        if steep.sum() > 20:
            assert np.median(read.gamma[steep] / chain.vendor_gamma[read.place][steep]) == pytest.approx(1.0, abs=0.02)


def test_an_expiry_passes_at_eight_utc_in_a_live_state(data_root: Path) -> None:
    """Hour after hour: what expires at 08:00 is gone then, though the venue's last chain with it is an hour old."""
    chains = list(open_chains(data_root / "crypto_options" / f"{FILES[0]}.parquet"))
    state, seen = SymbolState(LiveConfig()), 0
    for before, chain in pairwise(chains):
        state.on_chain(before)
        field = state.field().snapshot
        assert np.isfinite(field.totals.gamma_usd_per_pct)
        if datetime_of_ns(chain.ts_event_ns).hour == 8:
            first = min(s.expiry_ns for s in before.series)
            assert first == chain.ts_event_ns
            assert min(s.expiry_ns for s in chain.series) > first
            at_eight = replace(before, ts_event_ns=first)  # still listed at the very instant
            state.on_chain(at_eight)
            found = state.field().snapshot
            expired = sum(
                int((before.series_index == i).sum()) for i, s in enumerate(before.series) if s.expiry_ns == first
            )
            assert found.counts.dropped == {"expired": expired}
            assert found.counts.used == before.n_contracts - expired
            seen += 1
    assert seen == 2
