"""One symbol's live state: one quote, one trade, a field on its cadence, and the memory of a day."""

from __future__ import annotations

import gc
import resource
import statistics
import time
import tracemalloc
from dataclasses import replace

import numpy as np

from benchmarks.bench_field import index_chain
from benchmarks.harness import Row
from fields.config import FieldConfig, PositionSource
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.chains import OptionChain
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch

__all__ = ["run"]

_CONTRACTS = 10_000
_EVENTS = 2_000
_MINUTES = 390
_MINUTE_NS = 60_000_000_000
_LIVE = LiveConfig(fields=FieldConfig(position_source=PositionSource.HYBRID, impact_return_per_usd=2e-13))


def _table(chain: OptionChain) -> ContractTable:
    return ContractTable(
        series=chain.series, series_index=chain.series_index, strike=chain.strike, is_call=chain.is_call
    )


def _quotes(chain: OptionChain, table: ContractTable, rows: Int64Array, ts_ns: int) -> QuoteBatch:
    n = rows.shape[0]
    return QuoteBatch(
        symbol=chain.symbol,
        ts_event_ns=ts_ns,
        cause_id="bench",
        provenance=chain.provenance,
        contracts=table,
        contract=rows.astype(np.int32),
        ts_ns=np.full(n, ts_ns),
        bid=chain.bid[rows],
        ask=chain.ask[rows],
        bid_size=np.full(n, 10.0),
        ask_size=np.full(n, 12.0),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
    )


def _trades(chain: OptionChain, table: ContractTable, rows: Int64Array, ts_ns: int) -> TradeBatch:
    n, own = rows.shape[0], rows == UNDERLYING
    return TradeBatch(
        symbol=chain.symbol,
        ts_event_ns=ts_ns,
        cause_id="bench",
        provenance=chain.provenance,
        contracts=table,
        contract=rows.astype(np.int32),
        ts_ns=np.full(n, ts_ns),
        trade_id=np.arange(n) + ts_ns % 1_000_000_007,
        price=np.where(own, chain.spot_last, chain.ask[rows]),
        size=np.ones(n),
        flags=np.zeros(n, dtype=np.uint8),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
        aggressor=np.zeros(n, dtype=np.int8),
    )


def _opened(chain: OptionChain) -> SymbolState:
    state = SymbolState(_LIVE)
    state.on_chain(chain)
    state.field()
    return state


def _single_events(chain: OptionChain, table: ContractTable) -> list[Row]:
    state, rng = _opened(chain), np.random.default_rng(1)
    rows = rng.integers(0, chain.n_contracts, _EVENTS)
    start_ns = chain.ts_event_ns
    quotes = [_quotes(chain, table, rows[i : i + 1], start_ns + 1_000 * i) for i in range(_EVENTS)]
    trades = [_trades(chain, table, rows[i : i + 1], start_ns + 1_000 * (_EVENTS + i)) for i in range(_EVENTS)]
    took: dict[str, list[int]] = {"quote": [], "trade": []}
    for quote in quotes:
        begun = time.perf_counter_ns()
        state.on_quotes(quote)
        took["quote"].append(time.perf_counter_ns() - begun)
    for trade in trades:
        begun = time.perf_counter_ns()
        state.on_trades(trade)
        took["trade"].append(time.perf_counter_ns() - begun)
    quote_us, trade_us = (statistics.median(took[name]) / 1e3 for name in ("quote", "trade"))
    reached = quote_us <= 50.0
    return [
        Row(name="live, one quote", size=_CONTRACTS, value=quote_us, unit="us", reach="<= 50", passed=reached),
        Row(name="live, one trade", size=_CONTRACTS, value=trade_us, unit="us"),
    ]


def _cadence(chain: OptionChain, table: ContractTable) -> Row:
    """Time a field after a second's quotes and trades, that is what a shard does each second."""
    state, rng, took = _opened(chain), np.random.default_rng(2), []
    for second in range(1, 41):
        ts_ns = chain.ts_event_ns + second * 1_000_000_000
        quotes = _quotes(chain, table, rng.integers(0, chain.n_contracts, 3_000), ts_ns - 2)
        trades = _trades(chain, table, rng.integers(-1, chain.n_contracts, 100), ts_ns)
        begun = time.perf_counter_ns()
        state.on_quotes(quotes)
        state.on_trades(trades)
        assert state.is_due
        state.field()
        took.append((time.perf_counter_ns() - begun) / 1e6)
    p95 = float(np.percentile(took[5:], 95))
    note = f"p50 {statistics.median(took[5:]):.1f} ms; 3 000 quotes and 100 trades before each"
    return Row(
        name="live, field on cadence, p95",
        size=_CONTRACTS,
        value=p95,
        unit="ms",
        reach="<= 25",
        passed=p95 <= 25.0,
        note=note,
    )


def _day_in_memory(chain: OptionChain, table: ContractTable) -> list[Row]:
    """Pass a whole session through a state: each minute 10 000 quotes and 500 trades."""
    gc.collect()
    tracemalloc.start()
    state, rng = _opened(chain), np.random.default_rng(3)
    begun = time.perf_counter()
    for minute in range(1, _MINUTES + 1):
        ts_ns = chain.ts_event_ns + minute * _MINUTE_NS
        state.on_quotes(_quotes(chain, table, np.arange(-1, chain.n_contracts), ts_ns - 2))
        state.on_trades(_trades(chain, table, rng.integers(-1, chain.n_contracts, 500), ts_ns - 1))
        if minute % 10 == 0:
            state.field()
    spent = time.perf_counter() - begun
    gc.collect()
    held_mb, peak_mb = (value / 1e6 for value in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    note = f"peak {peak_mb:.0f} MB with a field, whole process {whole:.0f} MB; {spent:.1f} s under the tracer"
    return [
        Row(
            name="live, held after a day of minutes",
            size=_CONTRACTS,
            value=held_mb,
            unit="MB",
            reach="<= 60",
            passed=held_mb <= 60.0,
            note=note,
        )
    ]


def run() -> list[Row]:
    """Run the benchmark."""
    chain = index_chain(_CONTRACTS, 40)
    # At the open, so that the day lies ahead.
    at_open = chain.ts_event_ns // (86_400 * 10**9) * 86_400 * 10**9 + 13 * 3_600 * 10**9 + 30 * _MINUTE_NS
    chain = replace(chain, ts_event_ns=at_open, quote_ts_ns=np.full(chain.n_contracts, at_open), spot_ts_ns=at_open)
    table = _table(chain)
    return [*_single_events(chain, table), _cadence(chain, table), *_day_in_memory(chain, table)]
