"""The vendor's package, imported in one place: it still imports websockets' old client, which warns of its age."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from alpaca.common.exceptions import APIError
    from alpaca.data.enums import DataFeed, OptionsFeed
    from alpaca.data.historical.crypto import CryptoHistoricalDataClient
    from alpaca.data.historical.news import NewsClient
    from alpaca.data.historical.option import OptionHistoricalDataClient
    from alpaca.data.historical.stock import StockHistoricalDataClient
    from alpaca.data.live.crypto import CryptoDataStream
    from alpaca.data.live.option import OptionDataStream
    from alpaca.data.live.stock import StockDataStream
    from alpaca.data.requests import (
        CryptoBarsRequest,
        CryptoQuoteRequest,
        CryptoTradesRequest,
        NewsRequest,
        OptionBarsRequest,
        OptionChainRequest,
        OptionLatestQuoteRequest,
        OptionTradesRequest,
        StockBarsRequest,
        StockQuotesRequest,
        StockSnapshotRequest,
        StockTradesRequest,
    )
    from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
    from alpaca.trading.client import TradingClient
    from alpaca.trading.requests import GetCalendarRequest, GetOptionContractsRequest
    from websockets.exceptions import ConnectionClosed
    from websockets.legacy.client import WebSocketClientProtocol

__all__ = [
    "APIError",
    "ConnectionClosed",
    "CryptoBarsRequest",
    "CryptoDataStream",
    "CryptoHistoricalDataClient",
    "CryptoQuoteRequest",
    "CryptoTradesRequest",
    "DataFeed",
    "GetCalendarRequest",
    "GetOptionContractsRequest",
    "NewsClient",
    "NewsRequest",
    "OptionBarsRequest",
    "OptionChainRequest",
    "OptionDataStream",
    "OptionHistoricalDataClient",
    "OptionLatestQuoteRequest",
    "OptionTradesRequest",
    "OptionsFeed",
    "StockBarsRequest",
    "StockDataStream",
    "StockHistoricalDataClient",
    "StockQuotesRequest",
    "StockSnapshotRequest",
    "StockTradesRequest",
    "TimeFrame",
    "TimeFrameUnit",
    "TradingClient",
    "WebSocketClientProtocol",
]
