"""What the simulated market costs: a batch of many light symbols, and of a few index-like ones."""

from __future__ import annotations

import pickle
import statistics
import time
from dataclasses import replace

from adapters.simulated import (
    CoinFeed,
    ScenarioName,
    SimulatedFeed,
    SimulatedMarketConfig,
    demo_config,
    exchange_config,
    light_config,
    realistic_config,
    scenario_config,
)
from benchmarks.harness import Row, interleaved_ns

__all__ = ["run"]

_REACH_MS = 0.2
_DAY_REACH_S = 5.0
_MINUTES_A_DAY, _COIN_REACH_S = 1_440, 10.0
_MINUTES = 390
_STRIKES = 44  # of each of 23 expirations: 2 024 contracts
_DAYS = {
    "plain": SimulatedMarketConfig(symbols=demo_config().symbols[:1], step_s=60.0),
    "jumps and the shape of a day": realistic_config(),
    "flash crash": scenario_config(ScenarioName.FLASH_CRASH),
}


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
    return [*rows, *(_day(name, config) for name, config in _DAYS.items()), _day_of_a_coin()]


def _day(name: str, config: SimulatedMarketConfig) -> Row:
    feed = _feed(replace(config, symbols=(replace(config.symbols[0], strikes_each=_STRIKES),)))
    contracts = feed.market.chains()[0].n_contracts
    start = time.perf_counter()
    for _ in range(_MINUTES):
        feed.next_batch()
    seconds = time.perf_counter() - start
    return Row(
        name=f"trading day of minute chains: {name}",
        size=contracts,
        value=seconds,
        unit="s",
        reach=f"<= {_DAY_REACH_S:g}",
        passed=seconds <= _DAY_REACH_S,
        note=f"{_MINUTES} batches, each with a whole chain, quotes and trades",
    )


def _day_of_a_coin() -> Row:
    feed = CoinFeed(exchange_config("deribit", ("BTC",)))
    contracts = feed.next_batch().chains[0].n_contracts
    start, used = time.perf_counter(), time.process_time()
    for _ in range(_MINUTES_A_DAY):
        feed.next_batch()
    seconds, used = time.perf_counter() - start, time.process_time() - used
    return Row(
        name="24 hours of minute chains of a coin",
        size=contracts,
        value=seconds,
        unit="s",
        reach=f"<= {_COIN_REACH_S:g}",
        passed=seconds <= _COIN_REACH_S,
        note=f"{used:.1f} s of processor time; {_MINUTES_A_DAY} batches, chain, trades, book, bar and funding in each",
    )
