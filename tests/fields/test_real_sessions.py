"""Recorded sessions against independent truths: open interest, spot, Cboe's own Greeks, a published gamma profile."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.optimize import brentq

from adapters.chains import open_chains
from fields.book import sorted_book
from fields.compute import compute_field
from fields.config import FieldConfig, TimeBasis
from fields.forwards import imply_forwards
from fields.greeks import exposure_greeks
from fields.parity import parity_pairs
from fields.summary import describe
from fields.timebase import time_to_expiry, valuation_instant
from fields.volatility import VolatilitySource, contract_volatility
from market.calendars import expiry_series
from market.chains import OptionChain
from market.clock import ns_of_datetime
from market.errors import DataError
from market.instruments import product_of
from tests.generators import chain_of_columns

pytestmark = pytest.mark.data

CONFIG = FieldConfig(impact_return_per_usd=2e-13, impact_source="assumed")
SYMBOLS = ("SPX", "SPY", "QQQ", "NDX")
# Open interest of these sessions differs from the daily totals for a known reason (see the data's own description).
OI_EXCEPTIONS = {date(2022, 2, 4), date(2023, 5, 5), date(2023, 5, 19)}


def new_york_ns(text: str) -> int:
    """Return a New York wall-clock text in ns."""
    return ns_of_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")))


def index_rows(data_root: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return the index of the Cboe snapshots by symbol and session."""
    with (data_root / "option_chains" / "cboe_snapshot_index.csv").open() as file:
        return {(row["underlying"], row["session_date"]): row for row in csv.DictReader(file)}


def sessions(data_root: Path, symbol: str) -> Iterator[tuple[dict[str, str], OptionChain]]:
    """Yield each recorded session with its index row, stamped with the header's time where that is printed."""
    rows = index_rows(data_root)
    for chain in open_chains(data_root / "option_chains" / f"cboe_{symbol.lower()}_snapshots.parquet"):
        row = rows[symbol, chain.session.isoformat()]
        stamp = row["header_ts_et"]
        yield row, replace(chain, ts_event_ns=new_york_ns(stamp)) if stamp else chain


def test_open_interest_equals_the_daily_totals(data_root: Path) -> None:
    """Exactly, for every session without a known exception."""
    with gzip.open(data_root / "option_chains" / "spx_chain_daily_aggregates.csv.gz", "rt") as file:
        totals = {row["date"]: float(row["total_open_interest"]) for row in csv.DictReader(file)}
    compared = 0
    for _, chain in sessions(data_root, "SPX"):
        expected = totals.get(chain.session.isoformat())
        if expected is not None and chain.session not in OI_EXCEPTIONS:
            assert float(np.nansum(chain.open_interest)) == expected, chain.session
            compared += 1
    assert compared >= 12


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_spot_is_the_parity_forward_of_the_index(data_root: Path, symbol: str) -> None:
    """Within the dispersion over strikes that the index states, in every session that has one."""
    for row, chain in sessions(data_root, symbol):
        if row["parity_forward_first_expiry"]:
            found = compute_field(chain, CONFIG)
            expected = float(row["parity_forward_first_expiry"])
            assert abs(found.spot - expected) <= float(row["parity_std"]), (chain.session, found.spot, expected)
            assert found.spot_source.startswith("parity_forward:")


def compared(chain: OptionChain) -> dict[str, np.ndarray]:
    """Recompute volatility, delta and gamma of out-of-the-money contracts within 15 % of the forward."""
    at = valuation_instant(chain.ts_event_ns, chain.series[0].product)
    time = time_to_expiry(at, chain.series, TimeBasis.CALENDAR)
    book = sorted_book(chain)
    forwards = imply_forwards(chain, parity_pairs(book), time, at)
    vendor_iv = chain.vendor_iv[book.order]
    found = contract_volatility(book, vendor_iv, forwards, time)
    s = book.series
    F, D, tau = forwards.forward[s], forwards.discount[s], time.years[s]
    near = (book.is_call == (book.strike >= F)) & (np.abs(np.log(book.strike / F)) < 0.15)
    # A quarter point and two days away: nearer in, one tick of the bid is more than the differences looked for.
    firm = (book.bid >= 0.25) & (tau * 365.0 > 1.5)
    keep = np.flatnonzero(near & firm & (found.source == VolatilitySource.OWN_QUOTE) & (vendor_iv > 0.0))
    rate, carry = -np.log(D) / tau, np.log(F / forwards.spot.price) / tau
    columns = [x[keep] for x in (book.strike, tau, rate, rate - carry, found.volatility, book.is_call)]
    greeks = exposure_greeks(forwards.spot.price, *columns)
    place = book.order[keep]
    return {
        "days": tau[keep] * 365.0,
        "iv": np.abs(found.volatility[keep] - vendor_iv[keep]),
        # Cboe prints the derivative with respect to the forward, without exp(-q tau).
        "delta": np.abs(greeks.delta * np.exp(columns[3] * columns[1]) - chain.vendor_delta[place]),
        "gamma_ratio": chain.vendor_gamma[place] / greeks.gamma,
        "gamma": greeks.gamma,
    }


