"""Columns of small chains on several dates, for the tests of tables and histories."""

from __future__ import annotations

from datetime import date

import numpy as np

from backtest.chain_table import ChainRows
from market.calendars import session_on
from market.instruments import product_of
from market.trades import Int64Array

DAYS = (date(2023, 6, 1), date(2023, 6, 2), date(2023, 6, 5))
EXPIRATIONS = (date(2023, 6, 9), date(2023, 6, 16))


def closes_of(symbol: str, days: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> Int64Array:
    """Return the close of the session of each date."""
    sessions = [session_on(product_of(symbol).calendar, day) for day in days.tolist()]
    return np.array([session.close_ns for session in sessions if session is not None], dtype=np.int64)


def chain_rows(strikes: tuple[float, ...] = (390.0, 400.0, 410.0), *, seed: int = 0) -> ChainRows:
    """Return a table of puts and calls of two expirations on three days, SPY; prices are random."""
    shape = (len(DAYS), len(EXPIRATIONS), len(strikes), 2)
    grid = np.indices(shape).reshape(4, -1)
    days = np.array(DAYS, dtype="datetime64[D]")[grid[0]]
    rng = np.random.default_rng(seed)
    bid = np.round(rng.uniform(1.0, 5.0, grid.shape[1]), 2)
    return ChainRows(
        ts_ns=closes_of("SPY", days),
        expiration=np.array(EXPIRATIONS, dtype="datetime64[D]")[grid[1]],
        root="SPY",
        strike=np.array(strikes)[grid[2]],
        is_call=grid[3] == 1,
        bid=bid,
        ask=bid + 0.05,
        vendor_delta=np.round(rng.uniform(0.0, 1.0, grid.shape[1]), 3),
        spot=np.array([400.0, 401.0, 402.0])[grid[0]],
    )
