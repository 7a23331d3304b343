"""What the gate of live quality checks costs per chain: run with ``python -m benchmarks quality``."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import numpy as np

from adapters.quality.gate import GatedFeed
from adapters.simulated import SimulatedFeed
from adapters.simulated.catalogue import named_market
from benchmarks.harness import Row, interleaved_ns, print_rows
from market.ports import MarketBatch

__all__ = ["run"]

_CHAIN_MS = 3.0
_N_CHAINS = 8
_MINUTE_NS = 60_000_000_000


class _Played:
    """The same few batches again and again, at rising instants."""

    symbols = ("SIM.SPX",)

    def __init__(self, batches: list[MarketBatch]) -> None:
        self._batches, self._n = batches, 0

    def next_batch(self) -> MarketBatch:
        """Return the next batch."""
        batch = self._batches[self._n % len(self._batches)]
        self._n += 1
        instant_ns = batch.ts_event_ns + self._n * _MINUTE_NS
        chains = tuple(
            replace(
                chain,
                ts_event_ns=instant_ns,
                quote_ts_ns=np.full(chain.n_contracts, instant_ns),
                provenance=replace(chain.provenance, quality=None),
            )
            for chain in batch.chains
        )
        return replace(batch, ts_event_ns=instant_ns, chains=chains)

    def delay_s(self) -> float:
        """Return no delay."""
        return 0.0

    def rewind(self, sequence: int) -> None:
        """Continue after a batch."""
        self._n = sequence + 1


def run() -> list[Row]:
    """Return the rows of the gate."""
    market = named_market("demo", interval_s=0.0)
    symbol = replace(market.symbols[0], n_daily=20, n_weekly=20, n_monthly=20, strikes_each=84)
    feed = SimulatedFeed(replace(market, symbols=(symbol,)))
    batches = [replace(feed.next_batch(), quotes=(), trades=()) for _ in range(_N_CHAINS)]
    size = batches[0].chains[0].n_contracts
    plain, gated = _Played(batches), GatedFeed(_Played(batches))
    # One thread does the work: its own time leaves out what other processes take.
    times = interleaved_ns({"plain": plain.next_batch, "gated": gated.next_batch}, clock=time.thread_time_ns)
    cost = [after - before for before, after in zip(times["plain"], times["gated"], strict=True)]
    value = statistics.median(cost) / 1e6
    return [
        Row(
            name="quality gate, one chain",
            size=size,
            value=value,
            unit="ms",
            reach=f"<= {_CHAIN_MS:g}",
            passed=value <= _CHAIN_MS,
        )
    ]


if __name__ == "__main__":
    print_rows(run())
