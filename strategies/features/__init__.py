"""Numbers made of closed bars: declared once, causal by test, the same as a whole column and bar by bar."""

from strategies.features.dispersion import AverageTrueRange, BandPosition, BandWidth
from strategies.features.feature import Bar, BarFeature, FeatureStream, StreamedFeature, column_of, stream_of
from strategies.features.momentum import Macd, MacdPart, RelativeStrengthIndex, Stochastic, StochasticPart
from strategies.features.trend import DirectionalIndex, ExponentialAverage, ParabolicSar, SarDistance
from strategies.features.windowed import (
    AverageDistance,
    LogReturn,
    MovingAverage,
    PercentRank,
    RealisedVolatility,
    RealisedVolatilityPercentile,
    VolumeRatio,
)

Feature = BarFeature

__all__ = [
    "AverageDistance",
    "AverageTrueRange",
    "BandPosition",
    "BandWidth",
    "Bar",
    "BarFeature",
    "DirectionalIndex",
    "ExponentialAverage",
    "Feature",
    "FeatureStream",
    "LogReturn",
    "Macd",
    "MacdPart",
    "MovingAverage",
    "ParabolicSar",
    "PercentRank",
    "RealisedVolatility",
    "RealisedVolatilityPercentile",
    "RelativeStrengthIndex",
    "SarDistance",
    "Stochastic",
    "StochasticPart",
    "StreamedFeature",
    "VolumeRatio",
    "column_of",
    "stream_of",
]
