"""Ticks of a US share: one-sided quotes become the national best quote, condition codes become flags.

The publisher keeps the rows at which the national best bid or offer changes, with the exchange that makes it. So the
newest bid and the newest ask together are the best quote, whatever exchange they name: on the real files they never
cross and bracket the trades, while the best over exchanges of such rows is crossed nearly always.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.chains.source import SourceFile, foreign_errors
from adapters.ticks.bars import outside_session
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TickDrop, TradeRows, underlying
from adapters.ticks.tables import eastern_midnight_ns, numbers, pieces, words
from market.chains import BoolArray, FloatArray
from market.trades import ContractTable, Int64Array, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["TickTable"]

_MS: Final = 1_000_000
_DAY_MS: Final = 86_400_000
_QUOTE_COLUMNS = ("ms", "bid", "bid_size", "ask", "ask_size", "exchange", "suspicious")
_TRADE_COLUMNS = ("ms", "price", "size", "exchange", "condition", "suspicious")
_OTHER_VENUE: Final = 26  # no letter
_OFF_EXCHANGE = "D"  # the reporting facility of dealers and dark pools
# Bits of the publisher's condition codes. An official open or close repeats the auction's print.
_AUCTION: Final = 0x40 | 0x80 | 0x100 | 0x20_0000 | 0x100_0000 | 0x400_0000
# Sold, out of sequence, derivatively or average priced, at a prior reference price: not a price of that instant.
_OUT_OF_SEQUENCE: Final = 0x200 | 0x800 | 0x4000 | 0x10_0000 | 0x200_0000


class _Newest:
    """The newest bid and ask, carried from piece to piece."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, float]] = {}

    def carried(self, side: str, price: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return price and size of a side after each row; a row that does not tell this side leaves it as it was."""
        newest = np.maximum.accumulate(np.where(price > 0.0, np.arange(1, price.size + 1), 0))
        held_price, held_size = self._held.get(side, (np.nan, 0.0))
        prices, sizes = np.concatenate(([held_price], price))[newest], np.concatenate(([held_size], size))[newest]
        if price.size:
            self._held[side] = float(prices[-1]), float(sizes[-1])
        return prices, sizes


def _numbered(letters: NDArray[np.str_]) -> NDArray[np.int16]:
    """Return the number of each row's exchange: its letter's place in the alphabet, so that files agree."""
    found, code = np.unique(letters, return_inverse=True)
    places = [
        ord(text) - ord("A") if len(text) == 1 and "A" <= text <= "Z" else _OTHER_VENUE for text in found.tolist()
    ]
    return np.array(places, dtype=np.int16)[code.reshape(-1)]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TickTable:
    """Quotes or trades of one share on one day, in Parquet, milliseconds after midnight in New York.

    Parameters
    ----------
    source : SourceFile
        The file.
    symbol : str
        The share.
    day : datetime.date
        Trading day.
    is_quote : bool
        Quotes, or trades.
    calendar : str or None
        Leave out what lies outside the regular sessions of this calendar.
    """

    source: SourceFile
    symbol: str
    day: date
    is_quote: bool
    calendar: str | None = None

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return "exchange-quote-ticks" if self.is_quote else "exchange-trade-ticks"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the ticks in order of time; each quote row gives the national best quote after it."""
        writer = RowWriter(symbol=self.symbol, source=self.format, path=self.path)
        newest, midnight = _Newest(), eastern_midnight_ns(self.day)
        for piece in pieces(self.source, _QUOTE_COLUMNS if self.is_quote else _TRADE_COLUMNS, by="ms"):
            with foreign_errors(self.path, what="the ticks cannot be read"):
                ms = numbers(piece, "ms")
                in_day = (ms >= 0.0) & (ms < _DAY_MS)
                ts_ns = np.where(in_day, midnight + np.where(in_day, ms, 0.0).astype(np.int64) * _MS, 0)
                refused = {TickDrop.SUSPICIOUS: numbers(piece, "suspicious") != 0.0}
                if self.calendar is not None:
                    refused[TickDrop.OUTSIDE_SESSION] = outside_session(ts_ns, self.calendar)
                if self.is_quote:
                    yield (self._quotes(piece, ts_ns, newest, writer, tally, refused),)
                else:
                    yield (self._trades(piece, ts_ns, writer, tally, refused),)

    def _quotes(  # what a piece needs to become a batch
        self,
        piece: pa.Table,
        ts_ns: Int64Array,
        newest: _Newest,
        writer: RowWriter,
        tally: Tally,
        refused: dict[TickDrop, BoolArray],
    ) -> QuoteBatch:
        prices = {side: numbers(piece, side) for side in ("bid", "ask")}
        sizes = {side: numbers(piece, f"{side}_size") for side in ("bid", "ask")}
        bad = ~np.isfinite(prices["bid"] + prices["ask"]) | (np.minimum(prices["bid"], prices["ask"]) < 0.0)
        refused = {
            **refused,
            TickDrop.BAD_PRICE: bad | ((prices["bid"] == 0.0) & (prices["ask"] == 0.0)),
            TickDrop.BAD_SIZE: ~(np.minimum(sizes["bid"], sizes["ask"]) >= 0.0),
        }
        usable = ~np.logical_or.reduce([refused[TickDrop.SUSPICIOUS], bad, refused[TickDrop.BAD_SIZE]])
        best = {side: newest.carried(side, np.where(usable, prices[side], 0.0), sizes[side]) for side in ("bid", "ask")}
        rows = QuoteRows(
            contract=underlying(ts_ns.size),
            ts_ns=ts_ns,
            bid=best["bid"][0],
            ask=best["ask"][0],
            bid_size=best["bid"][1],
            ask_size=best["ask"][1],
        )
        return writer.quotes(rows, ContractTable.empty(), tally, refused)

    def _trades(  # as for quotes
        self,
        piece: pa.Table,
        ts_ns: Int64Array,
        writer: RowWriter,
        tally: Tally,
        refused: dict[TickDrop, BoolArray],
    ) -> TradeBatch:
        letters = words(piece, "exchange")
        codes, bad = _codes(words(piece, "condition"))
        flags = np.where(codes & _AUCTION, int(TradeFlag.AUCTION), 0)
        flags |= np.where(codes & _OUT_OF_SEQUENCE, int(TradeFlag.OUT_OF_SEQUENCE), 0)
        flags |= np.where(letters == _OFF_EXCHANGE, int(TradeFlag.OFF_EXCHANGE), 0)
        rows = TradeRows(
            contract=underlying(ts_ns.size),
            ts_ns=ts_ns,
            price=numbers(piece, "price"),
            size=numbers(piece, "size"),
            flags=flags.astype(np.uint8),
            venue=_numbered(letters),
        )
        return writer.trades(rows, ContractTable.empty(), tally, {TickDrop.BAD_ROW: bad, **refused})


def _codes(texts: NDArray[np.str_]) -> tuple[Int64Array, BoolArray]:
    distinct, place = np.unique(texts, return_inverse=True)
    values, bad = np.zeros(distinct.size, dtype=np.int64), np.zeros(distinct.size, dtype=np.bool_)
    for n, text in enumerate(distinct.tolist()):
        digits = text.strip().lower()
        bad[n] = bool(digits) and (len(digits) > 8 or not set(digits) <= set("0123456789abcdef"))
        values[n] = 0 if bad[n] or not digits else int(digits, 16)
    return values[place.reshape(-1)], bad[place.reshape(-1)]
