"""Paths of an index: recorded prints are met, recorded ranges are kept, and shocks are what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.scenarios.index_path import Shock, index_path, shocked
from market.errors import DataError
from tests.backtest.scenarios.paths import HORIZONS, bars_of, daily_bars, path


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), step=st.sampled_from([5, 7, 30, 60]))
def test_a_path_meets_the_recorded_prints_and_keeps_the_range(seed: int, step: int) -> None:
    """Opens and closes are exact, and nothing lies beyond the day's high and low."""
    found, daily = path(seed=seed, step_minutes=step), daily_bars()
    for row in range(3):
        here = found.session == row
        assert found.ts_ns[here][0] == daily.start_ns[row]
        assert found.ts_ns[here][-1] == daily.end_ns[row]
        assert found.spot[here][0] == daily.open[row]
        assert found.spot[here][-1] == daily.close[row]
        assert found.spot[here].min() >= daily.low[row]
        assert found.spot[here].max() <= daily.high[row]


def test_the_same_seed_draws_the_same_path() -> None:
    """Another seed draws another one."""
    assert np.array_equal(path(seed=3).spot, path(seed=3).spot)
    assert not np.array_equal(path(seed=3).spot, path(seed=4).spot)


def test_hours_of_the_fund_lead_the_index() -> None:
    """At the end of each hour the index stands where its fund stood, relative to their closes."""
    daily = daily_bars()
    start = int(daily.start_ns[0])
    ends = [start + k * 3_600 * 10**9 for k in range(1, 7)] + [int(daily.end_ns[0])]
    close = np.array([288.0, 288.5, 287.6, 288.2, 288.9, 288.4, 288.5])
    prices = np.stack([close, close + 0.1, close - 0.1, close], axis=1)
    hourly = bars_of("SPY", [start, *ends[:-1]], ends, prices)
    volatility = np.full((4, 3), 0.15)
    rng = np.random.default_rng(1)
    found = index_path(daily, hourly, volatility, HORIZONS, step_ns=60 * 60 * 10**9, rng=rng)
    at = np.searchsorted(found.ts_ns, ends)
    assert np.allclose(found.spot[at], np.round(close * 2885.0 / 288.5, 2))


def test_volatility_goes_straight_from_close_to_close() -> None:
    """At a close it is that day's index, and three hours after the open as far on the way."""
    found = path()
    first = found.session == 0
    assert np.allclose(found.volatility[first][0], 0.12 * np.array([0.9, 1.0, 1.1]))
    assert np.allclose(found.volatility[first][-1], 0.14 * np.array([0.9, 1.0, 1.1]))
    middle = found.volatility[first][found.ts_ns[first] == found.ts_ns[first][0] + 180 * 60 * 10**9]
    assert np.allclose(middle, (0.12 + 0.02 * 180.0 / 390.0) * np.array([[0.9, 1.0, 1.1]]))


def test_a_shock_moves_spot_and_term_structure_within_its_span() -> None:
    """The index is multiplied, 30 days become the figure, and other horizons move by the root of their ratio."""
    before = path()
    start, end = int(before.ts_ns[20]), int(before.ts_ns[30])
    after = shocked(before, (Shock(start_ns=start, end_ns=end, spot_factor=0.9, volatility_30d=0.5),))
    here = (before.ts_ns >= start) & (before.ts_ns < end)
    assert np.array_equal(after.spot[~here], before.spot[~here])
    assert np.allclose(after.spot[here], before.spot[here] * 0.9, atol=0.01)
    assert np.allclose(after.volatility[here][:, 1], 0.5)
    change = after.volatility - before.volatility
    assert np.allclose(change[here][:, 0] / change[here][:, 1], np.sqrt(30.0 / 9.0))
    assert not change[~here].any()


def test_missing_prints_and_volatilities_are_refused() -> None:
    """A path without a close, or with too few indices, is none."""
    daily, rng = daily_bars(), np.random.default_rng(1)
    broken = replace(daily, close=np.array([1.0, np.nan, 1.0]))
    with pytest.raises(DataError, match="lacks a print"):
        index_path(broken, None, np.full((4, 3), 0.2), HORIZONS, step_ns=10**12, rng=rng)
    with pytest.raises(DataError, match="not those of its sessions"):
        index_path(daily, None, np.full((3, 3), 0.2), HORIZONS, step_ns=10**12, rng=rng)
