"""Best quotes and trades of a crypto exchange, as recorded from its streams or in Parquet."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, final

import msgspec
import numpy as np
import pyarrow as pa

from adapters.chains.source import SourceFile, foreign_errors
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TickDrop, TradeRows, underlying
from adapters.ticks.tables import CHUNK_ROWS, numbers, pieces
from market.errors import DataError
from market.provenance import AsOfSource
from market.trades import ContractTable, QuoteBatch, TradeBatch

__all__ = ["StreamRecording", "StreamTable"]

_LONGEST_LINE: Final = 4 * 1024 * 1024  # a first snapshot of the book has 100 KB
_LARGEST: Final = 64 * 1024**3  # read in pieces: this stops a bomb, not a day
_QUOTE_COLUMNS = ("local_ts_ns", "bid", "bid_qty", "ask", "ask_qty")
_TRADE_COLUMNS = ("local_ts_ns", "trade_id", "price", "qty", "aggressor")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTable:
    """Best quotes or trades in Parquet, stamped by the recorder.

    Parameters
    ----------
    source : SourceFile
        The file.
    symbol : str
        Pair.
    is_quote : bool
        Best quotes, or trades.
    """

    source: SourceFile
    symbol: str
    is_quote: bool

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return "crypto-book-ticker" if self.is_quote else "crypto-trades"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the rows in order of receipt."""
        writer = RowWriter(symbol=self.symbol, source=self.format, path=self.path, as_of=AsOfSource.RECEIVED)
        for piece in pieces(self.source, _QUOTE_COLUMNS if self.is_quote else _TRADE_COLUMNS):
            with foreign_errors(self.path, what="the rows cannot be read"):
                rows = _quote_rows(piece) if self.is_quote else _trade_rows(piece)
                yield (_written(rows, writer, tally),)


def _integers(piece: pa.Table, name: str) -> Any:
    return piece[name].cast(pa.int64()).fill_null(-1).to_numpy()


def _quote_rows(piece: pa.Table) -> QuoteRows:
    bid, bid_size, ask, ask_size = (numbers(piece, name) for name in _QUOTE_COLUMNS[1:])
    return QuoteRows(
        contract=underlying(piece.num_rows),
        ts_ns=_integers(piece, "local_ts_ns"),
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
    )


def _trade_rows(piece: pa.Table) -> TradeRows:
    return TradeRows(
        contract=underlying(piece.num_rows),
        ts_ns=_integers(piece, "local_ts_ns"),
        trade_id=_integers(piece, "trade_id"),
        price=numbers(piece, "price"),
        size=numbers(piece, "qty"),
        aggressor=np.sign(np.nan_to_num(numbers(piece, "aggressor"))).astype(np.int8),
    )


def _written(rows: QuoteRows | TradeRows, writer: RowWriter, tally: Tally) -> QuoteBatch | TradeBatch:
    if isinstance(rows, QuoteRows):
        return writer.quotes(rows, ContractTable.empty(), tally, {})
    return writer.trades(rows, ContractTable.empty(), tally, {})


class _Data(msgspec.Struct):
    e: str = ""
    t: int | None = None
    p: str | None = None
    q: str | None = None
    m: bool | None = None
    b: Any = None
    B: str | None = None
    a: Any = None
    A: str | None = None


