"""The data of the side-by-side timings are those of their recipe, every time."""

from __future__ import annotations

import numpy as np

from benchmarks.recipes import minute_walk, weekly_chain_rows


def test_the_year_of_chains_has_the_rows_of_its_recipe() -> None:
    """252 days, 13 Fridays each, 81 strikes, both rights: 530,712 rows, and no quote that crosses."""
    rows = weekly_chain_rows()
    assert rows.strike.shape == (252 * 13 * 81 * 2,) == (530_712,)
    assert np.unique(rows.ts_ns).shape == (252,)
    assert rows.bid is not None
    assert rows.ask is not None
    assert (rows.bid <= rows.ask).all()
    assert (rows.ask - rows.bid >= 0.02 - 1e-9)[rows.bid > 0.0].all()
    assert rows.vendor_delta is not None
    assert ((rows.vendor_delta > 0.0) == rows.is_call)[np.abs(rows.vendor_delta) > 1e-9].all()


def test_the_walk_is_on_the_grid_and_always_the_same() -> None:
    """Four decimals, a bar opens where the one before closed, and a longer walk begins like a shorter one."""
    walk = minute_walk(2_000)
    assert np.array_equal(np.round(walk.close, 4), walk.close)
    assert np.array_equal(walk.open[1:], walk.close[:-1])
    assert np.array_equal(minute_walk(3_000).close[:2_000], walk.close)
