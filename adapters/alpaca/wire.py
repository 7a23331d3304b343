"""A frame of market data read at once: typed records of the wire, then columns; no object per value stays behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
import numpy as np

from adapters.alpaca.columns import Columns, QuoteColumns, TradeColumns, Vocabulary, taken, venue_numbers
from adapters.alpaca.rows import TAKERS
from market.chains import BoolArray, FloatArray
from market.trades import Int64Array

__all__ = ["QUIET_FRAME", "Told", "read_frame"]

QUIET_FRAME: Final = msgspec.msgpack.encode([{"T": "q", "S": ""}])
"""A frame that the vendor's client counts as market data and hands to nobody."""

_Number = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_STAMP_BYTES: Final = 8
_SECONDS: Final = np.uint64((1 << 34) - 1)


class _Quote(msgspec.Struct, tag_field="T", tag="q", gc=False):
    name: str = msgspec.field(name="S")
    stamp: msgspec.msgpack.Ext = msgspec.field(name="t")
    bid: float = msgspec.field(name="bp")
    ask: float = msgspec.field(name="ap")
    bid_size: float = msgspec.field(name="bs")
    ask_size: float = msgspec.field(name="as")


class _Trade(msgspec.Struct, tag_field="T", tag="t", gc=False):
    name: str = msgspec.field(name="S")
    stamp: msgspec.msgpack.Ext = msgspec.field(name="t")
    price: float = msgspec.field(name="p")
    size: float = msgspec.field(name="s")
    number: _Number = msgspec.field(name="i", default=-1)
    venue: str = msgspec.field(name="x", default="")
    conditions: list[str] | str | None = msgspec.field(name="c", default=None)
    taker: str = msgspec.field(name="tks", default="")


_decoder = msgspec.msgpack.Decoder(list[_Quote | _Trade])


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a frame told.

    Parameters
    ----------
    parts : tuple of QuoteColumns or TradeColumns
        Rows that can be quotes and trades; quotes and trades of one frame apart.
    rejected : int
        Records that cannot be.
    """

    parts: tuple[Columns, ...]
    rejected: int


def read_frame(frame: bytes, words: Vocabulary) -> Told | None:
    """Return the market data of a frame.

    Parameters
    ----------
    frame : bytes
        msgpack, as it came.
    words : Vocabulary
        Numbers of names and conditions; new ones get theirs.

    Returns
    -------
    Told or None
        None where anything else than well-formed quotes and trades is in it, such as a control message.
    """
    try:
        records = _decoder.decode(frame)
        quotes = [record for record in records if type(record) is _Quote]
        trades = [record for record in records if type(record) is _Trade] if len(quotes) < len(records) else []
        parts: list[Columns] = [_quote_columns(quotes, words)] if quotes else []
        parts += [_trade_columns(trades, words)] if trades else []
    except (msgspec.MsgspecError, ValueError):
        return None
    sound = [_sound(part) for part in parts]
    return Told(
        parts=tuple(part if good.all() else taken(part, good) for part, good in zip(parts, sound, strict=True)),
        rejected=sum(int(good.size - np.count_nonzero(good)) for good in sound),
    )


def _quote_columns(records: list[_Quote], words: Vocabulary) -> QuoteColumns:
    n = len(records)
    return QuoteColumns(
        name=words.names.numbers([record.name for record in records]),
        ts_ns=_instants([record.stamp for record in records]),
        bid=np.fromiter([record.bid for record in records], np.float64, n),
        ask=np.fromiter([record.ask for record in records], np.float64, n),
        bid_size=np.fromiter([record.bid_size for record in records], np.float64, n),
        ask_size=np.fromiter([record.ask_size for record in records], np.float64, n),
    )


def _trade_columns(records: list[_Trade], words: Vocabulary) -> TradeColumns:
    n = len(records)
    return TradeColumns(
        name=words.names.numbers([record.name for record in records]),
        ts_ns=_instants([record.stamp for record in records]),
        price=np.fromiter([record.price for record in records], np.float64, n),
        size=np.fromiter([record.size for record in records], np.float64, n),
        number=np.fromiter([record.number for record in records], np.int64, n),
        venue=venue_numbers([record.venue for record in records]),
        conditions=words.conditions.numbers(["".join(record.conditions or ()) for record in records]),
        aggressor=np.fromiter([TAKERS.get(record.taker, 0) for record in records], np.int8, n),
    )


def _instants(stamps: list[msgspec.msgpack.Ext]) -> Int64Array:
    """Return msgpack's timestamps of 64 bits as ns: 30 bits of nanoseconds, then 34 of seconds."""
    texts = [bytes(stamp.data) for stamp in stamps]
    block = b"".join(texts)
    if set(map(len, texts)) - {_STAMP_BYTES}:
        raise ValueError("a stamp has another length")
    bits = np.frombuffer(block, dtype=">u8").astype(np.uint64)
    seconds = (bits & _SECONDS).astype(np.int64)
    return np.asarray(seconds * 1_000_000_000 + (bits >> np.uint64(34)).astype(np.int64))


def _sound(part: Columns) -> BoolArray:
    if isinstance(part, QuoteColumns):
        return _all_within([part.bid, part.ask, part.bid_size, part.ask_size], open_at_zero=False)
    return _all_within([part.price, part.size], open_at_zero=True)


def _all_within(columns: list[FloatArray], *, open_at_zero: bool) -> BoolArray:
    block = np.stack(columns)
    low = block > 0.0 if open_at_zero else block >= 0.0
    return np.asarray((low & (block < np.inf)).all(axis=0), dtype=np.bool_)
