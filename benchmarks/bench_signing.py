"""Trade signing: the rule kernel, a history from end to end, and a stream, against vectorised NumPy.

Run ``python -m benchmarks.bench_signing``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date
from functools import partial

import numpy as np

from benchmarks.harness import Row, interleaved_ns, print_rows, ratio_row, time_row
from fields.signing.config import SigningConfig, probability_table
from fields.signing.rules import decide
from fields.signing.signer import TradeSigner, sign_trades
from fields.signing.steps import SigningRule, steps_of
from market.calendars import expiry_series
from market.chains import FloatArray
from market.instruments import product_of
from market.provenance import AsOfSource, Provenance
from market.trades import CONSOLIDATED, ContractTable, Int8Array, QuoteBatch, TradeBatch

__all__ = ["run"]

_Columns = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
_SESSION_NS = 23_400 * 1_000_000_000
_RULES = (SigningRule.LEE_READY, SigningRule.EMO, SigningRule.CLNV, SigningRule.STACKED_LIVE)
_FIGURE_NS = 20.0  # 50 million trades a second


def session(n_trades: int, n_quotes: int, n_contracts: int, seed: int = 3) -> tuple[TradeBatch, QuoteBatch]:
    """Return a made-up session in order of time: prices in cents in, at and beyond the quotes, small sizes."""
    rng = np.random.default_rng(seed)
    table = ContractTable(
        series=(expiry_series(product_of("SPXW"), date(2023, 6, 9)),),
        series_index=np.zeros(n_contracts, dtype=np.int32),
        strike=np.arange(n_contracts, dtype=np.float64) + 1000.0,
        is_call=np.ones(n_contracts, dtype=np.bool_),
    )
    level = rng.integers(200, 5_000, n_contracts)
    q_contract, t_contract = (rng.integers(0, n_contracts, n).astype(np.int32) for n in (n_quotes, n_trades))
    bid = level[q_contract] + rng.integers(-5, 6, n_quotes)
    common = {
        "symbol": "SPX",
        "ts_event_ns": _SESSION_NS,
        "cause_id": "bench",
        "provenance": Provenance(source="bench", origin="bench", simulated=True, as_of_source=AsOfSource.STAMPED),
        "contracts": table,
    }
    quotes = QuoteBatch(
        **common,  # type: ignore[arg-type]  # one dict of mixed values
        contract=q_contract,
        ts_ns=np.sort(rng.integers(0, _SESSION_NS, n_quotes)),
        bid=bid / 100.0,
        ask=(bid + rng.integers(1, 12, n_quotes)) / 100.0,
        bid_size=rng.integers(1, 50, n_quotes).astype(np.float64),
        ask_size=rng.integers(1, 50, n_quotes).astype(np.float64),
        venue=np.full(n_quotes, CONSOLIDATED, dtype=np.int16),
    )
    trades = TradeBatch(
        **common,  # type: ignore[arg-type]  # as above
        contract=t_contract,
        ts_ns=np.sort(rng.integers(0, _SESSION_NS, n_trades)),
        trade_id=np.arange(n_trades),
        price=(level[t_contract] + rng.integers(-5, 16, n_trades)) / 100.0,
        size=rng.integers(1, 50, n_trades).astype(np.float64),
        flags=np.zeros(n_trades, dtype=np.uint8),
        venue=np.full(n_trades, CONSOLIDATED, dtype=np.int16),
        aggressor=np.zeros(n_trades, dtype=np.int8),
    )
    return trades, quotes


def numpy_lee_ready(price: FloatArray, bid: FloatArray, ask: FloatArray, tick: Int8Array) -> Int8Array:
    """Return the Lee-Ready sign of trades whose quotes are known, with whole-array operations."""
    above = (price - bid) - (ask - price)
    tolerance = 1e-12 * (bid + ask)
    side = (above > tolerance).astype(np.int8) - (above < -tolerance).astype(np.int8)
    side[~((bid > 0.0) & (ask > bid))] = 0
    return np.where(side != 0, side, tick)


def numpy_history(trades: TradeBatch, quotes: QuoteBatch) -> Int8Array:
    """Return the Lee-Ready signs from end to end: match by one sorted key, tick by runs, nothing else looked at."""
    span = np.int64(_SESSION_NS + 1)
    q_key = quotes.contract * span + quotes.ts_ns
    q_order = np.argsort(q_key, kind="stable")
    found = np.searchsorted(q_key[q_order], trades.contract * span + trades.ts_ns, side="left") - 1
    at = q_order[np.maximum(found, 0)]
    known = (found >= 0) & (quotes.contract[at] == trades.contract)
    bid, ask = (np.where(known, column[at], np.nan) for column in (quotes.bid, quotes.ask))
    return numpy_lee_ready(trades.price, bid, ask, numpy_tick(trades))


def numpy_tick(trades: TradeBatch) -> Int8Array:
    """Return the sign against the last different price of the contract."""
    order = np.argsort(trades.contract, kind="stable")
    contract, price = trades.contract[order], trades.price[order]
    first = np.r_[True, contract[1:] != contract[:-1]]
    step = np.where(first, 0, np.sign(np.r_[0.0, np.diff(price)])).astype(np.int8)
    place = np.arange(price.shape[0])
    last = np.maximum.accumulate(np.where((step != 0) | first, place, 0))
    tick = np.empty_like(step)
    tick[order] = step[last]
    return tick


def _kernel_call(rule: SigningRule, trades: TradeBatch, quotes: _Columns, tick: Int8Array) -> partial[None]:
    n = trades.n_trades
    config = SigningConfig(rule=rule)
    outputs = np.empty(n, dtype=np.int8), np.empty(n, dtype=np.uint8), np.empty(n)
    return partial(
        decide, steps_of(rule, prefer_venue=True), config.outer_share, trades.price, trades.size, trades.aggressor,
        np.zeros(n, dtype=np.bool_), trades.flags, *quotes, *quotes, tick, probability_table(config), *outputs,
    )  # fmt: skip


def _rule_rows(n: int) -> list[Row]:
    trades, quotes = session(n, n, 1)
    columns = quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size
    tick = numpy_tick(trades)
    kernels = {rule: _kernel_call(rule, trades, columns, tick) for rule in _RULES}
    kernels[SigningRule.LEE_READY]()
    expected = numpy_lee_ready(trades.price, quotes.bid, quotes.ask, tick)
    assert np.array_equal(kernels[SigningRule.LEE_READY].args[-3], expected)
    calls: dict[str, Callable[[], object]] = {rule.value: call for rule, call in kernels.items()}
    calls["numpy"] = partial(numpy_lee_ready, trades.price, quotes.bid, quotes.ask, tick)
    times = interleaved_ns(calls, rounds=31, clock=time.thread_time_ns)
    rows = []
    for rule in _RULES:
        value = statistics.median(times[rule]) / n
        rows.append(
            Row(
                name=f"signing: rule kernel, {rule.value}",
                size=n,
                value=value,
                unit="ns/trade",
                reach=f"<= {_FIGURE_NS:g}",
                passed=value <= _FIGURE_NS,
                note=f"{1e3 / value:.0f} M trades/s",
            )
        )
    rows.append(time_row("signing: rule, vectorised NumPy, lee_ready", n, times["numpy"]))
    return [*rows, ratio_row("signing: rule, NumPy against the kernel", n, times["numpy"], times["lee_ready"])]


def _history_rows(n: int, n_contracts: int) -> list[Row]:
    trades, quotes = session(n, n, n_contracts)
    calls: dict[str, Callable[[], object]] = {"numpy": partial(numpy_history, trades, quotes)}
    for rule in (SigningRule.LEE_READY, SigningRule.STACKED):
        config = SigningConfig(rule=rule, max_quote_age_ns=_SESSION_NS)
        calls[rule] = partial(sign_trades, trades, quotes, config)
    signed = sign_trades(trades, quotes, SigningConfig(max_quote_age_ns=_SESSION_NS))
    assert np.array_equal(signed.aggressor, numpy_history(trades, quotes))
    times = interleaved_ns(calls, clock=time.thread_time_ns)
    name = f"signing: history, {n_contracts} contracts, a quote a trade"
    return [
        time_row(f"{name}, lee_ready", n, times["lee_ready"]),
        time_row(f"{name}, stacked", n, times["stacked"]),
        ratio_row("signing: history, NumPy against sign_trades", n, times["numpy"], times["lee_ready"]),
    ]


def _rows_of(batch: TradeBatch, first: int, stop: int) -> TradeBatch:
    """Return some rows of a batch."""
    names = ("contract", "ts_ns", "trade_id", "price", "size", "flags", "venue", "aggressor")
    common = (batch.symbol, batch.ts_event_ns, batch.cause_id, batch.provenance, batch.contracts)
    heads = dict(zip(("symbol", "ts_event_ns", "cause_id", "provenance", "contracts"), common, strict=True))
    return TradeBatch(**heads, **{name: getattr(batch, name)[first:stop] for name in names})  # type: ignore[arg-type]


def _stream_call(rule: SigningRule, quotes: QuoteBatch, pieces: list[TradeBatch]) -> Callable[[], None]:
    def feed() -> None:
        signer = TradeSigner(SigningConfig(rule=rule))
        signer.on_quotes(quotes)
        for piece in pieces:
            signer.on_trades(piece)

    return feed


def _stream_rows(n_calls: int = 500) -> list[Row]:
    rows = []
    for size in (1, 100):
        trades, quotes = session(n_calls * size, 10_000, 10_000)
        pieces = [_rows_of(trades, a, a + size) for a in range(0, n_calls * size, size)]
        calls: dict[str, Callable[[], object]] = {
            rule.value: _stream_call(rule, quotes, pieces) for rule in (SigningRule.LEE_READY, SigningRule.STACKED)
        }
        times = interleaved_ns(calls, clock=time.thread_time_ns)
        for rule, taken in times.items():
            value = statistics.median(taken) / n_calls / 1e3
            rows.append(
                Row(name=f"signing: stream, calls of {size} trades, {rule}", size=size, value=value, unit="us/call")
            )
    return rows


def run() -> list[Row]:
    """Return the rows of the result table."""
    return [
        *_rule_rows(100_000),
        *_rule_rows(1_000_000),
        *_history_rows(1_000_000, 100),
        *_history_rows(1_000_000, 10_000),
        *_stream_rows(),
    ]


if __name__ == "__main__":
    print_rows(run())
