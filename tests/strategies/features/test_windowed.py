"""Features: the column of a recording is what comes bar by bar, and what looks elsewhere is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.indicators import average_close, realised_volatility
from market.chains import FloatArray
from market.errors import ConfigError
from strategies.bar_history import BarHistory
from strategies.features import (
    BandPosition,
    BarFeature,
    LogReturn,
    MovingAverage,
    PercentRank,
    RealisedVolatility,
    column_of,
)
from strategies.views import BarWindow
from tests.backtest.recordings import MINUTE_NS, bars

FEATURES: tuple[BarFeature, ...] = (
    MovingAverage(name="mean", symbol="SYN", n_bars=7),
    LogReturn(name="return", symbol="SYN", n_bars=3),
    RealisedVolatility(name="volatility", symbol="SYN", n_returns=5, bars_per_year=252.0),
    BandPosition(name="band", symbol="SYN", n_bars=6),
    PercentRank(name="rank", symbol="SYN", n_bars=9),
)
PRICES = st.lists(st.integers(50, 150).map(float), min_size=1, max_size=40)


def window(closes: FloatArray) -> BarWindow:
    """Return bars without a range."""
    end = MINUTE_NS * np.arange(1, closes.shape[0] + 1, dtype=np.int64)
    return BarWindow(
        start_ns=end - MINUTE_NS, end_ns=end, open=closes, high=closes, low=closes, close=closes, volume=closes
    )


@given(PRICES)
@settings(max_examples=40, deadline=None)
def test_a_whole_column_is_bit_for_bit_what_comes_bar_by_bar(closes: list[float]) -> None:
    """A recording and a live feed show a strategy the same numbers."""
    batch = bars(closes)
    streamed = BarHistory("SYN@1m", FEATURES)
    streamed.append(batch)
    for feature in FEATURES:
        whole = column_of(feature, window(np.array(closes)))
        assert np.array_equal(whole, streamed.feature_column(feature.name), equal_nan=True)
        assert np.isnan(whole[: feature.lookback - 1]).all()


def test_the_mean_and_the_volatility_are_those_of_the_field() -> None:
    """One definition of each in the house."""
    closes = 100.0 + np.random.default_rng(5).standard_normal(60).cumsum()
    end = MINUTE_NS * np.arange(1, 61, dtype=np.int64)
    mean = MovingAverage(name="m", symbol="S", n_bars=50).column(window(closes))[-1]
    assert mean == pytest.approx(average_close(closes, 50))
    found = RealisedVolatility(name="v", symbol="S", n_returns=20, bars_per_year=252.0).column(window(closes))[-1]
    assert found == pytest.approx(realised_volatility(end - MINUTE_NS, end, closes, bars_per_year=252.0))


def test_a_rank_counts_what_lies_below_and_half_of_what_is_equal() -> None:
    """Two below, one equal, one above."""
    rank = PercentRank(name="r", symbol="S", n_bars=4).column(window(np.array([1.0, 2.0, 3.0, 4.0, 3.0])))
    assert rank[-1] == pytest.approx((2 + 0.5) / 4)


@dataclass(frozen=True)
class _Centred:
    """A mean that reads as many bars ahead as behind."""

    name: str = "centred"
    symbol: str = "SYN"
    lookback: int = 3

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the mean of a bar and its neighbours."""
        return np.convolve(bars.close, np.full(3, 1.0 / 3.0), mode="same")


@dataclass(frozen=True)
class _Forever:
    """A sum of everything so far, which says that it needs one bar."""

    name: str = "sum"
    symbol: str = "SYN"
    lookback: int = 1

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the running sum."""
        return np.cumsum(bars.close)


@pytest.mark.parametrize("feature", [_Centred(), _Forever()])
def test_a_feature_that_reads_more_than_it_declares_is_refused(feature: BarFeature) -> None:
    """Ahead or further back."""
    with pytest.raises(ConfigError, match="depends on more than its window"):
        column_of(feature, window(np.arange(1.0, 50.0)))
