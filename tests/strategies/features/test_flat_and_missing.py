"""A market that stands still is in the centre, and what cannot be a price is no price."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
import talib

from market.errors import ConfigError, DataError
from strategies.bar_history import BarHistory
from strategies.features import (
    AverageTrueRange,
    BandPosition,
    BandWidth,
    BarFeature,
    DirectionalIndex,
    Macd,
    RelativeStrengthIndex,
    SarDistance,
    SessionVwap,
    Stochastic,
    VolumeRatio,
    column_of,
)
from strategies.features.feature import cut
from tests.backtest.recordings import bars as bar_batch
from tests.strategies.features.scenes import PLAIN, WHOLE, flat

_STILL: tuple[tuple[BarFeature, float], ...] = (
    (RelativeStrengthIndex(name="rsi", symbol="S"), 50.0),
    (Stochastic(name="k", symbol="S"), 50.0),
    (BandPosition(name="b", symbol="S"), 0.5),
    (BandWidth(name="w", symbol="S"), 0.0),
    (DirectionalIndex(name="adx", symbol="S"), 0.0),
    (Macd(name="macd", symbol="S"), 0.0),
    (SarDistance(name="sar", symbol="S"), 0.0),
    (AverageTrueRange(name="atr", symbol="S"), 0.0),
)


@pytest.mark.parametrize(("feature", "centre"), _STILL, ids=lambda each: getattr(each, "name", None))
def test_no_movement_is_the_centre(feature: BarFeature, centre: float) -> None:
    """The library says 0 for index and oscillator, which would be the strongest fall."""
    found = column_of(feature, flat(100))[feature.lookback - 1 :]
    assert found == pytest.approx(centre, abs=1e-12)


def test_a_fall_without_a_gain_is_not_taken_for_a_standstill() -> None:
    """An index of 0 that means what it says."""
    fall = np.arange(200.0, 100.0, -1.0)
    bars = replace(flat(100), close=fall, high=fall, low=fall)
    assert RelativeStrengthIndex(name="rsi", symbol="S").column(bars)[-1] == 0.0
    assert Stochastic(name="k", symbol="S").column(bars)[-1] == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -5.0])
@pytest.mark.parametrize("feature", PLAIN, ids=lambda feature: feature.name)
def test_a_bar_without_a_close_has_no_value(feature: BarFeature, value: float) -> None:
    """Not finite or not above 0: NaN at the bar, and finite numbers again once the window is past it."""
    bars = cut(WHOLE, 0, 3_000)
    close = bars.close.copy()
    close[1_000] = value
    found = feature.column(replace(bars, close=close))
    if feature.name == "volume_ratio":
        assert np.array_equal(found, feature.column(bars), equal_nan=True)
    else:
        assert isnan(found[1_000])
    assert np.isfinite(found[1_300:]).any()
    assert not np.isinf(found).any()


def test_a_recursive_feature_goes_on_as_if_the_broken_bar_had_not_been() -> None:
    """Listed without prices, or not listed: the same."""
    close = WHOLE.close.copy()
    close[500] = np.nan
    kept = np.arange(close.size) != 500
    without = {name: getattr(WHOLE, name)[kept] for name in WHOLE.__dataclass_fields__}
    for feature in (RelativeStrengthIndex(name="rsi", symbol="S"), DirectionalIndex(name="adx", symbol="S")):
        found = feature.column(replace(WHOLE, close=close))[kept]
        assert np.array_equal(found, feature.column(replace(WHOLE, **without)), equal_nan=True)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_a_volume_that_cannot_be_is_missing(value: float) -> None:
    """Below 0 or not finite: no ratio while it is in the window, no VWAP at its bar."""
    volume = WHOLE.volume.copy()
    volume[100] = value
    ratio = VolumeRatio(name="r", symbol="S").column(replace(WHOLE, volume=volume))
    assert np.isnan(ratio[100:121]).all()
    assert np.isfinite(ratio[121])
    vwap = SessionVwap(name="v", symbol="S").column(replace(WHOLE, volume=volume))
    assert isnan(vwap[100])
    assert np.isfinite(vwap[101])


def test_an_index_has_no_vwap() -> None:
    """Its bars have no volume: NaN throughout, and never a mean of nothing."""
    bars = replace(WHOLE, volume=np.full(WHOLE.volume.shape, np.nan))
    assert np.isnan(SessionVwap(name="v", symbol="S").column(bars)).all()


def test_numbers_of_another_kind_are_refused() -> None:
    """Digits that were lost before cannot be found again here."""
    narrow = replace(WHOLE, close=WHOLE.close.astype(np.float32))
    for feature in PLAIN:
        with pytest.raises(DataError, match="another kind"):
            feature.column(narrow)
    batch = bar_batch([1.0, 2.0])
    with pytest.raises(DataError, match="kind that numbers are"):
        BarHistory("SYN@1m").append(replace(batch, close=batch.close.astype(np.float32)))


def test_a_library_with_other_settings_is_refused() -> None:
    """They are those of the whole process, and would change first values in silence."""
    talib.set_unstable_period("RSI", 30)  # type: ignore[attr-defined]  # its stubs lack it
    try:
        with pytest.raises(ConfigError, match="settings of TA-Lib"):
            RelativeStrengthIndex(name="rsi", symbol="S").column(WHOLE)
    finally:
        talib.set_unstable_period("RSI", 0)  # type: ignore[attr-defined]  # its stubs lack it
    assert np.isfinite(RelativeStrengthIndex(name="rsi", symbol="S").column(WHOLE)).any()
