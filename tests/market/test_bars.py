"""Bars: columns that agree, contracts that exist, and travel without loss."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

from market.bars import BarBatch
from market.calendars import expiry_series
from market.errors import DataError
from market.instruments import product_of
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable

_MINUTE_NS = 60_000_000_000


def _batch(n: int) -> BarBatch:
    rng = np.random.default_rng(n)
    close = rng.uniform(1.0, 9.0, n)
    start = 10**18 + _MINUTE_NS * np.arange(n)
    return BarBatch(
        symbol="SPX",
        ts_event_ns=2 * 10**18,
        cause_id="test/1",
        provenance=Provenance(source="test", origin="here", simulated=False, as_of_source=AsOfSource.STAMPED),
        contracts=ContractTable(
            series=(expiry_series(product_of("SPXW"), date(2025, 6, 2)),),
            series_index=np.zeros(2, dtype=np.int32),
            strike=np.array([5_900.0, 5_905.0]),
            is_call=np.array([True, False]),
        ),
        contract=rng.integers(UNDERLYING, 2, n).astype(np.int32),
        start_ns=start,
        end_ns=start + _MINUTE_NS,
        open=close - 0.1,
        high=close + 0.2,
        low=close - 0.2,
        close=close,
        volume=rng.integers(0, 99, n).astype(np.float64),
        vwap=np.full(n, np.nan),
        n_trades=np.full(n, np.nan),
    )


@pytest.mark.parametrize("n", [0, 1, 5_000])
def test_a_pickled_batch_is_the_same_bit_for_bit(n: int) -> None:
    """Every column comes back with its type; missing stays missing."""
    batch = _batch(n)
    again = pickle.loads(pickle.dumps(batch, protocol=5))  # noqa: S301  # our own bytes
    for item in fields(BarBatch):
        before, after = getattr(batch, item.name), getattr(again, item.name)
        if isinstance(before, np.ndarray):
            assert (before.dtype, before.tobytes()) == (after.dtype, after.tobytes()), item.name
    assert again.contracts.series == batch.contracts.series
    assert (again.n_bars, again.symbol, again.cause_id) == (n, "SPX", "test/1")


def test_columns_of_other_lengths_are_refused() -> None:
    """The error names the column and its length."""
    with pytest.raises(DataError, match=r"vwap breaks the batch.*\(3,\)"):
        replace(_batch(3), vwap=np.zeros(4))


def test_contracts_that_the_table_has_not_are_refused() -> None:
    """A bar speaks of the underlying or of a listed contract."""
    with pytest.raises(DataError, match="contract breaks the batch"):
        replace(_batch(3), contract=np.array([0, 1, 2], dtype=np.int32))


def test_a_bar_has_a_length() -> None:
    """What ends when it starts holds nothing, and its availability would be unknown."""
    batch = _batch(3)
    with pytest.raises(DataError, match="end"):
        replace(batch, end_ns=batch.start_ns)
