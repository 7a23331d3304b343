"""A small recorded index: three sessions of 2019, with hourly bars of its fund."""

from __future__ import annotations

from datetime import date

import numpy as np

from backtest.scenarios.index_path import IndexPath, index_path
from market.bars import BarBatch
from market.calendars import session_on
from market.chains import FloatArray
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable

__all__ = ["DAYS", "HORIZONS", "bars_of", "daily_bars", "path"]

DAYS = (date(2019, 6, 12), date(2019, 6, 13), date(2019, 6, 14))
HORIZONS = np.array([9.0, 30.0, 93.0])
_ORIGIN = Provenance(source="test", origin="path", simulated=True, as_of_source=AsOfSource.STAMPED)


def bars_of(symbol: str, start_ns: list[int], end_ns: list[int], prices: FloatArray) -> BarBatch:
    """Return bars from rows of open, high, low and close."""
    missing = np.full(len(start_ns), np.nan)
    return BarBatch(
        symbol=symbol,
        ts_event_ns=end_ns[-1],
        cause_id="bars",
        provenance=_ORIGIN,
        contracts=ContractTable.empty(),
        contract=np.full(len(start_ns), UNDERLYING, dtype=np.int32),
        start_ns=np.array(start_ns, dtype=np.int64),
        end_ns=np.array(end_ns, dtype=np.int64),
        open=prices[:, 0].copy(),
        high=prices[:, 1].copy(),
        low=prices[:, 2].copy(),
        close=prices[:, 3].copy(),
        volume=missing,
        vwap=missing,
        n_trades=missing,
    )


def daily_bars() -> BarBatch:
    """Return the index by day."""
    sessions = [session for day in DAYS if (session := session_on("NYSE", day)) is not None]
    prices = np.array(
        [[2880.0, 2895.0, 2870.0, 2885.0], [2890.0, 2900.0, 2875.0, 2891.0], [2886.0, 2894.0, 2879.0, 2887.0]]
    )
    return bars_of("SPX", [s.open_ns for s in sessions], [s.close_ns for s in sessions], prices)


def path(*, seed: int = 7, step_minutes: int = 30) -> IndexPath:
    """Return the index every half hour, with volatility that rises day by day."""
    volatility = np.linspace(0.12, 0.18, len(DAYS) + 1)[:, None] * np.array([[0.9, 1.0, 1.1]])
    rng = np.random.default_rng(seed)
    return index_path(daily_bars(), None, volatility, HORIZONS, step_ns=step_minutes * 60 * 10**9, rng=rng)
