"""Where each contract's volatility comes from, and what is counted where it has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fields.book import sorted_book
from fields.config import TimeBasis
from fields.forwards import imply_forwards
from fields.parity import parity_pairs
from fields.surface.calibrate import calibrate_surface
from fields.surface.config import SurfaceConfig
from fields.timebase import time_to_expiry
from fields.volatility import (
    DROP_CODES,
    ContractVolatility,
    VolatilitySource,
    contract_volatility,
    fill_from_surface,
)
from market.chains import DropReason, OptionChain
from tests.generators import AS_OF_NS, synthetic_chain

OWN, TWIN, VENDOR = VolatilitySource.OWN_QUOTE, VolatilitySource.PARITY_TWIN, VolatilitySource.VENDOR


def valued(
    chain: OptionChain, basis: TimeBasis = TimeBasis.CALENDAR
) -> tuple[np.ndarray, np.ndarray, list[DropReason | None]]:
    """Return volatility, source and drop reason of each contract in the order of the chain."""
    time = time_to_expiry(AS_OF_NS, chain.series, basis)
    book = sorted_book(chain)
    forwards = imply_forwards(chain, parity_pairs(book), time, AS_OF_NS)
    found = contract_volatility(book, chain.vendor_iv[book.order], forwards, time)
    back = np.argsort(book.order)
    return found.volatility[back], found.source[back], [DROP_CODES[code] for code in found.drop[back]]


def one(chain: OptionChain, strike: float, *, call: bool, series: int = 1) -> int:
    """Return the place of a contract."""
    return int(np.flatnonzero((chain.strike == strike) & (chain.is_call == call) & (chain.series_index == series))[0])


def changed(chain: OptionChain, place: int, **values: float) -> OptionChain:
    """Return the chain with one contract changed."""
    columns: dict[str, Any] = {name: getattr(chain, name).copy() for name in values}
    for name, value in values.items():
        columns[name][place] = value
    return replace(chain, **columns)


def test_exact_quotes_give_the_volatility_that_made_them() -> None:
    """To 1e-9, out of the money from the own quote and in the money from the twin."""
    chain = synthetic_chain()
    volatility, source, _ = valued(chain)
    assert np.abs(volatility / chain.vendor_iv - 1.0).max() < 1e-8
    out_of_money = chain.is_call == (chain.strike >= 4001.0)
    assert set(source[out_of_money].tolist()) <= {OWN, TWIN}
    assert (source[(chain.strike < 3900.0) & chain.is_call] == TWIN).all()


def test_twins_share_one_volatility_exactly() -> None:
    """Also where the in-the-money quote is noise."""
    chain = synthetic_chain(half_spread=0.5, noise=0.05)
    volatility, _, _ = valued(chain)
    half = chain.n_contracts // 6
    assert np.array_equal(volatility[:half], volatility[half : 2 * half])


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        ({"bid": 0.0}, DropReason.ZERO_BID),
        ({"bid": 0.0, "ask": 0.0}, DropReason.NO_QUOTE),
        ({"bid": np.nan, "ask": np.nan}, DropReason.NO_QUOTE),
        ({"bid": 90.0, "ask": 80.0}, DropReason.CROSSED),
        ({"bid": 5000.0, "ask": 5001.0}, DropReason.OUTSIDE_BOUNDS),
    ],
)
def test_an_unusable_quote_takes_the_vendors_volatility_or_a_reason(
    quote: dict[str, float], reason: DropReason
) -> None:
    """The reason tells what was wrong with the quote."""
    chain = synthetic_chain(half_spread=0.2)
    put, call = one(chain, 3900.0, call=False), one(chain, 3900.0, call=True)
    silent = changed(chain, call, bid=0.0, ask=0.0, vendor_iv=np.nan)
    volatility, source, _ = valued(changed(silent, put, **quote))
    assert source[put] == VENDOR
    assert volatility[put] == chain.vendor_iv[put]
    volatility, source, drop = valued(changed(silent, put, vendor_iv=np.nan, **quote))
    assert np.isnan(volatility[put])
    assert drop[put] == reason


def test_a_placeholder_is_no_volatility() -> None:
    """A vendor's 0.00001 means that it has none."""
    chain = synthetic_chain(half_spread=0.2)
    put, call = one(chain, 3900.0, call=False), one(chain, 3900.0, call=True)
    _, _, drop = valued(changed(changed(chain, call, bid=0.0), put, bid=0.0, vendor_iv=1e-5))
    assert drop[put] == DropReason.ZERO_BID


