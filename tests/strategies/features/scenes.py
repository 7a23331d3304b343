"""Bars with everything that real ones have: movement, a standstill, broken rows, holes, nights."""

from __future__ import annotations

from datetime import date

import numpy as np

from market.calendars import sessions_between
from market.chains import FloatArray
from market.trades import Int64Array
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
    LogReturn,
    Macd,
    MacdPart,
    MovingAverage,
    OpenToClose,
    ParabolicSar,
    PercentRank,
    RealisedVolatility,
    RealisedVolatilityPercentile,
    RelativeStrengthIndex,
    RollingVwap,
    SarDistance,
    SessionVwap,
    Stochastic,
    StochasticPart,
    VolumeRatio,
    VwapDeviation,
)
from strategies.features.feature import cut
from strategies.views import BarWindow

MINUTE_NS = 60_000_000_000
_S = "SYN"
PLAIN: tuple[BarFeature, ...] = (
    MovingAverage(name="mean", symbol=_S, n_bars=50),
    AverageDistance(name="distance", symbol=_S),
    LogReturn(name="return", symbol=_S, n_bars=5),
    OpenToClose(name="move", symbol=_S),
    RealisedVolatility(name="volatility", symbol=_S, n_returns=20, bars_per_year=252.0),
    PercentRank(name="percent_rank", symbol=_S, n_bars=252),
    RealisedVolatilityPercentile(name="volatility_percentile", symbol=_S),
    VolumeRatio(name="volume_ratio", symbol=_S),
    RollingVwap(name="rolling_vwap", symbol=_S, n_bars=30),
    RelativeStrengthIndex(name="rsi", symbol=_S),
    Stochastic(name="k", symbol=_S),
    Stochastic(name="d", symbol=_S, part=StochasticPart.D),
    *(Macd(name=f"macd_{part}", symbol=_S, part=part) for part in MacdPart),
    DirectionalIndex(name="adx", symbol=_S),
    ExponentialAverage(name="ema", symbol=_S, n_bars=20),
    ParabolicSar(name="sar", symbol=_S),
    SarDistance(name="sar_distance", symbol=_S),
    AverageTrueRange(name="atr", symbol=_S),
    BandPosition(name="band_position", symbol=_S),
    BandWidth(name="band_width", symbol=_S),
    SessionVwap(name="vwap", symbol=_S),
    VwapDeviation(name="vwap_deviation", symbol=_S),
    IntradayVolatility(name="minute_volatility", symbol=_S, bar_minutes=1),
)
"""Every feature of bars, on the bars as they come."""

HIGHER: tuple[BarFeature, ...] = (
    *(
        AtTimeframe(feature=RelativeStrengthIndex(name=f"rsi_{width}", symbol=_S, n_bars=3), timeframe=width)
        for width in ("5m", "1h", "1d", "1w")
    ),
    AtTimeframe(feature=VolumeRatio(name="volume_1h", symbol=_S, n_bars=2), timeframe="1h"),
    AtTimeframe(feature=Stochastic(name="k_2h", symbol=_S, n_bars=3), timeframe="2h"),
    AtTimeframe(feature=IntradayVolatility(name="volatility_5m", symbol=_S), timeframe="5m"),
    AtTimeframe(feature=SessionVwap(name="vwap_15m", symbol=_S), timeframe="15m"),
)
"""Features of higher timeframes."""


def minutes(first: date, last: date, before: int = 60, after: int = 30) -> Int64Array:
    """Return the ends of the minutes of New York's sessions, with some before the open and after the close."""
    return np.concatenate(
        [
            np.arange(session.open_ns + (1 - before) * MINUTE_NS, session.close_ns + after * MINUTE_NS + 1, MINUTE_NS)
            for session in sessions_between("NYSE", first, last)
        ]
    )


def walk(end_ns: Int64Array, seed: int = 7) -> BarWindow:
    """Return minutes of a walk on a grid of cents, with a standstill of 600 bars in its middle where it is long."""
    rng, n = np.random.default_rng(seed), end_ns.shape[0]
    close = np.round(5000.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, n))), 2)
    still = slice(n // 2, n // 2 + 600)
    close[still] = close[n // 2]
    high, low = close + np.round(3.0 * rng.random(n), 2), close - np.round(3.0 * rng.random(n), 2)
    high[still] = low[still] = close[still]
    return BarWindow(
        start_ns=end_ns - MINUTE_NS,
        end_ns=end_ns,
        open=np.concatenate((close[:1], close[:-1])),
        high=high,
        low=low,
        close=close,
        volume=np.floor(1000.0 * rng.random(n)),
    )


def with_holes(bars: BarWindow, seed: int = 8) -> BarWindow:
    """Return bars of which a fifth and a whole session are absent, and some carry what cannot be."""
    rng, n = np.random.default_rng(seed), bars.close.shape[0]
    close, high, low, volume = (getattr(bars, name).copy() for name in ("close", "high", "low", "volume"))
    broken = rng.choice(n, 200, replace=False).reshape(5, 40)
    close[broken[0]], high[broken[1]], low[broken[2]], volume[broken[3]] = np.nan, np.inf, 0.0, -1.0
    high[broken[4]] = 0.5 * low[broken[4]]
    kept = np.flatnonzero(rng.random(n) > 0.2)
    kept = kept[(kept < 7_000) | (kept >= 7_500)]
    broken_bars = BarWindow(
        start_ns=bars.start_ns, end_ns=bars.end_ns, open=bars.open, high=high, low=low, close=close, volume=volume
    )
    return BarWindow(**{name: getattr(broken_bars, name)[kept] for name in BarWindow.__dataclass_fields__})


def flat(n: int, price: float = 100.0) -> BarWindow:
    """Return minutes in which nothing moves."""
    column: FloatArray = np.full(n, price)
    end = MINUTE_NS * np.arange(1, n + 1, dtype=np.int64)
    return BarWindow(
        start_ns=end - MINUTE_NS, end_ns=end, open=column, high=column, low=column, close=column, volume=column
    )


WHOLE = walk(minutes(date(2023, 10, 20), date(2023, 12, 22)))
"""Forty-five sessions of minutes, one of which closes early, with the clocks put back between them."""
TORN = cut(with_holes(WHOLE), 77, 9_000)
"""The same with holes and broken rows, begun within a session."""
