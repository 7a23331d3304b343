"""Numbers made of closed bars and of daily series: declared once, causal by test, the same whole and bar by bar."""

from strategies.features.dispersion import AverageTrueRange, BandPosition, BandWidth
from strategies.features.feature import Bar, BarFeature, FeatureStream, StreamedFeature, column_of, stream_of
from strategies.features.intraday import IntradayVolatility
from strategies.features.momentum import Macd, MacdPart, RelativeStrengthIndex, Stochastic, StochasticPart
from strategies.features.moves import OpenToClose
from strategies.features.ranks import IvPercentile, IvRank, SeriesDays, SeriesFeature
from strategies.features.timeframes import AtTimeframe
from strategies.features.trend import DirectionalIndex, ExponentialAverage, ParabolicSar, SarDistance
from strategies.features.vwap import RollingVwap, SessionVwap, VwapDeviation
from strategies.features.windowed import (
    AverageDistance,
    LogReturn,
    MovingAverage,
    PercentRank,
    RealisedVolatility,
    RealisedVolatilityPercentile,
    VolumeRatio,
)

Feature = BarFeature | SeriesFeature
"""What a strategy declares in its ``features`` and asks for by name in `strategies.views.View.feature`."""

__all__ = [
    "AtTimeframe",
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
    "IntradayVolatility",
    "IvPercentile",
    "IvRank",
    "LogReturn",
    "Macd",
    "MacdPart",
    "MovingAverage",
    "OpenToClose",
    "ParabolicSar",
    "PercentRank",
    "RealisedVolatility",
    "RealisedVolatilityPercentile",
    "RelativeStrengthIndex",
    "RollingVwap",
    "SarDistance",
    "SeriesDays",
    "SeriesFeature",
    "SessionVwap",
    "Stochastic",
    "StochasticPart",
    "StreamedFeature",
    "VolumeRatio",
    "VwapDeviation",
    "column_of",
    "stream_of",
]
