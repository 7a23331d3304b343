"""What the simulated market costs: a batch of many light symbols, and of a few index-like ones."""

from __future__ import annotations

import pickle
import statistics

from adapters.simulated import SimulatedFeed, SimulatedMarketConfig, demo_config, light_config
from benchmarks.harness import Row, interleaved_ns

__all__ = ["run"]

_REACH_MS = 0.2


def _feed(config: SimulatedMarketConfig) -> SimulatedFeed:
    feed = SimulatedFeed(config)
    feed.next_batch()
    return feed


def run() -> list[Row]:
    """Return the cost of a batch per symbol, of the whole batch, and of opening and rewinding a feed."""
    light, index = light_config(1_000), demo_config()
    feeds = {"light symbol of 100 contracts": _feed(light), "index-like symbol of 2 200 contracts": _feed(index)}
    times = interleaved_ns({name: feed.next_batch for name, feed in feeds.items()}, rounds=25)
    rows = []
    for name, feed in feeds.items():
        count, batch_ms = len(feed.symbols), statistics.median(times[name]) / 1e6
        rows.append(Row(name=f"batch of all: {name}", size=count, value=batch_ms, unit="ms"))
        if name.startswith("light"):
            each = batch_ms / count
            rows.append(
                Row(
                    name=f"step, quotes, trades and chain of a {name}",
                    size=count,
                    value=each,
                    unit="ms",
                    reach=f"<= {_REACH_MS:g}",
                    passed=each <= _REACH_MS,
                )
            )
    chain = feeds["light symbol of 100 contracts"].next_batch().chains[0]
    rows.append(Row(name="pickled light chain", size=1, value=len(pickle.dumps(chain, protocol=5)), unit="bytes"))
    feed = feeds["light symbol of 100 contracts"]
    back = interleaved_ns({"rewind": lambda: feed.rewind(feed.market.sequence - 1)}, rounds=15)["rewind"]
    rows.append(
        Row(
            name="rewind by one batch, 1 000 light symbols",
            size=1_000,
            value=statistics.median(back) / 1e6,
            unit="ms",
            note="restores a checkpoint of the last 64 batches and steps on",
        )
    )
    return rows
