"""A simulated market: agents who trade, dealers who hedge, chains that look real, and a truth that can be asked for."""

from adapters.simulated.agents import CustomerGroup
from adapters.simulated.config import (
    CustomerMix,
    PrintMix,
    SimulatedMarketConfig,
    SimulatedSymbol,
    demo_config,
    light_config,
)
from adapters.simulated.engine import SimulatedMarket
from adapters.simulated.feed import SimulatedFactory, SimulatedFeed
from adapters.simulated.truth import MarketTruth, Settlement

__all__ = [
    "CustomerGroup",
    "CustomerMix",
    "MarketTruth",
    "PrintMix",
    "Settlement",
    "SimulatedFactory",
    "SimulatedFeed",
    "SimulatedMarket",
    "SimulatedMarketConfig",
    "SimulatedSymbol",
    "demo_config",
    "light_config",
]