def test_in_the_money_quote_is_the_last_resort() -> None:
    """Without twin and vendor the own quote still gives the volatility."""
    chain = synthetic_chain()
    put, call = one(chain, 3900.0, call=False), one(chain, 3900.0, call=True)
    lonely = changed(changed(chain, put, bid=0.0, vendor_iv=np.nan), call, vendor_iv=np.nan)
    volatility, source, _ = valued(lonely)
    assert source[call] == OWN
    assert volatility[call] == pytest.approx(chain.vendor_iv[call], rel=1e-8)


def test_total_variance_does_not_depend_on_the_clock() -> None:
    """Own and vendor volatilities keep sigma^2 tau when the field runs on the trading clock."""
    chain = synthetic_chain()
    muted = replace(chain, bid=np.where(chain.strike < 3700.0, 0.0, chain.bid))
    calendar, source, _ = valued(muted)
    trading, _, _ = valued(muted, TimeBasis.TRADING)
    years = [time_to_expiry(AS_OF_NS, chain.series, basis).years[chain.series_index] for basis in TimeBasis]
    assert (source == VENDOR).any()
    assert np.allclose(calendar**2 * years[0], trading**2 * years[1], rtol=1e-9)


def filled(chain: OptionChain) -> tuple[np.ndarray, np.ndarray, list[DropReason | None], ContractVolatility]:
    """Return volatility, source and drop reason in the order of the chain after the surface has filled, and before."""
    time = time_to_expiry(AS_OF_NS, chain.series, TimeBasis.CALENDAR)
    book = sorted_book(chain)
    forwards = imply_forwards(chain, parity_pairs(book), time, AS_OF_NS)
    before = contract_volatility(book, book.vendor_iv, forwards, time)
    stamps = np.full(chain.n_contracts, AS_OF_NS)
    config = SurfaceConfig()
    surface = calibrate_surface(
        book, forwards, time, stamps, AS_OF_NS, config, series=chain.series, mid_iv=before.own_quotes
    )
    after = fill_from_surface(before, surface, book, forwards)
    back = np.argsort(book.order)
    return after.volatility[back], after.source[back], [DROP_CODES[code] for code in after.drop[back]], before


def test_the_surface_fills_gaps_and_marks_them() -> None:
    """Pairs without quotes and vendor inside the fitted range; the volatility is the chain's own within 0.3 points."""
    chain = synthetic_chain(half_spread=0.2)
    gap = (chain.series_index == 1) & (chain.strike > 3900.0) & (chain.strike < 4000.0)
    silent = replace(
        chain,
        bid=np.where(gap, 0.0, chain.bid),
        ask=np.where(gap, 0.0, chain.ask),
        vendor_iv=np.full(chain.n_contracts, np.nan),
    )
    volatility, source, drop, before = filled(silent)
    assert (before.source == VolatilitySource.NONE).sum() >= gap.sum() > 0
    assert (source[gap] == VolatilitySource.SURFACE).all()
    assert all(drop[place] is None for place in np.flatnonzero(gap))
    assert np.abs(volatility[gap] - chain.vendor_iv[gap]).max() < 0.003
    # Own quotes are never replaced.
    assert not (source[out_of_the_money(chain) & ~gap & (chain.bid > 0.0)] == VolatilitySource.SURFACE).any()


def test_the_surface_fills_neither_far_outside_its_quotes_nor_without_a_fit() -> None:
    """Contracts beyond the fitted range, and a series without its own fit, stay dropped with their reason."""
    chain = synthetic_chain(half_spread=0.2)
    far = (chain.series_index == 1) & (chain.strike < 3700.0)
    whole = chain.series_index == 2
    silent = replace(chain, bid=np.where(far | whole, 0.0, chain.bid), vendor_iv=np.full(chain.n_contracts, np.nan))
    _, source, drop, _ = filled(silent)
    deep = far & (chain.strike < 3550.0)
    assert (source[deep | whole] == VolatilitySource.NONE).all()
    assert {drop[place] for place in np.flatnonzero(deep | whole)} <= {DropReason.ZERO_BID, DropReason.NO_QUOTE}


def out_of_the_money(chain: OptionChain) -> np.ndarray:
    """Return which contracts are out of the money by the strike nearest the synthetic forward."""
    return np.asarray(chain.is_call == (chain.strike >= 4001.0))