@pytest.mark.parametrize(
    ("session", "short_limit"),
    # The quotes of 2023-05-23 are the widest: single-strike forwards scatter by 0.5 points instead of 0.05.
    [
        ("2022-07-12", 0.0012),
        ("2023-05-23", 0.0038),
        ("2023-06-09", 0.0012),
        ("2025-08-20", 0.0012),
        ("2025-08-28", 0.0012),
    ],
)
def test_greeks_agree_with_cboe(data_root: Path, session: str, short_limit: float) -> None:
    """Volatility: median 0.0003, 95 % within 0.0012 under 30 days, 0.0007 above; delta 0.0035; gamma 0.97 to 1.01."""
    chain = next(chain for row, chain in sessions(data_root, "SPX") if row["session_date"] == session)
    found = compared(chain)
    short = found["days"] < 30.0
    assert short.sum() > 1_000
    assert np.median(found["iv"]) <= 0.0003
    assert np.quantile(found["iv"][short], 0.95) <= short_limit
    assert np.quantile(found["iv"][~short], 0.95) <= 0.0007
    assert np.quantile(found["delta"], 0.95) <= 0.0035
    # Cboe rounds gamma to four decimals: only where that is a few per cent at most.
    assert 0.97 <= np.median(found["gamma_ratio"][found["gamma"] > 0.002]) <= 1.01


@pytest.mark.parametrize(
    ("symbol", "session", "printed"),
    [("SPX", "2023-04-05", 4090.38), ("SPX", "2023-04-06", 4105.02), ("SPY", "2023-04-26", 404.36)],
)
def test_sessions_without_bids_stand_on_published_volatilities(
    data_root: Path, symbol: str, session: str, printed: float
) -> None:
    """Spot falls back to published deltas, within 0.5 % of the official close, and says so."""
    chain = next(chain for row, chain in sessions(data_root, symbol) if row["session_date"] == session)
    found = compute_field(chain, CONFIG)
    assert found.spot == pytest.approx(printed, rel=5e-3)
    assert found.spot_source.startswith("vendor_delta:")
    assert found.reasons["spot"]
    assert found.counts.iv_sources["vendor"] > 0.95 * found.counts.used > 0.7 * chain.n_contracts
    assert found.zero_gamma


def published_profile(data_root: Path) -> dict[str, np.ndarray]:
    """Return the published dealer gamma of same-day SPXW options at one snapshot during the session."""
    table = pq.read_table(data_root / "option_chains" / "spx_0dte_gamma_by_strike_15min.parquet").to_pandas()
    chosen = table[(table["snapshot_et"] == table["snapshot_et"].unique()[2]) & (table["cg"] > 1e6)]
    return {name: chosen[name].to_numpy() for name in chosen.columns}


def volatility_of_gamma(spot: float, strike: float, gamma: float) -> float:
    """Return sigma sqrt(tau) of an option without carry that has this gamma; NaN where none has."""
    k = np.log(spot / strike)
    peak = max(abs(k), 1e-7)

    def excess(a: float) -> float:
        return float(np.exp(-0.5 * (k / a + a / 2) ** 2) / np.sqrt(2 * np.pi) / (spot * a) - gamma)

    if excess(peak) <= 0.0:
        return float("nan")
    # Two volatilities give the same gamma; which of them makes no difference here.
    return float(brentq(excess, peak, 0.5) if excess(0.5) < 0.0 else brentq(excess, 1e-5, peak))


def chain_of_profile(table: dict[str, np.ndarray]) -> OptionChain:
    """Return a chain without quotes whose volatilities give the published gammas."""
    spot, strike, stamp = float(table["spot"][0]), table["strike"], str(table["snapshot_et"][0])[:19]
    as_of = new_york_ns(stamp)
    series = (expiry_series(product_of("SPXW"), date.fromisoformat(stamp[:10])),)
    root_tau = np.sqrt((series[0].expiry_ns - as_of) / (365 * 86_400e9))
    interest = np.concatenate((table["coi"], table["poi"])).astype(float)
    gamma = np.concatenate((table["cg"], -table["pg"])) / interest / (100.0 * spot**2 * 0.01)
    both, n = np.concatenate((strike, strike)), strike.size
    columns = {
        "series_index": np.zeros(2 * n),
        "strike": both,
        "is_call": (np.arange(2 * n) < n).astype(float),
        "bid": np.full(2 * n, np.nan),
        "ask": np.full(2 * n, np.nan),
        "open_interest": interest,
        "vendor_iv": np.array([volatility_of_gamma(spot, K, g) for K, g in zip(both, gamma, strict=True)]) / root_tau,
    }
    return chain_of_columns(columns, series=series, spot=spot, as_of_ns=as_of)


def test_units_and_signs_are_those_of_a_published_gamma_profile(data_root: Path) -> None:
    """Calls plus, puts minus, gamma x OI x 100 x spot^2 x 0.01: the same volatilities give the same profile."""
    table = published_profile(data_root)
    chain = chain_of_profile(table)
    found = compute_field(chain, CONFIG).profile
    known = np.isfinite(chain.vendor_iv).reshape(2, -1).all(axis=0) & np.isin(table["strike"], found.strike)
    assert known.sum() > 10
    ours = np.isin(found.strike, table["strike"][known])
    assert np.allclose(found.call_gamma_usd_per_pct[ours], table["cg"][known], rtol=1e-4)
    assert np.allclose(found.put_gamma_usd_per_pct[ours], table["pg"][known], rtol=1e-4)


def test_every_chain_file_gives_a_complete_summary(data_root: Path) -> None:
    """Strict JSON, every contract counted, and a reason for each missing total."""
    read = 0
    for folder in ("option_chains", "raw_formats", "crypto_options"):
        for path in sorted((data_root / folder).iterdir()):
            try:
                chain = next(open_chains(path))
            except DataError:
                continue
            found = describe(compute_field(chain, CONFIG))
            json.dumps(found, allow_nan=False)
            contracts, reasons = found["contracts"], found["reasons"]
            assert contracts["read"] == contracts["used"] + sum(contracts["dropped"].values())  # type: ignore[index]
            for key in ("dex_usd", "gamma_usd_per_pct", "spot"):
                assert found[key] is not None or reasons[key], path  # type: ignore[index]
            read += 1
    assert read >= 15
