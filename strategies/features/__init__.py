"""Numbers made of closed bars: declared once, causal by test, the same as a whole column and bar by bar."""

from strategies.features.feature import Feature, column_of, newest_of
from strategies.features.windowed import BandPosition, LogReturn, MovingAverage, PercentRank, RealisedVolatility

__all__ = [
    "BandPosition",
    "Feature",
    "LogReturn",
    "MovingAverage",
    "PercentRank",
    "RealisedVolatility",
    "column_of",
    "newest_of",
]
