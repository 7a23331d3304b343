"""Indicators: what a bar costs as it closes, and what a recording of a million bars costs."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import numpy as np

from benchmarks.harness import Row
from fields.indicator_library import indicator_library
from market.calendars import sessions_between
from strategies.features import (
    AtTimeframe,
    AverageDistance,
    AverageTrueRange,
    BandPosition,
    BandWidth,
    BarFeature,
    DirectionalIndex,
    ExponentialAverage,
    IntradayVolatility,
    Macd,
    MovingAverage,
    ParabolicSar,
    RealisedVolatilityPercentile,
    RelativeStrengthIndex,
    RollingVwap,
    SarDistance,
    SessionVwap,
    Stochastic,
    StochasticPart,
    VolumeRatio,
    VwapDeviation,
    stream_of,
)
from strategies.features.feature import bars_of, cut
from strategies.views import BarWindow

__all__ = ["run"]

_MOST_US = 5.0
_N = 1_000_000
_STREAMED = 50_000
_ROUNDS = 5
_MINUTE_NS = 60_000_000_000
_S = "SPX"
_FEATURES: tuple[BarFeature, ...] = (
    RelativeStrengthIndex(name="RSI", symbol=_S),
    DirectionalIndex(name="ADX", symbol=_S),
    BandPosition(name="Bollinger %B", symbol=_S),
    BandWidth(name="Bollinger width", symbol=_S),
    Stochastic(name="stochastic %K", symbol=_S),
    Stochastic(name="stochastic %D", symbol=_S, part=StochasticPart.D),
    Macd(name="MACD histogram", symbol=_S),
    AverageTrueRange(name="ATR", symbol=_S),
    ParabolicSar(name="SAR", symbol=_S),
    SarDistance(name="SAR distance", symbol=_S),
    ExponentialAverage(name="EMA 20", symbol=_S, n_bars=20),
    MovingAverage(name="SMA 20", symbol=_S, n_bars=20),
    AverageDistance(name="SMA distance", symbol=_S),
    VolumeRatio(name="volume ratio", symbol=_S),
    SessionVwap(name="session VWAP", symbol=_S),
    VwapDeviation(name="VWAP deviation", symbol=_S),
    RollingVwap(name="rolling VWAP 30", symbol=_S, n_bars=30),
    IntradayVolatility(name="minute volatility", symbol=_S, bar_minutes=1),
    RealisedVolatilityPercentile(name="volatility percentile", symbol=_S),
    AtTimeframe(feature=RelativeStrengthIndex(name="RSI of hours", symbol=_S), timeframe="1h"),
)


def _minutes() -> BarWindow:
    """Return a million minutes of New York's sessions, about ten years."""
    sessions = sessions_between("NYSE", date(2010, 1, 4), date(2020, 12, 31))
    end = np.concatenate([np.arange(s.open_ns + _MINUTE_NS, s.close_ns + 1, _MINUTE_NS) for s in sessions])[:_N]
    rng = np.random.default_rng(1)
    close = 1000.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, end.size)))
    high, low = close * (1.0 + 1e-4 * rng.random(end.size)), close * (1.0 - 1e-4 * rng.random(end.size))
    volume = np.floor(1000.0 * rng.random(end.size))
    return BarWindow(start_ns=end - _MINUTE_NS, end_ns=end, open=close, high=high, low=low, close=close, volume=volume)


def _streamed_us(feature: BarFeature, bars: BarWindow) -> float:
    """Return what a bar costs in the quickest of some rounds, us: processor time; slower ones measure other work."""
    rows, took = bars_of(cut(bars, 0, _STREAMED)), []
    for _ in range(_ROUNDS):
        update = stream_of(feature).update
        start = time.process_time_ns()
        for bar in rows:
            update(bar)
        took.append(time.process_time_ns() - start)
    return min(took) / _STREAMED / 1e3


def _column_ms(feature: BarFeature, bars: BarWindow) -> float:
    took = []
    for _ in range(_ROUNDS):
        start = time.process_time_ns()
        feature.column(bars)
        took.append(time.process_time_ns() - start)
    return min(took) / 1e6


def run() -> list[Row]:
    """Run the benchmark."""
    indicator_library()
    bars = _minutes()
    first, last = (datetime.fromtimestamp(int(bars.end_ns[place]) / 1e9, UTC).year for place in (0, -1))
    rows = []
    for feature in _FEATURES:
        us = _streamed_us(feature, bars)
        rows.append(
            Row(
                name=f"{feature.name}, a bar",
                size=_STREAMED,
                value=us,
                unit="us",
                reach=f"<= {_MOST_US:g}",
                passed=us <= _MOST_US,
            )
        )
        note = f"minutes of {first} to {last}"
        ms = _column_ms(feature, bars)
        rows.append(Row(name=f"{feature.name}, a recording", size=bars.close.size, value=ms, unit="ms", note=note))
    return rows
