"""Small simulated markets for the tests."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from adapters.simulated import CustomerMix, SimulatedMarket, SimulatedMarketConfig, SimulatedSymbol, demo_config
from market.chains import OptionChain
from market.trades import QuoteBatch, TradeBatch

BUYERS = CustomerMix(overwriter=0.15, hedger=0.40, speculator=0.15, noise_buyer=0.17, noise_seller=0.13)


def index_symbol(**changes: object) -> SimulatedSymbol:
    """Return the demo's SIM.SPX with some settings changed."""
    return replace(demo_config().symbols[0], **changes)  # type: ignore[arg-type]  # names are the caller's


def one_symbol(symbol: SimulatedSymbol, *, seed: int = 3, step_s: float = 600.0) -> SimulatedMarketConfig:
    """Return a market of one symbol with long steps."""
    return SimulatedMarketConfig(symbols=(symbol,), seed=seed, step_s=step_s)


def two_symbols(*, seed: int = 3, step_s: float = 1_800.0) -> SimulatedMarketConfig:
    """Return SIM.SPX and SIM.IWM, thirteen batches a session."""
    symbols = demo_config().symbols
    return SimulatedMarketConfig(symbols=(symbols[0], symbols[3]), seed=seed, step_s=step_s)


def stepped(config: SimulatedMarketConfig, steps: int) -> SimulatedMarket:
    """Return a market after some steps."""
    market = SimulatedMarket(config)
    for _ in range(steps):
        market.step()
    return market


def next_session(market: SimulatedMarket) -> None:
    """Step to the first batch of the next session."""
    session = market.chains()[0].session
    while market.chains()[0].session == session:
        market.step()


def mids(chain: OptionChain) -> np.ndarray:
    """Return the midpoints, shape (n_contracts,)."""
    return 0.5 * (chain.bid + chain.ask)


def payload(message: OptionChain | QuoteBatch | TradeBatch) -> bytes:
    """Return every number of a message as bytes."""
    values = (getattr(message, item.name) for item in fields(message))
    return b"".join(np.asarray(value).tobytes() for value in values if isinstance(value, np.ndarray | int | float))
