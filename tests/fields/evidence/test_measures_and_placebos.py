"""Realised measures, trailing regressors and readings broken on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from fields.evidence import (
    garman_klass_variance,
    har_regressors,
    indicator_columns,
    lag_one_product,
    lagged_reading,
    realised_variance,
    shuffled_open_interest,
)
from market.errors import DataError
from tests.generators import synthetic_chain


def test_range_variance_estimates_the_variance_of_a_path() -> None:
    """On driftless paths open, high, low and close give the variance, less noisily than the squared return."""
    rng = np.random.default_rng(1)
    steps = 0.01 / np.sqrt(400) * rng.standard_normal((3_000, 400))
    path = 100.0 * np.exp(np.column_stack([np.zeros(3_000), steps.cumsum(axis=1)]))
    variance = garman_klass_variance(path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1])
    # A path seen at 400 instants misses a little of its range.
    assert np.nanmean(variance) == pytest.approx(1e-4, rel=0.1)
    assert np.nanvar(variance) < np.var(realised_variance(np.log(path[:, -1:] / path[:, :1]))) / 5.0


def test_trailing_means_use_the_past_and_the_present_only() -> None:
    """Row t is the plain mean of the last periods; a change of the future changes no row before it."""
    series = np.random.default_rng(2).standard_normal(60)
    table = har_regressors(series)
    assert np.isnan(table[20, 2])
    np.testing.assert_allclose(table[30], [series[30], series[26:31].mean(), series[9:31].mean()])
    spoilt = series.copy()
    spoilt[31:] = 1e9
    np.testing.assert_array_equal(har_regressors(spoilt)[:31], table[:31])


def test_lag_one_product_has_the_sign_of_the_dependence() -> None:
    """Trending returns are positive, alternating ones negative; one return cannot tell."""
    assert lag_one_product(np.array([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])).tolist() == [2.0, -2.0]
    with pytest.raises(DataError, match="two returns"):
        lag_one_product(np.ones((3, 1)))


def test_indicators_name_every_kind_but_the_first() -> None:
    """Dummies do not sum to the constant."""
    np.testing.assert_array_equal(indicator_columns(np.array([0, 2, 1])), [[0, 0], [0, 1], [1, 0]])


def test_lagged_reading_is_the_same_slot_of_an_earlier_session() -> None:
    """Two slots, a session without the second, and NaN where there is no such past."""
    session = np.array([0, 0, 1, 2, 2])
    slot = np.array([0, 1, 0, 0, 1])
    reading = np.array([10.0, 11.0, 20.0, 30.0, 31.0])
    lagged = lagged_reading(reading, session, slot, sessions=1)
    np.testing.assert_array_equal(lagged, [np.nan, np.nan, 10.0, 20.0, np.nan])
    np.testing.assert_array_equal(lagged_reading(reading, session, slot, sessions=2)[3:], [10.0, 11.0])
    with pytest.raises(DataError, match="past"):
        lagged_reading(reading, session, slot, sessions=0)


def test_shuffled_interest_keeps_every_total() -> None:
    """Each expiration and right keeps the same multiset of open interest; only the strikes lose it."""
    chain = synthetic_chain()
    shuffled = shuffled_open_interest(chain, np.random.default_rng(3))
    assert not np.array_equal(shuffled.open_interest, chain.open_interest)
    for series in range(len(chain.series)):
        for right in (True, False):
            rows = (chain.series_index == series) & (chain.is_call == right)
            np.testing.assert_array_equal(np.sort(shuffled.open_interest[rows]), np.sort(chain.open_interest[rows]))
