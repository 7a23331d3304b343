"""Trades and quotes for the tests of signing: by hand, at random, and slow references of every rule."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any, TypeVar

import numpy as np

from market.calendars import expiry_series
from market.instruments import product_of
from market.provenance import AsOfSource, Provenance
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch, TradeBatch

_Batch = TypeVar("_Batch", TradeBatch, QuoteBatch)
PROVENANCE = Provenance(source="hand", origin="tests", simulated=True, as_of_source=AsOfSource.STAMPED)
CONTRACTS = ContractTable(
    series=(expiry_series(product_of("SPXW"), date(2023, 6, 9)),),
    series_index=np.zeros(3, dtype=np.int32),
    strike=np.array([4000.0, 4100.0, 4000.0]),
    is_call=np.array([True, True, False]),
)


def trades_of(ts_ns: Any, price: Any, *, contracts: ContractTable = CONTRACTS, **columns: Any) -> TradeBatch:
    """Return a batch of trades; columns that are not given are plain prints of the underlying."""
    n = len(ts_ns)
    given = {
        "contract": np.full(n, UNDERLYING),
        "trade_id": np.full(n, -1),
        "size": np.ones(n),
        "flags": np.zeros(n),
        "venue": np.full(n, CONSOLIDATED),
        "aggressor": np.zeros(n),
    } | columns
    kinds = {
        "contract": np.int32,
        "trade_id": np.int64,
        "size": float,
        "flags": np.uint8,
        "venue": np.int16,
        "aggressor": np.int8,
    }
    return TradeBatch(
        symbol="SPX",
        ts_event_ns=max(map(int, ts_ns), default=0),
        cause_id="hand",
        provenance=PROVENANCE,
        contracts=contracts,
        ts_ns=np.asarray(ts_ns, dtype=np.int64),
        price=np.asarray(price, dtype=float),
        **{name: np.asarray(values, dtype=kinds[name]) for name, values in given.items()},
    )


def quotes_of(ts_ns: Any, bid: Any, ask: Any, *, contracts: ContractTable = CONTRACTS, **columns: Any) -> QuoteBatch:
    """Return a batch of quotes; columns that are not given are national quotes of the underlying."""
    n = len(ts_ns)
    given = {
        "contract": np.full(n, UNDERLYING),
        "venue": np.full(n, CONSOLIDATED),
        "bid_size": np.full(n, np.nan),
        "ask_size": np.full(n, np.nan),
    } | columns
    kinds = {"contract": np.int32, "venue": np.int16, "bid_size": float, "ask_size": float}
    return QuoteBatch(
        symbol="SPX",
        ts_event_ns=max(map(int, ts_ns), default=0),
        cause_id="hand",
        provenance=PROVENANCE,
        contracts=contracts,
        ts_ns=np.asarray(ts_ns, dtype=np.int64),
        bid=np.asarray(bid, dtype=float),
        ask=np.asarray(ask, dtype=float),
        **{name: np.asarray(values, dtype=kinds[name]) for name, values in given.items()},
    )


def rows_of(batch: _Batch, rows: Any) -> _Batch:
    """Return some rows of a batch, in the order given."""
    arrays = {
        item.name: getattr(batch, item.name)[rows]
        for item in fields(batch)
        if isinstance(getattr(batch, item.name), np.ndarray)
    }
    return replace(batch, **arrays)


def random_tape(
    rng: np.random.Generator, n_trades: int = 120, n_quotes: int = 160, *, orderly: bool = False
) -> tuple[TradeBatch, QuoteBatch]:
    """Return trades and quotes with everything that can go wrong: ties, locks, gaps, repeats and late rows.

    Instants lie so close that many coincide; prices are whole cents around one level, so that mids, locked and
    crossed quotes and equal sizes are common. An orderly tape has no late rows.
    """
    q_ns, t_ns = np.sort(rng.integers(0, 100, n_quotes)), np.sort(rng.integers(0, 100, n_trades))
    if not orderly:
        q_ns = q_ns - (rng.random(n_quotes) < 0.1) * rng.integers(0, 12, n_quotes)
        t_ns = t_ns - (rng.random(n_trades) < 0.1) * rng.integers(0, 12, n_trades)
    bid = rng.integers(95, 101, n_quotes)
    ask = bid + rng.integers(-1, 7, n_quotes)
    missing = rng.random((2, n_quotes)) < 0.05
    quotes = quotes_of(
        q_ns,
        np.where(missing[0], rng.choice([0.0, np.nan], n_quotes), bid / 100),
        np.where(missing[1], rng.choice([0.0, np.nan], n_quotes), ask / 100),
        contract=rng.integers(-1, 3, n_quotes),
        venue=rng.integers(-1, 2, n_quotes),
        bid_size=rng.integers(1, 4, n_quotes),
        ask_size=rng.integers(1, 4, n_quotes),
    )
    trades = trades_of(
        t_ns,
        rng.integers(95, 107, n_trades) / 100,
        contract=rng.integers(-1, 3, n_trades),
        trade_id=np.where(rng.random(n_trades) < 0.2, -1, rng.integers(0, 60, n_trades)),
        size=rng.integers(1, 4, n_trades),
        flags=np.where(rng.random(n_trades) < 0.3, rng.integers(0, 64, n_trades), 0),
        venue=rng.integers(-1, 3, n_trades),
        aggressor=np.where(rng.random(n_trades) < 0.2, rng.choice([-1, 1], n_trades), 0),
    )
    return trades, quotes
