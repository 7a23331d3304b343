"""The first minutes of a simulated session, and ways to tell them to a state."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from adapters.simulated import SimulatedFeed, demo_config
from fields.config import FieldConfig, PositionSource
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.chains import OptionChain
from market.ports import MarketBatch
from market.trades import QuoteBatch, TradeBatch

SYMBOL = "SIM.IWM"
HYBRID = LiveConfig(fields=FieldConfig(position_source=PositionSource.HYBRID, impact_return_per_usd=1e-12))


@lru_cache(maxsize=1)
def session_start() -> tuple[MarketBatch, ...]:
    """Return the first minutes of a simulated session, twenty seconds a step."""
    feed = SimulatedFeed(replace(demo_config(), step_s=20.0))
    return tuple(feed.next_batch() for _ in range(14))


def of_symbol(batch: MarketBatch) -> tuple[list[QuoteBatch], list[TradeBatch], list[OptionChain]]:
    """Return one symbol's part of a batch."""
    return (
        [quotes for quotes in batch.quotes if quotes.symbol == SYMBOL],
        [trades for trades in batch.trades if trades.symbol == SYMBOL],
        [chain for chain in batch.chains if chain.symbol == SYMBOL],
    )


def feed_into(state: SymbolState, batches: tuple[MarketBatch, ...], *, chains: bool = False) -> None:
    """Give a state its first chain, then quotes and trades of each batch, with the later chains where asked."""
    for batch in batches:
        quotes, trades, whole = of_symbol(batch)
        if batch.sequence == 0:
            state.on_chain(whole[0])
        for quote in quotes:
            state.on_quotes(quote)
        for trade in trades:
            state.on_trades(trade)
        if chains and batch.sequence:
            state.on_chain(whole[0])


def opened(config: LiveConfig = HYBRID) -> SymbolState:
    """Return a state that has heard the first minutes."""
    state = SymbolState(config)
    feed_into(state, session_start())
    return state
