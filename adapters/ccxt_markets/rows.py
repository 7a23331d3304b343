"""Rows of ccxt as messages: bars, trades and quotes with instants in ns and sizes in coins."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from adapters.ccxt_markets.terms import MarketKind, MarketTerms
from market.bars import BarBatch
from market.chains import FloatArray
from market.clock import iso_of_ns
from market.errors import DataError
from market.provenance import AsOfSource, Provenance
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["bar_batch", "best_of", "provenance_of", "quote_batch", "trade_batch", "trade_number"]

_MS: Final = 1_000_000
# Where the volume of a contract's bar was checked to be in coins; elsewhere it may be contracts or money.
_VOLUME_IN_COINS: Final = frozenset({"binance", "binanceusdm", "binancecoinm", "bybit", "deribit"})


def provenance_of(exchange_id: str, kind: str, *, simulated: bool, stamped: bool = True) -> Provenance:
    """Return where a message of an exchange comes from.

    Parameters
    ----------
    exchange_id : str
        As ccxt names it.
    kind : str
        What was asked for, such as ``bars``.
    simulated : bool
        Whether the exchange is an emulator of simulated data.
    stamped : bool
        Whether the exchange told the instant.
    """
    return Provenance(
        source=f"ccxt-{exchange_id}",
        origin=kind,
        simulated=simulated,
        as_of_source=AsOfSource.STAMPED if stamped else AsOfSource.RECEIVED,
    )


def bar_batch(
    terms: MarketTerms, rows: Sequence[Sequence[Any]], *, bar_ns: int, known_ns: int, simulated: bool
) -> BarBatch:
    """Build bars from rows of ``fetch_ohlcv``; a bar that has not ended is left out, a missing one stays missing.

    Parameters
    ----------
    terms : MarketTerms
        Whose bars.
    rows : sequence of (open instant in ms, open, high, low, close, volume)
        In any order; of rows with one instant the last stands.
    bar_ns : int
        Length of a bar, ns.
    known_ns : int
        Instant at which the rows were read, ns since the epoch, UTC.
    simulated : bool
        Mark for the provenance.

    Returns
    -------
    BarBatch
        In order of time; `vwap` and `n_trades` are NaN, for ccxt does not tell them.
    """
    table = _table(terms, rows, 6)
    start = table[:, 0].astype(np.int64) * _MS
    # The last of equal instants: reversed, so that `unique` finds it first.
    _, first = np.unique(start[::-1], return_index=True)
    keep = (start.shape[0] - 1 - first)[start[start.shape[0] - 1 - first] + bar_ns <= known_ns]
    start, table = start[keep], table[keep]
    n = keep.shape[0]
    volume = table[:, 5]
    if terms.kind is not MarketKind.SPOT and terms.exchange_id not in _VOLUME_IN_COINS:
        volume = np.full(n, np.nan)
    return BarBatch(
        symbol=terms.symbol,
        ts_event_ns=int(start[-1]) + bar_ns if n else known_ns,
        cause_id=_cause(terms, "bars", int(start[0]) if n else known_ns, n),
        provenance=provenance_of(terms.exchange_id, "bars", simulated=simulated),
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        start_ns=start,
        end_ns=start + bar_ns,
        open=table[:, 1].copy(),
        high=table[:, 2].copy(),
        low=table[:, 3].copy(),
        close=table[:, 4].copy(),
        volume=volume.copy(),
        vwap=np.full(n, np.nan),
        n_trades=np.full(n, np.nan),
    )


def trade_batch(terms: MarketTerms, rows: Sequence[Mapping[str, Any]], *, known_ns: int, simulated: bool) -> TradeBatch:
    """Build trades from structures of ``fetch_trades``, with the aggressor that the exchange tells.

    Parameters
    ----------
    terms : MarketTerms
        Whose trades.
    rows : sequence of mapping
        Structures of ccxt; a trade that stands twice under one id is taken once.
    known_ns : int
        Instant at which they were read, ns since the epoch, UTC.
    simulated : bool
        Mark for the provenance.

    Returns
    -------
    TradeBatch
        In order of time, then of the exchange's number; sizes in coins.
    """
    ids = [trade_number(row.get("id")) for row in rows]
    newest = {number: place for place, number in enumerate(ids) if number >= 0}
    whole = [i for i, row in enumerate(rows) if _is_trade(row)]
    if len(whole) < len(rows):
        _LOG.warning("%s %s: left out %d prints without time, price or size", *_named(terms), len(rows) - len(whole))
    fresh = [i for i in whole if ids[i] < 0 or newest[ids[i]] == i]
    order = sorted(fresh, key=lambda i: (int(rows[i]["timestamp"]), ids[i]))
    chosen = [rows[i] for i in order]
    price = np.array([float(row["price"]) for row in chosen], dtype=np.float64)
    amount = np.array([float(row["amount"]) for row in chosen], dtype=np.float64)
    ts_ns = _instants(chosen)
    n = len(chosen)
    return TradeBatch(
        symbol=terms.symbol,
        ts_event_ns=int(ts_ns[-1]) if n else known_ns,
        cause_id=_cause(terms, "trades", int(ts_ns[0]) if n else known_ns, n),
        provenance=provenance_of(terms.exchange_id, "trades", simulated=simulated),
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        ts_ns=ts_ns,
        trade_id=np.array([ids[i] for i in order], dtype=np.int64),
        price=price,
        size=terms.units(amount, price),
        flags=np.array([_flags(row.get("info") or {}) for row in chosen], dtype=np.uint8),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
        aggressor=np.array([_SIDES.get(str(row.get("side")), 0) for row in chosen], dtype=np.int8),
    )


def quote_batch(
    terms: MarketTerms, rows: Sequence[Mapping[str, Any]], *, known_ns: int | Int64Array, simulated: bool
) -> QuoteBatch:
    """Build best quotes from tickers; an instant that the exchange does not tell is that of receipt.

    Parameters
    ----------
    terms : MarketTerms
        Whose quotes.
    rows : sequence of mapping
        At least one, with ``bid``, ``ask``, ``bidVolume``, ``askVolume`` and ``timestamp``, each possibly None.
    known_ns : int or ndarray of int64, shape (n_rows,)
        Instant at which they, or each of them, were read, ns since the epoch, UTC.
    simulated : bool
        Mark for the provenance.

    Returns
    -------
    QuoteBatch
        Sizes in coins; NaN for a side or size that is not told.
    """
    stamped = all(row.get("timestamp") is not None for row in rows)
    n = len(rows)
    received = np.broadcast_to(np.asarray(known_ns, dtype=np.int64), (n,)).copy()
    ts_ns = _instants(rows) if stamped else received
    sides = {name: _floats(rows, name) for name in ("bid", "ask", "bidVolume", "askVolume")}
    return QuoteBatch(
        symbol=terms.symbol,
        ts_event_ns=int(ts_ns.max()),
        cause_id=_cause(terms, "quotes", int(ts_ns[0]), n),
        provenance=provenance_of(terms.exchange_id, "quotes", simulated=simulated, stamped=stamped),
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        ts_ns=ts_ns,
        bid=sides["bid"],
        ask=sides["ask"],
        bid_size=terms.units(sides["bidVolume"], sides["bid"]),
        ask_size=terms.units(sides["askVolume"], sides["ask"]),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
    )


def best_of(book: Mapping[str, Any]) -> dict[str, Any]:
    """Return the best bid and ask of an order book in the form of a ticker; None where a side is empty."""
    bid, ask = (next(iter(book[side]), (None, None)) for side in ("bids", "asks"))
    stamp = book.get("timestamp")
    return {"bid": bid[0], "bidVolume": bid[1], "ask": ask[0], "askVolume": ask[1], "timestamp": stamp}


_SIDES: Final = {"buy": 1, "sell": -1}
_LOG: Final = logging.getLogger(__name__)


def _named(terms: MarketTerms) -> tuple[str, str]:
    return terms.exchange_id, terms.symbol


def _is_trade(row: Mapping[str, Any]) -> bool:
    price, amount = (float(row.get(name) or 0.0) for name in ("price", "amount"))
    return row.get("timestamp") is not None and price > 0.0 and amount > 0.0


def _cause(terms: MarketTerms, kind: str, first_ns: int, n: int) -> str:
    return f"{terms.exchange_id}:{terms.symbol}:{kind}:{iso_of_ns(first_ns)}:{n}"


def _table(terms: MarketTerms, rows: Sequence[Sequence[Any]], width: int) -> FloatArray:
    try:
        found = np.array(
            [[math.nan if cell is None else float(cell) for cell in row[:width]] for row in rows], dtype=np.float64
        ).reshape(len(rows), width)
    except (TypeError, ValueError):
        raise DataError(
            f"bars of {terms.symbol} on {terms.exchange_id} are no table",
            found=str(rows[:1])[:100],
            expected=f"rows of {width} numbers",
        ) from None
    if not np.isfinite(found[:, 0]).all():
        raise DataError(f"a bar of {terms.symbol} on {terms.exchange_id} has no instant", expected="milliseconds")
    return found


def _instants(rows: Sequence[Mapping[str, Any]]) -> Int64Array:
    return np.array([int(row["timestamp"]) for row in rows], dtype=np.int64) * _MS


def _floats(rows: Sequence[Mapping[str, Any]], name: str) -> FloatArray:
    values = [row.get(name) for row in rows]
    return np.array([math.nan if value is None else float(value) for value in values], dtype=np.float64)


def trade_number(value: object) -> int:
    """Return an exchange's id of a trade as a number: its digits, or 63 bits of a digest; -1 where it has none."""
    if value is None or value == "":
        return -1
    text = str(value)
    digits = text.rpartition("-")[2] if text.count("-") == 1 else text
    if digits.isdigit() and int(digits) < 1 << 63:
        return int(digits)
    # Ids that are no number, such as UUIDs: 63 bits of a digest know a repeated print as well.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _flags(info: Mapping[str, Any]) -> int:
    flags = TradeFlag.NONE
    if info.get("isBlockTrade") is True or info.get("block_trade_id"):
        flags |= TradeFlag.OFF_EXCHANGE
    if info.get("combo_id") or info.get("combo_trade_id"):
        flags |= TradeFlag.COMPLEX
    return int(flags)
