"""Quotes and trades as columns, from the frame of a stream or the rows of an answer to the messages of `market`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.alpaca.names import Directory, Names
from adapters.alpaca.rows import QuoteRow, TradeRow, trade_flags
from market.chains import FloatArray, IntArray
from market.provenance import Provenance
from market.trades import CONSOLIDATED, UNDERLYING, Int8Array, Int64Array, QuoteBatch, TradeBatch, select

__all__ = [
    "Columns",
    "QuoteColumns",
    "TradeColumns",
    "Vocabulary",
    "joined",
    "keys_of",
    "quote_batch",
    "quote_columns",
    "taken",
    "trade_batch",
    "trade_columns",
    "venue_numbers",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What columns have numbers for.

    Parameters
    ----------
    names : Names
        Symbols and contracts.
    conditions : Names
        Sale conditions, all letters of a print as one text.
    """

    names: Names
    conditions: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteColumns:
    """Best quotes in order of arrival; arrays of shape ``(n_rows,)``.

    Parameters
    ----------
    name : ndarray of int32
        Number of the symbol or contract.
    ts_ns : ndarray of int64
        Instant of each quote, ns since the epoch, UTC.
    bid, ask, bid_size, ask_size : ndarray
        Finite and >= 0.
    """

    name: IntArray
    ts_ns: Int64Array
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeColumns:
    """Prints in order of arrival; arrays of shape ``(n_rows,)``.

    Parameters
    ----------
    name : ndarray of int32
        Number of the symbol or contract.
    ts_ns : ndarray of int64
        Instant of each print, ns since the epoch, UTC.
    price, size : ndarray
        Finite and > 0.
    number : ndarray of int64
        The venue's number of the print; -1 where it has none.
    venue : ndarray of int16
        The exchange's letter as a number, 65 for ``A``; `CONSOLIDATED` where none is told.
    conditions : ndarray of int32
        Number of the sale conditions.
    aggressor : ndarray of int8
        +1 buyer, -1 seller, 0 where the venue does not tell.
    """

    name: IntArray
    ts_ns: Int64Array
    price: FloatArray
    size: FloatArray
    number: Int64Array
    venue: NDArray[np.int16]
    conditions: IntArray
    aggressor: Int8Array


Columns = QuoteColumns | TradeColumns
_Kind = TypeVar("_Kind", bound=Columns)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_FIELDS: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(item.name for item in fields(kind)) for kind in (QuoteColumns, TradeColumns)
}


def taken(columns: _Kind, rows: NDArray[Any] | slice) -> _Kind:
    """Return some rows."""
    values: dict[str, Any] = {name: getattr(columns, name)[rows] for name in _FIELDS[type(columns)]}
    return type(columns)(**values)


def joined(parts: Sequence[_Kind]) -> _Kind:
    """Return several columns as one, in their order; at least one is given."""
    if len(parts) == 1:
        return parts[0]
    kind = type(parts[0])
    values: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS[kind]}
    return kind(**values)


def keys_of(columns: Columns) -> list[bytes]:
    """Return a key of each row; two keys are equal where all values of the rows are."""
    names = _FIELDS[type(columns)]
    block = np.empty((columns.name.shape[0], len(names)), dtype=np.int64)
    for place, name in enumerate(names):
        values = getattr(columns, name)
        # Adding 0 makes -0 the 0 that it equals.
        block[:, place] = (values + 0.0).view(np.int64) if values.dtype == np.float64 else values
    keys: list[bytes] = block.view(f"V{8 * len(names)}").ravel().tolist()
    return keys


def venue_numbers(letters: Sequence[str]) -> NDArray[np.int16]:
    """Return exchanges' letters as numbers."""
    return np.array([ord(text[0]) if text else CONSOLIDATED for text in letters], dtype=np.int16)


def quote_columns(rows: Sequence[QuoteRow], words: Vocabulary) -> QuoteColumns:
    """Return rows as columns."""
    sides = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), 4)
    return QuoteColumns(
        name=words.names.numbers([row.name for row in rows]),
        ts_ns=np.array([row.ts_ns for row in rows], dtype=np.int64),
        bid=sides[:, 0].copy(),
        ask=sides[:, 1].copy(),
        bid_size=sides[:, 2].copy(),
        ask_size=sides[:, 3].copy(),
    )