class _Line(msgspec.Struct):
    stream: str = ""
    data: _Data | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecording:
    """Lines ``RECEIVED_NS {"stream": ..., "data": ...}``, plain or gzip-compressed.

    Parameters
    ----------
    source : SourceFile
        The file.
    symbol : str
        Pair.
    """

    source: SourceFile
    symbol: str

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return "crypto-streams"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the lines in order of receipt; depth is passed over and counted.

        Parameters
        ----------
        tally : Tally
            Counts what is read and what is left out.

        Yields
        ------
        tuple of QuoteBatch or TradeBatch
            What stood next to each other in the file.
        """
        writer = RowWriter(symbol=self.symbol, source=self.format, path=self.path, as_of=AsOfSource.RECEIVED)
        quotes: list[tuple[Any, ...]] = []
        trades: list[tuple[Any, ...]] = []
        for line in self.lines():
            reason = _sorted_in(line, self.symbol, quotes, trades)
            if reason is not None:
                tally.read += 1
                tally.drop(reason, 1)
            if len(quotes) + len(trades) >= CHUNK_ROWS:
                yield _flushed(quotes, trades, writer, tally)
                quotes, trades = [], []
        yield _flushed(quotes, trades, writer, tally)

    def lines(self) -> Iterator[bytes]:
        """Read the lines as they stand; empty ones are left out."""
        with foreign_errors(self.path, what="the recording cannot be decompressed"), self.path.open("rb") as raw:
            stream: BinaryIO = raw
            if self.source.compressed:
                stream = io.BufferedReader(gzip.GzipFile(fileobj=raw))
            total = 0
            while line := stream.readline(_LONGEST_LINE):
                total += len(line)
                if total > _LARGEST or (len(line) == _LONGEST_LINE and not line.endswith(b"\n")):
                    raise DataError(
                        "the recording is not one of lines",
                        path=str(self.path),
                        found=f"a line of {len(line)} bytes or more, after {total} bytes",
                        expected=f"lines of at most {_LONGEST_LINE} bytes, {_LARGEST} bytes in all",
                        action="fetch the recording again",
                    )
                if line.strip():
                    yield line
        self.source.check_unchanged()


_DECODER: Final = msgspec.json.Decoder(_Line)


def _sorted_in(
    line: bytes, symbol: str, quotes: list[tuple[Any, ...]], trades: list[tuple[Any, ...]]
) -> TickDrop | None:
    stamp, _, body = line.partition(b" ")
    try:
        ts_ns, found = int(stamp), _DECODER.decode(body)
        if not 0 < ts_ns < 1 << 62:
            return TickDrop.BAD_TIME
        data = found.data
        if data is None or not found.stream.endswith(("@trade", "@bookTicker")):
            return TickDrop.NO_TICK
        if found.stream.partition("@")[0].upper() != symbol:
            return TickDrop.BAD_ROW
        if found.stream.endswith("@trade"):
            if data.m is None or data.p is None or data.q is None:
                return TickDrop.BAD_ROW
            # The buyer was the maker: the seller crossed the spread.
            trades.append((ts_ns, -1 if data.t is None else data.t, float(data.p), float(data.q), -1 if data.m else 1))
        else:
            quotes.append((ts_ns, float(data.b), float(data.B or "nan"), float(data.a), float(data.A or "nan")))
    except (ValueError, TypeError, OverflowError, msgspec.MsgspecError):
        return TickDrop.BAD_ROW
    return None


def _flushed(
    quotes: list[tuple[Any, ...]], trades: list[tuple[Any, ...]], writer: RowWriter, tally: Tally
) -> tuple[QuoteBatch | TradeBatch, ...]:
    found: list[QuoteBatch | TradeBatch] = []
    if quotes:
        ts, bid, bid_size, ask, ask_size = zip(*quotes, strict=True)
        rows = QuoteRows(
            contract=underlying(len(quotes)),
            ts_ns=np.array(ts, dtype=np.int64),
            bid=np.array(bid),
            ask=np.array(ask),
            bid_size=np.array(bid_size),
            ask_size=np.array(ask_size),
        )
        found.append(_written(rows, writer, tally))
    if trades:
        ts, ids, price, size, aggressor = zip(*trades, strict=True)
        printed = TradeRows(
            contract=underlying(len(trades)),
            ts_ns=np.array(ts, dtype=np.int64),
            trade_id=np.array(ids, dtype=np.int64),
            price=np.array(price),
            size=np.array(size),
            aggressor=np.array(aggressor, dtype=np.int8),
        )
        found.append(_written(printed, writer, tally))
    return tuple(found)
