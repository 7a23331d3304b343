"""One light symbol of many: processor time of a second of its life, part by part, and the memory of its state."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections import defaultdict

import numpy as np

from adapters.simulated import SimulatedFactory, light_config
from benchmarks.harness import Row
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.ports import MarketBatch

__all__ = ["run"]

_CONTRACTS = 100
_SYMBOLS = 5
_SECONDS = 200
_WARM = 20
_LIVE = LiveConfig()


def _batches(n_symbols: int, count: int) -> list[MarketBatch]:
    feed = SimulatedFactory(config=light_config(n_symbols, _CONTRACTS))()
    found = [feed.next_batch() for _ in range(count)]
    return [batch for batch in found if batch is not None]


def _second(batch: MarketBatch, states: dict[str, SymbolState], took: dict[str, int]) -> None:
    """Pass one batch as a shard does, and add what each part took, ns of processor time."""
    marks = [time.process_time_ns()]
    for chain in batch.chains:
        states[chain.symbol].on_chain(chain)
    marks.append(time.process_time_ns())
    for quotes in batch.quotes:
        states[quotes.symbol].on_quotes(quotes)
    marks.append(time.process_time_ns())
    for trades in batch.trades:
        states[trades.symbol].on_trades(trades)
    marks.append(time.process_time_ns())
    for state in states.values():
        assert state.is_due
        state.field()
    marks.append(time.process_time_ns())
    for name, begun, ended in zip(("chain", "quotes", "trades", "field"), marks, marks[1:], strict=False):
        took[name] += ended - begun
    took["second"] += marks[-1] - marks[0]


def _seconds() -> list[Row]:
    rounds: dict[str, list[float]] = defaultdict(list)
    states: dict[str, SymbolState] = defaultdict(lambda: SymbolState(_LIVE, perf_ns=time.perf_counter_ns))
    for number, batch in enumerate(_batches(_SYMBOLS, _WARM + _SECONDS)):
        took: dict[str, int] = defaultdict(int)
        _second(batch, states, took)
        for name, spent in took.items() if number >= _WARM else ():
            rounds[name].append(spent / _SYMBOLS / 1e3)
    note = "processor time of a chain, its quotes and trades, and the field after them"
    return [
        Row(
            name=f"light symbol, {'a second' if name == 'second' else name}",
            size=_CONTRACTS,
            value=float(np.median(spent)),
            unit="us",
            note=note if name == "second" else "",
        )
        for name, spent in rounds.items()
    ]


def _memory() -> list[Row]:
    """Measure what a state holds when it is new, and after a minute of its life."""
    count = 20
    batches = _batches(count, 60)
    gc.collect()
    tracemalloc.start()
    states = {chain.symbol: SymbolState(_LIVE) for chain in batches[0].chains}
    empty_kb = tracemalloc.get_traced_memory()[0] / count / 1e3
    for batch in batches:
        _second(batch, states, defaultdict(int))
    gc.collect()
    held_kb = tracemalloc.get_traced_memory()[0] / count / 1e3
    tracemalloc.stop()
    return [
        Row(name="light symbol, memory of a new state", size=_CONTRACTS, value=empty_kb, unit="kB"),
        Row(name="light symbol, memory after a minute", size=_CONTRACTS, value=held_kb, unit="kB"),
    ]


def run() -> list[Row]:
    """Run the benchmark."""
    return [*_seconds(), *_memory()]