def trade_columns(rows: Sequence[TradeRow], words: Vocabulary) -> TradeColumns:
    """Return rows as columns."""
    return TradeColumns(
        name=words.names.numbers([row.name for row in rows]),
        ts_ns=np.array([row.ts_ns for row in rows], dtype=np.int64),
        price=np.array([row.price for row in rows], dtype=np.float64),
        size=np.array([row.size for row in rows], dtype=np.float64),
        number=np.array([row.number for row in rows], dtype=np.int64),
        venue=venue_numbers([row.venue for row in rows]),
        conditions=words.conditions.numbers([row.conditions for row in rows]),
        aggressor=np.array([row.aggressor for row in rows], dtype=np.int8),
    )


def quote_batch(
    symbol: str, columns: QuoteColumns, directory: Directory, ts_event_ns: int, provenance: Provenance
) -> QuoteBatch:
    """Return quotes of an underlying and its options in the order of their stamps.

    Parameters
    ----------
    symbol : str
        Underlying.
    columns : QuoteColumns
        In any order, all of this underlying; those of contracts that are not its own standard ones are left out.
    directory : Directory
        Knows the contracts.
    ts_event_ns : int
        Instant of the batch; it is moved to the newest quote where that is later.
    provenance : Provenance
        Where they come from.

    Returns
    -------
    QuoteBatch
        Best of all exchanges.
    """
    place = directory.place(columns.name)
    batch = QuoteBatch(
        **_head(symbol, columns, ts_event_ns, provenance),
        contracts=directory.table(symbol),
        contract=np.maximum(place, UNDERLYING),
        ts_ns=columns.ts_ns,
        bid=columns.bid,
        ask=columns.ask,
        bid_size=columns.bid_size,
        ask_size=columns.ask_size,
        venue=np.full(place.shape[0], CONSOLIDATED, dtype=np.int16),
    )
    return select(batch, _order(place, columns.ts_ns))


def trade_batch(
    symbol: str,
    columns: TradeColumns,
    directory: Directory,
    conditions: Names,
    ts_event_ns: int,
    provenance: Provenance,
) -> TradeBatch:
    """Return trades of an underlying and its options in the order of their stamps; see `quote_batch`.

    Parameters
    ----------
    symbol : str
        Underlying.
    columns : TradeColumns
        In any order, all of this underlying.
    directory : Directory
        Knows the contracts.
    conditions : Names
        The sale conditions behind their numbers.
    ts_event_ns : int
        Instant of the batch.
    provenance : Provenance
        Where they come from.

    Returns
    -------
    TradeBatch
        With the exchange's letter as its number, 65 for ``A``. Prints of contracts have no number at the venue: theirs
        is a hash of what they say, the same in every process, by which one that is told again is known.
    """
    place = directory.place(columns.name)
    batch = TradeBatch(
        **_head(symbol, columns, ts_event_ns, provenance),
        contracts=directory.table(symbol),
        contract=np.maximum(place, UNDERLYING),
        ts_ns=columns.ts_ns,
        trade_id=_numbered(columns, conditions),
        price=columns.price,
        size=columns.size,
        flags=trade_flags(conditions.texts(), columns.conditions, columns.venue, place == UNDERLYING),
        venue=columns.venue,
        aggressor=columns.aggressor,
    )
    return select(batch, _order(place, columns.ts_ns))


def _numbered(columns: TradeColumns, conditions: Names) -> Int64Array:
    lacking = columns.number == -1
    if not lacking.any():
        return columns.number
    texts = conditions.texts()
    digests = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") for text in texts]
    words = np.array(digests, dtype=np.uint64)[columns.conditions]
    mixed = np.zeros(columns.ts_ns.shape[0], dtype=np.uint64)
    for part in (columns.ts_ns, columns.price, columns.size, columns.venue.astype(np.int64), words):
        mixed = (mixed ^ part.view(np.uint64)) * _MIX
        mixed ^= mixed >> np.uint64(32)
    return np.where(lacking, (mixed >> np.uint64(1)).view(np.int64), columns.number)


def _head(symbol: str, columns: Columns, ts_event_ns: int, provenance: Provenance) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "ts_event_ns": max(ts_event_ns, int(columns.ts_ns.max(initial=0))),
        "cause_id": f"alpaca:{symbol}:{ts_event_ns}",
        "provenance": provenance,
    }


def _order(place: IntArray, ts_ns: Int64Array) -> Int64Array:
    kept = np.flatnonzero(place >= UNDERLYING)
    return kept[np.argsort(ts_ns[kept], kind="stable")]
