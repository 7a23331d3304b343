"""Each indicator against its published steps, written out here without the library."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import talib

from fields.indicators import directional_index, realised_volatility
from market.chains import FloatArray
from market.errors import ConfigError
from strategies.features import (
    AtTimeframe,
    AverageTrueRange,
    BandPosition,
    BandWidth,
    BarFeature,
    DirectionalIndex,
    ExponentialAverage,
    IntradayVolatility,
    Macd,
    MacdPart,
    MovingAverage,
    ParabolicSar,
    RelativeStrengthIndex,
    RollingVwap,
    SarDistance,
    SessionVwap,
    Stochastic,
    StochasticPart,
    VolumeRatio,
)
from strategies.features.feature import cut
from tests.strategies.features.scenes import WHOLE

BARS = cut(WHOLE, 0, 3_000)
HIGH, LOW, CLOSE = BARS.high, BARS.low, BARS.close
_TOLERANCE = 1e-9


def _wilder(values: FloatArray, n: int) -> FloatArray:
    """Return the plain mean of the first values, then Wilder's."""
    found = np.full(values.shape, np.nan)
    found[n - 1] = values[:n].mean()
    for place in range(n, values.shape[0]):
        found[place] = ((n - 1) * found[place - 1] + values[place]) / n
    return found


def _exponential(values: FloatArray, n: int, first: int) -> FloatArray:
    """Return an average seeded with the plain mean of the values up to the first."""
    found = np.full(values.shape, np.nan)
    found[first] = values[first - n + 1 : first + 1].mean()
    for place in range(first + 1, values.shape[0]):
        found[place] = found[place - 1] + 2.0 / (n + 1) * (values[place] - found[place - 1])
    return found


def _true_range() -> FloatArray:
    return np.maximum(HIGH[1:], CLOSE[:-1]) - np.minimum(LOW[1:], CLOSE[:-1])


def _same(feature: BarFeature, expected: FloatArray, first: int) -> None:
    found = feature.column(BARS)
    assert int(np.flatnonzero(np.isfinite(found))[0]) == first == feature.lookback - 1
    assert found[first:] == pytest.approx(expected[-(found.size - first) :], rel=_TOLERANCE, abs=_TOLERANCE)


def test_relative_strength_is_wilders() -> None:
    """Seeded with the plain mean of 14 changes; the first value is at bar 14."""
    steps = np.diff(CLOSE)
    gain, loss = _wilder(np.maximum(steps, 0.0), 14), _wilder(np.maximum(-steps, 0.0), 14)
    _same(RelativeStrengthIndex(name="r", symbol="S"), 100.0 * gain / (gain + loss), 14)


def test_true_range_is_wilders() -> None:
    """Seeded with the plain mean of the ranges of bars 1 to 14."""
    _same(AverageTrueRange(name="r", symbol="S"), _wilder(_true_range(), 14), 14)


def test_directional_index_begins_its_sums_with_thirteen() -> None:
    """The library's convention, and the same number that live regimes read."""
    up, down = np.diff(HIGH), -np.diff(LOW)
    plus, minus = np.where((up > down) & (up > 0.0), up, 0.0), np.where((down > up) & (down > 0.0), down, 0.0)
    sums = [float(column[:13].sum()) for column in (plus, minus, _true_range())]
    index = []
    for place in range(13, plus.size):
        row = plus[place], minus[place], _true_range()[place]
        sums = [total - total / 14.0 + newest for total, newest in zip(sums, row, strict=True)]
        index.append(100.0 * abs(sums[0] - sums[1]) / (sums[0] + sums[1]))
    _same(DirectionalIndex(name="a", symbol="S"), _wilder(np.array(index), 14), 27)
    assert DirectionalIndex(name="a", symbol="S").column(BARS)[-1] == directional_index(HIGH, LOW, CLOSE)


def test_bands_are_of_the_population() -> None:
    """Twenty closes, two deviations with ``ddof = 0``."""
    windows = np.lib.stride_tricks.sliding_window_view(CLOSE, 20)
    mean, half = windows.mean(axis=1), 2.0 * windows.std(axis=1)
    _same(BandPosition(name="b", symbol="S"), (CLOSE[19:] - mean + half) / (2.0 * half), 19)
    _same(BandWidth(name="w", symbol="S"), 2.0 * half / mean, 19)


def test_stochastic_is_fourteen_three_three() -> None:
    """Plain means of positions; no other than the library's where the range is not empty."""
    windows = np.lib.stride_tricks.sliding_window_view
    highest, lowest = windows(HIGH, 14).max(axis=1), windows(LOW, 14).min(axis=1)
    line = windows(100.0 * (CLOSE[13:] - lowest) / (highest - lowest), 3).mean(axis=1)
    _same(Stochastic(name="k", symbol="S"), line, 15)
    _same(Stochastic(name="d", symbol="S", part=StochasticPart.D), windows(line, 3).mean(axis=1), 17)
    slow = talib.STOCH(HIGH, LOW, CLOSE, fastk_period=14, slowk_period=3, slowd_period=3)[0]
    found = Stochastic(name="k", symbol="S").column(BARS)
    assert found[17:] == pytest.approx(slow[17:], abs=1e-9)


