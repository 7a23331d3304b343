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
from fields.timebase import time_to_expiry
from fields.volatility import DROP_CODES, VolatilitySource, contract_volatility
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
