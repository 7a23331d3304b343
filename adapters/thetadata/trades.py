"""Trades with the best quote that stood before each, as batches."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.thetadata.columns import CONTRACT_COLUMNS, contracts_of, instants_of
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TickDrop, TradeRows
from adapters.ticks.tables import numbers
from market.chains import FloatArray
from market.trades import CONSOLIDATED, QuoteBatch, TradeBatch, TradeFlag, select

__all__ = ["TRADE_QUOTE_COLUMNS", "flags_of", "trades_and_quotes"]

TRADE_QUOTE_COLUMNS: Final = (
    *CONTRACT_COLUMNS,
    *("trade_timestamp", "quote_timestamp", "sequence", "condition", "size", "exchange", "price"),
    *("bid_size", "bid", "ask_size", "ask"),
)
_EXTENSIONS: Final = tuple(f"ext_condition{i}" for i in range(1, 5))
_AUCTION: Final = TradeFlag.AUCTION
_COMPLEX: Final = TradeFlag.COMPLEX
_AWAY: Final = TradeFlag.OFF_EXCHANGE
# The terminal's numbers of the condition of a trade; a number that is not here says nothing special.
_FLAGS: Final[dict[int, TradeFlag]] = {
    **dict.fromkeys((2, 5, 6, 13, 15, 20), TradeFlag.OUT_OF_SEQUENCE),
    **dict.fromkeys((40, 41, 42, 43, 44), TradeFlag.CANCELLED),
    **dict.fromkeys((35, 36, 37, 38, 130, 134, 138, 141), _COMPLEX),
    **dict.fromkeys((125, 126), _AUCTION),
    **dict.fromkeys((127, 128, 129), _AWAY),  # crosses and the floor
    **dict.fromkeys((131, 135, 136, 142), _COMPLEX | _AUCTION),
    **dict.fromkeys((132, 133, 137, 139, 140, 143, 144), _COMPLEX | _AWAY),
}
_TABLE: Final = np.array([int(_FLAGS.get(code, TradeFlag.NONE)) for code in range(256)], dtype=np.uint8)


def flags_of(codes: FloatArray) -> NDArray[np.uint8]:
    """Return `TradeFlag` per code of the terminal; 0 where it is unknown or missing."""
    known = np.isfinite(codes) & (codes >= 0.0) & (codes < _TABLE.size)
    return _TABLE[np.where(known, codes, 0.0).astype(np.int64)] * known.astype(np.uint8)


def trades_and_quotes(table: pa.Table, symbol: str, tally: Tally, *, origin: str) -> tuple[QuoteBatch, TradeBatch]:
    """Split rows of trades and their quotes into two batches.

    Parameters
    ----------
    table : pyarrow.Table
        With `TRADE_QUOTE_COLUMNS`.
    symbol : str
        Underlying.
    tally : Tally
        Counts the rows: each holds a trade and a quote.
    origin : str
        File or path of the request, for the provenance.

    Returns
    -------
    QuoteBatch
        The quote that stood before each trade, once each, in order of time. One that is not older than its trade is
        left out and counted as late: it may already show what the trade did.
    TradeBatch
        In order of time, rows of one instant by the venue's sequence.
    """
    writer = RowWriter(symbol=symbol, source="thetadata-trade-quote", path=Path(origin))
    trade_ns, quote_ns = instants_of(table, "trade_timestamp"), instants_of(table, "quote_timestamp")
    sequence = np.nan_to_num(numbers(table, "sequence"), nan=-1.0).astype(np.int64)
    order = np.lexsort((sequence, trade_ns))
    table, trade_ns, quote_ns, sequence = table.take(pa.array(order)), trade_ns[order], quote_ns[order], sequence[order]
    contracts, contract, bad = contracts_of(table, trade_ns)
    flags = flags_of(numbers(table, "condition"))
    for name in _EXTENSIONS:
        if name in table.column_names:
            flags |= flags_of(numbers(table, name))
    trades = writer.trades(
        TradeRows(
            contract=contract,
            ts_ns=trade_ns,
            price=numbers(table, "price"),
            size=numbers(table, "size"),
            trade_id=sequence,
            flags=flags,
            venue=np.nan_to_num(numbers(table, "exchange"), nan=CONSOLIDATED).astype(np.int16),
        ),
        contracts,
        tally,
        {TickDrop.BAD_ROW: bad},
    )
    rows = np.lexsort((np.arange(quote_ns.size), quote_ns))
    quotes = QuoteRows(
        contract=contract[rows],
        ts_ns=quote_ns[rows],
        **{name: numbers(table, name)[rows] for name in ("bid", "ask", "bid_size", "ask_size")},
    )
    refused = {
        TickDrop.BAD_ROW: bad[rows],
        TickDrop.BAD_TIME: quote_ns[rows] <= 0,
        TickDrop.LATE: (quote_ns >= trade_ns)[rows],
    }
    return _once(writer.quotes(quotes, contracts, tally, refused)), trades


def _once(quotes: QuoteBatch) -> QuoteBatch:
    # Several trades against one quote repeat it.
    columns = (quotes.ask_size, quotes.bid_size, quotes.ask, quotes.bid, quotes.contract, quotes.ts_ns)
    order = np.lexsort(columns)
    fresh = np.zeros(order.size, dtype=np.bool_)
    fresh[:1] = True
    for column in columns:
        values = column[order]
        fresh[1:] |= values[1:] != values[:-1]
    return select(quotes, np.sort(order[fresh]))
