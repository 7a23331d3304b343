"""Random bars on a grid of ticks."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from backtest.compiled.bar_ticks import BarTicks
from market.bars import BarBatch
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable

MINUTE_NS = 60_000_000_000
TICK = Decimal("0.01")


def random_bars(seed: int, n_bars: int, step: int = 3) -> BarTicks:
    """Return a walk of whole ticks around 100; small steps give many ties of averages."""
    rng = np.random.default_rng(seed)
    close = 10_000 + np.cumsum(rng.integers(-step, step + 1, n_bars))
    opened = np.concatenate([[10_000], close[:-1]]) + rng.integers(-1, 2, n_bars)
    end = 1_685_732_400 * 1_000_000_000 + MINUTE_NS * np.arange(1, n_bars + 1, dtype=np.int64)
    return BarTicks(symbol="SPY", tick=TICK, start_ns=end - MINUTE_NS, end_ns=end, open=opened, close=close)


def as_batch(bars: BarTicks) -> BarBatch:
    """Return the same bars as a source would give them."""
    n = bars.n_bars
    opened, close = (np.round(ticks / 100.0, 2) for ticks in (bars.open, bars.close))
    empty = np.full(n, np.nan)
    return BarBatch(
        symbol=bars.symbol,
        ts_event_ns=int(bars.end_ns[-1]) if n else 0,
        cause_id="bars",
        provenance=Provenance(source="test", origin="walk", simulated=True, as_of_source=AsOfSource.RECEIVED),
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        start_ns=bars.start_ns,
        end_ns=bars.end_ns,
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=empty,
        vwap=empty,
        n_trades=empty,
    )
