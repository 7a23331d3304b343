"""Frames of Alpaca's streams, written from templates: a record is bytes of which only instant and numbers change.

A venue tells tens of thousands of quotes a second; dictionaries and an encoder would cost it a processor.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from adapters.emulated.alpaca_records import (
    OPTION_VENUES,
    STOCK_VENUES,
    TAKERS,
    Tape,
    occ_symbols,
    option_condition,
    stock_conditions,
)
from market.ports import MarketBatch
from market.trades import UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch

__all__ = ["FrameWriter", "Records"]

# Values that no record holds; where they stand in a template, the true ones are written.
_STAMP: Final = struct.pack(">Q", 0xFEDC_BA98_7654_3210)
_NUMBERS: Final = tuple(-(1.5 + place) * 2.0**-1000 for place in range(4))
_TRADE_ID: Final = -0x0123_4567_89AB_CDEF
_EIGHT: Final = np.arange(8)
_QUOTE_LETTERS: Final[dict[Tape, dict[str, Any]]] = {
    Tape.STOCKS: {"bx": "Q", "ax": "Q", "c": ["R"], "z": "B"},
    Tape.OPTIONS: {"bx": "Q", "ax": "Q", "c": "A"},
    Tape.COINS: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """Bytes of a record, and where its values of eight bytes belong."""

    record: bytes
    places: tuple[int, ...]


def _template(record: dict[str, Any], values: Sequence[bytes]) -> _Template:
    written = msgspec.msgpack.encode(record)
    return _Template(record=written, places=tuple(written.index(value) for value in values))


def _quote_template(name: str, tape: Tape) -> _Template:
    bid, ask, bid_size, ask_size = _NUMBERS
    record: dict[str, Any] = {"T": "q", "S": name, "t": msgspec.msgpack.Ext(-1, _STAMP), "bp": bid, "bs": bid_size}
    record |= {"ap": ask, "as": ask_size} | _QUOTE_LETTERS[tape]
    return _template(record, [_STAMP, *(struct.pack(">d", number) for number in _NUMBERS)])


def _trade_template(name: str, venue: int, flags: int, aggressor: int, tape: Tape) -> _Template:
    price, size = _NUMBERS[:2]
    record = {"T": "t", "S": name, "t": msgspec.msgpack.Ext(-1, _STAMP), "p": price, "s": size}
    values = [_STAMP, *(struct.pack(">d", number) for number in (price, size))]
    if tape is Tape.OPTIONS:
        return _template(record | {"x": OPTION_VENUES[venue % 16], "c": option_condition(flags)}, values)
    record["i"] = _TRADE_ID
    if tape is Tape.STOCKS:
        record |= {"x": STOCK_VENUES[venue % 16], "z": "B", "c": stock_conditions(flags)}
    elif aggressor:
        record["tks"] = TAKERS[aggressor]
    return _template(record, [*values, struct.pack(">q", _TRADE_ID)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Records one after the other.

    Parameters
    ----------
    block : bytes
        All of them.
    starts : ndarray of int64, shape (n_records + 1,)
        Where each begins, and the end.
    """

    block: bytes
    starts: Int64Array

    def __len__(self) -> int:
        return int(self.starts.shape[0]) - 1

    def frame(self, rows: Sequence[int]) -> bytes:
        """Return some records, in any order and any number of times, as one msgpack frame."""
        if isinstance(rows, range) and rows.step == 1:
            body = self.block[self.starts[rows.start] : self.starts[rows.stop]]
        else:
            bounds = self.starts.tolist()
            body = b"".join([self.block[bounds[row] : bounds[row + 1]] for row in rows])
        return b"\xdd" + struct.pack(">I", len(rows)) + body


