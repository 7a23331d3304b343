"""A simulated market: agents who trade, dealers who hedge, chains that look real, and a truth that can be asked for."""

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
from adapters.simulated.groups import CustomerGroup
from adapters.simulated.jumps import JumpDynamics
from adapters.simulated.scenarios import Fact, FactKind, FlowSurge, Scenario, Waypoint
from adapters.simulated.seasonality import DayShape, Seasonality
from adapters.simulated.truth import MarketTruth, Settlement

__all__ = [
    "CustomerGroup",
    "CustomerMix",
    "DayShape",
    "Fact",
    "FactKind",
    "FlowSurge",
    "JumpDynamics",
    "MarketTruth",
    "PrintMix",
    "Scenario",
    "Seasonality",
    "Settlement",
    "SimulatedFactory",
    "SimulatedFeed",
    "SimulatedMarket",
    "SimulatedMarketConfig",
    "SimulatedSymbol",
    "Waypoint",
    "demo_config",
    "light_config",
]
