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
from fields.compute import compute_field
from fields.config import FieldConfig
from market.clock import SystemClock
from serve.board import SnapshotBoard
from serve.config import GatewayConfig
from serve.gateway import Gateway, build_gateway

_FIELD = FieldConfig(impact_return_per_usd=2e-13, impact_source="assumed")


def build(token: str, interval_s: float = 0.5) -> Gateway:
    """Return the gateway, whose board a task fills from the simulated market."""
    feed = SimulatedFeed(replace(demo_config(), interval_s=interval_s))
    board = SnapshotBoard(feed.symbols, SystemClock(), 10.0)

    async def publish() -> None:
        while True:
            await asyncio.to_thread(_publish_batch, feed, board)
            await asyncio.sleep(interval_s)

    return build_gateway(board, GatewayConfig(token=SecretStr(token)), background=(publish,))


def _publish_batch(feed: SimulatedFeed, board: SnapshotBoard) -> None:
    received_ns = time.time_ns()
    batch = feed.next_batch()
    for chain in batch.chains:
        snapshot = compute_field(chain, _FIELD, perf_ns=time.perf_counter_ns)
        board.apply(
            Publication(
                snapshot=snapshot,
                batch_sequence=batch.sequence,
                received_ns=received_ns,
                published_ns=time.time_ns(),
                catching_up=False,
                shard="shard-0",
            )
        )


if __name__ == "__main__":
    uvicorn.run(build(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
