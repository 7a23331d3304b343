"""Polygon, now Massive, through its own client: bars, option chains, trades and quotes."""

from adapters.polygon.bars import BarSpan, fetch_bars
from adapters.polygon.chain import fetch_chain
from adapters.polygon.client import Budget, PolygonClient, PolygonConfig
from adapters.polygon.connection import connected_client
from adapters.polygon.feed import PolygonFactory, PolygonFeed
from adapters.polygon.live_config import PolygonLiveConfig, StreamConfig
from adapters.polygon.ticks import fetch_quotes, fetch_trades

__all__ = [
    "BarSpan",
    "Budget",
    "PolygonClient",
    "PolygonConfig",
    "PolygonFactory",
    "PolygonFeed",
    "PolygonLiveConfig",
    "StreamConfig",
    "connected_client",
    "fetch_bars",
    "fetch_chain",
    "fetch_quotes",
    "fetch_trades",
]
