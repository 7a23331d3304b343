"""Alpaca's market data: a client for REST, and a live feed of its streams."""

from adapters.alpaca.chain import AlpacaChain
from adapters.alpaca.client import AlpacaClient, ClockSkew
from adapters.alpaca.config import AlpacaConfig
from adapters.alpaca.feed import AlpacaFactory, AlpacaFeed

__all__ = ["AlpacaChain", "AlpacaClient", "AlpacaConfig", "AlpacaFactory", "AlpacaFeed", "ClockSkew"]
