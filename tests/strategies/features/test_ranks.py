"""Rank and percentile of implied volatility over days, as they are known at each instant."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.regime.history import implied_vol_rank
from market.errors import ConfigError
from market.series import SeriesPoint, SeriesUnit
from strategies.features import IvPercentile, IvRank, RealisedVolatilityPercentile
from strategies.market_state import MarketState
from tests.strategies.features.scenes import WHOLE

_DAY_NS = 86_400_000_000_000
_START_NS = 1_700_000_000 * 10**9
RANK = IvRank(name="iv_rank", n_days=4, min_days=4)
PERCENTILE = IvPercentile(name="iv_percentile", n_days=4, min_days=4)


def _state(values: list[float]) -> MarketState:
    state = MarketState((RANK, PERCENTILE))
    for day, value in enumerate(values):
        _tell(state, day, value)
    return state


def _tell(state: MarketState, day: float, value: float, series: str = "VIX") -> None:
    event_ns = _START_NS + int(day * _DAY_NS)
    state.now_ns = max(state.now_ns, event_ns)
    state.on_point(
        SeriesPoint(series=series, unit=SeriesUnit.INDEX_POINTS, event_ns=event_ns, available_ns=event_ns, value=value)
    )


def test_rank_and_percentile_are_two_numbers() -> None:
    """(18 - 10) / (40 - 10), and three of four days below."""
    state = _state([10.0, 12.0, 14.0, 40.0, 18.0])
    assert state.feature("iv_rank") == pytest.approx(8.0 / 30.0)
    assert state.feature("iv_percentile") == 0.75


@given(st.lists(st.floats(5.0, 90.0), min_size=5, max_size=12))
@settings(max_examples=50, deadline=None)
def test_both_are_those_of_the_live_state_over_the_newest_days(values: list[float]) -> None:
    """One definition; days that have left the window do not count."""
    state = _state(values)
    found = implied_vol_rank(np.array(values[-5:-1]), values[-1], 4)
    assert np.array_equal(
        [state.feature("iv_rank"), state.feature("iv_percentile")], [found.rank, found.percentile], equal_nan=True
    )


def test_too_few_days_too_old_a_day_and_another_series_give_nothing() -> None:
    """Missing, and no default."""
    state = _state([10.0, 12.0, 14.0, 40.0])
    assert isnan(state.feature("iv_rank"))
    _tell(state, 4, 20.0, series="VVIX")
    assert isnan(state.feature("iv_percentile"))
    _tell(state, 4, 20.0)
    assert state.feature("iv_percentile") == 0.75
    state.now_ns += 7 * _DAY_NS
    assert state.feature("iv_percentile") == 0.75
    state.now_ns += 1
    assert isnan(state.feature("iv_percentile"))


def test_a_revision_counts_from_when_it_was_known() -> None:
    """Before it the old value counts, after it the new one; a broken one tells nothing."""
    state = _state([10.0, 12.0, 14.0, 40.0, 18.0])
    _tell(state, 3, nan)
    assert state.feature("iv_rank") == pytest.approx(8.0 / 30.0)
    _tell(state, 3, 20.0)
    assert state.feature("iv_rank") == pytest.approx(8.0 / 10.0)


def test_of_several_values_a_day_the_latest_counts() -> None:
    """An index that is told each minute has one value a day of New York."""
    state = _state([10.0, 12.0, 14.0, 40.0, 18.0])
    _tell(state, 4.01, 25.0)
    assert state.feature("iv_rank") == pytest.approx(0.5)
    _tell(state, 4.005, 30.0)  # comes late, and speaks of before
    assert state.feature("iv_rank") == pytest.approx(0.5)


def test_the_days_that_are_kept_are_bounded() -> None:
    """As many as the longest feature needs, whatever comes."""
    state = _state([float(value) for value in range(10, 400)])
    assert state.feature("iv_percentile") == 1.0
    (days,) = state._days.values()
    assert len(days._days) == 5


def test_the_realised_proxy_is_a_third_number() -> None:
    """Share of 252 volatilities of bars below the newest; it reads no implied volatility at all."""
    column = RealisedVolatilityPercentile(name="p", symbol="S").column(WHOLE)
    steps = np.diff(np.log(WHOLE.close))
    windows = np.lib.stride_tricks.sliding_window_view(steps, 20).std(axis=1, ddof=1)
    place = 5_000
    newest = place - 20
    assert column[place] == (windows[newest - 252 : newest] < windows[newest]).mean()


def test_fewer_days_than_two_are_refused() -> None:
    """A rank among one is no rank; no more days can be needed than are looked at."""
    with pytest.raises(ConfigError):
        IvRank(name="r", n_days=1, min_days=1)
    with pytest.raises(ConfigError):
        IvPercentile(name="r", n_days=10, min_days=11)