def test_averages_are_seeded_with_the_plain_mean() -> None:
    """The exponential one, and both of the convergence, which begin at one bar."""
    _same(ExponentialAverage(name="e", symbol="S", n_bars=20), _exponential(CLOSE, 20, 19), 19)
    _same(MovingAverage(name="m", symbol="S", n_bars=20), talib.SMA(CLOSE, 20), 19)
    line = _exponential(CLOSE, 12, 25) - _exponential(CLOSE, 26, 25)
    signal = _exponential(line[25:], 9, 8)[8:]
    _same(Macd(name="l", symbol="S", part=MacdPart.LINE), line, 33)
    _same(Macd(name="s", symbol="S", part=MacdPart.SIGNAL), signal, 33)
    _same(Macd(name="h", symbol="S"), line[33:] - signal, 33)


def _parabolic(step: float = 0.02, most: float = 0.2) -> FloatArray:
    """Return the stops as Wilder's steps give them: a stop never enters the range of the two bars before."""
    up, down = HIGH[1] - HIGH[0], LOW[0] - LOW[1]
    is_long = not (down > up and down > 0.0)
    stop, extreme = (LOW[0], HIGH[1]) if is_long else (HIGH[0], LOW[1])
    speed, found = step, []
    for place in range(1, CLOSE.size):
        before = max(place - 1, 1)  # the library's: the first bar gives a direction and a stop, and bounds no other
        if (LOW[place] <= stop) if is_long else (HIGH[place] >= stop):
            is_long, speed = not is_long, step
            edge = max if not is_long else min
            stop = edge(extreme, *((HIGH if not is_long else LOW)[[before, place]]))
            found.append(stop)
            extreme = LOW[place] if not is_long else HIGH[place]
        else:
            found.append(stop)
            newest = HIGH[place] if is_long else LOW[place]
            if (newest > extreme) if is_long else (newest < extreme):
                extreme, speed = newest, min(speed + step, most)
        stop = stop + speed * (extreme - stop)
        stop = min(stop, LOW[before], LOW[place]) if is_long else max(stop, HIGH[before], HIGH[place])
    return np.array(found)


def test_parabolic_stop_is_wilders() -> None:
    """The first direction is that of the first move; the distance counts in true ranges, with the sign of the side."""
    _same(ParabolicSar(name="s", symbol="S"), _parabolic(), 1)
    distance = (CLOSE[14:] - _parabolic()[13:]) / _wilder(_true_range(), 14)[13:]
    _same(SarDistance(name="d", symbol="S"), distance, 14)


def test_volume_is_held_against_the_bars_before() -> None:
    """The newest does not dilute itself; the library's relative volume is the same."""
    _same(VolumeRatio(name="v", symbol="S"), talib.RVOL(BARS.volume, 20)[20:], 20)


def test_vwap_of_a_session_begins_with_its_open() -> None:
    """Typical prices by volume, from the first minute after 9:30; those before and after it have none."""
    found = SessionVwap(name="v", symbol="S").column(BARS)
    assert np.isnan(found[:60]).all()  # before the open
    assert np.isnan(found[450:510]).all()  # after 16:00, and before the next open
    price = (HIGH + LOW + CLOSE) / 3.0
    for first, last in ((60, 449), (540, 700)):
        volume = BARS.volume[first : last + 1]
        assert found[last] == pytest.approx(np.average(price[first : last + 1], weights=volume), rel=1e-12)
    rolling = RollingVwap(name="r", symbol="S", n_bars=30).column(BARS)[999]
    assert rolling == pytest.approx(np.average(price[970:1000], weights=BARS.volume[970:1000]), rel=1e-12)


def test_intraday_volatility_is_annualised_by_its_bars() -> None:
    """Twenty five-minute returns times the root of 19 656, as the live state reads it; never that of 252."""
    feature = IntradayVolatility(name="v", symbol="S", bar_minutes=1)
    live = realised_volatility(BARS.start_ns, BARS.end_ns, CLOSE, bars_per_year=252.0 * 390.0)
    assert feature.column(BARS)[-1] == pytest.approx(live, rel=1e-12)
    assert sqrt(IntradayVolatility(name="v", symbol="S").bars_per_year) == pytest.approx(140.2, abs=0.01)
    with pytest.raises(ConfigError, match="annualise bars of another length"):
        IntradayVolatility(name="v", symbol="S").column(BARS)
    five = AtTimeframe(feature=IntradayVolatility(name="v", symbol="S"), timeframe="5m").column(BARS)
    session = CLOSE[60:450][4::5]  # closes of the five-minute bars of the first session
    assert five[449] == pytest.approx(np.log(session[-20:] / session[-21:-1]).std(ddof=1) * 140.2, rel=1e-4)
