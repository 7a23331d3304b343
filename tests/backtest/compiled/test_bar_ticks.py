"""Prices in whole ticks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.compiled.bar_ticks import bar_ticks
from market.errors import DataError
from tests.backtest.compiled.series import TICK, as_batch, random_bars


@given(seed=st.integers(0, 10_000), n_bars=st.integers(0, 50))
def test_prices_on_the_grid_come_back_exactly(seed: int, n_bars: int) -> None:
    """Floats of a source and ticks are the same prices."""
    bars = random_bars(seed, n_bars)
    found = bar_ticks(as_batch(bars), TICK)
    assert np.array_equal(found.open, bars.open)
    assert np.array_equal(found.close, bars.close)


@pytest.mark.parametrize("wrong", [nan, 100.005, 0.0, -1.0, 1e15], ids=["nan", "off", "zero", "negative", "huge"])
def test_a_price_off_the_grid_is_refused(wrong: float) -> None:
    """What is missing, between two ticks or beyond any price is an error that names the bar."""
    batch = as_batch(random_bars(1, 5))
    close = batch.close.copy()
    close[3] = wrong
    with pytest.raises(DataError, match="row 3: the close of a bar of SPY is no whole number of ticks"):
        bar_ticks(replace(batch, close=close), TICK)


def test_a_tick_that_is_too_coarse_is_refused() -> None:
    """Prices in cents are no whole number of dimes."""
    with pytest.raises(DataError, match=r"in ticks of 0\.1"):
        bar_ticks(as_batch(random_bars(1, 50)), Decimal("0.1"))


def test_bars_that_overlap_are_refused() -> None:
    """The order of bars decides what is filled where."""
    batch = as_batch(random_bars(1, 5))
    with pytest.raises(DataError, match="overlap or go back in time"):
        bar_ticks(replace(batch, start_ns=batch.start_ns[::-1].copy(), end_ns=batch.end_ns[::-1].copy()), TICK)
