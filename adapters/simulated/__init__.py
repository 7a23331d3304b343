"""A simulated market: agents who trade, dealers who hedge, chains that look real, and a truth that can be asked for."""

from adapters.simulated.coin_config import CoinMarketConfig, SimulatedCoin, coin_config, exchange_config
from adapters.simulated.coin_feed import CoinFactory, CoinFeed
from adapters.simulated.coin_options import CoinTruth, SimulatedCoins
from adapters.simulated.config import (
    CustomerMix,
    PrintMix,
    SimulatedMarketConfig,
    SimulatedSymbol,
    demo_config,
    light_config,
    realistic_config,
)
from adapters.simulated.crises import ScenarioName, scenario_config
from adapters.simulated.engine import SimulatedMarket
from adapters.simulated.feed import SimulatedFactory, SimulatedFeed
from adapters.simulated.groups import CustomerGroup
from adapters.simulated.jumps import JumpDynamics
from adapters.simulated.outcomes import session_outcome, variance_index
from adapters.simulated.perpetual import PerpetualTruth, SimulatedPerpetuals, funding_rate
from adapters.simulated.perpetual_config import PerpetualMarketConfig, SimulatedPerpetual
from adapters.simulated.perpetual_feed import PerpetualFactory, PerpetualFeed
from adapters.simulated.scenarios import Fact, FactKind, FlowSurge, Scenario, Waypoint
from adapters.simulated.seasonality import DayShape, Seasonality
from adapters.simulated.tastes import Taste, Tastes, index_tastes
from adapters.simulated.truth import MarketTruth, Settlement

__all__ = [
    "CoinFactory",
    "CoinFeed",
    "CoinMarketConfig",
    "CoinTruth",
    "CustomerGroup",
    "CustomerMix",
    "DayShape",
    "Fact",
    "FactKind",
    "FlowSurge",
    "JumpDynamics",
    "MarketTruth",
    "PerpetualFactory",
    "PerpetualFeed",
    "PerpetualMarketConfig",
    "PerpetualTruth",
    "PrintMix",
    "Scenario",
    "ScenarioName",
    "Seasonality",
    "Settlement",
    "SimulatedCoin",
    "SimulatedCoins",
    "SimulatedFactory",
    "SimulatedFeed",
    "SimulatedMarket",
    "SimulatedMarketConfig",
    "SimulatedPerpetual",
    "SimulatedPerpetuals",
    "SimulatedSymbol",
    "Taste",
    "Tastes",
    "Waypoint",
    "coin_config",
    "demo_config",
    "exchange_config",
    "funding_rate",
    "index_tastes",
    "light_config",
    "realistic_config",
    "scenario_config",
    "session_outcome",
    "variance_index",
]