@final
class FrameWriter:
    """Writes what one stream has subscribed.

    Parameters
    ----------
    tape : Tape
        What the stream tells; coins are the underlyings with a stroke in their names, such as ``BTC/USD``.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._names: dict[str, tuple[ContractTable, list[str]]] = {}
        self._quotes: dict[str, _Template] = {}
        self._trades: dict[tuple[str, int, int, int], _Template] = {}

    def write(self, batch: MarketBatch, wanted: dict[str, set[str]]) -> Records:
        """Return the records of a batch.

        Parameters
        ----------
        batch : MarketBatch
            The market's.
        wanted : dict of str to set of str
            Symbols by channel, ``quotes`` and ``trades``; ``*`` for all.

        Returns
        -------
        Records
            Quotes before the trades that meet them, as the feed's own batches mean it.
        """
        parts = [self._quote_records(quotes, wanted["quotes"]) for quotes in batch.quotes]
        parts += [self._trade_records(trades, wanted["trades"]) for trades in batch.trades]
        parts = [part for part in parts if len(part)]
        if len(parts) == 1:
            return parts[0]
        lengths = [np.diff(part.starts) for part in parts]
        starts = np.append(0, np.cumsum(np.concatenate([np.zeros(0, dtype=np.int64), *lengths])))
        return Records(block=b"".join(part.block for part in parts), starts=starts)

    def _chosen(self, batch: QuoteBatch | TradeBatch, wanted: set[str]) -> tuple[list[str], Int64Array]:
        """Return the names of the contracts, the underlying's last, and the rows that are wanted."""
        rows = np.flatnonzero((batch.contract != UNDERLYING) == (self._tape is Tape.OPTIONS))
        is_told = ("/" in batch.symbol) is (self._tape is Tape.COINS)
        if not (wanted and rows.size and is_told):
            return [], rows[:0]
        known = self._names.get(batch.symbol)
        if known is None or known[0] is not batch.contracts:
            known = self._names[batch.symbol] = batch.contracts, [*occ_symbols(batch.contracts), batch.symbol]
        names = known[1]
        if "*" not in wanted:
            heard = np.fromiter((name in wanted for name in names), np.bool_, len(names))
            rows = rows[heard[batch.contract[rows]]]
        return names, rows

    def _quote_records(self, quotes: QuoteBatch, wanted: set[str]) -> Records:
        names, rows = self._chosen(quotes, wanted)
        templates = [self._quote(names[place]) for place in quotes.contract[rows].tolist()]
        sides = (np.nan_to_num(side[rows]) for side in (quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size))
        return _filled(templates, [_stamps(quotes.ts_ns[rows]), *(side.astype(">f8") for side in sides)])

    def _quote(self, name: str) -> _Template:
        found = self._quotes.get(name)
        if found is None:
            found = self._quotes[name] = _quote_template(name, self._tape)
        return found

    def _trade_records(self, trades: TradeBatch, wanted: set[str]) -> Records:
        names, rows = self._chosen(trades, wanted)
        told = (trades.contract, trades.venue, trades.flags, trades.aggressor)
        kinds = zip(*(column[rows].tolist() for column in told), strict=True)
        # Stocks and options have no taker's letter: one template serves both sides.
        sided = int(self._tape is Tape.COINS)
        templates = [self._trade((names[place], venue, flags, side * sided)) for place, venue, flags, side in kinds]
        columns = [_stamps(trades.ts_ns[rows]), trades.price[rows].astype(">f8"), trades.size[rows].astype(">f8")]
        columns += [] if self._tape is Tape.OPTIONS else [trades.trade_id[rows].astype(">i8")]
        return _filled(templates, columns)

    def _trade(self, kind: tuple[str, int, int, int]) -> _Template:
        found = self._trades.get(kind)
        if found is None:
            found = self._trades[kind] = _trade_template(*kind, self._tape)
        return found


def _stamps(ts_ns: Int64Array) -> NDArray[Any]:
    """Return instants as msgpack's timestamps of 64 bits: 30 bits of nanoseconds, then 34 of seconds."""
    seconds, rest = np.divmod(ts_ns, 1_000_000_000)
    return (rest.astype(np.uint64) << np.uint64(34) | seconds.astype(np.uint64)).astype(">u8")


def _filled(templates: list[_Template], columns: Iterable[NDArray[Any]]) -> Records:
    block = np.frombuffer(bytearray(b"".join([item.record for item in templates])), dtype=np.uint8)
    starts = np.zeros(len(templates) + 1, dtype=np.int64)
    np.cumsum([len(item.record) for item in templates], out=starts[1:])
    if templates:
        places = np.array([item.places for item in templates]) + starts[:-1, np.newaxis]
        for number, column in enumerate(columns):
            block[places[:, number, np.newaxis] + _EIGHT] = column.view(np.uint8).reshape(-1, 8)
    return Records(block=block.tobytes(), starts=starts)
