"""Funding of perpetuals: columns that agree, units that convert, and travel without loss."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

import numpy as np
import pytest

from market.errors import DataError
from market.funding import FundingBatch
from market.provenance import AsOfSource, Provenance

_HOUR_NS = 3_600_000_000_000


def _batch(n: int, *, hours: int = 8) -> FundingBatch:
    rng = np.random.default_rng(n)
    paid = 10**18 + hours * _HOUR_NS * np.arange(n)
    index = rng.uniform(20_000.0, 60_000.0, n)
    return FundingBatch(
        symbol="BTC/USDT:USDT",
        ts_event_ns=2 * 10**18,
        cause_id="test/1",
        provenance=Provenance(source="test", origin="here", simulated=False, as_of_source=AsOfSource.STAMPED),
        ts_ns=paid,
        funding_ns=paid,
        interval_ns=np.full(n, hours * _HOUR_NS),
        rate=rng.normal(1e-4, 1e-4, n),
        is_settled=np.ones(n, dtype=np.bool_),
        mark=index * 1.001,
        index=index,
        venue=np.zeros(n, dtype=np.int16),
    )


@pytest.mark.parametrize("n", [0, 1, 5_000])
def test_a_pickled_batch_is_the_same_bit_for_bit(n: int) -> None:
    """Every column and every other field comes back, with its type."""
    batch = _batch(n)
    again = pickle.loads(pickle.dumps(batch, protocol=5))  # noqa: S301  # our own bytes
    for item in fields(FundingBatch):
        before, after = getattr(batch, item.name), getattr(again, item.name)
        if isinstance(before, np.ndarray):
            assert (before.dtype, before.tobytes()) == (after.dtype, after.tobytes()), item.name
        else:
            assert before == after
    assert again.n_rows == n


@pytest.mark.parametrize(("hours", "per_year"), [(8, 1_095.0), (4, 2_190.0), (1, 8_760.0)])
def test_a_rate_is_annualised_by_its_own_interval(hours: int, per_year: float) -> None:
    """Three, six or twenty-four payments a day, over 365 days."""
    batch = _batch(20, hours=hours)
    np.testing.assert_allclose(batch.rate_per_year, per_year * batch.rate, rtol=1e-14)


def test_the_basis_is_missing_where_a_price_is() -> None:
    """Mark over index less one; no index, no basis."""
    batch = _batch(3)
    np.testing.assert_allclose(batch.basis, 0.001, rtol=1e-9)
    index, mark = batch.index.copy(), batch.mark.copy()
    index[0], mark[1] = 0.0, np.nan
    assert np.isnan(replace(batch, index=index, mark=mark).basis).tolist() == [True, True, False]


def test_columns_of_other_lengths_and_empty_intervals_are_refused() -> None:
    """The error names the column and what it should be."""
    batch = _batch(3)
    with pytest.raises(DataError, match=r"rate breaks the batch.*\(3,\)"):
        replace(batch, rate=np.zeros(2))
    with pytest.raises(DataError, match="interval"):
        replace(batch, interval_ns=np.zeros(3, dtype=np.int64))
