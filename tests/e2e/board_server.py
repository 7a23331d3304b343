"""The gateway with its page on a plain server, fed by the simulated market: the product without Ray."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace

import uvicorn
from pydantic import SecretStr

from actors.messages import Publication
from adapters.simulated import SimulatedFeed, demo_config
from fields.config import FieldConfig, PositionSource
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.clock import SystemClock
from serve.board import SnapshotBoard
from serve.config import GatewayConfig
from serve.gateway import Gateway, build_gateway

_LIVE = LiveConfig(
    fields=FieldConfig(position_source=PositionSource.HYBRID, impact_return_per_usd=2e-13, impact_source="assumed")
)


def build(token: str, interval_s: float = 0.5) -> Gateway:
    """Return the gateway, whose board a task fills from the simulated market."""
    feed = SimulatedFeed(replace(demo_config(), interval_s=interval_s))
    board = SnapshotBoard(feed.symbols, SystemClock(), 10.0)
    states: dict[str, SymbolState] = {}

    async def publish() -> None:
        while True:
            await asyncio.to_thread(_publish_batch, feed, board, states)
            await asyncio.sleep(interval_s)

    return build_gateway(board, GatewayConfig(token=SecretStr(token)), background=(publish,))


def _publish_batch(feed: SimulatedFeed, board: SnapshotBoard, states: dict[str, SymbolState]) -> None:
    received_ns = time.time_ns()
    batch = feed.next_batch()
    for chain in batch.chains:
        states.setdefault(chain.symbol, SymbolState(_LIVE, perf_ns=time.perf_counter_ns)).on_chain(chain)
    for quotes in batch.quotes:
        states[quotes.symbol].on_quotes(quotes)
    for trades in batch.trades:
        states[trades.symbol].on_trades(trades)
    for state in states.values():
        found = state.field()
        board.apply(
            Publication(
                snapshot=found.snapshot,
                live=found.live,
                batch_sequence=batch.sequence,
                received_ns=received_ns,
                published_ns=time.time_ns(),
                catching_up=False,
                shard="shard-0",
            )
        )


if __name__ == "__main__":
    uvicorn.run(build(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
