"""Recorded sessions: a surface without arbitrage for each, and what three numbers per expiration cannot meet."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from fields.book import sorted_book
from fields.config import TimeBasis
from fields.forwards import imply_forwards
from fields.parity import parity_pairs
from fields.surface.calibrate import calibrate_surface
from fields.surface.config import SurfaceConfig
from fields.surface.message import SliceSource, VolSurface
from fields.timebase import time_to_expiry, valuation_instant
from fields.volatility import contract_volatility, fill_from_surface
from market.chains import OptionChain
from tests.fields.test_real_sessions import sessions

pytestmark = pytest.mark.data

GRID = np.linspace(-3.0, 3.0, 4001)
# Sessions without bids stand on published volatilities; there is nothing to fit.
WITHOUT_BIDS = {("SPX", "2023-04-05"), ("SPX", "2023-04-06"), ("SPY", "2023-04-26")}


class Fitted(NamedTuple):
    """The surface of one session, and how many contracts it filled."""

    surface: VolSurface
    filled: int
    dropped: int


def fitted(chain: OptionChain, config: SurfaceConfig | None = None) -> Fitted:
    """Return the surface of a session; its quotes are those of the instant at which they were alive."""
    at = valuation_instant(chain.ts_event_ns, chain.series[0].product)
    time, book = time_to_expiry(at, chain.series, TimeBasis.CALENDAR), sorted_book(chain)
    forwards = imply_forwards(chain, parity_pairs(book), time, at)
    valued = contract_volatility(book, np.full(book.strike.shape, np.nan), forwards, time)
    stamps = np.full(book.strike.shape, at)
    surface = calibrate_surface(
        book, forwards, time, stamps, at, config or SurfaceConfig(), series=chain.series, mid_iv=valued.own_quotes
    )
    after = fill_from_surface(valued, surface, book, forwards)
    assert (after.volatility[after.source > 0] > 0.0).all()
    return Fitted(surface, int((after.source != valued.source).sum()), int((valued.source == 0).sum()))


@pytest.mark.parametrize("symbol", ["SPX", "SPY"])
def test_every_session_has_a_surface_without_arbitrage(data_root: Path, symbol: str) -> None:
    """From -3 to 3 in log-moneyness; median RMSE below 0.65 vol points, and below 2.5 in the worst slice."""
    judged = 0
    for row, chain in sessions(data_root, symbol):
        session = row["session_date"]
        found = fitted(chain)
        assert found.surface.is_arbitrage_free(GRID), session
        if (symbol, session) in WITHOUT_BIDS:
            assert (found.surface.source != SliceSource.FITTED).mean() > 0.5
            continue
        alive = ~np.isnan(found.surface.theta)
        assert alive.mean() > 0.9, session
        assert np.nanmedian(found.surface.rmse_vol) < 0.0065, session
        assert np.nanmax(found.surface.rmse_vol) < 0.025, session
        assert found.surface.overall_confidence > 0.5, session
        judged += 1
    assert judged >= 11


@pytest.mark.parametrize("symbol", ["SPX", "SPY"])
def test_the_error_near_the_money_is_small_against_the_level(data_root: Path, symbol: str) -> None:
    """The surface lies within 5 % of the at-the-money volatility (RMSE), whatever the spread; median over slices."""
    for row, chain in sessions(data_root, symbol):
        if (symbol, row["session_date"]) not in WITHOUT_BIDS:
            surface = fitted(chain).surface
            assert np.nanmedian(surface.rmse_vol / surface.atm_vol) < 0.05, row["session_date"]


def test_the_surface_gives_volatilities_to_contracts_without_bids(data_root: Path) -> None:
    """A tenth or more of those that quotes alone would drop, in a session without published volatilities."""
    _, chain = next(each for each in sessions(data_root, "SPX") if each[0]["session_date"] == "2025-08-20")
    found = fitted(chain)
    assert found.filled > 0.02 * found.dropped > 0
